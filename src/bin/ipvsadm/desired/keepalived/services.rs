//! Virtual servers, their groups, and their real servers.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::num::{NonZeroU16, NonZeroU32};

use ipvs::rules::grammar::{TunnelKind, likely};
use ipvs::{
    AddressFamily, Change, DestinationConfig, DestinationKey, Forwarding, Name, Netmask,
    Persistence, Protocol, SchedulerFlags, ServiceConfig, ServiceKey, TunnelChecksum,
};

use super::blocks::Statement;
use super::global::{MAX_SECONDS, number};
use super::ranges::addresses;
use super::{Place, Reader, with_keyword};
use crate::desired::health::{CheckedService, Fallback, Freedom};

type Result<T> = std::result::Result<T, String>;

/// The checks, each a block of a real server.
const CHECKS: &[&str] = &[
    "BFD_CHECK",
    "DNS_CHECK",
    "FILE_CHECK",
    "HTTP_GET",
    "MISC_CHECK",
    "PING_CHECK",
    "SMTP_CHECK",
    "SSL_GET",
    "TCP_CHECK",
    "UDP_CHECK",
];

/// What a check does, who is told, and when: nothing that a table shows.
const OF_CHECKS: &[&str] = &[
    "alpha",
    "connect_timeout",
    "delay_before_retry",
    "delay_loop",
    "retry",
    "smtp_alert",
    "snmp_name",
    "virtualhost",
    "warmup",
];

const OF_VIRTUAL_SERVERS: &[&str] =
    &["ha_suspend", "hysteresis", "omega", "quorum", "quorum_down", "quorum_up"];

const OF_REAL_SERVERS: &[&str] = &["notify_down", "notify_up"];

const SCHEDULERS: &[&str] = &[
    "rr", "wrr", "lc", "wlc", "lblc", "sh", "mh", "dh", "fo", "ovf", "lblcr", "sed", "nq", "twos",
];

/// The keywords of a virtual server that are read here.
const VIRTUAL_SERVER: &[&str] = &[
    "flag-1",
    "flag-2",
    "flag-3",
    "inhibit_on_failure",
    "ip_family",
    "lb_algo",
    "lb_kind",
    "lvs_method",
    "lvs_sched",
    "mh-fallback",
    "mh-port",
    "ops",
    "persistence_engine",
    "persistence_granularity",
    "persistence_timeout",
    "protocol",
    "real_server",
    "sh-fallback",
    "sh-port",
    "sorry_server",
    "sorry_server_inhibit",
    "sorry_server_lvs_method",
];

/// The keywords of a real server that are read here.
const REAL_SERVER: &[&str] =
    &["inhibit_on_failure", "lb_kind", "lthreshold", "lvs_method", "uthreshold", "weight"];

/// Where a virtual server listens.
#[derive(Debug, Clone, Copy)]
enum Listener {
    Address(IpAddr, u16),
    Mark(NonZeroU32, Option<AddressFamily>),
}

/// A virtual server, as it is written.
#[derive(Debug, Default)]
struct VirtualServer<'s> {
    scheduler: Option<Name>,
    flags: Vec<&'s Statement>,
    one_packet: bool,
    forwarding: Option<Forwarding>,
    engine: Option<Name>,
    timeout: Option<u32>,
    granularity: Option<Netmask>,
    protocol: Option<Protocol>,
    family: Option<AddressFamily>,
    inhibit: bool,
    sorry: Option<(&'s Statement, IpAddr, Option<u16>)>,
    sorry_stays: bool,
    sorry_forwarding: Option<Forwarding>,
    servers: Vec<RealServer<'s>>,
}

/// A real server, as it is written.
#[derive(Debug)]
struct RealServer<'s> {
    place: &'s Place,
    address: IpAddr,
    port: Option<u16>,
    weight: u32,
    upper_threshold: u32,
    lower_threshold: u32,
    forwarding: Option<Forwarding>,
    inhibit: Option<bool>,
    is_checked: bool,
    /// A check sets its weight.
    is_weighed: bool,
}

pub(super) fn read(statements: &[Statement], reader: &mut Reader) {
    let groups = groups(statements, reader);
    for statement in with_keyword(statements, "virtual_server") {
        let listeners = match listeners(statement, &groups) {
            Ok(listeners) => listeners,
            Err(why) => {
                reader.wrong(&statement.place, format!("virtual_server: {why}"));
                continue;
            }
        };
        let known = reader.found.mistakes.len();
        let server = virtual_server(statement, reader);
        // The rest would only be wrong because of these mistakes.
        if reader.found.mistakes.len() == known {
            let is_group = statement.values().first().is_some_and(|word| word == "group");
            server.set_up(&statement.place, &listeners, is_group, reader);
        }
    }
}

