//! A real server: whether it takes what a director sends it, and answers as it should.

mod arp;
mod replies;
mod virtual_address;

use std::net::IpAddr;

use ipvs::ServiceKey;

use super::Check;
use super::filter::Filter;
use super::packet::Packet;
use crate::doctor::facts::{Facts, Link, Method, Missing};

pub(super) fn checks() -> impl Iterator<Item = &'static Check> {
    [virtual_address::CHECKS, arp::CHECKS, replies::CHECKS].into_iter().flatten()
}

/// The virtual address, if the server must have it, as with direct routing and tunnels.
fn virtual_address(facts: &Facts, methods: &[Method]) -> Result<Option<IpAddr>, Missing> {
    let question = &facts.question;
    if !question.method.is_some_and(|method| methods.contains(&method)) {
        return Ok(None);
    }
    match question.service {
        Some(ServiceKey::Address { address, .. }) => Ok(Some(address)),
        Some(ServiceKey::FirewallMark { .. }) => {
            Err(Missing("a firewall mark does not tell the virtual addresses".to_owned()))
        }
        None => Err(Missing("no service is named".to_owned())),
    }
}

/// The interfaces that hosts ask for the virtual address by: the one towards the director, or those of
/// the network that the address belongs to, or of the default route.
fn facing(facts: &Facts, address: IpAddr) -> Result<Vec<&Link>, Missing> {
    let network = facts.network()?;
    let usable = |link: &&Link| link.up && !link.loopback && !link.no_arp;
    let mut names: Vec<&str> = Vec::new();
    if let Some(director) = facts.question.director {
        names.extend(facts.way(director, None)?.interface.as_deref());
    }
    if names.is_empty() {
        names.extend(network.networks_with(address).map(|own| own.interface.as_str()));
        names.retain(|name| network.link(name).is_some_and(|link| usable(&link)));
    }
    if names.is_empty() {
        let default = network.routes.iter().filter(|route| {
            route.to.is_none() && route.kind == "unicast" && route.ipv6 == address.is_ipv6()
        });
        names.extend(default.filter_map(|route| route.interface.as_deref()));
    }
    if names.is_empty() {
        let own = network.addresses.iter().filter(|own| own.address.is_ipv4() == address.is_ipv4());
        names.extend(own.map(|own| own.interface.as_str()));
    }
    let links = network.links.iter().filter(usable);
    Ok(links.filter(|link| names.contains(&link.name.as_str())).collect())
}

/// Fails if a rule of the firewall may give the service's packets another destination, or to a program,
/// such as those of DNAT, REDIRECT and TPROXY: what the kernel would do without is no problem then.
fn not_taken(facts: &Facts, destination: Option<IpAddr>, is_local: bool) -> Result<(), Missing> {
    let (Some(firewall), Some(ServiceKey::Address { protocol, address, port })) =
        (&facts.firewall, facts.question.service)
    else {
        return Ok(());
    };
    let is_ipv6 = destination.unwrap_or(address).is_ipv6();
    let interfaces = facts.network()?.interfaces();
    let packet = Packet {
        destination_type: Some(if is_local { "local" } else { "unicast" }),
        ..Packet::first(is_ipv6, protocol.number().into(), destination, port, interfaces)
    };
    match Filter::new(firewall).hands_over(&packet) {
        Some(place) => Err(Missing(format!(
            "a rule of the firewall may take the service's packets elsewhere: {}",
            place.rule.text
        ))),
        None => Ok(()),
    }
}

/// The length of a prefix that holds one address.
fn whole(address: IpAddr) -> u8 {
    if address.is_ipv4() { 32 } else { 128 }
}

#[cfg(test)]
mod tests;
