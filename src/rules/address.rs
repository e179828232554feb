//! Addresses with ports, as rules write them.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::error::Problem;
use super::resolve::Resolve;
use super::value::{PORT, integer};
use crate::{AddressFamily, Protocol};

/// `host[:port]` taken apart, names not yet looked up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Endpoint<'a> {
    host: Host<'a>,
    port: Port<'a>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Host<'a> {
    Address(IpAddr),
    Name(&'a str),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Port<'a> {
    LeftOut,
    Number(u16),
    Name(&'a str),
    /// What follows a name in brackets. It counts if the name turns out to be an IPv6 host's.
    AfterBrackets(&'a [u8]),
}

impl<'a> Endpoint<'a> {
    /// Takes an ADDRESS apart: `1.2.3.4`, `1.2.3.4:80`, `name:http`, `[2001:db8::1]:80`,
    /// `[2001:db8::1]`, `2001:db8::1`.
    pub(super) fn parse(text: &'a [u8]) -> Result<Self, Problem> {
        if let Some(found) = plain_ipv4(text) {
            return Ok(found);
        }
        // Digits alone would be an address to inet_aton; whoever writes them means a port.
        if !text.is_empty() && text.iter().all(u8::is_ascii_digit) {
            return Err(Problem::PortAlone);
        }
        if let [b'[', rest @ ..] = text {
            return Self::bracketed(rest);
        }
        let Some(colon) = text.iter().rposition(|byte| *byte == b':') else {
            return Ok(Endpoint { host: Host::parse(text)?, port: Port::LeftOut });
        };
        if let Some(address) = ipv6(text) {
            return Ok(Endpoint { host: Host::Address(address.into()), port: Port::LeftOut });
        }
        let host = Host::parse(&text[..colon])?;
        Ok(Endpoint { host, port: Port::parse(&text[colon + 1..])? })
    }

    /// `rest` is what follows `[`.
    fn bracketed(rest: &'a [u8]) -> Result<Self, Problem> {
        let Some(close) = rest.iter().position(|byte| *byte == b']') else {
            return Err(Problem::NotAnAddress);
        };
        let (inner, after) = (&rest[..close], &rest[close + 1..]);
        if let Some(address) = ipv6(inner) {
            let port = match after {
                [] => Port::LeftOut,
                [b':', port @ ..] => Port::parse(port)?,
                _ => return Err(Problem::NotAnAddress),
            };
            return Ok(Endpoint { host: Host::Address(address.into()), port });
        }
        match after {
            // `-S` writes the names of IPv6 hosts so. ipvsadm 1.31 takes `[1.2.3.4]:80` and names of
            // IPv4 hosts, and drops the port, whatever is written there.
            [b':', port @ ..] => {
                Ok(Endpoint { host: Host::parse(inner)?, port: Port::AfterBrackets(port) })
            }
            _ => Err(Problem::NotAnAddress),
        }
    }

    /// The address, and the port if one is written. Names of ports are those of `protocol`.
    pub(super) fn resolve<R: Resolve + ?Sized>(
        self,
        names: &mut R,
        protocol: Protocol,
        prefer: AddressFamily,
    ) -> Result<(IpAddr, Option<u16>), Problem> {
        let address = match self.host {
            Host::Address(address) => address,
            Host::Name(name) => {
                let prefer = match self.port {
                    Port::AfterBrackets(_) => AddressFamily::V6,
                    _ => prefer,
                };
                names
                    .host(name, prefer)
                    .map_err(|why| Problem::Unresolved(name.into(), why.to_string()))?
            }
        };
        let port = match self.port {
            Port::AfterBrackets(port) if address.is_ipv6() => Port::parse(port)?,
            Port::AfterBrackets(_) => Port::LeftOut,
            port => port,
        };
        let port = match port {
            Port::LeftOut | Port::AfterBrackets(_) => None,
            Port::Number(port) => Some(port),
            Port::Name(name) => Some(
                names
                    .service(name, protocol)
                    .map_err(|why| Problem::Unresolved(name.into(), why.to_string()))?,
            ),
        };
        Ok((address, port))
    }
}

impl<'a> Host<'a> {
    fn parse(text: &'a [u8]) -> Result<Self, Problem> {
        if let Some(address) = inet_aton(text) {
            return Ok(Host::Address(address.into()));
        }
        Ok(Host::Name(name(text)?))
    }
}

impl<'a> Port<'a> {
    fn parse(text: &'a [u8]) -> Result<Self, Problem> {
        match integer(text, PORT) {
            Ok(port) => Ok(Port::Number(port as u16)),
            Err(problem @ Problem::OutOfRange { .. }) => Err(problem),
            Err(_) => Ok(Port::Name(name(text)?)),
        }
    }
}

/// What could be a name: neither control characters, blanks, colons nor brackets, which stand in
/// no name of a host or service and show an address that went wrong.
fn name(text: &[u8]) -> Result<&str, Problem> {
    let odd = |byte: &u8| !byte.is_ascii_graphic() || matches!(byte, b':' | b'[' | b']' | b'%');
    if text.is_empty() || text.iter().any(|byte| byte.is_ascii() && odd(byte)) {
        return Err(Problem::NotAnAddress);
    }
    std::str::from_utf8(text).map_err(|_| Problem::NotAnAddress)
}

/// The usual form, four short decimal numbers and perhaps a port, without the detours that the
/// unusual ones take. `None` means only that it is not that form.
#[inline]
fn plain_ipv4<'a>(text: &[u8]) -> Option<Endpoint<'a>> {
    let mut octets = [0; 4];
    let mut rest = text;
    for (i, octet) in octets.iter_mut().enumerate() {
        let (value, after) = decimal(rest, 3)?;
        *octet = u8::try_from(value).ok()?;
        rest = match (after, i) {
            ([b'.', after @ ..], 0..3) => after,
            (after, 3) => after,
            _ => return None,
        };
    }
    let port = match rest {
        [] => Port::LeftOut,
        [b':', rest @ ..] => match decimal(rest, 5)? {
            (port, []) => Port::Number(u16::try_from(port).ok()?),
            _ => return None,
        },
        _ => return None,
    };
    Some(Endpoint { host: Host::Address(IpAddr::V4(octets.into())), port })
}

/// At most `most` digits without a leading zero, which would make an octet octal.
#[inline]
fn decimal(text: &[u8], most: usize) -> Option<(u32, &[u8])> {
    let mut value = 0;
    let mut count = 0;
    while let Some(digit @ b'0'..=b'9') = text.get(count) {
        if count == most || (count == 1 && value == 0) {
            return None;
        }
        value = value * 10 + u32::from(digit - b'0');
        count += 1;
    }
    (count > 0).then(|| (value, &text[count..]))
}

/// An IPv4 address in any form that `inet_aton` takes: one to four numbers, decimal, octal or
/// hexadecimal, the last of which fills the bytes that are left. What follows a blank is ignored.
pub(super) fn inet_aton(text: &[u8]) -> Option<Ipv4Addr> {
    let mut address = 0u32;
    let mut rest = text;
    for part in 0..4 {
        let (value, after) = c_number(rest)?;
        let ends = match after {
            [] => true,
            [byte, ..] => byte.is_ascii_whitespace() || *byte == 0x0b,
        };
        if ends {
            let room = u32::MAX >> (8 * part);
            return (value <= room).then(|| Ipv4Addr::from(address | value));
        }
        let [b'.', after @ ..] = after else { return None };
        if value > 0xff || part == 3 {
            return None;
        }
        address |= value << (24 - 8 * part);
        rest = after;
    }
    None
}

/// A number as C writes it: `0x` hexadecimal, `0` octal, otherwise decimal.
fn c_number(text: &[u8]) -> Option<(u32, &[u8])> {
    if !text.first()?.is_ascii_digit() {
        return None;
    }
    let (radix, digits) = match text {
        [b'0', b'x' | b'X', digits @ ..] if digits.first()?.is_ascii_hexdigit() => (16, digits),
        [b'0', ..] => (8, text),
        _ => (10, text),
    };
    let mut value = 0u32;
    let mut count = 0;
    while let Some(digit) = digits.get(count).and_then(|byte| char::from(*byte).to_digit(radix)) {
        value = value.checked_mul(radix)?.checked_add(digit)?;
        count += 1;
    }
    Some((value, &digits[count..]))
}

fn ipv6(text: &[u8]) -> Option<Ipv6Addr> {
    // The longest text of an IPv6 address has 45 bytes.
    if text.len() > 45 {
        return None;
    }
    std::str::from_utf8(text).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::{NumericOnly, ResolveError};

    struct Names;

    impl Resolve for Names {
        fn host(&mut self, name: &str, prefer: AddressFamily) -> Result<IpAddr, ResolveError> {
            match (name, prefer) {
                ("both", AddressFamily::V6) => Ok("::1".parse().unwrap()),
                ("both" | "LOCALHOST", _) => Ok("127.0.0.1".parse().unwrap()),
                _ => Err(ResolveError::new("no such host")),
            }
        }

        fn service(&mut self, name: &str, protocol: Protocol) -> Result<u16, ResolveError> {
            match (name, protocol) {
                ("http", Protocol::Tcp) => Ok(80),
                ("tftp", Protocol::Udp) => Ok(69),
                _ => Err(ResolveError::new("no such service")),
            }
        }
    }

    fn tcp(text: &str) -> Option<String> {
        let found = Endpoint::parse(text.as_bytes())
            .and_then(|found| found.resolve(&mut Names, Protocol::Tcp, AddressFamily::V4));
        found.ok().map(|(address, port)| match port {
            Some(port) => format!("{address} {port}"),
            None => address.to_string(),
        })
    }

    #[test]
    fn addresses_are_read_as_the_reference_reads_them() {
        // What ipvsadm 1.31 made of each, on a real kernel.
        for (text, want) in [
            ("1.2.3.4", Some("1.2.3.4")),
            ("1.2.3.4:", None),
            ("1.2.3.4:80", Some("1.2.3.4 80")),
            ("1.2.3.4:0", Some("1.2.3.4 0")),
            (":80", None),
            ("10.1:80", Some("10.0.0.1 80")),
            ("10.1", Some("10.0.0.1")),
            ("0x7f000001:80", Some("127.0.0.1 80")),
            ("0x7f000001", Some("127.0.0.1")),
            ("0x7F.1:80", Some("127.0.0.1 80")),
            ("010.1.1.1:80", Some("8.1.1.1 80")),
            ("08.1:80", None),
            ("80", None),
            ("12345", None),
            ("12345:80", Some("0.0.48.57 80")),
            ("0x50", Some("0.0.0.80")),
            ("0x:80", None),
            ("1 ", Some("0.0.0.1")),
            ("[::1]:", None),
            ("[::1]:80", Some("::1 80")),
            ("[::1]:0", Some("::1 0")),
            ("[::1]:http", Some("::1 80")),
            ("::1", Some("::1")),
            ("::1:80", Some("::0.1.0.128")),
            ("::", Some("::")),
            ("0.0.0.0:80", Some("0.0.0.0 80")),
            ("fe80::1%lo", None),
            ("[fe80::1%lo]:80", None),
            ("[1.2.3.4]:80", Some("1.2.3.4")),
            ("[1.2.3.4]:99999", Some("1.2.3.4")),
            ("[1.2.3.4]:nosuch", Some("1.2.3.4")),
            ("[1.2.3.4]", None),
            ("[12345]:80", Some("0.0.48.57")),
            ("[80]:80", Some("0.0.0.80")),
            ("[]:80", None),
            ("[LOCALHOST]:80", Some("127.0.0.1")),
            ("[::1", None),
            ("::1]:80", None),
            ("[[::1]]:80", None),
            ("[::1]x:80", None),
            ("[::1]:80:80", None),
            ("1.2.3.4:65535", Some("1.2.3.4 65535")),
            ("1.2.3.4:65536", None),
            ("1.2.3.4:99999", None),
            ("1.2.3.4:http", Some("1.2.3.4 80")),
            (":http", None),
            ("LOCALHOST:80", Some("127.0.0.1 80")),
            ("1.2.3.4:nosuch", None),
            ("1.2.3.4:tftp", None),
            ("1.2.3.4:-1", None),
            ("1.2.3.4:-0", Some("1.2.3.4 0")),
            ("1.2.3.4: 80", Some("1.2.3.4 80")),
            ("1.2.3.4:80 ", None),
            (" 1.2.3.4:80", None),
            ("1.2.3.4 :80", Some("1.2.3.4 80")),
            ("1.2.3.4 x:80", Some("1.2.3.4 80")),
            ("1.2.3.4:+80", Some("1.2.3.4 80")),
            ("1.2.3.4:0x50", None),
            ("1.2.3.4:080", Some("1.2.3.4 80")),
            ("1.2.3.4:80x", None),
            ("1.2.3.4:80:90", None),
            ("1.2.3.4::80", None),
            ("1.2.3.4.:80", None),
            ("1.2.3.256:80", None),
            ("1.2.3.4.5:80", None),
            ("nosuchhost.invalid", None),
            ("a:b:c", None),
            ("::ffff:1.2.3.4", Some("::ffff:1.2.3.4")),
            ("[::ffff:1.2.3.4]:80", Some("::ffff:1.2.3.4 80")),
            ("1::2::3", None),
            ("", None),
            (" ", None),
            ("http", None),
            ("2001:DB8::A", Some("2001:db8::a")),
            ("[2001:db8::1]: 80", Some("2001:db8::1 80")),
        ] {
            let got = tcp(text).map(|got| match got.as_str() {
                "::1:80" => "::0.1.0.128".into(),
                _ => got,
            });
            assert_eq!(got.as_deref(), want, "{text:?}");
        }
    }

    #[test]
    fn a_bracketed_ipv6_address_needs_no_port() {
        assert_eq!(tcp("[2001:db8::1]").as_deref(), Some("2001:db8::1"));
    }

    #[test]
    fn a_name_in_brackets_is_an_ipv6_hosts() {
        assert_eq!(tcp("[both]:http").as_deref(), Some("::1 80"));
        assert_eq!(tcp("[both]:65536"), None);
        assert_eq!(tcp("[both]"), None);
        // As ipvsadm 1.31 has it for IPv4 hosts.
        assert_eq!(tcp("[LOCALHOST]:nosuch").as_deref(), Some("127.0.0.1"));
    }

    #[test]
    fn a_host_with_both_families_goes_by_the_preference() {
        let both = Endpoint::parse(b"both:tftp").unwrap();
        let v6 = both.resolve(&mut Names, Protocol::Udp, AddressFamily::V6);
        assert_eq!(v6, Ok(("::1".parse().unwrap(), Some(69))));
        let v4 = both.resolve(&mut Names, Protocol::Udp, AddressFamily::V4);
        assert_eq!(v4, Ok(("127.0.0.1".parse().unwrap(), Some(69))));
    }

    #[test]
    fn a_name_that_is_not_known_says_so() {
        let name = Endpoint::parse(b"nosuch:80").unwrap();
        let error = name.resolve(&mut NumericOnly, Protocol::Tcp, AddressFamily::V4);
        assert!(error.unwrap_err().to_string().starts_with("nosuch: "));
    }
}
