//! Whether the real server takes the packets, answers, and answers by the right way.

use std::net::IpAddr;

use ipvs::{Protocol, ServiceKey};

use super::super::{Check, Found};
use super::not_taken;
use crate::doctor::facts::{Facts, Family, Link, Method, Missing, Network, WayKind};
use crate::output::findings::Severity;

pub(super) const CHECKS: &[Check] = &[
    Check::on_server("tunnel-down", Severity::Error, tunnel_down),
    Check::on_server("rp-filter", Severity::Error, reverse_path),
    Check::on_server("not-listening", Severity::Error, not_listening),
    Check::on_server("nat-gateway", Severity::Error, gateway),
];

/// The kinds of devices that take packets out of a tunnel.
const TUNNELS: [&str; 5] = ["ipip", "sit", "ip6tnl", "gre", "ip6gre"];

fn tunnels(network: &Network) -> impl Iterator<Item = &Link> {
    let kind = |link: &Link| link.kind.clone().unwrap_or_default();
    network.links.iter().filter(move |link| TUNNELS.contains(&&*kind(link)))
}

fn tunnel_down(facts: &Facts, found: &mut Found<'_>) -> Result<(), Missing> {
    let network = facts.network()?;
    if facts.question.method != Some(Method::Tunnel) || tunnels(network).any(|link| link.up) {
        return Ok(());
    }
    let cause = "nothing takes the packets out of the tunnel that the director sends them through";
    match tunnels(network).next() {
        Some(link) => {
            let seen = format!("{} is down, and there is no other tunnel", link.name);
            found.add(seen, cause).fix(format!("ip link set {} up", link.name));
        }
        None => {
            let finding = found.add("there is no tunnel interface", cause);
            finding.fix("modprobe ipip").fix("ip link set tunl0 up");
            finding.fix("# with --tun-type gre: modprobe ip_gre; ip link set gre0 up");
            finding.fix("# with --tun-type gue: the two lines above, and ip fou add port PORT gue");
        }
    }
    Ok(())
}

fn reverse_path(facts: &Facts, found: &mut Found<'_>) -> Result<(), Missing> {
    let network = facts.network()?;
    let incoming: Vec<&Link> = match facts.question.method {
        Some(Method::Tunnel) => tunnels(network).filter(|link| link.up).collect(),
        Some(Method::Direct) => other_way_in(facts)?.into_iter().collect(),
        _ => return Ok(()),
    };
    // IPv6 has no such filter.
    if matches!(facts.question.service, Some(key) if key.family() == ipvs::AddressFamily::V6) {
        return Ok(());
    }
    for link in incoming {
        let value = facts.greater(Family::V4, &link.name, "rp_filter")?;
        // On an interface without an address the kernel makes no difference between strict and loose
        // (`__fib_validate_source` in net/ipv4/fib_frontend.c).
        let mut own = network.addresses.iter().filter(|own| own.interface == link.name);
        let has_address = own.any(|own| own.address.is_ipv4());
        let seen = match value {
            1 => format!("the reverse path filter (rp_filter) of {} is strict", link.name),
            2 if !has_address => format!(
                "the reverse path filter (rp_filter) of {} is loose, which is just as strict on \
                 an interface without an address",
                link.name
            ),
            _ => continue,
        };
        let cause = "the route to the clients is by another interface, so the kernel drops what \
                     the director sends";
        let finding = found.add(seen, cause);
        let name = Family::V4.parameter(&link.name, "rp_filter");
        if has_address {
            finding.fix(format!("sysctl -w {name}=2"));
        } else if facts.number(&Family::V4.parameter("all", "rp_filter"))? == 0 {
            finding.fix(format!("sysctl -w {name}=0"));
        } else if let Some(ServiceKey::Address { address, .. }) = facts.question.service {
            finding.fix(format!("ip address add {address}/32 dev {}", link.name));
            finding.fix(format!("sysctl -w {name}=2"));
        }
    }
    Ok(())
}

/// The interface that the director's packets come in by, if the clients are reached by another one, and
/// none of them has a connection.
fn other_way_in(facts: &Facts) -> Result<Option<&Link>, Missing> {
    let network = facts.network()?;
    let Some(director) = facts.question.director else {
        return Ok(None);
    };
    let Some(interface) = facts.way(director, None)?.interface.as_deref() else {
        return Ok(None);
    };
    let mut default = network.routes.iter().filter(|route| {
        route.to.is_none() && route.kind == "unicast" && route.ipv6 == director.is_ipv6()
    });
    let is_other = network.peers.is_empty()
        && default.clone().count() > 0
        && default.all(|route| route.interface.as_deref() != Some(interface));
    Ok(network.link(interface).filter(|_| is_other))
}

