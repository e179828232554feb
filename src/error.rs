//! What can go wrong, and what each refusal of the kernel is called.

use std::io;

use crate::model::{Change, ConfigError, ServiceKey};
use crate::netlink::uapi::errno;

/// What a call into this library can fail with.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The kernel has no IPVS, or its module `ip_vs` is not loaded. This library never loads it;
    /// since Linux 5.16 the kernel does when a client is made, if it can.
    #[error("the kernel has no IPVS (is the module ip_vs loaded?)")]
    NotAvailable,
    /// The kernel refused a request.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The netlink socket could not be opened, written or read.
    #[error("netlink socket: {}", words(.0))]
    Socket(#[source] io::Error),
    /// A network namespace could not be found or entered.
    #[error("network namespace {namespace}: {}", words(source))]
    Namespace {
        /// The name, path or process number that it was looked for by.
        namespace: String,
        /// Why not.
        source: io::Error,
    },
    /// The kernel sent something that makes no sense. This is a bug, here or there.
    #[error("the kernel's reply is malformed: {0}")]
    Malformed(#[from] Malformed),
    /// The kernel dropped replies for want of buffer space: some of the batch's refusals are not
    /// known. A batch keeps to what the socket's buffer holds, so this does not happen unless
    /// the machine is out of memory.
    #[error("the kernel dropped replies: what it refused is not known")]
    RepliesLost,
    /// The list of services, or that of a service's real servers, was read several times, and each
    /// time something was in it that had not been there before: see [`Client`](crate::Client).
    #[error(
        "{} kept changing while they were read: every reading found new ones; try again",
        changing(service)
    )]
    Changing {
        /// The service whose real servers they are; `None` for the services themselves.
        service: Option<ServiceKey>,
    },
    /// A configuration that the kernel would misread rather than refuse: a netmask of another
    /// family than its service's. Nothing was sent.
    #[error(transparent)]
    Config(#[from] ConfigError),
}

impl Error {
    /// The refusal, if the kernel refused.
    pub fn refusal(&self) -> Option<&Refusal> {
        match self {
            Error::Refused(refusal) => Some(refusal),
            _ => None,
        }
    }

    /// What the kernel's refusal means, if it refused.
    pub fn refusal_kind(&self) -> Option<RefusalKind> {
        self.refusal().map(Refusal::kind)
    }
}

/// A `Result` of this library.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What was wrong with a reply of the kernel, in a few words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Malformed(pub(crate) &'static str);

/// What the kernel was asked to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Operation {
    /// [`Change::AddService`]
    AddService,
    /// [`Change::EditService`]
    EditService,
    /// [`Change::DeleteService`]
    DeleteService,
    /// [`Change::ZeroService`]
    ZeroService,
    /// Reading one service.
    ReadService,
    /// [`Change::AddDestination`]
    AddDestination,
    /// [`Change::EditDestination`]
    EditDestination,
    /// [`Change::DeleteDestination`]
    DeleteDestination,
    /// [`Change::StartDaemon`]
    StartDaemon,
    /// [`Change::StopDaemon`]
    StopDaemon,
    /// [`Change::Flush`]
    Flush,
    /// [`Change::ZeroAll`]
    ZeroAll,
    /// [`Change::SetTimeouts`]
    SetTimeouts,
    /// Reading services, real servers, daemons, timeouts or the version.
    Read,
}

impl From<&Change> for Operation {
    fn from(change: &Change) -> Self {
        match change {
            Change::AddService(..) => Operation::AddService,
            Change::EditService(..) => Operation::EditService,
            Change::DeleteService(..) => Operation::DeleteService,
            Change::AddDestination(..) => Operation::AddDestination,
            Change::EditDestination(..) => Operation::EditDestination,
            Change::DeleteDestination(..) => Operation::DeleteDestination,
            Change::Flush => Operation::Flush,
            Change::ZeroAll => Operation::ZeroAll,
            Change::ZeroService(..) => Operation::ZeroService,
            Change::SetTimeouts(..) => Operation::SetTimeouts,
            Change::StartDaemon(..) => Operation::StartDaemon,
            Change::StopDaemon(..) => Operation::StopDaemon,
        }
    }
}

/// That the kernel refused a request. Its text is the one that `ipvsadm` prints.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.text())]
pub struct Refusal {
    /// What was asked.
    pub operation: Operation,
    /// The kernel's error number, positive, as in `<errno.h>`.
    pub errno: i32,
    /// The kernel's own words, where it has any (extended acknowledgement, since Linux 4.12).
    pub kernel_text: Option<String>,
}

