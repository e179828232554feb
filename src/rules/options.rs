//! The rows of the option table, and how to find them.

use super::table::LETTERS;
pub use super::table::{OPTIONS, OptionId};
use crate::{Protocol, ServiceKey};

/// The kinds of value that options take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ValueKind {
    /// No value.
    None,
    /// A value, attached to the option or as the next word, whatever that begins with.
    Required,
    /// An optional value: attached to the option, or the next word unless that begins with `-`.
    Optional,
    /// This many words that belong to no option, anywhere on the line.
    Words(usize),
    /// Any number of words, anywhere on the line: those that belong to no option.
    AnyWords,
}

/// The options that an option excludes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Repeat {
    /// Itself.
    Never,
    /// Every option that chooses the virtual service.
    OneService,
    /// Every option that chooses the forwarding method.
    OneForwarding,
    /// None: it may be repeated.
    Freely,
}

/// The heading under which help lists an option.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Group {
    /// The commands.
    Command,
    /// Options that choose a virtual service.
    Service,
    /// Settings of a virtual service.
    ServiceSetup,
    /// Options that choose a real server, and its settings.
    Server,
    /// Settings of a tunnel to a real server.
    Tunnel,
    /// Options of listings.
    Listing,
    /// Options of commands that operate a balancer.
    Operation,
    /// Options of the doctor.
    Doctor,
    /// Options of the live view.
    Top,
    /// Options that say how to carry out a command; ipvsadm 1.31 has none of them.
    Program,
    /// Settings of a sync daemon.
    Daemon,
}

impl Group {
    /// Each group, in the order in which help shows them.
    pub const ALL: &[Group] = &[
        Group::Command,
        Group::Service,
        Group::ServiceSetup,
        Group::Server,
        Group::Tunnel,
        Group::Listing,
        Group::Operation,
        Group::Doctor,
        Group::Top,
        Group::Program,
        Group::Daemon,
    ];

    /// The heading.
    pub const fn title(self) -> &'static str {
        match self {
            Group::Command => "Commands (give one, before its options)",
            Group::Service => "Virtual service (one)",
            Group::ServiceSetup => "Settings of a virtual service (-A, -E)",
            Group::Server => {
                "Real server (all with -a, -e and --ramp; other commands take -r only)"
            }
            Group::Tunnel => "Tunnel to a real server (-a, -e, --ramp with -i)",
            Group::Listing => "Output (-L takes all of these, other commands some)",
            Group::Operation => "Operation (--drain, --undrain, --kick, --ramp, --monitor)",
            Group::Doctor => "Doctor (--doctor)",
            Group::Top => "Live view (--top)",
            Group::Program => "Execution (these may also precede the command)",
            Group::Daemon => "Sync daemon (--start-daemon; --stop-daemon takes --syncid only)",
        }
    }
}

/// A set of commands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CommandSet(u32);

impl CommandSet {
    /// No command.
    pub const NONE: Self = Self(0);
    /// Every command, including those to come.
    pub const ALL: Self = Self(u32::MAX);

    /// These commands. Every command is among the first 32 rows of [`OPTIONS`], so a set of them
    /// fits one number.
    pub(super) const fn of(commands: &[OptionId]) -> Self {
        let mut bits = 0;
        let mut i = 0;
        while i < commands.len() {
            bits |= 1 << commands[i] as u32;
            i += 1;
        }
        Self(bits)
    }

    /// The commands of both.
    pub(super) const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// True if the set has `command`.
    pub const fn contains(self, command: OptionId) -> bool {
        (command as u32) < 32 && self.0 & 1 << command as u32 != 0
    }
}

/// One row of the option table.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct OptionSpec {
    /// The option.
    pub id: OptionId,
    /// Its long form, without the dashes.
    pub long: &'static str,
    /// Its short form.
    pub short: Option<char>,
    /// A second short form.
    pub short_alias: Option<char>,
    /// Its value.
    pub value: ValueKind,
    /// The commands with which it has one. With others it is a flag.
    pub valued: CommandSet,
    /// The value's name in help.
    pub value_name: &'static str,
    /// The options that it excludes.
    pub repeat: Repeat,
    /// The commands that take it. None for a command itself, which is [`Group::Command`].
    pub commands: CommandSet,
    /// Its heading in help.
    pub group: Group,
    /// Its text in help.
    pub help: &'static str,
}

/// Builds rows: a chain names what differs from a plain option.
impl OptionSpec {
    pub(super) const fn new(group: Group, long: &'static str, help: &'static str) -> Self {
        OptionSpec {
            id: OptionId::Help,
            long,
            short: None,
            short_alias: None,
            value: ValueKind::None,
            valued: CommandSet::ALL,
            value_name: "",
            repeat: Repeat::Never,
            commands: CommandSet::NONE,
            group,
            help,
        }
    }

    pub(super) const fn short(self, short: char) -> Self {
        OptionSpec { short: Some(short), ..self }
    }

