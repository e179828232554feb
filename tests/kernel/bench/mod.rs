//! What rules cost: our program beside Debian's `ipvsadm`, and beside the floor if one is given.
//!
//! `make bench` runs it: with `IPVSADM` naming an optimized build, `cargo test --test kernel --
//! --bench` measures on a kernel as the tests run on one, and writes a table and a picture into
//! `docs/bench`. These variables of the environment change that:
//!
//! - `FLOOR`: the path of a program that does the kernel's share of the work and nothing else.
//!   `FLOOR restore 200` carries out rules from standard input, `FLOOR list` reads the table
//!   without printing it.
//! - `BENCH_ROUNDS`: how often each size is measured; 5 by default.
//! - `BENCH_NAME`: the name of the files; the kind of kernel by default.
//! - `BENCH_FOLDER`: where they go.
//!
//! Each run has a network namespace of its own with nothing else in it, and the programs take
//! turns, so that what slows this machine down slows all of them. The best of the runs counts.

mod inside;
mod outside;
mod picture;
mod record;
mod report;
mod work;

use crate::harness::Session;

pub(crate) use outside::run;

/// Measures inside, and prints records only: what [`run`] starts.
pub(crate) const MEASURE: Session =
    Session { name: "measure", interactive: false, run: inside::run };
