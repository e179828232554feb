//! What `global_defs` sets: timeouts and sync daemons.

use std::num::{NonZeroU8, NonZeroU16};

use ipvs::{Change, DaemonConfig, DaemonRole, Timeouts};

use super::blocks::Statement;
use super::{Reader, with_keyword};

/// The longest timeout.
pub(super) const MAX_SECONDS: u32 = 2_678_400;

pub(super) fn read(statements: &[Statement], reader: &mut Reader) {
    let definitions = with_keyword(statements, "global_defs").flat_map(Statement::statements);
    for statement in definitions {
        let read = match statement.keyword() {
            "lvs_timeouts" => timeouts(statement, reader),
            "lvs_sync_daemon" => sync_daemon(statement, statements, reader),
            "nftables_ipvs"
                if with_keyword(statements, "virtual_server_group").next().is_some() =>
            {
                Err("keepalived makes services of firewall marks that it chooses by itself".into())
            }
            _ => Ok(()),
        };
        if let Err(why) = read {
            reader.wrong(&statement.place, format!("{}: {why}", statement.keyword()));
        }
    }
}

/// A number in this range.
pub(super) fn number(text: &str, least: u32, most: u32) -> Result<u32, String> {
    let number = text.parse::<u32>().ok().filter(|number| (least..=most).contains(number));
    number.ok_or_else(|| format!("`{text}`: not a whole number from {least} to {most}"))
}

/// Values that come in pairs of a name and a value.
fn pairs(values: &[String]) -> impl Iterator<Item = (&str, Result<&str, String>)> {
    values.chunks(2).map(|pair| match pair {
        [name, value] => (name.as_str(), Ok(value.as_str())),
        _ => (pair[0].as_str(), Err(format!("{}: its value is missing", pair[0]))),
    })
}

fn timeouts(statement: &Statement, reader: &mut Reader) -> Result<(), String> {
    let mut timeouts = Timeouts::default();
    for (name, value) in pairs(statement.values()) {
        let timeout = match name {
            "tcp" => &mut timeouts.tcp_seconds,
            "tcpfin" => &mut timeouts.tcp_fin_seconds,
            "udp" => &mut timeouts.udp_seconds,
            _ => return Err(format!("`{name}`: not tcp, tcpfin or udp")),
        };
        *timeout = number(value?, 1, MAX_SECONDS)?;
    }
    if timeouts == Timeouts::default() {
        return Err("needs tcp, tcpfin or udp with a number of seconds".to_owned());
    }
    reader.found.changes.push((statement.place.position(), Change::SetTimeouts(timeouts)));
    Ok(())
}

fn sync_daemon(
    statement: &Statement,
    statements: &[Statement],
    reader: &mut Reader,
) -> Result<(), String> {
    let (interface, mut values) = statement.values().split_first().ok_or("needs an interface")?;
    let interface = interface.parse().map_err(|error| format!("`{interface}`: {error}"))?;
    let mut config = DaemonConfig::new(interface);
    let mut instance = None;
    if let Some((first, rest)) = values.split_first() {
        match first.as_str() {
            "id" | "maxlen" | "port" | "ttl" | "group" => {}
            "inst" => {
                instance = Some(rest.first().ok_or("inst: its value is missing")?);
                values = &rest[1..];
            }
            _ => {
                instance = Some(first);
                values = rest;
            }
        }
    }
    if let Some(instance) = instance {
        config.sync_id = router_id(statements, instance)?;
    }
    for (name, value) in pairs(values) {
        let value = value?;
        let number = |least, most| number(value, least, most);
        match name {
            "id" => config.sync_id = number(0, 255)? as u8,
            "maxlen" => config.max_length_bytes = NonZeroU16::new(number(1, 65507)? as u16),
            "port" => config.port = NonZeroU16::new(number(1, 65535)? as u16),
            "ttl" => config.ttl = NonZeroU8::new(number(1, 255)? as u8),
            "group" => {
                let group = value.parse().ok().filter(std::net::IpAddr::is_multicast);
                config.group =
                    Some(group.ok_or_else(|| format!("`{value}`: not a multicast address"))?);
            }
            _ => return Err(format!("`{name}`: not understood")),
        }
    }
    if instance.is_some() {
        reader.found.checks.daemon = Some(config);
        return Ok(());
    }
    for role in [DaemonRole::Master, DaemonRole::Backup] {
        let change = Change::StartDaemon(role, config);
        reader.found.changes.push((statement.place.position(), change));
    }
    Ok(())
}

/// The ID of a VRRP instance, which is that of the sync daemon if it has none of its own.
fn router_id(statements: &[Statement], instance: &str) -> Result<u8, String> {
    let instance = with_keyword(statements, "vrrp_instance")
        .find(|statement| statement.values().first().is_some_and(|name| name == instance))
        .ok_or_else(|| format!("the file has no vrrp_instance {instance}"))?;
    match with_keyword(instance.statements(), "virtual_router_id").last() {
        Some(id) => Ok(number(id.value()?, 0, 255)? as u8),
        None => Ok(0),
    }
}
