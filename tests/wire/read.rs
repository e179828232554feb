//! Requests read as a kernel reads them, but strictly: nothing may be missing, left over, or of a
//! wrong size.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::num::{NonZeroU8, NonZeroU16, NonZeroU32};

use ipvs::{
    AddressFamily, Change, DaemonConfig, DaemonRole, DestinationConfig, DestinationKey, Forwarding,
    Netmask, Persistence, Protocol, SchedulerFlags, ServiceConfig, ServiceKey, Timeouts, Tunnel,
    TunnelChecksum,
};

use crate::codec::{Nest, Request};
use crate::numbers::{cmd, daemon, dest, svc, top};

/// The change that a request asks for.
pub(crate) fn change(request: Request) -> Change {
    let mut attributes = request.attributes;
    let has_service = attributes.clone().bytes(top::SERVICE).is_some();
    let change = match request.command {
        cmd::NEW_SERVICE => {
            let (key, config) = whole_service(&mut attributes);
            Change::AddService(key, config)
        }
        cmd::SET_SERVICE => {
            let (key, config) = whole_service(&mut attributes);
            Change::EditService(key, config)
        }
        cmd::DEL_SERVICE => Change::DeleteService(service_alone(&mut attributes)),
        cmd::NEW_DEST => {
            let service = service_alone(&mut attributes);
            let (key, config) = whole_destination(&mut attributes);
            Change::AddDestination(service, key, config)
        }
        cmd::SET_DEST => {
            let service = service_alone(&mut attributes);
            let (key, config) = whole_destination(&mut attributes);
            Change::EditDestination(service, key, config)
        }
        cmd::DEL_DEST => {
            let service = service_alone(&mut attributes);
            let mut nest = attributes.nested(top::DEST).expect("a destination");
            let key = destination_key(&mut nest);
            nest.end();
            Change::DeleteDestination(service, key)
        }
        cmd::FLUSH => Change::Flush,
        cmd::ZERO if has_service => Change::ZeroService(service_alone(&mut attributes)),
        cmd::ZERO => Change::ZeroAll,
        cmd::SET_CONFIG => Change::SetTimeouts(Timeouts {
            tcp_seconds: attributes.number(top::TIMEOUT_TCP).expect("TCP"),
            tcp_fin_seconds: attributes.number(top::TIMEOUT_TCP_FIN).expect("TCP after FIN"),
            udp_seconds: attributes.number(top::TIMEOUT_UDP).expect("UDP"),
        }),
        cmd::NEW_DAEMON => {
            let mut nest = attributes.nested(top::DAEMON).expect("a daemon");
            let role = role(&mut nest);
            let config = daemon_config(&mut nest);
            nest.end();
            Change::StartDaemon(role, config)
        }
        cmd::DEL_DAEMON => {
            let mut nest = attributes.nested(top::DAEMON).expect("a daemon");
            let role = role(&mut nest);
            nest.end();
            Change::StopDaemon(role)
        }
        other => panic!("command {other} changes nothing"),
    };
    attributes.end();
    change
}

/// The key of the service in `attributes`, which must have nothing else.
pub(crate) fn service_alone(attributes: &mut Nest) -> ServiceKey {
    let mut nest = attributes.nested(top::SERVICE).expect("a service");
    let key = service_key(&mut nest);
    nest.end();
    key
}

fn whole_service(attributes: &mut Nest) -> (ServiceKey, ServiceConfig) {
    let mut nest = attributes.nested(top::SERVICE).expect("a service");
    let key = service_key(&mut nest);
    let flags = nest.bytes(svc::FLAGS).expect("flags");
    assert_eq!(flags.len(), 8, "flags and mask");
    let (flags, mask) = flags.split_at(4);
    assert_eq!(mask, [0xff; 4], "all flags are set or cleared");
    let flags = u32::from_ne_bytes(flags.try_into().expect("four bytes"));
    assert_eq!(flags & !0b11_1101, 0, "no other flag");
    let timeout = nest.number(svc::TIMEOUT).expect("a timeout");
    let netmask = nest.bytes(svc::NETMASK).expect("a netmask");
    let netmask: [u8; 4] = netmask.try_into().expect("four bytes");
    let netmask = match key.family() {
        AddressFamily::V4 => Netmask::V4(Ipv4Addr::from(netmask)),
        AddressFamily::V6 => {
            Netmask::V6(u32::from_ne_bytes(netmask).try_into().expect("a prefix length"))
        }
    };
    let config = ServiceConfig {
        scheduler: nest.text(svc::SCHED_NAME).expect("a scheduler").parse().expect("a name"),
        scheduler_flags: SchedulerFlags::from_bits_truncate((flags >> 3) as u8),
        persistence: (flags & 1 != 0).then_some(Persistence { timeout_seconds: timeout, netmask }),
        persistence_engine: nest.text(svc::PE_NAME).map(|name| name.parse().expect("a name")),
        one_packet: flags & 4 != 0,
    };
    if config.persistence.is_none() {
        assert_eq!((timeout, netmask), (0, Netmask::host(key.family())), "the defaults");
    }
    nest.end();
    (key, config)
}

