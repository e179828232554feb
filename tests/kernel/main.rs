//! Tests that need a kernel with IPVS, and sessions that demonstrate it.
//!
//! `cargo test --test kernel` runs the tests with the usual filters and options. As root on a
//! kernel with IPVS, they run right there, in network namespaces of their own. Otherwise they run
//! in user-mode Linux, which needs no root and is booted once, or once per core. `IPVS_KERNEL=host`
//! or `IPVS_KERNEL=uml` chooses one of the two. If there is no kernel to run on, the tests fail and
//! say what to install. `cargo test --test kernel -- --demo`, `--shell` and `--run COMMAND` start
//! the sessions, and `--bench` measures: see `make help`.
//!
//! # Adding a test
//!
//! Add a function to a module here and its name to the module's list. Add a new module to
//! `all_tests` below.
//!
//! ```
//! pub(crate) fn tests() -> Vec<KernelTest> {
//!     crate::tests![a_service_reads_back_as_set]
//! }
//!
//! fn a_service_reads_back_as_set() {
//!     let ns = Netns::new();
//!     // Our program and Debian's, in that namespace:
//!     ns.ipvsadm(["-A", "-t", "10.0.0.1:80", "-s", "rr"]).success();
//!     let listed = ns.reference(["-L", "-n"]).success();
//!     assert!(listed.stdout.contains("TCP  10.0.0.1:80 rr"), "{}", listed.stdout);
//!     // The library, in that namespace:
//!     let services = ns.enter(|| Client::connect()?.services()).unwrap();
//!     assert_eq!(services.len(), 1);
//! }
//! ```
//!
//! A test is a function that panics or returns an error if it fails. It runs as root in a process
//! of its own, so it may change its environment, crash or hang, and its output is shown if it
//! fails. It has a minute; `KernelTest::within` gives it more. Processes that it leaves behind are
//! killed. `/tmp` and `/run` start out empty; the rest of the file system is this machine's, and
//! read-only in user-mode Linux. A test cannot reach this machine's network. [`netns`] has the
//! operations of a namespace.
#![forbid(unsafe_code)]

mod bench;
mod cli;
mod client;
mod completion;
mod doctor;
mod examples;
mod formats;
mod harness;
mod lab;
mod live;
mod loopback;
mod netns;
mod operate;
mod parity;
mod preload;
mod program;
mod schema;
mod selftest;
mod top;
mod unloaded;

use std::env;
use std::ffi::OsString;
use std::process::{Command, ExitCode};

use harness::{KernelTest, Session};

/// Lists a module's tests by the names of their functions.
macro_rules! tests {
    ($($function:ident),* $(,)?) => {
        vec![$(
            $crate::harness::KernelTest::new(module_path!(), stringify!($function), $function)
        ),*]
    };
}
pub(crate) use tests;

/// Every test, the longest first, because they start in this order.
fn all_tests() -> Vec<KernelTest> {
    [
        lab::tests(),
        live::tests(),
        parity::tests(),
        cli::tests(),
        client::tests(),
        completion::tests(),
        examples::tests(),
        operate::tests(),
        doctor::tests(),
        top::tests(),
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
    top::PICTURE,
    Session { name: "run", interactive: false, run: run_command },
];

fn main() -> ExitCode {
    let tests = all_tests();
    if let Some(code) = harness::perform_role(&tests, SESSIONS) {
        return code;
    }
    let mut arguments = env::args_os().skip(1);
    let first = arguments.next();
    let name = first.as_ref().and_then(|first| first.to_str()?.strip_prefix("--"));
    if name == Some("bench") {
        return bench::run();
    }
    match SESSIONS.iter().find(|session| Some(session.name) == name) {
        Some(session) => harness::run_session(session, arguments.collect()),
        None => harness::run_tests(&tests),
    }
}

/// `--run COMMAND ARGUMENT...`: runs a command as root on the kernel with IPVS.
fn run_command(arguments: &[OsString]) -> ExitCode {
    let Some((program, arguments)) = arguments.split_first() else {
        eprintln!("--run: missing COMMAND");
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
