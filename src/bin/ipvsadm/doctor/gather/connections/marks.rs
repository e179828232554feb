//! Which firewall mark's service a connection belongs to, which the kernel does not show.

use std::collections::HashMap;
use std::net::IpAddr;

use ipvs::{AddressFamily, ServiceKey};

use crate::doctor::facts::Ipvs;

/// The marks' services by the addresses of their servers.
#[derive(Debug, Default)]
pub(super) struct Marks {
    services: HashMap<(AddressFamily, IpAddr), Only>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Only {
    Service(ServiceKey),
    /// More than one.
    Many,
}

impl Marks {
    pub(super) fn new(ipvs: &Ipvs) -> Self {
        let mut services = HashMap::new();
        for service in &ipvs.services {
            let ServiceKey::FirewallMark { family, .. } = service.key else {
                continue;
            };
            for server in &service.servers {
                let only = services.entry((family, server.key.address));
                let only = only.or_insert(Only::Service(service.key));
                if *only != Only::Service(service.key) {
                    *only = Only::Many;
                }
            }
        }
        Marks { services }
    }

    /// The one service of packets of this family that has a server of this address.
    pub(super) fn with_server(&self, family: AddressFamily, server: IpAddr) -> Option<ServiceKey> {
        match self.services.get(&(family, server))? {
            Only::Service(key) => Some(*key),
            Only::Many => None,
        }
    }
}
