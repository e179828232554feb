//! What a listing of connections, or of part of the table, is limited to.

use std::net::{IpAddr, SocketAddr};

use super::address::Endpoint;
use super::resolve::Resolve;
use super::value_error::ValueError;
use crate::{AddressFamily, Protocol, ServiceKey};

/// An address, with one port or with any.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EndpointFilter {
    /// The address.
    pub address: IpAddr,
    /// The port. `None`: any.
    pub port: Option<u16>,
}

impl EndpointFilter {
    /// Whether an address and port pass.
    pub fn matches(&self, address: IpAddr, port: u16) -> bool {
        self.address == address && self.port.is_none_or(|wanted| wanted == port)
    }
}

/// As the command line writes it: `192.0.2.1`, `[2001:db8::1]:80`.
impl std::fmt::Display for EndpointFilter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.port {
            None => self.address.fmt(f),
            Some(port) => SocketAddr::new(self.address, port).fmt(f),
        }
    }
}

/// The part of the table that has an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Search {
    /// A bare ADDRESS: services with this address, with all their servers, and servers with it.
    Anywhere(EndpointFilter),
    /// `-r`: servers with this address.
    Server(EndpointFilter),
}

/// All addresses that begin with the same bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    length: u8,
}

impl Network {
    /// Reads `ADDRESS[/LENGTH]`. Bits behind the length do not matter.
    pub(super) fn parse<R: Resolve + ?Sized>(
        text: &[u8],
        names: &mut R,
    ) -> Result<Self, ValueError> {
        let (address, length) = match text.iter().position(|byte| *byte == b'/') {
            Some(slash) => (&text[..slash], Some(&text[slash + 1..])),
            None => (text, None),
        };
        let endpoint = Endpoint::parse(address)?;
        let (address, port) = endpoint.resolve(names, Protocol::Tcp, AddressFamily::V4)?;
        if port.is_some() {
            return Err(ValueError::NotANetwork);
        }
        let longest = if address.is_ipv4() { 32 } else { 128 };
        let length = match length {
            None => longest,
            Some(digits) => std::str::from_utf8(digits)
                .ok()
                .filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()))
                .and_then(|digits| digits.parse().ok())
                .filter(|length| *length <= longest)
                .ok_or(ValueError::NotALength { longest })?,
        };
        Ok(Network { address, length })
    }

    /// Whether the address is one of them.
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.address, address) {
            (IpAddr::V4(network), IpAddr::V4(address)) => {
                let different = network.to_bits() ^ address.to_bits();
                different.leading_zeros() >= u32::from(self.length)
            }
            (IpAddr::V6(network), IpAddr::V6(address)) => {
                let different = network.to_bits() ^ address.to_bits();
                different.leading_zeros() >= u32::from(self.length)
            }
            _ => false,
        }
    }
}

/// The state of a connection, by the kernel's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConnectionState(&'static str);

impl ConnectionState {
    /// The names that kernels use: TCP's states, `UDP`, SCTP's, those of persistence templates
    /// (`NONE` and `ASSURED`), and what stands where there is no name. They are in the files
    /// `ip_vs_proto_*.c` and `ip_vs_proto.c` of net/netfilter/ipvs.
    pub const ALL: &[&str] = &[
        "NONE",
        "ESTABLISHED",
        "SYN_SENT",
        "SYN_RECV",
        "FIN_WAIT",
        "TIME_WAIT",
        "CLOSE",
        "CLOSE_WAIT",
        "LAST_ACK",
        "LISTEN",
        "SYNACK",
        "UDP",
        "INIT1",
        "INIT",
        "C-SENT",
        "C-REPLIED",
        "C-WAIT",
        "COOKIE",
        "C-ECHOED",
        "S-SENT",
        "S-RECEIVED",
        "S-ACK-SENT",
        "REJECTED",
        "CLOSED",
        "ASSURED",
        "ERR!",
        "BUG!",
    ];

    /// Reads a name, in capitals or not.
    pub(super) fn parse(text: &[u8]) -> Result<Self, ValueError> {
        let found = Self::ALL.iter().find(|name| text.eq_ignore_ascii_case(name.as_bytes()));
        found.map(|name| ConnectionState(name)).ok_or(ValueError::NotAState { known: Self::ALL })
    }

    /// The kernel's name.
    pub fn name(self) -> &'static str {
        self.0
    }
}

/// What connections are counted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CountBy {
    /// The client's address.
    Client,
    /// The real server.
    Server,
    /// The virtual service.
    Service,
    /// The state.
    State,
}

