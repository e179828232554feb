//! The client: a typed method for each operation of IPVS.

mod apply;
mod batch;
mod namespace;
mod read;

use std::os::fd::{AsFd, BorrowedFd};

pub use self::apply::{Aftermath, ApplyError, OnRefusal, RefusedChange};
pub use self::batch::{Batch, Refused};
pub use self::namespace::Namespace;
use self::read::KeysRead;
use crate::error::{Error, Malformed, Operation, Result};
use crate::model::{
    Change, Daemon, DaemonConfig, DaemonRole, DestinationConfig, DestinationKey, Info,
    ServiceConfig, ServiceKey, Timeouts,
};
use crate::netlink::connection::{Answers, Connection};
use crate::netlink::reply;
use crate::netlink::request::Query;
use crate::netlink::socket::{KernelSocket, Transport};
use crate::plan::check_netmask_family;

/// A connection to IPVS in the kernel.
///
/// It works on the network namespace in which it was made, over one socket, and asks for the
/// number of the IPVS family once. Reading needs `CAP_NET_ADMIN` just as writing does.
///
/// Methods wait until the kernel has done what it was asked for. A client may go from thread to
/// thread; several may work on the same table at the same time.
///
/// Every method can fail with [`Error::Socket`] and [`Error::Malformed`], and with
/// [`Error::Refused`] whose [`kind`](crate::Refusal::kind) is
/// [`PermissionDenied`](crate::RefusalKind::PermissionDenied); each says which refusals it has
/// besides.
///
/// ```no_run
/// use ipvs::{Client, DestinationConfig, Forwarding, ServiceConfig, ServiceKey};
///
/// let mut client = Client::new()?;
/// let service = ServiceKey::tcp("192.0.2.1:80".parse::<std::net::SocketAddr>()?);
/// client.add_service(&service, &ServiceConfig::new("rr".parse()?))?;
/// let config = DestinationConfig { forwarding: Forwarding::Masquerade, ..Default::default() };
/// for server in ["10.0.0.1:8080", "10.0.0.2:8080"] {
///     let server = server.parse::<std::net::SocketAddr>()?.into();
///     client.add_destination(&service, &server, &config)?;
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Client<T = KernelSocket> {
    connection: Connection<T>,
    /// Kept from one list of real servers to the next for its allocation.
    destinations_read: KeysRead<DestinationKey>,
}

impl Client {
    /// Connects to IPVS in the network namespace of this thread.
    ///
    /// # Errors
    /// [`Error::NotAvailable`] where the kernel has no IPVS or its module is not loaded. (Since
    /// Linux 5.16 the kernel loads it when it is asked for, if it can.) Permission is not asked
    /// for here, only by what is done with the client.
    pub fn new() -> Result<Self> {
        Client::with_transport(KernelSocket::open().map_err(Error::Socket)?)
    }
}

/// The netlink socket: to hand to a poll set, or to find out its network namespace. Reading from
/// it or writing to it disturbs the client.
impl<T: AsFd> AsFd for Client<T> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.connection.transport().as_fd()
    }
}

impl<T: Transport> Client<T> {
    /// Connects to whatever is at the other end of `transport`.
    ///
    /// # Errors
    /// As [`Client::new`].
    pub fn with_transport(transport: T) -> Result<Self> {
        Ok(Client {
            connection: Connection::open(transport)?,
            destinations_read: KeysRead::default(),
        })
    }

    /// The version of IPVS and the size of its connection table.
    ///
    /// # Errors
    /// See [`Client`].
    pub fn info(&mut self) -> Result<Info> {
        self.get(Query::Info, Operation::Read, reply::info)
    }

    /// Adds a virtual service.
    ///
    /// # Errors
    /// [`ServiceExists`](crate::RefusalKind::ServiceExists),
    /// [`SchedulerNotFound`](crate::RefusalKind::SchedulerNotFound),
    /// [`Invalid`](crate::RefusalKind::Invalid) (for an IPv6 prefix that is not 1 to 128 long),
    /// and [`Error::Config`]. Port 0 without persistence is taken, but the kernel then
    /// balances nothing for the service.
    pub fn add_service(&mut self, key: &ServiceKey, config: &ServiceConfig) -> Result<()> {
        self.change(&Change::AddService(*key, *config))
    }

    /// Sets all of a virtual service's configuration.
    ///
    /// # Errors
    /// [`NoSuchService`](crate::RefusalKind::NoSuchService),
    /// [`SchedulerNotFound`](crate::RefusalKind::SchedulerNotFound),
    /// [`Invalid`](crate::RefusalKind::Invalid), and [`Error::Config`].
    pub fn edit_service(&mut self, key: &ServiceKey, config: &ServiceConfig) -> Result<()> {
        self.change(&Change::EditService(*key, *config))
    }

    /// Removes a virtual service and its real servers.
    ///
    /// # Errors
    /// [`NoSuchService`](crate::RefusalKind::NoSuchService).
    pub fn delete_service(&mut self, key: &ServiceKey) -> Result<()> {
        self.change(&Change::DeleteService(*key))
    }

