//! Replies of the IPVS family: bytes to typed values.
//!
//! Unknown attributes are skipped, since newer kernels may send them. An attribute that every
//! kernel sends must be there; one that came later has a fallback here.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::num::{NonZeroU8, NonZeroU16, NonZeroU32};

use netlink_packet_generic::constants::CTRL_ATTR_FAMILY_ID;

use super::attribute;
use super::uapi::{
    af, cmd_attr, daemon_attr, dest_attr, fwd, info_attr, state, stats_attr, svc_attr, svc_flag,
    tun_flag, tun_type,
};
use crate::error::Malformed;
use crate::model::{
    AddressFamily, Daemon, DaemonConfig, DaemonRole, Destination, DestinationConfig,
    DestinationKey, Forwarding, Info, Name, Netmask, Persistence, Protocol, Rates, SchedulerFlags,
    Service, ServiceConfig, ServiceKey, Statistics, Stats, Timeouts, Tunnel, TunnelChecksum,
    Version,
};

/// The number of a generic netlink family, from the controller's reply.
pub(crate) fn family_number(attributes: &[u8]) -> Result<u16, Malformed> {
    find(attributes, CTRL_ATTR_FAMILY_ID)?.ok_or(Malformed("no family number"))?.u16()
}

/// The version and the size of the connection table.
pub(crate) fn info(attributes: &[u8]) -> Result<Info, Malformed> {
    let mut version = None;
    let mut size = None;
    each(attributes, |kind, value| {
        match kind {
            info_attr::VERSION => version = Some(Version::from_code(value.u32()?)),
            info_attr::CONN_TAB_SIZE => size = Some(value.u32()?),
            _ => {}
        }
        Ok(())
    })?;
    Ok(Info {
        version: version.ok_or(Malformed("no version"))?,
        connection_table_size: size.ok_or(Malformed("no connection table size"))?,
    })
}

/// The timeouts.
pub(crate) fn timeouts(attributes: &[u8]) -> Result<Timeouts, Malformed> {
    let mut timeouts = Timeouts::default();
    each(attributes, |kind, value| {
        match kind {
            cmd_attr::TIMEOUT_TCP => timeouts.tcp_seconds = value.u32()?,
            cmd_attr::TIMEOUT_TCP_FIN => timeouts.tcp_fin_seconds = value.u32()?,
            // A kernel built without UDP balancing sends none; without TCP, none of the others.
            cmd_attr::TIMEOUT_UDP => timeouts.udp_seconds = value.u32()?,
            _ => {}
        }
        Ok(())
    })?;
    Ok(timeouts)
}

/// The attributes that make a service's key.
#[derive(Default)]
struct ServiceKeyParts<'a> {
    family: Option<AddressFamily>,
    protocol: Option<Protocol>,
    address: Option<Value<'a>>,
    port: Option<u16>,
    mark: Option<NonZeroU32>,
}

impl<'a> ServiceKeyParts<'a> {
    /// Keeps an attribute that belongs to the key, and passes over any other.
    #[inline]
    fn take(&mut self, kind: u16, value: Value<'a>) -> Result<(), Malformed> {
        match kind {
            svc_attr::AF => self.family = Some(value.family()?),
            svc_attr::PROTOCOL => self.protocol = Some(Protocol::from_number(value.u16()?)),
            svc_attr::ADDR => self.address = Some(value),
            svc_attr::PORT => self.port = Some(value.port()?),
            svc_attr::FWMARK => self.mark = NonZeroU32::new(value.u32()?),
            _ => {}
        }
        Ok(())
    }

    fn are_complete(&self) -> bool {
        let has_address = self.protocol.is_some() && self.address.is_some() && self.port.is_some();
        self.family.is_some() && (self.mark.is_some() || has_address)
    }

    fn assemble(self) -> Result<(ServiceKey, AddressFamily), Malformed> {
        let family = self.family.ok_or(Malformed("a service without address family"))?;
        let key = match self.mark {
            Some(mark) => ServiceKey::FirewallMark { mark, family },
            None => ServiceKey::Address {
                protocol: self.protocol.ok_or(Malformed("a service without protocol"))?,
                address: self
                    .address
                    .ok_or(Malformed("a service without address"))?
                    .address(family)?,
                port: self.port.ok_or(Malformed("a service without port"))?,
            },
        };
        Ok((key, family))
    }
}

