//! Flags for schedulers, and the default scheduler.

use super::Name;

/// The scheduler that `ipvsadm` uses when none is named.
pub(crate) const DEFAULT_SCHEDULER: Name = Name::from_static("wlc");

/// Flags that a service passes to its scheduler: three bits, whose meaning is up to the scheduler.
///
/// The schedulers `sh` and `mh` have names for two of them. For every other scheduler they are
/// called `flag-1` to `flag-3`.
///
/// ```
/// use ipvs::SchedulerFlags;
/// let flags = SchedulerFlags::FLAG_1 | SchedulerFlags::FLAG_2;
/// assert_eq!(flags.names("sh").collect::<Vec<_>>(), ["sh-fallback", "sh-port"]);
/// assert_eq!(flags.names("wlc").collect::<Vec<_>>(), ["flag-1", "flag-2"]);
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SchedulerFlags(u8);

/// The flags that have a name of their own: scheduler, name, flag.
const NAMED_FLAGS: &[(&str, &str, SchedulerFlags)] = &[
    ("sh", "sh-fallback", SchedulerFlags::FLAG_1),
    ("sh", "sh-port", SchedulerFlags::FLAG_2),
    ("mh", "mh-fallback", SchedulerFlags::FLAG_1),
    ("mh", "mh-port", SchedulerFlags::FLAG_2),
];

/// The names of the flags for all other schedulers.
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

    /// The flags in bits 0 to 2 of `bits`, lowest first. The other bits are ignored.
    pub const fn from_bits_truncate(bits: u8) -> Self {
        Self(bits & 0b111)
    }

    /// The flags as bits 0 to 2, lowest first.
    pub const fn bits(self) -> u8 {
        self.0
    }

    /// True if no flag is set.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// True if every flag of `other` is set.
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// The names that `scheduler` has for the flags that are set, lowest bit first. A flag that
    /// `sh` or `mh` has no name for is left out.
    pub fn names(self, scheduler: &str) -> impl Iterator<Item = &'static str> + use<'_> {
        let names_them = NAMED_FLAGS.iter().any(|(of, ..)| *of == scheduler);
        let named = NAMED_FLAGS
            .iter()
            .filter(move |(of, ..)| *of == scheduler)
            .map(|(_, name, flag)| (*name, *flag));
        let plain = PLAIN_FLAGS.iter().filter(move |_| !names_them).copied();
        named.chain(plain).filter(move |(_, flag)| self.contains(*flag)).map(|(name, _)| name)
    }

    /// As [`names`](Self::names), but a flag that `sh` or `mh` has no name for is called `flag-1`
    /// to `flag-3`, which rules may call any flag.
    pub fn names_in_rules(self, scheduler: &str) -> impl Iterator<Item = &'static str> + use<'_> {
        PLAIN_FLAGS
            .iter()
            .filter(move |(_, flag)| self.contains(*flag))
            .map(move |&(plain, flag)| flag.names(scheduler).next().unwrap_or(plain))
    }

    /// The flag called `name`, and the scheduler that calls it so: `None` for `flag-1` to
    /// `flag-3`, which any scheduler takes. `None` as a whole if no scheduler has this name.
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
