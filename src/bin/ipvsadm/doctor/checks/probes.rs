//! What the answers to `--probe` show.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::{IpAddr, SocketAddr};

use ipvs::ServiceKey;

use super::{Check, Found};
use crate::doctor::facts::{Facts, Method, Missing, Probe, WayKind};
use crate::output::findings::Severity;

pub(super) const CHECKS: &[Check] = &[
    Check::on_director("arp-answered-by-server", Severity::Error, answered).with_probe(),
    Check::on_director("server-refuses", Severity::Error, refuses).with_probe(),
];

fn answered(facts: &Facts, found: &mut Found<'_>) -> Result<(), Missing> {
    let network = facts.network()?;
    let own: BTreeSet<&str> = network.links.iter().filter_map(|link| link.mac.as_deref()).collect();
    let mut answers: BTreeMap<IpAddr, BTreeSet<(&str, &str)>> = BTreeMap::new();
    // Whose hardware address is whose.
    let mut owners: HashMap<&str, IpAddr> = HashMap::new();
    for neighbour in network.neighbours.iter().rev() {
        owners.extend(neighbour.mac.as_deref().map(|mac| (mac, neighbour.address)));
    }
    let mut services: BTreeMap<IpAddr, ServiceKey> = BTreeMap::new();
    let (mut servers, mut ipv6) = (BTreeSet::new(), false);
    for service in facts.asked_services()? {
        let mut is_sent_on = false;
        for server in service.servers.iter().filter(|server| server.method == Method::Direct) {
            is_sent_on |= facts.way(server.key.address, None)?.kind == WayKind::Unicast;
            servers.insert(server.key.address);
        }
        if let (ServiceKey::Address { address, .. }, true) = (service.key, is_sent_on) {
            services.entry(address).or_insert(service.key);
            ipv6 |= address.is_ipv6();
        }
    }
    for probe in facts.probes()? {
        if let Probe::WhoHas { address, interface, answers: macs } = probe {
            if servers.contains(address) {
                owners.extend(macs.iter().map(|mac| (&**mac, *address)));
            }
            let others = macs.iter().filter(|mac| !own.contains(&***mac));
            answers.entry(*address).or_default().extend(others.map(|it| (&**it, &**interface)));
        }
    }
    for (address, service) in &services {
        let Some(answers) = answers.get(address) else {
            continue;
        };
        let is_here = facts.way(*address, None)?.kind == WayKind::Local;
        for (mac, interface) in answers {
            let owner = owners.get(mac);
            let server = owner.filter(|owner| servers.contains(owner));
            // Another director may have the address now.
            if server.is_none() && !is_here {
                continue;
            }
            let who = match (server, owner) {
                (Some(server), _) => format!("the real server {server} ({mac})"),
                (None, Some(owner)) => format!("{owner} ({mac})"),
                (None, None) => format!("another host ({mac})"),
            };
            let seen = format!("{who} answers ARP requests for {address} on {interface}");
            let cause = "clients and routers there send their packets past this director, now or when \
                         they next ask";
            let finding = found.add(seen, cause);
            finding.of_service(*service);
            let Some(server) = server else {
                finding.fix(format!("# remove it from that host: ip address show to {address}"));
                continue;
            };
            let words = super::words::service(service);
            finding.fix(format!(
                "# on the real server {server}: sysctl -w net.ipv4.conf.all.arp_ignore=1 \
                 net.ipv4.conf.all.arp_announce=2"
            ));
            finding.fix(format!(
                "# or look there for what is wrong: ipvsadm --doctor --server-side {words} -g"
            ));
        }
    }
    if let Some(why) = facts.unknown.get("arp") {
        return Err(Missing(format!("no ARP request could be sent: {why}")));
    }
    let missed = services.keys().filter(|it| it.is_ipv4() && !answers.contains_key(it)).count();
    match (missed, ipv6) {
        (0, false) => Ok(()),
        (0, true) => Err(Missing("who has an IPv6 address is not asked".to_owned())),
        (1, _) => Err(Missing("one virtual address was not asked for".to_owned())),
        (count, _) => Err(Missing(format!("{count} virtual addresses were not asked for"))),
    }
}

fn refuses(facts: &Facts, found: &mut Found<'_>) -> Result<(), Missing> {
    let results: HashMap<SocketAddr, &str> =
        facts.probes()?.iter().filter_map(connection).collect();
    let mut missed = 0;
    for (service, server, address) in facts.servers_to_connect()? {
        let seen = match results.get(&address).copied() {
            None => {
                missed += 1;
                continue;
            }
            Some("connected") => continue,
            Some("refused") => format!("{address} refuses this host's connection"),
            Some("timed out") => format!("{address} does not answer this host's connection"),
            Some(error) => format!("this host cannot connect to {address}: {error}"),
        };
        let cause = "the clients that are sent there get no connection";
        let finding = found.add(seen, cause);
        finding.of_service(service.key).of_server(server.key);
        finding.fix(format!("# on the real server: ss -ltn 'sport = :{}'", address.port()));
        let words = super::words::service(&service.key);
        finding
            .fix(format!("# until it is mended: ipvsadm -e {words} -r {} -w 0 --keep", server.key));
    }
    match missed {
        0 => Ok(()),
        1 => Err(Missing("one server was not tried".to_owned())),
        count => Err(Missing(format!("{count} servers were not tried"))),
    }
}

fn connection(probe: &Probe) -> Option<(SocketAddr, &str)> {
    match probe {
        Probe::Connection { to, result } => Some((*to, result)),
        Probe::WhoHas { .. } => None,
    }
}

#[cfg(test)]
mod tests;
