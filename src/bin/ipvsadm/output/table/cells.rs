//! The text of the table's cells.

use std::net::IpAddr;

use ipvs::rules::grammar::View;
use ipvs::rules::grammar::text::push_named_endpoint;
use ipvs::{
    AddressFamily, Destination, Forwarding, Protocol, Rates, Service, ServiceKey, Stats, Tunnel,
    TunnelChecksum,
};

use super::human;
use crate::names::ReverseNames;
use crate::output::statistics;

/// Makes the cells of each row.
pub(crate) struct Cells<'n> {
    pub(crate) view: View,
    /// Counters are printed in full.
    pub(crate) exact: bool,
    pub(crate) names: &'n ReverseNames,
}

impl Cells<'_> {
    /// The row of a service, with the sums over its servers.
    pub(super) fn service(&self, service: &Service, servers: &[Destination]) -> Vec<String> {
        let name = match service.key {
            ServiceKey::Address { protocol, address, port } => {
                format!("{protocol} {}", self.endpoint(address, port, Some(protocol)))
            }
            ServiceKey::FirewallMark { mark, family: AddressFamily::V4 } => format!("mark {mark}"),
            ServiceKey::FirewallMark { mark, family } => format!("mark {mark} {family}"),
        };
        let mut cells = vec![name, settings(service)];
        let sum = |of: fn(&Destination) -> u32| {
            servers.iter().map(|server| u64::from(of(server))).sum::<u64>().to_string()
        };
        let (active, inactive) =
            (sum(|server| server.active_connections), sum(|server| server.inactive_connections));
        match self.view {
            View::Stats => cells.extend(self.totals(&statistics(&service.stats))),
            View::Rate => cells.extend(self.rates(&statistics(&service.stats).rates)),
            View::Default => cells.extend([String::new(), active, inactive]),
            View::Thresholds => cells.extend([String::new(), String::new(), active, inactive]),
            View::PersistentConnections => {
                let persistent = sum(|server| server.persistent_connections);
                cells.extend([String::new(), persistent, active, inactive]);
            }
            View::TunnelInfo => {
                cells.extend([String::new(), String::new(), active, inactive]);
            }
        }
        cells
    }

    /// The row of a server.
    pub(super) fn server(&self, service: &ServiceKey, server: &Destination) -> Vec<String> {
        let protocol = match service {
            ServiceKey::Address { protocol, .. } => Some(*protocol),
            ServiceKey::FirewallMark { .. } => None,
        };
        let config = &server.config;
        let endpoint = self.endpoint(server.key.address, server.key.port, protocol);
        let mut cells = vec![format!("  {endpoint}"), forwarding(config.forwarding).to_owned()];
        let limit = |threshold: u32| match threshold {
            0 => "-".to_owned(),
            set => set.to_string(),
        };
        let weight = config.weight.to_string();
        let active = server.active_connections.to_string();
        let inactive = server.inactive_connections.to_string();
        match self.view {
            View::Stats => cells.extend(self.totals(&statistics(&server.stats))),
            View::Rate => cells.extend(self.rates(&statistics(&server.stats).rates)),
            View::Default => cells.extend([weight, active, inactive]),
            View::Thresholds => cells.extend([
                limit(config.upper_threshold),
                limit(config.lower_threshold),
                active,
                inactive,
            ]),
            View::PersistentConnections => {
                let persistent = server.persistent_connections.to_string();
                cells.extend([weight, persistent, active, inactive]);
            }
            View::TunnelInfo => {
                cells.extend([tunnel(config.forwarding), weight, active, inactive]);
            }
        }
        cells
    }

    fn endpoint(&self, address: IpAddr, port: u16, protocol: Option<Protocol>) -> String {
        let (host, service) = (self.names.host(address), self.names.port(port, protocol));
        let mut text = Vec::new();
        push_named_endpoint(&mut text, address, port, host, service);
        String::from_utf8_lossy(&text).into_owned()
    }

    fn totals(&self, stats: &Stats) -> [String; 5] {
        let counts = [stats.connections, stats.incoming_packets, stats.outgoing_packets];
        self.numbers(counts, [stats.incoming_bytes, stats.outgoing_bytes])
    }

    fn rates(&self, rates: &Rates) -> [String; 5] {
        let counts = [rates.connections, rates.incoming_packets, rates.outgoing_packets];
        self.numbers(counts, [rates.incoming_bytes, rates.outgoing_bytes])
    }

    fn numbers(&self, counts: [u64; 3], bytes: [u64; 2]) -> [String; 5] {
        let exact: fn(u64) -> String = |value| value.to_string();
        let (count, byte) = match self.exact {
            true => (exact, exact),
            false => (human::count as fn(u64) -> String, human::bytes as fn(u64) -> String),
        };
        let ([a, b, c], [d, e]) = (counts.map(count), bytes.map(byte));
        [a, b, c, d, e]
    }
}

