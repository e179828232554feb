//! The sync daemons.

use std::net::UdpSocket;
use std::thread;
use std::time::Duration;

use super::network::{Direct, Nat, fails, rules, works};
use super::patient::{COUNTERS_ARE_COPIED, Patient};
use crate::harness::KernelTest;
use crate::netns::Netns;

pub(super) fn tests() -> Vec<KernelTest> {
    crate::tests![both_ways, broken, threshold]
}

fn start(host: &Netns, role: &str, interface: &str) {
    host.ipvsadm(["--start-daemon", role, "--mcast-interface", interface]).success();
}

/// Two directors that are real servers of each other, each of which sends all to the other one.
fn both_ways() {
    let Direct { client, director, servers: [backup, _], .. } = &Direct::new();
    rules(
        director,
        "-d -t 192.0.2.100:80 -r 192.0.2.3\n-a -t 192.0.2.100:80 -r 192.0.2.1 -g -w 0\n",
    );
    rules(
        backup,
        "-A -t 192.0.2.100:80 -s rr\n-a -t 192.0.2.100:80 -r 192.0.2.1 -g\n\
         -a -t 192.0.2.100:80 -r 192.0.2.2 -g -w 0\n",
    );
    start(backup, "backup", "eth0");
    backup.sysctl("net.ipv4.vs.backup_only", "1");
    let doctor = Patient::new(backup);
    works(client, Direct::VIP);
    doctor.is_well();
    backup.sysctl("net.ipv4.vs.backup_only", "0");
    fails(client, Direct::VIP);
    let finding = doctor.has("sync-both-ways");
    doctor.mend(&finding);
    works(client, Direct::VIP);
    doctor.is_well();
}

/// A master, the [`Nat`] director, and a backup beside it, on a link of their own.
fn directors(director: &Netns, backup: &Netns) {
    director.connect("sync0", backup, "sync0");
    for (host, address, role) in [(director, "10.1.0.1", "master"), (backup, "10.1.0.2", "backup")]
    {
        host.ip(&format!("address add {address}/24 dev sync0"));
        start(host, role, "sync0");
    }
    director.sysctl("net.ipv4.vs.sync_threshold", "1 50");
    backup.sysctl("net.ipv4.ip_forward", "1");
}

/// Asks until the backup knows more connections than this. Returns how many it knows.
#[track_caller]
fn synchronized(client: &Netns, backup: &Netns, before: usize) -> usize {
    for _ in 0..40 {
        works(client, Nat::VIP);
        let listing = backup.ipvsadm(["-L", "-c", "-n"]).success().stdout;
        let known = listing.matches("192.0.2.10:").count();
        if known > before {
            return known;
        }
        thread::sleep(Duration::from_millis(200));
    }
    panic!("the backup knows {before} connections, and no more");
}

fn broken() {
    let Nat { client, director, .. } = &Nat::new();
    let backup = &Netns::new();
    directors(director, backup);
    let doctors = [Patient::new(director), Patient::new(backup)];
    synchronized(client, backup, 0);
    doctors.iter().for_each(Patient::is_well);
    backup.ip("link set sync0 down");
    // The master's interface has no carrier, for which there is no command here.
    doctors[0].has("sync-broken");
    let finding = doctors[1].has("sync-broken");
    let listing = backup.ipvsadm(["-L", "-c", "-n"]).success().stdout;
    let before = listing.matches("192.0.2.10:").count();
    works(client, Nat::VIP);
    doctors[1].mend(&finding);
    synchronized(client, backup, before);
    doctors.iter().for_each(Patient::is_well);
}

/// Connections of one packet each are below the usual threshold.
fn threshold() {
    let Nat { client, director, .. } = &Nat::new();
    let backup = &Netns::new();
    directors(director, backup);
    let doctor = Patient::new(director);
    synchronized(client, backup, 0);
    assert!(doctor.findings().is_empty());
    director.sysctl("net.ipv4.vs.sync_threshold", "3 50");
    rules(director, "-A -u 192.0.2.1:53 -s rr\n-a -u 192.0.2.1:53 -r 10.0.0.2:53 -m\n");
    for _ in 0..20 {
        let socket = client.enter(|| UdpSocket::bind("0.0.0.0:0")).expect("a socket");
        socket.send_to(b"?", "192.0.2.1:53").expect("it is sent");
    }
    thread::sleep(COUNTERS_ARE_COPIED);
    let finding = doctor.has("sync-threshold");
    let fix = finding.fix();
    let (_, command) = fix.split_once(": ").expect("a command");
    director.command("sh").args(["-c", command]).run().success();
    assert!(doctor.findings().is_empty());
}
