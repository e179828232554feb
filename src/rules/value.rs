//! The values of options: numbers, masks, names, flags.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::address::inet_aton;
use super::command::Format;
use super::error::Problem;
use crate::{AddressFamily, DaemonRole, Name, Netmask, SchedulerFlags};

/// From the least to the greatest number that is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Range {
    pub(super) least: u32,
    pub(super) most: u32,
}

const fn range(least: u32, most: u32) -> Range {
    Range { least, most }
}

/// A month of 31 days, in seconds: the longest timeout that the kernel's clock arithmetic stands.
const LONGEST_TIMEOUT: u32 = 31 * 24 * 60 * 60;

pub(super) const PORT: Range = range(0, 65535);
pub(super) const FIREWALL_MARK: Range = range(1, u32::MAX);
pub(super) const PERSISTENCE: Range = range(1, LONGEST_TIMEOUT);
pub(super) const TIMEOUT: Range = range(0, LONGEST_TIMEOUT);
/// Weights and thresholds, which the kernel keeps as signed numbers.
pub(super) const COUNT: Range = range(0, i32::MAX as u32);
pub(super) const TUNNEL_PORT: Range = range(1, 65535);
pub(super) const SYNC_ID: Range = range(0, 255);
pub(super) const SYNC_LENGTH: Range = range(1, 65507);
pub(super) const MULTICAST_PORT: Range = range(1, 65535);
pub(super) const TTL: Range = range(1, 255);
/// How long to wait, in seconds.
pub(super) const WAIT: Range = range(0, LONGEST_TIMEOUT);

/// A decimal number as `strtol` reads it: blanks and a sign may go before it, nothing may follow.
#[inline]
pub(super) fn integer(text: &[u8], range: Range) -> Result<u32, Problem> {
    let (value, negative) = match decimal(text) {
        Some((value, negative, [])) => (value, negative),
        _ => return Err(Problem::NotANumber(range.least, range.most)),
    };
    match u32::try_from(value) {
        Ok(value) if (range.least..=range.most).contains(&value) && (!negative || value == 0) => {
            Ok(value)
        }
        _ => Err(Problem::OutOfRange { least: range.least, most: range.most }),
    }
}

/// Blanks, a sign and digits; gives the size of the number, at most what fits, whether it is
/// negative, and what follows.
#[inline]
fn decimal(text: &[u8]) -> Option<(u64, bool, &[u8])> {
    let mut at = 0;
    while matches!(text.get(at), Some(b' ' | b'\t'..=b'\r')) {
        at += 1;
    }
    let negative = text.get(at) == Some(&b'-');
    if let Some(b'+' | b'-') = text.get(at) {
        at += 1;
    }
    let digits = at;
    let mut value = 0u64;
    while let Some(digit @ b'0'..=b'9') = text.get(at) {
        value = value.saturating_mul(10).saturating_add(u64::from(digit - b'0'));
        at += 1;
    }
    (at > digits).then(|| (value, negative, &text[at..]))
}

/// A mask for `-M`: for IPv4 whatever `inet_aton` takes, for IPv6 a prefix length, after whose
/// digits anything may follow.
pub(super) fn netmask(text: &[u8], family: AddressFamily) -> Result<Netmask, Problem> {
    match family {
        AddressFamily::V4 => inet_aton(text).map(Netmask::V4).ok_or(Problem::NotAMask),
        AddressFamily::V6 => match decimal(text) {
            Some((length @ 1..=128, false, _)) => Ok(Netmask::V6(length as u8)),
            _ => Err(Problem::NotAPrefixLength),
        },
    }
}

/// A name as the kernel keeps it. The reference cuts what is too long, and the kernel then says
/// that it knows no such thing; so do we. `None` for an empty name.
pub(super) fn name(text: &[u8]) -> Option<Name> {
    let text = String::from_utf8_lossy(text);
    let mut end = text.len().min(Name::MAX);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text[..end].parse().ok()
}

