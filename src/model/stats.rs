//! The kernel's counters and rates, which each service and each real server has.

/// Chooses whether services and real servers are read with their statistics.
///
/// The kernel sends statistics in any case, and they are most of what it sends. Not decoding them
/// makes reading a large table faster, and the result half the size.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Statistics {
    /// Read them: `stats` of each service and server is `Some`.
    Read,
    /// Skip them: `stats` of each service and server is `None`.
    Skip,
}

/// Totals since the service or real server was added, or since it was last zeroed.
///
/// The kernel copies its counters every two seconds, so these lag by up to two seconds
/// (`net/netfilter/ipvs/ip_vs_est.c`). Before Linux 4.1 the kernel reports connections and packets
/// as 32-bit numbers, which wrap.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Connections scheduled.
    pub connections: u64,
    /// Packets from clients.
    pub incoming_packets: u64,
    /// Packets to clients: with masquerading, and since Linux 5.10 also those of other servers
    /// whose replies pass through the director.
    pub outgoing_packets: u64,
    /// Bytes from clients, IP headers included.
    pub incoming_bytes: u64,
    /// Bytes to clients, IP headers included; of the same packets as
    /// [`outgoing_packets`](Self::outgoing_packets).
    pub outgoing_bytes: u64,
    /// How fast these totals grow at present.
    pub rates: Rates,
}

/// Running averages, which the kernel updates every two seconds (`net/netfilter/ipvs/ip_vs_est.c`).
///
/// Zeroing the counters sets these to zero as well.
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
