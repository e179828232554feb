//! What can be wrong with a command line or a rule line.

use std::borrow::Cow;
use std::fmt;

use super::command::Format;
use super::options::{CommandSet, OPTIONS, OptionId};
use super::scanner::SyntaxError;
use crate::{ConfigError, Setting};

/// Why words are not a command. The text names the option, says what is wrong with it, and what to
/// write instead.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UsageError {
    /// There is no option, or none that is a command.
    #[error("no command: the first option must be one, as in `ipvsadm -L`; -h lists them all")]
    NoCommand,
    /// An option that belongs to a command comes before any command.
    #[error("{}", before_command(*.0))]
    BeforeCommand(OptionId),
    /// In the place of the command stands something malformed.
    #[error("{0}")]
    BadCommand(Box<UsageError>),
    /// There is no such option.
    #[error("{0}: unknown option{hint}", hint = suggestion(.0))]
    UnknownOption(String),
    /// An option that needs a value comes last.
    #[error("{0}: its value is missing: {0} {name}", name = .0.spec().value_name)]
    MissingValue(OptionId),
    /// A value is attached to an option that takes none.
    #[error("{1}: {0} takes no value")]
    UnwantedValue(OptionId, String),
    /// A command that reads rules stands in a rule.
    #[error("{0}: not valid in a rule")]
    Nested(OptionId),
    /// An option that says how to carry a command out stands in a rule.
    #[error("{0}: not valid in a rule, only on the command line")]
    NotInRules(OptionId),
    /// The interface is an empty name. These are the kernel's words, as ipvsadm 1.31 asks it.
    #[error("No such device")]
    NoInterface,
    /// A command after the command.
    #[error("{second}: only one command at a time, and {first} is one")]
    SecondCommand {
        /// The command that came first.
        first: OptionId,
        /// The one that came later.
        second: OptionId,
    },
    /// An option that was given before, or that excludes one that was.
    #[error("{second}: {}", if .first == .second {
        "given twice".to_owned()
    } else {
        format!("not valid with {first}: only one of them at a time")
    })]
    Repeated {
        /// The option that came first.
        first: OptionId,
        /// The one that came later.
        second: OptionId,
    },
    /// A word that belongs to no option.
    #[error("unexpected argument {0}")]
    UnexpectedWord(String),
    /// An option that the command does not take.
    #[error("{option}: not an option of {command}")]
    NotForCommand {
        /// The option.
        option: OptionId,
        /// The command.
        command: OptionId,
    },
    /// A command that names no virtual service.
    #[error("{0}: needs a virtual service: -t, -u or --sctp-service ADDRESS, or -f MARK")]
    MissingService(OptionId),
    /// A command that names no real server.
    #[error("{0}: needs a real server: -r ADDRESS")]
    MissingServer(OptionId),
    /// `--set` with fewer than three values.
    #[error("{option}: needs three values: {option} TCP TCPFIN UDP", option = OptionId::Set)]
    MissingTimeouts,
    /// Several settings in a rule, of which each can be refused by itself.
    #[error("{option}: one NAME=VALUE in a rule, not several", option = OptionId::Settings)]
    SeveralSettings,
    /// A setting that is given twice.
    #[error("{option}: {0} is given twice", option = OptionId::Settings)]
    SettingTwice(Setting),
    /// An option of listing the settings where some are set.
    #[error("{0}: only where {option} lists them all, without NAME=VALUE",
        option = OptionId::Settings)]
    OnlyListsSettings(OptionId),
    /// An option of setting settings where none is set.
    #[error("{0}: only where {option} sets something: {option} NAME=VALUE",
        option = OptionId::Settings)]
    OnlySetsSettings(OptionId),
    /// Two options that exclude each other.
    #[error("{second}: not valid with {first}")]
    Conflict {
        /// The one.
        first: OptionId,
        /// The other.
        second: OptionId,
    },
    /// An option without the one that it depends on.
    #[error("{option}: only valid with {needs}")]
    Requires {
        /// The option.
        option: OptionId,
        /// The option that is missing.
        needs: OptionId,
    },
    /// A format that a command or listing does not have.
    #[error("{option}: {subject} has no format {format}, only classic and json",
        option = OptionId::Format)]
    NoSuchFormat {
        /// The command or the listing.
        subject: OptionId,
        /// The format.
        format: Format,
    },
    /// A configuration that makes no sense.
    #[error("{option}: {}", in_options(.reason, .meant.as_deref()))]
    Config {
        /// The option that is to blame.
        option: OptionId,
        /// What is wrong.
        reason: ConfigError,
        /// The address that was probably meant, if the one given looks mistyped.
        meant: Option<String>,
    },
    /// A value that an option does not take.
    #[error("{option}: {}", .error.of(.value))]
    Value {
        /// The option.
        option: OptionId,
        /// The value as written, with anything but UTF-8 replaced.
        value: String,
        /// What is wrong with it.
        error: ValueError,
    },
}

