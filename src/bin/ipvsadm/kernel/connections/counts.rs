//! How many connections there are of each client, server, service or state.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::hash::Hash;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipvs::rules::grammar::CountBy;

use super::services::{Services, firewall_mark};
use crate::output::connections::{Connection, protocol_named};
use crate::output::counts::{Endpoint, ProtocolName, Row, Subject};

/// What is counted.
///
/// Only clients may be as many as connections. So an IPv4 client takes 8 bytes and an IPv6 one 20,
/// and in a hash table up to twice that.
#[derive(Debug)]
enum Table {
    Clients { v4: HashMap<u32, u32>, v6: HashMap<[u8; 16], u32> },
    Endpoints(HashMap<Endpoint, u32>),
    States(HashMap<Box<[u8]>, u32>),
}

/// Counts in the making.
#[derive(Debug)]
pub(crate) struct Counts<'s> {
    by: CountBy,
    services: &'s Services,
    table: Table,
    total: u64,
}

impl<'s> Counts<'s> {
    pub(crate) fn new(by: CountBy, services: &'s Services) -> Self {
        let table = match by {
            CountBy::Client => Table::Clients { v4: HashMap::new(), v6: HashMap::new() },
            CountBy::Server | CountBy::Service => Table::Endpoints(HashMap::new()),
            CountBy::State => Table::States(HashMap::new()),
        };
        Counts { by, services, table, total: 0 }
    }

    pub(crate) fn add(&mut self, connection: &Connection<'_>) {
        self.total += 1;
        match &mut self.table {
            Table::Clients { v4, v6 } => match connection.source.0 {
                IpAddr::V4(address) => count(v4, address.to_bits()),
                IpAddr::V6(address) => count(v6, address.octets()),
            },
            Table::Endpoints(endpoints) => {
                let (address, port) = match self.by {
                    CountBy::Service => service(self.services, connection),
                    _ => connection.destination,
                };
                let protocol = ProtocolName::new(connection.protocol);
                count(endpoints, Endpoint { protocol, address, port });
            }
            // No key is made but for the first of each.
            Table::States(states) => match states.get_mut(connection.state) {
                Some(count) => *count = count.saturating_add(1),
                None => count(states, connection.state.into()),
            },
        }
    }

    /// How many there are in all.
    pub(crate) fn total(&self) -> u64 {
        self.total
    }

    /// The counts, largest first.
    pub(crate) fn into_rows(self) -> Box<dyn Iterator<Item = Row>> {
        let by = self.by;
        match self.table {
            Table::Clients { v4, v6 } => {
                let v4 = sorted(v4).map(|(address, count)| (Ipv4Addr::from(address).into(), count));
                let v6 = sorted(v6).map(|(address, count)| (Ipv6Addr::from(address).into(), count));
                Box::new(
                    merged(v4, v6)
                        .map(|(address, count)| Row { subject: Subject::Client(address), count }),
                )
            }
            Table::Endpoints(endpoints) => {
                Box::new(sorted(endpoints).map(move |(endpoint, count)| {
                    let mark = firewall_mark(endpoint.protocol.as_bytes(), endpoint.address);
                    let subject = match (by, mark) {
                        (CountBy::Service, Some((mark, family))) => {
                            Subject::FirewallMark(mark, family)
                        }
                        (CountBy::Service, None) => Subject::Service(endpoint),
                        _ => Subject::Server(endpoint),
                    };
                    Row { subject, count }
                }))
            }
            Table::States(states) => Box::new(
                sorted(states).map(|(state, count)| Row { subject: Subject::State(state), count }),
            ),
        }
    }
}

fn count<K: Hash + Eq>(counts: &mut HashMap<K, u32>, key: K) {
    let count = counts.entry(key).or_default();
    *count = count.saturating_add(1);
}

/// The address and port of the service of a connection.
fn service(services: &Services, connection: &Connection<'_>) -> (IpAddr, u16) {
    let (address, port) = connection.virtual_service;
    match protocol_named(connection.protocol) {
        Some(protocol) => (address, services.port(protocol, address, port)),
        None => (address, port),
    }
}

