//! The table for people (`--format table`).

use std::net::IpAddr;

use ipvs::rules::grammar::View;
use ipvs::rules::grammar::text::push_named_endpoint;
use ipvs::{
    AddressFamily, Destination, Forwarding, Protocol, Rates, Service, ServiceKey, SnapshotEntry,
    Stats, Tunnel, TunnelChecksum,
};
use tabled::builder::Builder;
use tabled::settings::object::{Columns, Object, Rows};
use tabled::settings::style::HorizontalLine;
use tabled::settings::{Alignment, Color, Padding, Style, Theme, Width};

use super::human;
use crate::names::Names;
use crate::process::terminal::Look;

/// How many blanks are between columns.
const GAP: usize = 2;

/// How narrow the column of settings gets where the terminal is.
const NARROWEST: usize = 12;

/// How the table looks.
pub(crate) struct People<'n> {
    pub(crate) view: View,
    /// Whether counters are printed in full.
    pub(crate) exact: bool,
    pub(crate) names: &'n Names,
    pub(crate) look: Look,
}

/// What a row of the table is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Row {
    Service,
    Server,
    /// A server that gets no new connections.
    Drained,
}

impl People<'_> {
    /// The table of these services.
    pub(crate) fn print(&self, text: &mut Vec<u8>, entries: &[SnapshotEntry]) {
        if entries.is_empty() {
            text.extend_from_slice(b"no services\n");
            return;
        }
        let heads = heads(self.view);
        let mut rows = Vec::new();
        // The widest of the settings.
        let mut widest = heads.texts[1].len();
        let mut builder = Builder::default();
        builder.push_record(heads.texts.iter().chain(heads.numbers).copied());
        for SnapshotEntry { service, destinations, .. } in entries {
            let cells = self.service(service, destinations);
            widest = cells.get(1).map_or(widest, |settings| widest.max(settings.len()));
            builder.push_record(cells);
            rows.push(Row::Service);
            for server in destinations {
                builder.push_record(self.server(&service.key, server));
                rows.push(if server.config.weight == 0 { Row::Drained } else { Row::Server });
            }
        }
        let table = self.dress(builder, heads.texts.len(), widest, &rows).to_string();
        for line in table.lines() {
            text.extend_from_slice(line.trim_end_matches(' ').as_bytes());
            text.push(b'\n');
        }
        let servers = rows.len() - entries.len();
        let total = format!("\n{}, {}\n", some(entries.len(), "service"), some(servers, "server"));
        text.extend_from_slice(total.as_bytes());
    }

    /// Lines, alignment and colours. `texts` is the number of columns that are not numbers,
    /// `settings` the width of the second.
    fn dress(
        &self,
        builder: Builder,
        texts: usize,
        settings: usize,
        rows: &[Row],
    ) -> tabled::Table {
        let line = HorizontalLine::new(if self.look.unicode { '─' } else { '-' });
        let mut theme = Theme::from_style(Style::empty());
        theme.insert_horizontal_line(1, line);
        for (index, _) in rows.iter().enumerate().skip(1).filter(|(_, row)| **row == Row::Service) {
            theme.insert_horizontal_line(index + 1, line);
        }
        let mut table = builder.build();
        table
            .with(theme)
            .with(Padding::new(0, GAP, 0, 0))
            .modify(Columns::last(), Padding::zero())
            .modify(Columns::new(texts..), Alignment::right());
        if self.look.colour {
            table.modify(Rows::first(), Color::DIMMED);
            for (index, row) in rows.iter().enumerate() {
                let at = Rows::one(index + 1);
                match row {
                    Row::Service => _ = table.modify(at.intersect(Columns::first()), Color::BOLD),
                    Row::Drained => _ = table.modify(at, Color::FG_YELLOW),
                    Row::Server => {}
                }
            }
        }
        let excess = self.look.width.map_or(0, |width| table.total_width().saturating_sub(width));
        if excess > 0 {
            // Addresses and numbers stay whole: they are what one copies.
            let wide = settings.saturating_sub(excess).max(NARROWEST);
            table.modify(Columns::one(1), Width::wrap(wide).keep_words(true));
        }
        table
    }

    fn service(&self, service: &Service, servers: &[Destination]) -> Vec<String> {
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

    fn server(&self, service: &ServiceKey, server: &Destination) -> Vec<String> {
        let protocol = match service {
            ServiceKey::Address { protocol, .. } => Some(*protocol),
            ServiceKey::FirewallMark { .. } => None,
        };
        let config = &server.config;
        let endpoint = self.endpoint(server.key.address, server.key.port, protocol);
        let mut cells = vec![format!("  {endpoint}"), forwarding(config.forwarding).to_owned()];
        let limit = |threshold: u32| match threshold {
            0 => "-".to_owned(),
            some => some.to_string(),
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

/// All 0 where there are no statistics.
fn statistics(stats: &Option<Box<Stats>>) -> Stats {
    stats.as_deref().copied().unwrap_or_default()
}

/// The names of the columns: those of texts, at the left, and those of numbers.
struct Heads {
    texts: &'static [&'static str],
    numbers: &'static [&'static str],
}

fn heads(view: View) -> Heads {
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

/// `1 server`, `2 servers`
fn some(number: usize, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}

#[cfg(test)]
#[path = "table_tests.rs"]
mod tests;
