//! From the library's values to those of the JSON.

use std::borrow::Cow;

use ipvs::rules::Unwritable;
use ipvs::{AddressFamily, DaemonRole, DestinationKey, Netmask, ServiceKey, Stats, TunnelChecksum};

use super::document::{
    self, Checksum, Counters, Family, Forwarding, Name, Number, Protocol, Role, TunnelKind,
};
use crate::output::connections::Connection;
use crate::output::counts::{Endpoint, Row, Subject};
use crate::output::operation;
use crate::output::status::{Defence, DefenceMode, Estimator, HashTable};

/// How much is printed of services and servers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Detail {
    /// Everything the kernel reports (`-L`).
    All,
    /// What an administrator set, to be applied again (`-S`).
    Configuration,
}

/// Refuses a service or server that `--apply` could not read back.
pub(super) fn check(
    service: &ipvs::Service,
    destinations: &[ipvs::Destination],
) -> Result<(), Unwritable> {
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

pub(super) fn service(
    service: &ipvs::Service,
    destinations: &[ipvs::Destination],
    detail: Detail,
) -> document::Service {
    let all = detail == Detail::All;
    let destinations = destinations.iter().map(|server| destination(server, all)).collect();
    let config = &service.config;
    let (mut known_protocol, mut address, mut port) = (None, None, None);
    let (mut firewall_mark, mut family) = (None, None);
    match service.key {
        ServiceKey::Address { protocol: of, address: at, port: on } => {
            known_protocol = Some(protocol(of));
            address = Some(at);
            port = Some(Number(on.into()));
        }
        ServiceKey::FirewallMark { mark, family: of } => {
            firewall_mark = Some(Number(mark.get()));
            family = Some(of.into());
        }
    }
    let flags = config.scheduler_flags.names_in_rules(config.scheduler.as_str());
    document::Service {
        protocol: known_protocol,
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

/// The configuration of a service without its servers.
pub(super) fn service_alone(
    key: ipvs::ServiceKey,
    config: ipvs::ServiceConfig,
) -> document::Service {
    let whole = service(&ipvs::Service::new(key, config), &[], Detail::Configuration);
    document::Service { destinations: None, ..whole }
}

fn persistence(persistence: &ipvs::Persistence) -> document::Persistence {
    let (netmask, prefix_length) = match persistence.netmask {
        Netmask::V4(mask) => (Some(mask), None),
        Netmask::V6(length) => (None, Some(Number(length.into()))),
    };
    let timeout_seconds = Some(Number(persistence.timeout_seconds));
    document::Persistence { timeout_seconds, netmask, prefix_length }
}

pub(super) fn destination(destination: &ipvs::Destination, all: bool) -> document::Destination {
    let config = &destination.config;
    let (mut forwarding, tunnel) = forwarding(config.forwarding);
    if !all && forwarding == Forwarding::Local {
        // Nobody sets it: the kernel reports it for a server with an address of its own.
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

impl From<&ServiceKey> for document::ServiceKey {
    fn from(key: &ServiceKey) -> Self {
        match *key {
            ServiceKey::Address { protocol: of, address, port } => {
                document::ServiceKey::Address { protocol: protocol(of), address, port }
            }
            ServiceKey::FirewallMark { mark, family } => document::ServiceKey::FirewallMark {
                firewall_mark: mark.get(),
                family: family.into(),
            },
        }
    }
}

impl From<&DestinationKey> for document::DestinationKey {
    fn from(key: &DestinationKey) -> Self {
        document::DestinationKey { address: key.address, port: key.port }
    }
}

fn protocol(protocol: ipvs::Protocol) -> Protocol {
    match protocol {
        ipvs::Protocol::Tcp => Protocol::Tcp,
        ipvs::Protocol::Udp => Protocol::Udp,
        ipvs::Protocol::Sctp => Protocol::Sctp,
        _ => Protocol::Other,
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

impl From<AddressFamily> for Family {
    fn from(family: AddressFamily) -> Self {
        match family {
            AddressFamily::V4 => Family::Ipv4,
            AddressFamily::V6 => Family::Ipv6,
        }
    }
}

impl<'a> From<&Connection<'a>> for document::Connection<'a> {
    fn from(connection: &Connection<'a>) -> Self {
        let text = String::from_utf8_lossy;
        let engine = match connection.origin {
            None => Some(connection.engine),
            Some(_) => None,
        };
        document::Connection {
            protocol: String::from_utf8_lossy(connection.protocol).to_ascii_lowercase(),
            client_address: connection.source.0,
            client_port: connection.source.1,
            virtual_address: connection.virtual_service.0,
            virtual_port: connection.virtual_service.1,
            destination_address: connection.destination.0,
            destination_port: connection.destination.1,
            state: String::from_utf8_lossy(connection.state),
            expires_seconds: connection.expires,
            persistence_engine: engine.map(|found| found.map(|(name, _)| text(name))),
            persistence_engine_data: engine.map(|found| found.map(|(_, data)| text(data))),
            origin: connection.origin.map(text),
        }
    }
}

impl<'a> From<&'a Row> for document::ConnectionCount<'a> {
    fn from(row: &'a Row) -> Self {
        let connections = row.count;
        let protocol = |endpoint: &Endpoint| {
            String::from_utf8_lossy(endpoint.protocol.as_bytes()).to_ascii_lowercase()
        };
        match &row.subject {
            Subject::Client(address) => {
                document::ConnectionCount::Client { client_address: *address, connections }
            }
            Subject::Server(endpoint) => document::ConnectionCount::Server {
                protocol: protocol(endpoint),
                destination_address: endpoint.address,
                destination_port: endpoint.port,
                connections,
            },
            Subject::Service(endpoint) => document::ConnectionCount::Service {
                protocol: protocol(endpoint),
                virtual_address: endpoint.address,
                virtual_port: endpoint.port,
                connections,
            },
            Subject::FirewallMark(mark, family) => document::ConnectionCount::FirewallMark {
                firewall_mark: *mark,
                family: (*family).into(),
                connections,
            },
            Subject::State(state) => document::ConnectionCount::State {
                state: String::from_utf8_lossy(state),
                connections,
            },
        }
    }
}

impl From<ipvs::Protocol> for Protocol {
    fn from(protocol: ipvs::Protocol) -> Self {
        match protocol {
            ipvs::Protocol::Tcp => Protocol::Tcp,
            ipvs::Protocol::Udp => Protocol::Udp,
            ipvs::Protocol::Sctp => Protocol::Sctp,
            _ => Protocol::Other,
        }
    }
}

impl From<&operation::Server> for document::OperatedServer {
    fn from(server: &operation::Server) -> Self {
        document::OperatedServer {
            service: match server.service {
                ServiceKey::Address { protocol, address, port } => {
                    document::OperatedService::Address {
                        protocol: protocol.into(),
                        virtual_address: address,
                        virtual_port: port,
                    }
                }
                ServiceKey::FirewallMark { mark, family } => {
                    document::OperatedService::FirewallMark {
                        firewall_mark: mark.get(),
                        family: family.into(),
                    }
                }
            },
            destination_address: server.key.address,
            destination_port: server.key.port,
            state: server.state.name(),
            weight_before: server.weight_before,
            weight: server.weight,
            active_connections: server.active,
            inactive_connections: server.inactive,
        }
    }
}

impl From<&HashTable> for document::HashTable {
    fn from(table: &HashTable) -> Self {
        let usage = table.usage.as_ref();
        let chain = |&(entries, buckets): &(u32, u32)| document::Chains { entries, buckets };
        document::HashTable {
            buckets: table.buckets,
            bits: usage.map(|usage| usage.bits),
            load_factor: usage.map(|usage| usage.load_factor),
            empty_buckets: usage.and_then(|usage| usage.empty),
            chains: usage.map(|usage| usage.chains.iter().map(chain).collect()),
        }
    }
}

impl From<&Defence> for document::Defence {
    fn from(defence: &Defence) -> Self {
        let (mode, active) = match defence.mode {
            DefenceMode::Off => ("off", false),
            DefenceMode::Idle => ("automatic", false),
            DefenceMode::AtWork => ("automatic", true),
            DefenceMode::Always => ("always", true),
        };
        document::Defence { name: defence.name, mode, active }
    }
}

impl<'a> From<&'a Estimator> for document::Estimator<'a> {
    fn from(estimator: &'a Estimator) -> Self {
        document::Estimator {
            running: estimator.is_running,
            threads: estimator.threads,
            thread_limit: estimator.most_threads,
            cpus: estimator.cpus.as_deref(),
            nice: estimator.nice,
        }
    }
}

impl<'a> From<&'a ipvs::SettingValue> for document::SettingValue<'a> {
    fn from(value: &'a ipvs::SettingValue) -> Self {
        match value {
            ipvs::SettingValue::Number(number) => document::SettingValue::Number(*number),
            ipvs::SettingValue::Pair(first, second) => {
                document::SettingValue::Pair([*first, *second])
            }
            other => document::SettingValue::Text(other.to_string().into()),
        }
    }
}

impl From<&ipvs::Timeouts> for document::Timeouts {
    fn from(timeouts: &ipvs::Timeouts) -> Self {
        document::Timeouts {
            tcp_seconds: Some(Number(timeouts.tcp_seconds)),
            tcp_fin_seconds: Some(Number(timeouts.tcp_fin_seconds)),
            udp_seconds: Some(Number(timeouts.udp_seconds)),
        }
    }
}

impl From<&ipvs::Info> for document::Info {
    fn from(info: &ipvs::Info) -> Self {
        let version = info.version.to_string();
        document::Info { version, connection_table_size: info.connection_table_size }
    }
}
