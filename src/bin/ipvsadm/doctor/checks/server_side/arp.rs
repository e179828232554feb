//! A real server must not tell others that it has the virtual address: the director has it. IPv6 needs
//! none of this, as an address on `lo` is asked for on `lo` alone.

use std::net::IpAddr;

use super::super::{Check, Found};
use super::{facing, virtual_address};
use crate::doctor::facts::{Facts, Family, Link, Method, Missing, WayKind};
use crate::output::findings::Severity;

pub(super) const CHECKS: &[Check] = &[
    Check::on_server("arp-ignore", Severity::Error, ignore),
    Check::on_server("arp-announce", Severity::Error, announce),
];

/// The virtual address, if the server has it.
fn own_address(facts: &Facts) -> Result<Option<IpAddr>, Missing> {
    let address = virtual_address(facts, &[Method::Direct])?.filter(IpAddr::is_ipv4);
    match address {
        Some(address) if facts.way(address, None)?.kind == WayKind::Local => Ok(Some(address)),
        _ => Ok(None),
    }
}

/// `net.ipv4.conf.all.arp_ignore is 0 and that of eth0 is 0`, of those interfaces whose effective value
/// is wrong.
fn seen(
    facts: &Facts,
    links: &[&Link],
    name: &str,
    is_right: impl Fn(i64) -> bool,
) -> Result<Option<String>, Missing> {
    let mut wrong = Vec::new();
    for link in links {
        if !is_right(facts.greater(Family::V4, &link.name, name)?) {
            wrong.push(format!("that of {} is {}", link.name, own(facts, &link.name, name)?));
        }
    }
    let all = own(facts, "all", name)?;
    let text = format!("net.ipv4.conf.all.{name} is {all}, and {}", wrong.join(", "));
    Ok(Some(text).filter(|_| !wrong.is_empty()))
}

fn own(facts: &Facts, interface: &str, name: &str) -> Result<i64, Missing> {
    facts.number(&Family::V4.parameter(interface, name))
}

/// Words for a value of `lo`, by which many guides set it. Only the interface that a request comes in or
/// goes out by counts.
fn on_loopback(facts: &Facts, name: &str) -> String {
    match own(facts, "lo", name) {
        Ok(value) if value > 0 => format!("; that of lo is {value}, which has no effect"),
        _ => String::new(),
    }
}

/// What the other hosts have learned stays for a while.
fn forget(address: IpAddr) -> String {
    format!("# clients and routers on this network may need: ip neighbour flush to {address}")
}

/// Fails if rules may do what the settings do not: such as those of arptables, which was the way before
/// there were the settings.
fn no_rules(facts: &Facts) -> Result<(), Missing> {
    match facts.firewall.as_ref().and_then(|firewall| firewall.arp.as_ref()) {
        Some(tool) => Err(Missing(format!(
            "the settings do not keep this host from it, but {tool} has rules about ARP: see with \
             arping from another host who answers"
        ))),
        None => Ok(()),
    }
}

fn ignore(facts: &Facts, found: &mut Found<'_>) -> Result<(), Missing> {
    let Some(address) = own_address(facts)? else {
        return Ok(());
    };
    let links = facing(facts, address)?;
    // 8 answers to nothing, which is another matter.
    let is_right = |value| matches!(value, 1 | 2 | 8);
    if let Some(mut seen) = seen(facts, &links, "arp_ignore", is_right)? {
        no_rules(facts)?;
        seen += &on_loopback(facts, "arp_ignore");
        let cause =
            format!("this host answers ARP requests for {address}, so clients bypass the director");
        let finding = found.add(seen, cause);
        finding.fix("sysctl -w net.ipv4.conf.all.arp_ignore=1").fix(forget(address));
    }
    Ok(())
}

fn announce(facts: &Facts, found: &mut Found<'_>) -> Result<(), Missing> {
    let Some(address) = own_address(facts)? else {
        return Ok(());
    };
    let mut links = facing(facts, address)?;
    // 1 is enough for an address that belongs to none of the interface's networks.
    let network = facts.network()?;
    let belongs =
        |link: &Link| network.networks_with(address).any(|own| own.interface == link.name);
    let mut far = Vec::new();
    links.retain(|link| {
        belongs(link) || {
            far.push(*link);
            false
        }
    });
    let near = seen(facts, &links, "arp_announce", |value| value >= 2)?;
    let far = seen(facts, &far, "arp_announce", |value| value >= 1)?;
    if let Some(mut seen) = near.or(far) {
        no_rules(facts)?;
        seen += &on_loopback(facts, "arp_announce");
        let cause = format!(
            "this host sends ARP requests in the name of {address}, so clients learn its hardware \
             address instead of the director's"
        );
        let finding = found.add(seen, cause);
        finding.fix("sysctl -w net.ipv4.conf.all.arp_announce=2").fix(forget(address));
    }
    Ok(())
}
