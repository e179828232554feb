//! Reading the table.
//!
//! The kernel hands over a long list in pieces. Within a piece, nothing is hidden: the table is
//! locked while it is made, or, since Linux 7.1, walked under RCU. The next piece goes on at a
//! count of entries (`ip_vs_genl_dump_services` and `ip_vs_genl_dump_dests` in
//! net/netfilter/ipvs/ip_vs_ctl.c), so if entries before that place were removed meanwhile, as many
//! behind it are skipped:
//!
//! - of services, whoever removed which: up to Linux 7.0 those of all network namespaces are
//!   counted; since 7.1 those of one, whose table may be resized between two pieces;
//! - of a service's real servers, if servers of that same service were removed.
//!
//! Entries that are added before that place make others come twice, which hides nothing.
//!
//! The kernel reports none of this. So a list that came in pieces is read again, its keys alone,
//! until a reading has nothing that is not known by then. An entry that was there all the time is
//! then missing only if every reading skipped it; since what is skipped follows a cut, each reading
//! has pieces of another length, as far as the kernel lets us choose. The number of services that Linux 7.1 shows in
//! `/proc/net/ip_vs_status` would tell less: it is that of the thread's namespace, not of the
//! client's, and one service removed and one hidden leave it as it was.

use std::collections::BTreeMap;

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

/// How often a list is read again before it counts as one that never rests.
const RETRIES: usize = 3;

/// What a full piece may lack of the receive buffer's length: room for less than one entry (none is
/// longer than 360 bytes), and the kernel's own data at its end where the buffer is 32 KiB long (320
/// bytes on x86-64).
const MARGIN: usize = 1024;

impl<T: Transport> Client<T> {
    /// All virtual services, in the kernel's order, which means nothing.
    ///
    /// A service that is there all the time is in the list, whatever other programs change in this
    /// network namespace or another one meanwhile: where the kernel may have skipped some, the list
    /// is read again. One that is added meanwhile may be missing, one that is removed may still be
    /// there, and while some are added, others may come twice. In a [`Snapshot`], a [`Table`] and a
    /// [`State`] none comes twice.
    ///
    /// # Errors
    /// [`Error::Changing`] if services are added so fast that each of four readings finds new ones.
    pub fn services(&mut self) -> Result<Vec<Service>> {
        let mut services = Vec::new();
        self.each_service(Statistics::Read, |service| services.push(service))?;
        Ok(services)
    }

    /// As [`services`](Self::services), but hands over each when it comes, for a caller that keeps
    /// less than all of it, and with statistics or without. Services that the kernel skipped at
    /// first come last.
    ///
    /// # Errors
    /// As [`services`](Self::services). Some services may have been handed over by then.
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

    /// The real servers of a virtual service, in the kernel's order. There are none where there
    /// is no such service: the kernel does not tell the two apart.
    ///
    /// A server that is there all the time is in the list. While servers of this service are added
    /// or removed, the same goes for them as for [`services`](Self::services).
    ///
    /// # Errors
    /// [`Error::Changing`] if servers are added to this service so fast that each of four readings
    /// finds new ones.
    pub fn destinations(&mut self, service: &ServiceKey) -> Result<Vec<Destination>> {
        let mut destinations = Vec::new();
        self.destinations_into(service, &mut destinations)?;
        Ok(destinations)
    }

    /// As [`destinations`](Self::destinations), but appends to `destinations`, for a caller that
    /// goes through many services and wants to use one allocation.
    ///
    /// # Errors
    /// As [`destinations`](Self::destinations). What came before the error has been appended.
    pub fn destinations_into(
        &mut self,
        service: &ServiceKey,
        destinations: &mut Vec<Destination>,
    ) -> Result<()> {
        self.each_destination(service, Statistics::Read, |destination| {
            destinations.push(destination);
        })
    }

    /// As [`destinations`](Self::destinations), but hands over each when it comes, and with
    /// statistics or without. Servers that the kernel skipped at first come last.
    ///
    /// # Errors
    /// As [`destinations`](Self::destinations). Some may have been handed over by then.
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

    /// The whole table: every service with its servers, sorted.
    ///
    /// The kernel has no such thing as a consistent reading, and does not tell when the table
    /// changes meanwhile: a service that is removed while the snapshot is taken may be in it
    /// without servers. What is there all the time is in it: see [`services`](Self::services).
    ///
    /// # Errors
    /// As [`services`](Self::services) and [`destinations`](Self::destinations).
    pub fn snapshot(&mut self) -> Result<Snapshot> {
        let services = self.services()?;
        let mut entries = Vec::with_capacity(services.len());
        for service in services {
            let destinations = self.destinations(&service.key)?;
            entries.push(SnapshotEntry::new(service, destinations));
        }
        Ok(Snapshot::new(entries))
    }

    /// The kernel's table: as [`snapshot`](Self::snapshot), but the configuration alone, which
    /// takes less memory.
    ///
    /// # Errors
    /// As [`snapshot`](Self::snapshot).
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

    /// The kernel's state: the table, the timeouts and the sync daemons.
    ///
    /// # Errors
    /// As [`snapshot`](Self::snapshot).
    pub fn state(&mut self) -> Result<State> {
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

/// Reads a list until nothing that is there all the time can be missing, unless every reading
/// skipped it. Returns false if the last reading still found something new.
///
/// `take` is given each entry that is not known yet and returns its key, which is all that `key`
/// reads.
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

/// True if the kernel made the whole list in one go: it came in one piece, which had room for more.
/// A full piece may be the first of two, of which the second is empty because all that was left has
/// been skipped.
///
/// Where memory is so short that a piece is one page, one that happens to be full is not recognized.
fn came_at_once(delivery: Delivery) -> bool {
    delivery.pieces <= 1 && delivery.longest < FIRST_PIECE - MARGIN
}

/// The keys of a list, as far as it was read, in the kernel's order.
#[derive(Debug)]
pub(super) struct KeysRead<K> {
    keys: Vec<K>,
    /// The place in `keys` that comes next if the kernel repeats itself.
    next: usize,
    /// The places of all keys; empty until one is out of order.
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

    /// To be called before each further reading.
    fn rewind(&mut self) {
        self.next = 0;
    }

    fn push(&mut self, key: K) {
        if !self.places.is_empty() {
            self.places.insert(key, self.keys.len());
        }
        self.keys.push(key);
    }

    /// True if the key was read. Takes one comparison as long as the list comes in the same order.
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
