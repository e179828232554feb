use serde_json::json;

use super::super::examine;
use super::*;
use crate::doctor::facts::firewall::Packets;
use crate::doctor::facts::{Method, Server};
use crate::doctor::gather::firewall::{iptables, nft};

/// A director with one masqueraded server, and these rules of iptables.
pub(in crate::doctor::checks) fn facts(rules: &str) -> Facts {
    let mut facts: Facts = serde_json::from_value(json!({
        "host": { "release": "6.1.0" },
        "ipvs": { "services": [{
            "key": "TCP 192.0.2.1:80",
            "scheduler": "rr",
            "servers": [{ "key": "10.0.0.2:80", "method": "masquerade", "weight": 1 }],
        }] },
        "connections": {},
        "network": {
            "links": [
                { "index": 1, "name": "lo", "up": true, "loopback": true },
                { "index": 2, "name": "eth0", "up": true },
                { "index": 3, "name": "eth1", "up": true },
            ],
            "ways": [
                { "to": "10.0.0.2", "kind": "unicast", "interface": "eth1" },
                { "to": "192.0.2.1", "kind": "local", "interface": "lo" },
            ],
        },
        "sysctls": { "net.ipv4.vs.conntrack": "0" },
    }))
    .expect("facts");
    let chains = iptables::parse(rules, Packets::Ip, Tool::Iptables);
    facts.firewall = Some(Firewall { chains, ..Firewall::default() });
    facts
}

/// What these two files find.
pub(in crate::doctor::checks) fn found(facts: &Facts) -> Vec<Finding> {
    let ours = [CHECKS, super::super::conntrack::CHECKS].concat_ids();
    let mut findings = examine(facts).findings;
    findings.retain(|it| ours.contains(&it.id));
    findings
}

trait Ids {
    fn concat_ids(&self) -> Vec<&'static str>;
}

impl Ids for [&[Check]; 2] {
    fn concat_ids(&self) -> Vec<&'static str> {
        self.iter().copied().flatten().map(|check| check.id).collect()
    }
}

/// The id and the commands of the only finding.
#[track_caller]
pub(in crate::doctor::checks) fn only(facts: &Facts) -> (&'static str, Vec<String>) {
    let findings = found(facts);
    let [finding] = &findings[..] else { panic!("{findings:#?}") };
    (finding.id, finding.fix.clone())
}

#[test]
fn input_lets_requests_through_or_not() {
    let facts = |policy: &str| facts(&format!("*filter\n:INPUT {policy} [0:0]\nCOMMIT\n"));
    assert_eq!(found(&facts("ACCEPT")), []);
    let fix = "iptables -I INPUT -d 192.0.2.1 -p tcp --dport 80 -j ACCEPT";
    assert_eq!(only(&facts("DROP")), ("firewall-drops", vec![fix.to_owned()]));
    // Whatever it looks like, there are new connections.
    let mut works = facts("DROP");
    works.ipvs.as_mut().expect("services").services[0].growth.connections = 1;
    assert_eq!(found(&works), []);
}

#[test]
fn forward_matters_to_masquerading_alone() {
    let mut facts = facts("*filter\n:FORWARD DROP [0:0]\nCOMMIT\n");
    let fix = "iptables -I FORWARD -s 10.0.0.2 -p tcp --sport 80 -j ACCEPT";
    assert_eq!(only(&facts), ("firewall-drops", vec![fix.to_owned()]));
    // One that is out of use, in the firewall as in the table.
    let mut out = facts.clone();
    out.ipvs.as_mut().expect("services").services[0].servers[0].weight = 0;
    assert_eq!(found(&out), []);
    let server =
        |facts: &mut Facts| facts.ipvs.as_mut().expect("services").services[0].servers[0].clone();
    let direct = |facts: &mut Facts| {
        let it = Server { method: Method::Direct, ..server(facts) };
        facts.ipvs.as_mut().expect("services").services[0].servers[0] = it;
    };
    direct(&mut facts);
    assert_eq!(found(&facts), []);
}

#[test]
fn rules_of_nft_are_mended_by_nft() {
    let mut facts = facts("");
    let json = json!({ "nftables": [
        { "chain": { "family": "inet", "table": "filter", "name": "in", "handle": 2,
            "type": "filter", "hook": "input", "prio": 0, "policy": "accept" } },
        { "rule": { "family": "inet", "table": "filter", "chain": "in", "handle": 3, "expr": [
            { "match": { "op": "!=",
                "left": { "payload": { "protocol": "tcp", "field": "dport" } }, "right": 22 } },
            { "drop": null } ] } },
    ] });
    let ruleset = nft::parse(&json.to_string(), "").expect("a ruleset");
    facts.firewall = Some(Firewall { chains: ruleset.chains, ..Firewall::default() });
    let fix = "nft insert rule inet filter in ip daddr 192.0.2.1 tcp dport 80 accept";
    assert_eq!(only(&facts), ("firewall-drops", vec![fix.to_owned()]));
}

#[test]
fn many_services_are_one_finding() {
    let mut facts = facts("*filter\n:INPUT DROP [0:0]\nCOMMIT\n");
    let ipvs = facts.ipvs.as_mut().expect("services");
    let service = ipvs.services[0].clone();
    ipvs.services = (1..=50)
        .map(|port| {
            let key = ServiceKey::tcp(([192, 0, 2, 1], port));
            Service { key, ..service.clone() }
        })
        .collect();
    let (id, fix) = only(&facts);
    assert_eq!((id, fix.len()), ("firewall-drops", MOST_LINES + 1));
}

#[test]
fn a_mark_needs_a_rule() {
    let with = |rule: &str| {
        let mut facts = facts(&format!("*mangle\n:PREROUTING ACCEPT [0:0]\n{rule}\nCOMMIT\n"));
        let key = ServiceKey::firewall_mark(
            std::num::NonZeroU32::new(7).expect("not 0"),
            ipvs::AddressFamily::V4,
        );
        let services = &mut facts.ipvs.as_mut().expect("services").services;
        services[0] = Service { key, ..services[0].clone() };
        facts
    };
    let (id, fix) = only(&with("-A PREROUTING -p tcp -j MARK --set-xmark 0x6/0xffffffff"));
    assert!(id == "mark-not-set" && fix[0].starts_with("# iptables -t mangle"), "{id} {fix:?}");
    for rule in [
        "-A PREROUTING -p tcp -j MARK --set-xmark 0x7/0xffffffff",
        // One bit of it each.
        "-A PREROUTING -p tcp -j MARK --set-xmark 0x4/0x4",
        "-A PREROUTING -j CONNMARK --restore-mark --nfmask 0xffffffff --ctmask 0xffffffff",
    ] {
        assert_eq!(found(&with(rule)), [], "{rule}");
    }
    // Where not all rules are known, or packets come in, nothing is said.
    let mut facts = with("");
    facts.firewall.as_mut().expect("rules").hidden = Some("install nft".to_owned());
    assert_eq!(found(&facts), []);
    assert!(examine(&facts).not_checked.iter().any(|it| it.id == "mark-not-set"));
    let mut facts = with("");
    facts.ipvs.as_mut().expect("services").services[0].growth.incoming_packets = 1;
    assert_eq!(found(&facts), []);
}
