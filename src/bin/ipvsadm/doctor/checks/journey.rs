//! The packets of a service on their way through the director, as far as the firewall sees them.
//!
//! A request comes through PREROUTING and INPUT, where IPVS takes it behind every filter, and leaves
//! through OUTPUT. A reply of a masqueraded server comes through FORWARD; other servers answer directly.
//! As long as `vs.conntrack` is 0, connection tracking never learns of the connection: what IPVS sends is
//! UNTRACKED, and a server's SYN-ACK is INVALID.

use std::collections::HashMap;
use std::net::IpAddr;

use ipvs::{AddressFamily, DestinationKey, Protocol, ServiceKey};

use super::filter::{Dropped, Filter, Place};
use super::packet::{Packet, TCP};
use crate::doctor::facts::firewall::{Hook, state, tcp_flag};
use crate::doctor::facts::{Facts, Group, Method, Missing, Server, Service, WayKind};

const UDP: u32 = 17;

pub(super) struct Journeys<'f> {
    facts: &'f Facts,
    filter: Filter<'f>,
    /// Every interface but the loopback.
    interfaces: Vec<String>,
    /// Where connections stay half open.
    stuck: HashMap<(ServiceKey, DestinationKey), &'f Group>,
    /// `vs.conntrack`.
    tracks: bool,
}

/// Why packets are dropped.
#[derive(Debug, Clone, Copy)]
pub(super) enum Reason<'f> {
    Rules,
    /// They would not be with `vs.conntrack=1`.
    NotTracked,
    /// They would not be without this rule.
    Untracked(Place<'f>),
}

/// A drop on the way of a service's packets.
#[derive(Debug, Clone)]
pub(super) struct Trouble<'f> {
    pub(super) service: &'f Service,
    /// `None`: it is the same for all.
    pub(super) server: Option<&'f Server>,
    pub(super) hook: Hook,
    pub(super) packet: Packet,
    pub(super) dropped: Dropped<'f>,
    pub(super) reason: Reason<'f>,
}

impl<'f> Journeys<'f> {
    pub(super) fn new(facts: &'f Facts) -> Result<Self, Missing> {
        let groups = facts.connections.iter().flat_map(|it| &it.groups);
        let stuck = groups.filter(|group| group.stuck > 0);
        Ok(Journeys {
            facts,
            filter: Filter::new(facts.firewall()?),
            interfaces: facts.network()?.interfaces(),
            stuck: stuck.filter_map(|it| Some(((it.service?, it.destination?), it))).collect(),
            tracks: facts.sysctl("net.ipv4.vs.conntrack").is_some_and(|value| value != "0"),
        })
    }

    pub(super) fn tracks(&self) -> bool {
        self.tracks
    }

    /// What could not be looked at, once all that can be is.
    pub(super) fn end(&self) -> Result<(), Missing> {
        if let Some(hidden) = &self.facts.firewall()?.hidden {
            return Err(Missing(hidden.clone()));
        }
        match self.filter.gave_up() {
            true => Err(Missing("there are too many rules and services to follow all".to_owned())),
            false => Ok(()),
        }
    }

    /// The first packet of a client, as it comes in. A firewall mark's service may have many addresses.
    pub(super) fn arrivals(&self, service: &Service) -> Vec<Packet> {
        let is_ipv6 = service.key.family() == AddressFamily::V6;
        let packet = |protocol, address, port| Packet {
            not: Some(address),
            destination_type: self.is_local(address).then_some("local"),
            ..Packet::first(is_ipv6, protocol, Some(address), port, self.interfaces.clone())
        };
        match service.key {
            ServiceKey::Address { protocol, address, port } => {
                vec![packet(number(protocol), address, port)]
            }
            ServiceKey::FirewallMark { .. } => {
                let mut packets = Vec::new();
                for group in self.groups(service).take(MOST_ADDRESSES) {
                    packets.push(packet(named(&group.protocol), group.to.ip(), group.to.port()));
                }
                packets
            }
        }
    }