    pub(super) const fn alias(self, short: char) -> Self {
        OptionSpec { short_alias: Some(short), ..self }
    }

    pub(super) const fn value(self, name: &'static str) -> Self {
        OptionSpec { value: ValueKind::Required, value_name: name, ..self }
    }

    pub(super) const fn optional(self, name: &'static str) -> Self {
        OptionSpec { value: ValueKind::Optional, value_name: name, ..self }
    }

    pub(super) const fn value_with(self, valued: CommandSet) -> Self {
        OptionSpec { valued, ..self }
    }

    pub(super) const fn words(self, count: usize, names: &'static str) -> Self {
        OptionSpec { value: ValueKind::Words(count), value_name: names, ..self }
    }

    pub(super) const fn any_words(self, name: &'static str) -> Self {
        OptionSpec { value: ValueKind::AnyWords, value_name: name, ..self }
    }

    pub(super) const fn repeat(self, repeat: Repeat) -> Self {
        OptionSpec { repeat, ..self }
    }

    pub(super) const fn with(self, commands: CommandSet) -> Self {
        OptionSpec { commands, ..self }
    }

    /// True for a command.
    pub const fn is_command(&self) -> bool {
        matches!(self.group, Group::Command)
    }

    /// The kind of value with this command.
    pub fn value_with_command(&self, command: Option<OptionId>) -> ValueKind {
        match command {
            _ if self.valued == CommandSet::ALL => self.value,
            Some(command) if self.valued.contains(command) => self.value,
            _ => ValueKind::None,
        }
    }

    pub(super) const fn row(self, id: OptionId) -> Self {
        OptionSpec { id, ..self }
    }
}

impl OptionId {
    /// The option's row.
    pub const fn spec(self) -> &'static OptionSpec {
        &OPTIONS[self as usize]
    }

    /// The option that names a service of this kind. `None` for a protocol that has none.
    pub const fn of_service(key: &ServiceKey) -> Option<Self> {
        match key {
            ServiceKey::Address { protocol: Protocol::Tcp, .. } => Some(Self::TcpService),
            ServiceKey::Address { protocol: Protocol::Udp, .. } => Some(Self::UdpService),
            ServiceKey::Address { protocol: Protocol::Sctp, .. } => Some(Self::SctpService),
            ServiceKey::Address { .. } => None,
            ServiceKey::FirewallMark { .. } => Some(Self::FwmarkService),
        }
    }

    /// The option's long form, without the dashes.
    pub const fn long(self) -> &'static str {
        self.spec().long
    }

    /// True for a command.
    pub const fn is_command(self) -> bool {
        self.spec().is_command()
    }

    /// The option with this long form, written without the dashes.
    pub fn by_long(name: &[u8]) -> Option<Self> {
        OPTIONS.iter().find(|row| row.long.as_bytes() == name).map(|row| row.id)
    }

    /// The option with this letter as its short form.
    pub const fn by_short(letter: u8) -> Option<Self> {
        if letter < 128 { LETTERS[letter as usize] } else { None }
    }
}

/// `--weight`, as messages spell it.
impl std::fmt::Display for OptionId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "--{}", self.long())
    }
}

/// Builds the table from letters to options.
pub(super) const fn letters(rows: &[OptionSpec]) -> [Option<OptionId>; 128] {
    let mut letters = [None; 128];
    let mut i = 0;
    while i < rows.len() {
        // A row out of place or a duplicate letter fails the build.
        assert!(rows[i].id as usize == i);
        assert!(!matches!(rows[i].group, Group::Command) || i < 32);
        let shorts = [rows[i].short, rows[i].short_alias];
        let mut j = 0;
        while j < shorts.len() {
            if let Some(letter) = shorts[j] {
                assert!(letters[letter as usize].is_none());
                letters[letter as usize] = Some(rows[i].id);
            }
            j += 1;
        }
        i += 1;
    }
    letters
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_option_is_found_by_each_of_its_names() {
        for row in OPTIONS {
            assert_eq!(OptionId::by_long(row.long.as_bytes()), Some(row.id));
            for letter in row.short.into_iter().chain(row.short_alias) {
                assert_eq!(OptionId::by_short(letter as u8), Some(row.id));
            }
        }
        assert_eq!(OptionId::by_long(b"lis"), None);
        assert_eq!(OptionId::by_long(b""), None);
        assert_eq!(OptionId::by_short(b'q'), None);
        assert_eq!(OptionId::by_short(0xff), None);
    }

    #[test]
    fn texts_are_short_phrases() {
        for row in OPTIONS {
            assert!(row.help.len() <= 130 && !row.help.ends_with('.'), "{}", row.id);
        }
    }

    #[test]
    fn no_two_options_share_a_long_name() {
        let mut names: Vec<_> = OPTIONS.iter().map(|row| row.long).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), OPTIONS.len());
    }

    #[test]
    fn every_option_belongs_to_a_command() {
        for row in OPTIONS {
            assert_eq!(row.id.is_command(), row.commands == CommandSet::NONE, "{}", row.id);
        }
    }
}
