//! Connection tracking.

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::thread;

use super::firewall::iptables;
use super::network::{Nat, ask_in_vain, fails, rules, works};
use super::patient::{Finding, Patient};
use crate::harness::KernelTest;
use crate::netns::Netns;

pub(super) fn tests() -> Vec<KernelTest> {
    crate::tests![off_with_stateful_rules, off_with_source_nat, notrack, full]
}

const CONNTRACK: &str = "net.ipv4.vs.conntrack";

fn off_with_stateful_rules() {
    let Nat { client, director, .. } = &Nat::new();
    let doctor = Patient::new(director);
    // They drop nothing that is allowed anyway, and a MASQUERADE elsewhere does no harm.
    iptables(
        director,
        "-t nat -A POSTROUTING -o eth7 -j MASQUERADE\n\
         -A FORWARD -m conntrack --ctstate ESTABLISHED,RELATED -j ACCEPT",
    );
    works(client, Nat::VIP);
    doctor.is_well();
    iptables(director, "-A FORWARD -m conntrack --ctstate INVALID -j DROP");
    fails(client, Nat::VIP);
    let finding = doctor.has("conntrack-off");
    assert!(finding.text("seen").contains("--ctstate INVALID"), "{}", finding.text("seen"));
    doctor.mend(&finding);
    works(client, Nat::VIP);
    doctor.is_well();
    // The other way to write it.
    director.sysctl(CONNTRACK, "0");
    iptables(director, "-D FORWARD -m conntrack --ctstate INVALID -j DROP\n-P FORWARD DROP");
    fails(client, Nat::VIP);
    let finding = doctor.has("conntrack-off");
    doctor.mend(&finding);
    works(client, Nat::VIP);
    doctor.is_well();
}

/// What is found while somebody tries all the time.
fn found_meanwhile(client: &Netns, doctor: &Patient<'_>, id: &str) -> Finding {
    thread::scope(|scope| {
        scope.spawn(|| (0..3).for_each(|_| drop(ask_in_vain(client, Nat::VIP))));
        fails(client, Nat::VIP);
        doctor.has(id)
    })
}

fn off_with_source_nat() {
    let Nat { client, director, server, .. } = &Nat::new();
    let doctor = Patient::new(director);
    iptables(director, "-t nat -A POSTROUTING -d 10.0.0.2 -j MASQUERADE");
    // The rule does nothing, and as long as replies come back that does no harm.
    works(client, Nat::VIP);
    doctor.is_well();
    server.ip("route delete default");
    let finding = found_meanwhile(client, &doctor, "conntrack-off");
    doctor.mend(&finding);
    works(client, Nat::VIP);
    doctor.is_well();
}

fn notrack() {
    let Nat { client, director, .. } = &Nat::new();
    let doctor = Patient::new(director);
    director.sysctl(CONNTRACK, "1");
    let notrack = "-t raw -A PREROUTING -d 192.0.2.1 -p tcp --dport 80 -j CT --notrack";
    iptables(director, notrack);
    works(client, Nat::VIP);
    doctor.is_well();
    iptables(director, "-P FORWARD DROP\n-A FORWARD -m conntrack --ctstate ESTABLISHED -j ACCEPT");
    fails(client, Nat::VIP);
    let finding = doctor.has("conntrack-notrack");
    doctor.mend(&finding);
    works(client, Nat::VIP);
    doctor.is_well();
}

fn full() {
    let Nat { client, director, server, .. } = &Nat::new();
    let doctor = Patient::new(director);
    director.sysctl(CONNTRACK, "1");
    // Without a rule that asks for it, nothing is tracked.
    iptables(director, "-A FORWARD -m conntrack --ctstate ESTABLISHED -j ACCEPT");
    // A server that takes connections and keeps them.
    let _listener = server.enter(|| TcpListener::bind("10.0.0.2:81")).expect("the port is free");
    rules(director, "-A -t 192.0.2.1:81 -s rr\n-a -t 192.0.2.1:81 -r 10.0.0.2:81 -m\n");
    let connect = || client.enter(|| TcpStream::connect("192.0.2.1:81")).expect("a connection");
    let kept: Vec<TcpStream> = (0..5).map(|_| connect()).collect();
    doctor.is_well();
    // The maximum is that of all namespaces.
    const MOST: &str = "/proc/sys/net/netfilter/nf_conntrack_max";
    let before = fs::read_to_string(MOST).expect("connection tracking is there");
    fs::write(MOST, "6").expect("this is the first namespace");
    let found = std::panic::catch_unwind(|| doctor.has("conntrack-full"));
    fs::write(MOST, before).expect("it was so before");
    let finding = found.expect("a finding");
    assert!(finding.text("seen").contains("5 of at most 6 entries"), "{}", finding.text("seen"));
    assert!(finding.fix().starts_with("sysctl -w net.netfilter.nf_conntrack_max=12\n"));
    doctor.is_well();
    drop(kept);
}
