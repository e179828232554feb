//! Connection tracking.

use super::firewall::{delete, name_of, tell};
use super::journey::{Journeys, Reason, Trouble};
use super::{Check, Found};
use crate::doctor::facts::{Facts, Method, Missing};
use crate::output::findings::Severity;

pub(super) const CHECKS: &[Check] = &[
    Check::on_director("conntrack-off", Severity::Error, off),
    Check::on_director("conntrack-notrack", Severity::Warning, notrack),
    Check::on_director("conntrack-full", Severity::Warning, full),
    Check::on_director("reuse-delay", Severity::Warning, reuse_delay),
];

const ON: &str = "sysctl -w net.ipv4.vs.conntrack=1";

fn off(facts: &Facts, found: &mut Found<'_>) -> Result<(), Missing> {
    let journeys = Journeys::new(facts)?;
    if journeys.tracks() {
        return Ok(());
    }
    let mut troubles = journeys.troubles()?;
    troubles.retain(|trouble| matches!(trouble.reason, Reason::NotTracked));
    tell(&troubles, |trouble, what, servers| {
        let (state, of) = match trouble.packet.state {
            Some(crate::doctor::facts::firewall::state::UNTRACKED) => {
                ("UNTRACKED", "packets to it")
            }
            _ => ("INVALID or NEW", "its replies"),
        };
        let finding = found.add(
            format!("net.ipv4.vs.conntrack is 0, so that {of} are {state}, and {what}"),
            "the rules match on the state of connections, and connection tracking does not know \
             those of IPVS: clients get no connection",
        );
        servers(finding);
        finding.fix(ON);
    });
    source_nat(facts, &journeys, found)?;
    journeys.end()
}

/// Rules for source NAT that do nothing.
fn source_nat(
    facts: &Facts,
    journeys: &Journeys<'_>,
    found: &mut Found<'_>,
) -> Result<(), Missing> {
    for service in &facts.ipvs()?.services {
        let Some(arrival) = journeys.arrivals(service).into_iter().next() else {
            continue;
        };
        let servers = service.servers.iter().filter(|it| it.method == Method::Masquerade);
        let all = servers
            .filter_map(|server| Some((server, journeys.source_nat(service, server, &arrival)?)));
        // Of the servers, one that gets no answer through.
        let Some((server, (place, is_stuck))) = all.max_by_key(|(_, (_, is_stuck))| *is_stuck)
        else {
            continue;
        };
        let is_stuck = is_stuck && server.growth.outgoing_packets == 0;
        let finding = found.add(
            format!(
                "net.ipv4.vs.conntrack is 0, and the rule '{}' of {} is meant for packets to {}",
                place.rule.text,
                name_of(place.chain),
                server.key
            ),
            if is_stuck {
                "IPVS hides its packets from connection tracking, so they keep the client's \
                 address, and the server's replies go elsewhere: clients get no connection"
            } else {
                "IPVS hides its packets from connection tracking, so the rule does nothing to \
                 them: the server sees the client's address"
            },
        );
        finding.of_service(service.key).of_server(server.key).fix(ON);
        if !is_stuck {
            finding.severity = Severity::Info;
        }
    }
    Ok(())
}

