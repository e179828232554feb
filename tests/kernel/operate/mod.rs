//! Operating a balancer: what administrators do around the lines of its table.

mod connections;
mod keep;
mod search;
mod status;

use crate::harness::KernelTest;

pub(crate) fn tests() -> Vec<KernelTest> {
    [connections::tests(), keep::tests(), search::tests(), status::tests()]
        .into_iter()
        .flatten()
        .collect()
}
