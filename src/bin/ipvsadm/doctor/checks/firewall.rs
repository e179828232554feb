//! Rules of the firewall that packets are dropped by, and those that are missing.

use ipvs::ServiceKey;

use super::filter::Place;
use super::journey::{Journeys, Reason, Trouble};
use super::{Check, Found};
use crate::doctor::facts::firewall::{Chain, Firewall, Hook, Packets, Step, Tool};
use crate::doctor::facts::{Facts, Missing, Service};
use crate::output::findings::{Finding, Severity};

pub(super) const CHECKS: &[Check] = &[
    Check::on_director("mark-not-set", Severity::Error, mark_not_set),
    Check::on_director("firewall-drops", Severity::Error, drops),
];

/// Findings for services, above which there is one for all.
const MOST_SERVICES: usize = 8;
/// Lines that mend.
const MOST_LINES: usize = 16;

fn mark_not_set(facts: &Facts, found: &mut Found<'_>) -> Result<(), Missing> {
    let services = &facts.ipvs()?.services;
    let firewall = facts.firewall()?;
    for service in services {
        let ServiceKey::FirewallMark { mark, .. } = service.key else {
            continue;
        };
        // Something else may set it, such as tc(8).
        if service.growth.incoming_packets > 0 || may_set(firewall, mark.get(), service) {
            continue;
        }
        if let Some(hidden) = &firewall.hidden {
            return Err(Missing(hidden.clone()));
        }
        let finding = found.add(
            format!("no rule of the firewall sets the mark {mark}"),
            "no packet carries the mark, so none reaches the service",
        );
        finding.of_service(service.key);
        if service.counters.connections > 0 {
            // It had connections.
            finding.seen += ", though the service has had connections";
            finding.severity = Severity::Warning;
        }
        let is_ipv6 = is_ipv6(service);
        let known = facts.connections.iter().flat_map(|it| &it.groups);
        let known = known.filter(|it| it.service == Some(service.key) && it.connections > 0);
        let tool = tool(firewall, is_ipv6);
        let mut addresses: Vec<_> =
            known.map(|it| (it.protocol.to_lowercase(), it.to)).take(MOST_LINES).collect();
        addresses.sort_unstable();
        addresses.dedup();
        for (protocol, to) in &addresses {
            let (address, port) = (to.ip(), to.port());
            finding.fix(format!(
                "{tool} -t mangle -A PREROUTING -d {address} -p {protocol} --dport {port} -j MARK \
                 --set-mark {mark}"
            ));
        }
        if addresses.is_empty() {
            finding.fix(format!(
                "# {tool} -t mangle -A PREROUTING -d VIRTUAL-ADDRESS -p tcp -m multiport --dports \
                 80,443 -j MARK --set-mark {mark}"
            ));
        }
    }
    Ok(())
}

/// True if a rule may set this mark.
fn may_set(firewall: &Firewall, mark: u32, service: &Service) -> bool {
    let is_ipv6 = is_ipv6(service);
    let chains = firewall.chains.iter().filter(|chain| chain.family.include(is_ipv6));
    let reaches = |chain: &&Chain| {
        chain.base.is_none_or(|base| !matches!(base.hook, Hook::Forward | Hook::Postrouting))
    };
    chains.filter(reaches).flat_map(|chain| &chain.rules).flat_map(|rule| &rule.steps).any(|step| {
        matches!(step, Step::Mark { value, mask }
            if value.is_none_or(|value| value & mask == mark & mask && (value & mask) != 0))
    })
}

fn is_ipv6(service: &Service) -> bool {
    service.key.family() == ipvs::AddressFamily::V6
}

/// The program of iptables that fits what is in use.
fn tool(firewall: &Firewall, is_ipv6: bool) -> &'static str {
    let is_legacy = firewall.chains.iter().any(|chain| chain.tool == Tool::IptablesLegacy);
    iptables(if is_legacy { Tool::IptablesLegacy } else { Tool::Iptables }, is_ipv6)
}

