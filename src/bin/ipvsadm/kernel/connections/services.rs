//! Which virtual service a connection belongs to, which the kernel does not show.

use std::collections::HashSet;
use std::net::IpAddr;

use ipvs::{AddressFamily, Client, Protocol, ServiceKey, Statistics};

use crate::process::failure::Failure;

const FTP: u16 = 21;
const FTP_DATA: u16 = 20;
/// The first port that needs no privilege, unless an administrator sets another.
const FIRST_FREE_PORT: u16 = 1024;

/// The services of the table.
#[derive(Debug, Default)]
pub(crate) struct Services {
    keys: HashSet<ServiceKey>,
}

impl Services {
    /// These services.
    pub(crate) fn of(keys: impl IntoIterator<Item = ServiceKey>) -> Self {
        Services { keys: keys.into_iter().collect() }
    }

    /// Those of the kernel's table, and `wanted`: connections may outlive their service.
    pub(crate) fn read(client: &mut Client, wanted: Option<ServiceKey>) -> Result<Self, Failure> {
        let mut services = Services::of(wanted);
        client.each_service(Statistics::Skip, |service| {
            services.keys.insert(service.key);
        })?;
        Ok(services)
    }

    /// The port of the service that takes connections to this address and port: `port` itself if no
    /// service does.
    ///
    /// As `ip_vs_service_find` in net/netfilter/ipvs/ip_vs_ctl.c: a service for this very port,
    /// one for FTP, whose data comes on other ports and whose persistence templates have port 0, or
    /// one for all ports.
    pub(crate) fn port(&self, protocol: Protocol, address: IpAddr, port: u16) -> u16 {
        let has = |port| self.keys.contains(&ServiceKey::Address { protocol, address, port });
        let may_be_ftp =
            protocol == Protocol::Tcp && (port == 0 || port == FTP_DATA || port >= FIRST_FREE_PORT);
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
