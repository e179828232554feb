//! The director's network: whether packets reach IPVS, and whether they go on to the real servers.

use std::collections::BTreeMap;
use std::net::IpAddr;

use ipvs::{DestinationKey, ServiceKey};

use super::{Check, Found};
use crate::doctor::facts::{Facts, Family, Method, Missing, Network, Server, Service, WayKind};
use crate::output::findings::{Finding, Severity};

pub(super) const CHECKS: &[Check] = &[
    Check::on_director("loopback-down", Severity::Error, loopback_down),
    Check::on_director("vip-not-local", Severity::Error, vip_not_local),
    Check::on_director("ip-forward-off", Severity::Error, ip_forward_off),
    Check::on_director("dr-behind-gateway", Severity::Error, behind_gateway),
    Check::on_director("neighbour-failed", Severity::Error, neighbour_failed),
    Check::on_director("lro-on", Severity::Warning, lro_on),
];

fn loopback_down(facts: &Facts, found: &mut Found<'_>) -> Result<(), Missing> {
    // Those of IPv6 need none of it.
    let services = facts.ipvs.iter().flat_map(|ipvs| &ipvs.services);
    let is_all_ipv6 = services.clone().count() > 0
        && services.clone().all(|service| service.key.family() == ipvs::AddressFamily::V6);
    let network = facts.network()?;
    // If no interface has an IPv4 address, nor ever had one, the kernel has no table of local addresses,
    // and takes every address for a broadcast. Once `lo` was up, it keeps 127.0.0.1.
    let is_down = network.links.iter().any(|link| link.loopback && !link.up)
        && !network.addresses.iter().any(|own| own.address.is_ipv4());
    if is_down && !is_all_ipv6 {
        found
            .add(
                "the loopback interface of this network namespace is down",
                "the kernel refuses every real server",
            )
            .fix("ip link set lo up");
    }
    Ok(())
}

fn vip_not_local(facts: &Facts, found: &mut Found<'_>) -> Result<(), Missing> {
    let mut by_address: BTreeMap<IpAddr, Vec<&Service>> = BTreeMap::new();
    for service in facts.asked_services()? {
        if let ServiceKey::Address { address, .. } = service.key {
            by_address.entry(address).or_default().push(service);
        }
    }
    for (address, services) in by_address {
        let way = facts.way(address, None)?;
        // New connections show that packets come all the same: those of this host itself do.
        let is_used = services.iter().any(|service| service.growth.connections > 0);
        if is_used || way.kind == WayKind::Local || is_local_somehow(facts.network()?, address) {
            continue;
        }
        let mut seen = match &way.interface {
            Some(interface) => {
                format!("{address} is not local here: packets for it leave by {interface}")
            }
            None => format!("{address} is not local here, and there is no route to it"),
        };
        if services.len() > 1 {
            seen += &format!(" ({} services have this address)", services.len());
        }
        let is_standby = is_standby(facts);
        let cause = match is_standby {
            true => {
                "packets for it do not reach IPVS here, as it should be on a backup director while \
                 another one has the address"
            }
            false => "packets for it do not reach IPVS, so clients get no answer",
        };
        let length = if address.is_ipv4() { 32 } else { 128 };
        let interface = interface_for(facts.network()?, address, way.interface.as_deref());
        let finding = found.add(seen, cause).of_service(services[0].key);
        let command = format!("ip address add {address}/{length} dev {interface}");
        if is_standby {
            finding.severity = Severity::Info;
            finding.fix(format!("# if this director should have it: {command}"));
        } else {
            finding.fix(command);
            let ip = if address.is_ipv4() { "ip" } else { "ip -6" };
            finding.fix(format!("# or: {ip} route add local {address}/{length} dev lo"));
        }
    }
    Ok(())
}

/// True if a mark makes it so, or if packets that come in by some interface may have it so.
fn is_local_somehow(network: &Network, address: IpAddr) -> bool {
    let marked = network.ways.iter().any(|way| way.to == address && way.kind == WayKind::Local);
    let by_interface = network.rules.iter().any(|rule| {
        rule.incoming_interface.is_some()
            && network.routes.iter().any(|route| {
                route.table == rule.table && route.kind == "local" && route.leads_to(address)
            })
    });
    marked || by_interface
}

/// True if another director may be the one that has the virtual addresses now.
fn is_standby(facts: &Facts) -> bool {
    let mut daemons = facts.ipvs.iter().flat_map(|ipvs| &ipvs.daemons);
    daemons.any(|daemon| daemon.role == "backup")
        || facts.host.managers.iter().any(|name| name.contains("keepalived"))
}

