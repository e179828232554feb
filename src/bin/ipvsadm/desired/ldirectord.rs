//! Reads what ldirectord.cf sets up in IPVS, as ldirectord(8) describes it. What it says of checks,
//! of mails and of logs is skipped.
//!
//! Where the manual page is silent, ldirectord 1.186 has been asked, by running it.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr};
use std::num::NonZeroU32;

use ipvs::rules::grammar::{Resolve, likely};
use ipvs::{
    AddressFamily, Change, DestinationConfig, DestinationKey, Forwarding, Name, Netmask,
    Persistence, Protocol, ServiceConfig, ServiceKey, Tunnel,
};

use super::Found;
use super::health::{CheckedService, Fallback, Freedom};
use super::position::Position;

type Result<T> = std::result::Result<T, String>;

/// Directives about checks, mails and logs, for all services or for one.
const SKIPPED: &[&str] = &[
    "autoreload",
    "callback",
    "checkcommand",
    "checkcount",
    "checkinterval",
    "checkport",
    "checktimeout",
    "cleanstop",
    "comment",
    "database",
    "emailalert",
    "emailalertfreq",
    "emailalertfrom",
    "emailalertstatus",
    "execute",
    "failurecount",
    "fallbackcommand",
    "fork",
    "httpmethod",
    "load",
    "logfile",
    "login",
    "maintenancedir",
    "monitorfile",
    "negotiatetimeout",
    "passwd",
    "readdquiescent",
    "receive",
    "request",
    "secret",
    "service",
    "servicename",
    "smtp",
    "supervised",
    "virtualhost",
];

/// Directives that are read here.
const READ: &[&str] = &[
    "checktype",
    "fallback",
    "fallback6",
    "netmask",
    "ops",
    "persistent",
    "protocol",
    "quiescent",
    "real",
    "real6",
    "scheduler",
    "virtual",
    "virtual6",
];

/// True if a file may begin with this word before a `=`.
pub(super) fn is_keyword(word: &str) -> bool {
    READ.contains(&word) || SKIPPED.contains(&word)
}

/// The most servers of one range.
const MAX_SERVERS: u32 = 65536;

/// A virtual service, as far as it is read.
#[derive(Debug)]
struct Virtual {
    position: Position,
    /// What `virtual` is followed by.
    text: String,
    is_ipv6: bool,
    scheduler: Option<Name>,
    timeout: Option<u32>,
    netmask: Option<Netmask>,
    protocol: Option<String>,
    one_packet: bool,
    quiescent: Option<bool>,
    /// True unless no check can take a server out.
    is_checked: bool,
    reals: Vec<(Position, String)>,
    fallback: Option<(Position, String)>,
}

impl Virtual {
    fn new(position: Position, text: &str, is_ipv6: bool) -> Self {
        Virtual {
            position,
            text: text.to_owned(),
            is_ipv6,
            scheduler: None,
            timeout: None,
            netmask: None,
            protocol: None,
            one_packet: false,
            quiescent: None,
            is_checked: true,
            reals: Vec::new(),
            fallback: None,
        }
    }

    /// Reads a directive of the service.
    fn set(&mut self, position: Position, name: &str, value: &str) -> Result<()> {
        match name {
            "real" | "real6" => self.reals.push((position, value.to_owned())),
            "fallback" | "fallback6" => self.fallback = Some((position, value.to_owned())),
            "scheduler" => self.scheduler = Some(parsed(value)?),
            "persistent" => self.timeout = Some(seconds(value)?),
            "netmask" => self.netmask = Some(netmask(value)?),
            "protocol" => self.protocol = Some(value.to_owned()),
            "ops" => self.one_packet = boolean(value)?,
            "quiescent" => self.quiescent = Some(boolean(value)?),
            "checktype" => self.is_checked = value != "on",
            _ => return Err("belongs at the beginning of a line".to_owned()),
        }
        Ok(())
    }
}

/// Directives for all services.
#[derive(Debug, Default)]
struct Global {
    quiescent: Option<bool>,
    fallback: Option<(Position, String)>,
    fallback6: Option<(Position, String)>,
}

