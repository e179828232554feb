//! Whether packets reach IPVS, and the real servers.

use super::network::{Direct, Nat, fails, rules, works};
use super::patient::Patient;
use crate::harness::KernelTest;
use crate::netns::Netns;

pub(super) fn tests() -> Vec<KernelTest> {
    crate::tests![
        loopback_down,
        vip_not_local,
        vip_local_by_a_mark,
        ip_forward_off,
        behind_gateway,
        neighbour_failed,
    ]
}

fn loopback_down() {
    let host = &Netns::new();
    let other = &Netns::new();
    // A namespace of its own, since `Netns::new` brings the interface up.
    let path = format!("/run/netns/{}", "never-up");
    let ran = host.command("ip").args(["netns", "add", "never-up"]).run().success();
    drop(ran);
    let in_it = |arguments: &[&str]| {
        let program = crate::program::ipvsadm().display().to_string();
        let inside = ["netns", "exec", "never-up", &program];
        other.command("ip").args(inside).args(arguments).run()
    };
    in_it(&["-A", "-t", "192.0.2.1:80"]).success();
    let refused = in_it(&["-a", "-t", "192.0.2.1:80", "-r", "10.0.0.2"]);
    assert!(refused.stderr.contains("Bring it up: ip link set lo up"), "{}", refused.stderr);
    let report = in_it(&["--doctor", "--for", "1"]).stdout;
    assert!(report.contains("error: loopback-down"), "{path}: {report}");
    other.command("ip").args("netns exec never-up ip link set lo up".split(' ')).run().success();
    in_it(&["-a", "-t", "192.0.2.1:80", "-r", "10.0.0.2"]).success();
    let report = in_it(&["--doctor", "--for", "1"]).stdout;
    assert!(!report.contains("loopback-down"), "{report}");
    other.command("ip").args(["netns", "delete", "never-up"]).run().success();
}

fn vip_not_local() {
    let Direct { client, director, .. } = &Direct::new();
    let doctor = Patient::new(director);
    works(client, Direct::VIP);
    doctor.is_well();
    director.ip("address delete 192.0.2.100/32 dev eth0");
    client.ip("neighbour flush all");
    fails(client, Direct::VIP);
    doctor.mend(&doctor.has("vip-not-local"));
    client.ip("neighbour flush all");
    works(client, Direct::VIP);
    doctor.is_well();
}

/// A mark, and a route that makes whatever has it local, serve as well as an address.
fn vip_local_by_a_mark() {
    let Nat { client, director, .. } = &Nat::new();
    client.ip("route add 198.51.100.1/32 via 192.0.2.1");
    rules(director, "-A -t 198.51.100.1:80 -s rr\n-a -t 198.51.100.1:80 -r 10.0.0.2:80 -m\n");
    let doctor = Patient::new(director);
    fails(client, "198.51.100.1:80");
    doctor.has("vip-not-local");
    let mark = "-t mangle -A PREROUTING -d 198.51.100.1 -j MARK --set-mark 7";
    director.command("iptables-legacy").args(mark.split(' ')).run().success();
    director.ip("rule add fwmark 7 lookup 100\nroute add local 0.0.0.0/0 dev lo table 100");
    works(client, "198.51.100.1:80");
    doctor.is_well();
}

fn ip_forward_off() {
    let Nat { client, director, .. } = &Nat::new();
    let doctor = Patient::new(director);
    // That of the interface towards the clients does not matter.
    director.sysctl("net.ipv4.conf.eth0.forwarding", "0");
    works(client, Nat::VIP);
    doctor.is_well();
    for name in ["net.ipv4.conf.eth1.forwarding", "net.ipv4.ip_forward"] {
        director.sysctl(name, "0");
        fails(client, Nat::VIP);
        doctor.mend(&doctor.has("ip-forward-off"));
        works(client, Nat::VIP);
    }
    doctor.is_well();
}

/// The servers of direct routing, behind a router.
fn behind_gateway() {
    let Direct { client, director, servers, switch, .. } = &Direct::new();
    let (router, far) = (&Netns::new(), &Netns::new());
    switch.connect("r", router, "eth0");
    switch.ip("link set r master lan");
    router.connect("eth1", far, "eth0");
    router.ip("address add 192.0.2.254/24 dev eth0\naddress add 10.9.0.1/24 dev eth1");
    router.sysctl("net.ipv4.ip_forward", "1");
    far.sysctl("net.ipv4.conf.all.arp_ignore", "1");
    far.sysctl("net.ipv4.conf.all.arp_announce", "2");
    far.ip("address add 10.9.0.2/24 dev eth0\naddress add 192.0.2.100/32 dev lo\nroute add default via 10.9.0.1");
    far.command("modprobe").arg("ipip").run().success();
    let _web = super::network::Server::start(far, "0.0.0.0:80");
    director.ip("route add 10.9.0.0/24 via 192.0.2.254");
    let doctor = Patient::new(director);
    works(client, Direct::VIP);
    doctor.is_well();
    let _ = servers;
    rules(
        director,
        "-d -t 192.0.2.100:80 -r 192.0.2.2:80\n-d -t 192.0.2.100:80 -r 192.0.2.3:80\n\
         -a -t 192.0.2.100:80 -r 10.9.0.2:80 -g\n",
    );
    fails(client, Direct::VIP);
    doctor.has("dr-behind-gateway");
    // As it says: a tunnel.
    rules(director, "-e -t 192.0.2.100:80 -r 10.9.0.2:80 -i\n");
    far.ip("link set tunl0 up");
    far.sysctl("net.ipv4.conf.all.rp_filter", "0");
    far.sysctl("net.ipv4.conf.tunl0.rp_filter", "0");
    works(client, Direct::VIP);
    doctor.is_well();
}

fn neighbour_failed() {
    let Nat { client, director, server, .. } = &Nat::new();
    let doctor = Patient::new(director);
    works(client, Nat::VIP);
    doctor.is_well();
    server.ip("link set eth0 down");
    director.ip("neighbour flush all");
    fails(client, Nat::VIP);
    let finding = doctor.has("neighbour-failed");
    server.ip("link set eth0 up\nroute add default via 10.0.0.1");
    doctor.mend(&finding);
    works(client, Nat::VIP);
    doctor.is_well();
}
