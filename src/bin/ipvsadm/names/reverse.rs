//! From the addresses and ports of a listing to names.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::OnceLock;
use std::sync::atomic::AtomicBool;

use ipvs::Protocol;
use ipvs::rules::grammar::ReverseResolve;

use super::hosts::look_up_all;
use super::ports::PortNames;

/// The names of a listing's addresses and ports.
#[derive(Debug)]
pub(crate) enum ReverseNames {
    /// Everything stays a number.
    Numeric,
    /// Names where there are any.
    Named(KnownNames),
}

/// The names found so far.
#[derive(Debug, Default)]
pub(crate) struct KnownNames {
    /// `None` for an address without a name.
    hosts: HashMap<IpAddr, Option<String>>,
    ports: OnceLock<PortNames>,
    /// The name server did not answer, and is not asked again.
    silent: bool,
}

impl ReverseNames {
    pub(crate) fn new(numeric: bool) -> Self {
        if numeric { ReverseNames::Numeric } else { ReverseNames::Named(KnownNames::default()) }
    }

    pub(crate) fn is_numeric(&self) -> bool {
        matches!(self, ReverseNames::Numeric)
    }

    /// Looks up those of these addresses that are not known yet, several at a time.
    pub(crate) fn look_up(&mut self, addresses: impl Iterator<Item = IpAddr>) {
        let ReverseNames::Named(known) = self else {
            return;
        };
        let mut unknown: Vec<IpAddr> =
            addresses.filter(|address| !known.hosts.contains_key(address)).collect();
        unknown.sort_unstable();
        unknown.dedup();
        let silent = AtomicBool::new(known.silent);
        known.hosts.extend(look_up_all(&unknown, &silent));
        known.silent = silent.into_inner();
    }

    /// The name of an address that was [looked up](Self::look_up).
    pub(crate) fn host(&self, address: IpAddr) -> Option<&str> {
        match self {
            ReverseNames::Numeric => None,
            ReverseNames::Named(known) => known.hosts.get(&address)?.as_deref(),
        }
    }

    /// The name of a port of this protocol. A firewall mark has no protocol, and its ports no
    /// names.
    pub(crate) fn port(&self, port: u16, protocol: Option<Protocol>) -> Option<&str> {
        match self {
            ReverseNames::Numeric => None,
            ReverseNames::Named(known) => {
                known.ports.get_or_init(PortNames::load).name(port, protocol?)
            }
        }
    }
}

/// For rules.
impl ReverseResolve for ReverseNames {
    fn host(&self, address: IpAddr) -> Option<&str> {
        self.host(address)
    }

    fn service(&self, port: u16, protocol: Protocol) -> Option<&str> {
        self.port(port, Some(protocol))
    }
}
