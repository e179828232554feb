//! The kernel's list of connections, summed up: there may be a million.

use std::net::{IpAddr, SocketAddr};

use ::ipvs::{DestinationKey, ServiceKey};
use serde::{Deserialize, Serialize};

use super::text;

/// The connections, as they were at the end of the watch.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Connections {
    /// All of them, persistence templates included.
    pub(crate) total: u64,
    /// Sorted by service; those of none come first.
    pub(crate) groups: Vec<Group>,
    /// Connections that are in no group, as there would be more than
    /// [`Connections::MOST_GROUPS`].
    pub(crate) ungrouped: u64,
    /// Some clients, at most [`Connections::MOST_CLIENTS`].
    pub(crate) clients: Vec<IpAddr>,
}

impl Connections {
    pub(crate) const MOST_GROUPS: usize = 100_000;
    pub(crate) const MOST_CLIENTS: usize = 32;
}

/// The connections between one virtual service and one real server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Group {
    /// `None`: it is no longer there, or no telling which firewall mark the packets had.
    #[serde(default, with = "text::optional")]
    pub(crate) service: Option<ServiceKey>,
    /// The server as the service has it. `None`: the service has no such server.
    #[serde(default, with = "text::optional")]
    pub(crate) destination: Option<DestinationKey>,
    /// `TCP`, `UDP`, `SCTP`; `IP` for the templates of a firewall mark's service.
    pub(crate) protocol: String,
    /// What the first of them connected to. A service of a firewall mark has more than one address.
    pub(crate) to: SocketAddr,
    /// The server, as the first of them has it.
    pub(crate) server: SocketAddr,
    /// Those that this director has made. Persistence templates are not among them.
    #[serde(default)]
    pub(crate) connections: u64,
    /// Of these, the ones in SYN_RECV.
    #[serde(default)]
    pub(crate) half_open: u64,
    /// Of these, the ones in ESTABLISHED, and all of UDP.
    #[serde(default)]
    pub(crate) open: u64,
    /// Of the open ones, those without a packet for three quarters of their timeout.
    #[serde(default)]
    pub(crate) idle: u64,
    /// Of the connections, those that are past SYN_RECV and had a packet during the watch.
    #[serde(default)]
    pub(crate) fresh: u64,
    /// Closed at the first reading, half open or open again at the last: a client that used its port
    /// again. Only counted for servers of weight 0.
    #[serde(default)]
    pub(crate) reused: u64,
    /// Persistence templates, whoever has made them.
    #[serde(default)]
    pub(crate) templates: u64,
    /// Those that another director has made. Nothing else is counted of them.
    #[serde(default)]
    pub(crate) synchronized: u64,
    /// In SYN_RECV at the first reading and at the last. Those from the director itself are not among
    /// them.
    #[serde(default)]
    pub(crate) stuck: u64,
    /// Of the stuck ones, those whose client tried again during the watch.
    #[serde(default)]
    pub(crate) retried: u64,
    /// Clients of stuck connections, at most [`Group::MOST_CLIENTS`]: those whose addresses are most
    /// like the server's, as they are the likeliest to be its neighbours.
    #[serde(default)]
    pub(crate) stuck_clients: Vec<IpAddr>,
    /// The same of open connections.
    #[serde(default)]
    pub(crate) open_clients: Vec<IpAddr>,
    /// The same, where the client is an address of the director.
    #[serde(default)]
    pub(crate) stuck_from_director: u64,
}

impl Group {
    pub(crate) const MOST_CLIENTS: usize = 4;
}