/// The groups of virtual servers, by name.
fn groups<'s>(
    statements: &'s [Statement],
    reader: &mut Reader,
) -> BTreeMap<&'s str, Vec<Listener>> {
    let mut groups = BTreeMap::new();
    for group in with_keyword(statements, "virtual_server_group") {
        let name = match group.value() {
            Ok(name) => name,
            Err(why) => {
                reader.wrong(&group.place, format!("virtual_server_group: {why}"));
                continue;
            }
        };
        let mut listeners = Vec::new();
        for member in group.statements() {
            match group_member(member) {
                Ok(mut found) => listeners.append(&mut found),
                Err(why) => reader.wrong(&member.place, format!("virtual_server_group: {why}")),
            }
        }
        if groups.insert(name, listeners).is_some() {
            let text = format!("virtual_server_group {name}: the second of this name");
            reader.wrong(&group.place, text);
        }
    }
    groups
}

fn group_member(member: &Statement) -> Result<Vec<Listener>> {
    if member.keyword() == "fwmark" {
        return match member.values() {
            [number] => Ok(vec![Listener::Mark(mark(number)?, None)]),
            [number, name] => Ok(vec![Listener::Mark(mark(number)?, Some(family(name)?))]),
            _ => Err("fwmark: a number expected".to_owned()),
        };
    }
    let port = match member.values() {
        [] => 0,
        [number] => port(number)?,
        [_, more, ..] => return Err(format!("`{more}`: not understood")),
    };
    let addresses = addresses(member.keyword())?.into_iter();
    Ok(addresses.map(|address| Listener::Address(address, port)).collect())
}

fn listeners(
    statement: &Statement,
    groups: &BTreeMap<&str, Vec<Listener>>,
) -> Result<Vec<Listener>> {
    let values: Vec<&str> = statement.values().iter().map(String::as_str).collect();
    match *values.as_slice() {
        ["group", name] => {
            groups.get(name).cloned().ok_or_else(|| format!("no virtual_server_group {name}"))
        }
        ["fwmark", number] => Ok(vec![Listener::Mark(mark(number)?, None)]),
        [host] => Ok(vec![Listener::Address(address(host)?, 0)]),
        [host, number] => Ok(vec![Listener::Address(address(host)?, port(number)?)]),
        _ => Err("needs an address and a port, fwmark and a number, or group and a name".into()),
    }
}

fn virtual_server<'s>(statement: &'s Statement, reader: &mut Reader) -> VirtualServer<'s> {
    let mut server = VirtualServer::default();
    for statement in statement.statements() {
        if let Err(why) = server.set(statement, reader) {
            reader.wrong(&statement.place, format!("{}: {why}", statement.keyword()));
        }
    }
    server
}

impl<'s> VirtualServer<'s> {
    fn set(&mut self, statement: &'s Statement, reader: &mut Reader) -> Result<()> {
        match statement.keyword() {
            "lb_algo" | "lvs_sched" => self.scheduler = Some(scheduler(statement.value()?)?),
            "flag-1" | "flag-2" | "flag-3" | "sh-port" | "sh-fallback" | "mh-port"
            | "mh-fallback" => self.flags.push(statement),
            "ops" => self.one_packet = true,
            "lb_kind" | "lvs_method" => self.forwarding = Some(forwarding(statement.values())?),
            "persistence_engine" => {
                let engine = statement.value()?;
                self.engine = Some(engine.parse().map_err(|why| format!("`{engine}`: {why}"))?);
            }
            "persistence_timeout" => {
                self.timeout = Some(match statement.values() {
                    [] => Persistence::DEFAULT_TIMEOUT_SECONDS,
                    _ => number(statement.value()?, 1, MAX_SECONDS)?,
                });
            }
            "persistence_granularity" => self.granularity = Some(granularity(statement.value()?)?),
            "protocol" => self.protocol = Some(protocol(statement.value()?)?),
            "ip_family" => self.family = Some(family(statement.value()?)?),
            "inhibit_on_failure" => self.inhibit = boolean(statement)?,
            "sorry_server" => {
                let (address, port) = endpoint(statement)?;
                self.sorry = Some((statement, address, port));
            }
            "sorry_server_inhibit" => self.sorry_stays = boolean(statement)?,
            "sorry_server_lvs_method" => {
                self.sorry_forwarding = Some(forwarding(statement.values())?);
            }
            "real_server" => self.servers.push(real_server(statement, reader)?),
            keyword if OF_CHECKS.contains(&keyword) || OF_VIRTUAL_SERVERS.contains(&keyword) => {}
            keyword => {
                let known = [VIRTUAL_SERVER, OF_VIRTUAL_SERVERS, OF_CHECKS];
                return Err(unknown(keyword, "virtual_server", &known));
            }
        }
        Ok(())
    }

