//! The foundations of every other test: a kernel with IPVS, and namespaces.

use std::fs;

use crate::harness::KernelTest;
use crate::netns::Netns;

pub(crate) fn tests() -> Vec<KernelTest> {
    crate::tests![
        the_reference_works_on_this_kernel,
        a_namespace_has_its_own_table_and_loopback,
        namespaces_can_be_connected,
    ]
}

fn the_reference_works_on_this_kernel() {
    let ns = Netns::new();
    ns.reference(["-A", "-t", "10.0.0.1:80", "-s", "rr"]).success();
    let listed = ns.reference(["-L", "-n"]).success();
    assert!(listed.stdout.contains("TCP  10.0.0.1:80 rr"), "{}", listed.stdout);
}

fn a_namespace_has_its_own_table_and_loopback() {
    let one = Netns::new();
    let other = Netns::new();
    one.reference(["-R"]).success();
    let restored = one.command("/usr/sbin/ipvsadm").arg("-R");
    restored.stdin("-A -t 127.0.0.1:80 -s rr\n").run().success();
    let table = |ns: &Netns| ns.enter(|| fs::read_to_string("/proc/thread-self/net/ip_vs"));
    let (one, other) = (table(&one).unwrap(), table(&other).unwrap());
    assert!(one.contains("7F000001:0050"), "{one}");
    assert!(!other.contains("7F000001:0050"), "{other}");
}

fn namespaces_can_be_connected() {
    let (left, right) = (Netns::new(), Netns::new());
    left.connect("eth0", &right, "eth0");
    left.ip("address add 10.0.0.1/24 dev eth0");
    right.ip("address add 10.0.0.2/24 dev eth0");
    let listener = right.enter(|| std::net::TcpListener::bind("10.0.0.2:80"));
    let listener = listener.unwrap();
    left.enter(|| std::net::TcpStream::connect("10.0.0.2:80")).unwrap();
    listener.accept().unwrap();
    left.sysctl("net.ipv4.ip_forward", "1");
    assert_eq!(left.read_sysctl("net.ipv4.ip_forward"), "1");
    assert_eq!(right.read_sysctl("net.ipv4.ip_forward"), "0");
}
