//! The kernel's limits and defences.

use std::net::UdpSocket;

use super::network::{Nat, fails, rules, works};
use super::patient::Patient;
use crate::harness::KernelTest;

pub(super) fn tests() -> Vec<KernelTest> {
    crate::tests![defence_on, table_small]
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

/// The size of the table is set when the module is loaded, so that the fix cannot be seen to help here.
fn table_small() {
    let Nat { client, director, .. } = &Nat::new();
    let doctor = Patient::new(director);
    rules(director, "-A -u 192.0.2.1:53 -s rr\n-a -u 192.0.2.1:53 -r 10.0.0.2:53 -m\n");
    works(client, Nat::VIP);
    doctor.is_well();
    let info = director.ipvsadm(["-L", "-n"]).success().stdout;
    let (_, size) = info.split_once("size=").expect("the size of the table");
    let digits = size.split(|c: char| !c.is_ascii_digit()).next().expect("a number");
    let buckets: u16 = digits.parse().expect("a small table");
    client.enter(|| {
        for number in 0..=2 * buckets {
            let socket = UdpSocket::bind(("0.0.0.0", 20_000 + number)).expect("a port");
            socket.send_to(b"?", "192.0.2.1:53").expect("it is sent");
        }
    });
    let finding = doctor.has("table-small");
    // The power of two that holds twice as many connections as there are buckets, and a few.
    let bits = (4 * u32::from(buckets)).ilog2();
    assert!(finding.fix().contains(&format!("conn_tab_bits={bits}'")), "{}", finding.fix());
}
