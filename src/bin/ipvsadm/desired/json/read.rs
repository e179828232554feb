//! From JSON to the changes that make its table.
//!
//! The text is read from the outside in: first the whole, with services left as text, then each of
//! these, with its servers left as text, then those. So a mistake in one does not hide those in
//! others, and each is told with its line and column.

use std::collections::HashMap;
use std::fmt;
use std::num::{NonZeroU8, NonZeroU16, NonZeroU32};

use ipvs::rules::grammar;
use ipvs::{
    AddressFamily, Change, ConfigError, DaemonConfig, DaemonRole, DestinationConfig,
    DestinationKey, Netmask, SchedulerFlags, ServiceConfig, ServiceKey, Setting, TunnelChecksum,
};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::place::{self, Place, Text};
use crate::output::json::document::{
    Checksum, Daemon, Destination, Document, Family, Forwarding, Members, Object, Persistence,
    Protocol, Role, Service, SettingValue, Timeouts, Tunnel, TunnelKind,
};

/// What JSON asks for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Read {
    /// [`Change::AddService`], each with its [`Change::AddDestination`] after it, as they stand.
    pub(crate) table: Vec<Asked>,
    /// [`Change::SetSetting`], [`Change::SetTimeouts`] and [`Change::StartDaemon`], where
    /// `settings`, `timeouts` and `daemons` are there, which is after `-S --all --json`.
    pub(crate) others: Vec<Asked>,
}

/// A change, and where what asks for it begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Asked {
    /// Counted from 1.
    pub(crate) line: usize,
    pub(crate) change: Change,
}

/// Something wrong, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Problem {
    /// Counted from 1. For what is wrong with a service or server as a whole, where it begins.
    pub(crate) line: usize,
    /// Counted from 1, in bytes.
    pub(crate) column: usize,
    /// `services[0].destinations[2].weight`; empty where not even that is known.
    pub(crate) path: String,
    /// What is wrong.
    pub(crate) text: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}: ", self.line, self.column)?;
        if !self.path.is_empty() {
            write!(f, "{}: ", self.path)?;
        }
        f.write_str(&self.text)
    }
}

/// All that is wrong with a JSON text. There is at least one problem.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ReadError {
    /// In the order in which they stand.
    pub(crate) problems: Vec<Problem>,
}

impl std::error::Error for ReadError {}

impl fmt::Display for ReadError {
    /// A line each.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.problems.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            fmt::Display::fmt(problem, f)?;
        }
        Ok(())
    }
}

/// Reads what `-S --json` wrote, or `-L --json`, or a person.
///
/// # Errors
///
/// All that is wrong with it; only in broken JSON one mistake hides what follows it.
pub(crate) fn read(bytes: &[u8]) -> Result<Read, ReadError> {
    let mut reader = Reader { text: Text::new(bytes), problems: Vec::new(), read: Read::default() };
    match serde_json::from_slice::<Object<Document<&RawValue>>>(bytes) {
        Ok(Object(document)) => reader.document(&document),
        Err(error) => reader.problems.push(Problem {
            line: error.line().max(1),
            column: error.column().max(1),
            path: String::new(),
            text: place::message(&error),
        }),
    }
    match reader.problems.is_empty() {
        true => Ok(reader.read),
        false => Err(ReadError { problems: reader.problems }),
    }
}

/// What is wrong with one of the fields of an object; an empty field is the object itself.
struct Wrong {
    field: &'static str,
    text: String,
}

fn wrong(field: &'static str, text: impl Into<String>) -> Wrong {
    Wrong { field, text: text.into() }
}

struct Reader<'a> {
    text: Text<'a>,
    problems: Vec<Problem>,
    read: Read,
}

impl<'a> Reader<'a> {
    fn document(&mut self, document: &Document<&'a RawValue>) {
        let mut seen = HashMap::new();
        for (index, service) in document.services.iter().enumerate() {
            self.service(index, service.get(), &mut seen);
        }
        if let Some(text) = &document.settings {
            self.settings(text.get());
        }
        if let Some(text) = &document.timeouts {
            let found = self.parse::<Timeouts>(text.get(), || "timeouts".to_owned());
            if let Some(found) = found {
                self.read.others.push(self.asked(text.get(), timeouts(&found)));
            }
        }
        let mut roles = HashMap::new();
        for (index, text) in document.daemons.iter().flatten().enumerate() {
            let path = || format!("daemons[{index}]");
            let Some(found) = self.parse::<Daemon>(text.get(), path) else {
                continue;
            };
            match daemon(&found) {
                Ok((role, config)) => {
                    let start = self.asked(text.get(), Change::StartDaemon(role, config));
                    self.read.others.push(start);
                    if let Some(first) = roles.insert(role, index) {
                        let same = format!("the same role as daemons[{first}]");
                        self.wrong(text.get(), path, wrong("role", same));
                    }
                }
                Err(problem) => self.wrong(text.get(), path, problem),
            }
        }
    }