/// Scheduler flags for `-b`: names with commas between, of which some may be empty.
pub(super) fn scheduler_flags(text: &[u8], scheduler: Name) -> Result<SchedulerFlags, Problem> {
    let mut flags = SchedulerFlags::NONE;
    for name in text.split(|byte| *byte == b',').filter(|name| !name.is_empty()) {
        let shown = || String::from_utf8_lossy(name).into_owned();
        let known = std::str::from_utf8(name).ok().and_then(SchedulerFlags::by_name);
        let (owner, flag) = known.ok_or_else(|| Problem::UnknownFlag(shown()))?;
        if let Some(owner) = owner.filter(|owner| *owner != scheduler.as_str()) {
            return Err(Problem::FlagOfOther(shown(), owner));
        }
        flags |= flag;
    }
    Ok(flags)
}

pub(super) fn daemon_role(text: &[u8]) -> Result<DaemonRole, Problem> {
    match text {
        b"master" => Ok(DaemonRole::Master),
        b"backup" => Ok(DaemonRole::Backup),
        _ => Err(Problem::NotARole),
    }
}

/// A multicast address, IPv6 if there is a colon in it.
pub(super) fn multicast_group(text: &[u8]) -> Result<IpAddr, Problem> {
    let text = std::str::from_utf8(text).map_err(|_| Problem::NotMulticast)?;
    let address = if text.contains(':') {
        text.parse::<Ipv6Addr>().map(IpAddr::V6)
    } else {
        text.parse::<Ipv4Addr>().map(IpAddr::V4)
    };
    address.ok().filter(IpAddr::is_multicast).ok_or(Problem::NotMulticast)
}

/// What `--tun-type` names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TunnelType {
    Ipip,
    Gue,
    Gre,
}

impl TunnelType {
    pub(super) fn parse(text: &[u8]) -> Result<Self, Problem> {
        match text {
            b"ipip" => Ok(TunnelType::Ipip),
            b"gue" => Ok(TunnelType::Gue),
            b"gre" => Ok(TunnelType::Gre),
            _ => Err(Problem::NotATunnel),
        }
    }

    pub(super) const fn name(self) -> &'static str {
        match self {
            TunnelType::Ipip => "ipip",
            TunnelType::Gue => "gue",
            TunnelType::Gre => "gre",
        }
    }
}

/// The name of a format.
pub(super) fn format(text: &[u8]) -> Result<Format, Problem> {
    std::str::from_utf8(text).ok().and_then(|name| name.parse().ok()).ok_or(Problem::NotAFormat)
}

