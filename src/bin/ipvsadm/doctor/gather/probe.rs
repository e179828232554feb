//! `--probe`: what others answer to packets of this host's own.

mod arp;
mod connect;

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use ipvs::ServiceKey;

use crate::doctor::facts::{Facts, Method, Missing, Network, Probe, WayKind};

/// The most addresses that are asked for, and the most connections that are made.
const MOST: usize = 512;

/// Sends the probes. Why ARP requests could not be sent stands at `arp`.
pub(super) fn gather(facts: &mut Facts) {
    let Ok(asked) = who_has(facts) else {
        return;
    };
    let mut probes = Vec::new();
    for (interface, addresses) in asked {
        let network = facts.network.as_ref();
        let Some(own) = network.and_then(|it| Own::on(it, &interface)) else {
            continue;
        };
        match arp::ask(&own, &addresses) {
            Ok(answers) => {
                probes.extend(addresses.into_iter().zip(answers).map(|(it, answers)| {
                    Probe::WhoHas { address: it.into(), interface: interface.clone(), answers }
                }))
            }
            Err(error) => {
                facts.unknown.insert("arp".to_owned(), format!("{interface}: {error}"));
            }
        }
    }
    let servers: Vec<SocketAddr> = masqueraded(facts).unwrap_or_default().into_iter().collect();
    let results = connect::to_all(&servers);
    let connections = servers.into_iter().zip(results);
    probes.extend(connections.map(|(to, result)| Probe::Connection { to, result }));
    facts.probes = Some(probes);
}

/// This host on an interface.
struct Own<'n> {
    interface: &'n str,
    mac: [u8; 6],
    /// Addresses with the lengths of their prefixes.
    addresses: Vec<(Ipv4Addr, u8)>,
}

impl<'n> Own<'n> {
    /// `None` if the interface has no hardware address, as that of a tunnel.
    fn on(network: &'n Network, interface: &str) -> Option<Self> {
        let link = network.link(interface).filter(|link| !link.no_arp && !link.loopback)?;
        let bytes = link.mac.as_deref()?.split(':').map(|it| u8::from_str_radix(it, 16));
        let bytes: Result<Vec<u8>, _> = bytes.collect();
        let own = network.addresses.iter().filter(|own| own.interface == interface);
        let addresses = own.filter_map(|own| match own.address {
            IpAddr::V4(address) => Some((address, own.prefix)),
            IpAddr::V6(_) => None,
        });
        Some(Own {
            interface: &link.name,
            mac: bytes.ok()?.try_into().ok()?,
            addresses: addresses.collect(),
        })
    }

    /// The address that asks: not a virtual one, which the asked would then believe to be here. None at
    /// all is allowed, too.
    fn sender(&self, virtual_addresses: &[Ipv4Addr]) -> Ipv4Addr {
        let mut own = self.addresses.iter().filter(|(it, _)| !virtual_addresses.contains(it));
        own.next().map_or(Ipv4Addr::UNSPECIFIED, |(address, _)| *address)
    }
}

/// The virtual addresses of services with direct routing, by the interfaces towards the servers; and
/// the servers, so that answers can be told whose they are.
fn who_has(facts: &Facts) -> Result<BTreeMap<String, Vec<Ipv4Addr>>, Missing> {
    let mut asked: BTreeMap<String, BTreeSet<Ipv4Addr>> = BTreeMap::new();
    let mut count = 0;
    for service in facts.asked_services()? {
        let ServiceKey::Address { address: IpAddr::V4(address), .. } = service.key else {
            continue;
        };
        let direct = service.servers.iter().filter(|server| server.method == Method::Direct);
        for server in direct {
            let way = facts.way(server.key.address, None)?;
            if let (WayKind::Unicast, Some(interface)) = (way.kind, &way.interface)
                && count < MOST
            {
                let addresses = asked.entry(interface.clone()).or_default();
                count += usize::from(addresses.insert(address));
                if let (IpAddr::V4(server), None) = (server.key.address, way.gateway) {
                    count += usize::from(addresses.insert(server));
                }
            }
        }
    }
    Ok(asked.into_iter().map(|(name, addresses)| (name, addresses.into_iter().collect())).collect())
}

/// Where the servers take connections that are tried.
fn masqueraded(facts: &Facts) -> Result<BTreeSet<SocketAddr>, Missing> {
    let mut servers = BTreeSet::new();
    for (_, _, address) in facts.servers_to_connect()? {
        if servers.len() < MOST {
            servers.insert(address);
        }
    }
    Ok(servers)
}
