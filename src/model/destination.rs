//! Real servers, which the kernel calls destinations.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroU16;

use super::{AddressFamily, Stats};

/// What tells one real server of a service from another.
///
/// Keys sort by address and port, as unsigned numbers, IPv4 before IPv6.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DestinationKey {
    /// The real server's address.
    pub address: IpAddr,
    /// Its port, in host byte order. With direct routing and tunnels the kernel sends packets to
    /// the service's port whatever stands here. 0 in a service for all ports, or known by its
    /// firewall mark, leaves the client's choice of port.
    pub port: u16,
}

impl DestinationKey {
    /// The family of the real server's address. It may differ from the service's in a tunnel,
    /// since Linux 3.18.
    pub const fn family(&self) -> AddressFamily {
        AddressFamily::of(self.address)
    }
}

impl<T: Into<SocketAddr>> From<T> for DestinationKey {
    fn from(address: T) -> Self {
        let address = address.into();
        DestinationKey { address: address.ip(), port: address.port() }
    }
}

impl fmt::Display for DestinationKey {
    /// `192.0.2.1:80`, `[2001:db8::1]:80`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&SocketAddr::new(self.address, self.port), f)
    }
}

/// How packets reach a real server: the forwarding method.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Forwarding {
    /// Network address translation (`IP_VS_CONN_F_MASQ`): the director rewrites the address both
    /// ways, so replies must pass through it.
    Masquerade,
    /// Direct routing (`IP_VS_CONN_F_DROUTE`): the packet goes to the real server's link address
    /// unchanged; the real server must hold the virtual address. The default of `ipvsadm`.
    #[default]
    DirectRoute,
    /// The packet goes to the real server inside another one (`IP_VS_CONN_F_TUNNEL`).
    Tunnel(Tunnel),
    /// Delivered on the director itself (`IP_VS_CONN_F_LOCALNODE`). A server whose address is the
    /// director's own is treated so whatever its method, which it keeps.
    Local,
    /// Sent on past the balancer (`IP_VS_CONN_F_BYPASS`).
    Bypass,
    /// A method that this library does not know, by its number: 5 to 7. The kernel keeps the
    /// lowest three bits of what it is given (`IP_VS_CONN_F_FWD_MASK`).
    Other(u8),
}

/// How a packet is wrapped for its way through a tunnel.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Tunnel {
    /// IP in IP (`IP_VS_CONN_F_TUNNEL_TYPE_IPIP`), the default, and all that kernels before 5.2
    /// have.
    #[default]
    Ipip,
    /// Generic UDP encapsulation (`IP_VS_CONN_F_TUNNEL_TYPE_GUE`), since Linux 5.2.
    Gue {
        /// The UDP port that the real server takes the packets on.
        port: NonZeroU16,
        /// What protects the outer header.
        checksum: TunnelChecksum,
    },
    /// Generic routing encapsulation (`IP_VS_CONN_F_TUNNEL_TYPE_GRE`), since Linux 5.3.
    Gre {
        /// What protects the outer header. GRE has no remote checksum.
        checksum: TunnelChecksum,
    },
    /// A type that this library does not know, or a known one with flags that it does not know.
    /// The kernel takes any, except GUE without a port.
    Other {
        /// `IPVS_DEST_ATTR_TUN_TYPE`
        kind: u8,
        /// `IPVS_DEST_ATTR_TUN_PORT`, in host byte order.
        port: u16,
        /// `IPVS_DEST_ATTR_TUN_FLAGS`
        flags: u16,
    },
}

/// What protects the header that a tunnel puts around a packet.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TunnelChecksum {
    /// Nothing (`IP_VS_TUNNEL_ENCAP_FLAG_NOCSUM`), the default.
    #[default]
    None,
    /// A checksum (`IP_VS_TUNNEL_ENCAP_FLAG_CSUM`).
    Checksum,
    /// Remote checksum offload (`IP_VS_TUNNEL_ENCAP_FLAG_REMCSUM`), for GUE only.
    Remote,
}

/// What an administrator sets on a real server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct DestinationConfig {
    /// The forwarding method.
    pub forwarding: Forwarding,
    /// The server's share of new connections, against the other servers' weights: 0 to
    /// 2147483647. 0 gives it none and lets those that it has go on.
    pub weight: u32,
    /// At this many connections the server gets no more. 0 means no limit. Any number will do.
    pub upper_threshold: u32,
    /// Below this many connections a server that was full gets new ones again. 0 means three
    /// quarters of the upper threshold. It must not exceed the upper one.
    pub lower_threshold: u32,
}

impl Default for DestinationConfig {
    /// Direct routing, weight 1, no thresholds, as `ipvsadm -a` without options.
    fn default() -> Self {
        DestinationConfig {
            forwarding: Forwarding::default(),
            weight: 1,
            upper_threshold: 0,
            lower_threshold: 0,
        }
    }
}

/// A real server as the kernel reports it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Destination {
    /// Its address and port: unique in its service.
    pub key: DestinationKey,
    /// Its settings.
    pub config: DestinationConfig,
    /// Connections in an active state; for TCP, established ones.
    pub active_connections: u32,
    /// Connections in any other state.
    pub inactive_connections: u32,
    /// Persistence templates that point to this server: one a client that it keeps.
    pub persistent_connections: u32,
    /// Its counters and rates. `None` if it was read with
    /// [`Statistics::Skip`](crate::Statistics::Skip).
    pub stats: Option<Box<Stats>>,
}

impl Destination {
    /// A real server without connections and statistics, as a kernel would report it: for tests
    /// and mocks.
    ///
    /// ```
    /// use ipvs::{Destination, DestinationConfig, DestinationKey};
    /// let key = DestinationKey::from(([10, 0, 0, 1], 8080));
    /// let mut server = Destination::new(key, DestinationConfig::default());
    /// server.active_connections = 12;
    /// ```
    pub const fn new(key: DestinationKey, config: DestinationConfig) -> Self {
        Destination {
            key,
            config,
            active_connections: 0,
            inactive_connections: 0,
            persistent_connections: 0,
            stats: None,
        }
    }
}
