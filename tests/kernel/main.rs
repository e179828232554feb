//! Tests that need a kernel with IPVS, and sessions on one.
//!
//! `cargo test --test kernel` runs the tests, with the usual filters and options. As root on a
//! machine whose kernel has IPVS they run there, in namespaces of their own. Anywhere else they run
//! in user-mode Linux, which is booted once for each core at most, and needs no root.
//! `IPVS_KERNEL=host` or `uml` chooses. Without a kernel each test fails, and says what to install.
//! `cargo test --test kernel -- --demo`, `--shell` and `--run COMMAND` start sessions, and
//! `--bench` measures: see `make help`.
//!
//! # Adding a test
//!
//! Add a function to a module here, and its name to the module's list. A new module goes into
//! `all_tests` below.
//!
//! ```
//! pub(crate) fn tests() -> Vec<KernelTest> {
//!     crate::tests![a_service_is_read_as_it_was_set]
//! }
//!
//! fn a_service_is_read_as_it_was_set() {
//!     let ns = Netns::new();
//!     // The program, ours and Debian's, in that namespace:
//!     ns.ipvsadm(["-A", "-t", "10.0.0.1:80", "-s", "rr"]).success();
//!     let listed = ns.reference(["-L", "-n"]).success();
//!     assert!(listed.stdout.contains("TCP  10.0.0.1:80 rr"), "{}", listed.stdout);
//!     // The library, in that namespace:
//!     let services = ns.enter(|| Client::new()?.services()).unwrap();
//!     assert_eq!(services.len(), 1);
//! }
//! ```
//!
//! A test fails by a panic or by returning an error. It runs as root in its own process, so it may
//! change its environment, crash or hang. Its output is shown if it fails. It has ten minutes;
//! `KernelTest::within` gives it more. Processes that it leaves behind are killed. `/tmp` and
//! `/run` are empty; the rest of the file system is this machine's, and in user-mode Linux
//! read-only. Nothing that a test does reaches this machine's network. [`netns`] has what a
//! namespace offers.
#![forbid(unsafe_code)]

mod bench;
mod client;
mod examples;
mod formats;
mod harness;
mod lab;
mod live;
mod netns;
mod parity;
mod preload;
mod program;
mod selftest;

use std::env;
use std::ffi::OsString;
use std::process::{Command, ExitCode};

use harness::{KernelTest, Session};

/// Makes a list of tests from their functions.
macro_rules! tests {
    ($($function:ident),* $(,)?) => {
        vec![$(
            $crate::harness::KernelTest::new(module_path!(), stringify!($function), $function)
        ),*]
    };
}
pub(crate) use tests;

/// All tests. They are started in this order, so the long ones come first.
fn all_tests() -> Vec<KernelTest> {
    [
        lab::tests(),
        live::tests(),
        parity::tests(),
        client::tests(),
        examples::tests(),
        formats::tests(),
        selftest::tests(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// The sessions that `--NAME` starts instead of the tests.
const SESSIONS: &[Session] = &[
    lab::DEMO,
    lab::SHELL,
    bench::MEASURE,
    Session { name: "run", interactive: false, run: run_command },
];

fn main() -> ExitCode {
    let tests = all_tests();
    if let Some(code) = harness::perform_role(&tests, SESSIONS) {
        return code;
    }
    let mut arguments = env::args_os().skip(1);
    let first = arguments.next();
    let word = first.as_ref().and_then(|word| word.to_str()?.strip_prefix("--"));
    if word == Some("bench") {
        return bench::run();
    }
    match SESSIONS.iter().find(|session| Some(session.name) == word) {
        Some(session) => harness::run_session(session, arguments.collect()),
        None => harness::run_tests(&tests),
    }
}

/// `--run COMMAND ARGUMENT...`: runs any command, as root, on a kernel with IPVS.
fn run_command(arguments: &[OsString]) -> ExitCode {
    let Some((program, arguments)) = arguments.split_first() else {
        eprintln!("--run takes a command");
        return ExitCode::from(2);
    };
    let mut command = Command::new(program);
    match harness::forget_role(&mut command).args(arguments).status() {
        Ok(status) => {
            let code = status.code().and_then(|code| u8::try_from(code).ok());
            code.map_or(ExitCode::FAILURE, ExitCode::from)
        }
        Err(error) => {
            eprintln!("{}: {error}", program.display());
            ExitCode::FAILURE
        }
    }
}
