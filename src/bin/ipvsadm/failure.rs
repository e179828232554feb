//! How the program ends when something goes wrong: the one place that gives exit statuses.

use std::io;

use ipvs::rules::UsageError;
use ipvs::{Error, Operation, RefusalKind};

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
    #[error("{error}{hint}", error = .0, hint = hint(.0))]
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

impl From<serde_json::Error> for Failure {
    /// From writing JSON, which goes to memory.
    fn from(error: serde_json::Error) -> Self {
        Failure::Output(error.into())
    }
}

/// What an administrator should look at, where the kernel's answer does not tell.
fn hint(error: &Error) -> String {
    let Some(refusal) = error.refusal() else {
        return String::new();
    };
    let adds_server =
        matches!(refusal.operation, Operation::AddDestination | Operation::EditDestination);
    if refusal.kind() == RefusalKind::Invalid && adds_server && loopback_is_down() {
        return "\nThe loopback interface of this network namespace is down, and so every real \
                server is refused: ip link set lo up"
            .to_owned();
    }
    String::new()
}

/// Whether there is no way to 127.0.0.1, as in a network namespace that was just made. (A socket
/// can be bound to that address even there.)
fn loopback_is_down() -> bool {
    let socket = std::net::UdpSocket::bind((std::net::Ipv4Addr::UNSPECIFIED, 0));
    // No datagram is sent for this.
    let way = socket.and_then(|socket| socket.connect((std::net::Ipv4Addr::LOCALHOST, 9)));
    way.is_err_and(|error| error.kind() == io::ErrorKind::NetworkUnreachable)
}

/// The whole text of what the kernel refused, for a message of its own.
pub(crate) fn refusal_text(refusal: &ipvs::Refusal) -> String {
    Failure::from(Error::Refused(refusal.clone())).to_string()
}
