//! The rows of the tree: which services and servers are shown, in which order.

use std::collections::BTreeSet;

use ipvs::{DestinationKey, ServiceKey};

use super::columns::{self, Id, order_servers, order_services};
use super::model::{Model, Server, Service, ServiceState};
use super::names::Names;

/// A service or a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Subject {
    Service(ServiceKey),
    Server(ServiceKey, DestinationKey),
}

impl Subject {
    pub(crate) fn service(&self) -> ServiceKey {
        match self {
            Subject::Service(service) | Subject::Server(service, _) => *service,
        }
    }

    pub(crate) fn server(&self) -> Option<(ServiceKey, DestinationKey)> {
        match self {
            Subject::Service(_) => None,
            Subject::Server(service, server) => Some((*service, *server)),
        }
    }
}

/// How the tree is arranged.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Arrangement {
    pub(crate) sort: Id,
    pub(crate) reversed: bool,
    /// Empty: everything.
    pub(crate) filter: String,
    /// Whether servers are shown, unless the service is one of the exceptions.
    pub(crate) expanded: bool,
    pub(crate) exceptions: BTreeSet<ServiceKey>,
}

impl Default for Arrangement {
    fn default() -> Self {
        Arrangement {
            sort: Id::Name,
            reversed: false,
            filter: String::new(),
            expanded: true,
            exceptions: BTreeSet::new(),
        }
    }
}

impl Arrangement {
    pub(crate) fn is_expanded(&self, service: &ServiceKey) -> bool {
        self.expanded != self.exceptions.contains(service)
    }

    pub(crate) fn expand(&mut self, service: ServiceKey, expanded: bool) {
        match expanded == self.expanded {
            true => self.exceptions.remove(&service),
            false => self.exceptions.insert(service),
        };
    }
}

/// A row: the places of a service in the model, and of one of its servers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Row {
    pub(crate) service: usize,
    pub(crate) server: Option<usize>,
}

impl Row {
    pub(crate) fn parts<'m>(&self, model: &'m Model) -> Option<(&'m Service, Option<&'m Server>)> {
        let service = model.services.get(self.service)?;
        match self.server {
            None => Some((service, None)),
            Some(at) => Some((service, Some(service.servers.get(at)?))),
        }
    }

    pub(crate) fn subject(&self, model: &Model) -> Option<Subject> {
        let (service, server) = self.parts(model)?;
        Some(match server {
            None => Subject::Service(service.key),
            Some(server) => Subject::Server(service.key, server.now.key),
        })
    }
}

/// Makes the rows of the tree.
pub(crate) fn arrange(
    model: &Model,
    arrangement: &Arrangement,
    names: &Names,
    rows: &mut Vec<Row>,
) {
    rows.clear();
    let Arrangement { sort, reversed, .. } = *arrangement;
    let filter = arrangement.filter.to_lowercase();
    let mut services: Vec<usize> = (0..model.services.len()).collect();
    if sort != Id::Name {
        // Equal ones stay in the order of their keys.
        services.sort_by(|one, other| {
            order_services(sort, &model.services[*one], &model.services[*other])
        });
    }
    if reversed {
        services.reverse();
    }
    let mut servers: Vec<usize> = Vec::new();
    for at in services {
        let service = &model.services[at];
        servers.clear();
        let is_whole = filter.is_empty() || has_text(service, names, &filter);
        servers.extend((0..service.servers.len()).filter(|server| {
            is_whole || server_has_text(&service.servers[*server], names, &filter)
        }));
        if !is_whole && servers.is_empty() {
            continue;
        }
        rows.push(Row { service: at, server: None });
        // What the filter has found in a service is not hidden.
        if !arrangement.is_expanded(&service.key) && is_whole {
            continue;
        }
        servers.sort_by(|one, other| {
            order_servers(sort, service, &service.servers[*one], &service.servers[*other])
        });
        if reversed {
            servers.reverse();
        }
        rows.extend(servers.iter().map(|server| Row { service: at, server: Some(*server) }));
    }
}

fn has_text(service: &Service, names: &Names, text: &str) -> bool {
    let state = match service.state() {
        ServiceState::Down => "down",
        ServiceState::Unknown | ServiceState::Up(..) => "",
    };
    names.service(&service.key).to_lowercase().contains(text)
        || service.scheduler.as_str() == text
        || state == text
}

fn server_has_text(server: &Server, names: &Names, text: &str) -> bool {
    let state = columns::state(server.state()).text;
    // `up` alone would be in the names of half of all servers.
    names.server(&server.now.key).to_lowercase().contains(text)
        || state == text
        || (text.len() > 2 && state.starts_with(text))
}

#[cfg(test)]
mod tests;
