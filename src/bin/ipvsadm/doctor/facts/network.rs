//! Links, addresses, routes and neighbours of the network namespace.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Network {
    pub(crate) links: Vec<Link>,
    pub(crate) addresses: Vec<Address>,
    pub(crate) neighbours: Vec<Neighbour>,
    /// Of every table but `local`.
    pub(crate) routes: Vec<Route>,
    /// The policy (`ip rule`), in order.
    pub(crate) rules: Vec<Rule>,
    /// The kernel's answers to "which way does this packet go", asked for every virtual address, every
    /// real server, and every client and multicast group that is named in these facts.
    pub(crate) ways: Vec<Way>,
    /// Sockets that wait for clients. `Facts::unknown` has `listeners` if they could not be read.
    pub(crate) listeners: Vec<Listener>,
    /// On a real server: some of those that have a connection to the service's port.
    pub(crate) peers: Vec<Peer>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Link {
    pub(crate) index: u32,
    pub(crate) name: String,
    /// Set up by the administrator (`IFF_UP`).
    pub(crate) up: bool,
    /// Operational (`IFF_LOWER_UP`).
    pub(crate) carrier: bool,
    pub(crate) loopback: bool,
    pub(crate) multicast: bool,
    /// It has no neighbour entries (`IFF_NOARP`).
    pub(crate) no_arp: bool,
    pub(crate) mtu: u32,
    pub(crate) mac: Option<String>,
    /// Such as `veth`, `bridge`, `ipip`, `gre`, `fou`; `None` for a physical one and `lo`.
    pub(crate) kind: Option<String>,
    /// Large receive offload. `None`: not known.
    pub(crate) lro: Option<bool>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Address {
    pub(crate) address: IpAddr,
    pub(crate) prefix: u8,
    pub(crate) interface: String,
    /// IPv6: another host may have it; the kernel is still asking.
    #[serde(default)]
    pub(crate) tentative: bool,
    /// IPv6: another host has it.
    #[serde(default)]
    pub(crate) duplicate: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Neighbour {
    pub(crate) address: IpAddr,
    pub(crate) interface: String,
    /// As `ip neighbour` has it: `REACHABLE`, `FAILED`, `INCOMPLETE`, ….
    pub(crate) state: String,
    pub(crate) mac: Option<String>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Route {
    pub(crate) table: u32,
    /// `None`: everything.
    pub(crate) to: Option<IpAddr>,
    pub(crate) prefix: u8,
    /// `None`: the server is on the link.
    pub(crate) gateway: Option<IpAddr>,
    pub(crate) interface: Option<String>,
    /// As `ip route` has it: `unicast`, `local`, `blackhole`, ….
    pub(crate) kind: String,
    pub(crate) metric: Option<u32>,
    pub(crate) mtu: Option<u32>,
    pub(crate) ipv6: bool,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Rule {
    pub(crate) priority: u32,
    pub(crate) mark: Option<u32>,
    pub(crate) mask: Option<u32>,
    pub(crate) incoming_interface: Option<String>,
    pub(crate) table: u32,
    pub(crate) ipv6: bool,
}

/// The way of a packet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Way {
    pub(crate) to: IpAddr,
    /// The firewall mark that the packet has. `None`: no mark.
    #[serde(default)]
    pub(crate) mark: Option<u32>,
    pub(crate) kind: WayKind,
    #[serde(default)]
    pub(crate) interface: Option<String>,
    #[serde(default)]
    pub(crate) gateway: Option<IpAddr>,
    /// The source address that the kernel would choose.
    #[serde(default)]
    pub(crate) source: Option<IpAddr>,
    /// What the route says, which is not the interface's.
    #[serde(default)]
    pub(crate) mtu: Option<u32>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum WayKind {
    /// To this host itself.
    Local,
    Unicast,
    Multicast,
    Broadcast,
    /// There is none, or one that drops or refuses.
    None,
}

/// A socket that waits for clients.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Listener {
    /// `TCP` or `UDP`.
    pub(crate) protocol: String,
    /// `0.0.0.0` or `::`: all addresses.
    pub(crate) address: IpAddr,
    pub(crate) port: u16,
}

/// The other end of a connection to a socket of this host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Peer {
    pub(crate) address: IpAddr,
    /// The handshake is not complete: this host has answered more than once, and the peer has not.
    pub(crate) half_open: bool,
}

impl Peer {
    pub(crate) const MOST: usize = 8;
}

/// The answer to something that `--probe` sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Probe {
    /// Who answers to an ARP request (a neighbour solicitation) for a virtual address.
    WhoHas { address: IpAddr, interface: String, answers: Vec<String> },
    /// A TCP connection to a real server: `connected`, `refused`, `timed out` or the error's words.
    Connection { to: std::net::SocketAddr, result: String },
}
