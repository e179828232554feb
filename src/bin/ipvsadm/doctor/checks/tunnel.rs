//! Tunnels: what they add to a packet.

use std::net::IpAddr;

use ipvs::{AddressFamily, ServiceKey};

use super::{Check, Found};
use crate::doctor::facts::{Facts, Method, Missing, Server, Service, Tunnel, Way, WayKind};
use crate::output::findings::Severity;

pub(super) const CHECKS: &[Check] = &[Check::on_director("tunnel-mtu", Severity::Info, mtu)];

/// The length of what stands before the packet: of headers that the tunnel adds, without options.
fn overhead(server: &Server) -> u32 {
    let outer = if server.key.address.is_ipv4() { 20 } else { 40 };
    outer
        + match server.tunnel {
            None | Some(Tunnel::Ipip) => 0,
            Some(Tunnel::Gre { checksum: false }) => 4,
            Some(Tunnel::Gre { checksum: true }) => 8,
            // UDP, and the header of GUE.
            Some(Tunnel::Gue { .. }) => 12,
        }
}

fn mtu(facts: &Facts, found: &mut Found<'_>) -> Result<(), Missing> {
    // Without, the kernel fragments.
    if facts.number("net.ipv4.vs.pmtu_disc").is_ok_and(|value| value == 0) {
        return Ok(());
    }
    for service in facts.asked_services()? {
        let tunnels = service.servers.iter().filter(|server| server.method == Method::Tunnel);
        // The narrowest tells of all.
        let mut narrowest: Option<(u32, &Server, &Way)> = None;
        for server in tunnels {
            let way = facts.way(server.key.address, None)?;
            if way.kind == WayKind::Unicast
                && let Some(mtu) = of_way(facts, way)?
            {
                let inner = mtu.saturating_sub(overhead(server));
                narrowest = match narrowest {
                    Some(other) if other.0 <= inner => narrowest,
                    _ => Some((inner, server, way)),
                };
            }
        }
        let Some((inner, server, way)) = narrowest else {
            continue;
        };
        let clients = towards_clients(facts, service)?;
        if clients <= inner {
            continue;
        }
        let seen = format!(
            "clients may send packets of {clients} bytes, and the tunnel to {} takes {inner}",
            server.key
        );
        let cause = "the kernel asks for shorter ones by ICMP (fragmentation needed): where a \
                     firewall on the way drops that, large uploads stop";
        let headers = if service.key.family() == AddressFamily::V4 { 40 } else { 60 };
        let iptables = if headers == 40 { "iptables" } else { "ip6tables" };
        let interface = way.interface.as_deref().unwrap_or("IFACE");
        let finding = found.add(seen, cause);
        finding.of_service(service.key);
        finding.fix(format!(
            "# on its real servers, for TCP: {iptables} -t mangle -A OUTPUT -p tcp --tcp-flags \
             SYN,ACK SYN,ACK -j TCPMSS --set-mss {}",
            inner.saturating_sub(headers)
        ));
        let wanted = clients + overhead(server);
        finding.fix(format!(
            "# or, if the whole network takes it: ip link set {interface} mtu {wanted}"
        ));
        finding.fix("# or have the kernel fragment them: sysctl -w net.ipv4.vs.pmtu_disc=0");
    }
    Ok(())
}

fn of_way(facts: &Facts, way: &Way) -> Result<Option<u32>, Missing> {
    let network = facts.network()?;
    let link = way.interface.as_deref().and_then(|name| network.link(name));
    Ok(way.mtu.or(link.map(|link| link.mtu)))
}

/// The longest packets that clients can send: those that there are, or else those on the link where the
/// virtual address is.
fn towards_clients(facts: &Facts, service: &Service) -> Result<u32, Missing> {
    let network = facts.network()?;
    let mut longest = None;
    let is_ipv4 = service.key.family() == AddressFamily::V4;
    let clients = facts.connections.iter().flat_map(|connections| &connections.clients);
    for client in clients.filter(|client| client.is_ipv4() == is_ipv4) {
        let way = facts.way(*client, None)?;
        if way.kind == WayKind::Unicast {
            longest = longest.max(of_way(facts, way)?);
        }
    }
    let beside = |address: IpAddr| {
        let own = network.networks_with(address).filter_map(|own| network.link(&own.interface));
        own.filter(|link| !link.loopback).map(|link| link.mtu).max()
    };
    if let (None, ServiceKey::Address { address, .. }) = (longest, service.key) {
        longest = beside(address);
    }
    longest.ok_or_else(|| Missing("the way to the clients is not known".to_owned()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::doctor::checks::examine;

    /// What is seen with a server behind this tunnel, with these lengths on both sides.
    fn seen(tunnel: serde_json::Value, server: &str, clients: u32, inside: u32) -> Option<String> {
        let facts: Facts = serde_json::from_value(json!({
            "ipvs": {"services": [{
                "key": "TCP 192.0.2.1:80", "scheduler": "rr",
                "servers": [{"key": server, "method": "tunnel", "tunnel": tunnel, "weight": 1}],
            }]},
            "network": {
                "links": [
                    {"index": 2, "name": "eth0", "mtu": clients},
                    {"index": 3, "name": "eth1", "mtu": inside},
                ],
                "addresses": [{"address": "192.0.2.1", "prefix": 24, "interface": "eth0"}],
                "ways": [
                    {"to": "10.0.0.2", "kind": "unicast", "interface": "eth1"},
                    {"to": "192.0.2.1", "kind": "local"},
                    {"to": "2001:db8::2", "kind": "unicast", "interface": "eth1"},
                ],
            },
            "sysctls": {"net.ipv4.vs.pmtu_disc": "1"},
        }))
        .expect("facts");
        let mut findings = examine(&facts).findings.into_iter();
        findings.find(|finding| finding.id == "tunnel-mtu").map(|finding| finding.seen)
    }

    #[test]
    fn what_a_tunnel_adds_must_fit() {
        for (tunnel, server, overhead) in [
            (json!("ipip"), "10.0.0.2:80", 20),
            (json!("ipip"), "[2001:db8::2]:80", 40),
            (json!({"gre": {"checksum": false}}), "10.0.0.2:80", 24),
            (json!({"gre": {"checksum": true}}), "10.0.0.2:80", 28),
            (json!({"gue": {"port": 6080}}), "10.0.0.2:80", 32),
        ] {
            assert_eq!(seen(tunnel.clone(), server, 1500, 1500 + overhead), None);
            let inner = 1500 - overhead;
            let expected = format!(
                "clients may send packets of 1500 bytes, and the tunnel to {server} takes {inner}"
            );
            assert_eq!(seen(tunnel, server, 1500, 1500), Some(expected));
        }
    }
}
