//! The kernel's limits and defences.

use super::network::{Nat, fails, works};
use super::patient::Patient;
use crate::harness::KernelTest;

pub(super) fn tests() -> Vec<KernelTest> {
    crate::tests![defence_on]
}

fn defence_on() {
    let Nat { client, director, .. } = &Nat::new();
    let doctor = Patient::new(director);
    works(client, Nat::VIP);
    doctor.is_well();
    // Every packet is dropped, instead of one in ten.
    director.sysctl("net.ipv4.vs.am_droprate", "1");
    director.sysctl("net.ipv4.vs.drop_packet", "3");
    fails(client, Nat::VIP);
    let finding = doctor.has("defence-on");
    doctor.mend(&finding);
    works(client, Nat::VIP);
    doctor.is_well();
}
