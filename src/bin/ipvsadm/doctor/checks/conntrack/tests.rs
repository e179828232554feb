use super::super::firewall::tests::{facts, found, only};
use super::*;
use crate::doctor::facts::Group;

const STATEFUL: &str = "*filter\n:FORWARD DROP [0:0]\n\
    -A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT\nCOMMIT\n";
const NOTRACK: &str = "*raw\n:PREROUTING ACCEPT [0:0]\n\
    -A PREROUTING -d 192.0.2.1/32 -p tcp -m tcp --dport 80 -j CT --notrack\nCOMMIT\n";
const MASQUERADE: &str = "*nat\n:POSTROUTING ACCEPT [0:0]\n\
    -A POSTROUTING -d 10.0.0.2/32 -j MASQUERADE\nCOMMIT\n";

fn set(facts: &mut Facts, name: &str, value: &str) {
    facts.sysctls.insert(name.to_owned(), value.to_owned());
}

fn tracking(rules: &str) -> Facts {
    let mut facts = facts(rules);
    set(&mut facts, "net.ipv4.vs.conntrack", "1");
    facts
}

/// A client's connection stays half open.
fn half_open(mut facts: Facts) -> Facts {
    let service = facts.ipvs.as_ref().expect("services").services[0].clone();
    let group: Group = serde_json::from_value(serde_json::json!({
        "service": service.key.to_string(),
        "destination": service.servers[0].key.to_string(),
        "protocol": "TCP",
        "to": "192.0.2.1:80",
        "server": "10.0.0.2:80",
        "stuck": 1,
        "stuck_clients": ["198.51.100.7"],
    }))
    .expect("a group");
    facts.connections.as_mut().expect("connections").groups.push(group);
    facts
}

#[test]
fn stateful_rules_need_connection_tracking() {
    assert_eq!(only(&facts(STATEFUL)), ("conntrack-off", vec![ON.to_owned()]));
    let invalid = "*filter\n:FORWARD ACCEPT [0:0]\n\
                   -A FORWARD -m state --state INVALID -j DROP\nCOMMIT\n";
    assert_eq!(only(&facts(invalid)).0, "conntrack-off");
    assert_eq!(found(&tracking(STATEFUL)), []);
    assert_eq!(found(&tracking(invalid)), []);
    // Stateless rules do no harm, and those that drop anyway are another check's.
    let stateless = "*filter\n:FORWARD DROP [0:0]\n-A FORWARD -i eth1 -j ACCEPT\nCOMMIT\n";
    assert_eq!(found(&facts(stateless)), []);
    let none = "*filter\n:FORWARD DROP [0:0]\nCOMMIT\n";
    assert_eq!(only(&tracking(none)).0, "firewall-drops");
}

#[test]
fn source_nat_needs_it_where_replies_do_not_come() {
    let [quiet] = &found(&facts(MASQUERADE))[..] else { panic!() };
    assert_eq!((quiet.id, quiet.severity), ("conntrack-off", Severity::Info));
    let [stuck] = &found(&half_open(facts(MASQUERADE)))[..] else { panic!() };
    assert_eq!((stuck.id, stuck.severity), ("conntrack-off", Severity::Error));
    let unrelated =
        "*nat\n:POSTROUTING ACCEPT [0:0]\n-A POSTROUTING -o eth0 -j MASQUERADE\nCOMMIT\n";
    assert_eq!(found(&half_open(facts(unrelated))), []);
    assert_eq!(found(&tracking(MASQUERADE)), []);
}

#[test]
fn notrack_takes_it_away_again() {
    let delete =
        "iptables -t raw -D PREROUTING -d 192.0.2.1/32 -p tcp -m tcp --dport 80 -j CT --notrack";
    let [alone] = &found(&tracking(NOTRACK))[..] else { panic!() };
    assert_eq!((alone.id, alone.severity), ("conntrack-notrack", Severity::Info));
    let [bad] = &found(&tracking(&format!("{NOTRACK}{STATEFUL}")))[..] else { panic!() };
    assert_eq!((bad.id, bad.severity), ("conntrack-notrack", Severity::Error));
    assert_eq!(bad.fix, [delete]);
    let nat = half_open(tracking(&format!("{NOTRACK}{MASQUERADE}")));
    assert_eq!(found(&nat)[0].severity, Severity::Error);
    assert_eq!(found(&facts(NOTRACK)), []);
    let elsewhere = NOTRACK.replace("192.0.2.1", "192.0.2.7");
    assert_eq!(found(&tracking(&elsewhere)), []);
}

#[test]
fn a_full_table_is_told_before_it_is_full() {
    let with = |count: &str| {
        let mut facts = facts("");
        set(&mut facts, "net.netfilter.nf_conntrack_count", count);
        set(&mut facts, "net.netfilter.nf_conntrack_max", "1000");
        facts
    };
    assert_eq!(found(&with("800")), []);
    let fix = "sysctl -w net.netfilter.nf_conntrack_max=2000".to_owned();
    assert_eq!(only(&with("801")), ("conntrack-full", vec![fix]));
}

#[test]
fn old_kernels_delay_ports_that_are_used_again() {
    let with = |release: &str, mode: &str| {
        let mut facts = tracking("");
        facts.host.release = release.to_owned();
        set(&mut facts, "net.ipv4.vs.conn_reuse_mode", mode);
        facts
    };
    assert_eq!(only(&with("5.4.0-150-generic", "1")).0, "reuse-delay");
    assert_eq!(only(&with("4.18.0-553.el8_10.x86_64", "1")).0, "reuse-delay");
    assert_eq!(found(&with("5.4.0-150-generic", "0")), []);
    assert_eq!(found(&with("5.10.0", "1")), []);
    assert_eq!(found(&with("6.1.0", "1")), []);
    let mut off = with("5.4.0", "1");
    set(&mut off, "net.ipv4.vs.conntrack", "0");
    assert_eq!(found(&off), []);
}

#[test]
fn replies_that_are_kept_from_tracking_on_purpose_come_through() {
    let stateless = "*raw\n:PREROUTING ACCEPT [0:0]\n\
        -A PREROUTING -s 10.0.0.2/32 -p tcp -m tcp --sport 80 -j CT --notrack\nCOMMIT\n\
        *filter\n:FORWARD DROP [0:0]\n\
        -A FORWARD -m conntrack --ctstate ESTABLISHED,UNTRACKED -j ACCEPT\nCOMMIT\n";
    assert_eq!(found(&facts(stateless)), []);
    // Those of some clients only.
    let some = stateless.replace("-A PREROUTING", "-A PREROUTING -d 198.51.100.0/24");
    assert_eq!(found(&facts(&some)), []);
}
