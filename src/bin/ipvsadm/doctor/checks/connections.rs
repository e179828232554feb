//! Connections: those that are not completed, and those that stay where they should not.

use std::collections::HashSet;
use std::net::IpAddr;

use ipvs::ServiceKey;

use super::{Check, Found, words};
use crate::doctor::facts::{Facts, Group, Method, Missing, Server, Service};
use crate::output::findings::Severity;

pub(super) const CHECKS: &[Check] = &[
    Check::on_director("half-open", Severity::Warning, half_open),
    Check::on_director("director-as-client", Severity::Warning, director_as_client),
    Check::on_director("port-ignored", Severity::Warning, port_ignored),
    Check::on_director("reuse-sticks", Severity::Warning, reuse_sticks),
    Check::on_director("orphans-kept", Severity::Warning, orphans_kept),
    Check::on_director("udp-sticks", Severity::Warning, udp_sticks),
    Check::on_director("persistence-sticks", Severity::Warning, persistence_sticks),
    Check::on_director("idle-below-keepalive", Severity::Info, idle_below_keepalive),
];

/// Connections to servers of the table.
fn known<'f>(
    facts: &'f Facts,
    is_wanted: impl Fn(&Group) -> bool + 'f,
) -> Result<impl Iterator<Item = (&'f Service, &'f Server, &'f Group)>, Missing> {
    let ipvs = facts.ipvs()?;
    let groups = facts.connections()?.groups.iter().filter(move |group| is_wanted(group));
    Ok(groups.filter_map(|group| {
        let service = ipvs.service(&group.service?)?;
        Some((service, service.server(&group.destination?)?, group))
    }))
}

/// True if packets reach the server as they came.
fn is_unchanged(facts: &Facts, server: &Server) -> Result<bool, Missing> {
    Ok(matches!(server.method, Method::Direct | Method::Tunnel)
        && !facts.has_address(server.key.address)?)
}

/// `1 connection`, `7 connections`
fn some(count: u64) -> String {
    match count {
        1 => "1 connection".to_owned(),
        _ => format!("{count} connections"),
    }
}

fn half_open(facts: &Facts, found: &mut Found<'_>) -> Result<(), Missing> {
    // What is left of the time before is nobody's trouble any more.
    if facts.is_idle_backup()? {
        return Ok(());
    }
    // Spoofed clients are half open on any server, but they try only once; and where the server is well,
    // some connections get past.
    for (service, server, group) in known(facts, |group| group.stuck > 0 && group.fresh == 0)? {
        let counters = server.counters;
        let never_worked = counters.connections <= group.half_open
            && counters.incoming_packets > counters.connections;
        if !is_unchanged(facts, server)? || !(group.retried > 0 || never_worked) {
            continue;
        }
        let clients: Vec<String> = group.stuck_clients.iter().map(IpAddr::to_string).collect();
        let key = &service.key;
        let method = if server.method == Method::Tunnel { "-i" } else { "-g" };
        found
            .add(
                format!(
                    "{} to it stayed half open (SYN_RECV) and none was completed; clients such as {} \
                     keep trying",
                    some(group.stuck),
                    clients.join(", ")
                ),
                "the server does not answer: it lacks the virtual address or a listener on it, its \
                 firewall or rp_filter drops the packets, or its replies do not reach the clients",
            )
            .of_service(*key)
            .of_server(server.key)
            .fix(format!(
                "# on the real server {}: ipvsadm --doctor --server-side {} {method}",
                server.key.address,
                words::service(key)
            ));
    }
    Ok(())
}

fn director_as_client(facts: &Facts, found: &mut Found<'_>) -> Result<(), Missing> {
    for (service, server, group) in known(facts, |group| group.stuck_from_director > 0)? {
        if is_unchanged(facts, server)? {
            found
                .add(
                    format!(
                        "{} from this director itself stayed half open",
                        some(group.stuck_from_director)
                    ),
                    "the server has the address that the director's packets come from, so it cannot \
                     answer them: only other hosts can be clients of this service",
                )
                .of_service(service.key)
                .of_server(server.key)
                .fix(format!("# here, connect to a real server itself: {}", server.key))
                .fix("# or add a service at another address, with masquerading, for the director");
        }
    }
    Ok(())
}

fn port_ignored(facts: &Facts, found: &mut Found<'_>) -> Result<(), Missing> {
    for service in &facts.ipvs()?.services {
        let ServiceKey::Address { port, .. } = service.key else {
            continue;
        };
        let mut ignored = service.servers.iter().filter(|server| {
            let is_unchanged = matches!(server.method, Method::Direct | Method::Tunnel);
            is_unchanged && server.key.port != port && port != 0
        });
        let Some(first) = ignored.next() else {
            continue;
        };
        let others = match ignored.count() {
            0 => "has".to_owned(),
            more => format!("and {more} more have"),
        };
        let words = words::service(&service.key);
        found
            .add(
                format!("the real server {} {others} another port than the service", first.key),
                format!(
                    "direct routing and tunnels leave the port as it is: the server gets packets for \
                     port {port}, and refuses them if it listens only on port {}",
                    first.key.port
                ),
            )
            .of_service(service.key)
            .fix(format!("# let the real servers listen on port {port}, then correct the table:"))
            .fix(format!(
                "# ipvsadm -a {words} -r {} --keep && ipvsadm -d {words} -r {}",
                first.key.address, first.key
            ));
    }
    Ok(())
}

