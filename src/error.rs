//! Errors, and the names of the kernel's refusals.

use std::io;

use crate::model::{Change, ConfigError, ServiceKey};
use crate::netlink::uapi::errno;

/// An error of this library.
///
/// ```
/// use ipvs::{Client, Error, RefusalKind, ServiceKey};
///
/// /// Removes a service, if it is there.
/// fn remove(client: &mut Client, key: &ServiceKey) -> Result<(), Error> {
///     match client.delete_service(key) {
///         Err(error) if error.refusal_kind() == Some(RefusalKind::NoSuchService) => Ok(()),
///         result => result,
///     }
/// }
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The kernel has no IPVS, or its module `ip_vs` is not loaded. This library never loads it.
    /// Since Linux 5.16 the kernel tries to when a client is made.
    #[error("the kernel has no IPVS (is the module ip_vs loaded?)")]
    NotAvailable,
    /// The kernel refused a request.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The netlink socket could not be opened, written or read.
    #[error("netlink socket: {}", words(.0))]
    Socket(#[source] io::Error),
    /// The settings in `/proc/sys/net/ipv4/vs` could not be read.
    #[error("{}: {}", .0.display(), words(.1))]
    Settings(std::path::PathBuf, #[source] io::Error),
    /// A network namespace could not be found or entered.
    #[error("network namespace {namespace}: {}", words(source))]
    Namespace {
        /// The name, path or process ID that was given.
        namespace: String,
        /// The reason.
        source: io::Error,
    },
    /// The kernel sent something that makes no sense: a bug, in this library or in the kernel.
    /// The text says what is wrong with it, in a few words.
    #[error("the kernel's reply is malformed: {0}")]
    Malformed(&'static str),
    /// The kernel dropped replies for lack of buffer space, so some refusals are not known. A batch
    /// never sends more changes than the socket's buffer holds refusals, so this happens only on a
    /// machine that is out of memory.
    #[error("the kernel dropped replies: what it refused is not known")]
    RepliesLost,
    /// Services, or the real servers of a service, are being added so fast that each of four
    /// readings of the list found new ones. [`Client::services`](crate::Client::services) says why
    /// a list is read again.
    #[error(
        "{} kept changing while they were read: every reading found new ones; try again",
        changing(service)
    )]
    Changing {
        /// The service of the real servers; `None` if it was the list of services.
        service: Option<ServiceKey>,
    },
    /// A configuration that the kernel would misread instead of refusing it: a netmask that is not
    /// of its service's family. Nothing was sent.
    #[error(transparent)]
    Config(#[from] ConfigError),
}

impl Error {
    /// The refusal, if this is one.
    pub fn refusal(&self) -> Option<&Refusal> {
        match self {
            Error::Refused(refusal) => Some(refusal),
            _ => None,
        }
    }

    /// The meaning of the refusal, if this is one.
    pub fn refusal_kind(&self) -> Option<RefusalKind> {
        self.refusal().map(Refusal::kind)
    }
}

/// A `Result` whose error is [`Error`], unless another one is given.
pub(crate) type Result<T, E = Error> = std::result::Result<T, E>;

/// The reason of [`Error::Malformed`], for code that has no other error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Malformed(pub(crate) &'static str);

impl From<Malformed> for Error {
    fn from(Malformed(reason): Malformed) -> Self {
        Error::Malformed(reason)
    }
}

/// The operation that the kernel was asked for.
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
    /// [`Change::SetSetting`]
    SetSetting,
    /// Reading lists of services or real servers, daemons, timeouts, the version, or the number of
    /// the netlink family.
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
            Change::SetSetting(..) => Operation::SetSetting,
            Change::StartDaemon(..) => Operation::StartDaemon,
            Change::StopDaemon(..) => Operation::StopDaemon,
        }
    }
}

/// The kernel's refusal of one request.
///
/// Its text is the one that `ipvsadm` prints, such as `No such service`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.text())]
pub struct Refusal {
    /// The operation that was asked for.
    pub operation: Operation,
    /// The kernel's error number, positive as in `<errno.h>`.
    pub errno: i32,
    /// The kernel's explanation (an extended acknowledgement, since Linux 4.12). `None` if it gave
    /// none, as is usual for IPVS.
    pub kernel_text: Option<String>,
}

