//! Masquerading: replies that do not come back.

use std::thread;

use super::network::{Nat, ask_in_vain, fails, rules, works};
use super::patient::{Finding, Patient};
use crate::harness::KernelTest;
use crate::netns::Netns;

pub(super) fn tests() -> Vec<KernelTest> {
    crate::tests![no_replies, client_beside_server, hairpin, redirects]
}

/// Carries out what a finding says is to be done on a real server.
fn mend_server(server: &Netns, finding: &Finding) {
    let fix = finding.fix();
    let line = fix.lines().find(|line| line.starts_with("# on the real server"));
    let (_, command) = line.and_then(|line| line.split_once(": ")).expect("a command");
    server.command("sh").args(["-c", command]).run().success();
}

fn no_replies() {
    let Nat { client, director, server, .. } = &Nat::new();
    let doctor = Patient::new(director);
    works(client, Nat::VIP);
    doctor.is_well();
    server.ip("route delete default");
    let finding = thread::scope(|scope| {
        // Somebody tries all the time.
        scope.spawn(|| (0..3).for_each(|_| drop(ask_in_vain(client, Nat::VIP))));
        fails(client, Nat::VIP);
        doctor.has("nat-no-replies")
    });
    mend_server(server, &finding);
    works(client, Nat::VIP);
    doctor.is_well();
}

fn client_beside_server() {
    let Nat { director, server, .. } = &Nat::new();
    // Another client, behind the same switch as the server.
    let neighbour = &Netns::new();
    server.ip("address flush dev eth0");
    director.ip("address delete 10.0.0.1/24 dev eth1\nlink delete eth1");
    let switch = Netns::new();
    switch.ip("link add name lan type bridge\nlink set lan up");
    for (host, port) in [(director, "p1"), (server, "p2"), (neighbour, "p3")] {
        switch.connect(port, host, "lan0");
        switch.ip(&format!("link set {port} master lan"));
    }
    director.ip("address add 10.0.0.1/24 dev lan0");
    server.ip("address add 10.0.0.2/24 dev lan0\nroute add default via 10.0.0.1");
    neighbour.ip("address add 10.0.0.9/24 dev lan0\nroute add 192.0.2.0/24 via 10.0.0.1");
    let doctor = Patient::new(director);
    doctor.is_well();
    fails(neighbour, Nat::VIP);
    let finding = doctor.has("nat-client-beside-server");
    doctor.mend(&finding);
    works(neighbour, Nat::VIP);
}

fn hairpin() {
    let Nat { director, server, .. } = &Nat::new();
    let doctor = Patient::new(director);
    fails(server, Nat::VIP);
    let finding = doctor.has("nat-hairpin");
    doctor.mend(&finding);
    works(server, Nat::VIP);
}

fn redirects() {
    let Nat { director, server, .. } = &Nat::new();
    let neighbour = &Netns::new();
    director.ip("link delete eth1");
    let switch = Netns::new();
    switch.ip("link add name lan type bridge\nlink set lan up");
    for (host, port) in [(director, "p1"), (server, "p2"), (neighbour, "p3")] {
        switch.connect(port, host, "lan0");
        switch.ip(&format!("link set {port} master lan"));
    }
    director.ip("address add 10.0.0.1/24 dev lan0");
    server.ip("address add 10.0.0.2/32 dev lan0\nroute add 10.0.0.1/32 dev lan0\nroute add default via 10.0.0.1");
    neighbour.ip("address add 10.0.0.9/24 dev lan0\nroute add 192.0.2.0/24 via 10.0.0.1");
    rules(director, "-E -t 192.0.2.1:80 -s rr\n");
    works(neighbour, Nat::VIP);
    // A connection that stays.
    let kept = super::network::hold(neighbour, server, director);
    let doctor = Patient::new(director);
    let finding = doctor.has("nat-redirects");
    doctor.mend(&finding);
    doctor.is_well();
    drop(kept);
}
