//! Tests that need a kernel with IPVS, and the sessions that show it at work.
//!
//! `cargo test --test kernel` runs the tests, with the filters and options of any other: as root on
//! a machine whose kernel has IPVS right there, in namespaces of their own; anywhere else in
//! user-mode Linux, which is booted once or once a core, and needs no root. `IPVS_KERNEL=host` or
//! `uml` decides for one of them. A test that finds no kernel fails, and says what to install.
//! `cargo test --test kernel -- --demo`, `--shell` and `--run COMMAND` start the sessions, and
//! `--bench` measures: see `make help`.
//!
//! # Adding a test
//!
//! Put a function into a module here, and its name into the module's list; a new module goes into
//! `all_tests` below.
//!
//! ```
//! pub(crate) fn tests() -> Vec<KernelTest> {
//!     crate::tests![a_service_reads_back_as_set]
//! }
//!
//! fn a_service_reads_back_as_set() {
//!     let ns = Netns::new();
//!     // The program, ours and Debian's, in that namespace:
//!     ns.ipvsadm(["-A", "-t", "10.0.0.1:80", "-s", "rr"]).success();
//!     let listed = ns.reference(["-L", "-n"]).success();
//!     assert!(listed.stdout.contains("TCP  10.0.0.1:80 rr"), "{}", listed.stdout);
//!     // The library, in that namespace:
//!     let services = ns.enter(|| Client::connect()?.services()).unwrap();
//!     assert_eq!(services.len(), 1);
//! }
//! ```
//!
//! A test is a function that panics, or returns an error, when something does not hold. It runs as
//! root in a process of its own, so it may change its environment, crash or hang, and what it
//! prints is shown if it fails. It has a minute; `KernelTest::within` gives it more. Processes that
//! it leaves behind are killed. `/tmp` and `/run` are empty and its own kernel's; the rest of the
//! file system is this machine's, and in user-mode Linux read-only. Nothing it does reaches this
//! machine's network. See [`netns`] for what a namespace offers.
#![forbid(unsafe_code)]

mod bench;
mod client;
mod examples;
mod formats;
mod harness;
mod lab;
mod live;
mod netns;
mod operate;
mod parity;
mod preload;
mod program;
mod selftest;

use std::env;
use std::ffi::OsString;
use std::process::{Command, ExitCode};

use harness::{KernelTest, Session};

/// Makes the list of a module's tests out of their functions.
macro_rules! tests {
    ($($function:ident),* $(,)?) => {
        vec![$(
            $crate::harness::KernelTest::new(module_path!(), stringify!($function), $function)
        ),*]
    };
}
pub(crate) use tests;

/// Every test, the long ones first: they are started in this order.
fn all_tests() -> Vec<KernelTest> {
    [
        lab::tests(),
        live::tests(),
        parity::tests(),
        client::tests(),
        examples::tests(),
        operate::tests(),
        formats::tests(),
        selftest::tests(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// What `--NAME` starts instead of the tests.
const SESSIONS: &[Session] = &[
    lab::DEMO,
    lab::SHELL,
    bench::MEASURE,
    Session { name: "run", interactive: false, run: run_command },
];

fn main() -> ExitCode {
    let tests = all_tests();
    if let Some(code) = harness::play_part(&tests, SESSIONS) {
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

/// `--run COMMAND ARGUMENT...`: any command, as root, on that kernel.
fn run_command(arguments: &[OsString]) -> ExitCode {
    let Some((program, arguments)) = arguments.split_first() else {
        eprintln!("--run takes a command");
        return ExitCode::from(2);
    };
    let mut command = Command::new(program);
    match harness::forget_part(&mut command).args(arguments).status() {
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