/// Reads the text of a ldirectord.cf.
pub(super) fn read<R: Resolve + ?Sized>(bytes: &[u8], names: &mut R) -> Found {
    let mut found = Found::default();
    let mut global = Global::default();
    let mut virtuals: Vec<Virtual> = Vec::new();
    // False after a line that makes it unclear which service the indented lines belong to.
    let mut is_inside = false;
    let text = String::from_utf8_lossy(bytes);
    for (number, line) in (1..).zip(text.lines()) {
        let position = Position::line(number);
        if line.trim().is_empty() || line.trim_start().starts_with('#') {
            continue;
        }
        let is_indented = line.starts_with('\t') || line.starts_with("    ");
        let read = directive(line).and_then(|(name, value)| {
            if is_indented {
                let service = virtuals.last_mut().filter(|_| is_inside);
                let service = service.ok_or("an indented line belongs after virtual=")?;
                if SKIPPED.contains(&name) {
                    return Ok(());
                }
                return service.set(position, name, value).map_err(|why| format!("{name}: {why}"));
            }
            if line.starts_with(' ') {
                return Err("a line is indented by four blanks or a tab, or not at all".into());
            }
            is_inside = matches!(name, "virtual" | "virtual6");
            let in_file = || Some((position, value.to_owned()));
            match name {
                "virtual" => virtuals.push(Virtual::new(position, value, false)),
                "virtual6" => virtuals.push(Virtual::new(position, value, true)),
                "quiescent" => global.quiescent = Some(boolean(value)?),
                "fallback" => global.fallback = in_file(),
                "fallback6" => global.fallback6 = in_file(),
                // A default for the services that the manual page does not have.
                _ if SKIPPED.contains(&name) || name == "checktype" => {}
                _ => return Err(format!("{name}: belongs after virtual=, indented")),
            }
            Ok(())
        });
        if let Err(why) = read {
            found.mistakes.push((position, why));
        }
    }
    let mut seen = BTreeSet::new();
    for service in &virtuals {
        if let Err(why) = set_up(service, &global, names, &mut seen, &mut found) {
            found.mistakes.push((service.position, why));
        }
    }
    found.mistakes.sort_by_key(|(position, _)| *position);
    found
}

/// The name and the value of a line.
fn directive(line: &str) -> Result<(&str, &str)> {
    let line = line.trim();
    let (name, value) =
        line.split_once('=').ok_or_else(|| format!("`{line}`: a `=` is missing"))?;
    let (name, value) = (name.trim(), value.trim());
    if !is_keyword(name) {
        let likely = likely(name, READ.iter().chain(SKIPPED).copied());
        let hint = likely.map(|likely| format!(": did you mean `{likely}`?")).unwrap_or_default();
        return Err(format!("`{name}`: no such directive{hint}"));
    }
    Ok((name, value))
}

/// Makes a service, with its servers.
fn set_up<R: Resolve + ?Sized>(
    service: &Virtual,
    global: &Global,
    names: &mut R,
    seen: &mut BTreeSet<ServiceKey>,
    found: &mut Found,
) -> Result<()> {
    let prefer = if service.is_ipv6 { AddressFamily::V6 } else { AddressFamily::V4 };
    let key = service_key(service, prefer, names)?;
    if !seen.insert(key) {
        return Err(format!("virtual: {key}: the second service of this name"));
    }
    let mut config = ServiceConfig {
        one_packet: service.one_packet,
        ..ServiceConfig::new(service.scheduler.unwrap_or(Name::from_static("wrr")))
    };
    if let Some(timeout) = service.timeout {
        let mut persistence = Persistence::new(key.family(), timeout);
        if let Some(netmask) = service.netmask {
            persistence.netmask = netmask;
        }
        config.persistence = Some(persistence);
    }
    config.check(&key).map_err(|why| format!("virtual: {key}: {why}"))?;
    found.changes.push((service.position, Change::AddService(key, config)));
    // ldirectord's default is not the one that its manual page says.
    let quiescent = service.quiescent.or(global.quiescent).unwrap_or(true);
    let mut checked = CheckedService::default();
    let freedom = Freedom {
        remove: service.is_checked,
        quiesce: service.is_checked && quiescent,
        weigh: false,
    };
    for (position, text) in &service.reals {
        let servers = match real(text, &key, prefer, names) {
            Ok(servers) => servers,
            Err(why) => {
                found.mistakes.push((*position, format!("real: {why}")));
                continue;
            }
        };
        for (server, config) in servers {
            if let Err(why) = config.check(&key, &server) {
                found.mistakes.push((*position, format!("real: {server}: {why}")));
            } else if checked.servers.insert(server, freedom).is_some() {
                let text = format!("real: {server}: the second of {key}");
                found.mistakes.push((*position, text));
            } else {
                let change = Change::AddDestination(key, server, config);
                found.changes.push((*position, change));
            }
        }
    }
    let of_all = match key.family() {
        AddressFamily::V4 => &global.fallback,
        AddressFamily::V6 => &global.fallback6,
    };
    if let Some((position, text)) = service.fallback.as_ref().or(of_all.as_ref()) {
        match fallback(text, &key, prefer, names) {
            Ok((server, config)) => {
                checked.fallback = Some(Fallback { key: server, config, may_stay: quiescent });
            }
            Err(why) => found.mistakes.push((*position, format!("fallback: {why}"))),
        }
    }
    found.checks.services.insert(key, checked);
    Ok(())
}

