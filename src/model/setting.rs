//! The settings of IPVS that a network namespace has, as files in `/proc/sys/net/ipv4/vs`.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;
use std::sync::{Mutex, PoisonError};

use super::ParseError;

/// A setting of IPVS, by its name: a file in `/proc/sys/net/ipv4/vs`, of which each network
/// namespace has its own.
///
/// ```
/// use ipvs::{Setting, SettingValue};
///
/// let reuse: Setting = "conn_reuse_mode".parse()?;
/// assert_eq!(reuse.kernel_default(), Some(SettingValue::Number(1)));
/// assert_eq!(reuse.value("0")?, SettingValue::Number(0));
/// assert!(reuse.value("on").is_err());
/// # Ok::<(), ipvs::ParseError>(())
/// ```
///
/// A setting of a kernel newer than this library can be read and set like the others; it has no
/// default and no description. The program keeps each such name, and each [`SettingValue::Text`],
/// in memory until it ends, so that both are `Copy`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Setting(&'static str);

/// The value of a [`Setting`].
///
/// Its text is the one of a rule, `1` or `3,50`; [`Setting::value`] reads it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum SettingValue {
    /// A whole number. For a switch, 0 is off and anything else is on.
    Number(i64),
    /// Two numbers: the threshold and the period of `sync_threshold`.
    Pair(i64, i64),
    /// Anything else: a list of CPUs, such as `0-3,8`.
    Text(&'static str),
}

/// What values a setting has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Off or on. The kernel accepts any C `int`.
    Switch,
    /// A whole number from the first to the second.
    Number(i64, i64),
    /// 1, 2, 4, ... 2^30.
    PowerOfTwo,
    /// 0 (never), 1 or 2 (automatic), 3 (always). The kernel itself moves from 1 to 2 while memory
    /// is short, and back.
    Defence,
    /// A threshold and a period, which is greater or 0.
    Threshold,
    CpuList,
    /// A setting that this library does not know.
    Unknown,
}

/// A row of the table of settings.
#[derive(Debug)]
struct Row {
    name: &'static str,
    kind: Kind,
    /// `None` where the kernel derives it from the machine or the namespace.
    default: Option<SettingValue>,
    /// The kernel that brought it, if it was not there from the beginning.
    since: Option<&'static str>,
    description: &'static str,
}

/// A setting whose default is a number.
const fn row(
    name: &'static str,
    kind: Kind,
    default: i64,
    since: &'static str,
    description: &'static str,
) -> Row {
    let since = if since.is_empty() { None } else { Some(since) };
    Row { name, kind, default: Some(SettingValue::Number(default)), since, description }
}

/// What a C `int` holds.
const INT: Kind = Kind::Number(i32::MIN as i64, i32::MAX as i64);

/// Seconds that the kernel keeps as ticks, 100 or more of them, in a C `int`.
const TICKS: Kind = Kind::Number(i32::MIN as i64 / 100, i32::MAX as i64 / 100);

