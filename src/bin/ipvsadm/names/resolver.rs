//! From names in what the user wrote to addresses and ports.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::OnceLock;

use ipvs::rules::grammar::{Resolve, ResolveError};
use ipvs::{AddressFamily, Protocol};

use super::ports::{self, PortNames};

/// Resolves names. Each host is looked up once.
#[derive(Debug, Default)]
pub(crate) struct Resolver {
    hosts: HashMap<String, Result<Vec<IpAddr>, ResolveError>>,
    ports: OnceLock<PortNames>,
}

impl Resolve for Resolver {
    fn host(&mut self, name: &str, prefer: AddressFamily) -> Result<IpAddr, ResolveError> {
        let addresses = match self.hosts.get(name) {
            Some(known) => known,
            None => {
                let found = dns_lookup::lookup_host(name)
                    .map(|addresses| addresses.collect())
                    .map_err(|error| ResolveError::new(reason(&std::io::Error::from(error))));
                self.hosts.entry(name.to_owned()).or_insert(found)
            }
        };
        let addresses = addresses.as_ref().map_err(Clone::clone)?;
        addresses
            .iter()
            .find(|address| AddressFamily::of(**address) == prefer)
            .or(addresses.first())
            .copied()
            .ok_or_else(|| ResolveError::new("it has no address"))
    }

    fn service(&mut self, name: &str, protocol: Protocol) -> Result<u16, ResolveError> {
        self.ports.get_or_init(PortNames::load).port(name, protocol).ok_or_else(|| {
            ResolveError::new(format!("not a {protocol} service in {}", ports::FILE))
        })
    }
}

/// The C library's own words for why a look-up failed.
fn reason(error: &std::io::Error) -> String {
    let text = error.to_string();
    match text.strip_prefix("failed to lookup address information: ") {
        Some(words) => words.to_owned(),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_look_up_says_why_in_few_words() {
        let error = dns_lookup::lookup_host("nosuch.invalid").map(|_| ()).expect_err("reserved");
        let text = reason(&error.into());
        assert!(!text.is_empty() && !text.contains("address information"), "{text}");
    }
}