    /// Adds a real server to a service.
    ///
    /// # Errors
    /// [`ServiceNotDefined`](crate::RefusalKind::ServiceNotDefined),
    /// [`DestinationExists`](crate::RefusalKind::DestinationExists),
    /// [`Invalid`](crate::RefusalKind::Invalid) (for an address that is not unicast or has no
    /// route, as none has where loopback was never up; for a family other than the service's
    /// without a tunnel; for a GUE tunnel without a port), and
    /// [`Other`](crate::RefusalKind::Other) with `ERANGE` for a weight over 2147483647 or a lower
    /// threshold above the upper one.
    pub fn add_destination(
        &mut self,
        service: &ServiceKey,
        key: &DestinationKey,
        config: &DestinationConfig,
    ) -> Result<()> {
        self.change(&Change::AddDestination(*service, *key, *config))
    }

    /// Sets all of a real server's configuration.
    ///
    /// # Errors
    /// [`ServiceNotDefined`](crate::RefusalKind::ServiceNotDefined),
    /// [`NoSuchDestination`](crate::RefusalKind::NoSuchDestination), and for values as
    /// [`add_destination`](Self::add_destination).
    pub fn edit_destination(
        &mut self,
        service: &ServiceKey,
        key: &DestinationKey,
        config: &DestinationConfig,
    ) -> Result<()> {
        self.change(&Change::EditDestination(*service, *key, *config))
    }

    /// Removes a real server from a service.
    ///
    /// # Errors
    /// [`ServiceNotDefined`](crate::RefusalKind::ServiceNotDefined),
    /// [`NoSuchDestination`](crate::RefusalKind::NoSuchDestination).
    pub fn delete_destination(&mut self, service: &ServiceKey, key: &DestinationKey) -> Result<()> {
        self.change(&Change::DeleteDestination(*service, *key))
    }

    /// Removes all virtual services.
    ///
    /// # Errors
    /// See [`Client`].
    pub fn flush(&mut self) -> Result<()> {
        self.change(&Change::Flush)
    }

    /// Sets all counters to zero.
    ///
    /// # Errors
    /// See [`Client`].
    pub fn zero_all(&mut self) -> Result<()> {
        self.change(&Change::ZeroAll)
    }

    /// Sets the counters of one service and its servers to zero.
    ///
    /// # Errors
    /// [`NoSuchService`](crate::RefusalKind::NoSuchService).
    pub fn zero_service(&mut self, key: &ServiceKey) -> Result<()> {
        self.change(&Change::ZeroService(*key))
    }

    /// The timeouts of connections.
    ///
    /// # Errors
    /// See [`Client`].
    pub fn timeouts(&mut self) -> Result<Timeouts> {
        self.get(Query::Timeouts, Operation::Read, reply::timeouts)
    }

    /// Sets the timeouts that are not 0.
    ///
    /// # Errors
    /// [`Invalid`](crate::RefusalKind::Invalid) if one is too large, and then none is set: see
    /// [`Timeouts`].
    pub fn set_timeouts(&mut self, timeouts: &Timeouts) -> Result<()> {
        self.change(&Change::SetTimeouts(*timeouts))
    }

    /// The sync daemons that run: none, one or two, the master first.
    ///
    /// # Errors
    /// See [`Client`].
    pub fn daemons(&mut self) -> Result<Vec<Daemon>> {
        let mut daemons = Vec::new();
        self.list(Query::Daemons, |attributes| {
            daemons.push(reply::daemon(attributes)?);
            Ok(())
        })?;
        Ok(daemons)
    }

    /// Starts a sync daemon.
    ///
    /// # Errors
    /// [`DaemonRunning`](crate::RefusalKind::DaemonRunning),
    /// [`Invalid`](crate::RefusalKind::Invalid) for a group that is not multicast, and
    /// [`Other`](crate::RefusalKind::Other) with `ENODEV` for an interface that is not there.
    pub fn start_daemon(&mut self, role: DaemonRole, config: &DaemonConfig) -> Result<()> {
        self.change(&Change::StartDaemon(role, *config))
    }

    /// Stops a sync daemon.
    ///
    /// # Errors
    /// [`DaemonNotRunning`](crate::RefusalKind::DaemonNotRunning).
    pub fn stop_daemon(&mut self, role: DaemonRole) -> Result<()> {
        self.change(&Change::StopDaemon(role))
    }

    /// Carries out one change.
    ///
    /// # Errors
    /// Those of the method that is named like the change.
    pub fn change(&mut self, change: &Change) -> Result<()> {
        check_netmask_family(change)?;
        self.connection.change(change)
    }

    /// Many changes over few system calls; see [`Batch`].
    pub fn batch<Tag>(&mut self) -> Batch<'_, Tag, T> {
        Batch::new(self)
    }

    /// Asks for one thing.
    fn get<R>(
        &mut self,
        query: Query<'_>,
        operation: Operation,
        read: impl Fn(&[u8]) -> Result<R, Malformed>,
    ) -> Result<R> {
        let mut found = None;
        self.connection.query(query, operation, Answers::One, |attributes| {
            found = Some(read(attributes)?);
            Ok(())
        })?;
        found.ok_or_else(|| Malformed("a reply without content").into())
    }

    /// Asks for all things of a kind.
    fn list(
        &mut self,
        query: Query<'_>,
        take: impl FnMut(&[u8]) -> Result<(), Malformed>,
    ) -> Result<()> {
        self.connection.query(query, Operation::Read, Answers::List, take)?;
        Ok(())
    }
}