/// Why an option does not take a value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ValueError {
    /// Not a decimal number.
    #[error("not a number from {least} to {most}")]
    NotANumber {
        /// The least number allowed.
        least: u32,
        /// The greatest number allowed.
        most: u32,
    },
    /// A number that is too small or too great.
    #[error("out of range: {least} to {most}")]
    OutOfRange {
        /// The least number allowed.
        least: u32,
        /// The greatest number allowed.
        most: u32,
    },
    /// A number in the place of an address.
    #[error("a port without an address")]
    PortAlone,
    /// Several ports, or a range.
    #[error(
        "a service has one port, or all of them (port 0, with -p); for several ports, mark \
        their packets and use a firewall mark (-f)"
    )]
    SeveralPorts,
    /// Not an address with or without a port.
    #[error("not an address: 192.0.2.1, 192.0.2.1:80, [2001:db8::1]:80, 2001:db8::1 or host:port")]
    NotAnAddress,
    /// A name, and why it could not be looked up.
    #[error("{0}: {1}")]
    Unresolved(String, String),
    /// Not an IPv4 mask.
    #[error("not an IPv4 mask such as 255.255.255.0")]
    NotAMask,
    /// Not an IPv6 prefix length.
    #[error("not an IPv6 prefix length: 1 to 128")]
    NotAPrefixLength,
    /// A scheduler flag, and what is wrong with it.
    #[error("{0}: {1}")]
    Flag(String, ConfigError),
    /// Not the role of a sync daemon.
    #[error("neither master nor backup")]
    NotARole,
    /// Not a multicast address.
    #[error("not a multicast address such as 224.0.0.81 or ff02::81")]
    NotMulticast,
    /// Not the name of a format.
    #[error("not a format: classic, table, json or prometheus")]
    NotAFormat,
    /// Not a network namespace.
    #[error("not a network namespace: give its name, its path or a process in it")]
    NotANamespace,
    /// Not the assignment of a value to a setting.
    #[error("not NAME=VALUE, as in conn_reuse_mode=1")]
    NotAnAssignment,
    /// Not the kind of value that a setting has.
    #[error("{0} is {values}", values = .0.expects())]
    NotASettingsValue(Setting),
    /// Not a type of tunnel.
    #[error("not a type of tunnel: ipip, gue or gre")]
    NotATunnel,
}

impl ValueError {
    /// The error, with the value that has it.
    fn of(&self, value: &str) -> String {
        match self {
            // These name the part of the value that they are about.
            ValueError::Unresolved(..) | ValueError::Flag(..) => self.to_string(),
            ValueError::OutOfRange { .. } => format!("{value} is {self}"),
            ValueError::NotASettingsValue(_) => format!("{value}: {self}"),
            ValueError::SeveralPorts => format!("`{value}`: {self}"),
            _ => format!("`{value}` is {self}"),
        }
    }
}

impl UsageError {
    /// The exit status of a program that was used so: 255 for an unknown option or no command, 2
    /// for anything else.
    pub fn exit_status(&self) -> u8 {
        match self {
            UsageError::NoCommand
            | UsageError::BeforeCommand(_)
            | UsageError::BadCommand(_)
            | UsageError::UnknownOption(_)
            | UsageError::MissingValue(_)
            | UsageError::UnwantedValue(..)
            | UsageError::Nested(_)
            | UsageError::NoInterface => 255,
            _ => 2,
        }
    }

    /// Whether `ipvsadm -R` ends at a line with this error. Otherwise the line does nothing and the
    /// next one is read, as after a line that the kernel refuses.
    pub fn stops_restore(&self) -> bool {
        !matches!(
            self,
            UsageError::UnknownOption(_)
                | UsageError::MissingValue(_)
                | UsageError::UnwantedValue(..)
                | UsageError::NoInterface
        )
    }
}

impl From<SyntaxError<'_>> for UsageError {
    fn from(error: SyntaxError<'_>) -> Self {
        let text = |word| String::from_utf8_lossy(word).into_owned();
        match error {
            SyntaxError::UnknownOption { word } => UsageError::UnknownOption(text(word)),
            SyntaxError::MissingValue { option } => UsageError::MissingValue(option),
            SyntaxError::UnwantedValue { option, word } => {
                UsageError::UnwantedValue(option, text(word))
            }
        }
    }
}

