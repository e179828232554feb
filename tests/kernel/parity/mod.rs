//! Parity with Debian's ipvsadm: both programs get the same command lines on one kernel, and must
//! do the same.

mod connections;
mod counters;
mod differences;
mod messages;
mod mounts;
mod names;
mod options;
mod pair;
mod random;
mod restore;
mod scripts;
mod session;
mod systematic;
mod values;

use crate::harness::KernelTest;

pub(crate) fn tests() -> Vec<KernelTest> {
    [
        random::tests(),
        systematic::tests(),
        values::tests(),
        scripts::tests(),
        counters::tests(),
        connections::tests(),
        differences::tests(),
        names::tests(),
        restore::tests(),
        messages::tests(),
    ]
    .into_iter()
    .flatten()
    .collect()
}
