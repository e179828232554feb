//! Connections in the classic form (`-L -c`).

use std::net::IpAddr;

use ipvs::Protocol;
use ipvs::rules::grammar::text::{push_named_endpoint, push_number};

use super::pad::pad_right;
use crate::names::ReverseNames;
use crate::process::Sink;
use crate::process::failure::Failure;

/// A connection, as the kernel describes it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Connection<'a> {
    pub(crate) protocol: &'a [u8],
    pub(crate) source: (IpAddr, u16),
    pub(crate) virtual_service: (IpAddr, u16),
    pub(crate) destination: (IpAddr, u16),
    pub(crate) state: &'a [u8],
    /// Seconds until the kernel forgets it.
    pub(crate) expires: u64,
    /// The persistence engine's name and data.
    pub(crate) engine: Option<(&'a [u8], &'a [u8])>,
    /// `LOCAL`, or `SYNC` if it came from another director.
    pub(crate) origin: Option<&'a [u8]>,
}

/// The columns behind the usual ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Columns {
    /// No more.
    Usual,
    /// The persistence engine's.
    Engine,
    /// The origin.
    Origin,
}

/// The protocol that services have, by the kernel's name.
pub(crate) fn protocol_named(name: &[u8]) -> Option<Protocol> {
    match name {
        b"TCP" => Some(Protocol::Tcp),
        b"UDP" => Some(Protocol::Udp),
        b"SCTP" => Some(Protocol::Sctp),
        _ => None,
    }
}

/// Prints what comes before the first connection.
pub(crate) fn print_heading(sink: &mut Sink, columns: Columns) {
    sink.print("IPVS connection entries\n");
    sink.print("pro expire state       source             virtual            destination");
    sink.print(match columns {
        Columns::Usual => "\n",
        Columns::Engine => "        pe name          pe_data\n",
        Columns::Origin => "        origin\n",
    });
}

/// Prints a connection.
pub(crate) fn print(
    sink: &mut Sink,
    names: &ReverseNames,
    connection: &Connection<'_>,
    columns: Columns,
) -> Result<(), Failure> {
    push(sink.text(), connection, names, columns);
    sink.pass().map_err(Failure::Output)
}

fn push(text: &mut Vec<u8>, connection: &Connection<'_>, names: &ReverseNames, columns: Columns) {
    let protocol = protocol_named(connection.protocol);
    let column = |text: &mut Vec<u8>, value: &[u8], width| {
        let start = text.len();
        text.extend_from_slice(value);
        pad_right(text, start, width);
        text.push(b' ');
    };
    let endpoint = |text: &mut Vec<u8>, (address, port): (IpAddr, u16), width| {
        let start = text.len();
        let (host, service) = (names.host(address), names.port(port, protocol));
        push_named_endpoint(text, address, port, host, service);
        pad_right(text, start, width);
    };
    column(text, connection.protocol, 3);
    let start = text.len();
    push_padded(text, connection.expires / 60);
    text.push(b':');
    push_padded(text, connection.expires % 60);
    pad_right(text, start, 6);
    text.push(b' ');
    column(text, connection.state, 11);
    endpoint(text, connection.source, 18);
    text.push(b' ');
    endpoint(text, connection.virtual_service, 18);
    text.push(b' ');
    let engine = connection.engine.filter(|_| columns == Columns::Engine);
    let origin = connection.origin.filter(|_| columns == Columns::Origin);
    let width = if engine.is_some() {
        16
    } else if origin.is_some() {
        18
    } else {
        0
    };
    endpoint(text, connection.destination, width);
    if let Some((name, data)) = engine {
        text.push(b' ');
        column(text, name, 18);
        text.extend_from_slice(data);
    }
    if let Some(origin) = origin {
        text.push(b' ');
        text.extend_from_slice(origin);
    }
    text.push(b'\n');
}

/// Two digits at least.
fn push_padded(text: &mut Vec<u8>, number: u64) {
    if number < 10 {
        text.push(b'0');
    }
    push_number(text, number);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::process::printed;

    fn endpoint(address: &str, port: u16) -> (IpAddr, u16) {
        (address.parse().expect("an address"), port)
    }

    /// One connection of each kind.
    fn connections() -> Vec<Connection<'static>> {
        let v4 = Connection {
            protocol: b"TCP",
            source: endpoint("192.168.144.1", 36666),
            virtual_service: endpoint("192.168.144.44", 80),
            destination: endpoint("128.10.10.8", 80),
            state: b"TIME_WAIT",
            expires: 118,
            engine: None,
            origin: None,
        };
        let template = Connection {
            protocol: b"IP",
            source: endpoint("192.168.144.1", 0),
            virtual_service: endpoint("0.0.0.10", 0),
            destination: endpoint("128.10.10.8", 0),
            state: b"NONE",
            expires: 12345,
            engine: None,
            origin: None,
        };
        let v6 = Connection {
            protocol: b"TCP",
            source: endpoint("2001:db8::1", 36666),
            virtual_service: endpoint("2001:db8::2", 80),
            destination: endpoint("2001:db8::3", 80),
            state: b"ESTABLISHED",
            expires: 900,
            engine: None,
            origin: None,
        };
        let engine = Connection {
            protocol: b"UDP",
            source: endpoint("192.168.144.1", 0),
            virtual_service: endpoint("192.168.144.44", 5060),
            destination: endpoint("128.10.10.8", 5060),
            state: b"UDP",
            expires: 60,
            engine: Some((b"sip", b"abcdef@host")),
            origin: Some(b"SYNC"),
        };
        vec![v4, template, v6, engine]
    }

    fn listed(columns: Columns) -> String {
        printed(|sink| {
            print_heading(sink, columns);
            for connection in connections() {
                let names = &ReverseNames::Numeric;
                print(sink, names, &connection, columns).expect("printed");
            }
        })
    }

    #[test]
    fn connections_of_each_kind_as_the_reference_prints_them() {
        assert_eq!(
            listed(Columns::Usual),
            "\
IPVS connection entries
pro expire state       source             virtual            destination
TCP 01:58  TIME_WAIT   192.168.144.1:36666 192.168.144.44:80  128.10.10.8:80
IP  205:45 NONE        192.168.144.1:0    0.0.0.10:0         128.10.10.8:0
TCP 15:00  ESTABLISHED [2001:db8::1]:36666 [2001:db8::2]:80   [2001:db8::3]:80
UDP 01:00  UDP         192.168.144.1:0    192.168.144.44:5060 128.10.10.8:5060
"
        );
        let with_engine = listed(Columns::Engine);
        assert!(
            with_engine.ends_with("128.10.10.8:5060 sip                abcdef@host\n"),
            "{with_engine}"
        );
        assert!(with_engine.contains("destination        pe name          pe_data\n"));
        assert!(with_engine.contains(" 128.10.10.8:80\n"));
        let with_origin = listed(Columns::Origin);
        assert!(with_origin.contains("destination        origin\n"), "{with_origin}");
        assert!(with_origin.ends_with(" 128.10.10.8:5060   SYNC\n"), "{with_origin}");
    }
}