/// The key of a virtual service. The kernel sends its attributes first, and no further ones are
/// read.
pub(crate) fn service_key(attributes: &[u8]) -> Result<ServiceKey, Malformed> {
    let nested = find(attributes, cmd_attr::SERVICE)?.ok_or(Malformed("no service"))?;
    let mut key = ServiceKeyParts::default();
    for attribute in attribute::read(nested.0) {
        let (kind, value) = attribute?;
        key.take(kind, Value(value))?;
        if key.are_complete() {
            break;
        }
    }
    Ok(key.assemble()?.0)
}

/// A virtual service.
pub(crate) fn service(attributes: &[u8], statistics: Statistics) -> Result<Service, Malformed> {
    let nested = find(attributes, cmd_attr::SERVICE)?.ok_or(Malformed("no service"))?;
    let mut key = ServiceKeyParts::default();
    let mut scheduler = None;
    let mut flags = 0;
    let mut timeout = 0;
    let mut netmask = None;
    let mut engine = None;
    let mut counters = Counters::default();
    each(nested.0, |kind, value| {
        match kind {
            svc_attr::SCHED_NAME => scheduler = Some(value.name()?),
            svc_attr::FLAGS => flags = value.u32()?,
            svc_attr::TIMEOUT => timeout = value.u32()?,
            svc_attr::NETMASK => netmask = Some(value),
            svc_attr::PE_NAME => engine = Some(value.name()?),
            svc_attr::STATS => counters.old = Some(value),
            svc_attr::STATS64 => counters.new = Some(value),
            _ => key.take(kind, value)?,
        }
        Ok(())
    })?;

    let (key, family) = key.assemble()?;
    let persistence = if flags & svc_flag::PERSISTENT != 0 {
        let netmask = match netmask {
            Some(value) => value.netmask(family)?,
            None => Netmask::host(family),
        };
        Some(Persistence { timeout_seconds: timeout, netmask })
    } else {
        None
    };
    let config = ServiceConfig {
        scheduler: scheduler.ok_or(Malformed("a service without scheduler"))?,
        // The mask keeps it within a byte.
        scheduler_flags: SchedulerFlags::from_bits_truncate(
            ((flags / svc_flag::SCHED1) & 0b111) as u8,
        ),
        persistence,
        persistence_engine: engine,
        one_packet: flags & svc_flag::ONEPACKET != 0,
    };
    Ok(Service { key, config, stats: counters.read(statistics)? })
}

/// A destination. Before Linux 3.18 the kernel does not report its address family, which is then
/// the service's.
pub(crate) fn destination(
    attributes: &[u8],
    service_family: AddressFamily,
    statistics: Statistics,
) -> Result<Destination, Malformed> {
    let nested = find(attributes, cmd_attr::DEST)?.ok_or(Malformed("no destination"))?;
    let mut family = service_family;
    let mut address = None;
    let mut port = None;
    let mut method = None;
    let mut weight = None;
    let mut upper_threshold = 0;
    let mut lower_threshold = 0;
    let mut active_connections = 0;
    let mut inactive_connections = 0;
    let mut persistent_connections = 0;
    // Kernels before 5.2 have IPIP only and send no tunnel attributes.
    let (mut tunnel_type, mut tunnel_port, mut tunnel_flags) = (tun_type::IPIP, 0, 0);
    let mut counters = Counters::default();
    each(nested.0, |kind, value| {
        match kind {
            dest_attr::ADDR => address = Some(value),
            dest_attr::PORT => port = Some(value.port()?),
            dest_attr::FWD_METHOD => method = Some(value.u32()?),
            dest_attr::WEIGHT => weight = Some(value.u32()?),
            dest_attr::U_THRESH => upper_threshold = value.u32()?,
            dest_attr::L_THRESH => lower_threshold = value.u32()?,
            dest_attr::ACTIVE_CONNS => active_connections = value.u32()?,
            dest_attr::INACT_CONNS => inactive_connections = value.u32()?,
            dest_attr::PERSIST_CONNS => persistent_connections = value.u32()?,
            dest_attr::ADDR_FAMILY => family = value.family()?,
            dest_attr::TUN_TYPE => tunnel_type = value.u8()?,
            dest_attr::TUN_PORT => tunnel_port = value.port()?,
            dest_attr::TUN_FLAGS => tunnel_flags = value.u16()?,
            dest_attr::STATS => counters.old = Some(value),
            dest_attr::STATS64 => counters.new = Some(value),
            _ => {}
        }
        Ok(())
    })?;

    let method = method.ok_or(Malformed("a destination without forwarding method"))?;
    Ok(Destination {
        key: DestinationKey {
            address: address.ok_or(Malformed("a destination without address"))?.address(family)?,
            port: port.ok_or(Malformed("a destination without port"))?,
        },
        config: DestinationConfig {
            forwarding: forwarding(method, tunnel_type, tunnel_port, tunnel_flags),
            weight: weight.ok_or(Malformed("a destination without weight"))?,
            upper_threshold,
            lower_threshold,
        },
        active_connections,
        inactive_connections,
        persistent_connections,
        stats: counters.read(statistics)?,
    })
}

