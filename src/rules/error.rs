//! What is wrong with a command line or a rule line.

use super::options::OptionId;
use super::scanner::SyntaxError;

/// Why words are no command. The text says which option is meant, what is wrong with it, and what
/// would be right.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UsageError {
    /// The first option is not a command, or there are words and no option at all.
    #[error("no command: the first option must be one, as in `ipvsadm -L`; -h shows them all")]
    NoCommand,
    /// There is no such option.
    #[error("{0}: unknown option")]
    UnknownOption(String),
    /// An option that needs a value comes last.
    #[error("{0}: its value is missing: {0} {name}", name = .0.spec().value_name)]
    MissingValue(OptionId),
    /// A value was glued to an option that takes none.
    #[error("{1}: {0} takes no value")]
    UnwantedValue(OptionId, String),
    /// Reading rules cannot be asked for in rules.
    #[error("{0}: rules cannot ask for other rules")]
    Nested(OptionId),
    /// An option that says how to carry a command out cannot stand in a rule.
    #[error("{0}: not in rules, only on the command line")]
    NotInRules(OptionId),
    /// No interface is named where one must be. The kernel's own words, as the reference asks it.
    #[error("No such device")]
    NoInterface,
    /// A command after the command.
    #[error("{second}: there is a command already, {first}; give one at a time")]
    SecondCommand {
        /// The command that came first.
        first: OptionId,
        /// The one that came later.
        second: OptionId,
    },
    /// An option that was given already, or excludes one that was.
    #[error("{second}: {}", if .first == .second {
        "given twice".to_owned()
    } else {
        format!("{first} was given already, and only one of the two can be")
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
    /// Two options of which only one makes sense.
    #[error("{second}: cannot go with {first}")]
    Conflict {
        /// The one.
        first: OptionId,
        /// The other.
        second: OptionId,
    },
    /// An option that needs another beside it.
    #[error("{option}: goes with {needs} only")]
    GoesOnlyWith {
        /// The option.
        option: OptionId,
        /// What it needs.
        needs: OptionId,
    },
    /// An option that the type of the tunnel does not have.
    #[error("{option}: a tunnel of type {tunnel} has none")]
    NotForTunnel {
        /// The option.
        option: OptionId,
        /// The type of the tunnel.
        tunnel: &'static str,
    },
    /// A GUE tunnel without its port.
    #[error("{kind} gue: needs {port} PORT", kind = OptionId::TunType, port = OptionId::TunPort)]
    MissingTunnelPort,
    /// All ports of an address, without persistence.
    #[error("{0}: a service for all ports must be persistent: give a port, or -p")]
    ZeroPort(OptionId),
    /// One-packet scheduling of something that is not UDP.
    #[error("{option}: only for UDP and firewall marks", option = OptionId::Ops)]
    OnePacket,
    /// Service and real server of different families without a tunnel.
    #[error(
        "{option}: the real server must have an {0} address, as its service has, unless -i \
         makes it a tunnel",
        option = OptionId::RealServer
    )]
    FamilyMismatch(crate::AddressFamily),
    /// A value that cannot be.
    #[error("{option}: {problem}", problem = .problem.at(.value))]
    Value {
        /// The option.
        option: OptionId,
        /// The value as written, what is not UTF-8 replaced.
        value: String,
        /// What is wrong with it.
        problem: Problem,
    },
}

