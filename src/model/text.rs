//! Keys and other small values as text: what `Display` writes, `FromStr` reads.

use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::str::FromStr;

use super::{AddressFamily, DaemonRole, DestinationKey, Netmask, Protocol, ServiceKey, Version};

/// The error of every `FromStr` for keys, names and other small values: the text is not one.
///
/// It quotes the text, and says what was expected:
///
/// ```
/// let error = "port 80".parse::<ipvs::DestinationKey>().unwrap_err();
/// assert_eq!(error.to_string(), r#""port 80" is not an address with a port"#);
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not {expected}")]
pub struct ParseError {
    text: String,
    expected: &'static str,
}

impl ParseError {
    pub(super) fn new(text: &str, expected: &'static str) -> Self {
        ParseError { text: text.to_owned(), expected }
    }
}

/// Implements `FromStr` with a function that returns `None` for text that is not `$expected`.
macro_rules! from_str {
    ($type:ty, $read:expr, $expected:literal, $(#[$doc:meta])*) => {
        impl FromStr for $type {
            type Err = ParseError;

            $(#[$doc])*
            fn from_str(text: &str) -> Result<Self, ParseError> {
                $read(text).ok_or_else(|| ParseError::new(text, $expected))
            }
        }
    };
}

from_str!(Protocol, protocol, "a protocol: TCP, UDP, SCTP or a number up to 65535",
    /// Reads `TCP`, `UDP` and `SCTP`, in upper or lower case, or a number. 6, 17 and 132 are TCP,
    /// UDP and SCTP.
);
from_str!(AddressFamily, family, "an address family: IPv4 or IPv6",
    /// Reads `IPv4` and `IPv6`, in upper or lower case.
);
from_str!(DaemonRole, role, "the role of a sync daemon: master or backup",
    /// Reads `master` and `backup`, in upper or lower case.
);
from_str!(ServiceKey, service_key, "a virtual service, as in `TCP 192.0.2.1:80` or `FWM 5 IPv6`",
    /// Reads what `Display` writes, and what `ipvsadm -Ln` prints. Words may be in upper or lower
    /// case, with any blanks between them, and a protocol may be a number.
);
from_str!(DestinationKey, destination_key, "an address with a port",
    /// Reads `10.0.0.1:80` and `[2001:db8::1]:80`. An IPv6 address with a zone is refused: the
    /// kernel has no place for one.
);
from_str!(Netmask, netmask, "a netmask, as in `255.255.255.0`, or a prefix length up to 255",
    /// Reads a dotted IPv4 mask. A number is the prefix length of an IPv6 mask, and is not checked
    /// to be one: see [`Netmask::check`].
);
from_str!(Version, version, "a version of three numbers up to 255",
    /// Reads three decimal numbers with dots between them.
);

fn protocol(text: &str) -> Option<Protocol> {
    let known = [Protocol::Tcp, Protocol::Udp, Protocol::Sctp];
    named(text, known).or_else(|| number(text).map(Protocol::from_number))
}

fn family(text: &str) -> Option<AddressFamily> {
    named(text, [AddressFamily::V4, AddressFamily::V6])
}

fn role(text: &str) -> Option<DaemonRole> {
    named(text, [DaemonRole::Master, DaemonRole::Backup])
}

fn service_key(text: &str) -> Option<ServiceKey> {
    let mut words = text.split_ascii_whitespace();
    let (first, second, third) = (words.next()?, words.next()?, words.next());
    if words.next().is_some() {
        return None;
    }
    if first.eq_ignore_ascii_case("FWM") {
        let mark = number::<NonZeroU32>(second)?;
        let family = third.map_or(Some(AddressFamily::V4), family)?;
        return Some(ServiceKey::FirewallMark { mark, family });
    }
    let DestinationKey { address, port } = destination_key(second)?;
    let protocol = protocol(first)?;
    third.is_none().then_some(ServiceKey::Address { protocol, address, port })
}

fn destination_key(text: &str) -> Option<DestinationKey> {
    let address = text.parse().ok()?;
    match address {
        // The kernel has no place for it.
        SocketAddr::V6(address) if address.scope_id() != 0 => None,
        address => Some(DestinationKey::from(address)),
    }
}

fn netmask(text: &str) -> Option<Netmask> {
    text.parse().ok().map(Netmask::V4).or_else(|| number(text).map(Netmask::V6))
}

fn version(text: &str) -> Option<Version> {
    let mut numbers = text.split('.').map(number);
    let version =
        Version { major: numbers.next()??, minor: numbers.next()??, patch: numbers.next()?? };
    numbers.next().is_none().then_some(version)
}

/// The one of `values` whose text this is, in upper or lower case.
fn named<T: ToString, const N: usize>(text: &str, values: [T; N]) -> Option<T> {
    values.into_iter().find(|value| value.to_string().eq_ignore_ascii_case(text))
}

/// A decimal number without a sign, which `parse` would accept.
fn number<T: FromStr>(text: &str) -> Option<T> {
    if text.starts_with('+') { None } else { text.parse().ok() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_is_written_as_a_listing_writes_it() {
        let web = ServiceKey::tcp(([192, 0, 2, 1], 80));
        for text in ["TCP 192.0.2.1:80", "tcp  192.0.2.1:80", "6 192.0.2.1:80"] {
            assert_eq!(text.parse(), Ok(web));
        }
        let mark = |family| ServiceKey::firewall_mark(NonZeroU32::new(5).expect("not 0"), family);
        assert_eq!("FWM 5".parse(), Ok(mark(AddressFamily::V4)));
        assert_eq!("fwm 5 ipv6".parse(), Ok(mark(AddressFamily::V6)));
    }

    #[test]
    fn what_is_no_service_is_refused() {
        for text in [
            "",
            "TCP",
            "192.0.2.1:80",
            "TCP 192.0.2.1",
            "TCP 192.0.2.1:80 IPv4",
            "65536 192.0.2.1:80",
            "-1 192.0.2.1:80",
            "TCP 2001:db8::1:80",
            "TCP [fe80::1%3]:80",
            "FWM",
            "FWM 0",
            "FWM +5",
            "FWM 4294967296",
            "FWM 5 IPv5",
            "FWM 5 IPv6 rr",
        ] {
            let error = text.parse::<ServiceKey>().expect_err(text);
            assert!(error.to_string().contains("is not a virtual service"), "{error}");
        }
    }

    #[test]
    fn other_values_are_refused_with_what_they_should_be() {
        fn refused<T: FromStr<Err = ParseError> + std::fmt::Debug>(text: &str) -> String {
            text.parse::<T>().expect_err(text).to_string()
        }
        assert_eq!(
            refused::<Protocol>("icmp\n"),
            r#""icmp\n" is not a protocol: TCP, UDP, SCTP or a number up to 65535"#
        );
        assert_eq!(refused::<AddressFamily>("4"), r#""4" is not an address family: IPv4 or IPv6"#);
        assert!(refused::<DaemonRole>("both").contains("master or backup"));
        assert!(refused::<DestinationKey>("192.0.2.1").contains("an address with a port"));
        assert!(refused::<Netmask>("256").contains("a netmask"));
        assert!(refused::<Netmask>("+1").contains("a netmask"));
        for text in ["1.2", "1.2.1.0", "1.2.", "1.2.256", "1.2.+1"] {
            assert!(refused::<Version>(text).contains("three numbers"), "{text}");
        }
    }
}