/// Every setting that this library knows, by name. The bounds are those of `vs_vars` and its
/// handlers in `net/netfilter/ipvs/ip_vs_ctl.c`, and were tried on Linux 6.1; the meanings are those
/// of `Documentation/networking/ipvs-sysctl.rst`. Where kernels differ, the widest bounds stand
/// here.
static TABLE: &[Row] = &[
    row("am_droprate", INT, 10, "", "with drop_packet=3: drop one packet in this many"),
    row("amemthresh", INT, 1024, "", "free memory, in pages, below which the defences 1 and 2 act"),
    row("backup_only", Kind::Switch, 0, "3.9", "do not balance while the backup sync daemon runs"),
    row(
        "cache_bypass",
        Kind::Switch,
        0,
        "",
        "without a cache server, send to the original address",
    ),
    Row {
        name: "conn_lfactor",
        kind: Kind::Number(-8, 8),
        // Another one in the first namespace than in others.
        default: None,
        since: Some("7.1"),
        description: "connections per bucket of the table, as a power of 2",
    },
    Row {
        name: "conn_max",
        kind: Kind::Number(0, 1 << 30),
        // That of the first namespace, or of the platform.
        default: None,
        since: Some("7.2"),
        description: "the most connections; no new one is made beyond",
    },
    row(
        "conn_reuse_mode",
        INT,
        1,
        "4.1",
        "a client's port reused: 0 same server, 1 reschedule when safe, 2 also in FIN_WAIT",
    ),
    row("conntrack", Kind::Switch, 0, "2.6.37", "keep netfilter's connection tracking entries"),
    row("debug_level", INT, 0, "", "kernel log: 0 errors only, up to 12 every packet"),
    row(
        "drop_entry",
        Kind::Defence,
        0,
        "",
        "drop half-open connections: 1 if memory is short, 3 always",
    ),
    row(
        "drop_packet",
        Kind::Defence,
        0,
        "",
        "drop packets at a rate: 1 if memory is short, 3 always",
    ),
    Row {
        name: "est_cpulist",
        kind: Kind::CpuList,
        default: None,
        since: Some("6.2"),
        description: "CPUs for the threads that estimate rates; empty stops them",
    },
    row(
        "est_nice",
        Kind::Number(-20, 19),
        0,
        "6.2",
        "nice value of the threads that estimate rates",
    ),
    row(
        "expire_nodest_conn",
        Kind::Switch,
        0,
        "",
        "end connections of a removed server at their next packet",
    ),
    row(
        "expire_quiescent_template",
        Kind::Switch,
        0,
        "",
        "persistence does not send new connections to a server of weight 0",
    ),
    row(
        "ignore_tunneled",
        Kind::Switch,
        0,
        "4.4",
        "do not balance packets of protocols it does not know",
    ),
    row(
        "lblc_expiration",
        TICKS,
        86_400,
        "",
        "lblc: seconds until an address without traffic is forgotten",
    ),
    row(
        "lblcr_expiration",
        TICKS,
        86_400,
        "",
        "lblcr: seconds until an address without traffic is forgotten",
    ),
    row(
        "nat_icmp_send",
        Kind::Switch,
        0,
        "",
        "masquerading: answer replies without a connection by ICMP",
    ),
    row(
        "pmtu_disc",
        Kind::Switch,
        1,
        "3.7",
        "reject packets above the path MTU that must not be fragmented",
    ),
    row("run_estimation", Kind::Switch, 1, "", "estimate rates"),
    row(
        "schedule_icmp",
        Kind::Switch,
        0,
        "4.4",
        "balance ICMP errors that belong to no connection",
    ),
    row("secure_tcp", Kind::Defence, 0, "", "stricter TCP states: 1 if memory is short, 3 always"),
    row("sloppy_sctp", Kind::Switch, 0, "3.11", "SCTP: make connections from any packet"),
    row(
        "sloppy_tcp",
        Kind::Switch,
        0,
        "3.11",
        "TCP: make connections from any packet, not only SYN",
    ),
    row(
        "snat_reroute",
        Kind::Switch,
        1,
        "2.6.37",
        "masquerading: route replies as the director's own",
    ),
    Row {
        name: "svc_lfactor",
        kind: Kind::Number(-8, 8),
        default: None,
        since: Some("7.1"),
        description: "services per bucket of the table, as a power of 2",
    },
    row("sync_persist_mode", INT, 0, "3.11", "sync: 1 sends only templates of persistent services"),
    row(
        "sync_ports",
        Kind::PowerOfTwo,
        1,
        "3.5",
        "sync: threads and UDP ports of a daemon, when it starts",
    ),
    Row {
        name: "sync_qlen_max",
        kind: Kind::Number(0, i64::MAX),
        // A 32nd of the memory, in pages.
        default: None,
        since: Some("3.5"),
        description: "sync: the most messages that wait to be sent",
    },
    row(
        "sync_refresh_period",
        TICKS,
        0,
        "3.5",
        "sync: seconds without a message while nothing changes",
    ),
    row("sync_retries", Kind::Number(0, 3), 0, "3.5", "sync: repeats in a refresh period"),
    row(
        "sync_sock_size",
        INT,
        0,
        "3.5",
        "sync: bytes of the socket's buffer; 0 the system's default",
    ),
    Row {
        name: "sync_threshold",
        kind: Kind::Threshold,
        default: Some(SettingValue::Pair(3, 50)),
        since: None,
        description: "sync: packets until a connection is sent, and period to repeat it",
    },
    row("sync_version", Kind::Number(0, 1), 1, "2.6.38", "sync: version of the protocol to send"),
];

/// The longest name of a file that a setting may have.
const LONGEST_NAME: usize = 255;

impl Setting {
    /// `conn_reuse_mode`: what becomes of a connection whose client uses its port again.
    pub const CONN_REUSE_MODE: Self = Setting("conn_reuse_mode");
    /// `expire_nodest_conn`: whether connections of a removed server end at their next packet.
    pub const EXPIRE_NODEST_CONN: Self = Setting("expire_nodest_conn");
    /// `expire_quiescent_template`: whether persistence ignores servers of weight 0.
    pub const EXPIRE_QUIESCENT_TEMPLATE: Self = Setting("expire_quiescent_template");

    /// Every setting that this library knows, by name. A kernel has only some of them.
    pub fn known() -> impl ExactSizeIterator<Item = Setting> {
        TABLE.iter().map(|row| Setting(row.name))
    }

