//! Answers of the kernel, made from typed values.

use std::net::IpAddr;

use ipvs::{
    AddressFamily, Daemon, DaemonRole, Destination, Forwarding, Info, Netmask, Persistence,
    Service, ServiceKey, Stats, Timeouts, Tunnel, TunnelChecksum,
};

use crate::codec::{Attribute, Request};
use crate::numbers::{cmd, daemon, dest, info, stats, svc, top};

/// The flag that the kernel sets for every service (`IP_VS_SVC_F_HASHED`).
const HASHED: u32 = 0x0002;

/// A service.
pub(crate) fn service(service: &Service) -> Attribute {
    let config = &service.config;
    let family = service.key.family();
    let mut flags = HASHED | u32::from(config.scheduler_flags.bits()) << 3;
    flags |= u32::from(config.persistence.is_some()) | u32::from(config.one_packet) << 2;
    let host = Persistence { timeout_seconds: 0, netmask: Netmask::host(family) };
    let persistence = config.persistence.unwrap_or(host);

    let mut nest = vec![Attribute::leaf(svc::AF, family_number(family))];
    match service.key {
        ServiceKey::FirewallMark { mark, .. } => {
            nest.push(Attribute::leaf(svc::FWMARK, mark.get()));
        }
        ServiceKey::Address { protocol, address, port } => nest.extend([
            Attribute::leaf(svc::PROTOCOL, protocol.number()),
            Attribute::Leaf(svc::ADDR, address_bytes(address)),
            Attribute::leaf(svc::PORT, port.to_be()),
        ]),
    }
    nest.push(Attribute::text(svc::SCHED_NAME, config.scheduler.as_str()));
    if let Some(engine) = config.persistence_engine {
        nest.push(Attribute::text(svc::PE_NAME, engine.as_str()));
    }
    nest.extend([
        Attribute::leaf(svc::FLAGS, u64::from(flags) | 0xffff_ffff << 32),
        Attribute::leaf(svc::TIMEOUT, persistence.timeout_seconds),
        match persistence.netmask {
            Netmask::V4(mask) => Attribute::Leaf(svc::NETMASK, mask.octets().to_vec()),
            Netmask::V6(length) => Attribute::leaf(svc::NETMASK, u32::from(length)),
        },
    ]);
    nest.extend(both_stats(svc::STATS, svc::STATS64, service.stats.as_deref()));
    Attribute::Nest(top::SERVICE, nest)
}

/// A real server.
pub(crate) fn destination(destination: &Destination) -> Attribute {
    let config = &destination.config;
    let (method, tunnel) = match config.forwarding {
        Forwarding::Masquerade => (0, None),
        Forwarding::Local => (1, None),
        Forwarding::Tunnel(tunnel) => (2, Some(tunnel)),
        Forwarding::DirectRoute => (3, None),
        Forwarding::Bypass => (4, None),
        Forwarding::Other(number) => (u32::from(number), None),
        other => panic!("{other:?} is new"),
    };
    let (kind, port, flags): (u8, u16, u16) = match tunnel {
        None | Some(Tunnel::Ipip) => (0, 0, 0),
        Some(Tunnel::Gue { port, checksum }) => (1, port.get(), checksum_flag(checksum)),
        Some(Tunnel::Gre { checksum }) => (2, 0, checksum_flag(checksum)),
        Some(Tunnel::Other { kind, port, flags }) => (kind, port, flags),
        Some(other) => panic!("{other:?} is new"),
    };
    let mut nest = vec![
        Attribute::Leaf(dest::ADDR, address_bytes(destination.key.address)),
        Attribute::leaf(dest::PORT, destination.key.port.to_be()),
        Attribute::leaf(dest::FWD_METHOD, method),
        Attribute::leaf(dest::WEIGHT, config.weight),
        Attribute::leaf(dest::TUN_TYPE, kind),
        Attribute::leaf(dest::TUN_PORT, port.to_be()),
        Attribute::leaf(dest::TUN_FLAGS, flags),
        Attribute::leaf(dest::U_THRESH, config.upper_threshold),
        Attribute::leaf(dest::L_THRESH, config.lower_threshold),
        Attribute::leaf(dest::ACTIVE_CONNS, destination.active_connections),
        Attribute::leaf(dest::INACT_CONNS, destination.inactive_connections),
        Attribute::leaf(dest::PERSIST_CONNS, destination.persistent_connections),
        Attribute::leaf(dest::ADDR_FAMILY, family_number(destination.key.family())),
    ];
    nest.extend(both_stats(dest::STATS, dest::STATS64, destination.stats.as_deref()));
    Attribute::Nest(top::DEST, nest)
}