    /// The groups of connections of a firewall mark's service that tell an address.
    fn groups(&self, service: &Service) -> impl Iterator<Item = &'f Group> {
        let key = service.key;
        let groups = self.facts.connections.iter().flat_map(|it| &it.groups);
        groups.filter(move |it| it.service == Some(key) && it.connections > 0)
    }

    fn is_local(&self, address: IpAddr) -> bool {
        self.facts.way(address, None).is_ok_and(|way| way.kind == WayKind::Local)
    }

    /// The interface that leads there.
    fn interface(&self, to: IpAddr) -> Vec<String> {
        let way = self.facts.way(to, None).ok();
        way.and_then(|way| way.interface.clone()).into_iter().collect()
    }

    /// The rule that keeps a client's packets from connection tracking.
    pub(super) fn untracks(&self, arrival: &Packet) -> Option<Place<'f>> {
        self.filter.untracks(&Packet { state: None, ..arrival.clone() })
    }

    /// A client's packet as IPVS sends it to a server. `None`: it does not leave, or not so.
    pub(super) fn request(
        &self,
        arrival: &Packet,
        server: &Server,
        tracked: bool,
    ) -> Option<Packet> {
        let key = server.key;
        if self.is_local(key.address) {
            return None;
        }
        let mut packet = Packet {
            state: Some(if tracked { state::NEW } else { state::UNTRACKED }),
            incoming: vec![],
            outgoing: self.interface(key.address),
            destination_type: None,
            mark: None,
            ..arrival.clone()
        };
        match server.method {
            Method::Masquerade => {
                packet.destination = Some(key.address);
                packet.destination_port =
                    Some(key.port).filter(|port| *port != 0).or(arrival.destination_port);
            }
            Method::Direct => {}
            Method::Tunnel | Method::Local => return None,
        }
        Some(packet)
    }

    /// A masqueraded server's answer to it.
    fn reply(&self, request: &Packet, client: Option<IpAddr>, tracked: bool) -> Packet {
        let outgoing = client.map(|client| self.interface(client)).unwrap_or_default();
        Packet {
            source: request.destination,
            source_port: request.destination_port,
            destination: client,
            destination_port: None,
            flags: (request.protocol == TCP).then_some(tcp_flag::SYN | tcp_flag::ACK),
            state: Some(match request.protocol {
                _ if tracked => state::ESTABLISHED,
                // It may be the first of a connection for all that is known.
                UDP => state::NEW,
                _ => state::INVALID,
            }),
            mark: Some(0),
            incoming: request.outgoing.clone(),
            outgoing: if outgoing.is_empty() { self.interfaces.clone() } else { outgoing },
            ..request.clone()
        }
    }

    /// The rule that gives packets to a server another source address, where they are tracked: whoever
    /// the client is, or for one whose connection stays half open. And whether one does.
    pub(super) fn source_nat(
        &self,
        service: &Service,
        server: &Server,
        arrival: &Packet,
    ) -> Option<(Place<'f>, bool)> {
        let request = self.request(arrival, server, true)?;
        let stuck = self.stuck.get(&(service.key, server.key));
        let clients = stuck.into_iter().flat_map(|group| &group.stuck_clients);
        let of = |source| self.filter.source_nat(&Packet { source, ..request.clone() });
        let found = clients.copied().find_map(|client| of(Some(client)));
        found.map(|place| (place, true)).or_else(|| Some((of(None)?, false)))
    }

    /// Everything that drops packets for certain.
    pub(super) fn troubles(&self) -> Result<Vec<Trouble<'f>>, Missing> {
        let mut troubles = Vec::new();
        for service in &self.facts.ipvs()?.services {
            let arrivals: Vec<_> =
                self.arrivals(service).into_iter().map(|it| (self.untracks(&it), it)).collect();
            // Whatever the rules say, connections may come through.
            let blocked = if service.growth.connections > 0 { &[] } else { &arrivals[..] };
            for (untracks, arrival) in blocked {
                let state = Some(if untracks.is_some() { state::UNTRACKED } else { state::NEW });
                let packet = Packet { state, ..arrival.clone() };
                let drops = self.filter.drops(&[Hook::Prerouting, Hook::Input], &packet);
                troubles.extend(drops.into_iter().map(|dropped| Trouble {
                    service,
                    server: None,
                    hook: Hook::Input,
                    packet: packet.clone(),
                    dropped,
                    reason: Reason::Rules,
                }));
            }
            for server in &service.servers {
                // Out of use, it may have been taken out of the firewall's rules too.
                let is_out = server.weight == 0 && server.active == 0 && server.inactive == 0;
                if is_out || server.growth.outgoing_packets > 0 {
                    continue;
                }
                for (untracks, arrival) in &arrivals {
                    self.troubles_of(service, server, (*untracks, arrival), &mut troubles);
                }
            }
        }
        Ok(troubles)
    }

    fn troubles_of(
        &self,
        service: &'f Service,
        server: &'f Server,
        (untracks, arrival): (Option<Place<'f>>, &Packet),
        troubles: &mut Vec<Trouble<'f>>,
    ) {
        let tracked = self.tracks && untracks.is_none();
        let reason = match untracks {
            Some(place) if self.tracks => Reason::Untracked(place),
            _ => Reason::NotTracked,
        };
        let mut add = |hook, of: &dyn Fn(bool) -> Option<(&'static [Hook], Packet)>| {
            let Some((hooks, packet)) = of(tracked) else {
                return;
            };
            for dropped in self.filter.drops(hooks, &packet) {
                let is_same = |other: &Dropped<'_>| std::ptr::eq(other.base, dropped.base);
                let is_dropped_anyway = tracked
                    || of(true).is_some_and(|(hooks, packet)| {
                        self.filter.drops(hooks, &packet).iter().any(is_same)
                    });
                let reason = if is_dropped_anyway { Reason::Rules } else { reason };
                let (server, packet) = (Some(server), packet.clone());
                troubles.push(Trouble { service, server, hook, packet, dropped, reason });
            }
        };
        add(Hook::Output, &|tracked| {
            Some((&[Hook::Output], self.request(arrival, server, tracked)?))
        });
        if server.method != Method::Masquerade {
            return;
        }
        let stuck = self.stuck.get(&(service.key, server.key));
        let clients = stuck.into_iter().flat_map(|group| &group.stuck_clients);
        // The first one that has no other.
        for client in [None].into_iter().chain(clients.copied().map(Some)).take(2) {
            add(Hook::Forward, &|tracked| {
                let request = self.request(arrival, server, tracked)?;
                let reply = self.reply(&request, client, tracked);
                Some((&[Hook::Prerouting, Hook::Forward], reply))
            });
        }
    }
}

/// Addresses of a firewall mark's service that are looked at.
const MOST_ADDRESSES: usize = 4;

fn number(protocol: Protocol) -> u32 {
    protocol.number().into()
}

fn named(protocol: &str) -> u32 {
    match protocol {
        "TCP" => TCP,
        "UDP" => UDP,
        _ => 132,
    }
}
