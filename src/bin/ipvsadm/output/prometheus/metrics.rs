//! The metrics: names, kinds and help texts.
//!
//! Those that node_exporter's collector `ipvs` has too bear the name, the labels and the help text
//! that they have there, so that dashboards made for it work.

use ipvs::{Destination, Stats};

/// A metric, without its samples.
pub(super) struct Metric {
    pub(super) name: &'static str,
    pub(super) kind: &'static str,
    pub(super) help: &'static str,
}

pub(super) const fn gauge(name: &'static str, help: &'static str) -> Metric {
    Metric { name, kind: "gauge", help }
}

const fn counter(name: &'static str, help: &'static str) -> Metric {
    Metric { name, kind: "counter", help }
}

/// A counter, and how its value is found.
type Counted = (Metric, fn(&Stats) -> u64);

/// Those of the namespace that node_exporter has.
pub(super) const TOTALS: [Counted; 5] = [
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

/// A gauge of a server, and how its value is found.
type Measured = (Metric, fn(&Destination) -> u64);

/// Those of a server that node_exporter has.
pub(super) const NODE_BACKENDS: [Measured; 3] = [
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

pub(super) const SERVICE_COUNTERS: [Counted; 5] = [
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

pub(super) const BACKEND_GAUGES: [Measured; 3] = [
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

pub(super) const BACKEND_COUNTERS: [Counted; 5] = [
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
