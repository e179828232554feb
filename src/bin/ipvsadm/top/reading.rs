//! What was read at one moment: plain values, be they the kernel's or a recording's.

use ipvs::{DestinationKey, Forwarding, Name, ServiceKey, Stats};

/// What was read at one moment.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Reading {
    /// When, in milliseconds since 1970. It only grows while the program runs, whatever is done to the
    /// clock.
    pub(crate) at: u64,
    pub(crate) host: Host,
    /// In the order of their keys, none twice.
    pub(crate) services: Vec<ServiceReading>,
}

/// What concerns IPVS as a whole. What this kernel does not show is `None`.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Host {
    /// Of IPVS, such as `1.2.1`.
    pub(crate) version: String,
    /// The buckets of the table of connections.
    pub(crate) table_size: u32,
    pub(crate) connections: Option<u64>,
    pub(crate) totals: Option<Counters>,
    /// The strategies against a shortage of memory that are at work.
    pub(crate) defences: Vec<String>,
    /// The sync daemons: `master eth0 (1)`.
    pub(crate) daemons: Vec<String>,
}

/// A virtual service.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ServiceReading {
    pub(crate) key: ServiceKey,
    pub(crate) scheduler: Name,
    pub(crate) counters: Counters,
    /// In the order of their keys. `None`: not read this time.
    pub(crate) servers: Option<Vec<ServerReading>>,
}

/// A real server of a service.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct ServerReading {
    pub(crate) key: DestinationKey,
    pub(crate) method: Method,
    pub(crate) weight: u32,
    pub(crate) upper_threshold: u32,
    pub(crate) lower_threshold: u32,
    pub(crate) active: u32,
    pub(crate) inactive: u32,
    pub(crate) persistent: u32,
    pub(crate) counters: Counters,
}

impl ServerReading {
    /// The connections that count towards the threshold (`ip_vs_dest_totalconns`).
    pub(crate) fn connections(&self) -> u64 {
        u64::from(self.active) + u64::from(self.inactive)
    }
}

/// Whether replies come through the director.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Method {
    /// They do.
    Masquerade,
    /// They go straight to the client, unless the director happens to be on their way.
    Direct,
    Tunnel,
    /// The server is the director itself.
    Local,
}

impl From<Forwarding> for Method {
    fn from(forwarding: Forwarding) -> Self {
        match forwarding {
            Forwarding::Masquerade => Method::Masquerade,
            Forwarding::Tunnel(_) => Method::Tunnel,
            Forwarding::Local => Method::Local,
            _ => Method::Direct,
        }
    }
}

/// Totals since something was added or zeroed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Counters {
    pub(crate) connections: u64,
    pub(crate) bytes_in: u64,
    pub(crate) bytes_out: u64,
}

impl Counters {
    /// What they have grown by. `None` if one has fallen: then they begin anew.
    pub(crate) fn since(&self, before: &Counters) -> Option<Counters> {
        Some(Counters {
            connections: self.connections.checked_sub(before.connections)?,
            bytes_in: self.bytes_in.checked_sub(before.bytes_in)?,
            bytes_out: self.bytes_out.checked_sub(before.bytes_out)?,
        })
    }
}

impl From<&Stats> for Counters {
    fn from(stats: &Stats) -> Self {
        Counters {
            connections: stats.connections,
            bytes_in: stats.incoming_bytes,
            bytes_out: stats.outgoing_bytes,
        }
    }
}
