//! A whole table as an administrator sets it: configuration only.

use std::collections::BTreeMap;

use super::{
    Destination, DestinationConfig, DestinationKey, Service, ServiceConfig, ServiceKey, Snapshot,
};

/// A whole table: all virtual services and their real servers, each with its configuration.
///
/// A table has no counters and no connections, so it can equally be what the kernel should hold or
/// what it holds. Services and servers are sorted by their keys; two tables with the same content
/// are equal, however they were built.
///
/// Read one from the kernel ([`Client::table`](crate::Client::table), [`Snapshot::table`]), or
/// build it:
///
/// ```
/// use std::net::SocketAddr;
/// use ipvs::{DestinationConfig, ServiceConfig, ServiceKey, Table};
///
/// let web = ServiceKey::tcp("192.0.2.1:80".parse::<SocketAddr>()?);
/// let mut table = Table::new();
/// let servers = table.insert(web, ServiceConfig::new("rr".parse()?));
/// for server in ["10.0.0.1:80", "10.0.0.2:80"] {
///     servers.insert(server.parse::<SocketAddr>()?.into(), DestinationConfig::default());
/// }
/// assert_eq!(table.service(&web).map(|service| service.destinations().len()), Some(2));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// A table accepts any configuration. [`Rehearsal`](crate::Rehearsal) makes changes as the kernel
/// would, and refuses what the kernel would refuse.
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

    /// True if there is no service.
    pub fn is_empty(&self) -> bool {
        self.services.is_empty()
    }

    /// The services, sorted by their keys.
    pub fn services(&self) -> impl ExactSizeIterator<Item = (&ServiceKey, &TableEntry)> {
        self.services.iter()
    }

    /// One service. `None` if there is no service with this key.
    pub fn service(&self, key: &ServiceKey) -> Option<&TableEntry> {
        self.services.get(key)
    }

    /// Adds a service without servers. If there is one with this key, replaces its configuration
    /// and keeps its servers. Returns the service, to add servers to.
    pub fn insert(&mut self, key: ServiceKey, config: ServiceConfig) -> &mut TableEntry {
        let entry = self.services.entry(key).or_insert_with(|| TableEntry::new(config));
        entry.config = config;
        entry
    }

    /// Removes a service with its servers, and returns it. `None` if there is no service with this
    /// key.
    pub fn remove(&mut self, key: &ServiceKey) -> Option<TableEntry> {
        self.services.remove(key)
    }

    /// The number of real servers in all services. A machine that serves two services counts twice.
    pub fn destination_count(&self) -> usize {
        self.services.values().map(|entry| entry.destinations.len()).sum()
    }

    /// True if a service has a server of the other family. The kernel accepts no such server while
    /// a sync daemon runs, and starts no daemon while there is such a server (`ip_vs_genl_set_cmd`
    /// and `ip_vs_genl_new_daemon` in `net/netfilter/ipvs/ip_vs_ctl.c`).
    pub(crate) fn mixes_families(&self) -> bool {
        self.services().any(|(service, entry)| {
            entry.destinations().any(|(server, _)| server.family() != service.family())
        })
    }

    /// Inserts a service as it was read, replacing one with the same key: if the table changes
    /// while it is read, the kernel may report a service twice.
    pub(crate) fn insert_read<'d>(
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

    /// Adds a real server, or replaces the configuration of the one with this key. Returns the
    /// previous configuration, or `None` if the server is new.
    pub fn insert(
        &mut self,
        key: DestinationKey,
        config: DestinationConfig,
    ) -> Option<DestinationConfig> {
        self.destinations.insert(key, config)
    }

    /// Removes a real server, and returns its configuration. `None` if there is no server with this
    /// key.
    pub fn remove(&mut self, key: &DestinationKey) -> Option<DestinationConfig> {
        self.destinations.remove(key)
    }

    /// The configuration of one real server. `None` if there is no server with this key.
    pub fn destination(&self, key: &DestinationKey) -> Option<&DestinationConfig> {
        self.destinations.get(key)
    }
}

impl From<&Snapshot> for Table {
    /// The configuration in a snapshot.
    fn from(snapshot: &Snapshot) -> Self {
        let mut table = Table::new();
        for entry in &snapshot.entries {
            table.insert_read(&entry.service, &entry.destinations);
        }
        table
    }
}

impl Snapshot {
    /// The configuration in this snapshot, without connections and statistics.
    pub fn table(&self) -> Table {
        Table::from(self)
    }
}
