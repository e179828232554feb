//! Addresses with ports, as rules write them.

use std::net::{IpAddr, Ipv6Addr};

use super::ipv4::inet_aton;
use super::number::{PORT, integer};
use super::resolve::{Resolve, ResolveError};
use super::value_error::ValueError;
use crate::{AddressFamily, Protocol};

/// A parsed `host[:port]`, whose names are not looked up yet.
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
    /// After a name in brackets. It counts only if the name belongs to an IPv6 host.
    AfterBrackets(&'a [u8]),
}

impl<'a> Endpoint<'a> {
    /// Parses an ADDRESS: `1.2.3.4`, `1.2.3.4:80`, `name:http`, `[2001:db8::1]:80`,
    /// `[2001:db8::1]`, `2001:db8::1`.
    pub(super) fn parse(text: &'a [u8]) -> Result<Self, ValueError> {
        if let Some(found) = plain_ipv4(text) {
            return Ok(found);
        }
        // To inet_aton, digits alone are an address, but they are meant as a port.
        if !text.is_empty() && text.iter().all(u8::is_ascii_digit) {
            return Err(ValueError::PortAlone);
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
        let (host, port) = (&text[..colon], &text[colon + 1..]);
        // `192.0.2.1:50000:60000`, as iptables writes a range of ports.
        if let Some(colon) = host.iter().position(|byte| *byte == b':')
            && inet_aton(&host[..colon]).is_some()
            && is_several_ports(&text[colon + 1..])
        {
            return Err(ValueError::SeveralPorts);
        }
        Ok(Endpoint { host: Host::parse(host)?, port: Port::parse(port)? })
    }

    /// Parses the rest after `[`.
    fn bracketed(rest: &'a [u8]) -> Result<Self, ValueError> {
        let Some(close) = rest.iter().position(|byte| *byte == b']') else {
            return Err(ValueError::NotAnAddress);
        };
        let (inner, after) = (&rest[..close], &rest[close + 1..]);
        if let Some(address) = ipv6(inner) {
            let port = match after {
                [] => Port::LeftOut,
                [b':', port @ ..] => Port::parse(port)?,
                _ => return Err(ValueError::NotAnAddress),
            };
            return Ok(Endpoint { host: Host::Address(address.into()), port });
        }
        match after {
            // `-S` writes the names of IPv6 hosts this way. ipvsadm 1.31 also takes `[1.2.3.4]:80`
            // and names of IPv4 hosts, and ignores their port.
            [b':', port @ ..] => {
                Ok(Endpoint { host: Host::parse(inner)?, port: Port::AfterBrackets(port) })
            }
            _ => Err(ValueError::NotAnAddress),
        }
    }

    /// True if the host is an address and not a name.
    pub(super) fn has_address(&self) -> bool {
        matches!(self.host, Host::Address(_))
    }

    /// The address, and the port if one is written. Names of ports are those of `protocol`.
    pub(super) fn resolve<R: Resolve + ?Sized>(
        self,
        names: &mut R,
        protocol: Protocol,
        prefer: AddressFamily,
    ) -> Result<(IpAddr, Option<u16>), ValueError> {
        let address = match self.host {
            Host::Address(address) => address,
            Host::Name(name) => {
                let prefer = match self.port {
                    Port::AfterBrackets(_) => AddressFamily::V6,
                    _ => prefer,
                };
                names.host(name, prefer).map_err(|why| unresolved(name, &why))?
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
                    .map_err(|why| ValueError::Unresolved(name.into(), why.to_string()))?,
            ),
        };
        Ok((address, port))
    }
}

/// The error for a name that is not found. Digits and dots alone were meant as an address, as was
/// anything with a slash: a network or a URL.
fn unresolved(name: &str, why: &ResolveError) -> ValueError {
    let is_number = name.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    match is_number || name.contains('/') {
        true => ValueError::NotAnAddress,
        false => ValueError::Unresolved(name.into(), why.to_string()),
    }
}

impl<'a> Host<'a> {
    fn parse(text: &'a [u8]) -> Result<Self, ValueError> {
        if let Some(address) = inet_aton(text) {
            return Ok(Host::Address(address.into()));
        }
        Ok(Host::Name(name(text)?))
    }
}

impl<'a> Port<'a> {
    fn parse(text: &'a [u8]) -> Result<Self, ValueError> {
        match integer(text, PORT) {
            Ok(port) => Ok(Port::Number(port as u16)),
            Err(error @ ValueError::OutOfRange { .. }) => Err(error),
            Err(_) if is_several_ports(text) => Err(ValueError::SeveralPorts),
            Err(_) => Ok(Port::Name(name(text)?)),
        }
    }
}

/// True for numbers with dashes, commas or colons between them: the ways in which other programs
/// write several ports.
fn is_several_ports(text: &[u8]) -> bool {
    let mut numbers = text.split(|byte| b"-,:".contains(byte));
    numbers.clone().count() > 1
        && numbers.all(|number| !number.is_empty() && number.iter().all(u8::is_ascii_digit))
}

/// The address and port that were probably meant by an IPv6 address without brackets whose last
/// group looks like a port: `[2001:db8::1]:80` for `2001:db8::1:80`.
pub fn with_brackets(address: IpAddr) -> Option<String> {
    let IpAddr::V6(address) = address else {
        return None;
    };
    let text = address.to_string();
    let (rest, port) = text.rsplit_once(':')?;
    let is_port = port.bytes().all(|byte| byte.is_ascii_digit()) && port.len() > 1;
    let rest: Ipv6Addr = rest.parse().ok()?;
    is_port.then(|| format!("[{rest}]:{port}"))
}

/// Text that may be a name. Names of hosts and services have no control characters, blanks, colons
/// or brackets: those point to a misspelt address.
fn name(text: &[u8]) -> Result<&str, ValueError> {
    let odd = |byte: &u8| !byte.is_ascii_graphic() || matches!(byte, b':' | b'[' | b']' | b'%');
    if text.is_empty() || text.iter().any(|byte| byte.is_ascii() && odd(byte)) {
        return Err(ValueError::NotAnAddress);
    }
    std::str::from_utf8(text).map_err(|_| ValueError::NotAnAddress)
}

/// The usual form: four short decimal numbers and perhaps a port. A case of its own makes reading
/// rules fast. `None` means only that the text has another form.
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

/// At most `most` digits, without a leading zero: that would make an octet octal.
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
    use crate::rules::resolve::NumericOnly;

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
    fn several_ports_are_recognized() {
        for text in [
            "1.2.3.4:50000-60000",
            "1.2.3.4:80,443",
            "1.2.3.4:50000:60000",
            "[::1]:50000-60000",
            "www:80,443,8080",
        ] {
            let error = Endpoint::parse(text.as_bytes()).expect_err(text);
            assert_eq!(error, ValueError::SeveralPorts, "{text}");
        }
        for text in ["1.2.3.4:80:90x", "1.2.3.4:-", "1.2.3.4:ftp-data", "1.2.3.4:80-"] {
            let parsed = Endpoint::parse(text.as_bytes());
            assert_ne!(parsed.err(), Some(ValueError::SeveralPorts), "{text}");
        }
    }

    #[test]
    fn what_no_host_is_called_was_meant_as_an_address() {
        for text in ["10.0.0.256:80", "1.2.3.4.5:80", "10.0.0.0/24", "10.0.0.1/24:80"] {
            let endpoint = Endpoint::parse(text.as_bytes()).expect(text);
            let error = endpoint.resolve(&mut NumericOnly, Protocol::Tcp, AddressFamily::V4);
            assert_eq!(error, Err(ValueError::NotAnAddress), "{text}");
        }
    }

    #[test]
    fn a_last_group_that_looks_like_a_port_gets_brackets() {
        for (address, want) in [
            ("2001:db8::1:80", Some("[2001:db8::1]:80")),
            ("fe80::1:8080", Some("[fe80::1]:8080")),
            ("2001:db8::80", None),
            ("2001:db8::1", None),
            ("2001:db8::1:a0", None),
            ("1:2:3:4:5:6:7:80", None),
            ("192.0.2.1", None),
        ] {
            let meant = with_brackets(address.parse().unwrap());
            assert_eq!(meant.as_deref(), want, "{address}");
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