/// A sync daemon, without attributes for fields of `None`.
pub(crate) fn daemon(daemon: &Daemon) -> Attribute {
    let config = &daemon.config;
    let state: u32 = match daemon.role {
        DaemonRole::Master => 1,
        DaemonRole::Backup => 2,
    };
    let mut nest = vec![
        Attribute::leaf(daemon::STATE, state),
        Attribute::text(daemon::MCAST_IFN, config.interface.as_str()),
        Attribute::leaf(daemon::SYNC_ID, u32::from(config.sync_id)),
    ];
    nest.extend(config.max_length_bytes.map(|max| Attribute::leaf(daemon::SYNC_MAXLEN, max.get())));
    nest.extend(config.port.map(|port| Attribute::leaf(daemon::MCAST_PORT, port.get())));
    nest.extend(config.ttl.map(|ttl| Attribute::leaf(daemon::MCAST_TTL, ttl.get())));
    nest.extend(config.group.map(|group| match group {
        IpAddr::V4(group) => Attribute::Leaf(daemon::MCAST_GROUP, group.octets().to_vec()),
        IpAddr::V6(group) => Attribute::Leaf(daemon::MCAST_GROUP6, group.octets().to_vec()),
    }));
    Attribute::Nest(top::DAEMON, nest)
}

/// The timeouts.
pub(crate) fn timeouts(timeouts: &Timeouts) -> Vec<Attribute> {
    vec![
        Attribute::leaf(top::TIMEOUT_TCP, timeouts.tcp_seconds),
        Attribute::leaf(top::TIMEOUT_TCP_FIN, timeouts.tcp_fin_seconds),
        Attribute::leaf(top::TIMEOUT_UDP, timeouts.udp_seconds),
    ]
}

/// The version and the size of the connection table.
pub(crate) fn info(info: &Info) -> Vec<Attribute> {
    let version = info.version;
    let [major, minor, patch] = [version.major, version.minor, version.patch].map(u32::from);
    vec![
        Attribute::leaf(info::VERSION, major << 16 | minor << 8 | patch),
        Attribute::leaf(info::CONN_TAB_SIZE, info.connection_table_size),
    ]
}

/// Statistics in both forms.
fn both_stats(old: u16, new: u16, stats: Option<&Stats>) -> impl Iterator<Item = Attribute> {
    stats.into_iter().flat_map(move |stats| [old_stats(old, stats), new_stats(new, stats)])
}

/// 32-bit numbers, except for bytes. Larger ones are cut to the lower half, as in the kernel.
fn old_stats(number: u16, values: &Stats) -> Attribute {
    let counters = fields(values).map(|(field, value)| match field {
        stats::INBYTES | stats::OUTBYTES => Attribute::leaf(field, value),
        _ => Attribute::leaf(field, value as u32),
    });
    Attribute::Nest(number, counters.to_vec())
}

/// 64-bit numbers, padded as the kernel aligns them.
fn new_stats(number: u16, values: &Stats) -> Attribute {
    let padding = Attribute::Leaf(stats::PAD, Vec::new());
    let counters =
        fields(values).map(|(field, value)| [padding.clone(), Attribute::leaf(field, value)]);
    Attribute::Nest(number, counters.concat())
}

fn fields(values: &Stats) -> [(u16, u64); 10] {
    [
        (stats::CONNS, values.connections),
        (stats::INPKTS, values.incoming_packets),
        (stats::OUTPKTS, values.outgoing_packets),
        (stats::INBYTES, values.incoming_bytes),
        (stats::OUTBYTES, values.outgoing_bytes),
        (stats::CPS, values.rates.connections),
        (stats::INPPS, values.rates.incoming_packets),
        (stats::OUTPPS, values.rates.outgoing_packets),
        (stats::INBPS, values.rates.incoming_bytes),
        (stats::OUTBPS, values.rates.outgoing_bytes),
    ]
}

fn checksum_flag(checksum: TunnelChecksum) -> u16 {
    match checksum {
        TunnelChecksum::None => 0,
        TunnelChecksum::Checksum => 1,
        TunnelChecksum::Remote => 2,
    }
}

fn family_number(family: AddressFamily) -> u16 {
    match family {
        AddressFamily::V4 => 2,
        AddressFamily::V6 => 10,
    }
}

fn address_bytes(address: IpAddr) -> Vec<u8> {
    match address {
        IpAddr::V4(address) => [&address.octets()[..], &[0; 12]].concat(),
        IpAddr::V6(address) => address.octets().to_vec(),
    }
}

impl Request {
    /// A dump of these, with one message in each datagram, and its end.
    pub(crate) fn dump(&self, command: u8, values: &[Attribute]) -> Vec<Vec<u8>> {
        self.dump_in(1, command, values)
    }

    /// A dump of these, with this many messages in each datagram, and its end in the last one.
    pub(crate) fn dump_in(&self, each: usize, command: u8, values: &[Attribute]) -> Vec<Vec<u8>> {
        let mut messages: Vec<_> =
            values.iter().map(|value| self.answer(command, std::slice::from_ref(value))).collect();
        messages.push(self.done(0, None));
        messages.chunks(each).map(|chunk| chunk.concat()).collect()
    }

    /// The part of a table that the request asks for.
    pub(crate) fn table(&self, services: &[Attribute], destinations: &[Attribute]) -> Vec<Vec<u8>> {
        match self.command {
            cmd::GET_SERVICE => self.dump(cmd::NEW_SERVICE, services),
            cmd::GET_DEST => self.dump(cmd::NEW_DEST, destinations),
            other => panic!("command {other} reads no table"),
        }
    }
}
