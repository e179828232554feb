//! The network of the tutorial with real web servers, for the walk-through and a shell.

mod checks;
mod measure;
mod network;
mod sessions;
mod story;
mod troubles;
mod walkthrough;
mod web;

pub(crate) use sessions::{DEMO, SHELL};

use crate::harness::KernelTest;
use crate::netns::Netns;
use network::Network;
use web::WebServer;

pub(crate) fn tests() -> Vec<KernelTest> {
    [walkthrough::tests(), troubles::tests()].into_iter().flatten().collect()
}

/// The network with its web servers running.
pub(crate) struct Lab {
    pub(crate) network: Network,
    _servers: [WebServer; 2],
}

impl Lab {
    /// Builds the network and starts the servers. Panics with the reason if that fails.
    pub(crate) fn new() -> Lab {
        let network = Network::new();
        let servers = [WebServer::start(&network.server1), WebServer::start(&network.server2)];
        Lab { network, _servers: servers }
    }

    /// The host of this name.
    fn host(&self, name: &str) -> &Netns {
        let network = &self.network;
        let hosts = [
            &network.client1,
            &network.client2,
            &network.director,
            &network.server1,
            &network.server2,
        ];
        let found = hosts.into_iter().find(|host| host.name() == name);
        found.unwrap_or_else(|| panic!("there is no host {name}"))
    }
}