/// What is wrong with a value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Problem {
    /// Not a decimal number; the least and the greatest that may stand there.
    #[error("not a number from {0} to {1}")]
    NotANumber(u32, u32),
    /// A number, and too small or too great.
    #[error("out of range: {least} to {most}")]
    OutOfRange {
        /// The least that is taken.
        least: u32,
        /// The greatest that is taken.
        most: u32,
    },
    /// A number where an address must stand.
    #[error("a port without an address")]
    PortAlone,
    /// Not an address with or without a port.
    #[error("not an address: 192.0.2.1, 192.0.2.1:80, [2001:db8::1]:80, 2001:db8::1 or host:port")]
    NotAnAddress,
    /// A name, and why it could not be looked up.
    #[error("{0}: {1}")]
    Unresolved(String, String),
    /// Not a mask of IPv4.
    #[error("not an IPv4 mask such as 255.255.255.0")]
    NotAMask,
    /// Not a prefix length of IPv6.
    #[error("not an IPv6 prefix length: 1 to 128")]
    NotAPrefixLength,
    /// Not a flag of any scheduler.
    #[error(
        "{0}: no scheduler flag; there are flag-1 flag-2 flag-3, sh-fallback sh-port with sh, and \
         mh-fallback mh-port with mh"
    )]
    UnknownFlag(String),
    /// A flag, and the scheduler that it belongs to.
    #[error("{0}: only for the scheduler {1}")]
    FlagOfOther(String, &'static str),
    /// Not a kind of sync daemon.
    #[error("neither master nor backup")]
    NotARole,
    /// Not a multicast address.
    #[error("not a multicast address such as 224.0.0.81 or ff02::81")]
    NotMulticast,
    /// Not the name of a format.
    #[error("not a format: classic, table, json or prometheus")]
    NotAFormat,
    /// Not the name of a network namespace.
    #[error("not a network namespace: its name, its path or a process in it")]
    NotANamespace,
    /// Not a type of tunnel.
    #[error("not a type of tunnel: ipip, gue or gre")]
    NotATunnel,
}

impl Problem {
    /// The problem after the value that has it.
    fn at(&self, value: &str) -> String {
        match self {
            // These name the part of the value that they are about.
            Problem::Unresolved(..) | Problem::UnknownFlag(_) | Problem::FlagOfOther(..) => {
                self.to_string()
            }
            Problem::OutOfRange { .. } => format!("{value} is {self}"),
            _ => format!("`{value}` is {self}"),
        }
    }
}

impl UsageError {
    /// The exit status of a program that was used so: 255 for what is no option or no command, 2
    /// for all else.
    pub fn exit_status(&self) -> u8 {
        match self {
            UsageError::NoCommand
            | UsageError::UnknownOption(_)
            | UsageError::MissingValue(_)
            | UsageError::UnwantedValue(..)
            | UsageError::Nested(_)
            | UsageError::NoInterface => 255,
            _ => 2,
        }
    }

    /// Whether reading rules ends at a line with this error. Otherwise the line does nothing and
    /// the next one is read, as after a line that the kernel refuses.
    pub fn stops_restore(&self) -> bool {
        !matches!(
            self,
            UsageError::UnknownOption(_)
                | UsageError::MissingValue(_)
                | UsageError::UnwantedValue(..)
                | UsageError::NoInterface
        )
    }

    /// The option that the error is about, if it is about one.
    pub fn option(&self) -> Option<OptionId> {
        match self {
            UsageError::NoCommand
            | UsageError::UnknownOption(_)
            | UsageError::UnexpectedWord(_) => None,
            UsageError::NoInterface => Some(OptionId::McastInterface),
            UsageError::MissingTimeouts => Some(OptionId::Set),
            UsageError::MissingTunnelPort => Some(OptionId::TunPort),
            UsageError::OnePacket => Some(OptionId::Ops),
            UsageError::FamilyMismatch(_) => Some(OptionId::RealServer),
            UsageError::Nested(option)
            | UsageError::NotInRules(option)
            | UsageError::MissingValue(option)
            | UsageError::UnwantedValue(option, _)
            | UsageError::MissingService(option)
            | UsageError::MissingServer(option)
            | UsageError::ZeroPort(option)
            | UsageError::SecondCommand { second: option, .. }
            | UsageError::Repeated { second: option, .. }
            | UsageError::Conflict { second: option, .. }
            | UsageError::NotForCommand { option, .. }
            | UsageError::GoesOnlyWith { option, .. }
            | UsageError::NotForTunnel { option, .. }
            | UsageError::Value { option, .. } => Some(*option),
        }
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