fn service_key<R: Resolve + ?Sized>(
    service: &Virtual,
    prefer: AddressFamily,
    names: &mut R,
) -> Result<ServiceKey> {
    let wrong = |why: String| format!("virtual: {why}");
    if service.text.bytes().all(|byte| byte.is_ascii_digit()) {
        let mark = service.text.parse::<NonZeroU32>();
        let mark = mark.map_err(|_| wrong(format!("`{}`: not a firewall mark", service.text)))?;
        return match service.protocol.as_deref() {
            None | Some("fwm") => Ok(ServiceKey::firewall_mark(mark, prefer)),
            Some(other) => Err(wrong(format!("a firewall mark has the protocol fwm, not {other}"))),
        };
    }
    let (host, port) = split(&service.text);
    let port = port.ok_or_else(|| wrong(format!("`{}`: a port is missing", service.text)))?;
    let named = |protocol, names: &mut R| number_of_port(port, protocol, names).map_err(wrong);
    let (protocol, port) = match service.protocol.as_deref() {
        Some("tcp") => (Protocol::Tcp, named(Protocol::Tcp, names)?),
        Some("udp") => (Protocol::Udp, named(Protocol::Udp, names)?),
        Some(other) => return Err(wrong(format!("protocol {other}: not tcp or udp"))),
        None => match named(Protocol::Tcp, names)? {
            53 => (Protocol::Udp, 53),
            port => (Protocol::Tcp, port),
        },
    };
    let address = address(host, prefer, names).map_err(wrong)?;
    Ok(ServiceKey::Address { protocol, address, port })
}

/// The servers of `real=`: `FIRST[->LAST][:PORT] METHOD [WEIGHT] ["REQUEST", "RECEIVE"] [l:N] [u:N]`.
fn real<R: Resolve + ?Sized>(
    text: &str,
    service: &ServiceKey,
    prefer: AddressFamily,
    names: &mut R,
) -> Result<Vec<(DestinationKey, DestinationConfig)>> {
    let (endpoint, rest) = first_word(text);
    let (method, rest) = first_word(rest);
    let mut config =
        DestinationConfig { forwarding: forwarding(method)?, ..DestinationConfig::default() };
    let (word, after) = first_word(rest);
    let rest = match word.parse() {
        Ok(weight) => {
            config.weight = weight;
            after
        }
        Err(_) => rest,
    };
    let rest = without_strings(rest)?;
    for word in rest.split_ascii_whitespace() {
        let threshold = if let Some(count) = word.strip_prefix("l:") {
            (&mut config.lower_threshold, count)
        } else if let Some(count) = word.strip_prefix("u:") {
            (&mut config.upper_threshold, count)
        } else {
            return Err(format!("`{word}`: not understood"));
        };
        *threshold.0 = parsed(threshold.1)?;
    }
    let (hosts, port) = split(endpoint);
    let port = match port {
        Some(port) => number_of_port(port, protocol(service), names)?,
        None => 0,
    };
    let addresses = match hosts.split_once("->") {
        None => vec![address(hosts, prefer, names)?],
        Some((first, last)) => range(first, last, prefer, names)?,
    };
    let servers =
        addresses.into_iter().map(|address| (key(service, address, port, config), config));
    Ok(servers.collect())
}

fn range<R: Resolve + ?Sized>(
    first: &str,
    last: &str,
    prefer: AddressFamily,
    names: &mut R,
) -> Result<Vec<IpAddr>> {
    let (IpAddr::V4(from), IpAddr::V4(to)) =
        (address(first, prefer, names)?, address(last, prefer, names)?)
    else {
        return Err(format!("`{first}->{last}`: only IPv4 addresses have ranges"));
    };
    match to.to_bits().checked_sub(from.to_bits()) {
        None => Err(format!("`{first}->{last}`: the range ends before it begins")),
        Some(length) if length >= MAX_SERVERS => {
            Err(format!("`{first}->{last}`: more servers than can be looked at"))
        }
        Some(_) => {
            let addresses = from.to_bits()..=to.to_bits();
            Ok(addresses.map(|bits| Ipv4Addr::from_bits(bits).into()).collect())
        }
    }
}

/// The server of `fallback=`: `HOST[:PORT] [METHOD]`.
fn fallback<R: Resolve + ?Sized>(
    text: &str,
    service: &ServiceKey,
    prefer: AddressFamily,
    names: &mut R,
) -> Result<(DestinationKey, DestinationConfig)> {
    let (endpoint, rest) = first_word(text);
    let forwarding = match first_word(rest) {
        ("", _) => Forwarding::DirectRoute,
        (method, "") => forwarding(method)?,
        (_, more) => return Err(format!("`{more}`: not understood")),
    };
    let config = DestinationConfig { forwarding, ..DestinationConfig::default() };
    let (host, port) = split(endpoint);
    let port = match port {
        Some(port) => number_of_port(port, protocol(service), names)?,
        None => service.port(),
    };
    let server = key(service, address(host, prefer, names)?, port, config);
    config.check(service, &server).map_err(|why| format!("{server}: {why}"))?;
    Ok((server, config))
}

