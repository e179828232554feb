//! Single real servers, and the services that have them.

use ipvs::rules::grammar::{EndpointFilter, Target};
use ipvs::{
    Change, Client, Destination, DestinationKey, RefusalKind, Rehearsal, Service, ServiceKey,
    State, Statistics, Table,
};

use super::connections::filter::Filter;
use super::connections::services::Services;
use super::connections::{Connections, List};
use crate::names::ReverseNames;
use crate::process::failure::Failure;

/// A service with its servers, some of which were asked for.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) service: Service,
    pub(crate) servers: Vec<Destination>,
    /// Those that were asked for, at least one.
    pub(crate) chosen: Vec<DestinationKey>,
}

impl Found {
    /// The servers that were asked for.
    pub(crate) fn chosen(&self) -> impl Iterator<Item = &Destination> {
        self.servers.iter().filter(|server| self.chosen.contains(&server.key))
    }

    /// The other ones.
    pub(crate) fn others(&self) -> impl Iterator<Item = &Destination> {
        self.servers.iter().filter(|server| !self.chosen.contains(&server.key))
    }

    /// Adds the service with its servers to a table.
    pub(crate) fn add_to(&self, table: &mut Table) {
        let entry = table.insert(self.service.key, self.service.config);
        for server in &self.servers {
            entry.insert(server.key, server.config);
        }
    }
}

/// The services that have the server, sorted. A server that is not there is refused, in the
/// kernel's words if the service was named.
pub(crate) fn find(client: &mut Client, target: &Target) -> Result<Vec<Found>, Failure> {
    match target {
        Target::In(service, server) => find_in(client, service, server).map(|found| vec![found]),
        Target::Everywhere(server) => find_everywhere(client, server),
    }
}

/// A service that has the server.
pub(crate) fn find_in(
    client: &mut Client,
    key: &ServiceKey,
    server: &DestinationKey,
) -> Result<Found, Failure> {
    let mut table = Table::new();
    let service = service(client, key)?;
    let servers = servers(client, key)?;
    if let Some(service) = service {
        let found = Found { service, servers, chosen: vec![*server] };
        found.add_to(&mut table);
        if found.chosen().next().is_some() {
            return Ok(found);
        }
    }
    let refused =
        Rehearsal::new(State::from(table)).change(&Change::DeleteDestination(*key, *server));
    match refused {
        Err(error) => Err(error.into()),
        // The rehearsal refuses what is not there.
        Ok(_) => Err(Failure::NothingToList),
    }
}

fn find_everywhere(client: &mut Client, server: &EndpointFilter) -> Result<Vec<Found>, Failure> {
    let mut found = Vec::new();
    let mut services = client.services()?;
    services.sort_by_key(|service| service.key);
    services.dedup_by_key(|service| service.key);
    for service in services {
        let servers = servers(client, &service.key)?;
        let keys = servers.iter().map(|destination| destination.key);
        let chosen: Vec<_> = keys.filter(|key| server.matches(key.address, key.port)).collect();
        if !chosen.is_empty() {
            found.push(Found { service, servers, chosen });
        }
    }
    if found.is_empty() { Err(Failure::NoSuchServer(*server)) } else { Ok(found) }
}

/// A service. `None` if it is not there.
pub(crate) fn service(client: &mut Client, key: &ServiceKey) -> Result<Option<Service>, Failure> {
    match client.service(key) {
        Ok(service) => Ok(Some(service)),
        Err(error) if error.refusal_kind() == Some(RefusalKind::NoSuchService) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// The servers of a service, sorted; none if it is not there.
pub(crate) fn servers(client: &mut Client, key: &ServiceKey) -> Result<Vec<Destination>, Failure> {
    let mut servers = Vec::new();
    client.each_destination(key, Statistics::Skip, |server| servers.push(server))?;
    servers.sort_by_key(|server| server.key);
    servers.dedup_by_key(|server| server.key);
    Ok(servers)
}

/// One server of a service. `None` if it is not there.
pub(crate) fn server(
    client: &mut Client,
    service: &ServiceKey,
    key: &DestinationKey,
) -> Result<Option<Destination>, Failure> {
    let mut found = None;
    client.each_destination(service, Statistics::Skip, |server| {
        if server.key == *key {
            found = Some(server);
        }
    })?;
    Ok(found)
}

/// True if the server has UDP connections, of whatever service. The kernel does not show which of
/// them are of a firewall mark.
pub(crate) fn has_udp_connections(server: &DestinationKey) -> Result<bool, Failure> {
    let port = Some(server.port).filter(|port| *port != 0);
    let wanted = ipvs::rules::grammar::ConnectionFilter {
        server: Some(EndpointFilter { address: server.address, port }),
        ..Default::default()
    };
    let services = Services::default();
    let mut has_udp = false;
    Connections::open(List::Usual)?.each(
        &Filter::new(wanted, &services),
        &mut ReverseNames::Numeric,
        |_, connection| {
            has_udp |= connection.protocol == b"UDP";
            Ok(())
        },
    )?;
    Ok(has_udp)
}
