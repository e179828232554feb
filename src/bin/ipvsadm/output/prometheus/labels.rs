//! Labels: they tell the samples of a metric apart.

use std::fmt::Write as _;

use ipvs::{AddressFamily, Destination, ServiceConfig, ServiceKey};

/// The labels that node_exporter has: those of a service, and of one of its servers if given.
pub(super) fn node_labels(service: &ServiceKey, server: Option<&Destination>) -> String {
    let (mut address, mut port, mut proto, mut mark) =
        (String::new(), 0, "FWM".to_owned(), String::new());
    match service {
        ServiceKey::Address { protocol, address: at, port: on } => {
            (address, port, proto) = (at.to_string(), *on, protocol.to_string());
        }
        // As /proc/net/ip_vs shows it, which node_exporter reads.
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

/// The same labels, and the service's family.
pub(super) fn labels(service: &ServiceKey, server: Option<&Destination>) -> String {
    let family = match service.family() {
        AddressFamily::V4 => "ipv4",
        AddressFamily::V6 => "ipv6",
    };
    format!("{},family=\"{family}\"", node_labels(service, server))
}

/// The configuration of a service as labels.
pub(super) fn configuration(config: &ServiceConfig) -> String {
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

/// A label's value. Names of schedulers and engines may hold anything, and only they can need
/// escaping.
fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}
