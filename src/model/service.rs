//! Virtual services.

use std::cmp::Ordering;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::num::NonZeroU32;

use super::scheduler::DEFAULT_SCHEDULER;
use super::{Name, SchedulerFlags, Stats};

/// The transport protocol of a virtual service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Protocol {
    /// TCP, protocol number 6.
    Tcp,
    /// UDP, protocol number 17.
    Udp,
    /// SCTP, protocol number 132.
    Sctp,
    /// Any other protocol number. The kernel accepts a service with one, but balances no other
    /// protocol as of Linux 7.2.
    Other(u16),
}

impl Protocol {
    /// The protocol's number: 6, 17 and 132 for TCP, UDP and SCTP.
    pub const fn number(self) -> u16 {
        match self {
            Protocol::Tcp => 6,
            Protocol::Udp => 17,
            Protocol::Sctp => 132,
            Protocol::Other(number) => number,
        }
    }

    /// The protocol with this number.
    pub const fn from_number(number: u16) -> Self {
        match number {
            6 => Protocol::Tcp,
            17 => Protocol::Udp,
            132 => Protocol::Sctp,
            other => Protocol::Other(other),
        }
    }
}

impl fmt::Display for Protocol {
    /// `TCP`, `UDP`, `SCTP`, or the number.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Protocol::Tcp => f.pad("TCP"),
            Protocol::Udp => f.pad("UDP"),
            Protocol::Sctp => f.pad("SCTP"),
            Protocol::Other(number) => fmt::Display::fmt(number, f),
        }
    }
}

/// An address family: IPv4 or IPv6.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AddressFamily {
    /// IPv4 (`AF_INET`).
    V4,
    /// IPv6 (`AF_INET6`).
    V6,
}

impl AddressFamily {
    /// The family of an address.
    pub const fn of(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(_) => AddressFamily::V4,
            IpAddr::V6(_) => AddressFamily::V6,
        }
    }
}

impl fmt::Display for AddressFamily {
    /// `IPv4` or `IPv6`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            AddressFamily::V4 => "IPv4",
            AddressFamily::V6 => "IPv6",
        })
    }
}

/// The identity of a virtual service: the packets that it is for.
///
/// Keys sort as `ipvsadm` lists services: those with an address first, by family, protocol number,
/// address and port; then those with a firewall mark, by mark and family.
///
/// ```
/// use ipvs::ServiceKey;
///
/// let web = ServiceKey::tcp(([192, 0, 2, 1], 80));
/// assert_eq!(web.to_string(), "TCP 192.0.2.1:80");
/// assert_eq!("TCP 192.0.2.1:80".parse(), Ok(web));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ServiceKey {
    /// Packets of a protocol to an address and port.
    Address {
        /// The protocol.
        protocol: Protocol,
        /// The virtual address (VIP).
        address: IpAddr,
        /// The port, in host byte order. 0 means every port that no other service has. Such a
        /// service must be persistent: the kernel accepts one that is not, but never schedules a
        /// connection for it (`ip_vs_schedule` in `net/netfilter/ipvs/ip_vs_core.c`).
        port: u16,
    },
    /// Packets with a firewall mark, whatever their address, protocol and port.
    FirewallMark {
        /// The mark, as `iptables -j MARK` sets it. The kernel uses 0 for packets without a mark.
        mark: NonZeroU32,
        /// The family of the packets: one mark can have a service for each.
        family: AddressFamily,
    },
}

impl ServiceKey {
    /// A TCP service at this address and port.
    pub fn tcp(address: impl Into<SocketAddr>) -> Self {
        Self::address(Protocol::Tcp, address.into())
    }

    /// A UDP service at this address and port.
    pub fn udp(address: impl Into<SocketAddr>) -> Self {
        Self::address(Protocol::Udp, address.into())
    }

    /// An SCTP service at this address and port.
    pub fn sctp(address: impl Into<SocketAddr>) -> Self {
        Self::address(Protocol::Sctp, address.into())
    }

    /// A service for packets of this family with this firewall mark.
    pub fn firewall_mark(mark: NonZeroU32, family: AddressFamily) -> Self {
        ServiceKey::FirewallMark { mark, family }
    }

    fn address(protocol: Protocol, address: SocketAddr) -> Self {
        ServiceKey::Address { protocol, address: address.ip(), port: address.port() }
    }

    /// The family of the packets that the service is for.
    pub fn family(&self) -> AddressFamily {
        match self {
            ServiceKey::Address { address, .. } => AddressFamily::of(*address),
            ServiceKey::FirewallMark { family, .. } => *family,
        }
    }

    /// The service's port, in host byte order; 0 for a firewall mark, which has none.
    pub fn port(&self) -> u16 {
        match self {
            ServiceKey::Address { port, .. } => *port,
            ServiceKey::FirewallMark { .. } => 0,
        }
    }
}

impl Ord for ServiceKey {
    fn cmp(&self, other: &Self) -> Ordering {
        use ServiceKey::{Address, FirewallMark};
        match (self, other) {
            (Address { .. }, FirewallMark { .. }) => Ordering::Less,
            (FirewallMark { .. }, Address { .. }) => Ordering::Greater,
            (FirewallMark { mark, family }, FirewallMark { mark: mark2, family: family2 }) => {
                (mark, family).cmp(&(mark2, family2))
            }
            (
                Address { protocol, address, port },
                Address { protocol: protocol2, address: address2, port: port2 },
            ) => self
                .family()
                .cmp(&other.family())
                .then_with(|| protocol.number().cmp(&protocol2.number()))
                .then_with(|| address.cmp(address2))
                .then_with(|| port.cmp(port2)),
        }
    }
}

