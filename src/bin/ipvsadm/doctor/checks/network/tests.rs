use serde_json::{Value, json};

use super::*;
use crate::doctor::checks::examine;

/// A service at 192.0.2.100:80 with one server, 10.0.0.2:80, and a director at 192.0.2.1 and 10.0.0.1,
/// which works; with what `change` changes.
fn findings(change: impl FnOnce(&mut Value)) -> Vec<(&'static str, Severity, Vec<String>)> {
    let mut facts = json!({
        "ipvs": {"services": [{
            "key": "TCP 192.0.2.100:80", "scheduler": "rr",
            "servers": [{"key": "10.0.0.2:80", "method": "masquerade", "weight": 1}],
        }]},
        "connections": {},
        "network": {
            "links": [
                {"index": 1, "name": "lo", "up": true, "loopback": true},
                {"index": 2, "name": "eth0", "up": true},
                {"index": 3, "name": "eth1", "up": true},
            ],
            "addresses": [
                {"address": "127.0.0.1", "prefix": 8, "interface": "lo"},
                {"address": "192.0.2.1", "prefix": 24, "interface": "eth0"},
                {"address": "10.0.0.1", "prefix": 24, "interface": "eth1"},
            ],
            "ways": [
                {"to": "10.0.0.2", "kind": "unicast", "interface": "eth1", "source": "10.0.0.1"},
                {"to": "192.0.2.100", "kind": "local", "interface": "lo"},
            ],
        },
        "sysctls": {"net.ipv4.ip_forward": "1", "net.ipv4.conf.eth1.forwarding": "1"},
    });
    change(&mut facts);
    let facts: Facts = serde_json::from_value(facts).expect("facts");
    let own: Vec<&str> = CHECKS.iter().map(|check| check.id).collect();
    let report = examine(&facts);
    let found = report.findings.into_iter().filter(|finding| own.contains(&finding.id));
    found.map(|finding| (finding.id, finding.severity, finding.fix)).collect()
}

/// Expects one finding, and its first line of help.
#[track_caller]
fn finds(id: &str, severity: Severity, fix: &str, change: impl FnOnce(&mut Value)) {
    let found = findings(change);
    let [(found, how_bad, lines)] = &found[..] else { panic!("{found:?}") };
    assert_eq!((*found, *how_bad, &*lines[0]), (id, severity, fix));
}

#[test]
fn a_network_that_works_is_well() {
    assert_eq!(findings(|_| ()), []);
}

#[test]
fn a_namespace_without_any_address_has_its_loopback_down() {
    let down = |facts: &mut Value| {
        facts["network"]["links"][0]["up"] = json!(false);
        facts["network"]["addresses"] = json!([]);
        facts["ipvs"]["services"][0]["servers"] = json!([]);
    };
    finds("loopback-down", Severity::Error, "ip link set lo up", down);
    // Addresses elsewhere are enough.
    assert_eq!(findings(|facts| facts["network"]["links"][0]["up"] = json!(false)), []);
}

#[test]
fn a_virtual_address_is_local_or_a_mark_makes_it_so() {
    let command = "ip address add 192.0.2.100/32 dev eth0";
    let away = |facts: &mut Value| {
        facts["network"]["ways"][1] =
            json!({"to": "192.0.2.100", "kind": "unicast", "interface": "eth0"});
    };
    finds("vip-not-local", Severity::Error, command, away);
    let standby = format!("# if this director should have it: {command}");
    finds("vip-not-local", Severity::Info, &standby, |facts| {
        away(facts);
        facts["host"] = json!({"managers": ["keepalived"]});
    });
    let marked = |facts: &mut Value| {
        away(facts);
        let ways = facts["network"]["ways"].as_array_mut().expect("a list");
        ways.push(json!({"to": "192.0.2.100", "mark": 7, "kind": "local", "interface": "lo"}));
    };
    assert_eq!(findings(marked), []);
    let by_interface = |facts: &mut Value| {
        away(facts);
        facts["network"]["rules"] = json!([{"incoming_interface": "eth0", "table": 100}]);
        facts["network"]["routes"] =
            json!([{"table": 100, "kind": "local", "to": "192.0.2.0", "prefix": 24}]);
    };
    assert_eq!(findings(by_interface), []);
    let used = |facts: &mut Value| {
        away(facts);
        facts["ipvs"]["services"][0]["growth"] = json!({"connections": 1});
    };
    assert_eq!(findings(used), []);
}