    /// Makes services of it, with their servers.
    fn set_up(&self, place: &Place, listeners: &[Listener], is_group: bool, reader: &mut Reader) {
        // keepalived ignores it, too.
        if self.servers.is_empty() {
            return;
        }
        let families: Vec<bool> = listeners
            .iter()
            .filter_map(|listener| match listener {
                Listener::Address(address, _) => Some(address.is_ipv6()),
                Listener::Mark(..) => None,
            })
            .collect();
        let is_mixed = families.contains(&true) && families.contains(&false);
        for listener in listeners {
            if is_mixed && matches!(listener, Listener::Mark(_, None)) {
                let text = "a group of both families needs inet or inet6 after fwmark";
                reader.wrong(place, format!("virtual_server: {text}"));
                return;
            }
            if let Err(why) = self.set_up_one(place, *listener, is_group, reader) {
                reader.wrong(place, format!("virtual_server: {why}"));
                return;
            }
        }
    }

    fn set_up_one(
        &self,
        place: &Place,
        listener: Listener,
        is_group: bool,
        reader: &mut Reader,
    ) -> Result<()> {
        let key = self.key(listener);
        if !reader.services.insert(key) {
            return Err(format!("{key}: the second virtual_server with this service"));
        }
        let config = self.config(&key)?;
        config.check(&key).map_err(|why| format!("{key}: {why}"))?;
        reader.found.changes.push((place.position(), Change::AddService(key, config)));
        let mut checked = CheckedService::default();
        // A server without a port has that of the service, unless there are several.
        let default_port = if is_group { 0 } else { key.port() };
        for server in &self.servers {
            let forwarding = self.forwarding(server.forwarding);
            let config = DestinationConfig {
                forwarding,
                weight: server.weight,
                upper_threshold: server.upper_threshold,
                lower_threshold: server.lower_threshold,
            };
            let port = server.port.unwrap_or(default_port);
            let server_key = destination(&key, server.address, port, forwarding);
            if !reader.servers.insert((key, server_key)) {
                let text = format!("real_server: {server_key}: the second of {key}");
                reader.wrong(server.place, text);
                continue;
            }
            if let Err(why) = config.check(&key, &server_key) {
                reader.wrong(server.place, format!("real_server: {server_key}: {why}"));
                continue;
            }
            let change = Change::AddDestination(key, server_key, config);
            reader.found.changes.push((server.place.position(), change));
            let freedom = Freedom {
                remove: server.is_checked,
                quiesce: server.inhibit.unwrap_or(self.inhibit),
                weigh: server.is_weighed,
            };
            checked.servers.insert(server_key, freedom);
        }
        if let Some((statement, address, port)) = self.sorry {
            let forwarding = self.forwarding(self.sorry_forwarding);
            let config = DestinationConfig { forwarding, weight: 1, ..Default::default() };
            let server = destination(&key, address, port.unwrap_or(0), forwarding);
            if let Err(why) = config.check(&key, &server) {
                reader.wrong(&statement.place, format!("sorry_server: {server}: {why}"));
            } else if self.sorry_stays && reader.servers.insert((key, server)) {
                let quiet = DestinationConfig { weight: 0, ..config };
                let change = Change::AddDestination(key, server, quiet);
                reader.found.changes.push((statement.place.position(), change));
            }
            checked.fallback = Some(Fallback { key: server, config, may_stay: self.sorry_stays });
        }
        reader.found.checks.services.insert(key, checked);
        Ok(())
    }

    fn key(&self, listener: Listener) -> ServiceKey {
        match listener {
            Listener::Address(address, port) => {
                let protocol = self.protocol.unwrap_or(Protocol::Udp);
                ServiceKey::Address { protocol, address, port }
            }
            Listener::Mark(mark, family) => ServiceKey::firewall_mark(
                mark,
                family.or(self.family).or_else(|| self.granularity_family()).unwrap_or_else(|| {
                    match self.servers.iter().all(|server| server.address.is_ipv6()) {
                        true => AddressFamily::V6,
                        false => AddressFamily::V4,
                    }
                }),
            ),
        }
    }

