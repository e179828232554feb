//! The sync daemons, which keep a second director's connections like those of the first.

use super::{Check, Found};
use crate::doctor::facts::{Daemon, Facts, Method, Missing};
use crate::output::findings::Severity;

pub(super) const CHECKS: &[Check] = &[
    Check::on_director("sync-both-ways", Severity::Error, both_ways),
    Check::on_director("sync-broken", Severity::Error, broken),
    Check::on_director("sync-threshold", Severity::Info, threshold),
];

const MASTER: &str = "master";
const BACKUP: &str = "backup";

/// The kernel's answer to `backup_only=1` is to do nothing at all as a director while a backup daemon
/// runs (`sysctl_backup_only` in include/net/ip_vs.h), so it mends nothing where both daemons run.
fn both_ways(facts: &Facts, found: &mut Found<'_>) -> Result<(), Missing> {
    let ipvs = facts.ipvs()?;
    let runs = |role| ipvs.daemons.iter().any(|daemon| daemon.role == role);
    if !runs(BACKUP) || runs(MASTER) || facts.number("net.ipv4.vs.backup_only")? != 0 {
        return Ok(());
    }
    for service in &ipvs.services {
        let mut own = None;
        let mut other = None;
        for server in &service.servers {
            let is_own = server.method == Method::Local || facts.has_address(server.key.address)?;
            // Only these come with the virtual address still on them.
            let keeps_address = matches!(server.method, Method::Direct | Method::Tunnel);
            match is_own {
                true => own = Some(server),
                false if keeps_address => other = Some(server),
                false => {}
            }
        }
        if let (Some(own), Some(other)) = (own, other) {
            found
                .add(
                    format!(
                        "this backup director is also the service's real server {}, and \
                         net.ipv4.vs.backup_only is 0",
                        own.key
                    ),
                    format!(
                        "it balances again what the other director sends it, to {} among others, \
                         which may send it back, and so on: few connections succeed, and the \
                         network fills with copies of their packets",
                        other.key
                    ),
                )
                .of_service(service.key)
                .fix("sysctl -w net.ipv4.vs.backup_only=1");
        }
    }
    Ok(())
}

fn broken(facts: &Facts, found: &mut Found<'_>) -> Result<(), Missing> {
    for daemon in &facts.ipvs()?.daemons {
        let Daemon { role, interface, .. } = daemon;
        let (seen, fix) = match facts.network()?.link(interface) {
            None => {
                let seen = format!("its interface, {interface}, is gone");
                (
                    seen,
                    format!(
                        "# start it again on an interface that is there: ipvsadm --stop-daemon \
                         {role}; ipvsadm --start-daemon {role} --mcast-interface NAME"
                    ),
                )
            }
            Some(link) if !link.up => {
                let seen = format!("its interface, {interface}, is down");
                (seen, format!("ip link set {interface} up"))
            }
            Some(link) if !link.carrier => {
                let seen = format!("its interface, {interface}, has no carrier");
                (seen, format!("# check the cable of {interface}, and what is at its other end"))
            }
            Some(_) => continue,
        };
        let cause = match role.as_str() {
            MASTER => {
                "the backup director learns of no connections, and after a failover all of them break"
            }
            _ => "this director learns of no connections, and after a failover all of them break",
        };
        found.add(format!("the {role} daemon: {seen}"), cause).fix(fix);
    }
    Ok(())
}

/// From how many connections on an average says something.
const SOME: u64 = 20;

fn threshold(facts: &Facts, found: &mut Found<'_>) -> Result<(), Missing> {
    let ipvs = facts.ipvs()?;
    if !ipvs.daemons.iter().any(|daemon| daemon.role == MASTER) {
        return Ok(());
    }
    // The number of packets, and the period after which a connection is sent again.
    let name = "net.ipv4.vs.sync_threshold";
    let value = facts.sysctl(name).ok_or_else(|| Missing(format!("{name} is not there")))?;
    let packets = value.split_whitespace().next().and_then(|number| number.parse::<u64>().ok());
    let packets = packets.ok_or_else(|| Missing(format!("{name} is no number: {value}")))?;
    for service in &ipvs.services {
        let counters = &service.counters;
        let is_short = counters.incoming_packets < counters.connections.saturating_mul(packets);
        if counters.connections < SOME || !is_short {
            continue;
        }
        found
            .add(
                format!(
                    "{} connections had {} packets from clients, and a connection is synchronized \
                     only from packet {packets} on",
                    counters.connections, counters.incoming_packets
                ),
                "the backup director does not know most of this service's connections: they break \
                 at a failover",
            )
            .of_service(service.key)
            .fix("# if that matters: sysctl -w net.ipv4.vs.sync_threshold='1 50'");
    }
    Ok(())
}

#[cfg(test)]
mod tests;
