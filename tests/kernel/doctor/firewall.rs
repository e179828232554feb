//! Rules that drop packets, and the one that sets a mark.
//!
//! User-mode Linux has no nftables but for bridges, so these are rules of `iptables-legacy`.

use std::thread;

use super::network::{Direct, Nat, fails, rules, works};
use super::patient::{COUNTERS_ARE_COPIED, Patient};
use crate::harness::KernelTest;
use crate::netns::Netns;

pub(super) fn tests() -> Vec<KernelTest> {
    crate::tests![
        input_drops,
        forward_drops,
        output_drops,
        forward_does_not_matter_to_direct_routing,
        mark_not_set,
    ]
}

/// Runs `iptables-legacy` with each of these lines.
pub(super) fn iptables(host: &Netns, lines: &str) {
    let script: String = lines.lines().map(|line| format!("iptables-legacy {line}\n")).collect();
    let script = format!("PATH=$PATH:/usr/sbin:/sbin\nset -e\n{script}");
    host.command("sh").args(["-c", &script]).run().success();
}

fn input_drops() {
    let Nat { client, director, .. } = &Nat::new();
    let doctor = Patient::new(director);
    iptables(
        director,
        "-A INPUT -i lo -j ACCEPT\n\
         -A INPUT -s 198.51.100.0/24 -j DROP\n\
         -A INPUT -p tcp --dport 80 -j ACCEPT",
    );
    works(client, Nat::VIP);
    doctor.is_well();
    // Not for clients that the rules are about, whoever they are.
    iptables(
        director,
        "-D INPUT -p tcp --dport 80 -j ACCEPT\n-P INPUT DROP\n-A INPUT -s 192.0.2.10 -j ACCEPT",
    );
    works(client, Nat::VIP);
    doctor.is_well();
    iptables(director, "-D INPUT -s 192.0.2.10 -j ACCEPT\n-A INPUT -p tcp --dport 22 -j ACCEPT");
    fails(client, Nat::VIP);
    let finding = doctor.has("firewall-drops");
    assert!(finding.text("seen").contains("policy of INPUT"), "{}", finding.text("seen"));
    doctor.mend(&finding);
    works(client, Nat::VIP);
    doctor.is_well();
}

fn forward_drops() {
    let Nat { client, director, .. } = &Nat::new();
    let doctor = Patient::new(director);
    // As Docker does it.
    iptables(
        director,
        "-N DOCKER\n\
         -A FORWARD -o docker0 -j DOCKER\n\
         -A FORWARD -i docker0 ! -o docker0 -j ACCEPT\n\
         -A DOCKER -j DROP",
    );
    works(client, Nat::VIP);
    doctor.is_well();
    iptables(director, "-P FORWARD DROP");
    fails(client, Nat::VIP);
    let finding = doctor.has("firewall-drops");
    doctor.mend(&finding);
    works(client, Nat::VIP);
    doctor.is_well();
}

fn output_drops() {
    let Direct { client, director, .. } = &Direct::new();
    let doctor = Patient::new(director);
    iptables(director, "-A OUTPUT -p tcp --dport 80 -j REJECT");
    fails(client, Direct::VIP);
    let finding = doctor.has("firewall-drops");
    doctor.mend(&finding);
    works(client, Direct::VIP);
    doctor.is_well();
}

fn forward_does_not_matter_to_direct_routing() {
    let Direct { client, director, .. } = &Direct::new();
    iptables(director, "-P FORWARD DROP");
    works(client, Direct::VIP);
    Patient::new(director).is_well();
}

fn mark_not_set() {
    let Nat { client, director, .. } = &Nat::new();
    let doctor = Patient::new(director);
    rules(director, "-D -t 192.0.2.1:80\n-A -f 7 -s rr\n-a -f 7 -r 10.0.0.2 -m\n");
    iptables(
        director,
        "-t mangle -A PREROUTING -d 192.0.2.1 -p tcp --dport 80 -j MARK --set-mark 7",
    );
    works(client, Nat::VIP);
    doctor.is_well();
    iptables(director, "-t mangle -F\n-t mangle -A PREROUTING -j MARK --set-mark 6");
    fails(client, Nat::VIP);
    // Packets that are counted only now would seem to have come while it watched.
    thread::sleep(COUNTERS_ARE_COPIED);
    let finding = doctor.has("mark-not-set");
    doctor.mend(&finding);
    works(client, Nat::VIP);
    doctor.is_well();
}
