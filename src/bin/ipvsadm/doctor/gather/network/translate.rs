//! From rtnetlink's messages to facts.

use std::net::IpAddr;

use netlink_packet_route::AddressFamily;
use netlink_packet_route::address::{AddressAttribute, AddressFlags, AddressMessage};
use netlink_packet_route::link::{LinkAttribute, LinkFlags, LinkInfo, LinkMessage};
use netlink_packet_route::neighbour::{
    NeighbourAddress, NeighbourAttribute, NeighbourMessage, NeighbourState,
};
use netlink_packet_route::route::{
    RouteAddress, RouteAttribute, RouteFlags, RouteMessage, RouteMetric, RouteType, RouteVia,
};
use netlink_packet_route::rule::{RuleAttribute, RuleMessage};

use super::Names;
use crate::doctor::facts::{Address, Link, Neighbour, Route, Rule, Way, WayKind};

/// The table of this host's own addresses.
const LOCAL_TABLE: u32 = 255;

pub(super) fn link(message: &LinkMessage) -> Link {
    let has = |flag| message.header.flags.contains(flag);
    let mut link = Link {
        index: message.header.index,
        up: has(LinkFlags::Up),
        carrier: has(LinkFlags::LowerUp),
        loopback: has(LinkFlags::Loopback),
        multicast: has(LinkFlags::Multicast),
        no_arp: has(LinkFlags::Noarp),
        ..Link::default()
    };
    for attribute in &message.attributes {
        match attribute {
            LinkAttribute::IfName(name) => link.name.clone_from(name),
            LinkAttribute::Mtu(mtu) => link.mtu = *mtu,
            LinkAttribute::Address(bytes) if bytes.len() == 6 => link.mac = Some(mac(bytes)),
            LinkAttribute::LinkInfo(infos) => {
                link.kind = infos.iter().find_map(|info| match info {
                    LinkInfo::Kind(kind) => Some(kind.to_string()),
                    _ => None,
                });
            }
            _ => {}
        }
    }
    link
}

/// Such as `02:00:00:00:00:01`.
fn mac(bytes: &[u8]) -> String {
    let bytes: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    bytes.join(":")
}

pub(super) fn address(message: &AddressMessage, names: &Names) -> Option<Address> {
    let mut flags = AddressFlags::from_bits_retain(message.header.flags.bits().into());
    let (mut own, mut peer) = (None, None);
    for attribute in &message.attributes {
        match attribute {
            AddressAttribute::Local(address) => own = Some(*address),
            // That of the other end, on a link from point to point.
            AddressAttribute::Address(address) => peer = Some(*address),
            AddressAttribute::Flags(all) => flags = *all,
            _ => {}
        }
    }
    Some(Address {
        address: own.or(peer)?,
        prefix: message.header.prefix_len,
        interface: names.get(&message.header.index)?.clone(),
        tentative: flags.contains(AddressFlags::Tentative),
        duplicate: flags.contains(AddressFlags::Dadfailed),
    })
}

/// `None` for those that the kernel makes by itself, such as of multicast.
pub(super) fn neighbour(message: &NeighbourMessage, names: &Names) -> Option<Neighbour> {
    let state = match message.header.state {
        NeighbourState::Noarp => return None,
        NeighbourState::Incomplete => "INCOMPLETE",
        NeighbourState::Reachable => "REACHABLE",
        NeighbourState::Stale => "STALE",
        NeighbourState::Delay => "DELAY",
        NeighbourState::Probe => "PROBE",
        NeighbourState::Failed => "FAILED",
        NeighbourState::Permanent => "PERMANENT",
        _ => "NONE",
    };
    let (mut address, mut link_layer) = (None, None);
    for attribute in &message.attributes {
        match attribute {
            NeighbourAttribute::Destination(NeighbourAddress::Inet(it)) => {
                address = Some((*it).into())
            }
            NeighbourAttribute::Destination(NeighbourAddress::Inet6(it)) => {
                address = Some((*it).into());
            }
            NeighbourAttribute::LinkLayerAddress(bytes) => link_layer = Some(mac(bytes)),
            _ => {}
        }
    }
    Some(Neighbour {
        address: address?,
        interface: names.get(&message.header.ifindex)?.clone(),
        state: state.to_owned(),
        mac: link_layer,
    })
}

