//! What rules cost: our program beside Debian's `ipvsadm` and beside the floor, if one is given.
//!
//! `make bench` runs it. It boots a kernel as the kernel tests do (see `tests/kernel/main.rs`; `IPVS_KERNEL` decides
//! here too), measures there, and writes a table and a picture into `docs/bench`. These variables of the
//! environment change that:
//!
//! - `FLOOR`: the path of a program that does the kernel's share of the work and nothing else. `FLOOR restore 200`
//!   carries out rules from standard input, `FLOOR list` reads the table without printing it.
//! - `BENCH_NAME`: what the files are called, if not by the kind of kernel.
//! - `BENCH_FOLDER`: where they go.
//!
//! Each run has a network namespace of its own with nothing else in it, and the programs take turns, so that what
//! slows this machine down slows all of them. The best of three runs counts.
#![forbid(unsafe_code)]

#[path = "../kernel/harness/mod.rs"]
#[allow(dead_code, unused_imports, reason = "it has parts that only tests need")]
mod harness;
mod inside;
#[path = "../kernel/netns.rs"]
mod netns;
mod outside;
mod picture;
#[path = "../kernel/program.rs"]
#[allow(dead_code, unused_imports, reason = "it has parts that only tests need")]
mod program;
mod record;
mod report;
mod work;

use harness::Session;
use std::env;
use std::process::ExitCode;

/// The word that has this program measure, and print records only.
const MEASURE: Session = Session { name: "measure", interactive: false, run: inside::run };

fn main() -> ExitCode {
    if let Some(code) = harness::play_part(&[], &[MEASURE]) {
        return code;
    }
    let mut arguments = env::args_os().skip(1);
    if arguments.next().is_some_and(|word| word == "measure") {
        return harness::run_session(&MEASURE, arguments.collect());
    }
    match outside::run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