    fn service(&mut self, index: usize, text: &'a str, seen: &mut HashMap<ServiceKey, usize>) {
        let path = || format!("services[{index}]");
        let Some(service) = self.parse::<Service<&RawValue>>(text, path) else {
            return;
        };
        let key = match service_key(&service) {
            Ok(key) => key,
            Err(problem) => return self.wrong(text, path, problem),
        };
        if let Some(first) = seen.get(&key) {
            let same = format!("the same service as services[{first}]: {key}");
            self.wrong(text, path, wrong("", same));
        }
        seen.entry(key).or_insert(index);
        match service_config(&key, &service) {
            Ok(config) => {
                self.read.table.push(self.asked(text, Change::AddService(key, config)));
            }
            Err(problem) => self.wrong(text, path, problem),
        }
        let servers = service.destinations.unwrap_or_default();
        let mut seen = HashMap::with_capacity(servers.len());
        for (server, text) in servers.iter().enumerate() {
            let text = text.get();
            let path = || format!("services[{index}].destinations[{server}]");
            let Some(found) = self.parse::<Destination>(text, path) else {
                continue;
            };
            match destination(&key, &found) {
                Ok((server, config)) => {
                    let add = Change::AddDestination(key, server, config);
                    self.read.table.push(self.asked(text, add));
                }
                Err(problem) => self.wrong(text, path, problem),
            }
            let server_key = destination_key(&key, &found);
            if let Some(first) = seen.insert(server_key, server) {
                let same = format!(
                    "the same server as services[{index}].destinations[{first}]: {server_key}"
                );
                self.wrong(text, path, wrong("", same));
            }
        }
    }

    fn settings(&mut self, text: &'a str) {
        let members =
            self.parse::<Members<&RawValue>>(text, || "settings".to_owned()).map(|it| it.0);
        let mut seen = HashMap::new();
        for (name, value) in members.into_iter().flatten() {
            let text = value.get();
            let path = || format!("settings.{name}");
            let Ok(setting) = name.parse::<Setting>() else {
                self.wrong(text, path, wrong("", "not the name of a setting"));
                continue;
            };
            if seen.insert(setting, ()).is_some() {
                self.wrong(text, path, wrong("", "given twice"));
            }
            let read = serde_json::from_str::<SettingValue<'_>>(text).ok().map(|it| match it {
                SettingValue::Number(number) => number.to_string(),
                SettingValue::Pair([first, second]) => format!("{first},{second}"),
                SettingValue::Text(text) => text.into_owned(),
            });
            match read.and_then(|read| setting.value(&read).ok()) {
                Some(value) => {
                    let set = self.asked(text, Change::SetSetting(setting, value));
                    self.read.others.push(set);
                }
                None => self.wrong(text, path, wrong("", format!("must be {}", setting.expects()))),
            }
        }
    }

    fn asked(&self, text: &str, change: Change) -> Asked {
        Asked { line: self.text.place_of(text).line, change }
    }

    /// One part of the text by itself.
    fn parse<T: Deserialize<'a>>(
        &mut self,
        text: &'a str,
        path: impl FnOnce() -> String,
    ) -> Option<T> {
        match serde_json::from_str(text) {
            Ok(Object(value)) => Some(value),
            Err(error) => {
                let Place { line, column } = self.text.place_in(text, &error);
                let text = place::message(&error);
                self.problems.push(Problem { line, column, path: path(), text });
                None
            }
        }
    }

    fn wrong(&mut self, text: &str, path: impl FnOnce() -> String, wrong: Wrong) {
        let Place { line, column } = self.text.place_of(text);
        let mut path = path();
        if !wrong.field.is_empty() {
            path += ".";
            path += wrong.field;
        }
        self.problems.push(Problem { line, column, path, text: wrong.text });
    }
}

