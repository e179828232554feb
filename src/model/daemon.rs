//! The sync daemons, which tell another director of this one's connections.

use std::fmt;
use std::net::IpAddr;
use std::num::{NonZeroU8, NonZeroU16};

use super::Name;

/// What a sync daemon does. A director may run one of each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DaemonRole {
    /// Sends this director's connections (`IP_VS_STATE_MASTER`).
    Master,
    /// Takes another director's connections (`IP_VS_STATE_BACKUP`).
    Backup,
}

impl fmt::Display for DaemonRole {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            DaemonRole::Master => "master",
            DaemonRole::Backup => "backup",
        })
    }
}

/// What a sync daemon is started with. `None` leaves the choice to the kernel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct DaemonConfig {
    /// The interface to multicast through.
    pub interface: Name,
    /// Marks the messages; a backup with an ID other than 0 takes only those that carry it.
    pub sync_id: u8,
    /// The longest message, in bytes of UDP payload. `None`: what fits
    /// an MTU of 1500, which is 1472 with an IPv4 group and 1452 with an IPv6 one; for a backup,
    /// what fits its interface's MTU if that is larger. The kernel brings it down to what UDP
    /// carries, 65,507 or 65,487, and a backup's up to 1024. Since Linux 4.3, like all that follow.
    pub max_length_bytes: Option<NonZeroU16>,
    /// The multicast group. `None`: 224.0.0.81.
    pub group: Option<IpAddr>,
    /// The UDP port, in host byte order. `None`: 8848.
    pub port: Option<NonZeroU16>,
    /// How many routers a message may pass, and one. `None`: 1.
    pub ttl: Option<NonZeroU8>,
}

impl DaemonConfig {
    /// A daemon on this interface, with sync ID 0 and the kernel's choice for the rest.
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

/// A sync daemon that runs. Since Linux 4.3 the kernel reports each value that it chose; before,
/// what it does not report is `None`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Daemon {
    /// Whether it sends or receives.
    pub role: DaemonRole,
    /// Its settings, with the values that the kernel chose filled in.
    pub config: DaemonConfig,
}

impl Daemon {
    /// A daemon with these settings, as a kernel would report it: for tests and mocks.
    pub const fn new(role: DaemonRole, config: DaemonConfig) -> Self {
        Daemon { role, config }
    }
}
