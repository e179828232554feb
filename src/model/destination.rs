//! Real servers, which the kernel calls destinations.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroU16;

use super::{AddressFamily, Stats};

/// The identity of a real server within its service: address and port.
///
/// Keys sort by address and then port, IPv4 before IPv6.
///
/// ```
/// use ipvs::DestinationKey;
///
/// let key: DestinationKey = "10.0.0.1:8080".parse()?;
/// assert_eq!(key, DestinationKey::from(([10, 0, 0, 1], 8080)));
/// # Ok::<(), ipvs::ParseError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DestinationKey {
    /// The real server's address.
    pub address: IpAddr,
    /// Its port, in host byte order. With direct routing and tunnels the packets keep the port that
    /// the client chose, whatever this says. In a service for all ports or for a firewall mark, 0
    /// keeps that port with masquerading too.
    pub port: u16,
}

impl DestinationKey {
    /// The family of the real server's address. Since Linux 3.18 it may differ from the service's
    /// if the server is reached through a tunnel.
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
    /// `192.0.2.1:80`, `[2001:db8::1]:80`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&SocketAddr::new(self.address, self.port), f)
    }
}

/// How packets reach a real server: the forwarding method.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Forwarding {
    /// Network address translation (`IP_VS_CONN_F_MASQ`): the director rewrites addresses and ports
    /// both ways, so replies must pass through it.
    Masquerade,
    /// Direct routing (`IP_VS_CONN_F_DROUTE`): the packet is sent unchanged to the real server's
    /// link-layer address. The real server must accept packets for the virtual address, and replies
    /// to the client directly. The default, here and of `ipvsadm`.
    #[default]
    DirectRoute,
    /// Tunneling (`IP_VS_CONN_F_TUNNEL`): the packet is sent to the real server inside another
    /// packet. The real server must accept packets for the virtual address, and replies to the
    /// client directly.
    Tunnel(Tunnel),
    /// Delivery on the director itself (`IP_VS_CONN_F_LOCALNODE`). A server whose address is the
    /// director's own is treated like this whatever its method says.
    Local,
    /// Sent to the packet's original destination, past the balancer (`IP_VS_CONN_F_BYPASS`). The
    /// kernel uses this for its own connections; a server has no use for it.
    Bypass,
    /// A method that this library does not know, by its number: 5 to 7. The kernel keeps only the
    /// lowest three bits of what it is sent (`IP_VS_CONN_F_FWD_MASK`).
    Other(u8),
}

/// How packets are wrapped for a tunnel to a real server.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Tunnel {
    /// IP in IP (`IP_VS_CONN_F_TUNNEL_TYPE_IPIP`). The default, and the only type before Linux 5.2.
    #[default]
    Ipip,
    /// Generic UDP encapsulation (`IP_VS_CONN_F_TUNNEL_TYPE_GUE`), since Linux 5.2.
    Gue {
        /// The UDP port at which the real server receives the packets, in host byte order.
        port: NonZeroU16,
        /// The checksum of the outer header.
        checksum: TunnelChecksum,
    },
    /// Generic routing encapsulation (`IP_VS_CONN_F_TUNNEL_TYPE_GRE`), since Linux 5.3.
    Gre {
        /// The checksum of the outer header. GRE has no [`Remote`](TunnelChecksum::Remote).
        checksum: TunnelChecksum,
    },
    /// A type that this library does not know, or a known type with flags that it does not know.
    /// The kernel accepts any, except GUE without a port.
    Other {
        /// The type (`IPVS_DEST_ATTR_TUN_TYPE`).
        kind: u8,
        /// The UDP port (`IPVS_DEST_ATTR_TUN_PORT`), in host byte order.
        port: u16,
        /// The flags (`IPVS_DEST_ATTR_TUN_FLAGS`).
        flags: u16,
    },
}

/// The checksum of the header that a tunnel puts around a packet.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TunnelChecksum {
    /// None (`IP_VS_TUNNEL_ENCAP_FLAG_NOCSUM`). The default.
    #[default]
    None,
    /// The usual one (`IP_VS_TUNNEL_ENCAP_FLAG_CSUM`).
    Checksum,
    /// Remote checksum offload (`IP_VS_TUNNEL_ENCAP_FLAG_REMCSUM`), for GUE only.
    Remote,
}

/// The configuration of a real server.
///
/// ```
/// use ipvs::{DestinationConfig, Forwarding};
///
/// let config = DestinationConfig {
///     forwarding: Forwarding::Masquerade,
///     weight: 3,
///     ..DestinationConfig::default()
/// };
/// assert_eq!(config.upper_threshold, 0);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct DestinationConfig {
    /// The forwarding method.
    pub forwarding: Forwarding,
    /// The server's share of new connections, relative to the weights of the others: 0 to
    /// [`MAX_WEIGHT`](Self::MAX_WEIGHT). 0 gives it none, and leaves its existing connections
    /// alone. Schedulers without weights, such as `rr`, only distinguish 0.
    pub weight: u32,
    /// The number of connections, active and inactive, at which the server gets no new ones. 0
    /// means no limit.
    pub upper_threshold: u32,
    /// The number of connections below which a server that had reached the upper threshold gets new
    /// ones again. 0 means three quarters of the upper threshold. It must not exceed the upper one.
    pub lower_threshold: u32,
}

impl Default for DestinationConfig {
    /// Direct routing, weight 1 and no thresholds, as with `ipvsadm -a` without options.
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
    /// Its address and port, unique within its service.
    pub key: DestinationKey,
    /// Its configuration.
    pub config: DestinationConfig,
    /// Connections in an active state; for TCP, established ones.
    pub active_connections: u32,
    /// Connections in any other state.
    pub inactive_connections: u32,
    /// Persistence templates that point to this server: one for each client that is bound to it.
    pub persistent_connections: u32,
    /// Its counters and rates. `None` if it was read with
    /// [`Statistics::Skip`](crate::Statistics::Skip).
    pub stats: Option<Box<Stats>>,
}

impl Destination {
    /// A real server without connections and statistics as a kernel would report it, for tests and
    /// mocks.
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
