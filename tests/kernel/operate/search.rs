//! `-L ADDRESS` and `-L -r SERVER`: the part of the table that has an address.

use crate::harness::KernelTest;
use crate::netns::Netns;
use crate::program;
use crate::schema::{assert_fits, parsed};

pub(crate) fn tests() -> Vec<KernelTest> {
    crate::tests![
        an_address_shows_its_services_and_servers,
        every_format_has_the_same_part,
        nothing_with_the_address_is_status_1,
    ]
}

const RULES: &str = "\
-A -t 192.0.2.1:80 -s rr
-a -t 192.0.2.1:80 -r 10.0.0.1:80 -m
-a -t 192.0.2.1:80 -r 10.0.0.2:80 -m
-A -t 192.0.2.1:443 -s rr
-a -t 192.0.2.1:443 -r 10.0.0.2:443 -m
-A -u 10.0.0.1:53 -s rr
-a -u 10.0.0.1:53 -r 10.0.0.3:53 -m
-A -f 5 -s rr
-a -f 5 -r 10.0.0.1:0 -m
-A -t [2001:db8::1]:80 -s rr
-a -t [2001:db8::1]:80 -r [2001:db8::2]:80 -m
";

fn loaded() -> Netns {
    let ns = Netns::new();
    ns.ip("address add 2001:db8::ff/64 dev lo");
    ns.command(program::ipvsadm()).arg("-R").stdin(RULES).run().success();
    ns
}

/// The addresses in a listing: services as they are, and servers behind an arrow.
fn listed(ns: &Netns, line: &str) -> Vec<String> {
    let text = ns.ipvsadm(line.split(' ')).success().stdout;
    let addresses = text.lines().filter(|line| !line.contains("Address:Port")).filter_map(|line| {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words[..] {
            ["->", address, ..] => Some(format!("-> {address}")),
            ["IP", ..] => None,
            [_, address, ..] => Some(address.to_owned()),
            _ => None,
        }
    });
    addresses.collect()
}

fn an_address_shows_its_services_and_servers() {
    let ns = loaded();
    for (line, want) in [
        // A server of two services, and a service: with all of its servers.
        (
            "-L -n 10.0.0.1",
            &[
                "5",
                "-> 10.0.0.1:0",
                "192.0.2.1:80",
                "-> 10.0.0.1:80",
                "10.0.0.1:53",
                "-> 10.0.0.3:53",
            ][..],
        ),
        ("-L -n 10.0.0.1:80", &["192.0.2.1:80", "-> 10.0.0.1:80"]),
        (
            "-L -n 192.0.2.1",
            &[
                "192.0.2.1:80",
                "-> 10.0.0.1:80",
                "-> 10.0.0.2:80",
                "192.0.2.1:443",
                "-> 10.0.0.2:443",
            ],
        ),
        ("-Ln 192.0.2.1:443 --stats", &["192.0.2.1:443", "-> 10.0.0.2:443"]),
        ("-L -n 2001:db8::2", &["[2001:db8::1]:80", "-> [2001:db8::2]:80"]),
        ("-L -n [2001:db8::1]:80", &["[2001:db8::1]:80", "-> [2001:db8::2]:80"]),
        ("-L -n -r 10.0.0.1", &["5", "-> 10.0.0.1:0", "192.0.2.1:80", "-> 10.0.0.1:80"]),
        ("-L -n -r 10.0.0.2:443", &["192.0.2.1:443", "-> 10.0.0.2:443"]),
        ("-L -n -t 192.0.2.1:80 -r 10.0.0.2", &["192.0.2.1:80", "-> 10.0.0.2:80"]),
        ("-L -n -f 5 -r 10.0.0.1:0", &["5", "-> 10.0.0.1:0"]),
    ] {
        let mut found = listed(&ns, line);
        let mut want = want.to_vec();
        found.sort();
        want.sort_unstable();
        assert_eq!(found, want, "{line}");
    }
    // The heading is that of the whole table, unless a service is named.
    let heading = |line: &str| {
        let text = ns.ipvsadm(line.split(' ')).success().stdout;
        text.lines().position(|line| line.starts_with("TCP"))
    };
    assert_eq!(heading("-L -n 10.0.0.2"), Some(3));
    assert_eq!(heading("-L -n -t 192.0.2.1:80 -r 10.0.0.2"), Some(2));
}

fn every_format_has_the_same_part() {
    let ns = loaded();
    let shown = |line: &str| ns.ipvsadm(line.split(' ')).success().stdout;
    let json = parsed(&shown("-L --json 10.0.0.2:80"));
    assert_fits(None, &json);
    let services = json["services"].as_array().expect("a list");
    assert_eq!(services.len(), 1);
    assert_eq!(services[0]["address"], "192.0.2.1");
    assert_eq!(services[0]["destinations"].as_array().map(Vec::len), Some(1));
    assert_eq!(services[0]["destinations"][0]["address"], "10.0.0.2");
    let table = shown("-L -n --format table -r 10.0.0.2");
    assert!(table.ends_with("\n2 services, 2 servers\n"), "{table}");
    let metrics = shown("-L --format prometheus -r 10.0.0.2:443");
    assert!(metrics.contains("remote_address=\"10.0.0.2\""), "{metrics}");
    assert!(!metrics.contains("10.0.0.1"), "{metrics}");
    // The totals are not those of a part.
    assert!(!metrics.contains("node_ipvs_connections_total"), "{metrics}");
    // Names work as in any listing.
    ns.ipvsadm(["-A", "-t", "127.0.0.1:80", "-s", "rr"]).success();
    assert!(shown("-L localhost").contains("TCP  localhost:http rr\n"));
}

fn nothing_with_the_address_is_status_1() {
    let ns = loaded();
    for (line, said) in [
        ("-L -n 10.9.9.9", "no service and no real server has 10.9.9.9\n"),
        ("-L -n [::9]:80", "no service and no real server has [::9]:80\n"),
        ("-L -n -r 10.0.0.1:81", "no real server has 10.0.0.1:81\n"),
        ("-L -n -t 192.0.2.1:443 -r 10.0.0.1", "no real server has 10.0.0.1\n"),
        ("-L -n -t 192.0.2.1:81 -r 10.0.0.1", "No such service\n"),
        ("-L --json 10.9.9.9", "no service and no real server has 10.9.9.9\n"),
    ] {
        let ran = ns.ipvsadm(line.split(' '));
        assert_eq!(ran.code(), Some(1), "{line}");
        assert_eq!((ran.stdout.as_str(), ran.stderr.as_str()), ("", said), "{line}");
    }
}
