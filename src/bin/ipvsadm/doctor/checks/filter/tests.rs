use super::*;
use crate::doctor::facts::firewall::{Packets, Tool, tcp_flag};
use crate::doctor::gather::firewall::iptables;

/// A request to 192.0.2.1:80, of a client that is not known.
fn request() -> Packet {
    Packet {
        protocol: 6,
        destination: Some("192.0.2.1".parse().expect("an address")),
        destination_port: Some(80),
        flags: Some(tcp_flag::SYN),
        state: Some(state::NEW),
        mark: Some(0),
        incoming: vec!["eth0".to_owned(), "eth1".to_owned()],
        destination_type: Some("local"),
        ..Packet::default()
    }
}

/// What drops it in INPUT: the rule, or `policy`; `None` if that is not certain.
fn dropped_by(rules: &str) -> Option<String> {
    let rules = format!("*filter\n{rules}\nCOMMIT\n");
    let chains = iptables::parse(&rules, Packets::Ip, Tool::Iptables);
    let firewall = Firewall { chains, ..Firewall::default() };
    let drops = Filter::new(&firewall).drops(&[Hook::Input], &request());
    drops.first().map(|it| it.rule.map_or("policy".to_owned(), |rule| rule.text.clone()))
}

#[test]
fn a_policy_drops_what_no_rule_accepts() {
    let policy = Some("policy".to_owned());
    let with = |rules: &str| dropped_by(&format!(":INPUT DROP [0:0]\n{rules}"));
    assert_eq!(with(""), policy);
    assert_eq!(with("-A INPUT -i lo -j ACCEPT"), policy);
    assert_eq!(with("-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT"), policy);
    assert_eq!(with("-A INPUT -p tcp -m tcp --dport 22 -j ACCEPT"), policy);
    assert_eq!(with("-A INPUT -p udp -j ACCEPT"), policy);
    assert_eq!(with("-A INPUT -s 0.0.0.0/0 -j ACCEPT"), None);
    assert_eq!(with("-A INPUT -p tcp -m multiport --dports 80,443 -j ACCEPT"), None);
    assert_eq!(with("-A INPUT -d 192.0.2.0/24 -i eth+ -j ACCEPT"), None);
    assert_eq!(with("-A INPUT -m addrtype --dst-type LOCAL -j ACCEPT"), None);
    assert_eq!(with("-A INPUT -p tcp -m tcp --tcp-flags FIN,SYN,RST,ACK SYN -j ACCEPT"), None);
    // From somewhere, perhaps.
    assert_eq!(with("-A INPUT -s 10.0.0.0/8 -j ACCEPT"), None);
    assert_eq!(with("-A INPUT -i eth0 -j ACCEPT"), None);
    assert_eq!(with("-A INPUT -m set --match-set good src -j ACCEPT"), None);
    // What drops some of them is not what drops all.
    assert_eq!(with("-A INPUT -m set --match-set bad src -j DROP"), policy);
    let last = "-A INPUT -p tcp -j DROP";
    let both = format!("-A INPUT -s 10.0.0.0/8 -j DROP\n{last}");
    assert_eq!(with(&both).as_deref(), Some(last));
}

#[test]
fn a_rule_drops_only_what_is_certain() {
    let with =
        |rules: &str| dropped_by(&format!(":INPUT ACCEPT [0:0]\n:A - [0:0]\n:B - [0:0]\n{rules}"));
    assert_eq!(with(""), None);
    assert!(with("-A INPUT -p tcp -m tcp --dport 80 -j REJECT").is_some());
    assert!(with("-A INPUT -p tcp -m tcp --dport 1:1023 -j DROP").is_some());
    assert!(with("-A INPUT -j A\n-A A -j B\n-A B -p tcp -j DROP").is_some());
    assert!(
        with("-A INPUT -g A\n-A INPUT -j ACCEPT\n-A A -j B\n-A B -j RETURN\n-A A -j DROP")
            .is_some()
    );
    assert!(with("-A INPUT -m limit --limit 1/sec -j RETURN\n-A INPUT -j DROP").is_none());
    assert!(with("-A INPUT -j A\n-A A -j RETURN\n-A A -j DROP").is_none());
    assert!(with("-A INPUT -s 10.0.0.1/32 -j DROP").is_none());
    assert!(with("-A INPUT -m recent --name x -j A\n-A A -j DROP").is_none());
    assert!(with("-A INPUT -m conntrack --ctstate INVALID -j DROP").is_none());
    assert!(with("-A INPUT -j NFQUEUE --queue-num 0").is_none());
    assert!(with("-A INPUT -p tcp -m tcp ! --dport 22 -j DROP").is_some());
    // Both ways lead to the same.
    assert!(with("-A INPUT -s 10.0.0.0/8 -j DROP\n-A INPUT -j DROP").is_some());
    assert!(with("-A INPUT -s 10.0.0.0/8 -j DROP\n-A INPUT -j ACCEPT").is_none());
}

#[test]
fn a_mark_goes_along() {
    let with = |rules: &str| dropped_by(&format!(":INPUT ACCEPT [0:0]\n{rules}"));
    let check = "-A INPUT -m mark --mark 0x3/0xf -j DROP";
    assert!(with(check).is_none());
    assert!(with(&format!("-A INPUT -j MARK --set-xmark 0x13/0xffffffff\n{check}")).is_some());
    assert!(
        with(&format!("-A INPUT -s 10.0.0.1/32 -j MARK --set-xmark 0x3/0xf\n{check}")).is_none()
    );
    assert!(with("-A INPUT -m mark ! --mark 0x3 -j DROP").is_some());
}

#[test]
fn a_loop_ends() {
    let rules = ":INPUT ACCEPT [0:0]\n:A - [0:0]\n-A INPUT -j A\n-A A -j A\n-A A -j DROP";
    assert_eq!(dropped_by(rules), None);
}
