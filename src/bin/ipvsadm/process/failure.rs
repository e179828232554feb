//! How the program ends when something goes wrong: the one place that gives exit statuses.

use std::io;

use ipvs::rules::{Unwritable, UsageError};
use ipvs::{Error, Refusal, RefusalKind};

/// Why the program does not end with status 0.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// The words make no sense.
    #[error(transparent)]
    Usage(#[from] UsageError),
    /// There is no IPVS, or no right to ask it.
    #[error(
        "Can't initialize ipvs: {0}\n\
         Are you sure that IP Virtual Server is built in the kernel or as module?"
    )]
    Unavailable(String),
    /// The kernel refused, or talking to it failed.
    #[error("{0}")]
    Kernel(Error),
    /// The service that is to be listed is not there.
    #[error("No such service")]
    NothingToList,
    /// Another program changes the table and did not end in time; so many seconds were waited.
    #[error("another ipvsadm is changing this table; waited {0} s for it. --wait gives it longer")]
    Locked(u64),
    /// What was already reported, with this status.
    #[error("")]
    Reported(u8),
    /// Standard output cannot be written.
    #[error("standard output: {0}")]
    Output(#[source] io::Error),
    /// Anything else.
    #[error("{0:#}")]
    Other(anyhow::Error),
}

/// As a shell reports a program that `SIGPIPE` ended.
const BROKEN_PIPE: u8 = 128 + 13;

/// As iptables reports the same.
const LOCKED: u8 = 4;

impl Failure {
    /// The exit status.
    pub(crate) fn status(&self) -> u8 {
        match self {
            Failure::Usage(error) => error.exit_status(),
            Failure::Unavailable(_) => 2,
            Failure::Kernel(_) => 255,
            Failure::NothingToList | Failure::Other(_) => 1,
            Failure::Reported(status) => *status,
            Failure::Locked(_) => LOCKED,
            Failure::Output(error) if error.kind() == io::ErrorKind::BrokenPipe => BROKEN_PIPE,
            Failure::Output(_) => 1,
        }
    }

    /// What the kernel refused.
    pub(crate) fn refusal(&self) -> Option<&Refusal> {
        match self {
            Failure::Kernel(error) => error.refusal(),
            _ => None,
        }
    }

    /// Whether there is nothing to say: the reader went away, or it has been said.
    pub(crate) fn is_silent(&self) -> bool {
        match self {
            Failure::Output(error) => error.kind() == io::ErrorKind::BrokenPipe,
            Failure::Reported(_) => true,
            _ => false,
        }
    }
}

impl From<Error> for Failure {
    /// IPVS asks for the same right whatever is asked of it, so a lack of it is told the same way.
    fn from(error: Error) -> Self {
        match error.refusal_kind() {
            Some(RefusalKind::PermissionDenied) => Failure::Unavailable(error.to_string()),
            _ => Failure::Kernel(error),
        }
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

/// The whole text of what the kernel refused, for a message of its own.
pub(crate) fn refusal_text(refusal: &Refusal) -> String {
    Failure::from(Error::Refused(refusal.clone())).to_string()
}
