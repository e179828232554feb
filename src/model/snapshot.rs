//! The kernel's table as it was read.

use super::{Destination, Service};

/// The kernel's table as it was read: every service with its real servers, with connections and
/// statistics, sorted by their keys.
///
/// [`Client::snapshot`](crate::Client::snapshot) makes one. A [`Table`](crate::Table) has the
/// configuration alone.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Snapshot {
    /// The services, sorted by their keys.
    pub entries: Vec<SnapshotEntry>,
}

/// A service of a [`Snapshot`] with its real servers.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SnapshotEntry {
    /// The virtual service.
    pub service: Service,
    /// Its real servers, sorted by their keys.
    pub destinations: Vec<Destination>,
}

impl Snapshot {
    /// A snapshot of these services. Sorts services and servers by their keys, and keeps one of
    /// several with the same key.
    pub fn new(mut entries: Vec<SnapshotEntry>) -> Self {
        for entry in &mut entries {
            entry.destinations.sort_unstable_by_key(|destination| destination.key);
            entry.destinations.dedup_by_key(|destination| destination.key);
        }
        entries.sort_unstable_by_key(|entry| entry.service.key);
        entries.dedup_by_key(|entry| entry.service.key);
        Snapshot { entries }
    }
}

impl SnapshotEntry {
    /// A service with these real servers.
    pub const fn new(service: Service, destinations: Vec<Destination>) -> Self {
        SnapshotEntry { service, destinations }
    }
}
