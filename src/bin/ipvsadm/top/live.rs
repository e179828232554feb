//! Readings from the kernel.

use std::collections::BTreeSet;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use ipvs::{Client, Error, ServiceKey, Statistics};

use super::pace::Pace;
use super::reading::{Counters, Host, Reading, ServerReading, ServiceReading};
use crate::kernel::connect::{Loading, connect, is_loaded};
use crate::kernel::home::{Home, lost};
use crate::kernel::{connections, status, totals};
use crate::output::status::DefenceMode;
use crate::process::failure::Failure;

/// The services whose servers are read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Wanted {
    All,
    These(BTreeSet<ServiceKey>),
}

impl Wanted {
    fn has(&self, service: &ServiceKey) -> bool {
        match self {
            Wanted::All => true,
            Wanted::These(services) => services.contains(service),
        }
    }
}

/// The kernel, as it is read again and again.
pub(crate) struct Live<'n> {
    /// As `--netns` has it.
    namespace: Option<&'n str>,
    home: Home<'n>,
    /// `None` after a failure.
    client: Option<Client>,
    clock: Clock,
    /// The number of connections.
    connections: Option<u64>,
    /// When they are counted: a list of a million takes the kernel a second.
    count: Pace,
    /// The order in which the kernel reported services, and their places in a reading.
    order: Vec<(ServiceKey, usize)>,
    /// The services of the reading before: most of the next are the same.
    spent: Vec<ServiceReading>,
}

/// The time of day, and still one that only grows.
#[derive(Debug)]
struct Clock {
    begun: Instant,
    wall: Duration,
}

/// A difference from the clock of the system that is not made up for: a time server's doing. In
/// milliseconds.
const DRIFT: u64 = 5000;

impl Clock {
    fn start() -> Self {
        let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Clock { begun: Instant::now(), wall }
    }

    fn now(&mut self) -> u64 {
        let millis = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        let grown = millis(self.wall + self.begun.elapsed());
        let wall = SystemTime::now().duration_since(UNIX_EPOCH).map_or(grown, millis);
        if wall.abs_diff(grown) < DRIFT {
            return grown;
        }
        // The clock was set, or the machine slept.
        *self = Clock::start();
        wall
    }
}

impl<'n> Live<'n> {
    pub(crate) fn new(client: Client, namespace: Option<&'n str>) -> Result<Self, Failure> {
        Ok(Live {
            namespace,
            home: Home::of(namespace)?,
            client: Some(client),
            clock: Clock::start(),
            connections: None,
            count: Pace::new(),
            order: Vec::new(),
            spent: Vec::new(),
        })
    }

