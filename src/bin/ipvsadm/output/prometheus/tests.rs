//! The exposition, as Prometheus reads it.

use std::collections::HashSet;
use std::net::SocketAddr;
use std::num::NonZeroU32;

use ipvs::{AddressFamily, DestinationConfig, ServiceConfig, Version};

use super::*;
use crate::output::print_entries;
use crate::process::printed;

fn socket(text: &str) -> SocketAddr {
    text.parse().expect("an address")
}

fn server(address: &str) -> Destination {
    let mut stats = Stats::default();
    stats.connections = u64::MAX;
    let mut server = Destination::new(socket(address).into(), DestinationConfig::default());
    server.active_connections = 7;
    server.inactive_connections = 1;
    server.stats = Some(Box::new(stats));
    server
}

fn entry(key: ServiceKey, scheduler: &str, destinations: Vec<Destination>) -> SnapshotEntry {
    let config = ServiceConfig::new(scheduler.parse().expect("a name"));
    let mut service = Service::new(key, config);
    service.stats = Some(Box::default());
    SnapshotEntry::new(service, destinations)
}

fn exposition() -> String {
    let mark = |family| ServiceKey::firewall_mark(NonZeroU32::new(0x1F).expect("a mark"), family);
    let entries = [
        entry(
            ServiceKey::tcp(socket("10.0.0.1:80")),
            "wlc",
            vec![server("10.0.0.2:80"), server("10.0.0.3:80")],
        ),
        entry(ServiceKey::udp(socket("[2001:db8::1]:53")), "a\"\\\n", vec![]),
        entry(mark(AddressFamily::V4), "rr", vec![server("10.0.0.2:0")]),
        entry(mark(AddressFamily::V6), "rr", vec![server("10.0.0.2:0")]),
    ];
    let version = Version { major: 1, minor: 2, patch: 1 };
    let info = Info::new(version, 4096);
    let mut totals = Stats::default();
    totals.incoming_bytes = 5;
    let namespace = Namespace { info, totals: Some(totals) };
    printed(|sink| print_entries(&mut Prometheus::new(sink, Some(namespace)), &entries))
}

#[test]
fn metrics_of_node_exporter_are_as_there() {
    let text = exposition();
    for line in [
        "# HELP node_ipvs_incoming_bytes_total The total amount of incoming data.",
        "# TYPE node_ipvs_incoming_bytes_total counter",
        "node_ipvs_incoming_bytes_total 5",
        "# TYPE node_ipvs_backend_connections_active gauge",
        "node_ipvs_backend_connections_active{local_address=\"10.0.0.1\",local_port=\"80\",remote_address=\"10.0.0.2\",remote_port=\"80\",proto=\"TCP\",local_mark=\"\"} 7",
        // One server of two services that it cannot tell apart.
        "node_ipvs_backend_weight{local_address=\"\",local_port=\"0\",remote_address=\"10.0.0.2\",remote_port=\"0\",proto=\"FWM\",local_mark=\"0000001F\"} 2",
    ] {
        assert!(text.lines().any(|found| found == line), "{line}\n{text}");
    }
}

#[test]
fn names_are_escaped() {
    assert!(exposition().contains(r#"scheduler="a\"\\\n","#), "{}", exposition());
}

#[test]
fn each_metric_stands_together_under_its_head_and_no_series_twice() {
    let text = exposition();
    assert!(text.ends_with('\n'));
    let (mut heads, mut series) = (HashSet::new(), HashSet::new());
    let mut current = "";
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        if let Some(help) = line.strip_prefix("# HELP ") {
            let (name, _) = help.split_once(' ').expect("a help text");
            assert!(heads.insert(name), "{name} twice");
            let kind = lines.next().and_then(|line| line.strip_prefix("# TYPE "));
            let kind = kind.and_then(|kind| kind.strip_prefix(name)).expect("its type follows");
            assert_eq!(kind == " counter", name.ends_with("_total"), "{name}");
            current = name;
            continue;
        }
        let (found, value) = line.rsplit_once(' ').expect("a value");
        assert!(value.parse::<u64>().is_ok(), "{line}");
        assert!(series.insert(found), "{found} twice");
        assert_eq!(found.split('{').next(), Some(current), "{line}");
    }
    assert!(series.len() > heads.len());
}
