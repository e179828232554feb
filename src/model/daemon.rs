//! The sync daemons, which copy connections from one director to another.

use std::fmt;
use std::net::IpAddr;
use std::num::{NonZeroU8, NonZeroU16};

use super::Name;

/// The role of a sync daemon. A network namespace can run one daemon of each role.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DaemonRole {
    /// Sends this director's connections to others (`IP_VS_STATE_MASTER`).
    Master,
    /// Receives another director's connections (`IP_VS_STATE_BACKUP`).
    Backup,
}

impl fmt::Display for DaemonRole {
    /// `master` or `backup`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            DaemonRole::Master => "master",
            DaemonRole::Backup => "backup",
        })
    }
}

/// The settings of a sync daemon. `None` leaves the choice to the kernel.
///
/// ```
/// use ipvs::{DaemonConfig, Name};
///
/// let config = DaemonConfig { sync_id: 7, ..DaemonConfig::new(Name::from_static("eth0")) };
/// assert_eq!(config.port, None);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct DaemonConfig {
    /// The network interface that messages are multicast through.
    pub interface: Name,
    /// An identifier in each message. A backup whose ID is not 0 ignores messages with another one;
    /// one whose ID is 0 takes all.
    pub sync_id: u8,
    /// The length of the longest message, in bytes of UDP payload. Since Linux 4.3, as is every
    /// field below.
    ///
    /// `None` means as much as fits an MTU of 1500: 1472 with an IPv4 group, 1452 with an IPv6
    /// group; for a backup, as much as fits its interface's MTU if that is larger. The kernel
    /// lowers a length over 65,507 (IPv4) or 65,487 (IPv6), the most that UDP carries, and raises a
    /// backup's to at least 1024 (`start_sync_thread` in `net/netfilter/ipvs/ip_vs_sync.c`).
    pub max_length_bytes: Option<NonZeroU16>,
    /// The multicast group. `None` means 224.0.0.81.
    pub group: Option<IpAddr>,
    /// The UDP port, in host byte order. `None` means 8848.
    pub port: Option<NonZeroU16>,
    /// The time to live of each message: 1, which is what `None` means, keeps messages from passing
    /// a router.
    pub ttl: Option<NonZeroU8>,
}

impl DaemonConfig {
    /// Settings for a daemon on this interface: sync ID 0, and the kernel's choice for the rest.
    pub const fn new(interface: Name) -> Self {
        DaemonConfig {
            interface,
            sync_id: 0,
            max_length_bytes: None,
            group: None,
            port: None,
            ttl: None,
        }
    }
}

/// A running sync daemon, as the kernel reports it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Daemon {
    /// Its role: whether it sends or receives.
    pub role: DaemonRole,
    /// Its settings, including what the kernel chose. Before Linux 4.3 the kernel does not report
    /// the fields that are optional; these are then `None`.
    pub config: DaemonConfig,
}

impl Daemon {
    /// A daemon as a kernel would report it, for tests and mocks.
    pub const fn new(role: DaemonRole, config: DaemonConfig) -> Self {
        Daemon { role, config }
    }
}