fn service_key(nest: &mut Nest) -> ServiceKey {
    let family = family(nest.number(svc::AF).expect("a family"));
    if let Some(mark) = nest.number(svc::FWMARK) {
        let mark = NonZeroU32::new(mark).expect("a mark");
        return ServiceKey::FirewallMark { mark, family };
    }
    ServiceKey::Address {
        protocol: Protocol::from_number(nest.number(svc::PROTOCOL).expect("a protocol")),
        address: address(family, nest.bytes(svc::ADDR).expect("an address")),
        port: u16::from_be(nest.number(svc::PORT).expect("a port")),
    }
}

fn destination_key(nest: &mut Nest) -> DestinationKey {
    let family = family(nest.number(dest::ADDR_FAMILY).expect("a family"));
    DestinationKey {
        address: address(family, nest.bytes(dest::ADDR).expect("an address")),
        port: u16::from_be(nest.number(dest::PORT).expect("a port")),
    }
}

fn whole_destination(attributes: &mut Nest) -> (DestinationKey, DestinationConfig) {
    let mut nest = attributes.nested(top::DEST).expect("a destination");
    let key = destination_key(&mut nest);
    let config = DestinationConfig {
        forwarding: match nest.number::<u32>(dest::FWD_METHOD).expect("a forwarding method") {
            0 => Forwarding::Masquerade,
            1 => Forwarding::Local,
            2 => Forwarding::Tunnel(tunnel(&mut nest)),
            3 => Forwarding::DirectRoute,
            4 => Forwarding::Bypass,
            other => Forwarding::Other(other.try_into().expect("a small number")),
        },
        weight: nest.number(dest::WEIGHT).expect("a weight"),
        upper_threshold: nest.number(dest::U_THRESH).expect("an upper threshold"),
        lower_threshold: nest.number(dest::L_THRESH).expect("a lower threshold"),
    };
    nest.end();
    (key, config)
}

fn tunnel(nest: &mut Nest) -> Tunnel {
    let kind = nest.number(dest::TUN_TYPE).expect("a tunnel's type");
    let port = u16::from_be(nest.number(dest::TUN_PORT).expect("a tunnel's port"));
    let flags = nest.number(dest::TUN_FLAGS).expect("a tunnel's flags");
    let checksum = match flags {
        0 => Some(TunnelChecksum::None),
        1 => Some(TunnelChecksum::Checksum),
        2 => Some(TunnelChecksum::Remote),
        _ => None,
    };
    match (kind, NonZeroU16::new(port), checksum) {
        (0, None, Some(TunnelChecksum::None)) => Tunnel::Ipip,
        (1, Some(port), Some(checksum)) => Tunnel::Gue { port, checksum },
        (2, None, Some(checksum)) => Tunnel::Gre { checksum },
        _ => Tunnel::Other { kind, port, flags },
    }
}

fn role(nest: &mut Nest) -> DaemonRole {
    match nest.number::<u32>(daemon::STATE).expect("a state") {
        1 => DaemonRole::Master,
        2 => DaemonRole::Backup,
        other => panic!("state {other}"),
    }
}

fn daemon_config(nest: &mut Nest) -> DaemonConfig {
    let group = nest.bytes(daemon::MCAST_GROUP).map(|group| {
        let group: [u8; 4] = group.try_into().expect("four bytes");
        IpAddr::from(group)
    });
    let group6 = nest.bytes(daemon::MCAST_GROUP6).map(|group| address(AddressFamily::V6, group));
    assert!(group.is_none() || group6.is_none(), "one group");
    DaemonConfig {
        interface: nest.text(daemon::MCAST_IFN).expect("an interface").parse().expect("a name"),
        sync_id: nest.number::<u32>(daemon::SYNC_ID).expect("an ID").try_into().expect("a byte"),
        max_length_bytes: nest.number(daemon::SYNC_MAXLEN).and_then(NonZeroU16::new),
        group: group.or(group6),
        // The only port in host byte order
        port: nest.number(daemon::MCAST_PORT).and_then(NonZeroU16::new),
        ttl: nest.number(daemon::MCAST_TTL).and_then(NonZeroU8::new),
    }
}

fn family(number: u16) -> AddressFamily {
    match number {
        2 => AddressFamily::V4,
        10 => AddressFamily::V6,
        other => panic!("address family {other}"),
    }
}

/// 16 bytes whatever the family. Those that an IPv4 address does not use must be 0.
fn address(family: AddressFamily, bytes: Vec<u8>) -> IpAddr {
    let bytes: [u8; 16] = bytes.try_into().expect("16 bytes");
    match family {
        AddressFamily::V4 => {
            assert_eq!(bytes[4..], [0; 12], "the rest of an IPv4 address");
            Ipv4Addr::new(bytes[0], bytes[1], bytes[2], bytes[3]).into()
        }
        AddressFamily::V6 => Ipv6Addr::from(bytes).into(),
    }
}
