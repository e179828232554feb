//! The cost of rules: our program beside Debian's `ipvsadm`, and beside the floor if one is given.
//!
//! `make bench` runs this. With an optimized build in `IPVSADM`, `cargo test --test kernel --
//! --bench` measures on the kernel that the tests would use, and writes a table and a picture into
//! `docs/bench`. These environment variables change that:
//!
//! - `FLOOR`: the path of a program that does the kernel's share of the work and nothing else.
//!   `FLOOR restore 200` carries out rules from standard input, `FLOOR list` reads the table
//!   without printing it.
//! - `BENCH_ROUNDS`: how often each size is measured; 5 by default.
//! - `BENCH_NAME`: the name of the files; the kind of kernel by default.
//! - `BENCH_FOLDER`: their folder.
//!
//! Each run has its own, empty network namespace. The programs take turns, so that whatever slows
//! the machine down slows all of them, and the best run counts.

mod inside;
mod outside;
mod picture;
mod record;
mod report;
mod work;

use crate::harness::Session;

pub(crate) use outside::run;

/// The session that [`run`] starts: measures inside, and prints records.
pub(crate) const MEASURE: Session =
    Session { name: "measure", interactive: false, run: inside::run };
