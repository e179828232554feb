use serde_json::{Value, json};

use crate::doctor::checks::examine;
use crate::doctor::facts::Facts;

/// A service with this method and the server 192.0.2.2, and these answers.
fn found(method: &str, probes: Value) -> Vec<(&'static str, String)> {
    let facts: Facts = serde_json::from_value(json!({
        "ipvs": {"services": [{
            "key": "TCP 192.0.2.100:80", "scheduler": "rr",
            "servers": [{"key": "192.0.2.2:80", "method": method, "weight": 1}],
        }]},
        "network": {
            "links": [{"index": 2, "name": "eth0", "up": true, "mac": "02:00:00:00:00:01", "kind": "veth"}],
            "addresses": [{"address": "192.0.2.1", "prefix": 24, "interface": "eth0"}],
            "neighbours": [{
                "address": "192.0.2.9", "interface": "eth0", "state": "STALE", "mac": "02:00:00:00:00:09",
            }],
            "ways": [
                {"to": "192.0.2.2", "kind": "unicast", "interface": "eth0"},
                {"to": "192.0.2.100", "kind": "local", "interface": "lo"},
            ],
        },
        "sysctls": {"net.ipv4.conf.eth0.forwarding": "1"},
        "probes": probes,
    }))
    .expect("facts");
    let report = examine(&facts);
    let ids = ["arp-answered-by-server", "server-refuses"];
    let found = report.findings.into_iter().map(|it| (it.id, it.seen));
    let missed = report.not_checked.into_iter().map(|it| (it.id, it.why));
    found.chain(missed).filter(|(id, _)| ids.contains(id)).collect()
}

fn who_has(virtual_answers: &[&str]) -> Value {
    json!([
        {"who_has": {"address": "192.0.2.2", "interface": "eth0", "answers": ["02:00:00:00:00:02"]}},
        {"who_has": {"address": "192.0.2.100", "interface": "eth0", "answers": virtual_answers}},
    ])
}

#[test]
fn whoever_answers_for_the_virtual_address_is_named() {
    assert_eq!(found("direct", who_has(&[])), []);
    // Another interface of this host.
    assert_eq!(found("direct", who_has(&["02:00:00:00:00:01"])), []);
    for (mac, who) in [
        ("02:00:00:00:00:02", "the real server 192.0.2.2 (02:00:00:00:00:02)"),
        ("02:00:00:00:00:09", "192.0.2.9 (02:00:00:00:00:09)"),
        ("02:00:00:00:00:07", "another host (02:00:00:00:00:07)"),
    ] {
        let seen = format!("{who} answers ARP requests for 192.0.2.100 on eth0");
        assert_eq!(found("direct", who_has(&[mac])), [("arp-answered-by-server", seen)]);
    }
}

#[test]
fn a_server_that_takes_no_connection_is_told() {
    let result = |text: &str| json!([{"connection": {"to": "192.0.2.2:80", "result": text}}]);
    assert_eq!(found("masquerade", result("connected")), []);
    for (text, seen) in [
        ("refused", "192.0.2.2:80 refuses this host's connection"),
        ("timed out", "192.0.2.2:80 does not answer this host's connection"),
    ] {
        assert_eq!(found("masquerade", result(text)), [("server-refuses", seen.to_owned())]);
    }
}

#[test]
fn what_was_not_asked_is_not_taken_for_well() {
    let asked = |method| found(method, json!([]));
    let expected = ("arp-answered-by-server", "one virtual address was not asked for".to_owned());
    assert_eq!(asked("direct"), [expected]);
    assert_eq!(asked("masquerade"), [("server-refuses", "one server was not tried".to_owned())]);
}
