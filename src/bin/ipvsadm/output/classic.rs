//! The classic listing (`-L`). Programs read it by column, so every blank counts, those at the ends
//! of lines too.

use std::net::IpAddr;

use ipvs::rules::grammar::View;
use ipvs::rules::grammar::text::{push_named_endpoint, push_number};
use ipvs::{
    AddressFamily, Destination, Forwarding, Info, Protocol, Service, ServiceKey, Stats, Tunnel,
    TunnelChecksum,
};

use super::counter::{push_exact, push_short};
use super::pad::pad_right;
use super::{Printer, statistics};
use crate::names::ReverseNames;
use crate::process::Sink;
use crate::process::failure::Failure;

/// The width of the first column, protocol or arrow included.
const FIRST: usize = 33;

/// Prints the classic listing.
pub(crate) struct Classic<'s> {
    pub(crate) sink: &'s mut Sink,
    /// For the first line, which only the listing of a whole table has.
    pub(crate) info: Option<Info>,
    pub(crate) lines: Lines<'s>,
}

impl Printer for Classic<'_> {
    fn begin(&mut self) -> Result<(), Failure> {
        let text = self.sink.text();
        if let Some(info) = &self.info {
            push_banner(text, info);
        }
        push_column_names(text, self.lines.view);
        Ok(())
    }

    fn service(&mut self, service: &Service, destinations: &[Destination]) -> Result<(), Failure> {
        let text = self.sink.text();
        self.lines.push_service(text, service);
        for destination in destinations {
            self.lines.push_destination(text, &service.key, destination);
        }
        self.sink.pass().map_err(Failure::Output)
    }
}

/// The line that opens the listing of a whole table.
fn push_banner(text: &mut Vec<u8>, info: &Info) {
    text.extend_from_slice(
        format!(
            "IP Virtual Server version {} (size={})\n",
            info.version, info.connection_table_size
        )
        .as_bytes(),
    );
}

/// The two lines that name the columns.
fn push_column_names(text: &mut Vec<u8>, view: View) {
    let lines = match view {
        View::Default => concat!(
            "Prot LocalAddress:Port Scheduler Flags\n",
            "  -> RemoteAddress:Port           Forward Weight ActiveConn InActConn\n"
        ),
        View::Stats => concat!(
            "Prot LocalAddress:Port               Conns   InPkts  OutPkts  InBytes OutBytes\n",
            "  -> RemoteAddress:Port\n"
        ),
        View::Rate => concat!(
            "Prot LocalAddress:Port                 CPS    InPPS   OutPPS    InBPS   OutBPS\n",
            "  -> RemoteAddress:Port\n"
        ),
        View::Thresholds => concat!(
            "Prot LocalAddress:Port            Uthreshold Lthreshold ActiveConn InActConn \n",
            "  -> RemoteAddress:Port\n"
        ),
        View::PersistentConnections => concat!(
            "Prot LocalAddress:Port            Weight    PersistConn ActiveConn InActConn \n",
            "  -> RemoteAddress:Port\n"
        ),
        View::TunnelInfo => concat!(
            "Prot LocalAddress:Port Scheduler Flags\n",
            "  -> RemoteAddress:Port           ",
            "Forward TunnelInfo    Weight ActiveConn InActConn\n"
        ),
    };
    text.extend_from_slice(lines.as_bytes());
}

/// The lines of services and servers.
pub(crate) struct Lines<'n> {
    pub(crate) view: View,
    /// Counters are printed in full.
    pub(crate) exact: bool,
    pub(crate) names: &'n ReverseNames,
}