fn reuse_sticks(facts: &Facts, found: &mut Found<'_>) -> Result<(), Missing> {
    // Of direct routing and tunnels IPVS does not see the end of a connection, which stays in FIN_WAIT:
    // such a one is given up by the second bit alone (ip_vs_core.c, is_new_conn_expected).
    const EACH: i64 = 1;
    const NO_OUTPUT: i64 = 2;
    for (service, server, group) in known(facts, |group| group.reused > 0)? {
        let mode = facts.number("net.ipv4.vs.conn_reuse_mode")?;
        let needed = match server.method {
            Method::Direct | Method::Tunnel => EACH | NO_OUTPUT,
            Method::Masquerade | Method::Local => EACH,
        };
        if mode & needed != needed && server.weight == 0 {
            found
                .add(
                    format!(
                        "its weight is 0, yet while it was watched it got {} from ports that had ended \
                         connections to it",
                        some(group.reused)
                    ),
                    format!(
                        "with net.ipv4.vs.conn_reuse_mode={mode} a client that reuses a port gets the \
                         same server again, so this one is never drained"
                    ),
                )
                .of_service(service.key)
                .of_server(server.key)
                .fix(format!("sysctl -w net.ipv4.vs.conn_reuse_mode={}", mode | needed));
        }
    }
    Ok(())
}

fn orphans_kept(facts: &Facts, found: &mut Found<'_>) -> Result<(), Missing> {
    const NAMED: usize = 4;
    let ipvs = facts.ipvs()?;
    let is_orphan = |group: &&Group| group.destination.is_none() && group.open > 0;
    let mut orphans = facts.connections()?.groups.iter().filter(is_orphan).peekable();
    if orphans.peek().is_none() || facts.number("net.ipv4.vs.expire_nodest_conn")? != 0 {
        return Ok(());
    }
    // Connections of firewall marks look like those of a service that is gone.
    let marks = ipvs.services.iter().filter(|it| matches!(it.key, ServiceKey::FirewallMark { .. }));
    let of_marks: HashSet<IpAddr> =
        marks.flat_map(|it| &it.servers).map(|server| server.key.address).collect();
    let (mut connections, mut names, mut more) = (0, Vec::new(), 0);
    for group in orphans.filter(|group| !of_marks.contains(&group.server.ip())) {
        connections += group.open;
        let name = format!("{} (for {} {})", group.server, group.protocol, group.to);
        if names.len() < NAMED { names.push(name) } else { more += 1 }
    }
    if connections > 0 {
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        found
            .add(
                format!(
                    "{} to real servers that are no longer in the table: {}{more}",
                    some(connections),
                    names.join(", ")
                ),
                "with net.ipv4.vs.expire_nodest_conn=0 their packets are dropped silently until \
                 the connection times out: clients wait instead of reconnecting",
            )
            .fix("sysctl -w net.ipv4.vs.expire_nodest_conn=1");
    }
    Ok(())
}

fn udp_sticks(facts: &Facts, found: &mut Found<'_>) -> Result<(), Missing> {
    let is_udp = |group: &Group| group.fresh > 0 && group.protocol == "UDP";
    for (service, server, group) in known(facts, is_udp)? {
        if server.weight > 0 || service.one_packet {
            continue;
        }
        let words = words::service(&service.key);
        found
            .add(
                format!(
                    "its weight is 0, yet {} got packets while it was watched",
                    some(group.fresh)
                ),
                "to IPVS, UDP packets with the same ports are one connection as long as they keep \
                 coming: a client that keeps its port never leaves this server",
            )
            .of_service(service.key)
            .of_server(server.key)
            .fix("sysctl -w net.ipv4.vs.expire_nodest_conn=1")
            .fix(format!("ipvsadm -d {words} -r {}", server.key))
            .fix("# or, if each packet is a request of its own and replies do not come through here:")
            .fix(format!("# ipvsadm -E {words} -o --keep"));
    }
    Ok(())
}

fn persistence_sticks(facts: &Facts, found: &mut Found<'_>) -> Result<(), Missing> {
    for (service, server) in facts.servers()? {
        let Some(timeout) = service.persistent else {
            continue;
        };
        if server.weight == 0
            && server.growth.connections > 0
            && facts.number("net.ipv4.vs.expire_quiescent_template")? == 0
        {
            found
                .add(
                    format!(
                        "its weight is 0, yet while it was watched it got {} from clients it had \
                         served before",
                        some(server.growth.connections)
                    ),
                    format!(
                        "a client that comes back within {timeout} s gets the same server, whatever its weight, \
                         so this one is never drained"
                    ),
                )
                .of_service(service.key)
                .of_server(server.key)
                .fix("sysctl -w net.ipv4.vs.expire_quiescent_template=1");
        }
    }
    Ok(())
}

fn idle_below_keepalive(facts: &Facts, found: &mut Found<'_>) -> Result<(), Missing> {
    const MARGIN: i64 = 300;
    let timeout = facts.ipvs()?.tcp_timeout;
    let groups = facts.connections()?.groups.iter().filter(|group| group.protocol == "TCP");
    let idle: u64 = groups.map(|group| group.idle).sum();
    if idle == 0 {
        return Ok(());
    }
    let keepalive = facts.number("net.ipv4.tcp_keepalive_time")?;
    if i64::from(timeout) < keepalive {
        found
            .add(
                format!(
                    "{} had no packet for three quarters of the TCP timeout ({timeout} s), and \
                     keepalives start only after {keepalive} s here",
                    some(idle)
                ),
                "after the timeout IPVS forgets the connection and answers its next packet with a \
                 reset",
            )
            .fix(format!("ipvsadm --set {} 0 0", keepalive + MARGIN))
            .fix(format!(
                "# or, on clients or real servers: sysctl -w net.ipv4.tcp_keepalive_time={}",
                (timeout / 2).max(1)
            ));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
