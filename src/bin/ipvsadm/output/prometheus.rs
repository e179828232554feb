//! What Prometheus reads (`--format prometheus`): its text exposition format, version 0.0.4.
//!
//! What node_exporter's collector `ipvs` also tells has the name, the labels and the help text that
//! it has there, so that dashboards made for it work. `docs/prometheus.md` lists all metrics.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::io::{self, Write};

use ipvs::rules::grammar::text::push_number;
use ipvs::{AddressFamily, Destination, Info, ServiceKey, SnapshotEntry, Stats};

use crate::process::Sink;

/// The totals of the whole network namespace, those of services that are gone included.
///
/// The kernel shows them in this file (`ip_vs_stats_show` in net/netfilter/ipvs/ip_vs_ctl.c), and
/// nowhere else.
pub(crate) const TOTALS_FILE: &str = "/proc/thread-self/net/ip_vs_stats";

/// Reads the totals: in the third line five hexadecimal numbers. `None` if they are not there.
pub(crate) fn totals(file: &str) -> Option<Stats> {
    let mut numbers = file
        .lines()
        .nth(2)?
        .split_ascii_whitespace()
        .map(|number| u64::from_str_radix(number, 16).ok());
    let mut next = || numbers.next().flatten();
    let mut stats = Stats::default();
    stats.connections = next()?;
    stats.incoming_packets = next()?;
    stats.outgoing_packets = next()?;
    stats.incoming_bytes = next()?;
    stats.outgoing_bytes = next()?;
    Some(stats)
}

/// What is the same about all numbers of a name.
struct Metric {
    name: &'static str,
    kind: &'static str,
    help: &'static str,
}

const fn gauge(name: &'static str, help: &'static str) -> Metric {
    Metric { name, kind: "gauge", help }
}

const fn counter(name: &'static str, help: &'static str) -> Metric {
    Metric { name, kind: "counter", help }
}

/// A counter, and which of the statistics it is.
type Counted = (Metric, fn(&Stats) -> u64);

/// As node_exporter has them.
const TOTALS: [Counted; 5] = [
    (counter("node_ipvs_connections_total", "The total number of connections made."), |stats| {
        stats.connections
    }),
    (
        counter("node_ipvs_incoming_packets_total", "The total number of incoming packets."),
        |stats| stats.incoming_packets,
    ),
    (
        counter("node_ipvs_outgoing_packets_total", "The total number of outgoing packets."),
        |stats| stats.outgoing_packets,
    ),
    (counter("node_ipvs_incoming_bytes_total", "The total amount of incoming data."), |stats| {
        stats.incoming_bytes
    }),
    (counter("node_ipvs_outgoing_bytes_total", "The total amount of outgoing data."), |stats| {
        stats.outgoing_bytes
    }),
];

/// A gauge of a server, and which of its numbers it is.
type Measured = (Metric, fn(&Destination) -> u64);

/// As node_exporter has them.
const NODE_BACKENDS: [Measured; 3] = [
    (
        gauge(
            "node_ipvs_backend_connections_active",
            "The current active connections by local and remote address.",
        ),
        |server| server.active_connections as u64,
    ),
    (
        gauge(
            "node_ipvs_backend_connections_inactive",
            "The current inactive connections by local and remote address.",
        ),
        |server| server.inactive_connections as u64,
    ),
    (
        gauge(
            "node_ipvs_backend_weight",
            "The current backend weight by local and remote address.",
        ),
        |server| server.config.weight as u64,
    ),
];

const SERVICE_COUNTERS: [Counted; 5] = [
    (
        counter("ipvs_service_connections_total", "Connections scheduled for a virtual service."),
        |stats| stats.connections,
    ),
    (
        counter("ipvs_service_incoming_packets_total", "Packets from clients to a service."),
        |stats| stats.incoming_packets,
    ),
    (
        counter("ipvs_service_outgoing_packets_total", "Packets from a service to clients."),
        |stats| stats.outgoing_packets,
    ),
    (counter("ipvs_service_incoming_bytes_total", "Bytes from clients to a service."), |stats| {
        stats.incoming_bytes
    }),
    (counter("ipvs_service_outgoing_bytes_total", "Bytes from a service to clients."), |stats| {
        stats.outgoing_bytes
    }),
];

