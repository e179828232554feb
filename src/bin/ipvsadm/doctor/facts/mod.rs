//! All that the checks look at, gathered once. It can be written to a file as JSON and read back, so
//! that a director can be examined elsewhere. `docs/doctor.md` describes the file.

mod ask;
mod connections;
pub(crate) mod firewall;
mod ipvs;
mod network;
mod text;

use std::collections::BTreeMap;
use std::net::IpAddr;

use ::ipvs::ServiceKey;
use serde::{Deserialize, Serialize};

pub(crate) use self::ask::{Family, Missing};
pub(crate) use self::connections::{Connections, Group};
pub(crate) use self::firewall::Firewall;
pub(crate) use self::ipvs::{Counters, Daemon, Ipvs, Method, Server, Service, TableUse, Tunnel};
pub(crate) use self::network::{
    Address, Link, Listener, Neighbour, Network, Peer, Probe, Route, Rule, Way, WayKind,
};

/// Everything that was gathered. What could not be is `None`, and `unknown` says why.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Facts {
    /// When, as RFC 3339 has it.
    pub(crate) taken: String,
    /// How long counters and connections were watched, in milliseconds.
    pub(crate) watched_ms: u64,
    pub(crate) question: Question,
    pub(crate) host: Host,
    /// `None`: the kernel has no IPVS, or does not show it to this user.
    pub(crate) ipvs: Option<Ipvs>,
    pub(crate) connections: Option<Connections>,
    pub(crate) network: Option<Network>,
    /// Kernel parameters by their names as sysctl(8) writes them, such as `net.ipv4.ip_forward`, and the
    /// settings of IPVS among them, such as `net.ipv4.vs.conntrack`. What this kernel does not have is
    /// not there. A dot in the name of an interface is a slash, as sysctl(8) has it.
    pub(crate) sysctls: BTreeMap<String, String>,
    /// `None`: no program that lists its rules is installed, or it failed.
    pub(crate) firewall: Option<Firewall>,
    /// `None` without `--probe`.
    pub(crate) probes: Option<Vec<Probe>>,
    /// What could not be gathered, by the name of the field, and why: words that follow a colon.
    pub(crate) unknown: BTreeMap<String, String>,
}

/// What was asked.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Question {
    pub(crate) side: Side,
    /// Only this service.
    #[serde(with = "text::optional")]
    pub(crate) service: Option<ServiceKey>,
    /// On a real server: how the director forwards to it.
    pub(crate) method: Option<Method>,
    /// On a real server: the director's own address.
    pub(crate) director: Option<IpAddr>,
}

/// The host that is examined.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Side {
    #[default]
    Director,
    Server,
}

/// The host, its kernel and its processes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Host {
    /// The kernel's release, such as `6.1.0-18-amd64`.
    pub(crate) release: String,
    /// True if the program runs in a container, where modules are the host's business.
    pub(crate) in_container: bool,
    /// True if it has `CAP_NET_ADMIN` in the user namespace of this network namespace.
    pub(crate) may_administer: bool,
    /// The names of loaded and built-in modules, sorted. `None`: not to be seen.
    pub(crate) modules: Option<Vec<String>>,
    /// True if the kernel has IPVS, be it a module that is loaded or built in.
    pub(crate) has_ipvs: bool,
    /// True if the module `ip_vs` is installed for this kernel. `None`: no telling.
    pub(crate) has_module: Option<bool>,
    /// The programs that run in this network namespace and manage an IPVS table: their names.
    pub(crate) managers: Vec<String>,
}