impl PartialOrd for ServiceKey {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for ServiceKey {
    /// As `ipvsadm -Ln` writes it: `TCP 192.0.2.1:80`, `FWM 5`, `FWM 5 IPv6`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ServiceKey::Address { protocol, address, port } => {
                write!(f, "{protocol} {}", SocketAddr::new(*address, *port))
            }
            ServiceKey::FirewallMark { mark, family: AddressFamily::V4 } => {
                write!(f, "FWM {mark}")
            }
            ServiceKey::FirewallMark { mark, family: AddressFamily::V6 } => {
                write!(f, "FWM {mark} IPv6")
            }
        }
    }
}

/// The clients that a persistent service treats as one: those whose addresses are equal under the
/// mask.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Netmask {
    /// A mask for IPv4 addresses. Its bits need not be contiguous.
    V4(Ipv4Addr),
    /// A prefix length for IPv6 addresses: 1 to 128. The kernel refuses any other
    /// ([`Invalid`](crate::RefusalKind::Invalid)).
    V6(u8),
}

impl Netmask {
    /// The default mask: 255.255.255.255 or 128, under which each address is a client of its own.
    pub const fn host(family: AddressFamily) -> Self {
        match family {
            AddressFamily::V4 => Netmask::V4(Ipv4Addr::BROADCAST),
            AddressFamily::V6 => Netmask::V6(128),
        }
    }

    /// True if each address is a client of its own.
    pub fn is_host(&self) -> bool {
        *self == Self::host(self.family())
    }

    /// The family of the services that this mask is for.
    pub const fn family(&self) -> AddressFamily {
        match self {
            Netmask::V4(_) => AddressFamily::V4,
            Netmask::V6(_) => AddressFamily::V6,
        }
    }
}

impl fmt::Display for Netmask {
    /// `255.255.255.0` or, for IPv6, the prefix length: `64`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Netmask::V4(mask) => fmt::Display::fmt(mask, f),
            Netmask::V6(length) => fmt::Display::fmt(length, f),
        }
    }
}

/// Persistence: a client's later connections go to the same real server as its first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Persistence {
    /// How long a client is remembered after its last connection has ended, in seconds. The kernel
    /// accepts 0, and then forgets the client at once. It counts in ticks, 100 to 1000 a second, in
    /// 32 bits: every kernel keeps up to 4,294,967 seconds, and reports more than fits as less,
    /// without an error.
    pub timeout_seconds: u32,
    /// The clients that count as one. Must be of the service's family.
    pub netmask: Netmask,
}

impl Persistence {
    /// The timeout of `ipvsadm -p` without a number, in seconds.
    pub const DEFAULT_TIMEOUT_SECONDS: u32 = 360;

    /// Persistence with this timeout, for each client address by itself.
    pub fn new(family: AddressFamily, timeout_seconds: u32) -> Self {
        Persistence { timeout_seconds, netmask: Netmask::host(family) }
    }
}

/// The configuration of a virtual service.
///
/// ```
/// use ipvs::{AddressFamily, Persistence, ServiceConfig};
/// let config = ServiceConfig {
///     persistence: Some(Persistence::new(AddressFamily::V4, 300)),
///     ..ServiceConfig::new("wrr".parse()?)
/// };
/// # Ok::<(), ipvs::ParseError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ServiceConfig {
    /// The scheduler. The kernel loads its module (`ip_vs_NAME`) when a service first names it.
    /// Since Linux 4.2 a service can be without one, which the kernel reports as `none`.
    pub scheduler: Name,
    /// Flags for the scheduler.
    pub scheduler_flags: SchedulerFlags,
    /// Persistence. `None` means that each connection is scheduled by itself.
    pub persistence: Option<Persistence>,
    /// The persistence engine, which identifies a client by a packet's payload. The mainline kernel
    /// has one, `sip`. `None` means that clients are identified by their address.
    pub persistence_engine: Option<Name>,
    /// One-packet scheduling: each UDP datagram is scheduled by itself.
    pub one_packet: bool,
}

impl ServiceConfig {
    /// A configuration with this scheduler: no flags, no persistence, no one-packet scheduling.
    pub const fn new(scheduler: Name) -> Self {
        ServiceConfig {
            scheduler,
            scheduler_flags: SchedulerFlags::NONE,
            persistence: None,
            persistence_engine: None,
            one_packet: false,
        }
    }
}

impl Default for ServiceConfig {
    /// The scheduler `wlc` (weighted least connections), as with `ipvsadm -A` without options.
    fn default() -> Self {
        Self::new(DEFAULT_SCHEDULER)
    }
}

/// A virtual service as the kernel reports it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Service {
    /// Its protocol, address and port, or its firewall mark; unique in the table.
    pub key: ServiceKey,
    /// Its configuration.
    pub config: ServiceConfig,
    /// Its counters and rates. `None` if it was read with
    /// [`Statistics::Skip`](crate::Statistics::Skip). In a box, because most readers of a large
    /// table do without, and a service is then half the size.
    pub stats: Option<Box<Stats>>,
}

impl Service {
    /// A service without statistics as a kernel would report it, for tests and mocks.
    ///
    /// ```
    /// use ipvs::{Service, ServiceConfig, ServiceKey, Stats};
    /// let key = ServiceKey::tcp(([192, 0, 2, 1], 80));
    /// let mut service = Service::new(key, ServiceConfig::default());
    /// assert_eq!(service.stats, None);
    /// service.stats = Some(Box::new(Stats::default()));
    /// ```
    pub const fn new(key: ServiceKey, config: ServiceConfig) -> Self {
        Service { key, config, stats: None }
    }
}