/// The meaning of a refusal: of its error number, for the operation that was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RefusalKind {
    /// Adding a service that exists (`EEXIST`).
    ServiceExists,
    /// Adding or editing a service with a scheduler or persistence engine that the kernel does not
    /// have and cannot load (`ENOENT`).
    SchedulerNotFound,
    /// Editing, deleting, zeroing or reading a service that does not exist (`ESRCH`).
    NoSuchService,
    /// Adding, editing or deleting a real server of a service that does not exist (`ESRCH`).
    ServiceNotDefined,
    /// Adding a real server that exists (`EEXIST`).
    DestinationExists,
    /// Editing or deleting a real server that does not exist (`ENOENT`).
    NoSuchDestination,
    /// Starting a sync daemon that is running (`EEXIST`).
    DaemonRunning,
    /// Stopping a sync daemon that is not running (`ESRCH`).
    DaemonNotRunning,
    /// Setting or reading a setting that the kernel does not have (`ENOENT`).
    NoSuchSetting,
    /// Setting a setting that cannot be written here: without the permission, or because this
    /// network namespace may only read it (`EACCES`, `EPERM`), or because `/proc/sys` is mounted
    /// read-only, as in a container (`EROFS`).
    SettingReadOnly,
    /// Any operation without `CAP_NET_ADMIN` (`EPERM`); on Linux 6.1, without it in the initial
    /// user namespace.
    PermissionDenied,
    /// A value that the kernel does not accept (`EINVAL`). In a network namespace whose loopback
    /// interface was never up, that is the address of every real server.
    Invalid,
    /// A feature that the kernel has for IPv4 only (`EOPNOTSUPP`).
    NotSupportedWithIpv6,
    /// An address family that the kernel does not balance (`EAFNOSUPPORT`): IPv6, if it was built
    /// without.
    AddressFamilyNotSupported,
    /// The kernel is out of memory (`ENOMEM`).
    OutOfMemory,
    /// A request of a size that the kernel does not expect (`EMSGSIZE`).
    WrongModuleVersion,
    /// A request for something that the kernel was built without (`ENOPROTOOPT`).
    ProtocolNotAvailable,
    /// Any other error number.
    Other,
}

impl Refusal {
    /// The meaning of the error number for this operation.
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
            (errno::ENOENT, SetSetting) => RefusalKind::NoSuchSetting,
            (errno::EACCES | errno::EPERM | errno::EROFS, SetSetting) => {
                RefusalKind::SettingReadOnly
            }
            (errno::EINVAL | errno::ERANGE, SetSetting) => RefusalKind::Invalid,
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

    /// The text of `ipvsadm`, which programs compare with.
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
            RefusalKind::NoSuchSetting => "No such setting",
            RefusalKind::SettingReadOnly if self.errno == errno::EROFS => {
                "/proc/sys is mounted read-only here, as in a container"
            }
            RefusalKind::SettingReadOnly => {
                "Permission denied (you must be root, and some settings are read-only outside the \
                 first network namespace)"
            }
            RefusalKind::Invalid if self.operation == Operation::SetSetting => "Invalid value",
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

/// The subject of [`Error::Changing`].
fn changing(service: &Option<ServiceKey>) -> String {
    match service {
        Some(service) => format!("the real servers of {service}"),
        None => "the services".to_owned(),
    }
}

/// An error's text without the number that the standard library adds.
fn words(error: &io::Error) -> String {
    match error.raw_os_error() {
        Some(errno) => errno_text(errno),
        None => error.to_string(),
    }
}

/// The text of `strerror` for an error number.
fn errno_text(errno: i32) -> String {
    let text = io::Error::from_raw_os_error(errno).to_string();
    match text.rsplit_once(" (os error ") {
        Some((words, _)) => words.to_owned(),
        None => text,
    }
}
