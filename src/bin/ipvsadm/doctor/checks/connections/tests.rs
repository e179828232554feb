use super::*;
use crate::doctor::checks::examine;
use crate::doctor::facts::{Address, Connections, Counters, Ipvs, Network};

const SERVICE: &str = "TCP 192.0.2.1:80";

/// A service with one server, 10.0.0.2:80, and a group of connections between them.
fn facts(method: &str, weight: u32, sysctls: &[(&str, &str)]) -> Facts {
    let service = serde_json::json!({
        "key": SERVICE, "scheduler": "rr",
        "servers": [{"key": "10.0.0.2:80", "method": method, "weight": weight}],
    });
    let group = serde_json::json!({
        "service": SERVICE, "destination": "10.0.0.2:80", "protocol": "TCP",
        "to": "192.0.2.1:80", "server": "10.0.0.2:80",
    });
    let own = serde_json::json!({"address": "192.0.2.1", "prefix": 24, "interface": "eth0"});
    let own: Address = serde_json::from_value(own).expect("an address");
    Facts {
        ipvs: Some(Ipvs {
            services: vec![serde_json::from_value(service).expect("a service")],
            tcp_timeout: 900,
            ..Ipvs::default()
        }),
        connections: Some(Connections {
            groups: vec![serde_json::from_value(group).expect("a group")],
            ..Connections::default()
        }),
        network: Some(Network { addresses: vec![own], ..Network::default() }),
        sysctls: sysctls.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect(),
        ..Facts::default()
    }
}

fn group(facts: &mut Facts) -> &mut Group {
    &mut facts.connections.as_mut().expect("it is known").groups[0]
}

fn service(facts: &mut Facts) -> &mut Service {
    &mut facts.ipvs.as_mut().expect("it is known").services[0]
}

fn has(id: &str, facts: &Facts) -> bool {
    examine(facts).findings.iter().any(|finding| finding.id == id)
}

#[test]
fn half_open_connections_are_told_from_a_flood() {
    let mut facts = facts("direct", 1, &[]);
    // Spoofed clients do not try again.
    *group(&mut facts) = Group { half_open: 9, stuck: 9, ..group(&mut facts).clone() };
    let counters = Counters { connections: 9, incoming_packets: 9, outgoing_packets: 0 };
    service(&mut facts).servers[0].counters = counters;
    assert!(!has("half-open", &facts));
    group(&mut facts).retried = 1;
    assert!(has("half-open", &facts));
    // The server answers others.
    group(&mut facts).fresh = 1;
    assert!(!has("half-open", &facts));
    // Its clients have given up, and it has never answered.
    *group(&mut facts) = Group { fresh: 0, retried: 0, ..group(&mut facts).clone() };
    service(&mut facts).servers[0].counters.incoming_packets = 20;
    assert!(has("half-open", &facts));
    // A backup that leaves all to the other director.
    let daemon = serde_json::json!({"role": "backup", "interface": "eth0", "sync_id": 0});
    let daemon = serde_json::from_value(daemon).expect("a daemon");
    let mut backup = facts.clone();
    backup.ipvs.as_mut().expect("it is known").daemons = vec![daemon];
    assert!(has("half-open", &backup));
    backup.sysctls.insert("net.ipv4.vs.backup_only".into(), "1".into());
    assert!(!has("half-open", &backup));
    service(&mut facts).servers[0].method = Method::Masquerade;
    assert!(!has("half-open", &facts));
}

#[test]
fn the_director_is_no_client_of_direct_routing() {
    let mut facts = facts("direct", 1, &[]);
    assert!(!has("director-as-client", &facts));
    group(&mut facts).stuck_from_director = 1;
    assert!(has("director-as-client", &facts));
    service(&mut facts).servers[0].method = Method::Masquerade;
    assert!(!has("director-as-client", &facts));
}

#[test]
fn a_port_that_is_ignored_is_found() {
    let mut facts = facts("tunnel", 1, &[]);
    assert!(!has("port-ignored", &facts));
    service(&mut facts).servers[0].key.port = 8080;
    assert!(has("port-ignored", &facts));
    service(&mut facts).servers[0].method = Method::Masquerade;
    assert!(!has("port-ignored", &facts));
}

#[test]
fn what_sticks_to_a_server_of_weight_0_is_found() {
    let mut facts = facts(
        "masquerade",
        0,
        &[("net.ipv4.vs.conn_reuse_mode", "0"), ("net.ipv4.vs.expire_quiescent_template", "0")],
    );
    for id in ["reuse-sticks", "udp-sticks", "persistence-sticks"] {
        assert!(!has(id, &facts), "{id}");
    }
    *group(&mut facts) = Group { reused: 1, fresh: 1, ..group(&mut facts).clone() };
    assert!(has("reuse-sticks", &facts) && !has("udp-sticks", &facts));
    group(&mut facts).protocol = "UDP".to_owned();
    assert!(has("udp-sticks", &facts));
    service(&mut facts).servers[0].growth.connections = 1;
    assert!(!has("persistence-sticks", &facts));
    service(&mut facts).persistent = Some(300);
    assert!(has("persistence-sticks", &facts));
    for name in ["conn_reuse_mode", "expire_quiescent_template"] {
        facts.sysctls.insert(format!("net.ipv4.vs.{name}"), "1".to_owned());
    }
    assert!(!has("persistence-sticks", &facts));
    group(&mut facts).protocol = "TCP".to_owned();
    assert!(!has("reuse-sticks", &facts));
    // IPVS does not see how connections end whose replies do not pass it.
    service(&mut facts).servers[0].method = Method::Direct;
    assert!(has("reuse-sticks", &facts));
    facts.sysctls.insert("net.ipv4.vs.conn_reuse_mode".to_owned(), "3".to_owned());
    assert!(!has("reuse-sticks", &facts));
}

#[test]
fn orphans_are_found() {
    let mut facts = facts("masquerade", 1, &[("net.ipv4.vs.expire_nodest_conn", "0")]);
    group(&mut facts).open = 3;
    assert!(!has("orphans-kept", &facts));
    group(&mut facts).destination = None;
    assert!(has("orphans-kept", &facts));
    // It may be that of a firewall mark.
    service(&mut facts).key = "FWM 5".parse().expect("a service");
    assert!(!has("orphans-kept", &facts));
    facts.sysctls.insert("net.ipv4.vs.expire_nodest_conn".to_owned(), "1".to_owned());
    service(&mut facts).key = SERVICE.parse().expect("a service");
    assert!(!has("orphans-kept", &facts));
}

#[test]
fn idle_connections_are_told_only_where_there_are_some() {
    let mut facts = facts("masquerade", 1, &[("net.ipv4.tcp_keepalive_time", "7200")]);
    assert!(!has("idle-below-keepalive", &facts));
    group(&mut facts).idle = 1;
    assert!(has("idle-below-keepalive", &facts));
    facts.ipvs.as_mut().expect("it is known").tcp_timeout = 7500;
    assert!(!has("idle-below-keepalive", &facts));
}
