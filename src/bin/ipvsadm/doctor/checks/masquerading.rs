//! Masquerading: replies must come back through the director.

use std::net::IpAddr;

use ipvs::ServiceKey;

use super::{Check, Found};
use crate::doctor::facts::{Address, Facts, Family, Group, Method, Missing, Server, Service};
use crate::output::findings::Severity;

pub(super) const CHECKS: &[Check] = &[
    Check::on_director("nat-no-replies", Severity::Error, no_replies),
    Check::on_director("nat-client-beside-server", Severity::Error, client_beside_server),
    Check::on_director("nat-redirects", Severity::Warning, redirects),
    Check::on_director("nat-hairpin", Severity::Error, hairpin),
];

/// Connections to a masqueraded server.
struct Masqueraded<'f> {
    service: &'f Service,
    server: &'f Server,
    group: &'f Group,
}

/// Every group of connections to a masqueraded server that is not the director itself.
fn masqueraded<'f>(
    facts: &'f Facts,
    is_wanted: impl Fn(&Group) -> bool + 'f,
) -> Result<Vec<Masqueraded<'f>>, Missing> {
    let ipvs = facts.ipvs()?;
    let mut found = Vec::new();
    for group in facts.connections()?.groups.iter().filter(|group| is_wanted(group)) {
        let service = group.service.and_then(|key| ipvs.service(&key));
        let server = service.zip(group.destination).and_then(|(it, key)| it.server(&key));
        let (Some(service), Some(server)) = (service, server) else {
            continue;
        };
        if server.method == Method::Masquerade && !facts.has_address(server.key.address)? {
            found.push(Masqueraded { service, server, group });
        }
    }
    Ok(found)
}

impl Masqueraded<'_> {
    /// The director's address in a network that both the server and the client are in.
    fn shared_network<'f>(
        &self,
        facts: &'f Facts,
        client: IpAddr,
    ) -> Result<Option<&'f Address>, Missing> {
        let server = self.server.key.address;
        let way = facts.way(server, None)?;
        let mut shared = facts.network()?.networks_with(server);
        Ok(shared.find(|own| own.holds(client) && Some(&own.interface) == way.interface.as_ref()))
    }

    /// True if the client is a server of the service, too.
    fn is_server(&self, client: IpAddr) -> bool {
        // Sorted by address.
        let servers = &self.service.servers;
        servers.binary_search_by_key(&client, |server| server.key.address).is_ok()
    }
}

fn no_replies(facts: &Facts, found: &mut Found<'_>) -> Result<(), Missing> {
    for it in masqueraded(facts, |group| group.stuck > 0)? {
        let Server { growth, counters, .. } = it.server;
        // Where nothing came in while it was watched, what has been since the service was added decides.
        let is_silent = growth.outgoing_packets == 0
            && (growth.incoming_packets > 0
                || counters.outgoing_packets == 0 && counters.incoming_packets > 0);
        if !is_silent {
            continue;
        }
        // Another check says what is wrong then.
        let mut is_beside = false;
        for client in &it.group.stuck_clients {
            is_beside |= it.shared_network(facts, *client)?.is_some();
        }
        if is_beside {
            continue;
        }
        let server = it.server.key.address;
        let seen = match growth.incoming_packets {
            0 => format!(
                "{}, {} packets have been sent to it since it was added, and none has come back",
                half_open(it.group),
                counters.incoming_packets
            ),
            packets => format!(
                "{}, and while they were watched, {packets} packets were sent to it and none came back",
                half_open(it.group)
            ),
        };
        let cause = "its replies do not come back through this director, or it does not answer at all: \
                     clients get no connection";
        let finding = found.add(seen, cause);
        finding.of_service(it.service.key).of_server(it.server.key);
        if let Some(source) = facts.way(server, None)?.source {
            let ip = if server.is_ipv6() { "ip -6" } else { "ip" };
            finding.fix(format!(
                "# on the real server {server}: {ip} route replace default via {source}"
            ));
        }
        finding.fix("# or, if its routes must stay as they are, on this director:");
        for line in source_nat(None, server) {
            finding.fix(format!("# {line}"));
        }
    }
    Ok(())
}

/// `3 connections stay half open`
fn half_open(group: &Group) -> String {
    match group.stuck {
        1 => "a connection stays half open (SYN_RECV)".to_owned(),
        stuck => format!("{stuck} connections stay half open (SYN_RECV)"),
    }
}