fn iptables(tool: Tool, is_ipv6: bool) -> &'static str {
    match (tool, is_ipv6) {
        (Tool::IptablesLegacy, false) => "iptables-legacy",
        (Tool::IptablesLegacy, true) => "ip6tables-legacy",
        (_, false) => "iptables",
        (_, true) => "ip6tables",
    }
}

fn drops(facts: &Facts, found: &mut Found<'_>) -> Result<(), Missing> {
    let journeys = Journeys::new(facts)?;
    let mut troubles = journeys.troubles()?;
    troubles.retain(|trouble| matches!(trouble.reason, Reason::Rules));
    let mut done: Vec<String> = Vec::new();
    let mut add = |trouble: &Trouble<'_>, what: String, servers: &dyn Fn(&mut Finding)| {
        let cause = match trouble.hook {
            Hook::Input => "IPVS sees only packets that INPUT accepts: clients get no connection",
            Hook::Output => "what IPVS sends to the server is dropped: clients get no connection",
            _ => "the server's replies do not reach the clients, which get no connection",
        };
        let finding = found.add(what, cause);
        servers(finding);
        let same = troubles.iter().filter(|it| {
            is_alike(it, trouble)
                && (finding.service.is_none() || finding.service == Some(it.service.key))
        });
        let mut lines: Vec<String> = same.map(|it| accept(it)).collect();
        lines.sort_unstable();
        lines.dedup();
        // The same servers may be another service's.
        lines.retain(|line| !done.contains(line));
        let more = lines.len() > MOST_LINES;
        lines.truncate(MOST_LINES);
        for line in &lines {
            finding.fix(line.clone());
        }
        if more {
            finding.fix("# … and so on for the others");
        }
        if lines.is_empty() {
            finding.fix("# as above");
        }
        done.extend(lines);
    };
    tell(&troubles, |trouble, what, servers| add(trouble, what, servers));
    journeys.end()
}

/// True if the same rule drops packets of the same way.
fn is_alike(one: &Trouble<'_>, other: &Trouble<'_>) -> bool {
    let rule = |it: &Trouble<'_>| it.dropped.rule.map(std::ptr::from_ref);
    one.hook == other.hook
        && std::ptr::eq(one.dropped.base, other.dropped.base)
        && rule(one) == rule(other)
}

/// Passes on what a finding has to say: for each rule, one for each service, or one for all if there are
/// many. The last argument sets what the finding is about.
pub(super) fn tell<'f>(
    troubles: &[Trouble<'f>],
    mut add: impl FnMut(&Trouble<'f>, String, &dyn Fn(&mut Finding)),
) {
    // By rule, and then by service.
    let mut by_rule: Vec<Vec<&Trouble<'f>>> = Vec::new();
    for trouble in troubles {
        match by_rule.iter_mut().find(|all| is_alike(all[0], trouble)) {
            Some(all) => all.push(trouble),
            None => by_rule.push(vec![trouble]),
        }
    }
    for all in by_rule {
        let mut by_service: Vec<Vec<&Trouble<'f>>> = Vec::new();
        for trouble in all {
            match by_service.last_mut() {
                Some(last) if last[0].service.key == trouble.service.key => last.push(trouble),
                _ => by_service.push(vec![trouble]),
            }
        }
        if by_service.len() > MOST_SERVICES {
            let first = by_service[0][0];
            let count = by_service.len();
            let what = format!("{}, and those of {} other services", what(first, 0), count - 1);
            add(first, what, &|_| {});
            continue;
        }
        for of_service in by_service {
            let first = of_service[0];
            let mut servers: Vec<_> =
                of_service.iter().filter_map(|it| it.server.map(|it| it.key)).collect();
            servers.dedup();
            let what = what(first, servers.len().saturating_sub(1));
            add(first, what, &|finding| {
                finding.of_service(first.service.key);
                if let [only] = servers[..] {
                    finding.of_server(only);
                }
            });
        }
    }
}

/// Such as `the policy of INPUT (iptables, table filter) drops packets to 192.0.2.1 port 80`.
fn what(trouble: &Trouble<'_>, others: usize) -> String {
    let Trouble { packet, dropped, .. } = trouble;
    let chain = name_of(dropped.base);
    let by = match dropped.rule {
        None => format!("the policy of {chain}"),
        Some(rule) => format!("the rule '{}', reached from {chain},", rule.text),
    };
    let of = match trouble.hook {
        Hook::Forward => format!("replies from {}", end(packet.source, packet.source_port)),
        _ => format!("packets to {}", end(packet.destination, packet.destination_port)),
    };
    let others = match others {
        0 => String::new(),
        1 => " and another server".to_owned(),
        _ => format!(" and {others} other servers"),
    };
    format!("{by} drops {of}{others}")
}

fn end(address: Option<std::net::IpAddr>, port: Option<u16>) -> String {
    let address = address.map(|it| it.to_string()).unwrap_or_default();
    match port {
        Some(port) => format!("{address} port {port}"),
        None => address,
    }
}

/// Such as `FORWARD (iptables, table filter)`.
pub(super) fn name_of(chain: &Chain) -> String {
    match chain.tool {
        Tool::Nft => format!("{} (nft, table {} {})", chain.name, family(chain), chain.table),
        tool => {
            let program = iptables(tool, chain.family == Packets::Ip6);
            format!("{} ({program}, table {})", chain.name, chain.table)
        }
    }
}

fn family(chain: &Chain) -> &'static str {
    match chain.family {
        Packets::Ip => "ip",
        Packets::Ip6 => "ip6",
        Packets::Inet => "inet",
    }
}