fn forwarding(method: u32, kind: u8, port: u16, flags: u16) -> Forwarding {
    let checksum = match flags {
        tun_flag::NOCSUM => Some(TunnelChecksum::None),
        tun_flag::CSUM => Some(TunnelChecksum::Checksum),
        tun_flag::REMCSUM => Some(TunnelChecksum::Remote),
        _ => None,
    };
    match method & fwd::MASK {
        fwd::MASQ => Forwarding::Masquerade,
        fwd::LOCALNODE => Forwarding::Local,
        fwd::DROUTE => Forwarding::DirectRoute,
        fwd::BYPASS => Forwarding::Bypass,
        fwd::TUNNEL => Forwarding::Tunnel(match (kind, checksum, NonZeroU16::new(port)) {
            (tun_type::IPIP, _, _) => Tunnel::Ipip,
            (tun_type::GUE, Some(checksum), Some(port)) => Tunnel::Gue { port, checksum },
            (tun_type::GRE, Some(checksum), _) => Tunnel::Gre { checksum },
            _ => Tunnel::Other { kind, port, flags },
        }),
        // The mask keeps it within a byte.
        other => Forwarding::Other(other as u8),
    }
}

/// A sync daemon. Before Linux 4.3 the kernel sends only its role, interface and sync ID.
pub(crate) fn daemon(attributes: &[u8]) -> Result<Daemon, Malformed> {
    let nested = find(attributes, cmd_attr::DAEMON)?.ok_or(Malformed("no daemon"))?;
    let mut role = None;
    let mut interface = None;
    let mut sync_id = None;
    let mut max_length = None;
    let mut group = None;
    let mut port = None;
    let mut ttl = None;
    each(nested.0, |kind, value| {
        match kind {
            daemon_attr::STATE => {
                role = Some(match value.u32()? {
                    state::MASTER => DaemonRole::Master,
                    state::BACKUP => DaemonRole::Backup,
                    _ => return Err(Malformed("a daemon that is neither master nor backup")),
                });
            }
            daemon_attr::MCAST_IFN => interface = Some(value.name()?),
            daemon_attr::SYNC_ID => {
                let id = value.u32()?;
                sync_id = Some(u8::try_from(id).map_err(|_| Malformed("a sync ID over 255"))?);
            }
            daemon_attr::SYNC_MAXLEN => max_length = NonZeroU16::new(value.u16()?),
            daemon_attr::MCAST_GROUP => group = Some(value.address(AddressFamily::V4)?),
            daemon_attr::MCAST_GROUP6 => group = Some(value.address(AddressFamily::V6)?),
            daemon_attr::MCAST_PORT => port = NonZeroU16::new(value.u16()?),
            daemon_attr::MCAST_TTL => ttl = NonZeroU8::new(value.u8()?),
            _ => {}
        }
        Ok(())
    })?;
    Ok(Daemon {
        role: role.ok_or(Malformed("a daemon without state"))?,
        config: DaemonConfig {
            interface: interface.ok_or(Malformed("a daemon without interface"))?,
            sync_id: sync_id.ok_or(Malformed("a daemon without sync ID"))?,
            max_length_bytes: max_length,
            group,
            port,
            ttl,
        },
    })
}

/// The two forms of statistics: 32 bits, which every kernel sends, and 64 bits, since Linux 4.1.
#[derive(Default)]
struct Counters<'a> {
    old: Option<Value<'a>>,
    new: Option<Value<'a>>,
}