/// What a refusal means: the error number read in the light of what was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RefusalKind {
    /// Adding a service that is there (`EEXIST`).
    ServiceExists,
    /// Adding or editing a service whose scheduler or persistence engine the kernel does not have
    /// and cannot load (`ENOENT`).
    SchedulerNotFound,
    /// Editing, deleting, zeroing or reading a service that is not there (`ESRCH`).
    NoSuchService,
    /// Adding, editing or deleting a server of a service that is not there (`ESRCH`).
    ServiceNotDefined,
    /// Adding a server that is there (`EEXIST`).
    DestinationExists,
    /// Editing or deleting a server that is not there (`ENOENT`).
    NoSuchDestination,
    /// Starting a daemon that runs (`EEXIST`).
    DaemonRunning,
    /// Stopping a daemon that does not run (`ESRCH`).
    DaemonNotRunning,
    /// Without `CAP_NET_ADMIN` (`EPERM`): in the initial user namespace, for Linux 6.1.
    PermissionDenied,
    /// A value that the kernel does not take, or an address that it cannot route to: it refuses
    /// every real server in a network namespace whose loopback interface was never up (`EINVAL`).
    Invalid,
    /// What the kernel does for IPv4 only (`EOPNOTSUPP`).
    NotSupportedWithIpv6,
    /// An address family that the kernel does not balance, as IPv6 where it was built without
    /// (`EAFNOSUPPORT`).
    AddressFamilyNotSupported,
    /// The kernel has no memory left (`ENOMEM`).
    OutOfMemory,
    /// The request has a size that the kernel does not expect (`EMSGSIZE`).
    WrongModuleVersion,
    /// The kernel lacks something that was asked of it (`ENOPROTOOPT`).
    ProtocolNotAvailable,
    /// Any other error number.
    Other,
}

impl Refusal {
    /// What the error number means for this operation.
    pub fn kind(&self) -> RefusalKind {
        use Operation::*;
        match (self.errno, self.operation) {
            (errno::EEXIST, AddService) => RefusalKind::ServiceExists,
            (errno::ENOENT, AddService | EditService) => RefusalKind::SchedulerNotFound,
            (errno::ESRCH, EditService | DeleteService | ZeroService | ReadService) => {
                RefusalKind::NoSuchService
            }
            (errno::ESRCH, AddDestination | EditDestination | DeleteDestination) => {
                RefusalKind::ServiceNotDefined
            }
            (errno::EEXIST, AddDestination) => RefusalKind::DestinationExists,
            (errno::ENOENT, EditDestination | DeleteDestination) => RefusalKind::NoSuchDestination,
            (errno::EEXIST, StartDaemon) => RefusalKind::DaemonRunning,
            (errno::ESRCH, StopDaemon) => RefusalKind::DaemonNotRunning,
            (errno::EPERM, _) => RefusalKind::PermissionDenied,
            (errno::EINVAL, _) => RefusalKind::Invalid,
            (errno::EOPNOTSUPP, _) => RefusalKind::NotSupportedWithIpv6,
            (errno::EAFNOSUPPORT, _) => RefusalKind::AddressFamilyNotSupported,
            (errno::ENOMEM, _) => RefusalKind::OutOfMemory,
            (errno::EMSGSIZE, _) => RefusalKind::WrongModuleVersion,
            (errno::ENOPROTOOPT, _) => RefusalKind::ProtocolNotAvailable,
            _ => RefusalKind::Other,
        }
    }

    /// The words of `ipvsadm`, which programs match.
    fn text(&self) -> String {
        match self.kind() {
            RefusalKind::ServiceExists => "Service already exists",
            RefusalKind::SchedulerNotFound => "Scheduler or persistence engine not found",
            RefusalKind::NoSuchService => "No such service",
            RefusalKind::ServiceNotDefined => "Service not defined",
            RefusalKind::DestinationExists => "Destination already exists",
            RefusalKind::NoSuchDestination => "No such destination",
            RefusalKind::DaemonRunning => "Daemon has already run",
            RefusalKind::DaemonNotRunning => "No daemon is running",
            RefusalKind::PermissionDenied => "Permission denied (you must be root)",
            RefusalKind::Invalid => {
                "Invalid operation.  Possibly wrong module version, address not unicast, ..."
            }
            RefusalKind::NotSupportedWithIpv6 => "Operation not supported with IPv6",
            RefusalKind::AddressFamilyNotSupported => {
                "Operation not supported with specified address family"
            }
            RefusalKind::OutOfMemory => "Memory allocation problem",
            RefusalKind::WrongModuleVersion => "Module is wrong version",
            RefusalKind::ProtocolNotAvailable => "Protocol not available",
            RefusalKind::Other => return errno_text(self.errno),
        }
        .to_owned()
    }
}

/// What [`Error::Changing`] is about.
fn changing(service: &Option<ServiceKey>) -> String {
    match service {
        Some(service) => format!("the real servers of {service}"),
        None => "the services".to_owned(),
    }
}

/// An error's text without the number that the standard library adds to the C library's.
fn words(error: &io::Error) -> String {
    match error.raw_os_error() {
        Some(errno) => errno_text(errno),
        None => error.to_string(),
    }
}

/// What `strerror` says of an error number.
fn errno_text(errno: i32) -> String {
    let text = io::Error::from_raw_os_error(errno).to_string();
    // The standard library adds the number to the C library's words.
    match text.rsplit_once(" (os error ") {
        Some((words, _)) => words.to_owned(),
        None => text,
    }
}
