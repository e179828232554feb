//! Which connections are listed.

use ipvs::ServiceKey;
use ipvs::rules::grammar::ConnectionFilter;

use super::services::{Services, firewall_mark};
use crate::output::connections::{Connection, protocol_named};

/// A filter, with what it has to know of the table.
#[derive(Debug)]
pub(crate) struct Filter<'s> {
    wanted: ConnectionFilter,
    services: &'s Services,
}

impl<'s> Filter<'s> {
    pub(crate) fn new(wanted: ConnectionFilter, services: &'s Services) -> Self {
        Filter { wanted, services }
    }

    /// Whether a connection passes.
    pub(crate) fn passes(&self, connection: &Connection<'_>) -> bool {
        let ConnectionFilter { service, server, client, state, anywhere } = &self.wanted;
        let endpoints = [connection.source, connection.virtual_service, connection.destination];
        state.is_none_or(|state| connection.state == state.name().as_bytes())
            && server.is_none_or(|server| {
                server.matches(connection.destination.0, connection.destination.1)
            })
            && client.is_none_or(|client| client.contains(connection.source.0))
            && anywhere.is_none_or(|wanted| {
                endpoints.iter().any(|(address, port)| wanted.matches(*address, *port))
            })
            && service.is_none_or(|service| self.is_of(&service, connection))
    }