    fn granularity_family(&self) -> Option<AddressFamily> {
        Some(match self.granularity? {
            Netmask::V4(_) => AddressFamily::V4,
            Netmask::V6(_) => AddressFamily::V6,
        })
    }

    fn config(&self, key: &ServiceKey) -> Result<ServiceConfig> {
        let scheduler = self.scheduler.unwrap_or(ServiceConfig::default().scheduler);
        let mut config = ServiceConfig {
            scheduler,
            one_packet: self.one_packet,
            persistence_engine: self.engine,
            ..ServiceConfig::default()
        };
        for flag in &self.flags {
            let name = flag.keyword();
            config.scheduler_flags |= SchedulerFlags::for_scheduler(scheduler.as_str(), name)
                .map_err(|why| format!("{name}: {why}"))?;
        }
        // All ports, and a granularity, take persistence.
        let is_persistent = self.timeout.is_some()
            || self.granularity.is_some()
            || matches!(key, ServiceKey::Address { port: 0, .. });
        if is_persistent {
            let timeout = self.timeout.unwrap_or(Persistence::DEFAULT_TIMEOUT_SECONDS);
            let mut persistence = Persistence::new(key.family(), timeout);
            if let Some(netmask) = self.granularity {
                persistence.netmask = netmask;
            }
            config.persistence = Some(persistence);
        }
        Ok(config)
    }

    fn forwarding(&self, own: Option<Forwarding>) -> Forwarding {
        own.or(self.forwarding).unwrap_or(Forwarding::Masquerade)
    }
}

fn real_server<'s>(statement: &'s Statement, reader: &mut Reader) -> Result<RealServer<'s>> {
    let (address, port) = endpoint(statement)?;
    let mut server = RealServer {
        place: &statement.place,
        address,
        port,
        weight: 1,
        upper_threshold: 0,
        lower_threshold: 0,
        forwarding: None,
        inhibit: None,
        is_checked: false,
        is_weighed: false,
    };
    for statement in statement.statements() {
        if let Err(why) = server.set(statement) {
            reader.wrong(&statement.place, format!("{}: {why}", statement.keyword()));
        }
    }
    Ok(server)
}

impl RealServer<'_> {
    fn set(&mut self, statement: &Statement) -> Result<()> {
        let count = || number(statement.value()?, 0, DestinationConfig::MAX_WEIGHT);
        match statement.keyword() {
            "weight" => self.weight = count()?,
            "uthreshold" => self.upper_threshold = count()?,
            "lthreshold" => self.lower_threshold = count()?,
            "lb_kind" | "lvs_method" => self.forwarding = Some(forwarding(statement.values())?),
            "inhibit_on_failure" => self.inhibit = Some(boolean(statement)?),
            keyword if CHECKS.contains(&keyword) => {
                self.is_checked = true;
                let weighs = match keyword {
                    "MISC_CHECK" => &["misc_dynamic"][..],
                    "FILE_CHECK" => &["dynamic", "weight"],
                    _ => &[],
                };
                let mut inner = statement.statements().iter();
                self.is_weighed |= inner.any(|inner| weighs.contains(&inner.keyword()));
            }
            keyword if OF_CHECKS.contains(&keyword) || OF_REAL_SERVERS.contains(&keyword) => {}
            keyword => {
                let known = [REAL_SERVER, OF_REAL_SERVERS, OF_CHECKS, CHECKS];
                return Err(unknown(keyword, "real_server", &known));
            }
        }
        Ok(())
    }
}

/// What a keyword may have been meant as, as the rest of a message.
fn unknown(keyword: &str, block: &str, known: &[&[&str]]) -> String {
    let likely = likely(keyword, known.iter().flat_map(|known| known.iter().copied()));
    let hint = likely.map(|likely| format!(": did you mean `{likely}`?")).unwrap_or_default();
    format!("no such keyword in a {block}{hint}")
}

/// With anything but masquerading, packets go to the service's port.
fn destination(
    service: &ServiceKey,
    address: IpAddr,
    port: u16,
    forwarding: Forwarding,
) -> DestinationKey {
    let port = if forwarding == Forwarding::Masquerade { port } else { service.port() };
    DestinationKey { address, port }
}