impl CountBy {
    /// Each of them, with the name that `--by` takes.
    pub const ALL: &[(&str, CountBy)] = &[
        ("client", CountBy::Client),
        ("server", CountBy::Server),
        ("service", CountBy::Service),
        ("state", CountBy::State),
    ];

    pub(super) fn parse(text: &[u8]) -> Result<Self, ValueError> {
        let found = Self::ALL.iter().find(|(name, _)| name.as_bytes() == text);
        found.map(|(_, by)| *by).ok_or(ValueError::NotACountBy)
    }

    /// The name that `--by` takes.
    pub fn name(self) -> &'static str {
        match self {
            CountBy::Client => "client",
            CountBy::Server => "server",
            CountBy::Service => "service",
            CountBy::State => "state",
        }
    }
}

/// Which connections to list: those that pass everything given.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ConnectionFilter {
    /// `-t`, `-u`, `--sctp-service`, `-f`: of this service.
    pub service: Option<ServiceKey>,
    /// `-r`: to this real server.
    pub server: Option<EndpointFilter>,
    /// `--client`: from one of these addresses.
    pub client: Option<Network>,
    /// `--state`: in this state.
    pub state: Option<ConnectionState>,
    /// A bare ADDRESS: of this client, service or server.
    pub anywhere: Option<EndpointFilter>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::resolve::NumericOnly;

    fn network(text: &str) -> Result<Network, ValueError> {
        Network::parse(text.as_bytes(), &mut NumericOnly)
    }

    #[test]
    fn a_network_holds_the_addresses_that_begin_alike() {
        for (text, inside, outside) in [
            ("10.1.2.3", "10.1.2.3", "10.1.2.2"),
            ("10.1.2.3/32", "10.1.2.3", "10.1.2.2"),
            ("10.1.2.3/24", "10.1.2.255", "10.1.3.3"),
            ("10.1.2.3/9", "10.127.0.0", "10.128.0.0"),
            ("10.1.2.3/0", "255.255.255.255", "::"),
            ("2001:db8::1", "2001:db8::1", "2001:db8::2"),
            ("[2001:db8::1]/64", "2001:db8::ffff", "2001:db8:0:1::1"),
            ("2001:db8::1/127", "2001:db8::", "2001:db8::2"),
            ("::/0", "ffff::", "0.0.0.0"),
        ] {
            let network = network(text).unwrap_or_else(|error| panic!("{text}: {error}"));
            assert!(network.contains(inside.parse().unwrap()), "{text} {inside}");
            assert!(!network.contains(outside.parse().unwrap()), "{text} {outside}");
        }
    }

    #[test]
    fn a_network_has_no_port_and_a_length_that_fits() {
        for text in ["10.0.0.1:80", "[::1]:80", "10.0.0.1:80/24"] {
            assert_eq!(network(text), Err(ValueError::NotANetwork), "{text}");
        }
        for (text, longest) in
            [("10.0.0.1/33", 32), ("10.0.0.1/", 32), ("10.0.0.1/255.0.0.0", 32), ("::/129", 128)]
        {
            assert_eq!(network(text), Err(ValueError::NotALength { longest }), "{text}");
        }
        for text in ["", "/24", "10.0.0.1/-1", "80", "10.0.0.1/2 4"] {
            assert!(network(text).is_err(), "{text}");
        }
    }

    #[test]
    fn states_are_known_in_capitals_or_not() {
        for text in ["ESTABLISHED", "established", "Established"] {
            assert_eq!(ConnectionState::parse(text.as_bytes()).unwrap().name(), "ESTABLISHED");
        }
        for text in ["", "ESTAB", "SYN-RECV", "ESTABLISHED "] {
            let refused = ConnectionState::parse(text.as_bytes());
            assert_eq!(
                refused,
                Err(ValueError::NotAState { known: ConnectionState::ALL }),
                "{text}"
            );
        }
    }

    #[test]
    fn every_subject_of_counts_is_read_by_its_name() {
        for (name, by) in CountBy::ALL {
            assert_eq!(CountBy::parse(name.as_bytes()), Ok(*by));
            assert_eq!(by.name(), *name);
        }
        assert_eq!(CountBy::parse(b"clients"), Err(ValueError::NotACountBy));
    }

    #[test]
    fn an_address_passes_with_its_port_or_any() {
        let filter = |port| EndpointFilter { address: "::1".parse().unwrap(), port };
        let address = "::1".parse().unwrap();
        assert!(filter(None).matches(address, 80) && filter(Some(80)).matches(address, 80));
        assert!(!filter(Some(81)).matches(address, 80));
        assert!(!filter(None).matches("::2".parse().unwrap(), 80));
        assert_eq!(filter(None).to_string(), "::1");
        assert_eq!(filter(Some(80)).to_string(), "[::1]:80");
    }
}