    fn is_of(&self, service: &ServiceKey, connection: &Connection<'_>) -> bool {
        let (to, to_port) = connection.virtual_service;
        match *service {
            ServiceKey::Address { protocol: wanted, address, port } => {
                to == address
                    && protocol_named(connection.protocol) == Some(wanted)
                    && (to_port == port || self.services.port(wanted, address, to_port) == port)
            }
            ServiceKey::FirewallMark { mark, family } => {
                firewall_mark(connection.protocol, to) == Some((mark.get(), family))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;

    use ipvs::rules::grammar::{Command, Invocation, Listing, NumericOnly, Scanner, interpret};

    use super::*;

    fn endpoint(address: &str, port: u16) -> (IpAddr, u16) {
        (address.parse().expect("an address"), port)
    }

    fn tcp(source: (IpAddr, u16), to: (IpAddr, u16), server: (IpAddr, u16)) -> Connection<'static> {
        Connection {
            protocol: b"TCP",
            source,
            virtual_service: to,
            destination: server,
            state: b"ESTABLISHED",
            expires: 900,
            engine: None,
            origin: None,
        }
    }

    /// The filter that this command line asks for.
    fn wanted(line: &str) -> ConnectionFilter {
        let words = line.split(' ').map(str::as_bytes);
        match interpret(Scanner::new(words), &mut NumericOnly) {
            Ok(Invocation { command: Command::List(Listing::Connections(listing)), .. }) => {
                listing.filter
            }
            other => panic!("{line}: {other:?}"),
        }
    }

    /// Which of these connections pass.
    fn passing(line: &str, table: &[ServiceKey], connections: &[Connection<'_>]) -> Vec<usize> {
        let wanted = wanted(line);
        let services = Services::of(table.iter().copied().chain(wanted.service));
        let filter = Filter::new(wanted, &services);
        let passes = |number: &usize| filter.passes(&connections[*number]);
        (0..connections.len()).filter(passes).collect()
    }

    #[test]
    fn connections_pass_by_every_part() {
        let connections = [
            tcp(endpoint("10.0.0.1", 5000), endpoint("192.0.2.1", 80), endpoint("10.1.0.1", 80)),
            tcp(endpoint("10.0.1.1", 5000), endpoint("192.0.2.1", 443), endpoint("10.1.0.2", 80)),
            Connection {
                protocol: b"UDP",
                state: b"UDP",
                ..tcp(endpoint("10.0.0.2", 53), endpoint("192.0.2.1", 80), endpoint("10.1.0.1", 81))
            },
            Connection {
                state: b"SYN_RECV",
                ..tcp(endpoint("fc00::1", 1), endpoint("fc00:1::1", 80), endpoint("fc00:2::1", 80))
            },
        ];
        let all: Vec<usize> = (0..connections.len()).collect();
        for (line, want) in [
            ("-Lc", &all[..]),
            ("-Lc -t 192.0.2.1:80", &[0]),
            ("-Lc -u 192.0.2.1:80", &[2]),
            ("-Lc -t 192.0.2.1:81", &[]),
            ("-Lc -t [fc00:1::1]:80", &[3]),
            ("-Lc -r 10.1.0.1", &[0, 2]),
            ("-Lc -r 10.1.0.1:81", &[2]),
            ("-Lc -r fc00:2::1", &[3]),
            ("-Lc --client 10.0.0.0/24", &[0, 2]),
            ("-Lc --client 10.0.1.1", &[1]),
            ("-Lc --client fc00::/16", &[3]),
            ("-Lc --state established", &[0, 1]),
            ("-Lc --state Syn_Recv", &[3]),
            ("-Lc --state TIME_WAIT", &[]),
            ("-Lc 10.1.0.1", &[0, 2]),
            ("-Lc 192.0.2.1:443", &[1]),
            ("-Lc 10.0.0.1", &[0]),
            ("-Lc --client 10.0.0.0/23 --state ESTABLISHED -r 10.1.0.2 -t 192.0.2.1:443", &[1]),
            ("-Lc --client 10.0.0.0/24 --state ESTABLISHED -r 10.1.0.2", &[]),
        ] {
            assert_eq!(passing(line, &[], &connections), want, "{line}");
        }
    }

    #[test]
    fn a_service_for_all_ports_has_those_of_no_other_service() {
        let to = |port| {
            tcp(endpoint("10.0.0.1", 5000), endpoint("192.0.2.1", port), endpoint("10.1.0.1", port))
        };
        let connections = [to(80), to(443), to(0)];
        let key = |port| wanted(&format!("-Lc -t 192.0.2.1:{port}")).service.expect("a service");
        assert_eq!(passing("-Lc -t 192.0.2.1", &[key(0), key(80)], &connections), [1, 2]);
        assert_eq!(passing("-Lc -t 192.0.2.1:80", &[key(0), key(80)], &connections), [0]);
        // Its service is gone.
        assert_eq!(passing("-Lc -t 192.0.2.1", &[], &connections), [0, 1, 2]);
        assert_eq!(passing("-Lc -t 192.0.2.1:443", &[key(0)], &connections), [1]);
    }

    #[test]
    fn data_connections_of_ftp_belong_to_its_service() {
        let to = |port| {
            tcp(endpoint("10.0.0.1", 5000), endpoint("192.0.2.1", port), endpoint("10.1.0.1", port))
        };
        let connections = [to(21), to(20), to(1024), to(1023), to(8080), to(0)];
        let key = |port| wanted(&format!("-Lc -t 192.0.2.1:{port}")).service.expect("a service");
        let line = "-Lc -t 192.0.2.1:21";
        assert_eq!(passing(line, &[key(21), key(8080)], &connections), [0, 1, 2, 5]);
        assert_eq!(passing(line, &[key(21), key(0)], &connections), [0, 1, 2, 4]);
    }

    #[test]
    fn of_a_firewall_mark_the_templates_are_known() {
        let template = |to: &str| Connection {
            protocol: b"IP",
            state: b"NONE",
            ..tcp(endpoint("10.0.0.1", 0), endpoint(to, 0), endpoint("10.1.0.1", 0))
        };
        let connections = [
            template("0.0.0.5"),
            template("0.0.0.6"),
            template("0:5::"),
            tcp(endpoint("10.0.0.1", 1), endpoint("0.0.0.5", 0), endpoint("10.1.0.1", 0)),
        ];
        assert_eq!(passing("-Lc -f 5", &[], &connections), [0]);
        assert_eq!(passing("-Lc -f 5 -6", &[], &connections), [2]);
    }
}
