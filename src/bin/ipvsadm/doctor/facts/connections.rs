//! The kernel's list of connections, summed up: there may be a million.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

use serde::{Deserialize, Serialize};

/// The connections, as they were at the end of the watch.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Connections {
    /// All of them, persistence templates included.
    pub(crate) total: u64,
    pub(crate) groups: Vec<Group>,
}

/// The connections between one virtual address and one real server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Group {
    /// `TCP`, `UDP`, `SCTP`; `IP` for the templates of a firewall mark's service, whose mark is the
    /// address.
    pub(crate) protocol: String,
    /// What the clients connected to.
    pub(crate) to: SocketAddr,
    pub(crate) server: SocketAddr,
    /// How many connections are in each state, as the kernel names it. Persistence templates are not
    /// among them.
    pub(crate) states: BTreeMap<String, u64>,
    /// Persistence templates.
    #[serde(default)]
    pub(crate) templates: u64,
    /// Those that another director has made.
    #[serde(default)]
    pub(crate) synchronized: u64,
    /// In SYN_RECV at the first reading and still there, in the same state, at the last.
    #[serde(default)]
    pub(crate) stuck: u64,
    /// Clients of such connections, at most [`Group::MOST_CLIENTS`].
    #[serde(default)]
    pub(crate) stuck_clients: Vec<IpAddr>,
    /// Connections whose client is an address of the director.
    #[serde(default)]
    pub(crate) from_director: u64,
    /// Clients that are real servers of any service, at most [`Group::MOST_CLIENTS`].
    #[serde(default)]
    pub(crate) server_clients: Vec<IpAddr>,
    /// Some other clients, at most [`Group::MOST_CLIENTS`].
    #[serde(default)]
    pub(crate) clients: Vec<IpAddr>,
}

impl Group {
    pub(crate) const MOST_CLIENTS: usize = 8;
}
