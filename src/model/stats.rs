//! What the kernel counts, for each service and each real server.

/// Whether services and real servers are read with their statistics.
///
/// The kernel sends the statistics either way, and they are most of what it sends. Skipping them
/// makes reading a large table faster, and the result half the size.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Statistics {
    /// `stats` of each service and server is `Some`.
    Read,
    /// `stats` of each service and server is `None`.
    Skip,
}

/// Totals since the service or server was added, or since they were last set to zero.
///
/// The kernel copies its counters every two seconds, so the figures lag by up to that much
/// (`net/netfilter/ipvs/ip_vs_est.c`). Kernels before 4.1 have no 64-bit statistics; there the
/// counts of connections and packets wrap at 2^32.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Connections scheduled.
    pub connections: u64,
    /// Packets from clients.
    pub incoming_packets: u64,
    /// Packets to clients. They are seen with masquerading only.
    pub outgoing_packets: u64,
    /// Bytes from clients, IP headers included.
    pub incoming_bytes: u64,
    /// Bytes to clients. They are seen with masquerading only.
    pub outgoing_bytes: u64,
    /// How fast these grow at present.
    pub rates: Rates,
}

/// The kernel's running averages, each in units a second.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Rates {
    /// New connections a second.
    pub connections: u64,
    /// Packets from clients a second.
    pub incoming_packets: u64,
    /// Packets to clients a second.
    pub outgoing_packets: u64,
    /// Bytes from clients a second.
    pub incoming_bytes: u64,
    /// Bytes to clients a second.
    pub outgoing_bytes: u64,
}
