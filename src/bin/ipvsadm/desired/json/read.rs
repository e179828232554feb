//! Turns JSON into the changes that make its table.
//!
//! The text is parsed from the outside in: first the document, with its services left as text,
//! then each service, with its servers left as text, then each server. So one mistake does not
//! hide the others, and each is reported with its line and column.

use std::collections::HashMap;
use std::fmt;
use std::num::{NonZeroU8, NonZeroU16, NonZeroU32};

use ipvs::rules::grammar;
use ipvs::{
    AddressFamily, Change, ConfigError, DaemonConfig, DaemonRole, DestinationConfig,
    DestinationKey, Netmask, SchedulerFlags, ServiceConfig, ServiceKey, TunnelChecksum,
};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::place::{self, Place, Text};
use crate::output::json::document::{
    Checksum, Daemon, Destination, Document, Family, Forwarding, Object, Persistence, Protocol,
    Role, Service, Timeouts, Tunnel, TunnelKind,
};

/// The changes that make the state a JSON text describes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct JsonChanges {
    /// Each [`Change::AddService`] followed by its [`Change::AddDestination`]s, in the text's order.
    pub(crate) table: Vec<PlacedChange>,
    /// [`Change::SetTimeouts`] and [`Change::StartDaemon`], from the `timeouts` and `daemons` that
    /// `-S --all --json` writes.
    pub(crate) settings: Vec<PlacedChange>,
}

/// A change, with the line that describes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PlacedChange {
    /// Counted from 1.
    pub(crate) line: usize,
    pub(crate) change: Change,
}

/// One mistake and its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Problem {
    /// Counted from 1. A mistake in a service or server as a whole is where that begins.
    pub(crate) line: usize,
    /// Counted from 1, in bytes.
    pub(crate) column: usize,
    /// For instance `services[0].destinations[2].weight`; empty for broken JSON.
    pub(crate) path: String,
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

/// Every mistake in a JSON text: at least one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ReadError {
    /// In the order of their places.
    pub(crate) problems: Vec<Problem>,
}

impl std::error::Error for ReadError {}

impl fmt::Display for ReadError {
    /// One line per problem.
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

/// Reads JSON as written by `-S --json`, by `-L --json` or by hand.
///
/// # Errors
///
/// Every mistake in it; only broken JSON hides what follows it.
pub(crate) fn read(bytes: &[u8]) -> Result<JsonChanges, ReadError> {
    let mut reader =
        Reader { text: Text::new(bytes), problems: Vec::new(), changes: JsonChanges::default() };
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
        true => Ok(reader.changes),
        false => Err(ReadError { problems: reader.problems }),
    }
}

/// A mistake in one field of an object, or in the object itself if `field` is empty.
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
    changes: JsonChanges,
}

impl<'a> Reader<'a> {
    fn document(&mut self, document: &Document<&'a RawValue>) {
        let mut seen = HashMap::new();
        for (index, service) in document.services.iter().enumerate() {
            self.service(index, service.get(), &mut seen);
        }
        if let Some(text) = &document.timeouts {
            let found = self.parse::<Timeouts>(text.get(), || "timeouts".to_owned());
            if let Some(found) = found {
                self.changes.settings.push(self.placed(text.get(), timeouts(&found)));
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
                    let start = self.placed(text.get(), Change::StartDaemon(role, config));
                    self.changes.settings.push(start);
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
                self.changes.table.push(self.placed(text, Change::AddService(key, config)));
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
                    self.changes.table.push(self.placed(text, add));
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

    fn placed(&self, text: &str, change: Change) -> PlacedChange {
        PlacedChange { line: self.text.place_of(text).line, change }
    }

    /// Parses one part of the text by itself.
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
            return Err(wrong(field, "not valid with firewall_mark"));
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
        (Some(Protocol::Other), _) => return Err(wrong("protocol", "cannot be set up")),
    };
    let address = address.ok_or_else(|| wrong("", "needs an address"))?;
    if family.is_some() {
        return Err(wrong("family", "only with firewall_mark: an address implies its family"));
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
    // `check` compares the mask with the family.
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

/// Puts the reason a configuration is invalid in terms of JSON fields.
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
                "must be an {service} address, like the service's, unless forwarding is tunnel"
            );
            wrong("address", text)
        }
        ConfigError::Weight(_) => wrong("weight", reason.to_string()),
        ConfigError::Thresholds { upper, .. } => {
            wrong("lower_threshold", format!("must not exceed upper_threshold, {upper}"))
        }
        ConfigError::TunnelPortMissing => wrong("tunnel", "type gue needs a port"),
        ConfigError::TunnelPort(kind) => {
            wrong("tunnel.port", format!("not valid with type {kind}"))
        }
        ConfigError::TunnelChecksum(kind) => {
            wrong("tunnel.checksum", format!("not valid with type {kind}"))
        }
        ConfigError::TunnelRemoteChecksum(kind) => {
            wrong("tunnel.checksum", format!("`remote` is not valid with type {kind}"))
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
        // The kernel turns any method into local for an address of its own.
        Forwarding::DirectRoute | Forwarding::Local => ipvs::Forwarding::DirectRoute,
        Forwarding::Bypass | Forwarding::Other => {
            return Err(wrong("forwarding", "only the kernel creates such a server"));
        }
    };
    match found.tunnel {
        Some(_) => Err(wrong("tunnel", "only with forwarding tunnel")),
        None => Ok(forwarding),
    }
}

fn tunnel(found: &Tunnel) -> Result<ipvs::Tunnel, Wrong> {
    let kind = match found.kind {
        TunnelKind::Ipip => grammar::TunnelKind::Ipip,
        TunnelKind::Gue => grammar::TunnelKind::Gue,
        TunnelKind::Gre => grammar::TunnelKind::Gre,
        TunnelKind::Other => return Err(wrong("tunnel.type", "cannot be set up")),
    };
    let port = found.port.and_then(|port| NonZeroU16::new(port.fitting()?));
    let checksum = found.checksum.as_ref().map(|checksum| match checksum {
        Checksum::None => TunnelChecksum::None,
        Checksum::Checksum => TunnelChecksum::Checksum,
        Checksum::Remote => TunnelChecksum::Remote,
    });
    kind.tunnel(port, checksum).map_err(in_fields)
}

/// A timeout left out is 0, which the kernel takes as no change.
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
