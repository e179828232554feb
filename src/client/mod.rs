//! The client, which has a typed method for each operation of IPVS.

mod apply;
mod batch;
mod namespace;
mod read;
mod settings;

use std::os::fd::{AsFd, BorrowedFd};

pub use self::apply::{Aftermath, ApplyError, OnRefusal, RefusedChange};
pub use self::batch::Batch;
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
/// A client has one socket, and works on the network namespace in which it was made. Each method
/// waits until the kernel has answered. A client can move to another thread, and several clients
/// can work on the same table at the same time.
///
/// # Errors
///
/// Every method can fail with [`Error::Socket`], with [`Error::Malformed`], and with a refusal of
/// the kind [`PermissionDenied`](crate::RefusalKind::PermissionDenied): reading takes
/// `CAP_NET_ADMIN` as changing does. Each method lists the refusals that it can have besides.
///
/// # Example
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
    /// Kept between lists of real servers to reuse its allocation.
    destinations_read: KeysRead<DestinationKey>,
}

impl Client {
    /// Connects to IPVS in the network namespace of the calling thread. Takes no permissions.
    ///
    /// # Errors
    /// [`Error::NotAvailable`] if the kernel has no IPVS, or its module is not loaded. (Since Linux
    /// 5.16 this call makes the kernel try to load it.) [`Error::Socket`] if no socket can be
    /// opened.
    pub fn new() -> Result<Self> {
        Client::with_transport(KernelSocket::open().map_err(Error::Socket)?)
    }
}

/// The netlink socket, for use with `poll` or to find its network namespace. Reading from the
/// socket or writing to it would break the client's conversation with the kernel.
impl<T: AsFd> AsFd for Client<T> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.connection.transport().as_fd()
    }
}

impl<T: Transport> Client<T> {
    /// Connects over this transport.
    ///
    /// # Errors
    /// Those of [`Client::new`].
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
    /// [`Invalid`](crate::RefusalKind::Invalid) for an IPv6 prefix length other than 1 to 128, and
    /// [`Error::Config`] for a netmask of the other family.
    /// [`ServiceConfig::check`] finds more: what the kernel accepts although it makes no sense.
    pub fn add_service(&mut self, key: &ServiceKey, config: &ServiceConfig) -> Result<()> {
        self.change(&Change::AddService(*key, *config))
    }

    /// Replaces a virtual service's configuration. Its real servers, connections and counters stay.
    ///
    /// # Errors
    /// [`NoSuchService`](crate::RefusalKind::NoSuchService),
    /// [`SchedulerNotFound`](crate::RefusalKind::SchedulerNotFound), and for values as
    /// [`add_service`](Self::add_service).
    pub fn edit_service(&mut self, key: &ServiceKey, config: &ServiceConfig) -> Result<()> {
        self.change(&Change::EditService(*key, *config))
    }

    /// Removes a virtual service with its real servers.
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
    /// [`Other`](crate::RefusalKind::Other) with `ERANGE` for a weight above 2147483647 or a lower
    /// threshold above the upper one, and [`Invalid`](crate::RefusalKind::Invalid) for
    /// - an address that is not unicast, as none is while loopback has never been up,
    /// - an address of another family than the service's without a tunnel, or while a sync daemon
    ///   runs,
    /// - a GUE tunnel without a port.
    pub fn add_destination(
        &mut self,
        service: &ServiceKey,
        key: &DestinationKey,
        config: &DestinationConfig,
    ) -> Result<()> {
        self.change(&Change::AddDestination(*service, *key, *config))
    }

    /// Replaces a real server's configuration. Its connections and counters stay.
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

    /// Removes a real server from a service. [`Change::DeleteDestination`] says what becomes of its
    /// connections; to let them end first, set its weight to 0 and wait.
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

    /// Sets the counters of all services and their real servers to zero.
    ///
    /// # Errors
    /// See [`Client`].
    pub fn zero_all(&mut self) -> Result<()> {
        self.change(&Change::ZeroAll)
    }

    /// Sets the counters of one service and its real servers to zero.
    ///
    /// # Errors
    /// [`NoSuchService`](crate::RefusalKind::NoSuchService).
    pub fn zero_service(&mut self, key: &ServiceKey) -> Result<()> {
        self.change(&Change::ZeroService(*key))
    }

    /// The timeouts of connections, in seconds.
    ///
    /// # Errors
    /// See [`Client`].
    pub fn timeouts(&mut self) -> Result<Timeouts> {
        self.get(Query::Timeouts, Operation::Read, reply::timeouts)
    }

    /// Sets the timeouts that are not 0, in seconds. The others stay as they are.
    ///
    /// # Errors
    /// [`Invalid`](crate::RefusalKind::Invalid) if one is too large: see [`Timeouts`]. None is set
    /// then.
    pub fn set_timeouts(&mut self, timeouts: &Timeouts) -> Result<()> {
        self.change(&Change::SetTimeouts(*timeouts))
    }

    /// The running sync daemons: none, one, or two with the master first.
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
    /// [`Invalid`](crate::RefusalKind::Invalid) for a group that is not multicast, or while a
    /// service has a real server of the other family; [`Other`](crate::RefusalKind::Other) with
    /// `ENODEV` for an interface that does not exist.
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
    /// Those of the method with the name of the change.
    pub fn change(&mut self, change: &Change) -> Result<()> {
        check_netmask_family(change)?;
        match change {
            Change::SetSetting(setting, value) => self.set_setting(*setting, value),
            _ => self.connection.change(change),
        }
    }

    /// Starts a batch: many changes in few datagrams.
    pub fn batch<Tag>(&mut self) -> Batch<'_, Tag, T> {
        Batch::new(self)
    }

    /// Sends a query that has one reply.
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

    /// Sends a query that has a list for a reply.
    fn list(
        &mut self,
        query: Query<'_>,
        take: impl FnMut(&[u8]) -> Result<(), Malformed>,
    ) -> Result<()> {
        self.connection.query(query, Operation::Read, Answers::List, take)?;
        Ok(())
    }
}