    /// As `--netns` has it.
    pub(crate) fn namespace(&self) -> Option<&'n str> {
        self.namespace
    }

    /// Reads everything but the servers of services that are not wanted. After a failure it connects
    /// anew, so that it goes on as soon as whatever has failed is there again.
    pub(crate) fn read(&mut self, wanted: &Wanted) -> Result<Reading, Failure> {
        if self.client.is_none() || self.home.check().is_err() {
            self.client = None;
            self.return_home()?;
        }
        let mut client = match self.client.take() {
            Some(client) => client,
            // Whoever removed the module does not want it back.
            None if !is_loaded() => return Err(lost(Error::NotAvailable)),
            None => connect(Loading::Never)?,
        };
        let reading = self.read_by(&mut client, wanted)?;
        self.client = Some(client);
        Ok(reading)
    }

    /// Takes back what was read, so that the next reading needs no memory of its own.
    pub(crate) fn reuse(&mut self, spent: Vec<ServiceReading>) {
        self.spent = spent;
    }

    /// Reads the servers of a service, and when that was. `None` after a failure.
    pub(crate) fn servers(&mut self, service: &ServiceKey) -> Option<(u64, Vec<ServerReading>)> {
        let servers = servers(self.client.as_mut()?, service).ok()?;
        Some((self.clock.now(), servers))
    }

    /// Enters the namespace of this name, if it is another one by now.
    fn return_home(&mut self) -> Result<(), Failure> {
        let Some(name) = self.namespace.filter(|_| self.home.check().is_err()) else {
            return Ok(());
        };
        let Ok(home) = Home::of(Some(name)) else {
            return self.home.check();
        };
        ipvs::Namespace::find(name)?.enter()?;
        self.home = home;
        Ok(())
    }

    fn read_by(&mut self, client: &mut Client, wanted: &Wanted) -> Result<Reading, Failure> {
        let mut services = match self.read_same(client)? {
            Some(services) => services,
            None => self.read_other(client)?,
        };
        for service in services.iter_mut().filter(|service| wanted.has(&service.key)) {
            service.servers = Some(servers(client, &service.key)?);
        }
        let host = self.read_host(client)?;
        Ok(Reading { at: self.clock.now(), host, services })
    }

    /// Reads the services into the places of those before. `None` if they are not the same in the same
    /// order, which is the kernel's and hardly ever changes.
    fn read_same(&mut self, client: &mut Client) -> Result<Option<Vec<ServiceReading>>, Failure> {
        let mut services = std::mem::take(&mut self.spent);
        let mut order = self.order.iter();
        let mut is_same = services.len() == self.order.len() && !services.is_empty();
        if !is_same {
            return Ok(None);
        }
        client
            .each_service(Statistics::Read, |service| {
                let place = order.next().filter(|(key, _)| *key == service.key);
                let slot = place.and_then(|(_, place)| services.get_mut(*place));
                match slot.filter(|_| is_same) {
                    Some(slot) => *slot = service_reading(&service),
                    None => is_same = false,
                }
            })
            .map_err(lost)?;
        is_same &= order.next().is_none();
        Ok(is_same.then_some(services))
    }

    /// Reads services of which nothing is known.
    fn read_other(&mut self, client: &mut Client) -> Result<Vec<ServiceReading>, Failure> {
        let mut services = Vec::new();
        client
            .each_service(Statistics::Read, |service| services.push(service_reading(&service)))
            .map_err(lost)?;
        self.order = services.iter().map(|service| (service.key, 0)).collect();
        services.sort_unstable_by_key(|service| service.key);
        // One may come twice: see `Client::services`. Then the order is of no use.
        services.dedup_by_key(|service| service.key);
        for (key, place) in &mut self.order {
            let found = services.binary_search_by(|service| service.key.cmp(key));
            *place = found.unwrap_or(0);
        }
        Ok(services)
    }

    fn read_host(&mut self, client: &mut Client) -> Result<Host, Failure> {
        let info = client.info().map_err(lost)?;
        let daemons = client.daemons().map_err(lost)?.into_iter().map(|daemon| {
            let config = daemon.config;
            format!("{} {} ({})", daemon.role, config.interface.as_str(), config.sync_id)
        });
        Ok(Host {
            version: info.version.to_string(),
            table_size: info.connection_table_size,
            connections: self.count(),
            totals: totals::read().as_ref().map(Counters::from),
            defences: defences(client),
            daemons: daemons.collect(),
        })
    }

    /// The number of connections: an old one where counting takes long.
    fn count(&mut self) -> Option<u64> {
        if let Some(turn) = self.count.turn() {
            self.connections = status::connections().or_else(|| connections::count().ok());
            self.count.end(turn);
        }
        self.connections
    }
}

fn service_reading(service: &ipvs::Service) -> ServiceReading {
    ServiceReading {
        key: service.key,
        scheduler: service.config.scheduler,
        counters: service.stats.as_deref().map(Counters::from).unwrap_or_default(),
        servers: None,
    }
}

/// The servers of a service, in the order of their keys.
fn servers(client: &mut Client, service: &ServiceKey) -> Result<Vec<ServerReading>, Failure> {
    let mut servers = Vec::new();
    client
        .each_destination(service, Statistics::Read, |server| {
            servers.push(ServerReading {
                key: server.key,
                method: server.config.forwarding.into(),
                weight: server.config.weight,
                upper_threshold: server.config.upper_threshold,
                lower_threshold: server.config.lower_threshold,
                active: server.active_connections,
                inactive: server.inactive_connections,
                persistent: server.persistent_connections,
                counters: server.stats.as_deref().map(Counters::from).unwrap_or_default(),
            });
        })
        .map_err(lost)?;
    servers.sort_unstable_by_key(|server| server.key);
    servers.dedup_by_key(|server| server.key);
    Ok(servers)
}

/// The strategies against a shortage of memory that are at work.
fn defences(client: &mut Client) -> Vec<String> {
    let all = status::defences(client);
    let at_work = all.filter(|it| matches!(it.mode, DefenceMode::AtWork | DefenceMode::Always));
    at_work.map(|defence| defence.name.to_owned()).collect()
}