fn notrack(facts: &Facts, found: &mut Found<'_>) -> Result<(), Missing> {
    let journeys = Journeys::new(facts)?;
    if !journeys.tracks() {
        return Ok(());
    }
    let mut troubles = journeys.troubles()?;
    troubles.retain(|trouble: &Trouble<'_>| matches!(trouble.reason, Reason::Untracked(_)));
    tell(&troubles, |trouble, what, servers| {
        let Reason::Untracked(place) = trouble.reason else {
            return;
        };
        let finding = found.add(
            format!(
                "the rule '{}' of {} keeps this service's packets out of connection tracking, and \
                 {what}",
                place.rule.text,
                name_of(place.chain)
            ),
            "the rules match on the state of connections, and those of this service have none: \
             clients get no connection",
        );
        finding.severity = Severity::Error;
        servers(finding);
        finding.fix(delete(place));
    });
    for service in &facts.ipvs()?.services {
        if troubles.iter().any(|trouble| trouble.service.key == service.key) {
            continue;
        }
        let arrivals = journeys.arrivals(service);
        let untracked = arrivals.iter().find_map(|it| Some((it, journeys.untracks(it)?)));
        let Some((arrival, place)) = untracked else {
            continue;
        };
        let servers = service.servers.iter().filter(|it| it.method == Method::Masquerade);
        let nats = servers.filter_map(|server| journeys.source_nat(service, server, arrival));
        let (severity, cause) = match nats.map(|(_, is_stuck)| is_stuck).max() {
            Some(true) => (
                Severity::Error,
                "source NAT towards its servers does nothing, so their replies go \
                 elsewhere: clients get no connection",
            ),
            Some(false) => (Severity::Info, "source NAT towards its servers does nothing"),
            None => (Severity::Info, "net.ipv4.vs.conntrack has no effect on this service"),
        };
        let finding = found.add(
            format!(
                "net.ipv4.vs.conntrack is 1, and the rule '{}' of {} keeps this service's packets \
                 out of connection tracking",
                place.rule.text,
                name_of(place.chain)
            ),
            cause,
        );
        finding.severity = severity;
        finding.of_service(service.key).fix(delete(place));
        finding.fix("# or, if no rule needs it: sysctl -w net.ipv4.vs.conntrack=0");
    }
    journeys.end()
}

fn full(facts: &Facts, found: &mut Found<'_>) -> Result<(), Missing> {
    let [count, most] = ["count", "max"].map(|it| format!("net.netfilter.nf_conntrack_{it}"));
    // Without the module, nothing is tracked.
    if facts.sysctl(&count).is_none() {
        return Ok(());
    }
    let (count, most) = (facts.number(&count)?, facts.number(&most)?);
    if most <= 0 || count <= most / 5 * 4 + most % 5 * 4 / 5 {
        return Ok(());
    }
    let cause = "once it is full, packets of new connections are dropped, those for IPVS too";
    let finding =
        found.add(format!("connection tracking has {count} of at most {most} entries"), cause);
    finding.fix(format!("sysctl -w net.netfilter.nf_conntrack_max={}", most.saturating_mul(2)));
    if facts.host.in_container {
        finding.fix("# in a container, set it on the host");
    }
    Ok(())
}

fn reuse_delay(facts: &Facts, found: &mut Found<'_>) -> Result<(), Missing> {
    facts.ipvs()?;
    let mode = facts.sysctl("net.ipv4.vs.conn_reuse_mode");
    if facts.sysctl("net.ipv4.vs.conntrack").is_none_or(|it| it == "0")
        || mode.is_none_or(|it| it == "0")
    {
        return Ok(());
    }
    let release = &facts.host.release;
    let is_old = is_before_5_9(release);
    let is_old = is_old.ok_or_else(|| Missing(format!("no version of the kernel: '{release}'")))?;
    if is_old {
        found
            .add(
                format!(
                    "the kernel is {release}, with vs.conn_reuse_mode={} and vs.conntrack=1",
                    mode.unwrap_or_default()
                ),
                "a client that soon reuses a port waits a second, as the kernel drops its first \
                 packet; Linux 5.9 mended that, and some distributions did before",
            )
            .fix("sysctl -w net.ipv4.vs.conn_reuse_mode=0")
            .fix(
                "# such clients then stay with their server, even at weight 0; a newer kernel \
                  needs neither",
            );
    }
    Ok(())
}

fn is_before_5_9(release: &str) -> Option<bool> {
    let mut numbers = release.split(|c: char| !c.is_ascii_digit());
    let version: (u32, u32) = (numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?);
    Some(version < (5, 9))
}

#[cfg(test)]
mod tests;
