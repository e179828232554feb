//! `--doctor`: each check finds what it is for, on a network on which one thing is broken, and nothing
//! on one that works; and what it prints mends it.

mod connections;
mod conntrack;
mod firewall;
mod healthy;
mod host;
mod limits;
mod masquerading;
mod network;
mod patient;
mod probes;
mod reach;
mod report;
mod server_side;
mod sync;
mod weights;

use crate::harness::KernelTest;

pub(crate) fn tests() -> Vec<KernelTest> {
    [
        conntrack::tests(),
        firewall::tests(),
        healthy::tests(),
        host::tests(),
        weights::tests(),
        masquerading::tests(),
        connections::tests(),
        limits::tests(),
        reach::tests(),
        probes::tests(),
        report::tests(),
        server_side::tests(),
        sync::tests(),
    ]
    .into_iter()
    .flatten()
    .collect()
}
