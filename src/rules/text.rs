//! Addresses and numbers as `ipvsadm` writes them, appended to bytes.
//!
//! A listing of 60,000 lines is made of little else, so these write straight into the buffer.

use std::fmt::{self, Write as _};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Appends a number in decimal.
pub fn push_number(buffer: &mut Vec<u8>, number: impl Into<u64>) {
    let mut digits = [0; 20];
    let mut start = digits.len();
    let mut rest = number.into();
    loop {
        start -= 1;
        // The remainder is a digit.
        digits[start] = b'0' + (rest % 10) as u8;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    buffer.extend_from_slice(&digits[start..]);
}

/// Appends an address, an IPv6 one without brackets.
pub fn push_address(buffer: &mut Vec<u8>, address: IpAddr) {
    match address {
        IpAddr::V4(address) => push_ipv4(buffer, address),
        IpAddr::V6(address) => push_ipv6(buffer, address),
    }
}

/// An address as `ipvsadm` and the C library write it, as a `Display`.
///
/// It differs from Rust's own form for the old IPv4-compatible addresses, whose last four bytes
/// the C library writes as IPv4.
///
/// ```
/// use ipvs::rules::grammar::text::AddressText;
/// assert_eq!(AddressText("::1:80".parse()?).to_string(), "::0.1.0.128");
/// assert_eq!(AddressText("2001:db8::1".parse()?).to_string(), "2001:db8::1");
/// # Ok::<(), std::net::AddrParseError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AddressText(pub IpAddr);

impl fmt::Display for AddressText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = Vec::new();
        push_address(&mut text, self.0);
        f.pad(&String::from_utf8_lossy(&text))
    }
}

/// Appends an address and port: `192.0.2.1:80`, `[2001:db8::1]:80`.
pub fn push_endpoint(buffer: &mut Vec<u8>, address: IpAddr, port: u16) {
    push_named_endpoint(buffer, address, port, None, None);
}

/// Appends an address and port of which one or both may have names: `www.example.com:http`. The
/// name of an IPv6 host stands in brackets, as its address would.
pub fn push_named_endpoint(
    buffer: &mut Vec<u8>,
    address: IpAddr,
    port: u16,
    host: Option<&str>,
    service: Option<&str>,
) {
    if let (IpAddr::V4(address), None, None) = (address, host, service) {
        return push_ipv4_endpoint(buffer, address, port);
    }
    if address.is_ipv6() {
        buffer.push(b'[');
    }
    match host {
        Some(host) => buffer.extend_from_slice(host.as_bytes()),
        None => push_address(buffer, address),
    }
    if address.is_ipv6() {
        buffer.push(b']');
    }
    buffer.push(b':');
    match service {
        Some(service) => buffer.extend_from_slice(service.as_bytes()),
        None => push_number(buffer, port),
    }
}

fn push_ipv4(buffer: &mut Vec<u8>, address: Ipv4Addr) {
    let mut text = Ipv4Text::default();
    text.address(address);
    text.push_to(buffer);
}

fn push_ipv4_endpoint(buffer: &mut Vec<u8>, address: Ipv4Addr, port: u16) {
    let mut text = Ipv4Text::default();
    text.address(address);
    text.port(port);
    text.push_to(buffer);
}

/// `255.255.255.255:65535` at most. It is the most frequent text of all, so it is put together here
/// and appended at once.
#[derive(Default)]
struct Ipv4Text {
    bytes: [u8; 24],
    length: usize,
}

impl Ipv4Text {
    /// A copy of fixed length, truncated afterwards, is cheaper than one of variable length.
    fn push_to(&self, buffer: &mut Vec<u8>) {
        let end = buffer.len() + self.length;
        buffer.extend_from_slice(&self.bytes);
        buffer.truncate(end);
    }

    fn address(&mut self, address: Ipv4Addr) {
        for octet in address.octets() {
            let (text, length) = OCTETS[usize::from(octet)];
            // The bytes beyond the length will be overwritten or cut off.
            self.bytes[self.length..][..4].copy_from_slice(&text);
            self.length += usize::from(length);
        }
        // The last dot.
        self.length -= 1;
    }

    fn port(&mut self, port: u16) {
        self.bytes[self.length] = b':';
        self.length += 1;
        let digits = 1 + [10, 100, 1000, 10_000].iter().filter(|least| port >= **least).count();
        let mut rest = port;
        for place in self.bytes[self.length..][..digits].iter_mut().rev() {
            // The remainder is a digit.
            *place = b'0' + (rest % 10) as u8;
            rest /= 10;
        }
        self.length += digits;
    }
}

/// The digits of each octet with a dot, and their number of bytes.
static OCTETS: [([u8; 4], u8); 256] = {
    let mut octets = [([0; 4], 0); 256];
    let mut octet = 0;
    while octet < 256 {
        let value = octet as u8;
        let (a, b, c) = (b'0' + value / 100, b'0' + value / 10 % 10, b'0' + value % 10);
        octets[octet] = match value {
            0..10 => ([c, b'.', 0, 0], 2),
            10..100 => ([b, c, b'.', 0], 3),
            100.. => ([a, b, c, b'.'], 4),
        };
        octet += 1;
    }
    octets
};

/// As the C library's `inet_ntop` writes it: an address in `::/96` other than `::` and `::1` ends
/// in dotted form, which Rust's own `Display` does for `::ffff:0:0/96` only.
fn push_ipv6(buffer: &mut Vec<u8>, address: Ipv6Addr) {
    let segments = address.segments();
    if segments[..6] == [0; 6] && segments[6] != 0 {
        buffer.extend_from_slice(b"::");
        let [.., a, b, c, d] = address.octets();
        push_ipv4(buffer, Ipv4Addr::new(a, b, c, d));
        return;
    }
    let mut text = Text(buffer);
    // Writing to memory does not fail.
    let _ = write!(text, "{address}");
}

struct Text<'a>(&'a mut Vec<u8>);

impl fmt::Write for Text<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.extend_from_slice(text.as_bytes());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> String {
        let mut buffer = Vec::new();
        push_address(&mut buffer, text.parse().expect("an address"));
        String::from_utf8(buffer).expect("text")
    }

    #[test]
    fn addresses_read_as_the_c_library_writes_them() {
        for same in [
            "0.0.0.0",
            "192.168.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::ffff:1.2.3.4",
            "::ffff:0.0.0.0",
            "2001:db8::1",
            "2001:db8:0:1:1:1:1:1",
            "1::",
            "::1:0:0:0",
        ] {
            assert_eq!(address(same), same);
        }
        assert_eq!(address("::1:80"), "::0.1.0.128");
        assert_eq!(address("::1.2.3.4"), "::1.2.3.4");
    }

    #[test]
    fn ports_at_their_bounds() {
        for port in [0, 9, 10, 99, 100, 999, 1000, 9999, 10_000, u16::MAX] {
            let mut buffer = Vec::new();
            push_endpoint(&mut buffer, IpAddr::from([255, 10, 0, 255]), port);
            assert_eq!(buffer, format!("255.10.0.255:{port}").into_bytes());
        }
    }

    #[test]
    fn numbers_at_their_bounds() {
        for number in [0, 9, 10, 4_294_967_295, u64::MAX] {
            let mut buffer = b"x".to_vec();
            push_number(&mut buffer, number);
            assert_eq!(buffer, format!("x{number}").into_bytes());
        }
    }
}
