use serde_json::{Value, json};

use crate::doctor::checks::examine;
use crate::doctor::facts::firewall::{Firewall, Packets, Tool};
use crate::doctor::gather::firewall::iptables;
use crate::output::findings::Report;

/// A real server, 192.0.2.2, of TCP 192.0.2.100:80, which works with this method.
fn working(method: &str) -> Value {
    json!({
        "question": {"side": "server", "service": "TCP 192.0.2.100:80", "method": method},
        "network": {
            "links": [
                {"index": 1, "name": "lo", "up": true, "loopback": true},
                {"index": 2, "name": "eth0", "up": true},
                {"index": 3, "name": "tunl0", "up": true, "no_arp": true, "kind": "ipip"},
                {"index": 4, "name": "docker0", "up": true, "kind": "bridge"},
            ],
            "addresses": [
                {"address": "192.0.2.2", "prefix": 24, "interface": "eth0"},
                {"address": "192.0.2.100", "prefix": 32, "interface": "lo"},
                {"address": "172.17.0.1", "prefix": 16, "interface": "docker0"},
            ],
            "routes": [
                {"table": 254, "kind": "unicast", "gateway": "192.0.2.1", "interface": "eth0"},
            ],
            "ways": [
                {"to": "192.0.2.1", "kind": "unicast", "interface": "eth0"},
                {"to": "192.0.2.10", "kind": "unicast", "interface": "eth0"},
                {"to": "192.0.2.100", "kind": "local", "interface": "lo"},
                {"to": "198.51.100.1", "kind": "unicast", "interface": "eth0", "gateway": "192.0.2.9"},
            ],
            "listeners": [{"protocol": "TCP", "address": "0.0.0.0", "port": 80}],
        },
        "sysctls": {
            "net.ipv4.conf.all.arp_ignore": "1", "net.ipv4.conf.all.arp_announce": "2",
            "net.ipv4.conf.lo.arp_ignore": "0",
            "net.ipv4.conf.eth0.arp_ignore": "0", "net.ipv4.conf.eth0.arp_announce": "0",
            "net.ipv4.conf.docker0.arp_ignore": "0", "net.ipv4.conf.docker0.arp_announce": "0",
            "net.ipv4.conf.all.rp_filter": "0", "net.ipv4.conf.eth0.rp_filter": "1",
            "net.ipv4.conf.tunl0.rp_filter": "0",
        },
    })
}

/// What is found on it once it is changed.
fn found(
    method: &str,
    change: impl FnOnce(&mut Value),
) -> Vec<(&'static str, String, Vec<String>)> {
    let mut facts = working(method);
    change(&mut facts);
    let report = report(facts);
    assert_eq!(report.not_checked, []);
    report.findings.into_iter().map(|finding| (finding.id, finding.seen, finding.fix)).collect()
}

fn report(facts: Value) -> Report {
    examine(&serde_json::from_value(facts).expect("facts"))
}

const FORGET: &str =
    "# clients and routers on this network may need: ip neighbour flush to 192.0.2.100";

/// Expects one finding, with this help.
#[track_caller]
fn finds(id: &str, fix: &[&str], method: &str, change: impl FnOnce(&mut Value)) -> String {
    let found = found(method, change);
    let [(found, seen, lines)] = &found[..] else { panic!("{found:?}") };
    assert_eq!(
        (*found, &lines[..]),
        (id, &fix.iter().map(|it| it.to_string()).collect::<Vec<_>>()[..])
    );
    seen.clone()
}

#[test]
fn a_server_that_works_is_well() {
    for method in ["direct", "tunnel", "masquerade"] {
        assert_eq!(found(method, |_| ()), [], "{method}");
    }
    // The greater of the two counts, and IPv6 has none.
    let own = |facts: &mut Value| {
        facts["sysctls"]["net.ipv4.conf.all.arp_ignore"] = json!("0");
        facts["sysctls"]["net.ipv4.conf.eth0.arp_ignore"] = json!("2");
    };
    assert_eq!(found("direct", own), []);
}