impl Lines<'_> {
    fn push_service(&self, text: &mut Vec<u8>, service: &Service) {
        let start = text.len();
        match service.key {
            ServiceKey::Address { protocol, address, port } => {
                push_protocol(text, protocol);
                pad_right(text, start, 5);
                self.endpoint(text, start, address, port, Some(protocol));
            }
            ServiceKey::FirewallMark { mark, family } => {
                text.extend_from_slice(b"FWM  ");
                push_number(text, mark.get());
                if family == AddressFamily::V6 {
                    text.extend_from_slice(b" IPv6");
                }
            }
        }
        match self.view {
            View::Stats => self.totals(text, start, &statistics(&service.stats)),
            View::Rate => {
                let rates = &statistics(&service.stats).rates;
                pad_right(text, start, FIRST);
                self.counter(text, rates.connections);
                self.counter(text, rates.incoming_packets);
                self.counter(text, rates.outgoing_packets);
                self.counter(text, rates.incoming_bytes);
                self.counter(text, rates.outgoing_bytes);
            }
            _ => push_settings(text, service),
        }
        text.push(b'\n');
    }

    fn push_destination(
        &self,
        text: &mut Vec<u8>,
        service: &ServiceKey,
        destination: &Destination,
    ) {
        let start = text.len();
        text.extend_from_slice(b"  -> ");
        let protocol = match service {
            ServiceKey::Address { protocol, .. } => Some(*protocol),
            ServiceKey::FirewallMark { .. } => None,
        };
        let key = destination.key;
        self.endpoint(text, start, key.address, key.port, protocol);
        pad_right(text, start, FIRST);

        let config = &destination.config;
        let active = destination.active_connections;
        let inactive = destination.inactive_connections;
        match self.view {
            View::Default => {
                push_text(text, forwarding_word(config.forwarding), 7);
                push_column(text, config.weight, 6);
                push_column(text, active, 10);
                push_column(text, inactive, 10);
            }
            View::Stats => self.totals(text, start, &statistics(&destination.stats)),
            View::Rate => {
                let rates = &statistics(&destination.stats).rates;
                push_exact(text, rates.connections);
                push_exact(text, rates.incoming_packets);
                push_exact(text, rates.outgoing_packets);
                self.counter(text, rates.incoming_bytes);
                self.counter(text, rates.outgoing_bytes);
            }
            View::Thresholds => {
                push_column(text, config.upper_threshold, 10);
                push_column(text, config.lower_threshold, 10);
                push_column(text, active, 10);
                push_column(text, inactive, 10);
            }
            View::PersistentConnections => {
                push_column(text, config.weight, 9);
                push_column(text, destination.persistent_connections, 11);
                push_column(text, active, 10);
                push_column(text, inactive, 10);
            }
            View::TunnelInfo => {
                push_text(text, forwarding_word(config.forwarding), 7);
                push_text(text, &tunnel_info(config.forwarding), 13);
                push_column(text, config.weight, 6);
                push_column(text, active, 10);
                push_column(text, inactive, 10);
            }
        }
        text.push(b'\n');
    }

    fn totals(&self, text: &mut Vec<u8>, start: usize, stats: &Stats) {
        pad_right(text, start, FIRST);
        self.counter(text, stats.connections);
        self.counter(text, stats.incoming_packets);
        self.counter(text, stats.outgoing_packets);
        self.counter(text, stats.incoming_bytes);
        self.counter(text, stats.outgoing_bytes);
    }

    fn counter(&self, text: &mut Vec<u8>, value: u64) {
        if self.exact { push_exact(text, value) } else { push_short(text, value) }
    }

    /// An address and port by name or number. `start` is where the line begins: a long name is
    /// cut to the column, except that of an IPv6 host.
    fn endpoint(
        &self,
        text: &mut Vec<u8>,
        start: usize,
        address: IpAddr,
        port: u16,
        protocol: Option<Protocol>,
    ) {
        let host = self.names.host(address);
        let service = self.names.port(port, protocol);
        push_named_endpoint(text, address, port, host, service);
        if address.is_ipv4() {
            text.truncate(start + FIRST);
        }
    }
}

/// `rr (flag-1) persistent 360 mask 255.255.255.0 pe sip ops`
fn push_settings(text: &mut Vec<u8>, service: &Service) {
    let config = &service.config;
    text.push(b' ');
    text.extend_from_slice(config.scheduler.as_bytes());
    if !config.scheduler_flags.is_empty() {
        text.extend_from_slice(b" (");
        let names = config.scheduler_flags.names(config.scheduler.as_str());
        for (index, name) in names.enumerate() {
            if index > 0 {
                text.push(b',');
            }
            text.extend_from_slice(name.as_bytes());
        }
        text.push(b')');
    }
    if let Some(persistence) = &config.persistence {
        text.extend_from_slice(b" persistent ");
        push_number(text, persistence.timeout_seconds);
        if !persistence.netmask.is_host() {
            text.extend_from_slice(format!(" mask {}", persistence.netmask).as_bytes());
        }
        // Without persistence an engine does nothing, and ipvsadm has never shown it.
        if let Some(engine) = &config.persistence_engine {
            text.extend_from_slice(b" pe ");
            text.extend_from_slice(engine.as_bytes());
        }
    }
    if config.one_packet {
        text.extend_from_slice(b" ops");
    }
}

fn push_protocol(text: &mut Vec<u8>, protocol: Protocol) {
    match protocol {
        Protocol::Tcp => text.extend_from_slice(b"TCP"),
        Protocol::Udp => text.extend_from_slice(b"UDP"),
        Protocol::Sctp => text.extend_from_slice(b"SCTP"),
        other => push_number(text, other.number()),
    }
}

fn forwarding_word(forwarding: Forwarding) -> &'static str {
    match forwarding {
        Forwarding::Masquerade => "Masq",
        Forwarding::Local => "Local",
        Forwarding::Tunnel(_) => "Tunnel",
        Forwarding::DirectRoute => "Route",
        Forwarding::Bypass => "Bypass",
        _ => "Unknown",
    }
}

fn tunnel_info(forwarding: Forwarding) -> String {
    let letters = |checksum| match checksum {
        TunnelChecksum::None => "-c",
        TunnelChecksum::Checksum => "+c",
        TunnelChecksum::Remote => "r+c",
    };
    match forwarding {
        Forwarding::Tunnel(Tunnel::Ipip) => "ipip".to_owned(),
        Forwarding::Tunnel(Tunnel::Gue { port, checksum }) => {
            format!("gue:{port}:{}", letters(checksum))
        }
        Forwarding::Tunnel(Tunnel::Gre { checksum }) => format!("gre:{}", letters(checksum)),
        _ => "n/a".to_owned(),
    }
}

/// A blank, then text in a column.
fn push_text(text: &mut Vec<u8>, value: &str, width: usize) {
    text.push(b' ');
    let start = text.len();
    text.extend_from_slice(value.as_bytes());
    pad_right(text, start, width);
}

/// A blank, then a number at the left of a column.
fn push_column(text: &mut Vec<u8>, value: u32, width: usize) {
    text.push(b' ');
    let start = text.len();
    push_number(text, value);
    pad_right(text, start, width);
}

#[cfg(test)]
mod tests;
