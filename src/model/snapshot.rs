//! The kernel's table as it was read.

use super::{Destination, Service};

/// The kernel's table as it was read: every service with its servers, sorted by their keys.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Snapshot {
    /// The services.
    pub entries: Vec<SnapshotEntry>,
}

/// A service with its servers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SnapshotEntry {
    /// The virtual service.
    pub service: Service,
    /// Its real servers.
    pub destinations: Vec<Destination>,
}
