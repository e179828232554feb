//! The connections of a service or server, as lines to scroll through.

use std::collections::BTreeMap;

use ipvs::ServiceKey;
use ipvs::rules::grammar::{ConnectionFilter, EndpointFilter};

use super::names::Names;
use super::pace::Pace;
use super::rows::Subject;
use crate::kernel::connections::filter::Filter;
use crate::kernel::connections::services::Services;
use crate::kernel::connections::{Connections, List};
use crate::names::ReverseNames;
use crate::output::connections::Connection;
use crate::process::failure::Failure;

/// More than anybody scrolls through.
const MOST: usize = 2000;

/// The list of the connections of a subject, read again and again.
#[derive(Debug)]
pub(crate) struct Watched {
    pub(crate) subject: Subject,
    pace: Pace,
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
        Watched { subject, pace: Pace::new() }
    }

    /// Reads the list, unless it was read a moment ago and takes long.
    pub(crate) fn read(
        &mut self,
        services: impl Iterator<Item = ServiceKey>,
        names: &mut Names,
    ) -> Option<Result<Listed, Failure>> {
        let turn = self.pace.turn()?;
        let listed = list(self.subject, services, names);
        self.pace.end(turn);
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
                rows.push(cells(connection, &state, names));
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
    let (heading, lines) = columns(&rows);
    Ok(Listed { title, heading, lines })
}

const TITLES: [&str; 6] = ["PRO", "STATE", "EXPIRES", "CLIENT", "TO", "SERVER"];

fn cells(connection: &Connection<'_>, state: &str, names: &Names) -> [String; 6] {
    let endpoint = |(address, port)| names.endpoint(address, port);
    [
        String::from_utf8_lossy(connection.protocol).into_owned(),
        state.to_owned(),
        format!("{:4}:{:02}", connection.expires / 60, connection.expires % 60),
        endpoint(connection.source),
        endpoint(connection.virtual_service),
        endpoint(connection.destination),
    ]
}

/// The heading and the lines, with columns as wide as what is in them.
fn columns(rows: &[[String; 6]]) -> (String, Vec<String>) {
    let mut widths = TITLES.map(str::len);
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.len());
        }
    }
    let line = |cells: [&str; 6]| {
        let padded = cells.iter().zip(widths).map(|(cell, width)| format!("{cell:<width$}"));
        padded.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    let lines = rows.iter().map(|row| line(row.each_ref().map(String::as_str))).collect();
    (line(TITLES), lines)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_what_is_in_them() {
        let row = ["TCP", "TIME_WAIT", "   1:58", "10.0.0.2:5000", "10.0.0.1:80", "10.1.0.2:80"];
        let (heading, lines) = columns(&[row.map(str::to_owned)]);
        assert_eq!(heading, "PRO  STATE      EXPIRES  CLIENT         TO           SERVER");
        assert_eq!(lines, ["TCP  TIME_WAIT     1:58  10.0.0.2:5000  10.0.0.1:80  10.1.0.2:80"]);
    }
}
