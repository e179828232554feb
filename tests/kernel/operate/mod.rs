//! Operating a balancer: what administrators do around the lines of its table.

mod background;
mod connections;
mod diff;
mod drain;
mod drain_traffic;
mod keep;
mod kick;
mod monitor;
mod ramp;
mod search;
mod status;

use crate::harness::KernelTest;

pub(crate) fn tests() -> Vec<KernelTest> {
    [
        ramp::tests(),
        monitor::tests(),
        diff::tests(),
        drain_traffic::tests(),
        drain::tests(),
        kick::tests(),
        connections::tests(),
        keep::tests(),
        search::tests(),
        status::tests(),
    ]
    .into_iter()
    .flatten()
    .collect()
}
