//! Whether anyone can tell our program from Debian's: both are given the same command lines on one kernel.

mod options;
mod pair;
mod session;
mod systematic;

use crate::harness::KernelTest;

pub(crate) fn tests() -> Vec<KernelTest> {
    [systematic::tests()].into_iter().flatten().collect()
}