fn client_beside_server(facts: &Facts, found: &mut Found<'_>) -> Result<(), Missing> {
    for it in masqueraded(facts, |group| group.stuck > 0)? {
        let server = it.server.key.address;
        for client in it.group.stuck_clients.iter().filter(|client| !it.is_server(**client)) {
            let Some(own) = it.shared_network(facts, *client)? else {
                continue;
            };
            let network = network(own);
            let finding = found.add(
                format!(
                    "{}, and the client {client} is in the server's network, {network}",
                    half_open(it.group)
                ),
                "the server answers such clients directly, from its own address, which they never \
                 asked: they get no connection",
            );
            finding.of_service(it.service.key).of_server(it.server.key);
            for line in source_nat(Some(&network), server) {
                finding.fix(line);
            }
            finding.fix(format!(
                "# or, to keep the clients' addresses, on the real server {server}: {}",
                route_through(&network, own.address)
            ));
            break;
        }
    }
    Ok(())
}

fn hairpin(facts: &Facts, found: &mut Found<'_>) -> Result<(), Missing> {
    let mut last = None;
    for it in masqueraded(facts, |group| group.stuck > 0)? {
        let client = it.group.stuck_clients.iter().find(|client| it.is_server(**client));
        let (Some(client), true) = (client, last != Some(it.service.key)) else {
            continue;
        };
        // One finding for each service.
        last = Some(it.service.key);
        let server = it.server.key.address;
        let shared = it.shared_network(facts, *client)?.map(network);
        // Where the two are in different networks, replies come back here.
        if shared.is_none() && *client != server {
            continue;
        }
        let finding = found.add(
            format!(
                "{}, and their client {client} is a real server of the service itself",
                half_open(it.group)
            ),
            "such a client gets no answer: its packets come back to it from its own address, or \
             the reply comes directly from its neighbour",
        );
        finding.of_service(it.service.key).of_server(it.server.key);
        for line in source_nat(shared.as_deref(), server) {
            finding.fix(line);
        }
    }
    Ok(())
}

fn redirects(facts: &Facts, found: &mut Found<'_>) -> Result<(), Missing> {
    // Without connection tracking there is no source NAT of these packets, with which it does no harm.
    if facts.sysctl("net.ipv4.vs.conntrack").is_some_and(|value| value != "0") {
        return Ok(());
    }
    let mut last: Option<(ServiceKey, &str)> = None;
    for it in masqueraded(facts, |group| group.open > 0 && group.server.is_ipv4())? {
        for client in &it.group.open_clients {
            let Some(own) = it.shared_network(facts, *client)? else {
                continue;
            };
            if last == Some((it.service.key, &own.interface))
                || facts.greater(Family::V4, &own.interface, "send_redirects")? == 0
            {
                break;
            }
            last = Some((it.service.key, &own.interface));
            let names = ["all", &own.interface]
                .map(|name| format!("{}=0", Family::V4.parameter(name, "send_redirects")));
            found
                .add(
                    format!(
                        "the client {client} and the real server {} are both in the network {} on {}, \
                         where this director sends redirects",
                        it.server.key.address,
                        network(own),
                        own.interface
                    ),
                    "a redirect tells the server that it can reach the client directly, and then it \
                     does: long transfers break off, short ones do not",
                )
                .of_service(it.service.key)
                .fix(format!("sysctl -w {}", names.join(" ")))
                .fix("# on the real servers: sysctl -w net.ipv4.conf.all.accept_redirects=0");
            break;
        }
    }
    Ok(())
}

/// Such as `10.0.0.0/24`.
fn network(own: &Address) -> String {
    let bits = u32::from(own.prefix);
    let base = match own.address {
        IpAddr::V4(address) => {
            let mask = u32::MAX.checked_shl(32 - bits.min(32)).unwrap_or(0);
            IpAddr::V4((address.to_bits() & mask).into())
        }
        IpAddr::V6(address) => {
            let mask = u128::MAX.checked_shl(128 - bits.min(128)).unwrap_or(0);
            IpAddr::V6((address.to_bits() & mask).into())
        }
    };
    format!("{base}/{bits}")
}

/// Commands that make the director the source of what it sends to a server, so that replies come back.
fn source_nat(from: Option<&str>, server: IpAddr) -> [String; 2] {
    let iptables = if server.is_ipv6() { "ip6tables" } else { "iptables" };
    let from = from.map(|from| format!("-s {from} ")).unwrap_or_default();
    [
        "sysctl -w net.ipv4.vs.conntrack=1".to_owned(),
        format!("{iptables} -t nat -A POSTROUTING {from}-d {server} -j MASQUERADE"),
    ]
}

/// A command for a server, that leads what it sends to its own network through the director.
fn route_through(network: &str, director: IpAddr) -> String {
    match director {
        IpAddr::V4(_) => format!("ip route replace {network} via {director}"),
        // The kernel's own route stays beside it, with the metric 256.
        IpAddr::V6(_) => format!("ip -6 route replace {network} via {director} metric 128"),
    }
}

#[cfg(test)]
mod tests;