/// A command that lets such packets through, as the first thing in the base chain.
fn accept(trouble: &Trouble<'_>) -> String {
    let Trouble { packet, dropped, .. } = trouble;
    let chain = dropped.base;
    let is_reply = trouble.hook == Hook::Forward;
    let (address, port) = match is_reply {
        true => (packet.source, packet.source_port),
        false => (packet.destination, packet.destination_port),
    };
    let protocol = match packet.protocol {
        6 => "tcp",
        17 => "udp",
        _ => "sctp",
    };
    let mut words = Vec::new();
    if chain.tool == Tool::Nft {
        words.push(format!("nft insert rule {} {} {}", family(chain), chain.table, chain.name));
        let side = if is_reply { 's' } else { 'd' };
        let ip = if packet.is_ipv6 { "ip6" } else { "ip" };
        words.extend(address.map(|address| format!("{ip} {side}addr {address}")));
        words.push(match port {
            Some(port) => format!("{protocol} {side}port {port} accept"),
            None => format!("meta l4proto {protocol} accept"),
        });
    } else {
        words.push(iptables(chain.tool, packet.is_ipv6).to_owned());
        if chain.table != "filter" {
            words.push(format!("-t {}", chain.table));
        }
        words.push(format!("-I {}", chain.name));
        let (of, side) = if is_reply { ("-s", "--sport") } else { ("-d", "--dport") };
        words.extend(address.map(|address| format!("{of} {address}")));
        words.push(format!("-p {protocol}"));
        words.extend(port.map(|port| format!("{side} {port}")));
        words.push("-j ACCEPT".to_owned());
    }
    words.join(" ")
}

/// A command that removes a rule.
pub(super) fn delete(place: Place<'_>) -> String {
    let Place { chain, rule } = place;
    match (chain.tool, rule.handle) {
        (Tool::Nft, Some(handle)) => format!(
            "nft delete rule {} {} {} handle {handle}",
            family(chain),
            chain.table,
            chain.name
        ),
        (Tool::Nft, None) => format!("# remove the rule '{}'", rule.text),
        (tool, _) => {
            let program = iptables(tool, chain.family == Packets::Ip6);
            format!("{program} -t {} -D {}", chain.table, rule.text.trim_start_matches("-A "))
        }
    }
}

#[cfg(test)]
pub(super) mod tests;