/// What a network namespace may be called: any text but none.
pub(super) fn namespace(text: &[u8]) -> Result<&str, Problem> {
    match std::str::from_utf8(text) {
        Ok(name) if !name.is_empty() => Ok(name),
        _ => Err(Problem::NotANamespace),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_taken_up_to_their_bounds_and_no_further() {
        for range in [
            PORT,
            FIREWALL_MARK,
            PERSISTENCE,
            TIMEOUT,
            COUNT,
            TUNNEL_PORT,
            SYNC_ID,
            SYNC_LENGTH,
            MULTICAST_PORT,
            TTL,
        ] {
            let Range { least, most } = range;
            let read = |text: String| integer(text.as_bytes(), range);
            assert_eq!(read(least.to_string()), Ok(least));
            assert_eq!(read(most.to_string()), Ok(most));
            let error = Err(Problem::OutOfRange { least, most });
            assert_eq!(read((i64::from(least) - 1).to_string()), error);
            assert_eq!(read((i64::from(most) + 1).to_string()), error);
        }
    }

    #[test]
    fn numbers_are_read_as_strtol_reads_them() {
        for (text, want) in [
            ("+5", Some(5)),
            (" 5", Some(5)),
            ("\t5", Some(5)),
            ("\n5", Some(5)),
            ("010", Some(10)),
            ("-0", Some(0)),
            ("00000000000000000000000000005", Some(5)),
            ("5 ", None),
            ("0x10", None),
            ("5abc", None),
            ("", None),
            (" ", None),
            ("+ 5", None),
            ("+-5", None),
            ("-1", None),
            ("4294967297", None),
            ("18446744073709551617", None),
            ("99999999999999999999999999", None),
        ] {
            assert_eq!(integer(text.as_bytes(), COUNT).ok(), want, "{text:?}");
        }
    }

    #[test]
    fn masks_are_read_as_the_reference_reads_them() {
        for (text, v4, v6) in [
            ("255.255.255.0", Some("255.255.255.0"), None),
            ("255.0.255.0", Some("255.0.255.0"), None),
            ("24", Some("0.0.0.24"), Some("24")),
            ("0", Some("0.0.0.0"), None),
            ("0xffffff00", Some("255.255.255.0"), None),
            ("4294967040", Some("255.255.255.0"), None),
            ("255.255", Some("255.0.0.255"), None),
            ("255.255.0.0 x", Some("255.255.0.0"), None),
            ("bad", None, None),
            ("", None, None),
            ("1", Some("0.0.0.1"), Some("1")),
            ("128", Some("0.0.0.128"), Some("128")),
            ("129", Some("0.0.0.129"), None),
            ("/64", None, None),
            ("+64", None, Some("64")),
            (" 64", None, Some("64")),
            ("64x", None, Some("64")),
            ("ffff::", None, None),
        ] {
            let read = |family| {
                netmask(text.as_bytes(), family).ok().map(|mask: Netmask| mask.to_string())
            };
            assert_eq!(read(AddressFamily::V4).as_deref(), v4, "{text:?}");
            assert_eq!(read(AddressFamily::V6).as_deref(), v6, "{text:?}");
        }
    }

    #[test]
    fn names_are_cut_where_the_kernels_arrays_end() {
        let read = |text: &[u8]| name(text).map(|name| name.to_string());
        assert_eq!(read(b"").as_deref(), None);
        assert_eq!(read(b"abcdefghijklmno").as_deref(), Some("abcdefghijklmno"));
        assert_eq!(read(b"abcdefghijklmnop").as_deref(), Some("abcdefghijklmno"));
        assert_eq!(read("abcdefghijklmn\u{e9}".as_bytes()).as_deref(), Some("abcdefghijklmn"));
        assert!(read(b"\xff\xff").is_some());
    }

    #[test]
    fn scheduler_flags_belong_to_their_scheduler() {
        let read = |text: &str, scheduler: &str| {
            scheduler_flags(text.as_bytes(), scheduler.parse().unwrap()).map(SchedulerFlags::bits)
        };
        assert_eq!(read("flag-3,flag-1", "wlc"), Ok(5));
        assert_eq!(read(",flag-1,,flag-1,", "wlc"), Ok(1));
        assert_eq!(read("", "wlc"), Ok(0));
        assert_eq!(read(",", "wlc"), Ok(0));
        assert_eq!(read("sh-port,flag-1", "sh"), Ok(3));
        assert_eq!(read("mh-fallback", "mh"), Ok(1));
        for (text, scheduler) in [
            ("flag-4", "wlc"),
            ("FLAG-1", "wlc"),
            ("1", "wlc"),
            ("flag-1, flag-2", "wlc"),
            ("sh-port", "wlc"),
            ("sh-port", "mh"),
            ("mh-port", "sh"),
        ] {
            assert!(read(text, scheduler).is_err(), "{text} {scheduler}");
        }
    }

    #[test]
    fn a_multicast_group_is_a_whole_numeric_multicast_address() {
        for text in ["224.0.0.18", "239.255.255.255", "ff02::18"] {
            assert!(multicast_group(text.as_bytes()).is_ok(), "{text}");
        }
        for text in [
            "10.0.0.1",
            "0.0.0.0",
            "",
            "224.1",
            "ff02::18%lo",
            "[ff02::18]",
            "fe80::1",
            "::",
            "all",
            "223.255.255.255",
            "240.0.0.0",
            "224.0.0.1:80",
            "localhost",
        ] {
            assert!(multicast_group(text.as_bytes()).is_err(), "{text}");
        }
    }
}
