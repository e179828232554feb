//! The virtual address on a real server: on `lo`, alone.

use std::net::IpAddr;

use super::super::{Check, Found};
use super::{facing, not_taken, virtual_address, whole};
use crate::doctor::facts::{Address, Facts, Family, Link, Method, Missing, WayKind};
use crate::output::findings::{Finding, Severity};

pub(super) const CHECKS: &[Check] = &[
    Check::on_server("vip-missing", Severity::Error, missing),
    Check::on_server("vip-on-nic", Severity::Error, on_nic),
    Check::on_server("vip-too-wide", Severity::Error, too_wide),
    Check::on_server("ipv6-dad", Severity::Error, detection),
];

const METHODS: [Method; 2] = [Method::Direct, Method::Tunnel];

fn missing(facts: &Facts, found: &mut Found<'_>) -> Result<(), Missing> {
    let Some(address) = virtual_address(facts, &METHODS)? else {
        return Ok(());
    };
    if facts.way(address, None)?.kind == WayKind::Local || facts.has_address(address)? {
        return Ok(());
    }
    not_taken(facts, Some(address), false)?;
    let cause = "the packets that the director sends here are still for the virtual address: this host \
                 drops them";
    let finding = found.add(format!("{address} is not local here"), cause);
    // First, or the address would be told to others.
    if address.is_ipv4() && facts.question.method == Some(Method::Direct) {
        for (name, value) in [("arp_ignore", 1), ("arp_announce", 2)] {
            for link in facing(facts, address)? {
                if facts.greater(Family::V4, &link.name, name)? < value {
                    finding.fix(format!("sysctl -w net.ipv4.conf.all.{name}={value}"));
                    break;
                }
            }
        }
    }
    finding.fix(format!("ip address add {address}/{} dev lo", whole(address)));
    Ok(())
}

/// Where the virtual address stands on an interface that others ask by.
fn on_interfaces(facts: &Facts, address: IpAddr) -> Result<Vec<(&Address, &Link)>, Missing> {
    let network = facts.network()?;
    let own = network.addresses.iter().filter(move |own| own.address == address);
    let on = own.filter_map(|own| network.link(&own.interface).map(|link| (own, link)));
    Ok(on.filter(|(_, link)| !link.loopback && !link.no_arp).collect())
}

fn move_it(finding: &mut Finding, own: &Address) {
    let Address { address, prefix, interface, .. } = own;
    finding.fix(format!("ip address delete {address}/{prefix} dev {interface}"));
    finding.fix(format!("ip address add {address}/{} dev lo", whole(*address)));
}

fn on_nic(facts: &Facts, found: &mut Found<'_>) -> Result<(), Missing> {
    let Some(address) = virtual_address(facts, &METHODS)? else {
        return Ok(());
    };
    for (own, link) in on_interfaces(facts, address)? {
        // With a tunnel the director may be far away, and its network another one.
        let network = facts.network()?;
        let is_beside = network
            .networks_with(address)
            .any(|other| other.interface == link.name && other.address != address);
        let is_direct = facts.question.method == Some(Method::Direct);
        if own.tentative || own.duplicate || !(is_direct || is_beside) {
            continue;
        }
        let cause = "this host answers its network's requests for the address, so clients bypass the \
                     director; on lo it would not";
        move_it(found.add(format!("{address} stands on {}", link.name), cause), own);
    }
    Ok(())
}

fn too_wide(facts: &Facts, found: &mut Found<'_>) -> Result<(), Missing> {
    let Some(address) = virtual_address(facts, &METHODS)? else {
        return Ok(());
    };
    let network = facts.network()?;
    for own in network.addresses.iter().filter(|own| own.address == address) {
        let is_loopback = network.link(&own.interface).is_some_and(|link| link.loopback);
        if is_loopback && own.prefix < whole(address) {
            let seen =
                format!("{address} stands on {} with the prefix /{}", own.interface, own.prefix);
            let cause = "this host takes every address of that network for its own, so clients there get no \
                         answer";
            move_it(found.add(seen, cause), own);
        }
    }
    Ok(())
}

fn detection(facts: &Facts, found: &mut Found<'_>) -> Result<(), Missing> {
    let Some(address) = virtual_address(facts, &METHODS)?.filter(IpAddr::is_ipv6) else {
        return Ok(());
    };
    for (own, link) in on_interfaces(facts, address)? {
        let state = match own {
            Address { duplicate: true, .. } => "dadfailed: another host has it",
            Address { tentative: true, .. } => {
                "tentative: the kernel asks whether another host has it"
            }
            _ => continue,
        };
        let cause = "the kernel does not use the address while another host may have it, and the director \
                     does; on lo nobody is asked";
        move_it(found.add(format!("{address} on {} is {state}", link.name), cause), own);
    }
    Ok(())
}
