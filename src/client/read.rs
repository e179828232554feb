//! Reading the table, without missing anything that was there all the time.
//!
//! The kernel sends a long list in pieces. Within a piece nothing is skipped: the table is locked
//! meanwhile, or walked under RCU since Linux 7.1. The next piece resumes at a count of entries
//! (`ip_vs_genl_dump_services` and `ip_vs_genl_dump_dests` in `net/netfilter/ipvs/ip_vs_ctl.c`). If
//! entries before that place have been removed, as many after it are skipped:
//!
//! - services, if any were removed: in any network namespace up to Linux 7.0, whose table they
//!   share, and in the same one since 7.1, which may also resize the table between two pieces;
//! - real servers, if servers of the same service were removed.
//!
//! Entries that are added before that place make others come twice, which skips nothing.
//!
//! The kernel reports none of this. So a list that came in pieces is read again, keys only, until a
//! reading finds nothing new. An entry that was there all the time is then missing only if every
//! reading skipped it. As only entries behind a cut are skipped, each reading makes the kernel cut
//! the list elsewhere.
//!
//! Linux 7.1 has the number of services in `/proc/net/ip_vs_status`. It would prove less: one
//! service removed and one skipped leave it right, and it is that of the thread's namespace, not of
//! the client's.

use std::collections::BTreeMap;
use std::io::ErrorKind;

use super::Client;
use crate::error::{Error, Malformed, Operation, Result};
use crate::model::{
    DaemonState, Destination, Service, ServiceKey, Snapshot, SnapshotEntry, State, Statistics,
    Table,
};
use crate::netlink::connection::{Answers, Connection, Delivery};
use crate::netlink::reply;
use crate::netlink::request::Query;
use crate::netlink::socket::{FIRST_PIECE, Transport};

/// How often a list is read again before this is given up.
const RETRIES: usize = 3;

/// The most that a full piece is shorter than the receive buffer, in bytes: less than one entry, of
/// which none has more than 360, and the kernel's bookkeeping at the end of a buffer of 32 KiB, 320
/// on x86-64.
const MARGIN: usize = 1024;

impl<T: Transport> Client<T> {
    /// All virtual services, in no particular order.
    ///
    /// Services that are there all the time are in the list, whatever other programs change
    /// meanwhile, in any network namespace. The kernel sends a long list in pieces and may skip
    /// services if some are removed in between, so such a list is read again until nothing new is
    /// found. A service that is added meanwhile may be missing, one that is removed may be in the
    /// list, and some may come twice. A [`Snapshot`], a [`Table`] and a [`State`] have none twice.
    ///
    /// # Errors
    /// [`Error::Changing`] if each of four readings finds new services.
    pub fn services(&mut self) -> Result<Vec<Service>> {
        let mut services = Vec::new();
        self.each_service(Statistics::Read, |service| services.push(service))?;
        Ok(services)
    }

    /// As [`services`](Self::services), but passes each service to `take` as it comes, with or
    /// without statistics. For callers that do not keep them all. Services that the kernel skipped
    /// at first come last.
    ///
    /// # Errors
    /// Those of [`services`](Self::services). `take` may have been called by then.
    pub fn each_service(
        &mut self,
        statistics: Statistics,
        mut take: impl FnMut(Service),
    ) -> Result<()> {
        let whole = read_whole(
            &mut self.connection,
            Query::Services,
            &mut KeysRead::default(),
            reply::service_key,
            |attributes| {
                let service = reply::service(attributes, statistics)?;
                let key = service.key;
                take(service);
                Ok(key)
            },
        )?;
        if whole { Ok(()) } else { Err(Error::Changing { service: None }) }
    }

    /// One virtual service.
    ///
    /// # Errors
    /// [`NoSuchService`](crate::RefusalKind::NoSuchService).
    pub fn service(&mut self, key: &ServiceKey) -> Result<Service> {
        self.get(Query::Service(key), Operation::ReadService, |attributes| {
            reply::service(attributes, Statistics::Read)
        })
    }

    /// The real servers of a virtual service, in no particular order. Empty if there is no such
    /// service, which the kernel does not tell from one without servers.
    ///
    /// Servers that are there all the time are in the list. While another program adds or removes
    /// servers of this service, the same applies as to [`services`](Self::services).
    ///
    /// # Errors
    /// [`Error::Changing`] if each of four readings finds new servers.
    pub fn destinations(&mut self, service: &ServiceKey) -> Result<Vec<Destination>> {
        let mut destinations = Vec::new();
        self.destinations_into(service, &mut destinations)?;
        Ok(destinations)
    }

    /// As [`destinations`](Self::destinations), but appends to `destinations`. For callers that
    /// read many services, and reuse one allocation.
    ///
    /// # Errors
    /// Those of [`destinations`](Self::destinations). The servers that came before the error have
    /// been appended.
    pub fn destinations_into(
        &mut self,
        service: &ServiceKey,
        destinations: &mut Vec<Destination>,
    ) -> Result<()> {
        self.each_destination(service, Statistics::Read, |destination| {
            destinations.push(destination);
        })
    }

    /// As [`destinations`](Self::destinations), but passes each server to `take` as it comes, with
    /// or without statistics. Servers that the kernel skipped at first come last.
    ///
    /// # Errors
    /// Those of [`destinations`](Self::destinations). `take` may have been called by then.
    pub fn each_destination(
        &mut self,
        service: &ServiceKey,
        statistics: Statistics,
        mut take: impl FnMut(Destination),
    ) -> Result<()> {
        let family = service.family();
        let whole = read_whole(
            &mut self.connection,
            Query::Destinations(service),
            &mut self.destinations_read,
            |attributes| Ok(reply::destination(attributes, family, Statistics::Skip)?.key),
            |attributes| {
                let destination = reply::destination(attributes, family, statistics)?;
                let key = destination.key;
                take(destination);
                Ok(key)
            },
        )?;
        if whole { Ok(()) } else { Err(Error::Changing { service: Some(*service) }) }
    }