fn endpoint(statement: &Statement) -> Result<(IpAddr, Option<u16>)> {
    match statement.values() {
        [host] => Ok((address(host)?, None)),
        [host, number] => Ok((address(host)?, Some(port(number)?))),
        _ => Err("needs an address and a port".to_owned()),
    }
}

fn address(text: &str) -> Result<IpAddr> {
    text.parse().map_err(|_| format!("`{text}`: not an address (keepalived takes no names)"))
}

fn port(text: &str) -> Result<u16> {
    text.parse().map_err(|_| format!("`{text}`: not a port, which is a number from 0 to 65535"))
}

fn mark(text: &str) -> Result<NonZeroU32> {
    let mark = text.parse().ok();
    mark.ok_or_else(|| {
        format!("`{text}`: not a firewall mark, which is a number from 1 to 4294967295")
    })
}

fn scheduler(text: &str) -> Result<Name> {
    let known = SCHEDULERS.iter().find(|known| **known == text);
    known.and_then(|name| name.parse().ok()).ok_or_else(|| {
        format!("`{text}`: not a scheduler, which is one of {}", SCHEDULERS.join(", "))
    })
}

fn protocol(text: &str) -> Result<Protocol> {
    match text.to_ascii_uppercase().as_str() {
        "TCP" => Ok(Protocol::Tcp),
        "UDP" => Ok(Protocol::Udp),
        "SCTP" => Ok(Protocol::Sctp),
        _ => Err(format!("`{text}`: not TCP, UDP or SCTP")),
    }
}

fn family(text: &str) -> Result<AddressFamily> {
    match text {
        "inet" => Ok(AddressFamily::V4),
        "inet6" => Ok(AddressFamily::V6),
        _ => Err(format!("`{text}`: not inet or inet6")),
    }
}

/// The value of an option that is on by itself.
fn boolean(statement: &Statement) -> Result<bool> {
    match statement.values() {
        [] => Ok(true),
        _ => match statement.value()? {
            "on" | "true" | "yes" => Ok(true),
            "off" | "false" | "no" => Ok(false),
            other => Err(format!("`{other}`: not on, off, true, false, yes or no")),
        },
    }
}

fn granularity(text: &str) -> Result<Netmask> {
    if let Ok(mask) = text.parse::<Ipv4Addr>() {
        return Ok(Netmask::V4(mask));
    }
    match text.parse::<u8>() {
        Ok(length @ 1..=128) => Ok(Netmask::V6(length)),
        _ => Err(format!("`{text}`: not a netmask, nor a prefix length from 1 to 128")),
    }
}

/// A forwarding method: `NAT`, `DR`, or `TUN [type {ipip|gue port NUM|gre} [nocsum|csum|remcsum]]`.
fn forwarding(values: &[String]) -> Result<Forwarding> {
    let values: Vec<&str> = values.iter().map(String::as_str).collect();
    match *values.as_slice() {
        ["NAT"] => Ok(Forwarding::Masquerade),
        ["DR"] => Ok(Forwarding::DirectRoute),
        ["TUN", ref rest @ ..] => tunnel(rest),
        _ => Err(format!("`{}`: not NAT, DR or TUN", values.join(" "))),
    }
}

fn tunnel(values: &[&str]) -> Result<Forwarding> {
    let mut kind = TunnelKind::Ipip;
    let (mut udp_port, mut checksum) = (None, None);
    let mut values = values.iter().copied();
    while let Some(value) = values.next() {
        match value {
            "type" => {
                kind = match values.next() {
                    Some("ipip") => TunnelKind::Ipip,
                    Some("gue") => TunnelKind::Gue,
                    Some("gre") => TunnelKind::Gre,
                    other => {
                        let other = other.unwrap_or_default();
                        return Err(format!("type {other}: not ipip, gue or gre"));
                    }
                }
            }
            "port" => {
                let text = values.next().unwrap_or_default();
                let number: Option<NonZeroU16> = text.parse().ok();
                udp_port =
                    Some(number.ok_or_else(|| format!("`{text}`: not a port from 1 to 65535"))?);
            }
            "nocsum" => checksum = Some(TunnelChecksum::None),
            "csum" => checksum = Some(TunnelChecksum::Checksum),
            "remcsum" => checksum = Some(TunnelChecksum::Remote),
            other => return Err(format!("`{other}`: not understood")),
        }
    }
    let tunnel = kind.tunnel(udp_port, checksum).map_err(|why| why.to_string())?;
    Ok(Forwarding::Tunnel(tunnel))
}
