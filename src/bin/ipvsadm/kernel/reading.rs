//! One reading of the whole state after another, cheap as long as they are equal.

use std::collections::BTreeMap;
use std::io::ErrorKind;

use ipvs::{
    Client, Daemon, DaemonRole, DaemonState, Destination, DestinationKey, Error, RefusalKind,
    Service, ServiceKey, Setting, SettingValue, State, Statistics, Table, Timeouts,
};

use crate::output::changes::{Counters, Growth};

/// A table of more services than this is large.
const FEW: usize = 250;

/// The state as it was read, in the kernel's order. Its memory serves many readings.
#[derive(Debug, Default)]
pub(crate) struct Reading {
    services: Vec<Service>,
    /// The end of each service's servers in `servers`.
    ends: Vec<usize>,
    servers: Vec<Destination>,
    /// For each service, whether its servers were read this time, not copied.
    are_fresh: Vec<bool>,
    timeouts: Timeouts,
    daemons: Vec<Daemon>,
    settings: BTreeMap<Setting, SettingValue>,
}

/// A service, or one of its servers.
type Key = (ServiceKey, Option<DestinationKey>);

impl Reading {
    /// Reads the whole state, and with [`Statistics::Read`] the counters.
    pub(crate) fn read_whole(
        &mut self,
        client: &mut Client,
        statistics: Statistics,
    ) -> Result<(), Error> {
        self.read(client, statistics, None)
    }

    /// Reads the state. In a large table, each service's servers are read only every other time,
    /// and otherwise as they were `before`: asking for them, service by service, is almost all that
    /// a reading costs. New services and edited ones are read with their servers in any case.
    pub(crate) fn read_after(
        &mut self,
        before: &Reading,
        client: &mut Client,
    ) -> Result<(), Error> {
        self.read(client, Statistics::Skip, Some(before))
    }

    fn read(
        &mut self,
        client: &mut Client,
        statistics: Statistics,
        before: Option<&Reading>,
    ) -> Result<(), Error> {
        let Reading { services, ends, servers, are_fresh, .. } = self;
        services.clear();
        ends.clear();
        servers.clear();
        are_fresh.clear();
        client.each_service(statistics, |service| services.push(service))?;
        let is_large = services.len() > FEW;
        let mut earlier = before.map(Reading::finder);
        let mut gone = Vec::new();
        for (index, service) in services.iter().enumerate() {
            let found = earlier.as_mut().and_then(|earlier| earlier.find(service));
            match found {
                Some((of_service, true)) if is_large => {
                    servers.extend_from_slice(of_service);
                    are_fresh.push(false);
                }
                _ => {
                    let begin = servers.len();
                    let take = |server| servers.push(server);
                    client.each_destination(&service.key, statistics, take)?;
                    // To the kernel, a service that has just been removed is one without servers.
                    let was_empty = found.is_some_and(|(of_service, _)| of_service.is_empty());
                    if servers.len() == begin && !was_empty && !is_there(client, &service.key)? {
                        gone.push(index);
                    }
                    // After a whole reading, half of them are due.
                    are_fresh.push(before.is_some() || index % 2 == 0);
                }
            }
            ends.push(servers.len());
        }
        for index in gone.into_iter().rev() {
            services.remove(index);
            ends.remove(index);
            are_fresh.remove(index);
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

    fn finder(&self) -> Finder<'_> {
        Finder { reading: self, next: 0, places: BTreeMap::new() }
    }

    /// The servers of the service at this place.
    fn servers_of(&self, place: usize) -> &[Destination] {
        let begin = place.checked_sub(1).and_then(|before| self.ends.get(before));
        let end = self.ends.get(place).copied().unwrap_or(0);
        self.servers.get(begin.copied().unwrap_or(0)..end).unwrap_or_default()
    }

    fn entries(&self) -> impl Iterator<Item = (&Service, &[Destination])> {
        let places = self.services.iter().enumerate();
        places.map(|(place, service)| (service, self.servers_of(place)))
    }
}

/// Finds services of an earlier reading, fast if the order is the same.
struct Finder<'r> {
    reading: &'r Reading,
    /// The place of the next one, if the order is the same.
    next: usize,
    /// The places of all; empty until the order differs.
    places: BTreeMap<ServiceKey, usize>,
}

impl<'r> Finder<'r> {
    /// The servers of the service, if it was there with the same configuration, and whether they
    /// were read then.
    fn find(&mut self, service: &Service) -> Option<(&'r [Destination], bool)> {
        let Reading { services, are_fresh, .. } = self.reading;
        let is_next = services.get(self.next).is_some_and(|next| next.key == service.key);
        if !is_next && self.places.is_empty() {
            let keys = services.iter().enumerate();
            self.places = keys.map(|(place, service)| (service.key, place)).collect();
        }
        let place = match is_next {
            true => self.next,
            false => *self.places.get(&service.key)?,
        };
        self.next = place + 1;
        if services.get(place)?.config != service.config {
            return None;
        }
        Some((self.reading.servers_of(place), *are_fresh.get(place)?))
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
