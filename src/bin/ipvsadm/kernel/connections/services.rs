//! Which virtual service a connection belongs to, which the kernel does not show.

use std::net::IpAddr;

use ipvs::{AddressFamily, Client, Protocol, ServiceKey, Statistics};

use crate::process::failure::Failure;

const FTP: u16 = 21;
const FTP_DATA: u16 = 20;
/// The first port that needs no privilege, unless an administrator sets another.
const FIRST_FREE_PORT: u16 = 1024;

/// The services of the table: addresses in order, each with its ports in order. A million
/// connections may be looked up, for which hashing takes too long.
#[derive(Debug, Default)]
pub(crate) struct Services {
    addresses: Vec<((Protocol, IpAddr), Vec<u16>)>,
}

impl Services {
    /// These services. Those of firewall marks do not matter.
    pub(crate) fn of(keys: impl IntoIterator<Item = ServiceKey>) -> Self {
        let mut endpoints: Vec<_> = keys
            .into_iter()
            .filter_map(|key| match key {
                ServiceKey::Address { protocol, address, port } => {
                    Some(((protocol, address), port))
                }
                ServiceKey::FirewallMark { .. } => None,
            })
            .collect();
        endpoints.sort_unstable();
        endpoints.dedup();
        let of_one_address = endpoints.chunk_by(|(one, _), (other, _)| one == other);
        let addresses = of_one_address
            .map(|endpoints| (endpoints[0].0, endpoints.iter().map(|(_, port)| *port).collect()));
        Services { addresses: addresses.collect() }
    }

    /// Those of the kernel's table, and `wanted`: connections may outlive their service.
    pub(crate) fn read(client: &mut Client, wanted: Option<ServiceKey>) -> Result<Self, Failure> {
        let mut keys = Vec::from_iter(wanted);
        client.each_service(Statistics::Skip, |service| keys.push(service.key))?;
        Ok(Services::of(keys))
    }

    /// The ports of the services at an address.
    pub(crate) fn at(&self, protocol: Protocol, address: IpAddr) -> Ports<'_> {
        let wanted = (protocol, address);
        let found = self.addresses.binary_search_by_key(&wanted, |(address, _)| *address);
        Ports { protocol, ports: found.map_or(&[], |at| &self.addresses[at].1) }
    }
}

/// The ports of the services at an address.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ports<'s> {
    protocol: Protocol,
    ports: &'s [u16],
}

impl Ports<'_> {
    /// The port of the service that takes connections to this port: `port` itself if none does.
    ///
    /// As `ip_vs_service_find` in net/netfilter/ipvs/ip_vs_ctl.c: a service for this very port,
    /// one for FTP, whose data comes on other ports and whose persistence templates have port 0, or
    /// one for all ports.
    pub(crate) fn service(&self, port: u16) -> u16 {
        let has = |port| self.ports.binary_search(&port).is_ok();
        let may_be_ftp = self.protocol == Protocol::Tcp
            && (port == 0 || port == FTP_DATA || port >= FIRST_FREE_PORT);
        if has(port) {
            port
        } else if may_be_ftp && has(FTP) {
            FTP
        } else if has(0) {
            0
        } else {
            port
        }
    }
}

/// The firewall mark of a persistence template: protocol `IP`, and the mark in the first four bytes
/// of the virtual address.
pub(crate) fn firewall_mark(protocol: &[u8], address: IpAddr) -> Option<(u32, AddressFamily)> {
    if protocol != b"IP" {
        return None;
    }
    Some(match address {
        IpAddr::V4(address) => (address.to_bits(), AddressFamily::V4),
        IpAddr::V6(address) => ((address.to_bits() >> 96) as u32, AddressFamily::V6),
    })
}