    /// The whole table: every service with its servers, connections and statistics, sorted.
    ///
    /// The kernel offers no consistent reading, and does not tell if the table changes meanwhile. A
    /// service that is removed while the snapshot is taken may be in it without servers. Everything
    /// that is there all the time is in it, as in [`services`](Self::services).
    ///
    /// # Errors
    /// Those of [`services`](Self::services) and [`destinations`](Self::destinations).
    pub fn snapshot(&mut self) -> Result<Snapshot> {
        let services = self.services()?;
        let mut entries = Vec::with_capacity(services.len());
        for service in services {
            let destinations = self.destinations(&service.key)?;
            entries.push(SnapshotEntry::new(service, destinations));
        }
        Ok(Snapshot::new(entries))
    }

    /// The current table. As [`snapshot`](Self::snapshot), but the configuration alone, which takes
    /// less memory.
    ///
    /// # Errors
    /// Those of [`snapshot`](Self::snapshot).
    pub fn table(&mut self) -> Result<Table> {
        let mut table = Table::new();
        let mut destinations = Vec::new();
        let mut services = Vec::new();
        self.each_service(Statistics::Skip, |service| services.push(service))?;
        for service in services {
            destinations.clear();
            self.each_destination(&service.key, Statistics::Skip, |destination| {
                destinations.push(destination);
            })?;
            destinations.sort_unstable_by_key(|destination| destination.key);
            table.insert_read(&service, &destinations);
        }
        Ok(table)
    }

    /// The current state: the table, the settings, the timeouts and the sync daemons. It has no
    /// settings where `/proc` is not mounted. [`state_for`](Self::state_for) reads less.
    ///
    /// # Errors
    /// Those of [`snapshot`](Self::snapshot).
    pub fn state(&mut self) -> Result<State> {
        let mut state = self.state_without_settings()?;
        match self.settings() {
            Ok(settings) => state.settings = settings,
            Err(Error::Settings(_, error)) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        Ok(state)
    }

    pub(super) fn state_without_settings(&mut self) -> Result<State> {
        let mut state = State::from(self.table()?);
        state.timeouts = self.timeouts()?;
        state.master = Some(DaemonState::Stopped);
        state.backup = Some(DaemonState::Stopped);
        for daemon in self.daemons()? {
            state.set_daemon(daemon.role, Some(DaemonState::Running(daemon.config)));
        }
        Ok(state)
    }
}

/// Reads a list until a reading finds nothing new. Returns false if the last one still did.
///
/// `take` gets each entry that is not known yet and returns its key. `key` reads the key alone.
fn read_whole<T: Transport, K: Copy + Ord>(
    connection: &mut Connection<T>,
    query: Query<'_>,
    read: &mut KeysRead<K>,
    key: impl Fn(&[u8]) -> Result<K, Malformed>,
    mut take: impl FnMut(&[u8]) -> Result<K, Malformed>,
) -> Result<bool> {
    read.clear();
    let delivery = connection.query(query, Operation::Read, Answers::List, |attributes| {
        read.push(take(attributes)?);
        Ok(())
    })?;
    if came_at_once(delivery) {
        return Ok(true);
    }
    for _ in 0..RETRIES {
        let mut found_new = false;
        read.rewind();
        connection.cut_elsewhere();
        connection.query(query, Operation::Read, Answers::List, |attributes| {
            if !read.contains(&key(attributes)?) {
                found_new = true;
                read.push(take(attributes)?);
            }
            Ok(())
        })?;
        if !found_new {
            return Ok(true);
        }
    }
    Ok(false)
}

/// True if the kernel made the whole list in one go: a single piece, with room for more. A full one
/// may be the first of two, the second of which is empty because its entries were skipped.
///
/// If memory is short, the kernel makes pieces of a page. Such a piece is recognized unless it is
/// the only one with content.
fn came_at_once(delivery: Delivery) -> bool {
    delivery.pieces <= 1 && delivery.longest < FIRST_PIECE - MARGIN
}

/// The keys of a list, in the order in which they were read.
#[derive(Debug)]
pub(super) struct KeysRead<K> {
    keys: Vec<K>,
    /// The place in `keys` of the next one, if the kernel sends the same list.
    next: usize,
    /// The places of all keys; empty until the order differs.
    places: BTreeMap<K, usize>,
}

impl<K> Default for KeysRead<K> {
    fn default() -> Self {
        KeysRead { keys: Vec::new(), next: 0, places: BTreeMap::new() }
    }
}

impl<K: Copy + Ord> KeysRead<K> {
    fn clear(&mut self) {
        self.keys.clear();
        self.places.clear();
    }

    /// Call this before each further reading.
    fn rewind(&mut self) {
        self.next = 0;
    }

    fn push(&mut self, key: K) {
        if !self.places.is_empty() {
            self.places.insert(key, self.keys.len());
        }
        self.keys.push(key);
    }

    /// True if the key has been read. One comparison as long as the order is the same.
    fn contains(&mut self, key: &K) -> bool {
        if self.keys.get(self.next) == Some(key) {
            self.next += 1;
            return true;
        }
        if self.places.is_empty() {
            self.places = self.keys.iter().enumerate().map(|(place, key)| (*key, place)).collect();
        }
        match self.places.get(key) {
            Some(place) => {
                self.next = place + 1;
                true
            }
            None => false,
        }
    }
}
