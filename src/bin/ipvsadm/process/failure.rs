//! How the program ends when something goes wrong. Every exit status stands in [`status`].

use std::io;

use ipvs::rules::Unwritable;
use ipvs::rules::grammar::{UsageError, likely};
use ipvs::{Change, Error, Refusal, RefusalKind, Setting};

/// The exit statuses. 0 is done; with `--dry-run`, nothing to do.
pub(crate) mod status {
    /// `--dry-run` found something to do.
    pub(crate) const DIFFERENT: u8 = 1;
    /// `-L SERVICE` for a service that is not there.
    pub(crate) const NOT_THERE: u8 = 1;
    /// `ipvsadm-save` called wrongly, as in ipvsadm 1.31.
    pub(crate) const SAVE_USAGE: u8 = 1;
    /// A value out of range, an option that does not belong to the command, a file that makes no
    /// sense: nothing was touched.
    pub(crate) const SENSELESS: u8 = 2;
    /// No IPVS in the kernel, or no permission to ask it.
    pub(crate) const UNAVAILABLE: u8 = 2;
    /// Another ipvsadm held the lock too long. As iptables has it.
    pub(crate) const LOCKED: u8 = 4;
    /// A file could not be read, or output not be written.
    pub(crate) const IO: u8 = 5;
    /// A signal ended the program: this and its number. A shell reports the same for a program
    /// that is killed.
    pub(crate) const SIGNAL: u8 = 128;
    /// The kernel refused; the namespace cannot be entered; an unknown option.
    pub(crate) const REFUSED: u8 = 255;
}

const SIGPIPE: u8 = 13;

/// Why the program does not end with status 0.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// The command line makes no sense.
    #[error(transparent)]
    Usage(#[from] UsageError),
    /// The file to apply is of another kind: its name for people, and what to do.
    #[error("neither rules nor JSON, but {0}")]
    NotRules(&'static str),
    /// The file to apply says nothing.
    #[error(
        "no rules: nothing was changed. An empty input empties the table only with --allow-empty, \
         or as JSON: {{\"services\": []}}"
    )]
    NoRules,
    /// There is no IPVS, or no permission to ask it.
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
    /// The service to list is not there.
    #[error("No such service")]
    NothingToList,
    /// Another program holds the lock: the seconds waited for it, and who it is if known.
    #[error(
        "gave up after {seconds} s waiting for another ipvsadm that is changing this table{}; \
         --wait SECONDS waits longer",
        .holder.as_deref().map(|holder| format!(": {holder}")).unwrap_or_default()
    )]
    Locked {
        /// The seconds waited.
        seconds: u64,
        /// The process, if it can be seen.
        holder: Option<String>,
    },
    /// A signal arrived, and what had been done is undone.
    #[error("")]
    Signal(i32),
    /// Everything has been said; only the status is left.
    #[error("")]
    Reported(u8),
    /// Standard output cannot be written.
    #[error("standard output: {}", plain_text(.0))]
    Output(#[source] io::Error),
    /// A file or standard input cannot be read.
    #[error("{0:#}")]
    Unreadable(anyhow::Error),
    /// Anything else.
    #[error("{0:#}")]
    Other(anyhow::Error),
}

impl Failure {
    /// The exit status.
    pub(crate) fn status(&self) -> u8 {
        match self {
            Failure::Usage(error) => error.exit_status(),
            Failure::NotRules(_) | Failure::NoRules => status::SENSELESS,
            Failure::Unavailable(_) => status::UNAVAILABLE,
            Failure::Kernel(_) => status::REFUSED,
            Failure::Setting { is_unknown: true, .. } => status::SENSELESS,
            Failure::Setting { .. } => status::REFUSED,
            Failure::NothingToList => status::NOT_THERE,
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

    /// True if there is nothing to say: the reader went away, or it has been said.
    pub(crate) fn is_silent(&self) -> bool {
        match self {
            Failure::Output(error) => error.kind() == io::ErrorKind::BrokenPipe,
            Failure::Reported(_) | Failure::Signal(_) => true,
            _ => false,
        }
    }
}

impl From<Error> for Failure {
    /// IPVS asks for the same permission whatever it is asked, so lacking it is always
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
            (Change::SetSetting(setting, _), Error::Refused(refusal)) => Failure::Setting {
                text: change_refusal_text(change, refusal),
                is_unknown: refusal.kind() == RefusalKind::NoSuchSetting
                    && setting.description().is_none(),
            },
            _ => Failure::from(error),
        }
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
    /// From writing JSON, which goes to memory.
    fn from(error: serde_json::Error) -> Self {
        Failure::Output(error.into())
    }
}

/// The whole text of a refusal, for a message of its own.
pub(crate) fn refusal_text(refusal: &Refusal) -> String {
    Failure::from(Error::Refused(refusal.clone())).to_string()
}

/// An error of the system in the C library's words alone: the standard library adds the number.
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