/// A reason in terms of options.
fn in_options(reason: &ConfigError, meant: Option<&str>) -> Cow<'static, str> {
    let meant = meant.map(|meant| format!("; did you mean {meant}?")).unwrap_or_default();
    match reason {
        ConfigError::AllPorts => format!("{reason}: give a port, or -p{meant}").into(),
        ConfigError::DestinationFamily { service } => {
            format!("must be an {service} address, as the service has, unless -i makes it a tunnel")
                .into()
        }
        ConfigError::TunnelPortMissing => {
            format!("gue needs a port: {} PORT", OptionId::TunPort).into()
        }
        ConfigError::TunnelPort(kind)
        | ConfigError::TunnelChecksum(kind)
        | ConfigError::TunnelRemoteChecksum(kind) => {
            format!("not valid with {} {kind}", OptionId::TunType).into()
        }
        other => other.to_string().into(),
    }
}

/// The commands that an option before any command belongs to, and an example.
fn before_command(option: OptionId) -> String {
    let commands = option.spec().commands;
    let example =
        |command: &str| format!("the command must come first, as in `ipvsadm {command} {option}`");
    if commands == CommandSet::ALL {
        return format!("{option}: {}", example("-L"));
    }
    let names: Vec<String> = OPTIONS
        .iter()
        .filter(|row| commands.contains(row.id))
        .map(|row| row.short.map_or(format!("--{}", row.long), |letter| format!("-{letter}")))
        .collect();
    let (list, first) = match names.as_slice() {
        [] => return UsageError::NoCommand.to_string(),
        [only] => (only.clone(), only),
        [first, .., last] => {
            let list = names[..names.len() - 1].join(", ");
            let listed = if list.contains("-L") || *last == "-L" { "-L" } else { first };
            return format!("{option}: an option of {list} and {last}; {}", example(listed));
        }
    };
    format!("{option}: an option of {list}; {}", example(first))
}

/// `; did you mean --stats?` for a misspelt long option; otherwise nothing.
fn suggestion(word: &str) -> String {
    match likely_option(word) {
        Some(option) => format!("; did you mean {option}?"),
        None => String::new(),
    }
}

fn likely_option(word: &str) -> Option<OptionId> {
    let typed = word.trim_start_matches('-').split('=').next().filter(|typed| typed.len() > 2)?;
    let named = |long: &str| OPTIONS.iter().find(|row| row.long == long).map(|row| row.id);
    // A single dash before a long option is a slip of its own.
    if !word.starts_with("--") {
        return named(typed);
    }
    let mut begun = OPTIONS.iter().filter(|row| row.long.starts_with(typed));
    if let (Some(only), None) = (begun.next(), begun.next()) {
        return Some(only.id);
    }
    likely(typed, OPTIONS.iter().map(|row| row.long)).and_then(named)
}

/// The word that was probably meant: the one that differs in the fewest letters, if only a few do.
pub fn likely<'a>(typed: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let (distance, nearest) =
        known.map(|known| (strsim::osa_distance(typed, known), known)).min()?;
    (distance <= (nearest.len() / 3).max(1)).then_some(nearest)
}

impl fmt::Display for Format {
    /// The name that `--format` takes.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = Format::ALL.iter().find(|(_, format)| format == self).map(|(name, _)| *name);
        f.pad(name.unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn misspelt_options_are_recognized() {
        for (word, want) in [
            ("--stat", Some(OptionId::Stats)),
            ("--sats", Some(OptionId::Stats)),
            ("--wieght=5", Some(OptionId::Weight)),
            ("--num", Some(OptionId::Numeric)),
            ("--ad-service", Some(OptionId::AddService)),
            ("-json", Some(OptionId::Json)),
            ("--persistant", Some(OptionId::Persistent)),
            // More than one begins so, and none is near.
            ("--mcast", None),
            ("--zzz", None),
            ("-z", None),
            ("--", None),
            ("-Lz", None),
        ] {
            assert_eq!(likely_option(word), want, "{word}");
        }
    }

    #[test]
    fn options_before_a_command_name_theirs() {
        for (option, want) in [
            (
                OptionId::Stats,
                "--stats: an option of -L; the command must come first, as in `ipvsadm -L --stats`",
            ),
            (
                OptionId::Numeric,
                "--numeric: an option of -S and -L; the command must come first, as in `ipvsadm \
                 -L --numeric`",
            ),
            (OptionId::Sort, "--sort: the command must come first, as in `ipvsadm -L --sort`"),
            (
                OptionId::Weight,
                "--weight: an option of -a and -e; the command must come first, as in `ipvsadm -a \
                 --weight`",
            ),
        ] {
            assert_eq!(UsageError::BeforeCommand(option).to_string(), want);
        }
    }
}
