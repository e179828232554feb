//! Operating a balancer: what administrators do around the lines of its table.

mod background;
mod connections;
mod keep;
mod monitor;
mod ramp;
mod search;
mod status;

use crate::harness::KernelTest;

pub(crate) fn tests() -> Vec<KernelTest> {
    [
        ramp::tests(),
        monitor::tests(),
        connections::tests(),
        keep::tests(),
        search::tests(),
        status::tests(),
    ]
    .into_iter()
    .flatten()
    .collect()
}