const BACKEND_GAUGES: [Measured; 3] = [
    (
        gauge(
            "ipvs_backend_connections_persistent",
            "The persistence templates that point to a real server.",
        ),
        |server| server.persistent_connections as u64,
    ),
    (
        gauge(
            "ipvs_backend_upper_threshold",
            "At this many connections a real server gets no more; 0 is no limit.",
        ),
        |server| server.config.upper_threshold as u64,
    ),
    (
        gauge(
            "ipvs_backend_lower_threshold",
            "Below this many connections a full real server gets new ones; 0 is 3/4 of the upper.",
        ),
        |server| server.config.lower_threshold as u64,
    ),
];

const BACKEND_COUNTERS: [Counted; 5] = [
    (
        counter("ipvs_backend_connections_total", "Connections scheduled to a real server."),
        |stats| stats.connections,
    ),
    (
        counter("ipvs_backend_incoming_packets_total", "Packets from clients to a real server."),
        |stats| stats.incoming_packets,
    ),
    (
        counter("ipvs_backend_outgoing_packets_total", "Packets from a real server to clients."),
        |stats| stats.outgoing_packets,
    ),
    (
        counter("ipvs_backend_incoming_bytes_total", "Bytes from clients to a real server."),
        |stats| stats.incoming_bytes,
    ),
    (
        counter("ipvs_backend_outgoing_bytes_total", "Bytes from a real server to clients."),
        |stats| stats.outgoing_bytes,
    ),
];

/// All 0 where there are no statistics.
fn statistics(stats: &Option<Box<Stats>>) -> Stats {
    stats.as_deref().copied().unwrap_or_default()
}

/// Appends what is the kernel's as a whole.
pub(crate) fn whole(text: &mut Vec<u8>, info: &Info, totals: Option<&Stats>) {
    head(text, &gauge("ipvs_info", "The version of IPVS in the kernel; always 1."));
    sample(text, "ipvs_info", &format!("version=\"{}\"", info.version), 1);
    let size = gauge("ipvs_connection_table_size", "The buckets of the connection table.");
    head(text, &size);
    sample(text, size.name, "", info.connection_table_size.into());
    for (metric, value) in totals.iter().flat_map(|stats| TOTALS.map(|(m, of)| (m, of(stats)))) {
        head(text, &metric);
        sample(text, metric.name, "", value);
    }
}

/// Prints what is told of services and servers. All of a name stands together, as the format wants it.
/// What was printed may still be in the sink.
pub(crate) fn table<W: Write>(sink: &mut Sink<W>, entries: &[SnapshotEntry]) -> io::Result<()> {
    let services: Vec<(String, &SnapshotEntry)> =
        entries.iter().map(|entry| (own_labels(&entry.service.key, None), entry)).collect();
    let info = gauge("ipvs_service_info", "How a virtual service is set up; always 1.");
    let detailed = services.iter().map(|(labels, entry)| {
        let labels = format!("{labels},{}", settings(entry));
        (labels, 1)
    });
    samples(sink, &info, detailed)?;
    let count = gauge("ipvs_service_backends", "The real servers of a virtual service.");
    let counted = services.iter().map(|(labels, entry)| (labels, entry.destinations.len() as u64));
    samples(sink, &count, counted)?;
    for (metric, of) in SERVICE_COUNTERS {
        let values =
            services.iter().map(|(labels, entry)| (labels, of(&statistics(&entry.service.stats))));
        samples(sink, &metric, values)?;
    }

    node_backends(sink, entries)?;

    let backends: Vec<(String, &Destination)> = entries
        .iter()
        .flat_map(|entry| entry.destinations.iter().map(|server| (&entry.service.key, server)))
        .map(|(service, server)| (own_labels(service, Some(server)), server))
        .collect();
    for (metric, of) in BACKEND_GAUGES {
        let values = backends.iter().map(|(labels, server)| (labels, of(server)));
        samples(sink, &metric, values)?;
    }
    for (metric, of) in BACKEND_COUNTERS {
        let values =
            backends.iter().map(|(labels, server)| (labels, of(&statistics(&server.stats))));
        samples(sink, &metric, values)?;
    }
    Ok(())
}