    /// Its name.
    pub const fn name(self) -> &'static str {
        self.0
    }

    /// The value that the kernel begins with. `None` if the kernel derives it from the machine or the
    /// namespace, or this library does not know the setting.
    pub fn kernel_default(self) -> Option<SettingValue> {
        self.row().and_then(|row| row.default)
    }

    /// What it does, in a few words. `None` if this library does not know the setting.
    pub fn description(self) -> Option<&'static str> {
        self.row().map(|row| row.description)
    }

    /// The Linux version that brought it, if it is known and was not the first one.
    pub fn since(self) -> Option<&'static str> {
        self.row().and_then(|row| row.since)
    }

    /// The scheduler whose setting it is. The kernel has it only while that scheduler is loaded, as
    /// it is by the first service that uses it.
    pub fn scheduler(self) -> Option<&'static str> {
        match self.0 {
            "lblc_expiration" => Some("lblc"),
            "lblcr_expiration" => Some("lblcr"),
            _ => None,
        }
    }

    /// The values that it has, for messages: `a whole number from 0 to 3`.
    pub fn expects(self) -> String {
        match self.kind() {
            Kind::Switch => "0 (off) or 1 (on)".to_owned(),
            Kind::Number(least, i64::MAX) => format!("a whole number of {least} or more"),
            Kind::Number(least, most) => format!("a whole number from {least} to {most}"),
            Kind::PowerOfTwo => "a power of two: 1, 2, 4, ...".to_owned(),
            Kind::Defence => "0 (never), 1 (if memory is short) or 3 (always)".to_owned(),
            Kind::Threshold => {
                "two numbers, THRESHOLD,PERIOD: the threshold less than the period, or a period of 0"
                    .to_owned()
            }
            Kind::CpuList => "a list of the machine's CPUs, such as 0-3,8".to_owned(),
            Kind::Unknown => "whatever the kernel accepts".to_owned(),
        }
    }

    /// Reads a value as a rule or the kernel writes it: `1`, `3,50`, `0-3`.
    ///
    /// # Errors
    /// If the text is of another kind than the setting's values: letters in the place of a number,
    /// or one number in the place of two. Whether a number is in bounds is left to
    /// [`accepts`](Self::accepts) and to the kernel.
    pub fn value(self, text: &str) -> Result<SettingValue, ParseError> {
        let text = text.trim_ascii();
        let number = text.parse().ok();
        let pair = || {
            let (first, second) = text.split_once([',', ' ', '\t'])?;
            let read = |text: &str| text.trim_ascii().parse().ok();
            Some(SettingValue::Pair(read(first)?, read(second)?))
        };
        let value = match self.kind() {
            Kind::Switch | Kind::Number(..) | Kind::PowerOfTwo | Kind::Defence => {
                number.map(SettingValue::Number)
            }
            Kind::Threshold => pair(),
            Kind::CpuList => plain_text(text).map(SettingValue::Text),
            Kind::Unknown => number
                .map(SettingValue::Number)
                .or_else(pair)
                .or_else(|| plain_text(text).map(SettingValue::Text)),
        };
        value.ok_or_else(|| match self.kind() {
            Kind::Threshold => ParseError::new(text, "two numbers such as 3,50"),
            Kind::CpuList | Kind::Unknown => ParseError::new(text, "a list of CPUs such as 0-3,8"),
            _ => ParseError::new(text, "a whole number"),
        })
    }

    /// The value in text that the kernel wrote, of whatever kind it is.
    pub(crate) fn reported(self, text: &str) -> SettingValue {
        self.value(text).unwrap_or_else(|_| {
            let words: Vec<&str> = text.split_ascii_whitespace().collect();
            SettingValue::Text(keep(&words.join(",")))
        })
    }

    /// True if the value is of the setting's kind, whatever its bounds.
    pub(crate) fn accepts_kind(self, value: &SettingValue) -> bool {
        match (self.kind(), value) {
            (Kind::Unknown, _) => true,
            (Kind::Threshold, value) => matches!(value, SettingValue::Pair(..)),
            (Kind::CpuList, value) => matches!(value, SettingValue::Text(_)),
            (_, value) => matches!(value, SettingValue::Number(_)),
        }
    }

    /// True if some kernel accepts the value. Each kernel has bounds of its own, of which these
    /// are the widest.
    pub fn accepts(self, value: &SettingValue) -> bool {
        let number = match *value {
            SettingValue::Number(number) => number,
            SettingValue::Pair(threshold, period) => {
                let int = 0..=i64::from(i32::MAX);
                let ordered = period == 0 || threshold < period;
                return match self.kind() {
                    Kind::Threshold => int.contains(&threshold) && int.contains(&period) && ordered,
                    kind => kind == Kind::Unknown,
                };
            }
            SettingValue::Text(_) => {
                return matches!(self.kind(), Kind::CpuList | Kind::Unknown);
            }
        };
        match self.kind() {
            Kind::Switch => i32::try_from(number).is_ok(),
            Kind::Number(least, most) => (least..=most).contains(&number),
            Kind::PowerOfTwo => {
                i32::try_from(number).is_ok() && number.count_ones() == 1 && number > 0
            }
            Kind::Defence => (0..=3).contains(&number),
            Kind::Threshold | Kind::CpuList => false,
            Kind::Unknown => true,
        }
    }

    /// True if a kernel that reports `now` needs no change to have `wanted`: the values are equal,
    /// or are the two between which the kernel itself changes, or list the same CPUs.
    pub(crate) fn agrees(self, now: &SettingValue, wanted: &SettingValue) -> bool {
        let automatic = |value: &SettingValue| {
            self.kind() == Kind::Defence && matches!(value, SettingValue::Number(1 | 2))
        };
        let same_cpus = || match (now, wanted) {
            (SettingValue::Text(now), SettingValue::Text(wanted)) => {
                cpus(now).is_some_and(|now| cpus(wanted) == Some(now))
            }
            _ => false,
        };
        now == wanted || (automatic(now) && automatic(wanted)) || same_cpus()
    }

    /// The value that the kernel reports after this one was set, if memory is not short.
    pub(crate) fn after_setting(self, value: &SettingValue) -> SettingValue {
        match (self.kind(), value) {
            (Kind::Defence, SettingValue::Number(2)) => SettingValue::Number(1),
            _ => *value,
        }
    }

    fn kind(self) -> Kind {
        self.row().map_or(Kind::Unknown, |row| row.kind)
    }

    fn row(self) -> Option<&'static Row> {
        let index = TABLE.binary_search_by(|row| row.name.cmp(self.0)).ok()?;
        TABLE.get(index)
    }
}

