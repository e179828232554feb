use super::*;
use crate::doctor::checks::examine;

/// A service with one masqueraded server, 10.0.0.2:80, beside the director, and `stuck` connections of
/// this client.
fn facts(client: &str, stuck: u64, incoming: u64, outgoing: u64) -> Facts {
    let facts = serde_json::json!({
        "ipvs": {"services": [{
            "key": "TCP 192.0.2.1:80", "scheduler": "rr",
            "servers": [{
                "key": "10.0.0.2:80", "method": "masquerade", "weight": 1,
                "counters": {"connections": 90, "incoming_packets": 900, "outgoing_packets": 800},
                "growth": {"incoming_packets": incoming, "outgoing_packets": outgoing},
            }],
        }]},
        "connections": {"groups": [{
            "service": "TCP 192.0.2.1:80", "destination": "10.0.0.2:80", "protocol": "TCP",
            "to": "192.0.2.1:80", "server": "10.0.0.2:80", "stuck": stuck, "open": 1,
            "stuck_clients": [client], "open_clients": [client],
        }]},
        "network": {
            "addresses": [{"address": "10.0.0.1", "prefix": 24, "interface": "eth1"}],
            "ways": [{"to": "10.0.0.2", "kind": "unicast", "interface": "eth1", "source": "10.0.0.1"}],
        },
        "sysctls": {
            "net.ipv4.vs.conntrack": "0",
            "net.ipv4.conf.all.send_redirects": "0", "net.ipv4.conf.eth1.send_redirects": "0",
        },
    });
    serde_json::from_value(facts).expect("facts")
}

fn ids(facts: &Facts) -> Vec<&'static str> {
    let mut ids: Vec<_> = examine(facts).findings.iter().map(|finding| finding.id).collect();
    ids.sort_unstable();
    ids
}

#[test]
fn silence_is_told_from_a_lossy_client() {
    assert_eq!(ids(&facts("198.51.100.7", 1, 3, 0)), ["nat-no-replies"]);
    // The server answers, if only to others.
    assert_eq!(ids(&facts("198.51.100.7", 1, 3, 1)), [] as [&str; 0]);
    assert_eq!(ids(&facts("198.51.100.7", 0, 3, 0)), [] as [&str; 0]);
    // Nothing came in, and it has answered before.
    assert_eq!(ids(&facts("198.51.100.7", 1, 0, 0)), [] as [&str; 0]);
}

#[test]
fn clients_beside_the_server_are_found() {
    assert_eq!(ids(&facts("10.0.0.9", 1, 3, 0)), ["nat-client-beside-server"]);
    assert_eq!(ids(&facts("10.0.0.9", 0, 3, 3)), [] as [&str; 0]);
    assert_eq!(ids(&facts("10.0.0.2", 1, 3, 0)), ["nat-hairpin"]);
}

#[test]
fn redirects_matter_between_neighbours_without_source_nat() {
    let mut facts = facts("10.0.0.9", 0, 3, 3);
    facts.sysctls.insert("net.ipv4.conf.all.send_redirects".to_owned(), "1".to_owned());
    assert_eq!(ids(&facts), ["nat-redirects"]);
    facts.sysctls.insert("net.ipv4.vs.conntrack".to_owned(), "1".to_owned());
    assert_eq!(ids(&facts), [] as [&str; 0]);
}

#[test]
fn networks_are_written_by_their_first_address() {
    let of = |address: &str, prefix| {
        let own = serde_json::json!({"address": address, "prefix": prefix, "interface": "eth1"});
        network(&serde_json::from_value(own).expect("an address"))
    };
    assert_eq!(of("10.0.3.77", 22), "10.0.0.0/22");
    assert_eq!(of("10.0.3.77", 0), "0.0.0.0/0");
    assert_eq!(of("2001:db8::77", 64), "2001:db8::/64");
}
