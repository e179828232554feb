//! The values of options: masks, names, flags and others.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use super::error::UsageError;
use super::format::Format;
use super::ipv4::inet_aton;
use super::number::{Range, decimal, integer};
use super::options::OptionId;
use super::tunnel::TunnelKind;
use super::value_error::ValueError;
use crate::{AddressFamily, DaemonRole, Name, Netmask, SchedulerFlags, Setting, SettingValue};

/// Reads the value of an option with `parse`.
#[inline]
pub(super) fn read<'a, T>(
    option: OptionId,
    value: &'a [u8],
    parse: impl FnOnce(&'a [u8]) -> Result<T, ValueError>,
) -> Result<T, UsageError> {
    parse(value).map_err(|error| UsageError::Value {
        option,
        value: String::from_utf8_lossy(value).into_owned(),
        error,
    })
}

pub(super) fn read_number(option: OptionId, value: &[u8], range: Range) -> Result<u32, UsageError> {
    read(option, value, |value| integer(value, range))
}

/// A mask for `-M`: for IPv4 whatever `inet_aton` takes, for IPv6 a prefix length, after whose
/// digits anything may follow.
pub(super) fn netmask(text: &[u8], family: AddressFamily) -> Result<Netmask, ValueError> {
    match family {
        AddressFamily::V4 => inet_aton(text).map(Netmask::V4).ok_or(ValueError::NotAMask),
        AddressFamily::V6 => match decimal(text) {
            Some((length, false, _)) => u8::try_from(length)
                .ok()
                .map(Netmask::V6)
                .filter(|netmask| netmask.check(family).is_ok())
                .ok_or(ValueError::NotAPrefixLength),
            _ => Err(ValueError::NotAPrefixLength),
        },
    }
}

/// A name as the kernel keeps it. A longer one is cut, as ipvsadm 1.31 does, and the kernel then
/// reports that it has no such thing. `None` for an empty name.
pub(super) fn name(text: &[u8]) -> Option<Name> {
    let text = String::from_utf8_lossy(text);
    let mut end = text.len().min(Name::MAX);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text[..end].parse().ok()
}

/// Scheduler flags for `-b`: names separated by commas. Empty names are ignored.
pub(super) fn scheduler_flags(text: &[u8], scheduler: Name) -> Result<SchedulerFlags, ValueError> {
    let mut flags = SchedulerFlags::NONE;
    for name in text.split(|byte| *byte == b',').filter(|name| !name.is_empty()) {
        let shown = String::from_utf8_lossy(name);
        flags |= SchedulerFlags::for_scheduler(scheduler.as_str(), &shown)
            .map_err(|reason| ValueError::Flag(shown.into_owned(), reason))?;
    }
    Ok(flags)
}

pub(super) fn daemon_role(text: &[u8]) -> Result<DaemonRole, ValueError> {
    match text {
        b"master" => Ok(DaemonRole::Master),
        b"backup" => Ok(DaemonRole::Backup),
        _ => Err(ValueError::NotARole),
    }
}

/// A multicast address, IPv6 if there is a colon in it.
pub(super) fn multicast_group(text: &[u8]) -> Result<IpAddr, ValueError> {
    let text = word(text).ok_or(ValueError::NotMulticast)?;
    let address = if text.contains(':') {
        text.parse::<Ipv6Addr>().map(IpAddr::V6)
    } else {
        text.parse::<Ipv4Addr>().map(IpAddr::V4)
    };
    address.ok().filter(IpAddr::is_multicast).ok_or(ValueError::NotMulticast)
}

pub(super) fn tunnel_kind(text: &[u8]) -> Result<TunnelKind, ValueError> {
    word(text).and_then(|kind| kind.parse().ok()).ok_or(ValueError::NotATunnel)
}

pub(super) fn format(text: &[u8]) -> Result<Format, ValueError> {
    word(text).ok_or(ValueError::NotAFormat)?.parse()
}

/// `NAME=VALUE`. The kernel decides whether it has a setting of this name.
pub(super) fn setting(text: &[u8]) -> Result<(Setting, SettingValue), ValueError> {
    let text = std::str::from_utf8(text).map_err(|_| ValueError::NotAnAssignment)?;
    let (name, value) = text.split_once('=').ok_or(ValueError::NotAnAssignment)?;
    let setting: Setting = name.parse().map_err(|_| ValueError::NotAnAssignment)?;
    let value = setting.value(value).map_err(|_| ValueError::NotASettingsValue(setting))?;
    Ok((setting, value))
}

/// The name, path or process ID of a network namespace: any text but the empty one.
pub(super) fn namespace(text: &[u8]) -> Result<&str, ValueError> {
    word(text).filter(|name| !name.is_empty()).ok_or(ValueError::NotANamespace)
}

/// A length of time in seconds, which may have a fraction: 0.1 to a month of 31 days. Digits below
/// a nanosecond are ignored.
pub(super) fn seconds(text: &[u8]) -> Result<Duration, ValueError> {
    let read = || {
        let text = word(text)?;
        let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
        let all_digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        if !all_digits(whole) || !all_digits(fraction) {
            return None;
        }
        let digits = format!("{fraction:0<9}");
        let time = Duration::new(whole.parse().ok()?, digits.get(..9)?.parse().ok()?);
        (LEAST_TIME..=MOST_TIME).contains(&time).then_some(time)
    };
    read().ok_or(ValueError::NotSeconds)
}

const LEAST_TIME: Duration = Duration::from_millis(100);
const MOST_TIME: Duration = Duration::from_secs(31 * 24 * 60 * 60);

fn word(text: &[u8]) -> Option<&str> {
    std::str::from_utf8(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

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
    fn a_time_may_have_a_fraction() {
        let read = |text: &str| seconds(text.as_bytes()).ok().map(|time| time.as_secs_f64());
        for (text, want) in [
            ("1", 1.0),
            ("0.1", 0.1),
            ("00.5", 0.5),
            ("2.25", 2.25),
            ("1.00000000099", 1.0),
            ("2678400", 2678400.0),
            ("2678400.0", 2678400.0),
        ] {
            assert_eq!(read(text), Some(want), "{text}");
        }
        for text in [
            "",
            "0",
            "0.0",
            "0.09",
            "-1",
            "+1",
            ".5",
            "5.",
            ".",
            "1,5",
            "1e3",
            " 1",
            "1s",
            "1.5.2",
            "x",
            "2678400.1",
            "2678401",
            "99999999999999999999",
            "inf",
            "NaN",
        ] {
            assert_eq!(read(text), None, "{text:?}");
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