/// The metrics of node_exporter, whose labels do not tell an IPv4 firewall mark from an IPv6 one: a
/// server of both counts once, with the sum, as there.
fn node_backends<W: Write>(sink: &mut Sink<W>, entries: &[SnapshotEntry]) -> io::Result<()> {
    let mut places: HashMap<String, usize> = HashMap::new();
    let mut backends: Vec<(String, [u64; NODE_BACKENDS.len()])> = Vec::new();
    for entry in entries {
        for server in &entry.destinations {
            let labels = labels(&entry.service.key, Some(server));
            let values = [0, 1, 2].map(|index: usize| NODE_BACKENDS[index].1(server));
            // Only marks can meet.
            if matches!(entry.service.key, ServiceKey::FirewallMark { .. }) {
                let place = *places.entry(labels.clone()).or_insert(backends.len());
                if let Some((_, sums)) = backends.get_mut(place) {
                    for (sum, value) in sums.iter_mut().zip(values) {
                        *sum += value;
                    }
                    continue;
                }
            }
            backends.push((labels, values));
        }
    }
    for (index, (metric, _)) in NODE_BACKENDS.iter().enumerate() {
        let values = backends.iter().map(|(labels, values)| (labels, values[index]));
        samples(sink, metric, values)?;
    }
    Ok(())
}

/// All of one name.
fn samples<W: Write>(
    sink: &mut Sink<W>,
    metric: &Metric,
    values: impl Iterator<Item = (impl AsRef<str>, u64)>,
) -> io::Result<()> {
    head(&mut sink.text, metric);
    for (labels, value) in values {
        sample(&mut sink.text, metric.name, labels.as_ref(), value);
        sink.pass()?;
    }
    Ok(())
}

/// The labels that node_exporter has: of the service, and of the server where there is one.
fn labels(service: &ServiceKey, server: Option<&Destination>) -> String {
    let (mut address, mut port, mut proto, mut mark) =
        (String::new(), 0, "FWM".to_owned(), String::new());
    match service {
        ServiceKey::Address { protocol, address: at, port: on } => {
            (address, port, proto) = (at.to_string(), *on, protocol.to_string());
        }
        // As /proc/net/ip_vs shows it, where node_exporter has it from.
        ServiceKey::FirewallMark { mark: by, .. } => mark = format!("{by:08X}"),
    }
    let mut text = format!("local_address=\"{address}\",local_port=\"{port}\",");
    if let Some(server) = server {
        let (address, port) = (server.key.address, server.key.port);
        // Writing to memory does not fail.
        let _ = write!(text, "remote_address=\"{address}\",remote_port=\"{port}\",");
    }
    let _ = write!(text, "proto=\"{proto}\",local_mark=\"{mark}\"");
    text
}

/// Those, and the service's family.
fn own_labels(service: &ServiceKey, server: Option<&Destination>) -> String {
    let family = match service.family() {
        AddressFamily::V4 => "ipv4",
        AddressFamily::V6 => "ipv6",
    };
    format!("{},family=\"{family}\"", labels(service, server))
}

fn settings(entry: &SnapshotEntry) -> String {
    let config = &entry.service.config;
    let flags: Vec<&str> =
        config.scheduler_flags.names_in_rules(config.scheduler.as_str()).collect();
    let persistence = config.persistence.map(|persistence| persistence.timeout_seconds.to_string());
    let engine = config.persistence_engine.map(|engine| engine.to_string());
    format!(
        "scheduler=\"{}\",scheduler_flags=\"{}\",persistence_seconds=\"{}\",\
         persistence_engine=\"{}\",one_packet=\"{}\"",
        escaped(config.scheduler.as_str()),
        flags.join(","),
        persistence.unwrap_or_default(),
        escaped(&engine.unwrap_or_default()),
        config.one_packet,
    )
}

/// A label's value. Names of schedulers may hold anything; all else is made of plain characters.
fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

fn head(text: &mut Vec<u8>, metric: &Metric) {
    let Metric { name, kind, help } = metric;
    text.extend_from_slice(format!("# HELP {name} {help}\n# TYPE {name} {kind}\n").as_bytes());
}

fn sample(text: &mut Vec<u8>, name: &str, labels: &str, value: u64) {
    text.extend_from_slice(name.as_bytes());
    if !labels.is_empty() {
        text.push(b'{');
        text.extend_from_slice(labels.as_bytes());
        text.push(b'}');
    }
    text.push(b' ');
    push_number(text, value);
    text.push(b'\n');
}

#[cfg(test)]
#[path = "prometheus_tests.rs"]
mod tests;
