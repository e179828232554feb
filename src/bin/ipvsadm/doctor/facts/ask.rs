//! What checks ask of the facts. What is missing makes a check impossible, and is no answer.

use std::net::{IpAddr, SocketAddr};

use ::ipvs::{DestinationKey, Protocol, ServiceKey};

use super::{
    Address, Connections, Facts, Firewall, Ipvs, Link, Method, Network, Probe, Route, Server,
    Service, Way,
};

/// Why a check cannot be made: words that follow a colon.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Missing(pub(crate) String);

type Result<T> = std::result::Result<T, Missing>;

impl Facts {
    fn known<'f, T>(&self, fact: Option<&'f T>, name: &str) -> Result<&'f T> {
        fact.ok_or_else(|| {
            let why = self.unknown.get(name).map(String::as_str);
            Missing(why.unwrap_or("the facts do not have it").to_owned())
        })
    }

    pub(crate) fn ipvs(&self) -> Result<&Ipvs> {
        self.known(self.ipvs.as_ref(), "ipvs")
    }

    /// True if IPVS takes no packet, as a backup daemon runs and `backup_only` is on
    /// (`sysctl_backup_only` in include/net/ip_vs.h): the other director balances.
    pub(crate) fn is_idle_backup(&self) -> Result<bool> {
        let is_on = self.sysctl("net.ipv4.vs.backup_only").is_some_and(|value| value != "0");
        Ok(is_on && self.ipvs()?.daemons.iter().any(|daemon| daemon.role == "backup"))
    }

    pub(crate) fn connections(&self) -> Result<&Connections> {
        self.known(self.connections.as_ref(), "connections")
    }

    pub(crate) fn network(&self) -> Result<&Network> {
        self.known(self.network.as_ref(), "network")
    }

    pub(crate) fn firewall(&self) -> Result<&Firewall> {
        self.known(self.firewall.as_ref(), "firewall")
    }

    pub(crate) fn probes(&self) -> Result<&Vec<Probe>> {
        self.known(self.probes.as_ref(), "probes")
    }

    /// The services that are asked about.
    pub(crate) fn asked_services(&self) -> Result<impl Iterator<Item = &Service>> {
        let asked = self.question.service;
        let services = self.ipvs()?.services.iter();
        Ok(services.filter(move |service| asked.is_none_or(|key| key == service.key)))
    }

    /// The services with their servers.
    pub(crate) fn servers(&self) -> Result<impl Iterator<Item = (&Service, &Server)>> {
        let services = &self.ipvs()?.services;
        Ok(services.iter().flat_map(|service| service.servers.iter().map(move |it| (service, it))))
    }

    /// The masqueraded TCP servers that are asked about and used, with where each takes connections:
    /// those that `--probe` connects to.
    pub(crate) fn servers_to_connect(
        &self,
    ) -> Result<impl Iterator<Item = (&Service, &Server, SocketAddr)>> {
        let asked = self.asked_services()?;
        let servers = asked.flat_map(|it| it.servers.iter().map(move |server| (it, server)));
        Ok(servers.filter_map(|(service, server)| {
            let ServiceKey::Address { protocol: Protocol::Tcp, port, .. } = service.key else {
                return None;
            };
            let is_used = server.method == Method::Masquerade && server.weight > 0;
            let port = if server.key.port == 0 { port } else { server.key.port };
            let address = SocketAddr::new(server.key.address, port);
            (is_used && port != 0).then_some((service, server, address))
        }))
    }

    /// A kernel parameter. `None`: this kernel does not have it.
    pub(crate) fn sysctl(&self, name: &str) -> Option<&str> {
        self.sysctls.get(name).map(String::as_str)
    }

    /// A kernel parameter that is a number. Without it, the check cannot be made.
    pub(crate) fn number(&self, name: &str) -> Result<i64> {
        let value = self.sysctl(name).ok_or_else(|| Missing(format!("{name} is not there")))?;
        value.trim().parse().map_err(|_| Missing(format!("{name} is no number: {value}")))
    }

    /// A parameter of an interface, of which the kernel takes the greater of `all` and its own:
    /// `arp_ignore`, `arp_announce`, `rp_filter`, and those that are on if either is.
    pub(crate) fn greater(&self, family: Family, interface: &str, name: &str) -> Result<i64> {
        let all = self.number(&family.parameter("all", name))?;
        Ok(all.max(self.number(&family.parameter(interface, name))?))
    }

    /// How the kernel would send a packet there.
    pub(crate) fn way(&self, to: IpAddr, mark: Option<u32>) -> Result<&Way> {
        let ways = &self.network()?.ways;
        let found = ways.binary_search_by_key(&(to, mark), |way| (way.to, way.mark));
        let found = found.ok().and_then(|at| ways.get(at));
        found.ok_or_else(|| Missing(format!("the way to {to} is not known")))
    }

    /// True if the address is one of this host's.
    pub(crate) fn has_address(&self, address: IpAddr) -> Result<bool> {
        Ok(self.network()?.addresses.iter().any(|own| own.address == address))
    }
}

