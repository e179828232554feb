//! What can be wrong with a command line or a rule line.

use super::format::Format;
use super::hint;
use super::options::OptionId;
use super::scanner::SyntaxError;
use super::value_error::ValueError;
use crate::{ConfigError, DestinationKey, Setting};

/// The reason words are not a command. The text names the option, and says what is wrong and what
/// to write instead.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UsageError {
    /// There is no option, or none that is a command.
    #[error("no command: the first option must be one, as in `ipvsadm -L`; -h lists them all")]
    NoCommand,
    /// An option that belongs to a command comes before any command.
    #[error("{option}: {}", hint::missing_command(*.0), option = .0)]
    BeforeCommand(OptionId),
    /// The first option, which should be the command, is malformed.
    #[error("{0}")]
    BadCommand(Box<UsageError>),
    /// There is no such option.
    #[error("{0}: unknown option{hint}", hint = hint::meant_option(.0))]
    UnknownOption(String),
    /// An option that needs a value comes last.
    #[error("{0}: its value is missing: {0} {name}", name = .0.spec().value_name)]
    MissingValue(OptionId),
    /// A value is attached to an option that takes none.
    #[error("{1}: {0} takes no value")]
    UnwantedValue(OptionId, String),
    /// A rule contains a command that itself reads rules.
    #[error("{0}: not valid in a rule")]
    Nested(OptionId),
    /// A rule contains an option that says how to carry out a command.
    #[error("{0}: not valid in a rule, only on the command line")]
    NotInRules(OptionId),
    /// The interface is an empty name. The text is the kernel's, which ipvsadm 1.31 asks.
    #[error("No such device")]
    NoInterface,
    /// A second command.
    #[error("{second}: only one command at a time; {first} came first")]
    SecondCommand {
        /// The command that came first.
        first: OptionId,
        /// The later one.
        second: OptionId,
    },
    /// An option is repeated, or excluded by an earlier one.
    #[error("{second}: {}", if .first == .second {
        "given twice".to_owned()
    } else {
        format!("not valid with {first}: only one of them at a time")
    })]
    Repeated {
        /// The option that came first.
        first: OptionId,
        /// The later one.
        second: OptionId,
    },
    /// A word that belongs to no option.
    #[error("unexpected argument {word}{}", hint::stray_word(.word, *.command))]
    UnexpectedWord {
        /// The word.
        word: String,
        /// The command of its line.
        command: OptionId,
    },
    /// An option that the command does not take.
    #[error("{option}: not an option of {command}")]
    NotForCommand {
        /// The option.
        option: OptionId,
        /// The command.
        command: OptionId,
    },
    /// A command without a virtual service.
    #[error("{0}: needs a virtual service: -t, -u or --sctp-service ADDRESS, or -f MARK")]
    MissingService(OptionId),
    /// A command without a real server.
    #[error("{0}: needs a real server: -r ADDRESS")]
    MissingServer(OptionId),
    /// `--server-side` without a forwarding method.
    #[error("{option}: needs the forwarding method: -g, -i or -m", option = OptionId::ServerSide)]
    MissingMethod,
    /// `--set` with fewer than three values.
    #[error("{option}: needs three values: {option} TCP TCPFIN UDP", option = OptionId::Set)]
    MissingTimeouts,
    /// A command without an option that it needs.
    #[error("{command}: needs {option} {name}", name = .option.spec().value_name)]
    MissingOption {
        /// The command.
        command: OptionId,
        /// The option.
        option: OptionId,
    },
    /// Steps that follow each other too fast.
    #[error("{option}: at most ten steps a second", option = OptionId::Steps)]
    TooManySteps,
    /// A server that is not there, with a port that no packet would be sent to.
    #[error(
        "{option}: {0} is not there, and a new server has the service's port, unless -m is given",
        option = OptionId::RealServer
    )]
    NewServerPort(DestinationKey),
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
    /// `--kick --then kick`.
    #[error("{then}: {kick} takes keep or remove", then = OptionId::Then, kick = OptionId::Kick)]
    KickThenKick,
    /// Two options that exclude each other.
    #[error("{second}: not valid with {first}")]
    Conflict {
        /// One of them.
        first: OptionId,
        /// The other.
        second: OptionId,
    },
    /// An option without the one that it depends on.
    #[error("{option}: only valid with {needs}")]
    Requires {
        /// The option.
        option: OptionId,
        /// The missing option.
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
    /// An invalid configuration.
    #[error("{option}: {}{}", in_options(.reason),
        .meant.as_deref().map(|meant| format!("; did you mean {meant}?")).unwrap_or_default())]
    Config {
        /// The option to blame.
        option: OptionId,
        /// The reason.
        reason: ConfigError,
        /// The address that was probably meant, if the one given looks mistyped.
        meant: Option<String>,
    },
    /// A value that an option does not take.
    #[error("{option}: {}", .error.describe(.value, *.option))]
    Value {
        /// The option.
        option: OptionId,
        /// The value as written, with anything but UTF-8 replaced.
        value: String,
        /// The reason.
        error: ValueError,
    },
}

/// The kinds of mistakes. A program's exit status depends on nothing else about them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mistake {
    /// The words do not spell a command: there is none, an option does not exist, or it lacks its
    /// value.
    Syntax,
    /// The words spell a command that makes no sense.
    Meaning,
    /// The kernel would refuse the command, and no request can even ask it.
    Refusal,
}

impl UsageError {
    /// The kind of mistake.
    pub const fn mistake(&self) -> Mistake {
        match self {
            UsageError::NoCommand
            | UsageError::BeforeCommand(_)
            | UsageError::BadCommand(_)
            | UsageError::UnknownOption(_)
            | UsageError::MissingValue(_)
            | UsageError::UnwantedValue(..)
            | UsageError::Nested(_) => Mistake::Syntax,
            UsageError::NoInterface => Mistake::Refusal,
            _ => Mistake::Meaning,
        }
    }

    /// True if `ipvsadm -R` ends at a line with this error. Otherwise it skips the line, as it does
    /// one that the kernel refuses.
    pub const fn stops_restore(&self) -> bool {
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
fn in_options(reason: &ConfigError) -> String {
    match reason {
        ConfigError::AllPorts => format!("{reason}: give a port, or -p"),
        ConfigError::DestinationFamily { service } => {
            format!("must be an {service} address, like the service's, unless -i makes it a tunnel")
        }
        ConfigError::TunnelPortMissing => format!("gue needs a port: {} PORT", OptionId::TunPort),
        ConfigError::TunnelPort(kind)
        | ConfigError::TunnelChecksum(kind)
        | ConfigError::TunnelRemoteChecksum(kind) => {
            format!("not valid with {} {kind}", OptionId::TunType)
        }
        other => other.to_string(),
    }
}