#[test]
fn a_server_must_not_answer_for_the_virtual_address() {
    let off = |facts: &mut Value| {
        facts["sysctls"]["net.ipv4.conf.all.arp_ignore"] = json!("0");
        facts["sysctls"]["net.ipv4.conf.lo.arp_ignore"] = json!("1");
    };
    let seen =
        finds("arp-ignore", &["sysctl -w net.ipv4.conf.all.arp_ignore=1", FORGET], "direct", off);
    assert_eq!(
        seen,
        "net.ipv4.conf.all.arp_ignore is 0, and that of eth0 is 0; that of lo is 1, which has no effect"
    );
    assert_eq!(found("tunnel", off), []);
    let announce = |facts: &mut Value| {
        facts["sysctls"]["net.ipv4.conf.all.arp_announce"] = json!("1");
    };
    finds(
        "arp-announce",
        &["sysctl -w net.ipv4.conf.all.arp_announce=2", FORGET],
        "direct",
        announce,
    );
    // 1 is enough for an address of another network.
    let far = |facts: &mut Value| {
        announce(facts);
        facts["network"]["addresses"][0]["address"] = json!("10.0.0.2");
    };
    assert_eq!(found("direct", far), []);
}

#[test]
fn the_virtual_address_stands_on_lo_alone() {
    let missing = |facts: &mut Value| {
        facts["network"]["addresses"].as_array_mut().expect("a list").remove(1);
        facts["network"]["ways"][2]["kind"] = json!("unicast");
        facts["sysctls"]["net.ipv4.conf.all.arp_ignore"] = json!("0");
    };
    let fix = ["sysctl -w net.ipv4.conf.all.arp_ignore=1", "ip address add 192.0.2.100/32 dev lo"];
    finds("vip-missing", &fix, "direct", missing);
    finds("vip-missing", &fix[1..], "tunnel", missing);
    let moved =
        ["ip address delete 192.0.2.100/32 dev eth0", "ip address add 192.0.2.100/32 dev lo"];
    let on_nic = |facts: &mut Value| {
        facts["network"]["addresses"][1]["interface"] = json!("eth0");
    };
    finds("vip-on-nic", &moved, "direct", on_nic);
    let on_tunnel = |facts: &mut Value| {
        facts["network"]["addresses"][1]["interface"] = json!("tunl0");
    };
    assert_eq!(found("tunnel", on_tunnel), []);
    let narrower =
        ["ip address delete 192.0.2.100/24 dev lo", "ip address add 192.0.2.100/32 dev lo"];
    finds("vip-too-wide", &narrower, "direct", |facts| {
        facts["network"]["addresses"][1]["prefix"] = json!(24);
    });
}

#[test]
fn an_ipv6_address_that_another_host_has_is_not_used() {
    let fix =
        ["ip address delete 2001:db8::100/64 dev eth0", "ip address add 2001:db8::100/128 dev lo"];
    let seen = finds("ipv6-dad", &fix, "direct", |facts| {
        facts["question"]["service"] = json!("TCP [2001:db8::100]:80");
        facts["network"]["addresses"][1] = json!({"address": "2001:db8::100", "prefix": 64, "interface": "eth0", "duplicate": true});
        facts["network"]["listeners"][0]["address"] = json!("::");
        facts["network"]["ways"][3] = json!({"to": "2001:db8::100", "kind": "none"});
    });
    assert_eq!(seen, "2001:db8::100 on eth0 is dadfailed: another host has it");
}

#[test]
fn a_tunnel_needs_an_interface_and_no_strict_filter() {
    finds("tunnel-down", &["ip link set tunl0 up"], "tunnel", |facts| {
        facts["network"]["links"][2]["up"] = json!(false);
    });
    let filter = |facts: &mut Value, value: &str| {
        facts["sysctls"]["net.ipv4.conf.tunl0.rp_filter"] = json!(value);
    };
    for value in ["1", "2"] {
        let fix = ["sysctl -w net.ipv4.conf.tunl0.rp_filter=0"];
        finds("rp-filter", &fix, "tunnel", |facts| filter(facts, value));
    }
    let with_address = |facts: &mut Value| {
        facts["network"]["addresses"][1]["interface"] = json!("tunl0");
        filter(facts, "2");
    };
    assert_eq!(found("tunnel", with_address), []);
}

