//! From what the kernel reports to JSON. It is written piece by piece: a large table never stands
//! in memory whole.

use std::borrow::Cow;

use ipvs::rules::Unwritable;
use ipvs::{AddressFamily, DaemonRole, Info, Netmask, ServiceKey, Stats, TunnelChecksum};
use serde::Serialize;

use super::document::{
    self, Checksum, Counters, Family, Forwarding, Name, Number, Protocol, Role, TunnelKind,
};
use super::layout::{push_block, push_line, push_newline};
use crate::output::connections::Connection;

/// How much is told of services and servers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Detail {
    /// All that the kernel knows (`-L`).
    All,
    /// What an administrator set, to be applied again (`-S`).
    Configuration,
}

/// Writes one JSON object, a field at a time. Whoever opens it or a list also closes it.
#[derive(Debug)]
pub(crate) struct Writer {
    /// Whether nothing stands before, in the object and in the list.
    first_field: bool,
    first_item: bool,
}

type Result = serde_json::Result<()>;

impl Writer {
    /// Opens the object.
    pub(crate) fn begin(text: &mut Vec<u8>) -> Self {
        text.push(b'{');
        Writer { first_field: true, first_item: true }
    }

    /// Closes the object.
    pub(crate) fn end(self, text: &mut Vec<u8>) {
        text.extend_from_slice(b"\n}\n");
    }

    fn name(&mut self, text: &mut Vec<u8>, name: &str) -> Result {
        comma(text, &mut self.first_field);
        push_newline(text, 2).map_err(serde_json::Error::io)?;
        push_line(text, &name)?;
        text.extend_from_slice(b": ");
        Ok(())
    }

    fn field<T: Serialize>(&mut self, text: &mut Vec<u8>, name: &str, value: &T) -> Result {
        self.name(text, name)?;
        push_line(text, value)
    }

    fn begin_list(&mut self, text: &mut Vec<u8>, name: &str) -> Result {
        self.name(text, name)?;
        text.push(b'[');
        self.first_item = true;
        Ok(())
    }

    /// The place of an item in the list that was opened.
    fn item(&mut self, text: &mut Vec<u8>) -> Result {
        comma(text, &mut self.first_item);
        push_newline(text, 4).map_err(serde_json::Error::io)
    }

    fn end_list(&mut self, text: &mut Vec<u8>) -> Result {
        if !self.first_item {
            push_newline(text, 2).map_err(serde_json::Error::io)?;
        }
        text.push(b']');
        Ok(())
    }

    /// What the kernel says of its IPVS.
    pub(crate) fn info(&mut self, text: &mut Vec<u8>, info: &Info) -> Result {
        let version = info.version.to_string();
        let connection_table_size = info.connection_table_size;
        self.field(text, "info", &document::Info { version, connection_table_size })
    }

    /// The timeouts of connections.
    pub(crate) fn timeouts(&mut self, text: &mut Vec<u8>, timeouts: &ipvs::Timeouts) -> Result {
        let timeouts = document::Timeouts {
            tcp_seconds: Some(Number(timeouts.tcp_seconds)),
            tcp_fin_seconds: Some(Number(timeouts.tcp_fin_seconds)),
            udp_seconds: Some(Number(timeouts.udp_seconds)),
        };
        self.field(text, "timeouts", &timeouts)
    }

    /// The sync daemons.
    pub(crate) fn daemons(&mut self, text: &mut Vec<u8>, daemons: &[ipvs::Daemon]) -> Result {
        self.begin_list(text, "daemons")?;
        for daemon in daemons {
            self.item(text)?;
            push_line(text, &document::Daemon::from(daemon))?;
        }
        self.end_list(text)
    }

    /// Opens the list of services.
    pub(crate) fn begin_services(&mut self, text: &mut Vec<u8>) -> Result {
        self.begin_list(text, "services")
    }

