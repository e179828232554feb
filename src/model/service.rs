//! Virtual services.

use std::cmp::Ordering;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::num::NonZeroU32;

use super::scheduler::DEFAULT_SCHEDULER;
use super::{Name, SchedulerFlags, Stats};

/// The transport protocol of a virtual service that is known by its address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Protocol {
    /// TCP, protocol number 6.
    Tcp,
    /// UDP, protocol number 17.
    Udp,
    /// SCTP, protocol number 132.
    Sctp,
    /// Any other protocol number. The kernel takes a service with one, but balances none today.
    Other(u16),
}

impl Protocol {
    /// The protocol's number, as in `IPPROTO_TCP`.
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

/// IPv4 or IPv6.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AddressFamily {
    /// `AF_INET`
    V4,
    /// `AF_INET6`
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
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            AddressFamily::V4 => "IPv4",
            AddressFamily::V6 => "IPv6",
        })
    }
}

/// What tells one virtual service from another.
///
/// Keys sort as `ipvsadm` lists them: by firewall mark (a service with an address counts as mark
/// 0), family, protocol, address and port, each as an unsigned number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ServiceKey {
    /// Packets of a protocol to an address and port.
    Address {
        /// The protocol.
        protocol: Protocol,
        /// The virtual address (VIP).
        address: IpAddr,
        /// The port, in host byte order. 0 means all ports that no other service has. It is of
        /// use for a persistent service only: the kernel takes another one too, but schedules no
        /// connection for it (`ip_vs_schedule` in net/netfilter/ipvs/ip_vs_core.c).
        port: u16,
    },
    /// Packets that carry a firewall mark, whatever their address, protocol and port.
    FirewallMark {
        /// The mark, as `iptables -j MARK` sets it.
        mark: NonZeroU32,
        /// Whether the service balances IPv4 or IPv6 packets.
        family: AddressFamily,
    },
}

impl ServiceKey {
    /// A TCP service.
    pub fn tcp(address: impl Into<SocketAddr>) -> Self {
        Self::address(Protocol::Tcp, address.into())
    }

    /// A UDP service.
    pub fn udp(address: impl Into<SocketAddr>) -> Self {
        Self::address(Protocol::Udp, address.into())
    }

    /// An SCTP service.
    pub fn sctp(address: impl Into<SocketAddr>) -> Self {
        Self::address(Protocol::Sctp, address.into())
    }

    /// A service known by its firewall mark, for IPv4 or IPv6 packets.
    pub fn firewall_mark(mark: NonZeroU32, family: AddressFamily) -> Self {
        ServiceKey::FirewallMark { mark, family }
    }

    fn address(protocol: Protocol, address: SocketAddr) -> Self {
        ServiceKey::Address { protocol, address: address.ip(), port: address.port() }
    }

    /// Whether the service balances IPv4 or IPv6 packets.
    pub fn family(&self) -> AddressFamily {
        match self {
            ServiceKey::Address { address, .. } => AddressFamily::of(*address),
            ServiceKey::FirewallMark { family, .. } => *family,
        }
    }

    /// The service's port; 0 for a firewall mark, which has none.
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

/// Which clients count as one for a persistent service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Netmask {
    /// For IPv4: a mask over the client's address. The bits need not be contiguous.
    V4(Ipv4Addr),
    /// For IPv6: the length of the client's network prefix, 1 to 128. The kernel refuses others
    /// ([`Invalid`](crate::RefusalKind::Invalid)).
    V6(u8),
}

impl Netmask {
    /// The default: each client host by itself.
    pub const fn host(family: AddressFamily) -> Self {
        match family {
            AddressFamily::V4 => Netmask::V4(Ipv4Addr::BROADCAST),
            AddressFamily::V6 => Netmask::V6(128),
        }
    }

    /// Whether each client host counts by itself.
    pub fn is_host(&self) -> bool {
        *self == Self::host(self.family())
    }

    /// The family of the services that the mask fits.
    pub const fn family(&self) -> AddressFamily {
        match self {
            Netmask::V4(_) => AddressFamily::V4,
            Netmask::V6(_) => AddressFamily::V6,
        }
    }
}

impl fmt::Display for Netmask {
    /// The dotted mask, or the prefix length.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Netmask::V4(mask) => fmt::Display::fmt(mask, f),
            Netmask::V6(length) => fmt::Display::fmt(length, f),
        }
    }
}

/// That a client keeps the real server that it was first given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Persistence {
    /// How long a client is remembered after its last connection ended, in seconds. The kernel
    /// takes 0 and then forgets at once. It keeps the time in ticks, of which there are 100 to
    /// 1000 a second, in 32 bits: up to 4,294,967 seconds are kept everywhere, and more than
    /// fits comes back as less, without an error.
    pub timeout_seconds: u32,
    /// Which clients count as one. It must be of the service's family.
    pub netmask: Netmask,
}

impl Persistence {
    /// The timeout that `ipvsadm -p` sets when none is written, in seconds.
    pub const DEFAULT_TIMEOUT_SECONDS: u32 = 360;

    /// Persistence for each client host by itself.
    pub fn new(family: AddressFamily, timeout_seconds: u32) -> Self {
        Persistence { timeout_seconds, netmask: Netmask::host(family) }
    }
}

/// What an administrator sets on a virtual service.
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
    /// The scheduler. The kernel loads its module when it is first asked for; a kernel since 4.2
    /// reports `none` for a service without one.
    pub scheduler: Name,
    /// Flags for the scheduler.
    pub scheduler_flags: SchedulerFlags,
    /// `None` means that each connection is scheduled anew.
    pub persistence: Option<Persistence>,
    /// The persistence engine, which finds the client in the payload (`sip` is the one in the
    /// mainline kernel). `None` means by the client's address.
    pub persistence_engine: Option<Name>,
    /// One-packet scheduling: each UDP datagram is scheduled by itself.
    pub one_packet: bool,
}

impl ServiceConfig {
    /// A service with this scheduler and nothing else set.
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
    /// Weighted least connections (`wlc`), as `ipvsadm -A` without options.
    fn default() -> Self {
        Self::new(DEFAULT_SCHEDULER)
    }
}

/// A virtual service as the kernel reports it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Service {
    /// Its address and protocol, or its firewall mark: unique in the table.
    pub key: ServiceKey,
    /// Its settings.
    pub config: ServiceConfig,
    /// Its counters and rates. `None` if it was read with
    /// [`Statistics::Skip`](crate::Statistics::Skip). Boxed, since without them a service is half
    /// the size, and most readers of a large table have no use for them.
    pub stats: Option<Box<Stats>>,
}

impl Service {
    /// A service without statistics, as a kernel would report it: for tests and mocks.
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