/// Packets go to another port than the service's only with masquerading, and only to another
/// machine.
fn key(
    service: &ServiceKey,
    address: IpAddr,
    port: u16,
    config: DestinationConfig,
) -> DestinationKey {
    let is_mapped = config.forwarding == Forwarding::Masquerade && !address.is_loopback();
    let is_mark = matches!(service, ServiceKey::FirewallMark { .. });
    let port = match (is_mapped, is_mark) {
        (true, _) => port,
        // A mark has no port.
        (false, _) => service.port(),
    };
    DestinationKey { address, port }
}

fn protocol(service: &ServiceKey) -> Protocol {
    match service {
        ServiceKey::Address { protocol, .. } => *protocol,
        ServiceKey::FirewallMark { .. } => Protocol::Tcp,
    }
}

/// The host and the port of `host:port` and `[host]:port`.
fn split(text: &str) -> (&str, Option<&str>) {
    if let Some((host, rest)) = text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        return (host, rest.strip_prefix(':'));
    }
    match text.rsplit_once(':') {
        Some((host, port)) => (host, Some(port)),
        None => (text, None),
    }
}

fn address<R: Resolve + ?Sized>(
    host: &str,
    prefer: AddressFamily,
    names: &mut R,
) -> Result<IpAddr> {
    if let Ok(address) = host.parse() {
        return Ok(address);
    }
    let is_name = !host.is_empty()
        && host.bytes().any(|byte| byte.is_ascii_alphabetic())
        && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte));
    if !is_name {
        return Err(format!("`{host}`: not an address"));
    }
    names.host(host, prefer).map_err(|why| format!("`{host}`: {why}"))
}

fn number_of_port<R: Resolve + ?Sized>(
    text: &str,
    protocol: Protocol,
    names: &mut R,
) -> Result<u16> {
    if let Ok(port) = text.parse() {
        return Ok(port);
    }
    let is_name = text.bytes().any(|byte| byte.is_ascii_alphabetic());
    if !is_name {
        return Err(format!("`{text}`: not a port, which is a name or a number from 0 to 65535"));
    }
    names.service(text, protocol).map_err(|why| format!("`{text}`: {why}"))
}

fn forwarding(method: &str) -> Result<Forwarding> {
    match method {
        "gate" => Ok(Forwarding::DirectRoute),
        "masq" => Ok(Forwarding::Masquerade),
        "ipip" => Ok(Forwarding::Tunnel(Tunnel::Ipip)),
        "" => Err("gate, masq or ipip is missing".to_owned()),
        _ => Err(format!("`{method}`: not gate, masq or ipip")),
    }
}

/// The text without the two strings at its beginning, if there are any, and without their comma.
fn without_strings(mut text: &str) -> Result<&str> {
    for _ in 0..2 {
        text = text.trim_start_matches(|char: char| char.is_ascii_whitespace() || char == ',');
        if let Some(rest) = text.strip_prefix('"') {
            let end = rest.find('"').ok_or("a string without its second `\"`")?;
            text = &rest[end + 1..];
        }
    }
    Ok(text)
}

/// The first word, and the rest without leading blanks.
fn first_word(text: &str) -> (&str, &str) {
    let text = text.trim();
    match text.split_once(|char: char| char.is_ascii_whitespace()) {
        Some((word, rest)) => (word, rest.trim_start()),
        None => (text, ""),
    }
}

fn boolean(value: &str) -> Result<bool> {
    match value {
        "yes" => Ok(true),
        "no" => Ok(false),
        _ => Err(format!("`{value}`: not yes or no")),
    }
}

fn parsed<T: std::str::FromStr<Err: std::fmt::Display>>(value: &str) -> Result<T> {
    value.parse().map_err(|why| format!("`{value}`: {why}"))
}

fn seconds(value: &str) -> Result<u32> {
    let seconds = value.parse().ok().filter(|seconds| (1..=2_678_400).contains(seconds));
    seconds.ok_or_else(|| format!("`{value}`: not a whole number from 1 to 2678400"))
}

fn netmask(value: &str) -> Result<Netmask> {
    if let Ok(mask) = value.parse::<Ipv4Addr>() {
        return Ok(Netmask::V4(mask));
    }
    match value.parse::<u8>() {
        Ok(length @ 1..=128) => Ok(Netmask::V6(length)),
        _ => Err(format!("`{value}`: not a netmask, nor a prefix length from 1 to 128")),
    }
}

#[cfg(test)]
mod tests;
