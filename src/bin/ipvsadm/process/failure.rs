//! Failures and their exit statuses, which are all in [`status`].

use std::fmt::Display;
use std::io;

use ipvs::rules::Unwritable;
use ipvs::rules::grammar::{EndpointFilter, Mistake, Search, UsageError, likely};
use ipvs::{Change, Error, Refusal, RefusalKind, Setting};

/// The exit statuses. 0 is success; with `--dry-run`, nothing to do; with `--diff`, no difference.
pub(crate) mod status {
    /// `--dry-run` found something to do, or `--diff` a difference.
    pub(crate) const DIFFERENT: u8 = 1;
    /// `-L SERVICE` or `-L ADDRESS` for what is not there; `-L -c` without a list of connections.
    pub(crate) const NOT_THERE: u8 = 1;
    /// `ipvsadm-save` called wrongly, as in ipvsadm 1.31.
    pub(crate) const SAVE_USAGE: u8 = 1;
    /// A value out of range, an option that does not belong to the command, a file that makes no
    /// sense, or something that would hurt clients. Nothing was changed.
    pub(crate) const SENSELESS: u8 = 2;
    /// The kernel has no IPVS, or this user may not use it.
    pub(crate) const UNAVAILABLE: u8 = 2;
    /// The time of `--timeout` ran out.
    pub(crate) const TIMEOUT: u8 = 3;
    /// Another ipvsadm held the lock too long. iptables uses the same status.
    pub(crate) const LOCKED: u8 = 4;
    /// Input could not be read, or output could not be written.
    pub(crate) const IO: u8 = 5;
    /// Plus the number of the signal that ended the program, as a shell reports it.
    pub(crate) const SIGNAL: u8 = 128;
    /// No command, an unknown option, or one without its value.
    pub(crate) const SYNTAX: u8 = 255;
    /// The kernel refused, the namespace cannot be entered, or somebody else changed what the command
    /// was working on.
    pub(crate) const REFUSED: u8 = 255;
}

const SIGPIPE: u8 = 13;

/// The reason the program does not end with status 0.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// The command line makes no sense.
    #[error(transparent)]
    Usage(#[from] UsageError),
    /// The file to apply is of another kind: its description, and what to do about it.
    #[error("neither rules nor JSON, but {0}")]
    NotRules(&'static str),
    /// The file to compare the state with is of another kind, or of none: what it is.
    #[error("no file to compare with: {0}; it takes rules, JSON, keepalived.conf or ldirectord.cf")]
    NotComparable(String),
    /// The file to apply holds no command.
    #[error(
        "no rules: nothing was changed. To empty the table, pass --allow-empty, or the JSON \
         {{\"services\": []}}"
    )]
    NoRules,
    /// The kernel has no IPVS, or this user may not use it.
    #[error(
        "Can't initialize ipvs: {0}\n\
         Are you sure that IP Virtual Server is built in the kernel or as module?"
    )]
    Unavailable(String),
    /// The kernel refused, or talking to it failed.
    #[error("{0}")]
    Kernel(Error),
    /// The kernel refused to set a setting, or has none of that name.
    #[error("{text}")]
    Setting {
        /// The setting, and what is wrong.
        text: String,
        /// True if neither the kernel nor this program knows the name.
        is_unknown: bool,
    },
    /// The service to list does not exist.
    #[error("No such service")]
    NothingToList,
    /// Nothing in the table has the address.
    #[error("{}", nothing_found(.0))]
    NothingFound(Search),
    /// No service has the server.
    #[error("no real server has {0}")]
    NoSuchServer(EndpointFilter),
    /// Another process holds the lock.
    #[error(
        "gave up after {seconds} s waiting for another ipvsadm that is changing this table{}; \
         --wait SECONDS waits longer",
        .holder.as_deref().map(|holder| format!(": {holder}")).unwrap_or_default()
    )]
    Locked {
        seconds: u64,
        /// A description of the process, if it is visible from here.
        holder: Option<String>,
    },
    /// The command makes no sense for the table as it is, and nothing was changed.
    #[error("{0}")]
    Senseless(String),
    /// Somebody else changed what the command was working on, which stopped it.
    #[error("{0}")]
    Overtaken(String),
    /// A signal arrived, and the changes made so far have been undone.
    #[error("")]
    Signal(i32),
    /// Everything has been reported; only the status is left.
    #[error("")]
    Reported(u8),
    /// Standard output cannot be written.
    #[error("standard output: {}", plain_text(.0))]
    Output(#[source] io::Error),
    /// A file or standard input cannot be read.
    #[error("{0:#}")]
    Unreadable(anyhow::Error),
    /// The kernel's list of connections is not there or not one.
    #[error("{0:#}")]
    NoConnections(anyhow::Error),
    /// Anything else.
    #[error("{0:#}")]
    Other(anyhow::Error),
}