/// A route for each next hop; none of the table of local addresses.
pub(super) fn routes(message: &RouteMessage, names: &Names, to: &mut Vec<Route>) {
    let header = &message.header;
    if header.flags.contains(RouteFlags::Cloned) {
        return;
    }
    let mut route = Route {
        table: header.table.into(),
        prefix: header.destination_prefix_length,
        kind: kind(header.kind).to_owned(),
        ipv6: header.address_family == AddressFamily::Inet6,
        ..Route::default()
    };
    let is_ip = matches!(header.address_family, AddressFamily::Inet | AddressFamily::Inet6);
    let mut hops = &[][..];
    for attribute in &message.attributes {
        match attribute {
            RouteAttribute::Table(table) => route.table = *table,
            RouteAttribute::Destination(address) => route.to = ip(address),
            RouteAttribute::Oif(index) => route.interface = names.get(index).cloned(),
            RouteAttribute::Priority(metric) => route.metric = Some(*metric),
            RouteAttribute::Metrics(metrics) => route.mtu = mtu(metrics),
            RouteAttribute::MultiPath(all) => hops = all,
            other => route.gateway = gateway(other).or(route.gateway),
        }
    }
    if route.table == LOCAL_TABLE || !is_ip {
        return;
    }
    if hops.is_empty() {
        to.push(route);
        return;
    }
    to.extend(hops.iter().map(|hop| Route {
        interface: names.get(&hop.interface_index).cloned(),
        gateway: hop.attributes.iter().find_map(gateway),
        ..route.clone()
    }));
}

pub(super) fn rule(message: &RuleMessage) -> Option<Rule> {
    let header = &message.header;
    let ipv6 = match header.family {
        AddressFamily::Inet => false,
        AddressFamily::Inet6 => true,
        _ => return None,
    };
    let mut rule = Rule { table: header.table.into(), ipv6, ..Rule::default() };
    for attribute in &message.attributes {
        match attribute {
            RuleAttribute::Priority(priority) => rule.priority = *priority,
            RuleAttribute::FwMark(mark) => rule.mark = Some(*mark),
            RuleAttribute::FwMask(mask) => rule.mask = Some(*mask),
            RuleAttribute::Table(table) => rule.table = *table,
            RuleAttribute::Iifname(name) => rule.incoming_interface = Some(name.clone()),
            _ => {}
        }
    }
    Some(rule)
}

/// What the kernel answers to a packet there.
pub(super) fn way(to: IpAddr, mark: Option<u32>, message: &RouteMessage, names: &Names) -> Way {
    let mut way = Way {
        kind: match message.header.kind {
            RouteType::Unicast => WayKind::Unicast,
            RouteType::Local | RouteType::Anycast => WayKind::Local,
            RouteType::Multicast => WayKind::Multicast,
            RouteType::Broadcast => WayKind::Broadcast,
            _ => WayKind::None,
        },
        ..no_way(to, mark)
    };
    for attribute in &message.attributes {
        match attribute {
            RouteAttribute::Oif(index) => way.interface = names.get(index).cloned(),
            RouteAttribute::PrefSource(address) => way.source = ip(address),
            RouteAttribute::Metrics(metrics) => way.mtu = mtu(metrics),
            other => way.gateway = gateway(other).or(way.gateway),
        }
    }
    way
}

pub(super) fn no_way(to: IpAddr, mark: Option<u32>) -> Way {
    Way { to, mark, kind: WayKind::None, interface: None, gateway: None, source: None, mtu: None }
}

fn gateway(attribute: &RouteAttribute) -> Option<IpAddr> {
    match attribute {
        RouteAttribute::Gateway(address) => ip(address),
        RouteAttribute::Via(RouteVia::Inet(address)) => Some((*address).into()),
        RouteAttribute::Via(RouteVia::Inet6(address)) => Some((*address).into()),
        _ => None,
    }
}

fn mtu(metrics: &[RouteMetric]) -> Option<u32> {
    metrics.iter().find_map(|metric| match metric {
        RouteMetric::Mtu(mtu) => Some(*mtu),
        _ => None,
    })
}

fn ip(address: &RouteAddress) -> Option<IpAddr> {
    match address {
        RouteAddress::Inet(address) => Some((*address).into()),
        RouteAddress::Inet6(address) => Some((*address).into()),
        _ => None,
    }
}

fn kind(kind: RouteType) -> &'static str {
    match kind {
        RouteType::Unicast => "unicast",
        RouteType::Local => "local",
        RouteType::Broadcast => "broadcast",
        RouteType::Anycast => "anycast",
        RouteType::Multicast => "multicast",
        RouteType::BlackHole => "blackhole",
        RouteType::Unreachable => "unreachable",
        RouteType::Prohibit => "prohibit",
        RouteType::Throw => "throw",
        _ => "other",
    }
}
