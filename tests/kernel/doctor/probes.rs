//! `--probe`, and the MTU of tunnels.

use super::network::{Direct, Nat, Server, fails, rules, works};
use super::patient::Patient;
use crate::harness::KernelTest;

pub(super) fn tests() -> Vec<KernelTest> {
    crate::tests![answered_by_server, server_refuses, tunnel_mtu]
}

fn answered_by_server() {
    let Direct { client, director, servers, .. } = &Direct::new();
    let doctor = Patient::new(director).with("--probe");
    works(client, Direct::VIP);
    doctor.is_well();
    servers[1].sysctl("net.ipv4.conf.all.arp_ignore", "0");
    let finding = doctor.has("arp-answered-by-server");
    assert!(finding.text("seen").starts_with("the real server 192.0.2.3 ("));
    servers[1].sysctl("net.ipv4.conf.all.arp_ignore", "1");
    doctor.is_well();
    // A host that is no server.
    client.ip("address add 192.0.2.100/32 dev lo");
    let finding = doctor.has("arp-answered-by-server");
    assert!(finding.text("seen").starts_with("192.0.2.10 ("));
    client.ip("address delete 192.0.2.100/32 dev lo");
    works(client, Direct::VIP);
}

fn server_refuses() {
    let Nat { client, director, server, _web } = Nat::new();
    let doctor = Patient::new(&director).with("--probe");
    works(&client, Nat::VIP);
    doctor.is_well();
    drop(_web);
    fails(&client, Nat::VIP);
    let finding = doctor.has("server-refuses");
    assert_eq!(finding.text("seen"), "10.0.0.2:80 refuses this host's connection");
    let _web = Server::start(&server, "10.0.0.2:80");
    works(&client, Nat::VIP);
    doctor.is_well();
    // Without `--probe` nothing is sent.
    drop(_web);
    Patient::new(&director).is_well();
}

fn tunnel_mtu() {
    let Direct { client, director, servers: [server, _], .. } = &Direct::new();
    rules(
        director,
        "-d -t 192.0.2.100:80 -r 192.0.2.3:80\n-e -t 192.0.2.100:80 -r 192.0.2.2:80 -i\n",
    );
    director.command("modprobe").arg("ipip").run().success();
    server.sysctl("net.ipv4.conf.all.rp_filter", "0");
    server.sysctl("net.ipv4.conf.tunl0.rp_filter", "0");
    server.ip("link set tunl0 up");
    works(client, Direct::VIP);
    let doctor = Patient::new(director);
    let finding = doctor.has("tunnel-mtu");
    let seen = "clients may send packets of 1500 bytes, and the tunnel to 192.0.2.2:80 takes 1480";
    assert_eq!(finding.text("seen"), seen);
    director.sysctl("net.ipv4.vs.pmtu_disc", "0");
    works(client, Direct::VIP);
    assert!(doctor.findings().is_empty());
}