/// The interface that a virtual address belongs on.
fn interface_for<'n>(network: &'n Network, address: IpAddr, way: Option<&'n str>) -> &'n str {
    let beside = network.networks_with(address).map(|own| own.interface.as_str()).next();
    let any = network.links.iter().find(|link| link.up && !link.loopback);
    beside.or(way).or(any.map(|link| link.name.as_str())).unwrap_or("lo")
}

fn ip_forward_off(facts: &Facts, found: &mut Found<'_>) -> Result<(), Missing> {
    let mut by_interface: BTreeMap<(&str, bool), Vec<(ServiceKey, DestinationKey)>> =
        BTreeMap::new();
    for (service, server) in asked_servers(facts)? {
        let address = server.key.address;
        if server.method != Method::Masquerade || facts.has_address(address)? {
            continue;
        }
        let way = facts.way(address, None)?;
        if let (WayKind::Unicast, Some(interface)) = (way.kind, &way.interface) {
            let pair = (service.key, server.key);
            by_interface.entry((interface, address.is_ipv6())).or_default().push(pair);
        }
    }
    for ((interface, ipv6), servers) in by_interface {
        let own = if ipv6 {
            let forced = Family::V6.parameter(interface, "force_forwarding");
            if facts.number(&forced).is_ok_and(|value| value > 0) {
                continue;
            }
            Family::V6.parameter("all", "forwarding")
        } else {
            Family::V4.parameter(interface, "forwarding")
        };
        if facts.number(&own)? != 0 {
            continue;
        }
        let seen = format!("{own} is 0, and {} behind {interface}", count(&servers, "is", "are"));
        let cause = "the replies of masqueraded servers are not forwarded to the clients";
        let finding = found.add(seen, cause);
        about(finding, &servers);
        // What is on for all need not be on for this one, and setting it again changes nothing.
        let for_all = facts.number("net.ipv4.ip_forward").unwrap_or(0) == 0;
        let name = if for_all && !ipv6 { "net.ipv4.ip_forward" } else { &own };
        finding.fix(format!("sysctl -w {name}=1"));
    }
    Ok(())
}

fn behind_gateway(facts: &Facts, found: &mut Found<'_>) -> Result<(), Missing> {
    let mut by_gateway: BTreeMap<(ServiceKey, IpAddr), Vec<(ServiceKey, DestinationKey)>> =
        BTreeMap::new();
    for (service, server) in asked_servers(facts)? {
        let address = server.key.address;
        if server.method != Method::Direct || facts.has_address(address)? {
            continue;
        }
        // That clients have answered to it shows that the gateway knows the way.
        let gateway = facts.way(address, None)?.gateway;
        if let Some(gateway) = gateway.filter(|_| !has_open(facts, service, server)) {
            let pair = (service.key, server.key);
            by_gateway.entry((service.key, gateway)).or_default().push(pair);
        }
    }
    for ((service, gateway), servers) in by_gateway {
        let seen = format!(
            "{} behind the gateway {gateway}, not on a network of this director",
            count(&servers, "is", "are")
        );
        let cause = "direct routing changes only the hardware address: the gateway gets packets for the \
                     virtual address, and sends them back or drops them";
        let finding = found.add(seen, cause);
        about(finding, &servers);
        for (_, server) in servers.iter().take(FEW) {
            let service = super::words::service(&service);
            finding.fix(format!(
                "# once the real server has a tunnel: ipvsadm -e {service} -r {server} -i --keep"
            ));
        }
        finding.fix("# or: move the real server to a network of this director");
    }
    Ok(())
}

/// True if clients have completed the handshake with this server.
fn has_open(facts: &Facts, service: &Service, server: &Server) -> bool {
    facts.connections.iter().flat_map(|connections| &connections.groups).any(|group| {
        group.service == Some(service.key)
            && group.destination == Some(server.key)
            && group.open > 0
            && group.stuck == 0
    })
}