    /// A service with its servers.
    pub(crate) fn service(
        &mut self,
        text: &mut Vec<u8>,
        service: &ipvs::Service,
        destinations: &[ipvs::Destination],
        detail: Detail,
    ) -> Result {
        let all = detail == Detail::All;
        let destinations = destinations.iter().map(|server| destination(server, all)).collect();
        self.item(text)?;
        push_block(text, 4, &document_of(service, destinations, all))
    }

    /// Closes the list of services.
    pub(crate) fn end_services(&mut self, text: &mut Vec<u8>) -> Result {
        self.end_list(text)
    }
}

fn comma(text: &mut Vec<u8>, first: &mut bool) {
    if !std::mem::replace(first, false) {
        text.push(b',');
    }
}

/// A connection on a line of its own.
pub(crate) fn connection(text: &mut Vec<u8>, connection: &Connection<'_>) -> Result {
    let engine = connection.engine;
    push_line(
        text,
        &document::Connection {
            protocol: String::from_utf8_lossy(connection.protocol).to_ascii_lowercase(),
            client_address: connection.source.0,
            client_port: connection.source.1,
            virtual_address: connection.virtual_service.0,
            virtual_port: connection.virtual_service.1,
            destination_address: connection.destination.0,
            destination_port: connection.destination.1,
            state: String::from_utf8_lossy(connection.state),
            expires_seconds: connection.expires,
            persistence_engine: engine.map(|(name, _)| String::from_utf8_lossy(name)),
            persistence_engine_data: engine.map(|(_, data)| String::from_utf8_lossy(data)),
        },
    )?;
    text.push(b'\n');
    Ok(())
}

/// Whether what `--apply` reads can say this service and these servers.
///
/// # Errors
///
/// What cannot be said.
pub(crate) fn check(
    service: &ipvs::Service,
    destinations: &[ipvs::Destination],
) -> std::result::Result<(), Unwritable> {
    if let ServiceKey::Address { protocol: ipvs::Protocol::Other(number), .. } = service.key {
        return Err(Unwritable::Protocol(number));
    }
    for destination in destinations {
        match forwarding(destination.config.forwarding) {
            (Forwarding::Bypass | Forwarding::Other, _)
            | (_, Some(document::Tunnel { kind: TunnelKind::Other, .. })) => {
                return Err(Unwritable::Forwarding(destination.config.forwarding));
            }
            _ => {}
        }
    }
    Ok(())
}

fn document_of(
    service: &ipvs::Service,
    destinations: Vec<document::Destination>,
    all: bool,
) -> document::Service {
    let config = &service.config;
    let (mut protocol, mut address, mut port) = (None, None, None);
    let (mut firewall_mark, mut family) = (None, None);
    match service.key {
        ServiceKey::Address { protocol: of, address: at, port: on } => {
            protocol = Some(match of {
                ipvs::Protocol::Tcp => Protocol::Tcp,
                ipvs::Protocol::Udp => Protocol::Udp,
                ipvs::Protocol::Sctp => Protocol::Sctp,
                _ => Protocol::Other,
            });
            address = Some(at);
            port = Some(Number(on.into()));
        }
        ServiceKey::FirewallMark { mark, family: of } => {
            firewall_mark = Some(Number(mark.get()));
            family = Some(match of {
                AddressFamily::V4 => Family::Ipv4,
                AddressFamily::V6 => Family::Ipv6,
            });
        }
    }
    let flags = config.scheduler_flags.names_in_rules(config.scheduler.as_str());
    document::Service {
        protocol,
        address,
        port,
        firewall_mark,
        family,
        scheduler: Some(Name(config.scheduler)),
        scheduler_flags: Some(flags.map(Cow::Borrowed).collect()),
        persistence: config.persistence.as_ref().map(persistence),
        persistence_engine: config.persistence_engine.map(Name),
        one_packet: Some(config.one_packet),
        counters: service.stats.as_deref().filter(|_| all).map(counters),
        rates: service.stats.as_deref().filter(|_| all).map(rates),
        destinations: Some(destinations),
    }
}

