//! The connections of a service or server, as lines to scroll through.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use ipvs::ServiceKey;
use ipvs::rules::grammar::{ConnectionFilter, EndpointFilter};

use super::names::Names;
use super::rows::Subject;
use crate::kernel::connections::filter::Filter;
use crate::kernel::connections::services::Services;
use crate::kernel::connections::{Connections, List};
use crate::names::ReverseNames;
use crate::output::connections::Connection;
use crate::process::failure::Failure;

/// More than anybody scrolls through.
const MOST: usize = 2000;

/// Reading the list takes no more than one part in so many of the time.
const PATIENCE: u32 = 20;

/// The list of the connections of a subject, read again and again.
#[derive(Debug)]
pub(crate) struct Watched {
    pub(crate) subject: Subject,
    due: Instant,
}

/// What is shown of it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Listed {
    pub(crate) title: String,
    pub(crate) heading: String,
    pub(crate) lines: Vec<String>,
}

impl Watched {
    pub(crate) fn new(subject: Subject) -> Self {
        Watched { subject, due: Instant::now() }
    }

    /// Reads the list, unless it was read a moment ago and takes long.
    pub(crate) fn read(
        &mut self,
        services: impl Iterator<Item = ServiceKey>,
        names: &mut Names,
    ) -> Option<Result<Listed, Failure>> {
        let begun = Instant::now();
        if begun < self.due {
            return None;
        }
        let listed = list(self.subject, services, names);
        // Not before the clock has moved on.
        self.due = Instant::now() + begun.elapsed().max(Duration::from_millis(1)) * PATIENCE;
        Some(listed)
    }
}

fn list(
    subject: Subject,
    services: impl Iterator<Item = ServiceKey>,
    names: &mut Names,
) -> Result<Listed, Failure> {
    let service = subject.service();
    let is_marked = matches!(service, ServiceKey::FirewallMark { .. });
    let wanted = ConnectionFilter {
        // The kernel does not record which connections have a mark: those of the server are shown.
        service: Some(service).filter(|_| !is_marked || subject.server().is_none()),
        server: subject.server().map(|(_, server)| EndpointFilter {
            address: server.address,
            port: Some(server.port).filter(|port| *port != 0),
        }),
        ..ConnectionFilter::default()
    };
    let services = Services::of(services.chain([service]));
    let filter = Filter::new(wanted, &services);
    let mut count = 0usize;
    let mut states: BTreeMap<String, usize> = BTreeMap::new();
    let mut rows = Vec::new();
    let mut clients = Vec::new();
    Connections::open(List::Usual)?.each(
        &filter,
        &mut ReverseNames::Numeric,
        |_, connection| {
            count += 1;
            let state = String::from_utf8_lossy(connection.state).into_owned();
            if rows.len() < MOST {
                clients.push(connection.source.0);
                rows.push(row(connection, &state, names));
            }
            *states.entry(state).or_default() += 1;
            Ok(())
        },
    )?;
    names.want(clients.into_iter());
    let subject = match subject {
        Subject::Service(service) => names.service(&service),
        Subject::Server(service, server) => {
            format!("{} of {}", names.server(&server), names.service(&service))
        }
    };
    let mut title = format!("{subject}: {count} connection{}", if count == 1 { "" } else { "s" });
    let mut states: Vec<(String, usize)> = states.into_iter().collect();
    states.sort_by(|one, other| other.1.cmp(&one.1).then_with(|| one.0.cmp(&other.0)));
    for (at, (state, count)) in states.iter().enumerate() {
        title += &format!("{}{count} {state}", if at == 0 { ": " } else { ", " });
    }
    if count > rows.len() {
        title += &format!("; the first {MOST}");
    }
    let heading = format!(
        "{:<4} {:<12} {:>7}  {:<40} {:<24} {}",
        "PRO", "STATE", "EXPIRES", "CLIENT", "TO", "SERVER"
    );
    Ok(Listed { title, heading, lines: rows })
}

fn row(connection: &Connection<'_>, state: &str, names: &Names) -> String {
    let endpoint = |(address, port)| names.endpoint(address, port);
    let protocol = String::from_utf8_lossy(connection.protocol);
    let expires = format!("{}:{:02}", connection.expires / 60, connection.expires % 60);
    format!(
        "{protocol:<4} {state:<12} {expires:>7}  {:<40} {:<24} {}",
        endpoint(connection.source),
        endpoint(connection.virtual_service),
        endpoint(connection.destination)
    )
}
