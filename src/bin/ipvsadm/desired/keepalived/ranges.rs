//! Ranges of addresses.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The most addresses of a range. keepalived makes a service of each.
const MAX: u128 = 65536;

/// The addresses of `10.0.0.1`, `10.0.0.1-5`, `10.0.0.1-10.0.1.5`, `10.0.0.8/29`, and the same
/// forms for IPv6, where the end of a range is the last group.
pub(super) fn addresses(text: &str) -> Result<Vec<IpAddr>, String> {
    if let Ok(address) = text.parse() {
        return Ok(vec![address]);
    }
    let not = || format!("`{text}`: not an address or a range of addresses");
    let (first, last) = if let Some((first, last)) = text.split_once('-') {
        let first: IpAddr = first.parse().map_err(|_| not())?;
        let last = end(first, last).ok_or_else(not)?;
        (first, last)
    } else if let Some((first, length)) = text.split_once('/') {
        let first: IpAddr = first.parse().map_err(|_| not())?;
        let bits: u32 = if first.is_ipv4() { 32 } else { 128 };
        let length: u32 = length.parse().map_err(|_| not())?;
        let left = bits.checked_sub(length).ok_or_else(not)?;
        let mask = 1_u128.checked_shl(left).map_or(u128::MAX, |size| size - 1);
        if number(first) & mask != 0 {
            return Err(format!("`{text}`: not the first address of this network"));
        }
        (first, address(first, number(first) | mask))
    } else {
        return Err(not());
    };
    let (from, to) = (number(first), number(last));
    match to.checked_sub(from) {
        None => Err(format!("`{text}`: the range ends before it begins")),
        Some(length) if length >= MAX => {
            Err(format!("`{text}`: more addresses than can be looked at"))
        }
        Some(_) => Ok((from..=to).map(|number| address(first, number)).collect()),
    }
}

/// The last address of a range: a whole one, or the last part of one.
fn end(first: IpAddr, last: &str) -> Option<IpAddr> {
    if let Ok(last) = last.parse::<IpAddr>() {
        return (last.is_ipv4() == first.is_ipv4()).then_some(last);
    }
    match first {
        IpAddr::V4(_) => {
            let last: u8 = last.parse().ok()?;
            Some(address(first, number(first) & !0xff | u128::from(last)))
        }
        IpAddr::V6(_) => {
            let last = u16::from_str_radix(last, 16).ok()?;
            Some(address(first, number(first) & !0xffff | u128::from(last)))
        }
    }
}

fn number(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => address.to_bits().into(),
        IpAddr::V6(address) => address.to_bits(),
    }
}

/// The address of the family of `like` that this number stands for.
fn address(like: IpAddr, number: u128) -> IpAddr {
    match like {
        IpAddr::V4(_) => Ipv4Addr::from_bits(number as u32).into(),
        IpAddr::V6(_) => Ipv6Addr::from_bits(number).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_all_their_addresses() {
        for (text, want) in [
            ("10.0.0.1", &["10.0.0.1"][..]),
            ("10.0.0.1-3", &["10.0.0.1", "10.0.0.2", "10.0.0.3"]),
            ("10.0.0.255-10.0.1.1", &["10.0.0.255", "10.0.1.0", "10.0.1.1"]),
            ("10.0.0.8/30", &["10.0.0.8", "10.0.0.9", "10.0.0.10", "10.0.0.11"]),
            ("10.0.0.8/32", &["10.0.0.8"]),
            ("2001:db8::fe-100", &["2001:db8::fe", "2001:db8::ff", "2001:db8::100"]),
            ("2001:db8::/127", &["2001:db8::", "2001:db8::1"]),
            ("2001:db8::ffff-2001:db8::1:0", &["2001:db8::ffff", "2001:db8::1:0"]),
        ] {
            let want: Vec<IpAddr> = want.iter().map(|text| text.parse().unwrap()).collect();
            assert_eq!(addresses(text), Ok(want), "{text}");
        }
    }

    #[test]
    fn what_is_no_range_is_refused() {
        for text in [
            "",
            "-",
            "/",
            "10.0.0",
            "10.0.0.5-1",
            "10.0.0.1-256",
            "10.0.0.5/30",
            "10.0.0.0/33",
            "0.0.0.0/0",
            "::/0",
            "10.0.0.1-2001:db8::1",
            "host",
            "10.0.0.0/",
            "2001:db8::1-10000",
        ] {
            assert!(addresses(text).is_err(), "{text}");
        }
    }
}