#[test]
fn masquerading_needs_forwarding_on_the_interface_towards_the_server() {
    let off = |facts: &mut Value| {
        facts["sysctls"]["net.ipv4.conf.eth1.forwarding"] = json!("0");
    };
    let own = "sysctl -w net.ipv4.conf.eth1.forwarding=1";
    finds("ip-forward-off", Severity::Error, own, off);
    finds("ip-forward-off", Severity::Error, "sysctl -w net.ipv4.ip_forward=1", |facts| {
        off(facts);
        facts["sysctls"]["net.ipv4.ip_forward"] = json!("0");
    });
    // Direct routing forwards nothing back.
    let direct = |facts: &mut Value| {
        off(facts);
        facts["ipvs"]["services"][0]["servers"][0]["method"] = json!("direct");
    };
    assert_eq!(findings(direct), []);
}

#[test]
fn direct_routing_reaches_no_server_behind_a_gateway() {
    let behind = |facts: &mut Value| {
        facts["ipvs"]["services"][0]["servers"][0]["method"] = json!("direct");
        facts["network"]["ways"][0]["gateway"] = json!("10.0.0.254");
    };
    let tunnel = "# once the real server has a tunnel: ipvsadm -e -t 192.0.2.100:80 -r 10.0.0.2:80 -i --keep";
    finds("dr-behind-gateway", Severity::Error, tunnel, behind);
    let answering = |facts: &mut Value| {
        behind(facts);
        facts["connections"]["groups"] = json!([{
            "service": "TCP 192.0.2.100:80", "destination": "10.0.0.2:80", "protocol": "TCP",
            "to": "192.0.2.100:80", "server": "10.0.0.2:80", "open": 1,
        }]);
    };
    assert_eq!(findings(answering), []);
}

#[test]
fn a_neighbour_that_does_not_answer_is_an_error_unless_nothing_is_sent_to_it() {
    let failed = |facts: &mut Value| {
        facts["network"]["neighbours"] =
            json!([{"address": "10.0.0.2", "interface": "eth1", "state": "FAILED"}]);
    };
    let look = "# on 10.0.0.2: ip -br address; ip -br link";
    finds("neighbour-failed", Severity::Error, look, failed);
    finds("neighbour-failed", Severity::Info, look, |facts| {
        failed(facts);
        facts["ipvs"]["services"][0]["servers"][0]["weight"] = json!(0);
    });
    let elsewhere = |facts: &mut Value| {
        failed(facts);
        facts["network"]["neighbours"][0]["address"] = json!("10.0.0.3");
    };
    assert_eq!(findings(elsewhere), []);
    finds(
        "neighbour-failed",
        Severity::Error,
        "# on 10.0.0.254: ip -br address; ip -br link",
        |facts| {
            facts["network"]["ways"][0]["gateway"] = json!("10.0.0.254");
            facts["network"]["neighbours"] =
                json!([{"address": "10.0.0.254", "interface": "eth1", "state": "INCOMPLETE"}]);
        },
    );
}

#[test]
fn joined_packets_are_too_long_for_direct_routing() {
    let on = |facts: &mut Value| {
        facts["network"]["links"][1]["lro"] = json!(true);
        facts["network"]["links"][2]["lro"] = json!(false);
        facts["ipvs"]["services"][0]["servers"][0]["method"] = json!("direct");
    };
    finds("lro-on", Severity::Warning, "ethtool -K eth0 lro off", on);
    let masqueraded = |facts: &mut Value| {
        on(facts);
        facts["ipvs"]["services"][0]["servers"][0]["method"] = json!("masquerade");
    };
    assert_eq!(findings(masqueraded), []);
}

#[test]
fn a_few_servers_are_named() {
    let server = |host: u8| {
        let key: DestinationKey = format!("10.0.0.{host}:80").parse().expect("a server");
        (ServiceKey::tcp(([192, 0, 2, 1], 80)), key)
    };
    let text =
        |hosts: &[u8]| count(&hosts.iter().map(|it| server(*it)).collect::<Vec<_>>(), "is", "are");
    assert_eq!(text(&[2]), "10.0.0.2:80 is");
    assert_eq!(text(&[3, 2]), "10.0.0.2:80 and 10.0.0.3:80 are");
    assert_eq!(text(&[2, 3, 4, 5]), "10.0.0.2:80, 10.0.0.3:80, 10.0.0.4:80 and 1 more are");
}