#[test]
fn something_listens_where_the_packets_go() {
    let at = |address: &'static str| {
        move |facts: &mut Value| facts["network"]["listeners"][0]["address"] = json!(address)
    };
    let fix = ["# start the server, or have it listen on port 80 at the virtual address"];
    let seen = finds("not-listening", &fix, "direct", at("192.0.2.2"));
    assert_eq!(seen, "something listens on TCP port 80, but at 192.0.2.2 only");
    for address in ["192.0.2.100", "::"] {
        assert_eq!(found("direct", at(address)), []);
    }
    assert_eq!(found("masquerade", at("192.0.2.2")), []);
    let fix = ["# start the server, or have it listen on port 80 at this host's address"];
    finds("not-listening", &fix, "masquerade", at("127.0.0.1"));
}

#[test]
fn replies_of_a_masqueraded_server_pass_through_the_director() {
    let half_open = |client: &'static str| {
        move |facts: &mut Value| {
            facts["question"]["director"] = json!("192.0.2.1");
            facts["network"]["peers"] = json!([{"address": client, "half_open": true}]);
        }
    };
    let fix = ["ip route replace default via 192.0.2.1"];
    finds("nat-gateway", &fix, "masquerade", half_open("198.51.100.1"));
    let beside = ["ip route replace 192.0.2.10 via 192.0.2.1"];
    finds("nat-gateway", &beside, "masquerade", half_open("192.0.2.10"));
    // SNAT.
    assert_eq!(found("masquerade", half_open("192.0.2.1")), []);
    // They arrive by some other way.
    let open = |facts: &mut Value| {
        half_open("198.51.100.1")(facts);
        facts["network"]["peers"][0]["half_open"] = json!(false);
    };
    assert_eq!(found("masquerade", open), []);
}

/// Expects that this check, of all, is not made, for a reason with these words.
#[track_caller]
fn does_not_check(id: &str, why: &str, method: &str, change: impl FnOnce(&mut Value)) {
    let mut facts = working(method);
    change(&mut facts);
    let report = report(facts);
    assert_eq!(report.findings, []);
    let [not] = &report.not_checked[..] else { panic!("{:?}", report.not_checked) };
    assert!(not.id == id && not.why.contains(why), "{not:?}");
}

fn firewall(rules: &str) -> Value {
    let rules = format!("*nat\n:PREROUTING ACCEPT [0:0]\n:DOCKER - [0:0]\n{rules}\nCOMMIT\n");
    let chains = iptables::parse(&rules, Packets::Ip, Tool::Iptables);
    serde_json::to_value(Firewall { chains, ..Firewall::default() }).expect("facts")
}

#[test]
fn rules_may_do_what_addresses_listeners_and_settings_do_not() {
    let nowhere = |facts: &mut Value| {
        facts["network"]["addresses"].as_array_mut().expect("a list").remove(1);
        facts["network"]["ways"][2]["kind"] = json!("unicast");
    };
    let redirect = "-A PREROUTING -d 192.0.2.100/32 -p tcp -m tcp --dport 80 -j REDIRECT";
    does_not_check("vip-missing", redirect, "direct", |facts| {
        nowhere(facts);
        facts["firewall"] = firewall(redirect);
    });
    // Not for another port, or for what is local only.
    for other in [
        "-A PREROUTING -p tcp -m tcp --dport 81 -j REDIRECT",
        "-A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER\n-A DOCKER -p tcp -j DNAT",
    ] {
        let found = found("direct", |facts| {
            nowhere(facts);
            facts["firewall"] = firewall(other);
        });
        assert!(matches!(found[..], [("vip-missing", ..)]), "{other}: {found:?}");
    }
    let published = "-A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER\n\
                     -A DOCKER -p tcp -m tcp --dport 80 -j DNAT --to-destination 172.17.0.2:8080";
    does_not_check("not-listening", "-j DNAT --to-destination", "masquerade", |facts| {
        facts["network"]["listeners"] = json!([]);
        facts["firewall"] = firewall(published);
    });
    for (id, setting) in [("arp-ignore", "arp_ignore"), ("arp-announce", "arp_announce")] {
        does_not_check(id, "arptables has rules about ARP", "direct", |facts| {
            facts["sysctls"][format!("net.ipv4.conf.all.{setting}")] = json!("0");
            facts["firewall"] = json!({"arp": "arptables"});
        });
    }
}