fn neighbour_failed(facts: &Facts, found: &mut Found<'_>) -> Result<(), Missing> {
    let network = facts.network()?;
    let bad = network.neighbours.iter().filter(|it| matches!(&*it.state, "FAILED" | "INCOMPLETE"));
    let bad: BTreeMap<(IpAddr, &str), &str> =
        bad.map(|it| ((it.address, &*it.interface), &*it.state)).collect();
    if bad.is_empty() {
        return Ok(());
    }
    let mut by_neighbour: BTreeMap<_, Vec<(&Server, ServiceKey)>> = BTreeMap::new();
    for (service, server) in asked_servers(facts)? {
        let way = facts.way(server.key.address, None)?;
        let next = way.gateway.unwrap_or(server.key.address);
        if let (WayKind::Unicast, Some(interface)) = (way.kind, &way.interface)
            && bad.contains_key(&(next, &**interface))
        {
            let at = (service.key, next, &**interface);
            by_neighbour.entry(at).or_default().push((server, service.key));
        }
    }
    for ((_, next, interface), servers) in by_neighbour {
        let state = bad.get(&(next, interface)).copied().unwrap_or("FAILED");
        // A health checker, or somebody, knows of it.
        let is_known = servers.iter().all(|(server, _)| server.weight == 0);
        let servers: Vec<_> = servers.into_iter().map(|(it, service)| (service, it.key)).collect();
        let gateway =
            if servers.iter().any(|(_, it)| it.address == next) { "" } else { "the gateway " };
        let asked = if next.is_ipv4() { "ARP" } else { "neighbour discovery" };
        let seen = format!(
            "{gateway}{next} does not answer {asked} on {interface} (its entry is {state})"
        );
        let cause = match gateway {
            "" => {
                "no packet can be sent to it: it is down, its cable or VLAN is wrong, or it is \
                 elsewhere"
            }
            _ => "no packet can be sent to the real servers behind it",
        };
        let finding = found.add(seen, cause);
        about(finding, &servers);
        if is_known {
            finding.severity = Severity::Info;
        }
        let ip = if next.is_ipv4() { "ip" } else { "ip -6" };
        finding.fix(format!("# on {next}: ip -br address; ip -br link"));
        finding.fix(format!("{ip} neighbour flush to {next} dev {interface}"));
    }
    Ok(())
}

fn lro_on(facts: &Facts, found: &mut Found<'_>) -> Result<(), Missing> {
    let is_sent_on = |server: &Server| matches!(server.method, Method::Direct | Method::Tunnel);
    if !asked_servers(facts)?.iter().any(|(_, server)| is_sent_on(server)) {
        return Ok(());
    }
    let mut unknown = None;
    for link in &facts.network()?.links {
        match link.lro {
            Some(true) if link.up => {
                let seen = format!("large receive offload is on for {}", link.name);
                let cause = "the packets it joins are too long to be sent on by direct routing or \
                             a tunnel: transfers to the servers are slow or stop";
                found.add(seen, cause).fix(format!("ethtool -K {} lro off", link.name));
            }
            None if link.up && !link.loopback && link.kind.is_none() => unknown = Some(&link.name),
            _ => {}
        }
    }
    let why =
        |name| Missing(format!("`ethtool -k {name}` does not tell, or ethtool is not installed"));
    unknown.map_or(Ok(()), |name| Err(why(name)))
}

/// How many are named.
const FEW: usize = 3;

/// The servers of the services that are asked about.
fn asked_servers(facts: &Facts) -> Result<Vec<(&Service, &Server)>, Missing> {
    let services = facts.asked_services()?;
    Ok(services.flat_map(|service| service.servers.iter().map(move |it| (service, it))).collect())
}

/// What the finding is about: as little as all of these have in common.
fn about(finding: &mut Finding, servers: &[(ServiceKey, DestinationKey)]) {
    let Some((service, server)) = servers.first() else {
        return;
    };
    if servers.iter().all(|(other, _)| other == service) {
        finding.of_service(*service);
        if servers.len() == 1 {
            finding.of_server(*server);
        }
    }
}

/// `10.0.0.2:80 is` or `10.0.0.2:80, 10.0.0.3:80, 10.0.0.4:80 and 7 more are`
fn count(servers: &[(ServiceKey, DestinationKey)], one: &str, several: &str) -> String {
    let mut servers: Vec<_> = servers.iter().map(|(_, server)| *server).collect();
    servers.sort_unstable();
    servers.dedup();
    let named: Vec<String> = servers.iter().take(FEW).map(ToString::to_string).collect();
    match servers.len() {
        1 => format!("{} {one}", named[0]),
        all if all > FEW => format!("{} and {} more {several}", named.join(", "), all - FEW),
        _ => format!("{} {several}", named.join(" and ")),
    }
}

#[cfg(test)]
mod tests;
