//! The table, service by service: every listing and every form of `-S` reads it here.

use std::net::IpAddr;

use ipvs::rules::grammar::Search;
use ipvs::{
    Client, Destination, DestinationKey, RefusalKind, Service, ServiceKey, SnapshotEntry,
    Statistics,
};

use crate::names::ReverseNames;
use crate::output::{Next, Printer};
use crate::process::failure::Failure;
use crate::process::progress::Progress;

/// What to read of the table, and in which order.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Selection {
    /// One service, instead of all.
    pub(crate) only: Option<ServiceKey>,
    /// Only what has this address.
    pub(crate) search: Option<Search>,
    pub(crate) statistics: Statistics,
    /// In the order of their keys, instead of the kernel's.
    pub(crate) sorted: bool,
}

/// The selected services, each to be read with its servers.
#[derive(Debug)]
pub(crate) struct Services {
    waiting: Vec<Service>,
    selection: Selection,
    /// All of them with their servers, if they had to be known in advance.
    entries: Option<Vec<SnapshotEntry>>,
}

impl Services {
    pub(crate) fn find(client: &mut Client, selection: Selection) -> Result<Self, Failure> {
        let Selection { only, search, statistics, sorted } = selection;
        let mut waiting = Vec::new();
        let push = |service| waiting.push(service);
        match only {
            Some(key) => client.service(&key).map(push).map_err(nothing_to_list)?,
            None => client.each_service(statistics, push)?,
        }
        if sorted {
            waiting.sort_unstable_by_key(|service| service.key);
            // One may come twice: see `Client::services`.
            waiting.dedup_by_key(|service| service.key);
        }
        let mut services = Services { waiting, selection, entries: None };
        if let Some(search) = search {
            services.entries = Some(services.found(client, search)?);
        }
        Ok(services)
    }

    /// The services that have the address, with all their servers, and the servers that have it,
    /// with their service.
    fn found(&self, client: &mut Client, search: Search) -> Result<Vec<SnapshotEntry>, Failure> {
        let mut entries = Vec::new();
        self.each(client, |service, destinations| {
            let (is_found, filter) = match (search, service.key) {
                (Search::Anywhere(filter), ServiceKey::Address { address, port, .. }) => {
                    (filter.matches(address, port), filter)
                }
                (Search::Anywhere(filter) | Search::Server(filter), _) => (false, filter),
            };
            let has = |server: &&Destination| filter.matches(server.key.address, server.key.port);
            let servers = match is_found {
                true => destinations.to_vec(),
                false => destinations.iter().filter(has).cloned().collect(),
            };
            if is_found || !servers.is_empty() {
                entries.push(SnapshotEntry::new(service.clone(), servers));
            }
            Ok(())
        })?;
        match entries.is_empty() {
            true => Err(Failure::NothingFound(search)),
            false => Ok(entries),
        }
    }

    /// True if one of them has this scheduler.
    pub(crate) fn use_scheduler(&self, scheduler: &str) -> bool {
        self.waiting.iter().any(|service| service.config.scheduler.as_str() == scheduler)
    }

    /// The names of all addresses in these services, unless all is to be numeric.
    ///
    /// Names are looked up together, several at a time. So where there are to be names, all servers
    /// are read now, and kept until they are printed.
    pub(crate) fn names(
        &mut self,
        client: &mut Client,
        numeric: bool,
    ) -> Result<ReverseNames, Failure> {
        let mut names = ReverseNames::new(numeric);
        if names.is_numeric() {
            return Ok(names);
        }
        let mut entries = Vec::new();
        match self.entries.take() {
            Some(found) => entries = found,
            None => self.each(client, |service, destinations| {
                entries.push(SnapshotEntry::new(service.clone(), destinations.to_vec()));
                Ok(())
            })?,
        }
        names.look_up(addresses(&entries));
        self.entries = Some(entries);
        Ok(names)
    }

    /// Prints the services. What was printed may still be in the sink.
    pub(crate) fn print(
        &self,
        client: &mut Client,
        printer: &mut dyn Printer,
    ) -> Result<(), Failure> {
        loop {
            printer.begin()?;
            self.each(client, |service, destinations| printer.service(service, destinations))?;
            if printer.end()? == Next::Done {
                return Ok(());
            }
        }
    }

    /// Shows each service with its servers. They are read one service at a time, so that a large
    /// table takes little memory.
    fn each(
        &self,
        client: &mut Client,
        mut show: impl FnMut(&Service, &[Destination]) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        if let Some(entries) = &self.entries {
            return entries.iter().try_for_each(|entry| show(&entry.service, &entry.destinations));
        }
        let mut destinations = Vec::new();
        let mut progress = Progress::new("services", Some(self.waiting.len()));
        for waiting in &self.waiting {
            self.read_destinations(client, &waiting.key, &mut destinations)?;
            show(waiting, &destinations)?;
            progress.step();
        }
        Ok(())
    }

    /// Replaces the contents of `destinations` by a service's servers.
    fn read_destinations(
        &self,
        client: &mut Client,
        service: &ServiceKey,
        destinations: &mut Vec<Destination>,
    ) -> Result<(), Failure> {
        destinations.clear();
        let push = |destination| destinations.push(destination);
        client.each_destination(service, self.selection.statistics, push)?;
        if self.selection.sorted {
            // The kernel reports the newest first, and most tables were made in order.
            destinations.reverse();
            destinations.sort_unstable_by_key(|destination| sort_key(&destination.key));
            destinations.dedup_by_key(|destination| destination.key);
        }
        Ok(())
    }
}

fn nothing_to_list(error: ipvs::Error) -> Failure {
    match error.refusal_kind() {
        Some(RefusalKind::NoSuchService) => Failure::NothingToList,
        _ => Failure::from(error),
    }
}

/// Orders a service's servers by address and port. The two families mix, as they do in ipvsadm
/// 1.31: an IPv4 address is compared with the first four bytes of an IPv6 one.
fn sort_key(key: &DestinationKey) -> (u128, u16) {
    let address = match key.address {
        IpAddr::V4(address) => u128::from(address.to_bits()) << 96,
        IpAddr::V6(address) => address.to_bits(),
    };
    (address, key.port)
}

/// Every address in these services.
fn addresses(entries: &[SnapshotEntry]) -> impl Iterator<Item = IpAddr> + '_ {
    entries.iter().flat_map(|entry| {
        let service = match entry.service.key {
            ServiceKey::Address { address, .. } => Some(address),
            ServiceKey::FirewallMark { .. } => None,
        };
        service.into_iter().chain(entry.destinations.iter().map(|server| server.key.address))
    })
}
