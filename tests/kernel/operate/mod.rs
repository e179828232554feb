//! Operating a balancer: what administrators do around the lines of its table.

mod keep;

use crate::harness::KernelTest;

pub(crate) fn tests() -> Vec<KernelTest> {
    keep::tests()
}
