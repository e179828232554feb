//! Connections by service and server.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};

use ipvs::{AddressFamily, DestinationKey, ServiceKey};

use super::marks::Marks;
use crate::doctor::facts::{Connections, Group, Ipvs};
use crate::kernel::connections::services::{Services, firewall_mark};
use crate::output::connections::{Connection, protocol_named};

/// The port of FTP's commands. Data of such a service comes through other ports.
const FTP: u16 = 21;

/// Both readings number the groups alike.
#[derive(Debug, Default)]
pub(super) struct Groups {
    services: Services,
    marks: Marks,
    groups: Vec<Group>,
    /// For each group, whether its server has weight 0.
    quiescent: Vec<bool>,
    /// The groups' places, by what a connection says.
    seen: HashMap<Seen, Option<u32>>,
    places: HashMap<Key, u32>,
    last: Option<(Seen, Option<u32>)>,
}

/// What a connection says of its group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Seen {
    /// The first letter of its name.
    protocol: u8,
    to: (IpAddr, u16),
    server: (IpAddr, u16),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Key {
    /// Between a service and a server that it has.
    Known(ServiceKey, DestinationKey),
    Unknown(Seen),
}

impl Groups {
    pub(super) fn new(ipvs: &Ipvs) -> Self {
        Groups {
            services: Services::of(ipvs.services.iter().map(|service| service.key)),
            marks: Marks::new(ipvs),
            ..Groups::default()
        }
    }

    /// The place of a connection's group. `None`: there are too many groups.
    pub(super) fn place(&mut self, ipvs: &Ipvs, connection: &Connection<'_>) -> Option<usize> {
        let seen = Seen {
            protocol: connection.protocol.first().copied().unwrap_or(0),
            to: connection.virtual_service,
            server: connection.destination,
        };
        let known = match self.last {
            Some((last, place)) if last == seen => Some(place),
            _ => self.seen.get(&seen).copied(),
        };
        let place = known.unwrap_or_else(|| {
            let place = self.find(ipvs, connection, seen);
            // A firewall mark may be that of any number of addresses.
            if self.seen.len() < 2 * Connections::MOST_GROUPS {
                self.seen.insert(seen, place);
            }
            place
        });
        self.last = Some((seen, place));
        place.map(|place| place as usize)
    }

    fn find(&mut self, ipvs: &Ipvs, connection: &Connection<'_>, seen: Seen) -> Option<u32> {
        let service = self.service(ipvs, connection);
        let (server, port) = seen.server;
        let found = service.and_then(|key| {
            let service = ipvs.service(&key)?;
            let same = |port| service.server(&DestinationKey { address: server, port });
            // A server of a service for all ports may be one for all ports, too. Templates may have
            // port 0, and FTP's data has any.
            let found =
                same(port).or_else(|| same(0)).or_else(|| match key.port() == FTP || port == 0 {
                    true => service.servers.iter().find(|it| it.key.address == server),
                    false => None,
                });
            found.map(|found| (found.key, found.weight == 0))
        });
        let key = match (service, found) {
            (Some(service), Some((server, _))) => Key::Known(service, server),
            _ => Key::Unknown(seen),
        };
        if let Some(place) = self.places.get(&key) {
            return Some(*place);
        }
        if self.groups.len() >= Connections::MOST_GROUPS {
            return None;
        }
        let place = u32::try_from(self.groups.len()).ok()?;
        self.places.insert(key, place);
        self.quiescent.push(found.is_some_and(|(_, is_quiescent)| is_quiescent));
        self.groups.push(Group {
            service,
            destination: found.map(|(key, _)| key),
            protocol: String::from_utf8_lossy(connection.protocol).into_owned(),
            to: SocketAddr::new(seen.to.0, seen.to.1),
            server: SocketAddr::new(server, port),
            connections: 0,
            half_open: 0,
            open: 0,
            idle: 0,
            fresh: 0,
            reused: 0,
            templates: 0,
            synchronized: 0,
            stuck: 0,
            retried: 0,
            stuck_clients: Vec::new(),
            open_clients: Vec::new(),
            stuck_from_director: 0,
        });
        Some(place)
    }

    /// The service that a connection belongs to, if it is in the table.
    fn service(&self, ipvs: &Ipvs, connection: &Connection<'_>) -> Option<ServiceKey> {
        let (to, port) = connection.virtual_service;
        if let Some((mark, family)) = firewall_mark(connection.protocol, to) {
            let key = ServiceKey::FirewallMark { mark: mark.try_into().ok()?, family };
            return ipvs.service(&key).map(|service| service.key);
        }
        let protocol = protocol_named(connection.protocol)?;
        let port = self.services.at(protocol, to).service(port);
        let key = ServiceKey::Address { protocol, address: to, port };
        match ipvs.service(&key) {
            Some(service) => Some(service.key),
            None => self.marks.with_server(AddressFamily::of(to), connection.destination.0),
        }
    }

    pub(super) fn get(&mut self, at: usize) -> &mut Group {
        &mut self.groups[at]
    }

    /// True if the group's server has weight 0.
    pub(super) fn is_quiescent(&self, at: usize) -> bool {
        self.quiescent.get(at).copied().unwrap_or(false)
    }

    /// The groups that have connections.
    pub(super) fn into_groups(self) -> Vec<Group> {
        let mut groups = self.groups;
        groups.retain(|it| it.connections + it.templates + it.synchronized > 0);
        groups
    }
}