/// The largest count first, and equal ones in the order of their keys.
fn sorted<K: Ord>(counts: HashMap<K, u32>) -> impl Iterator<Item = (K, u64)> {
    let mut counts: Vec<(K, u32)> = counts.into_iter().collect();
    counts.sort_unstable_by(|(a, m), (b, n)| (Reverse(m), a).cmp(&(Reverse(n), b)));
    counts.into_iter().map(|(key, count)| (key, u64::from(count)))
}

/// Both in one order; of equal counts, the first one's come first.
fn merged<T>(
    first: impl Iterator<Item = (T, u64)>,
    second: impl Iterator<Item = (T, u64)>,
) -> impl Iterator<Item = (T, u64)> {
    let (mut first, mut second) = (first.peekable(), second.peekable());
    std::iter::from_fn(move || match (first.peek(), second.peek()) {
        (Some((_, a)), Some((_, b))) if a < b => second.next(),
        (Some(_), _) => first.next(),
        (None, _) => second.next(),
    })
}

#[cfg(test)]
mod tests {
    use ipvs::{Protocol, ServiceKey};

    use super::*;
    use crate::output::counts::printed_numeric;

    fn connection(
        protocol: &'static [u8],
        source: &str,
        to: (&str, u16),
        server: (&str, u16),
        state: &'static [u8],
    ) -> Connection<'static> {
        let address = |text: &str| text.parse::<IpAddr>().expect("an address");
        Connection {
            protocol,
            source: (address(source), 5000),
            virtual_service: (address(to.0), to.1),
            destination: (address(server.0), server.1),
            state,
            expires: 9,
            engine: None,
            origin: None,
        }
    }

    fn counted(by: CountBy) -> String {
        let web = ServiceKey::Address {
            protocol: Protocol::Tcp,
            address: [192, 0, 2, 1].into(),
            port: 0,
        };
        let services = Services::of([web]);
        let mut counts = Counts::new(by, &services);
        for (protocol, source, to, server, state) in [
            (&b"TCP"[..], "10.0.0.9", ("192.0.2.1", 80), ("10.1.0.1", 80), &b"ESTABLISHED"[..]),
            (b"TCP", "10.0.0.1", ("192.0.2.1", 443), ("10.1.0.2", 443), b"ESTABLISHED"),
            (b"TCP", "10.0.0.9", ("192.0.2.2", 80), ("10.1.0.1", 80), b"TIME_WAIT"),
            (b"UDP", "fc00::1", ("fc00:1::1", 53), ("fc00:2::1", 53), b"UDP"),
            (b"UDP", "fc00::1", ("fc00:1::1", 53), ("fc00:2::1", 53), b"UDP"),
            (b"UDP", "fc00::1", ("fc00:1::1", 53), ("fc00:2::1", 53), b"UDP"),
            (b"IP", "10.0.0.1", ("0.0.0.5", 0), ("10.1.0.1", 0), b"NONE"),
            (b"IP", "fc00::2", ("0:5::", 0), ("fc00:2::1", 0), b"NONE"),
        ] {
            counts.add(&connection(protocol, source, to, server, state));
        }
        let total = counts.total();
        printed_numeric(by, total, counts.into_rows())
    }

    #[test]
    fn counts_come_largest_first_with_their_sum() {
        assert_eq!(
            counted(CountBy::Client),
            "\
IPVS connection entries by client
count client
    3 fc00::1
    2 10.0.0.1
    2 10.0.0.9
    1 fc00::2
    8 total
"
        );
        assert_eq!(
            counted(CountBy::Server),
            "\
IPVS connection entries by server
count server
    3 UDP [fc00:2::1]:53
    2 TCP 10.1.0.1:80
    1 IP  10.1.0.1:0
    1 IP  [fc00:2::1]:0
    1 TCP 10.1.0.2:443
    8 total
"
        );
        assert_eq!(
            counted(CountBy::State),
            "\
IPVS connection entries by state
count state
    3 UDP
    2 ESTABLISHED
    2 NONE
    1 TIME_WAIT
    8 total
"
        );
    }

    #[test]
    fn counts_by_service_are_of_those_in_the_table() {
        assert_eq!(
            counted(CountBy::Service),
            "\
IPVS connection entries by service
count service
    3 UDP [fc00:1::1]:53
    2 TCP 192.0.2.1:0
    1 FWM 5
    1 FWM 5 IPv6
    1 TCP 192.0.2.2:80
    8 total
"
        );
    }
}