impl FromStr for Setting {
    type Err = ParseError;

    /// The setting with this name, which a kernel may or may not have. Names have letters, digits,
    /// `_` and `-`.
    fn from_str(name: &str) -> Result<Self, ParseError> {
        if let Some(row) = TABLE.iter().find(|row| row.name == name) {
            return Ok(Setting(row.name));
        }
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
        if name.is_empty() || name.len() > LONGEST_NAME || !name.bytes().all(fits) {
            return Err(ParseError::new(name, "the name of a setting"));
        }
        Ok(Setting(keep(name)))
    }
}

impl fmt::Display for Setting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.0)
    }
}

impl fmt::Debug for Setting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.0, f)
    }
}

impl SettingValue {
    /// The value as it is written to the kernel's file.
    pub(crate) fn kernel_text(&self) -> String {
        match self {
            SettingValue::Pair(first, second) => format!("{first} {second}\n"),
            other => format!("{other}\n"),
        }
    }
}

impl From<i64> for SettingValue {
    fn from(number: i64) -> Self {
        SettingValue::Number(number)
    }
}

impl fmt::Display for SettingValue {
    /// As a rule has it: one word.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SettingValue::Number(number) => f.pad(&number.to_string()),
            SettingValue::Pair(first, second) => f.pad(&format!("{first},{second}")),
            SettingValue::Text(text) => f.pad(text),
        }
    }
}

/// Text that can stand in a rule as part of a word, kept.
fn plain_text(text: &str) -> Option<&'static str> {
    let fits = text.len() < 4096 && text.bytes().all(|byte| byte.is_ascii_graphic());
    fits.then(|| keep(text))
}

/// The same text, until the program ends. Each text is kept once.
fn keep(text: &str) -> &'static str {
    static KEPT: Mutex<BTreeSet<&'static str>> = Mutex::new(BTreeSet::new());
    let mut kept = KEPT.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(same) = kept.get(text) {
        return same;
    }
    let text: &'static str = Box::leak(text.into());
    kept.insert(text);
    text
}

/// The ranges of a list of CPUs, sorted and joined. `None` for what only the kernel understands,
/// such as `all`.
fn cpus(text: &str) -> Option<Vec<(u32, u32)>> {
    let mut ranges: Vec<(u32, u32)> = Vec::new();
    for part in text.split(',').filter(|part| !part.is_empty()) {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        ranges.push((first.parse().ok()?, last.parse().ok()?));
    }
    ranges.sort_unstable();
    let mut joined: Vec<(u32, u32)> = Vec::new();
    for (first, last) in ranges {
        match joined.last_mut() {
            Some((_, end)) if first <= end.saturating_add(1) => *end = last.max(*end),
            _ => joined.push((first, last)),
        }
    }
    Some(joined)
}

#[cfg(test)]
mod tests;
