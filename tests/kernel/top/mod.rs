//! `--top`, driven in a terminal of its own by keys, as a user would.

mod batch;
mod cost;
mod ends;
mod picture;
mod svg;
mod terminal;
mod traffic;
mod tree;

use crate::harness::KernelTest;

pub(crate) use picture::PICTURE;

pub(crate) fn tests() -> Vec<KernelTest> {
    [ends::tests(), traffic::tests(), cost::tests(), tree::tests(), batch::tests()]
        .into_iter()
        .flatten()
        .collect()
}