impl Counters<'_> {
    fn read(self, statistics: Statistics) -> Result<Option<Box<Stats>>, Malformed> {
        if statistics == Statistics::Skip {
            return Ok(None);
        }
        // Indexed by attribute number less 1. An array is faster than a match on each number, and a
        // listing of 60,000 rules has a million of them.
        let mut values = [0; stats_attr::OUTBPS as usize];
        if let Some(Value(attributes)) = self.new.or(self.old) {
            each(attributes, |kind, value| {
                if let Some(place) = values.get_mut(usize::from(kind).wrapping_sub(1)) {
                    *place = value.counter()?;
                }
                Ok(())
            })?;
        }
        let value = |kind: u16| values[usize::from(kind) - 1];
        Ok(Some(Box::new(Stats {
            connections: value(stats_attr::CONNS),
            incoming_packets: value(stats_attr::INPKTS),
            outgoing_packets: value(stats_attr::OUTPKTS),
            incoming_bytes: value(stats_attr::INBYTES),
            outgoing_bytes: value(stats_attr::OUTBYTES),
            rates: Rates {
                connections: value(stats_attr::CPS),
                incoming_packets: value(stats_attr::INPPS),
                outgoing_packets: value(stats_attr::OUTPPS),
                incoming_bytes: value(stats_attr::INBPS),
                outgoing_bytes: value(stats_attr::OUTBPS),
            },
        })))
    }
}

/// The value of an attribute.
#[derive(Clone, Copy)]
struct Value<'a>(&'a [u8]);

impl Value<'_> {
    fn array<const N: usize>(self, what: &'static str) -> Result<[u8; N], Malformed> {
        self.0.first_chunk().copied().ok_or(Malformed(what))
    }

    fn u8(self) -> Result<u8, Malformed> {
        Ok(u8::from_ne_bytes(self.array("an 8-bit number")?))
    }

    fn u16(self) -> Result<u16, Malformed> {
        Ok(u16::from_ne_bytes(self.array("a 16-bit number")?))
    }

    fn port(self) -> Result<u16, Malformed> {
        Ok(u16::from_be_bytes(self.array("a port")?))
    }

    fn u32(self) -> Result<u32, Malformed> {
        Ok(u32::from_ne_bytes(self.array("a 32-bit number")?))
    }

    /// A counter of 64 or 32 bits: the old form of statistics has both.
    fn counter(self) -> Result<u64, Malformed> {
        match self.0.first_chunk() {
            Some(bytes) => Ok(u64::from_ne_bytes(*bytes)),
            None => self.u32().map(u64::from),
        }
    }

    fn family(self) -> Result<AddressFamily, Malformed> {
        match self.u16()? {
            af::INET => Ok(AddressFamily::V4),
            af::INET6 => Ok(AddressFamily::V6),
            _ => Err(Malformed("an address family that is neither IPv4 nor IPv6")),
        }
    }

    fn address(self, family: AddressFamily) -> Result<IpAddr, Malformed> {
        Ok(match family {
            AddressFamily::V4 => Ipv4Addr::from(self.array::<4>("an IPv4 address")?).into(),
            AddressFamily::V6 => Ipv6Addr::from(self.array::<16>("an IPv6 address")?).into(),
        })
    }

    fn netmask(self, family: AddressFamily) -> Result<Netmask, Malformed> {
        Ok(match family {
            AddressFamily::V4 => Netmask::V4(Ipv4Addr::from(self.array::<4>("a netmask")?)),
            AddressFamily::V6 => Netmask::V6(
                u8::try_from(self.u32()?).map_err(|_| Malformed("a prefix length over 255"))?,
            ),
        })
    }

    /// Text up to its closing NUL.
    fn name(self) -> Result<Name, Malformed> {
        let text = self.0.split(|byte| *byte == 0).next().unwrap_or_default();
        std::str::from_utf8(text)
            .ok()
            .and_then(|text| text.parse().ok())
            .ok_or(Malformed("a name that is empty, too long or not text"))
    }
}

/// Calls `take` for each attribute.
fn each<'a>(
    attributes: &'a [u8],
    mut take: impl FnMut(u16, Value<'a>) -> Result<(), Malformed>,
) -> Result<(), Malformed> {
    attribute::read(attributes).try_for_each(|attribute| {
        let (kind, value) = attribute?;
        take(kind, Value(value))
    })
}

/// The first attribute of a kind.
fn find(attributes: &[u8], kind: u16) -> Result<Option<Value<'_>>, Malformed> {
    for attribute in attribute::read(attributes) {
        let (found, value) = attribute?;
        if found == kind {
            return Ok(Some(Value(value)));
        }
    }
    Ok(None)
}