impl Failure {
    /// The exit status.
    pub(crate) fn status(&self) -> u8 {
        match self {
            Failure::Usage(error) => match error.mistake() {
                Mistake::Syntax => status::SYNTAX,
                Mistake::Meaning => status::SENSELESS,
                Mistake::Refusal => status::REFUSED,
            },
            Failure::NotRules(_)
            | Failure::NotComparable(_)
            | Failure::NoRules
            | Failure::Senseless(_) => status::SENSELESS,
            Failure::Unavailable(_) => status::UNAVAILABLE,
            Failure::Kernel(_) | Failure::Overtaken(_) | Failure::NoSuchServer(_) => {
                status::REFUSED
            }
            Failure::Setting { is_unknown: true, .. } => status::SENSELESS,
            Failure::Setting { .. } => status::REFUSED,
            Failure::NothingToList | Failure::NothingFound(_) | Failure::NoConnections(_) => {
                status::NOT_THERE
            }
            Failure::Reported(status) => *status,
            Failure::Locked { .. } => status::LOCKED,
            // No signal has a number above 64.
            Failure::Signal(signal) => status::SIGNAL + *signal as u8,
            Failure::Output(error) if error.kind() == io::ErrorKind::BrokenPipe => {
                status::SIGNAL + SIGPIPE
            }
            Failure::Output(_) | Failure::Unreadable(_) | Failure::Other(_) => status::IO,
        }
    }

    /// The refusal, if the kernel refused.
    pub(crate) fn refusal(&self) -> Option<&Refusal> {
        match self {
            Failure::Kernel(error) => error.refusal(),
            _ => None,
        }
    }

    /// True if no message is due: the reader went away, or everything has been reported.
    pub(crate) fn is_silent(&self) -> bool {
        match self {
            Failure::Output(error) => error.kind() == io::ErrorKind::BrokenPipe,
            Failure::Reported(_) | Failure::Signal(_) => true,
            _ => false,
        }
    }
}

impl From<Error> for Failure {
    /// Every IPVS request needs the same permission, so a lack of it is always
    /// [`Failure::Unavailable`].
    fn from(error: Error) -> Self {
        match error.refusal_kind() {
            Some(RefusalKind::PermissionDenied) => Failure::Unavailable(error.to_string()),
            _ => Failure::Kernel(error),
        }
    }
}

impl Failure {
    /// From carrying out a change.
    pub(crate) fn of_change(change: &Change, error: Error) -> Self {
        match (change, &error) {
            (Change::SetSetting(setting, _), Error::Refused(refusal)) => match refusal.kind() {
                RefusalKind::NoSuchSetting => Failure::no_such_setting(*setting),
                _ => Failure::Setting {
                    text: change_refusal_text(change, refusal),
                    is_unknown: false,
                },
            },
            _ => Failure::from(error),
        }
    }

    /// From reading a file, or standard input, described by `source`.
    pub(crate) fn unreadable(source: impl Display, error: io::Error) -> Self {
        Failure::Unreadable(plain(error).context(source.to_string()))
    }

    /// For a setting that the kernel does not have.
    pub(crate) fn no_such_setting(setting: Setting) -> Self {
        let is_unknown = setting.description().is_none();
        Failure::Setting { text: no_such_setting(setting), is_unknown }
    }
}

/// The text for a setting that the kernel does not have.
pub(crate) fn no_such_setting(setting: Setting) -> String {
    if setting.description().is_none() {
        let known = likely(setting.name(), Setting::known().map(Setting::name));
        let hint = known.map(|name| format!("; did you mean {name}?")).unwrap_or_default();
        return format!("{setting}: no such setting{hint}");
    }
    match setting.since() {
        Some(version) => {
            format!("{setting}: this kernel has no such setting; Linux {version} brought it")
        }
        None => match setting.scheduler() {
            Some(scheduler) => format!(
                "{setting}: the kernel has this setting only while the scheduler {scheduler} is loaded"
            ),
            None => format!("{setting}: this kernel has no such setting"),
        },
    }
}

/// The whole text of a refusal, for a message of its own, with the setting if it is about one.
pub(crate) fn change_refusal_text(change: &Change, refusal: &Refusal) -> String {
    match (change, refusal.kind()) {
        (Change::SetSetting(setting, _), RefusalKind::NoSuchSetting) => no_such_setting(*setting),
        (Change::SetSetting(setting, value), RefusalKind::Invalid) => {
            format!("{setting}={value}: {refusal}: {setting} is {}", setting.expects())
        }
        (Change::SetSetting(setting, value), _) => format!("{setting}={value}: {refusal}"),
        _ => refusal_text(refusal),
    }
}

impl From<Unwritable> for Failure {
    /// From saving a table that neither rules nor `--apply` can express.
    fn from(error: Unwritable) -> Self {
        Failure::Other(error.into())
    }
}

impl From<serde_json::Error> for Failure {
    /// JSON is written to memory, so this never happens in practice.
    fn from(error: serde_json::Error) -> Self {
        Failure::Output(error.into())
    }
}

fn nothing_found(search: &Search) -> String {
    match search {
        Search::Anywhere(address) => format!("no service and no real server has {address}"),
        Search::Server(address) => format!("no real server has {address}"),
    }
}

/// The text of a refusal, as a message of its own.
pub(crate) fn refusal_text(refusal: &Refusal) -> String {
    Failure::from(Error::Refused(refusal.clone())).to_string()
}

/// A system error in the C library's words alone: the standard library appends its number.
pub(crate) fn plain(error: io::Error) -> anyhow::Error {
    anyhow::anyhow!("{}", plain_text(&error))
}

fn plain_text(error: &io::Error) -> String {
    let text = error.to_string();
    match text.rsplit_once(" (os error ") {
        Some((words, _)) => words.to_owned(),
        None => text,
    }
}