fn service_key<T>(service: &Service<T>) -> Result<ServiceKey, Wrong> {
    let Service { protocol, address, port, firewall_mark, family, .. } = service;
    if let Some(mark) = firewall_mark {
        let other = [
            ("protocol", protocol.is_some()),
            ("address", address.is_some()),
            ("port", port.is_some()),
        ];
        if let Some((field, _)) = other.into_iter().find(|(_, given)| *given) {
            return Err(wrong(field, "a service with a firewall_mark has none"));
        }
        let mark = NonZeroU32::new(mark.0).unwrap_or(NonZeroU32::MIN);
        return Ok(ServiceKey::firewall_mark(
            mark,
            match family {
                Some(Family::Ipv6) => AddressFamily::V6,
                Some(Family::Ipv4) | None => AddressFamily::V4,
            },
        ));
    }
    let protocol = match (protocol, address) {
        (None, None) => {
            return Err(wrong("", "needs protocol, address and port, or firewall_mark"));
        }
        (None, _) => return Err(wrong("", "needs a protocol: tcp, udp or sctp")),
        (Some(Protocol::Tcp), _) => ipvs::Protocol::Tcp,
        (Some(Protocol::Udp), _) => ipvs::Protocol::Udp,
        (Some(Protocol::Sctp), _) => ipvs::Protocol::Sctp,
        (Some(Protocol::Other), _) => return Err(wrong("protocol", "none that can be set")),
    };
    let address = address.ok_or_else(|| wrong("", "needs an address"))?;
    if family.is_some() {
        return Err(wrong("family", "only with firewall_mark: an address tells its family"));
    }
    let port = port.map_or(Some(0), |port| port.fitting()).unwrap_or_default();
    Ok(ServiceKey::Address { protocol, address, port })
}

fn service_config<T>(key: &ServiceKey, service: &Service<T>) -> Result<ServiceConfig, Wrong> {
    let mut config = ServiceConfig {
        persistence_engine: service.persistence_engine.map(|engine| engine.0),
        one_packet: service.one_packet.unwrap_or(false),
        ..ServiceConfig::default()
    };
    if let Some(scheduler) = service.scheduler {
        config.scheduler = scheduler.0;
    }
    for name in service.scheduler_flags.iter().flatten() {
        config.scheduler_flags |= SchedulerFlags::for_scheduler(config.scheduler.as_str(), name)
            .map_err(|reason| wrong("scheduler_flags", format!("`{name}`: {reason}")))?;
    }
    if let Some(found) = &service.persistence {
        config.persistence = Some(persistence(key.family(), found)?);
    }
    config.check(key).map_err(in_fields)?;
    Ok(config)
}

fn persistence(family: AddressFamily, found: &Persistence) -> Result<ipvs::Persistence, Wrong> {
    let timeout =
        found.timeout_seconds.map_or(ipvs::Persistence::DEFAULT_TIMEOUT_SECONDS, |it| it.0);
    let mut persistence = ipvs::Persistence::new(family, timeout);
    // Which of the two fits the family is checked with everything else.
    match (found.netmask, found.prefix_length) {
        (Some(_), Some(_)) => {
            let text = "has both a netmask, for IPv4, and a prefix_length, for IPv6";
            return Err(wrong("persistence", text));
        }
        (Some(mask), None) => persistence.netmask = Netmask::V4(mask),
        (None, Some(length)) => {
            persistence.netmask = Netmask::V6(length.fitting().unwrap_or(128));
        }
        (None, None) => {}
    }
    Ok(persistence)
}

/// The reason why a configuration makes no sense, in terms of fields.
fn in_fields(reason: ConfigError) -> Wrong {
    match reason {
        ConfigError::AllPorts => wrong("port", format!("{reason}: give a port, or persistence")),
        ConfigError::OnePacket => wrong("one_packet", "only for UDP and firewall marks"),
        ConfigError::NetmaskFamily { service: AddressFamily::V4, .. } => {
            wrong("persistence.prefix_length", "only for IPv6: IPv4 has a netmask")
        }
        ConfigError::NetmaskFamily { .. } => {
            wrong("persistence.netmask", "only for IPv4: IPv6 has a prefix_length")
        }
        ConfigError::PrefixLength(_) => wrong("persistence.prefix_length", reason.to_string()),
        ConfigError::DestinationFamily { service } => {
            let text = format!(
                "must be an {service} address, as the service has, unless forwarding is tunnel"
            );
            wrong("address", text)
        }
        ConfigError::Weight(_) => wrong("weight", reason.to_string()),
        ConfigError::Thresholds { upper, .. } => {
            wrong("lower_threshold", format!("must not exceed upper_threshold, {upper}"))
        }
        ConfigError::TunnelPortMissing => wrong("tunnel", "type gue needs a port"),
        ConfigError::TunnelPort(kind) => wrong("tunnel.port", format!("type {kind} has none")),
        ConfigError::TunnelChecksum(kind) => {
            wrong("tunnel.checksum", format!("type {kind} has none"))
        }
        ConfigError::TunnelRemoteChecksum(kind) => {
            wrong("tunnel.checksum", format!("type {kind} has no remote checksum"))
        }
        other => wrong("", other.to_string()),
    }
}