fn not_listening(facts: &Facts, found: &mut Found<'_>) -> Result<(), Missing> {
    let Some(ServiceKey::Address { protocol, address, port }) = facts.question.service else {
        return Err(Missing("a firewall mark does not tell the port".to_owned()));
    };
    if port == 0 {
        return Ok(());
    }
    let protocol = match protocol {
        Protocol::Tcp => "TCP",
        Protocol::Udp => "UDP",
        other => return Err(Missing(format!("sockets of {other} are not read"))),
    };
    if let Some(why) = facts.unknown.get("listeners") {
        return Err(Missing(why.clone()));
    }
    let is_masqueraded = facts.question.method == Some(Method::Masquerade);
    let listeners = facts.network()?.listeners.iter().filter(|it| it.protocol == protocol);
    // A socket on `::` takes IPv4 too, unless the program forbids it.
    let serves = |own: IpAddr| match is_masqueraded {
        true => !own.is_loopback(),
        false => own.is_unspecified() && (own.is_ipv6() || address.is_ipv4()) || own == address,
    };
    let mut here = listeners.clone().filter(|it| it.port == port).peekable();
    let is_elsewhere = here.peek().map(|it| it.address);
    if here.any(|it| serves(it.address)) {
        return Ok(());
    }
    let destination = Some(address).filter(|_| !is_masqueraded);
    not_taken(facts, destination, true)?;
    let seen = match is_elsewhere {
        Some(other) => format!("something listens on {protocol} port {port}, but at {other} only"),
        None => format!("nothing listens on {protocol} port {port}"),
    };
    let (at, cause) = match is_masqueraded {
        // The director may send to another port.
        true if listeners.clone().any(|it| serves(it.address)) => (
            "this host's address",
            "the director's connections are refused, unless it sends them to another port of this \
             host",
        ),
        true => ("this host's address", "the director's connections are refused"),
        false => ("the virtual address", "the clients that are sent here are refused"),
    };
    let is_certain = !cause.contains("unless");
    let finding = found.add(seen, cause);
    finding.fix(format!("# start the server, or have it listen on port {port} at {at}"));
    if !is_certain {
        finding.severity = Severity::Info;
    }
    Ok(())
}

fn gateway(facts: &Facts, found: &mut Found<'_>) -> Result<(), Missing> {
    let (Some(Method::Masquerade), Some(director)) =
        (facts.question.method, facts.question.director)
    else {
        return Ok(());
    };
    let network = facts.network()?;
    let leads_to_director = |peer: IpAddr| {
        let way = facts.way(peer, None)?;
        Ok(way.gateway == Some(director) || peer == director || way.kind == WayKind::Local)
    };
    // A connection that is complete shows that the replies arrive, whatever way they take.
    let mut lost = None;
    for peer in &network.peers {
        if !leads_to_director(peer.address)? {
            match peer.half_open {
                true => lost = lost.or(Some(peer.address)),
                false => return Ok(()),
            }
        }
    }
    let by_director = network.routes.iter().any(|route| route.gateway == Some(director));
    if lost.is_none() && (by_director || !network.peers.is_empty()) {
        return Ok(());
    }
    let ip = if director.is_ipv4() { "ip" } else { "ip -6" };
    let command = format!("{ip} route replace default via {director}");
    match lost {
        Some(client) => {
            let way = facts.way(client, None)?;
            let by = match (way.gateway, &way.interface) {
                (Some(gateway), _) => format!("goes through {gateway}"),
                (None, Some(interface)) => format!("leaves by {interface} directly"),
                (None, None) => "is not known".to_owned(),
            };
            let seen = format!(
                "the route to the client {client} {by}, not through the director {director}"
            );
            let cause = "only the director can give replies the virtual address again: clients get no \
                         connection";
            let finding = found.add(seen, cause);
            match way.gateway {
                Some(_) => finding.fix(command),
                // A route to its own network is stronger than the default one.
                None => finding.fix(format!("{ip} route replace {client} via {director}")),
            };
        }
        None => {
            let seen = format!("no route of this host leads to the director {director}");
            let cause = "replies do not pass through the director, unless it changes the clients' \
                         addresses to its own (SNAT)";
            let finding = found.add(seen, cause);
            finding.severity = Severity::Info;
            finding.fix(command);
        }
    }
    Ok(())
}