/// The family of an address, as `net.ipv4` and `net.ipv6` have it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Family {
    V4,
    V6,
}

impl Family {
    /// The name of an interface's parameter, or of `all`'s.
    pub(crate) fn parameter(self, interface: &str, name: &str) -> String {
        let family = match self {
            Family::V4 => "ipv4",
            Family::V6 => "ipv6",
        };
        format!("net.{family}.conf.{}.{name}", interface.replace('.', "/"))
    }
}

impl Ipvs {
    pub(crate) fn service(&self, key: &ServiceKey) -> Option<&Service> {
        let found = self.services.binary_search_by(|service| service.key.cmp(key));
        found.ok().and_then(|at| self.services.get(at))
    }
}

impl Service {
    pub(crate) fn server(&self, key: &DestinationKey) -> Option<&Server> {
        let found = self.servers.binary_search_by(|server| server.key.cmp(key));
        found.ok().and_then(|at| self.servers.get(at))
    }
}

impl Network {
    /// The interfaces that packets may come in by from other hosts.
    pub(crate) fn interfaces(&self) -> Vec<String> {
        let links = self.links.iter().filter(|link| link.up && !link.loopback);
        links.map(|link| link.name.clone()).collect()
    }

    pub(crate) fn link(&self, name: &str) -> Option<&Link> {
        self.links.iter().find(|link| link.name == name)
    }

    /// The addresses of an interface, in networks that hold this address.
    pub(crate) fn networks_with(&self, address: IpAddr) -> impl Iterator<Item = &Address> {
        self.addresses.iter().filter(move |own| own.holds(address))
    }
}

impl Route {
    /// True if the address lies in this route's network.
    pub(crate) fn leads_to(&self, address: IpAddr) -> bool {
        match self.to {
            Some(to) => is_in_network(address, to, self.prefix),
            None => self.ipv6 == address.is_ipv6(),
        }
    }
}

impl Address {
    /// True if the address lies in this one's network.
    pub(crate) fn holds(&self, address: IpAddr) -> bool {
        is_in_network(address, self.address, self.prefix)
    }
}

fn is_in_network(address: IpAddr, network: IpAddr, prefix: u8) -> bool {
    let same = |one: u128, other: u128, length: u32| {
        let shift = length - u32::from(prefix).min(length);
        one.checked_shr(shift).unwrap_or(0) == other.checked_shr(shift).unwrap_or(0)
    };
    match (address, network) {
        (IpAddr::V4(one), IpAddr::V4(other)) => {
            same(one.to_bits().into(), other.to_bits().into(), 32)
        }
        (IpAddr::V6(one), IpAddr::V6(other)) => same(one.to_bits(), other.to_bits(), 128),
        _ => false,
    }
}
