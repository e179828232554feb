//! One reading of the whole state after another, cheap as long as they are equal.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::ops::Range;

use ipvs::{
    Client, Daemon, DaemonRole, DaemonState, Destination, DestinationKey, Error, RefusalKind,
    Service, ServiceKey, Setting, SettingValue, State, Statistics, Table, Timeouts,
};

use crate::output::changes::{Counters, Growth};

/// The state as it was read, in the kernel's order. Its memory serves many readings.
#[derive(Debug, Default)]
pub(crate) struct Reading {
    services: Vec<Service>,
    /// The end of each service's servers in `servers`.
    ends: Vec<usize>,
    servers: Vec<Destination>,
    timeouts: Timeouts,
    daemons: Vec<Daemon>,
    settings: BTreeMap<Setting, SettingValue>,
}

/// A service, or one of its servers.
type Key = (ServiceKey, Option<DestinationKey>);

impl Reading {
    /// Reads the state, and with [`Statistics::Read`] the counters.
    pub(crate) fn read(
        &mut self,
        client: &mut Client,
        statistics: Statistics,
    ) -> Result<(), Error> {
        let Reading { services, ends, servers, .. } = self;
        services.clear();
        ends.clear();
        servers.clear();
        client.each_service(statistics, |service| services.push(service))?;
        let mut gone = Vec::new();
        for (index, service) in services.iter().enumerate() {
            let begin = servers.len();
            client.each_destination(&service.key, statistics, |server| servers.push(server))?;
            // To the kernel, a service that has just been removed is one without servers.
            if servers.len() == begin && !is_there(client, &service.key)? {
                gone.push(index);
            }
            ends.push(servers.len());
        }
        for index in gone.into_iter().rev() {
            services.remove(index);
            ends.remove(index);
        }
        self.timeouts = client.timeouts()?;
        self.daemons = client.daemons()?;
        self.settings = match client.settings() {
            Ok(settings) => settings,
            // Without /proc there are none.
            Err(Error::Settings(_, error)) if error.kind() == ErrorKind::NotFound => {
                BTreeMap::new()
            }
            Err(error) => return Err(error),
        };
        Ok(())
    }

    /// True if both have the same configuration in the same order: then their states are equal.
    pub(crate) fn looks_like(&self, other: &Reading) -> bool {
        let same_services = |(ours, theirs): (&Service, &Service)| {
            ours.key == theirs.key && ours.config == theirs.config
        };
        let same_servers = |(ours, theirs): (&Destination, &Destination)| {
            ours.key == theirs.key && ours.config == theirs.config
        };
        self.ends == other.ends
            && self.services.iter().zip(&other.services).all(same_services)
            && self.servers.iter().zip(&other.servers).all(same_servers)
            && self.timeouts == other.timeouts
            && self.daemons == other.daemons
            && self.settings == other.settings
    }

    pub(crate) fn state(&self) -> State {
        let mut table = Table::new();
        for (service, servers) in self.entries() {
            let entry = table.insert(service.key, service.config);
            for server in servers {
                entry.insert(server.key, server.config);
            }
        }
        let mut state = State::from(table);
        state.settings = self.settings.clone();
        state.timeouts = self.timeouts;
        for role in [DaemonRole::Master, DaemonRole::Backup] {
            state.set_daemon(role, Some(DaemonState::Stopped));
        }
        for daemon in &self.daemons {
            state.set_daemon(daemon.role, Some(DaemonState::Running(daemon.config)));
        }
        state
    }

    /// The counters of every service and server.
    pub(crate) fn counters(&self) -> BTreeMap<Key, Counters> {
        let mut counters = BTreeMap::new();
        for (service, servers) in self.entries() {
            let of_service = service.stats.as_deref().map(Counters::from);
            counters.insert((service.key, None), of_service.unwrap_or_default());
            for server in servers {
                let of_server = server.stats.as_deref().map(Counters::from);
                counters.insert((service.key, Some(server.key)), of_server.unwrap_or_default());
            }
        }
        counters
    }

    fn entries(&self) -> impl Iterator<Item = (&Service, &[Destination])> {
        let begins = std::iter::once(0).chain(self.ends.iter().copied());
        let ranges = begins.zip(&self.ends).map(|(begin, end)| Range { start: begin, end: *end });
        self.services
            .iter()
            .zip(ranges)
            .map(|(service, range)| (service, self.servers.get(range).unwrap_or_default()))
    }
}

/// What counters have grown by from one reading to the next. A new service or server begins at 0.
pub(crate) fn growth(
    before: &BTreeMap<Key, Counters>,
    now: &BTreeMap<Key, Counters>,
) -> Vec<Growth> {
    let grown = now.iter().filter_map(|(key, counters)| {
        let before = before.get(key).copied().unwrap_or_default();
        let (growth, is_reset) = counters.since(before);
        let (service, server) = *key;
        let has_changed = is_reset || growth != Counters::default();
        has_changed.then_some(Growth { service, server, is_reset, counters: growth })
    });
    grown.collect()
}

fn is_there(client: &mut Client, service: &ServiceKey) -> Result<bool, Error> {
    match client.service(service) {
        Ok(_) => Ok(true),
        Err(error) if error.refusal_kind() == Some(RefusalKind::NoSuchService) => Ok(false),
        Err(error) => Err(error),
    }
}
