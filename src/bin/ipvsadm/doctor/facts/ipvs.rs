//! What IPVS itself says.

use std::collections::BTreeMap;
use std::net::IpAddr;

use ::ipvs::{DestinationKey, ServiceKey};
use serde::{Deserialize, Serialize};

use super::text;

/// The table, the timeouts and the daemons.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Ipvs {
    /// Buckets of the table of connections. From Linux 7.1 on it grows, and has none at first.
    pub(crate) table_size: u32,
    /// `None`: the kernel does not tell, as before Linux 7.1, where the size is fixed.
    pub(crate) table_use: Option<TableUse>,
    /// The most that the table's size can be, as a power of two (`conn_tab_bits`). `None`: not known.
    pub(crate) table_most_bits: Option<u32>,
    /// By their keys.
    pub(crate) services: Vec<Service>,
    /// Seconds.
    pub(crate) tcp_timeout: u32,
    /// Seconds.
    pub(crate) tcp_fin_timeout: u32,
    /// Seconds.
    pub(crate) udp_timeout: u32,
    pub(crate) daemons: Vec<Daemon>,
}

/// How full the table of connections is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct TableUse {
    /// The size, as a power of two.
    pub(crate) bits: u32,
    /// `conn_lfactor`.
    pub(crate) load_factor: i32,
    /// How many buckets hold so many connections, by how many. 7 stands for more, too.
    pub(crate) chains: BTreeMap<u32, u32>,
}

/// A virtual service.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Service {
    #[serde(with = "text")]
    pub(crate) key: ServiceKey,
    /// `none` if the kernel has lost it.
    pub(crate) scheduler: String,
    /// As `-b` has them.
    #[serde(default)]
    pub(crate) flags: Vec<String>,
    /// Seconds; `None`: not persistent.
    #[serde(default)]
    pub(crate) persistent: Option<u32>,
    #[serde(default)]
    pub(crate) one_packet: bool,
    /// Since it was added or zeroed.
    #[serde(default)]
    pub(crate) counters: Counters,
    /// What was added to them while they were watched.
    #[serde(default)]
    pub(crate) growth: Counters,
    /// By their keys.
    #[serde(default)]
    pub(crate) servers: Vec<Server>,
}

/// A real server of a service.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Server {
    #[serde(with = "text")]
    pub(crate) key: DestinationKey,
    pub(crate) method: Method,
    /// `None` unless `method` is a tunnel.
    #[serde(default)]
    pub(crate) tunnel: Option<Tunnel>,
    pub(crate) weight: u32,
    /// 0: no limit.
    #[serde(default)]
    pub(crate) upper_threshold: u32,
    #[serde(default)]
    pub(crate) lower_threshold: u32,
    #[serde(default)]
    pub(crate) active: u32,
    #[serde(default)]
    pub(crate) inactive: u32,
    #[serde(default)]
    pub(crate) counters: Counters,
    /// What was added to them while they were watched.
    #[serde(default)]
    pub(crate) growth: Counters,
}

impl Server {
    /// True if it gets no new connections because it has too many.
    pub(crate) fn is_full(&self) -> bool {
        self.upper_threshold > 0
            && self.active.saturating_add(self.inactive) >= self.upper_threshold
    }
}

/// How packets reach a real server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Method {
    Masquerade,
    /// Direct routing.
    Direct,
    Tunnel,
    /// The server is the director itself.
    Local,
}

/// The type of a tunnel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Tunnel {
    Ipip,
    /// With the UDP port, and the length of what stands between the headers.
    Gue {
        port: u16,
    },
    Gre {
        checksum: bool,
    },
}

/// Totals. The kernel copies them every two seconds, so that they may be as old.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Counters {
    pub(crate) connections: u64,
    pub(crate) incoming_packets: u64,
    pub(crate) outgoing_packets: u64,
}

/// A sync daemon.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Daemon {
    /// `master` or `backup`.
    pub(crate) role: String,
    pub(crate) interface: String,
    pub(crate) sync_id: u8,
    pub(crate) group: Option<IpAddr>,
    pub(crate) port: Option<u16>,
    pub(crate) ttl: Option<u8>,
}
