//! A whole table as an administrator sets it: configuration, without what the kernel observed.

use std::collections::BTreeMap;

use super::{
    Destination, DestinationConfig, DestinationKey, Service, ServiceConfig, ServiceKey, Snapshot,
};

/// A whole table: every virtual service and its real servers, each with its configuration.
///
/// This is what one wants the kernel to hold, or what it held when it was read; counters and
/// connections are left out. Services and servers are kept sorted by their keys, so two tables
/// with the same content are equal however they came about.
///
/// A table is made from what the kernel holds ([`Client::table`](crate::Client::table),
/// [`Snapshot::table`]) or from changes, one by one, with [`apply`](Self::apply):
///
/// ```
/// use std::net::SocketAddr;
/// use ipvs::{Change, DestinationConfig, ServiceConfig, ServiceKey, Table};
///
/// let web = ServiceKey::tcp("192.0.2.1:80".parse::<SocketAddr>()?);
/// let server = "10.0.0.1:80".parse::<SocketAddr>()?.into();
/// let mut table = Table::new();
/// table.apply(&Change::AddService(web, ServiceConfig::new("rr".parse()?)))?;
/// table.apply(&Change::AddDestination(web, server, DestinationConfig::default()))?;
/// assert_eq!(table.service(&web).map(|service| service.destinations().count()), Some(1));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Table {
    pub(crate) services: BTreeMap<ServiceKey, TableEntry>,
}

/// A service of a [`Table`]: its configuration and its real servers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableEntry {
    pub(crate) config: ServiceConfig,
    pub(crate) destinations: BTreeMap<DestinationKey, DestinationConfig>,
}

impl Table {
    /// A table without services.
    pub const fn new() -> Self {
        Table { services: BTreeMap::new() }
    }

    /// Whether there is no service.
    pub fn is_empty(&self) -> bool {
        self.services.is_empty()
    }

    /// The services, sorted by their keys.
    pub fn services(&self) -> impl ExactSizeIterator<Item = (&ServiceKey, &TableEntry)> {
        self.services.iter()
    }

    /// One service; `None` where there is no such service.
    pub fn service(&self, key: &ServiceKey) -> Option<&TableEntry> {
        self.services.get(key)
    }

    /// How many real servers all services have together. One that two services share counts
    /// twice, as it does for the kernel.
    pub fn destination_count(&self) -> usize {
        self.services.values().map(|entry| entry.destinations.len()).sum()
    }

    /// Puts in a service as it was read. One that is there already gives way: the kernel may
    /// report a service twice if the table changes while it is read.
    pub(crate) fn insert<'d>(
        &mut self,
        service: &Service,
        destinations: impl IntoIterator<Item = &'d Destination>,
    ) {
        let destinations =
            destinations.into_iter().map(|destination| (destination.key, destination.config));
        let entry = TableEntry { config: service.config, destinations: destinations.collect() };
        self.services.insert(service.key, entry);
    }
}

impl TableEntry {
    /// A service without servers.
    pub(crate) const fn new(config: ServiceConfig) -> Self {
        TableEntry { config, destinations: BTreeMap::new() }
    }

    /// The service's configuration.
    pub fn config(&self) -> &ServiceConfig {
        &self.config
    }

    /// The real servers, sorted by their keys.
    pub fn destinations(
        &self,
    ) -> impl ExactSizeIterator<Item = (&DestinationKey, &DestinationConfig)> {
        self.destinations.iter()
    }

    /// The configuration of one real server; `None` where the service has no such server.
    pub fn destination(&self, key: &DestinationKey) -> Option<&DestinationConfig> {
        self.destinations.get(key)
    }
}

impl From<&Snapshot> for Table {
    /// The configuration in a snapshot.
    fn from(snapshot: &Snapshot) -> Self {
        let mut table = Table::new();
        for entry in &snapshot.entries {
            table.insert(&entry.service, &entry.destinations);
        }
        table
    }
}

impl Snapshot {
    /// The configuration in this snapshot, without what the kernel observed.
    pub fn table(&self) -> Table {
        Table::from(self)
    }
}