fn destination_key(service: &ServiceKey, found: &Destination) -> DestinationKey {
    let port = found.port.and_then(|port| port.fitting()).unwrap_or(service.port());
    DestinationKey { address: found.address, port }
}

fn destination(
    service: &ServiceKey,
    found: &Destination,
) -> Result<(DestinationKey, DestinationConfig), Wrong> {
    let key = destination_key(service, found);
    let config = DestinationConfig {
        forwarding: forwarding(found)?,
        weight: found.weight.map_or(DestinationConfig::default().weight, |weight| weight.0),
        upper_threshold: found.upper_threshold.map_or(0, |count| count.0),
        lower_threshold: found.lower_threshold.map_or(0, |count| count.0),
    };
    config.check(service, &key).map_err(in_fields)?;
    Ok((key, config))
}

fn forwarding(found: &Destination) -> Result<ipvs::Forwarding, Wrong> {
    let forwarding = match found.forwarding.unwrap_or(Forwarding::DirectRoute) {
        Forwarding::Tunnel => {
            let tunnel = found.tunnel.as_ref().map_or(Ok(ipvs::Tunnel::Ipip), tunnel)?;
            return Ok(ipvs::Forwarding::Tunnel(tunnel));
        }
        Forwarding::Masquerade => ipvs::Forwarding::Masquerade,
        // The kernel itself delivers to an address of its own, whatever was asked for.
        Forwarding::DirectRoute | Forwarding::Local => ipvs::Forwarding::DirectRoute,
        Forwarding::Bypass | Forwarding::Other => {
            return Err(wrong("forwarding", "only the kernel makes such a server"));
        }
    };
    match found.tunnel {
        Some(_) => Err(wrong("tunnel", "only where forwarding is tunnel")),
        None => Ok(forwarding),
    }
}

fn tunnel(found: &Tunnel) -> Result<ipvs::Tunnel, Wrong> {
    let kind = match found.kind {
        TunnelKind::Ipip => grammar::TunnelKind::Ipip,
        TunnelKind::Gue => grammar::TunnelKind::Gue,
        TunnelKind::Gre => grammar::TunnelKind::Gre,
        TunnelKind::Other => return Err(wrong("tunnel.type", "not one that can be set up")),
    };
    let port = found.port.and_then(|port| NonZeroU16::new(port.fitting()?));
    let checksum = found.checksum.as_ref().map(|checksum| match checksum {
        Checksum::None => TunnelChecksum::None,
        Checksum::Checksum => TunnelChecksum::Checksum,
        Checksum::Remote => TunnelChecksum::Remote,
    });
    kind.tunnel(port, checksum).map_err(in_fields)
}

/// What is not there stays as it is.
fn timeouts(found: &Timeouts) -> Change {
    let seconds =
        |timeout: Option<crate::output::json::document::Seconds>| timeout.map_or(0, |it| it.0);
    Change::SetTimeouts(ipvs::Timeouts {
        tcp_seconds: seconds(found.tcp_seconds),
        tcp_fin_seconds: seconds(found.tcp_fin_seconds),
        udp_seconds: seconds(found.udp_seconds),
    })
}

fn daemon(found: &Daemon) -> Result<(DaemonRole, DaemonConfig), Wrong> {
    if found.multicast_group.is_some_and(|group| !group.is_multicast()) {
        let text = "not a multicast address such as 224.0.0.81 or ff02::81";
        return Err(wrong("multicast_group", text));
    }
    let role = match found.role {
        Role::Master => DaemonRole::Master,
        Role::Backup => DaemonRole::Backup,
    };
    let config = DaemonConfig {
        interface: found.interface.0,
        sync_id: found.sync_id.and_then(|id| id.fitting()).unwrap_or(0),
        max_length_bytes: found
            .max_length_bytes
            .and_then(|length| NonZeroU16::new(length.fitting()?)),
        group: found.multicast_group,
        port: found.multicast_port.and_then(|port| NonZeroU16::new(port.fitting()?)),
        ttl: found.multicast_ttl.and_then(|ttl| NonZeroU8::new(ttl.fitting()?)),
    };
    Ok((role, config))
}