fn persistence(persistence: &ipvs::Persistence) -> document::Persistence {
    let (netmask, prefix_length) = match persistence.netmask {
        Netmask::V4(mask) => (Some(mask), None),
        Netmask::V6(length) => (None, Some(Number(length.into()))),
    };
    let timeout_seconds = Some(Number(persistence.timeout_seconds));
    document::Persistence { timeout_seconds, netmask, prefix_length }
}

fn destination(destination: &ipvs::Destination, all: bool) -> document::Destination {
    let config = &destination.config;
    let (mut forwarding, tunnel) = forwarding(config.forwarding);
    if !all && forwarding == Forwarding::Local {
        // It is not asked for: the kernel itself delivers to an address of its own.
        forwarding = Forwarding::DirectRoute;
    }
    document::Destination {
        address: destination.key.address,
        port: Some(Number(destination.key.port.into())),
        forwarding: Some(forwarding),
        tunnel,
        weight: Some(Number(config.weight)),
        upper_threshold: Some(Number(config.upper_threshold)),
        lower_threshold: Some(Number(config.lower_threshold)),
        active_connections: all.then_some(destination.active_connections),
        inactive_connections: all.then_some(destination.inactive_connections),
        persistent_connections: all.then_some(destination.persistent_connections),
        counters: destination.stats.as_deref().filter(|_| all).map(counters),
        rates: destination.stats.as_deref().filter(|_| all).map(rates),
    }
}

fn forwarding(forwarding: ipvs::Forwarding) -> (Forwarding, Option<document::Tunnel>) {
    let tunnel = match forwarding {
        ipvs::Forwarding::Masquerade => return (Forwarding::Masquerade, None),
        ipvs::Forwarding::DirectRoute => return (Forwarding::DirectRoute, None),
        ipvs::Forwarding::Local => return (Forwarding::Local, None),
        ipvs::Forwarding::Bypass => return (Forwarding::Bypass, None),
        ipvs::Forwarding::Tunnel(tunnel) => tunnel,
        _ => return (Forwarding::Other, None),
    };
    let (kind, port, checksum) = match tunnel {
        ipvs::Tunnel::Ipip => (TunnelKind::Ipip, None, None),
        ipvs::Tunnel::Gue { port, checksum } => (TunnelKind::Gue, Some(port), Some(checksum)),
        ipvs::Tunnel::Gre { checksum } => (TunnelKind::Gre, None, Some(checksum)),
        _ => (TunnelKind::Other, None, None),
    };
    let port = port.map(|port| Number(port.get().into()));
    let checksum = checksum.map(|checksum| match checksum {
        TunnelChecksum::None => Checksum::None,
        TunnelChecksum::Checksum => Checksum::Checksum,
        TunnelChecksum::Remote => Checksum::Remote,
    });
    (Forwarding::Tunnel, Some(document::Tunnel { kind, port, checksum }))
}

fn counters(stats: &Stats) -> Counters {
    Counters {
        connections: stats.connections,
        incoming_packets: stats.incoming_packets,
        outgoing_packets: stats.outgoing_packets,
        incoming_bytes: stats.incoming_bytes,
        outgoing_bytes: stats.outgoing_bytes,
    }
}

fn rates(stats: &Stats) -> Counters {
    let rates = &stats.rates;
    Counters {
        connections: rates.connections,
        incoming_packets: rates.incoming_packets,
        outgoing_packets: rates.outgoing_packets,
        incoming_bytes: rates.incoming_bytes,
        outgoing_bytes: rates.outgoing_bytes,
    }
}

impl From<&ipvs::Daemon> for document::Daemon {
    fn from(daemon: &ipvs::Daemon) -> Self {
        let config = &daemon.config;
        document::Daemon {
            role: match daemon.role {
                DaemonRole::Master => Role::Master,
                DaemonRole::Backup => Role::Backup,
            },
            interface: Name(config.interface),
            sync_id: Some(Number(config.sync_id.into())),
            max_length_bytes: config.max_length_bytes.map(|length| Number(length.get().into())),
            multicast_group: config.group,
            multicast_port: config.port.map(|port| Number(port.get().into())),
            multicast_ttl: config.ttl.map(|ttl| Number(ttl.get().into())),
        }
    }
}
