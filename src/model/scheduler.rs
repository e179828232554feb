//! The schedulers of the kernel and their flags. This is the one place that lists them.

use super::Name;

/// A scheduler that the mainline kernel ships, for help texts and completions.
///
/// The kernel loads schedulers as modules, and others may exist: any [`Name`] may be asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KnownScheduler {
    /// The name that the kernel knows it by (`ip_vs_<name>` is its module).
    pub name: &'static str,
    /// What it does, in a few words.
    pub summary: &'static str,
}

/// The schedulers of the mainline kernel (`net/netfilter/ipvs/ip_vs_*.c`), the usual ones first.
pub const SCHEDULERS: &[KnownScheduler] = &[
    KnownScheduler { name: "rr", summary: "round robin" },
    KnownScheduler { name: "wrr", summary: "weighted round robin" },
    KnownScheduler { name: "lc", summary: "least connections" },
    KnownScheduler { name: "wlc", summary: "weighted least connections (the default)" },
    KnownScheduler { name: "lblc", summary: "locality-based least connections" },
    KnownScheduler { name: "lblcr", summary: "locality-based least connections with replication" },
    KnownScheduler { name: "dh", summary: "destination hashing" },
    KnownScheduler { name: "sh", summary: "source hashing" },
    KnownScheduler { name: "sed", summary: "shortest expected delay" },
    KnownScheduler { name: "nq", summary: "never queue" },
    KnownScheduler { name: "fo", summary: "weighted failover" },
    KnownScheduler { name: "ovf", summary: "weighted overflow" },
    KnownScheduler { name: "mh", summary: "Maglev hashing" },
    KnownScheduler { name: "twos", summary: "power of two random choices" },
];

/// The scheduler that `ipvsadm` uses when none is named.
pub(crate) const DEFAULT_SCHEDULER: Name = Name::from_static("wlc");

/// The flags that a service hands to its scheduler: three bits, whose meaning is the scheduler's.
///
/// `sh` and `mh` name two of them; for every other scheduler they are just `flag-1` to `flag-3`.
///
/// ```
/// use ipvs::SchedulerFlags;
/// let flags = SchedulerFlags::FLAG_1 | SchedulerFlags::FLAG_2;
/// assert_eq!(flags.names("sh").collect::<Vec<_>>(), ["sh-fallback", "sh-port"]);
/// assert_eq!(flags.names("wlc").collect::<Vec<_>>(), ["flag-1", "flag-2"]);
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SchedulerFlags(u8);

/// What each scheduler calls its flags: scheduler, name, flag.
const NAMED_FLAGS: &[(&str, &str, SchedulerFlags)] = &[
    ("sh", "sh-fallback", SchedulerFlags::FLAG_1),
    ("sh", "sh-port", SchedulerFlags::FLAG_2),
    ("mh", "mh-fallback", SchedulerFlags::FLAG_1),
    ("mh", "mh-port", SchedulerFlags::FLAG_2),
];

/// What a flag is called where the scheduler has no name for it.
const PLAIN_FLAGS: &[(&str, SchedulerFlags)] = &[
    ("flag-1", SchedulerFlags::FLAG_1),
    ("flag-2", SchedulerFlags::FLAG_2),
    ("flag-3", SchedulerFlags::FLAG_3),
];

impl SchedulerFlags {
    /// No flag.
    pub const NONE: Self = Self(0);
    /// The first flag (`IP_VS_SVC_F_SCHED1`): `sh-fallback` or `mh-fallback`.
    pub const FLAG_1: Self = Self(1);
    /// The second flag (`IP_VS_SVC_F_SCHED2`): `sh-port` or `mh-port`.
    pub const FLAG_2: Self = Self(2);
    /// The third flag (`IP_VS_SVC_F_SCHED3`), which no scheduler of the mainline kernel uses.
    pub const FLAG_3: Self = Self(4);

    /// The three flags as the bits 0 to 2; further bits are dropped.
    pub const fn from_bits_truncate(bits: u8) -> Self {
        Self(bits & 0b111)
    }

    /// The three flags as the bits 0 to 2.
    pub const fn bits(self) -> u8 {
        self.0
    }

    /// Whether no flag is set.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Whether all flags of `other` are set.
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// The names of the flags that are set, as `scheduler` calls them, in the order of their bits.
    /// A scheduler that names its flags has no name for the others.
    pub fn names(self, scheduler: &str) -> impl Iterator<Item = &'static str> + use<'_> {
        let names_them = NAMED_FLAGS.iter().any(|(of, ..)| *of == scheduler);
        let named = NAMED_FLAGS
            .iter()
            .filter(move |(of, ..)| *of == scheduler)
            .map(|(_, name, flag)| (*name, *flag));
        let plain = PLAIN_FLAGS.iter().filter(move |_| !names_them).copied();
        named.chain(plain).filter(move |(_, flag)| self.contains(*flag)).map(|(name, _)| name)
    }

    /// As [`names`](Self::names), but a flag without a name of its own is `flag-1` to `flag-3`, as
    /// rules may call any.
    pub fn names_in_rules(self, scheduler: &str) -> impl Iterator<Item = &'static str> + use<'_> {
        PLAIN_FLAGS
            .iter()
            .filter(move |(_, flag)| self.contains(*flag))
            .map(move |&(plain, flag)| flag.names(scheduler).next().unwrap_or(plain))
    }

    /// The flag called `name` and the scheduler that it belongs to; no scheduler for `flag-1` to
    /// `flag-3`, which fit any. `None` for a name that no scheduler has.
    pub fn by_name(name: &str) -> Option<(Option<&'static str>, Self)> {
        let plain = PLAIN_FLAGS.iter().find(|(plain, _)| *plain == name);
        let named = NAMED_FLAGS.iter().find(|(_, named, _)| *named == name);
        plain
            .map(|(_, flag)| (None, *flag))
            .or_else(|| named.map(|(of, _, flag)| (Some(*of), *flag)))
    }
}

impl std::ops::BitOr for SchedulerFlags {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl std::ops::BitOrAssign for SchedulerFlags {
    fn bitor_assign(&mut self, other: Self) {
        self.0 |= other.0;
    }
}