/// The names of the columns: those of text, on the left, and those of numbers.
pub(super) struct Heads {
    pub(super) texts: &'static [&'static str],
    pub(super) numbers: &'static [&'static str],
}

pub(super) fn heads(view: View) -> Heads {
    const TEXTS: &[&str] = &["Service", "Scheduler / forwarding"];
    let numbers: &[&str] = match view {
        View::Default => &["Weight", "Active", "Inactive"],
        View::Stats => &["Connections", "Packets in", "Packets out", "Bytes in", "Bytes out"],
        View::Rate => {
            &["Connections/s", "Packets in/s", "Packets out/s", "Bytes in/s", "Bytes out/s"]
        }
        View::Thresholds => &["Upper", "Lower", "Active", "Inactive"],
        View::PersistentConnections => &["Weight", "Persistent", "Active", "Inactive"],
        View::TunnelInfo => {
            let texts = &["Service", "Scheduler / forwarding", "Tunnel"];
            return Heads { texts, numbers: &["Weight", "Active", "Inactive"] };
        }
    };
    Heads { texts: TEXTS, numbers }
}

/// `wrr flag-1, persistent 360 s, one packet`
fn settings(service: &Service) -> String {
    let config = &service.config;
    let mut text = config.scheduler.to_string();
    for flag in config.scheduler_flags.names_in_rules(config.scheduler.as_str()) {
        text += " ";
        text += flag;
    }
    if let Some(persistence) = &config.persistence {
        text += &format!(", persistent {} s", persistence.timeout_seconds);
        if !persistence.netmask.is_host() {
            text += &format!(" mask {}", persistence.netmask);
        }
    }
    if let Some(engine) = &config.persistence_engine {
        text += &format!(", by {engine}");
    }
    if config.one_packet {
        text += ", one packet";
    }
    text
}

fn forwarding(forwarding: Forwarding) -> &'static str {
    match forwarding {
        Forwarding::Masquerade => "masquerade",
        Forwarding::DirectRoute => "direct route",
        Forwarding::Tunnel(_) => "tunnel",
        Forwarding::Local => "local",
        Forwarding::Bypass => "bypass",
        _ => "unknown",
    }
}

fn tunnel(forwarding: Forwarding) -> String {
    let checksum = |checksum| match checksum {
        TunnelChecksum::None => "",
        TunnelChecksum::Checksum => ", checksum",
        TunnelChecksum::Remote => ", remote checksum",
    };
    match forwarding {
        Forwarding::Tunnel(Tunnel::Ipip) => "ipip".to_owned(),
        Forwarding::Tunnel(Tunnel::Gue { port, checksum: with }) => {
            format!("gue port {port}{}", checksum(with))
        }
        Forwarding::Tunnel(Tunnel::Gre { checksum: with }) => format!("gre{}", checksum(with)),
        _ => "-".to_owned(),
    }
}
