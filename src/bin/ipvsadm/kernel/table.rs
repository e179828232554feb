//! The table, service by service: every listing and every form of `-S` reads it here.

use std::net::IpAddr;

use ipvs::{
    Client, Destination, DestinationKey, RefusalKind, Service, ServiceKey, SnapshotEntry,
    Statistics,
};

use crate::names::Names;
use crate::process::failure::Failure;
use crate::process::progress::Progress;

/// What is read of the table, and in which order.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reading {
    /// One service, instead of all.
    pub(crate) only: Option<ServiceKey>,
    pub(crate) statistics: Statistics,
    /// In the order of their keys, and not in the kernel's.
    pub(crate) sorted: bool,
}

/// The services that are asked for, each to be read with its servers.
#[derive(Debug)]
pub(crate) struct Services {
    waiting: Vec<Service>,
    reading: Reading,
}

impl Services {
    pub(crate) fn find(client: &mut Client, reading: Reading) -> Result<Self, Failure> {
        let Reading { only, statistics, sorted } = reading;
        let mut waiting = Vec::new();
        let push = |service| waiting.push(service);
        match only {
            Some(key) => client.service(&key).map(push).map_err(one_missing)?,
            None => client.each_service(statistics, push)?,
        }
        if sorted {
            waiting.sort_unstable_by_key(|service| service.key);
            // One may come twice: see `Client::services`.
            waiting.dedup_by_key(|service| service.key);
        }
        Ok(Services { waiting, reading })
    }

    /// Shows each service with its servers. One at a time, so that a large table needs little memory.
    pub(crate) fn each(
        &self,
        client: &mut Client,
        mut show: impl FnMut(&Service, &[Destination]) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let mut destinations = Vec::new();
        let mut progress = Progress::new("services", Some(self.waiting.len()));
        for waiting in &self.waiting {
            self.read_destinations(client, &waiting.key, &mut destinations)?;
            show(waiting, &destinations)?;
            progress.step();
        }
        Ok(())
    }

    /// As [`each`](Self::each), with the names of all addresses. They are asked for together, so where
    /// there are names, all is read first.
    pub(crate) fn each_named(
        &self,
        client: &mut Client,
        names: &mut Names,
        mut show: impl FnMut(&Names, &Service, &[Destination]) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        if let Names::Numeric = names {
            return self.each(client, |service, destinations| show(names, service, destinations));
        }
        let entries = self.entries(client)?;
        names.learn(addresses(&entries));
        entries.iter().try_for_each(|entry| show(names, &entry.service, &entry.destinations))
    }

    /// All of them at once, for whoever must know all before showing one.
    pub(crate) fn entries(&self, client: &mut Client) -> Result<Vec<SnapshotEntry>, Failure> {
        let mut entries = Vec::with_capacity(self.waiting.len());
        self.each(client, |service, destinations| {
            entries.push(SnapshotEntry::new(service.clone(), destinations.to_vec()));
            Ok(())
        })?;
        Ok(entries)
    }

    /// Puts a service's servers into the place of what `destinations` holds.
    fn read_destinations(
        &self,
        client: &mut Client,
        service: &ServiceKey,
        destinations: &mut Vec<Destination>,
    ) -> Result<(), Failure> {
        destinations.clear();
        let push = |destination| destinations.push(destination);
        client.each_destination(service, self.reading.statistics, push)?;
        if self.reading.sorted {
            // The kernel tells the newest first, and most tables were made in order.
            destinations.reverse();
            destinations.sort_unstable_by_key(|destination| place(&destination.key));
            destinations.dedup_by_key(|destination| destination.key);
        }
        Ok(())
    }
}

fn one_missing(error: ipvs::Error) -> Failure {
    match error.refusal_kind() {
        Some(RefusalKind::NoSuchService) => Failure::NothingToList,
        _ => Failure::from(error),
    }
}

/// Where a server stands among a service's: by address and port. The two families mix, as they do in
/// ipvsadm 1.31: an IPv4 address is compared with the front of an IPv6 one.
fn place(key: &DestinationKey) -> (u128, u16) {
    let address = match key.address {
        IpAddr::V4(address) => u128::from(address.to_bits()) << 96,
        IpAddr::V6(address) => address.to_bits(),
    };
    (address, key.port)
}

/// Every address in the table.
pub(crate) fn addresses(entries: &[SnapshotEntry]) -> impl Iterator<Item = IpAddr> + '_ {
    entries.iter().flat_map(|entry| {
        let service = match entry.service.key {
            ServiceKey::Address { address, .. } => Some(address),
            ServiceKey::FirewallMark { .. } => None,
        };
        service.into_iter().chain(entry.destinations.iter().map(|server| server.key.address))
    })
}
