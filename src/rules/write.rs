//! From a change back to the rule line that asks for it.

use std::fmt;
use std::net::IpAddr;

use super::options::OptionId;
use super::resolve::{NumericOnly, ReverseResolve};
use super::scanner::LineWords;
use super::text::{push_address, push_named_endpoint, push_number};
use super::tunnel::{CHECKSUM_OPTIONS, TunnelKind};
use crate::{
    AddressFamily, Change, ConfigError, DaemonConfig, DestinationConfig, DestinationKey,
    Forwarding, Name, Persistence, Protocol, ServiceConfig, ServiceKey, Tunnel,
};

/// A change as a rule line, as `ipvsadm -S` writes it and `-R` reads it, without a newline.
///
/// ```
/// use ipvs::rules::Line;
/// use ipvs::{Change, ServiceConfig, ServiceKey};
///
/// let add = Change::AddService(ServiceKey::tcp(([192, 0, 2, 1], 80)), ServiceConfig::default());
/// assert_eq!(Line::new(&add)?.to_string(), "-A -t 192.0.2.1:80 -s wlc");
/// # Ok::<(), ipvs::rules::Unwritable>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line(String);

/// The reason a change cannot be written as a rule: it has a value of a kernel newer than this
/// library, or a name that is not a single word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Unwritable {
    /// A protocol that has no option.
    #[error("no rule can say protocol {0}")]
    Protocol(u16),
    /// A forwarding method that has no option.
    #[error("no rule can say forwarding method {0:?}")]
    Forwarding(Forwarding),
    /// A name with a blank in it, or one that a rule cannot begin with.
    #[error("no rule can hold the name {0:?}")]
    Name(Name),
    /// A tunnel that makes no sense.
    #[error(transparent)]
    Config(#[from] ConfigError),
}

impl Line {
    /// The line for this change, with addresses and ports as numbers.
    ///
    /// # Errors
    ///
    /// If no rule can express it.
    pub fn new(change: &Change) -> Result<Self, Unwritable> {
        let mut text = Vec::new();
        push_line(&mut text, change, &NumericOnly)?;
        // Names are text, and the rest is ASCII.
        Ok(Line(String::from_utf8_lossy(&text).into_owned()))
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Appends the rule line for a change, without a newline. `names` gives hosts and services names.
///
/// # Errors
///
/// If no rule can express it. Then nothing is appended.
pub fn push_line<N: ReverseResolve>(
    text: &mut Vec<u8>,
    change: &Change,
    names: &N,
) -> Result<(), Unwritable> {
    check(change)?;
    let mut writer = Writer { text, names };
    match change {
        Change::AddService(key, config) => writer.service(OptionId::AddService, key, config),
        Change::EditService(key, config) => writer.service(OptionId::EditService, key, config),
        Change::DeleteService(key) => writer.key(OptionId::DeleteService, key),
        Change::AddDestination(service, key, config) => {
            writer.server(OptionId::AddServer, service, key);
            writer.server_config(config);
        }
        Change::EditDestination(service, key, config) => {
            writer.server(OptionId::EditServer, service, key);
            writer.server_config(config);
        }
        Change::DeleteDestination(service, key) => {
            writer.server(OptionId::DeleteServer, service, key);
        }
        Change::Flush => writer.option(OptionId::Clear),
        Change::ZeroAll => writer.option(OptionId::Zero),
        Change::ZeroService(key) => writer.key(OptionId::Zero, key),
        Change::SetTimeouts(timeouts) => {
            writer.option(OptionId::Set);
            for timeout in [timeouts.tcp_seconds, timeouts.tcp_fin_seconds, timeouts.udp_seconds] {
                writer.blank();
                push_number(writer.text, timeout);
            }
        }
        Change::SetSetting(setting, value) => {
            writer.word(OptionId::Settings, &format!("{setting}={value}"));
        }
        Change::StartDaemon(role, config) => {
            writer.word(OptionId::StartDaemon, &role.to_string());
            writer.daemon(config);
        }
        Change::StopDaemon(role) => writer.word(OptionId::StopDaemon, &role.to_string()),
    }
    Ok(())
}

fn check(change: &Change) -> Result<(), Unwritable> {
    let service = match change {
        Change::AddService(key, config) | Change::EditService(key, config) => {
            check_name(config.scheduler)?;
            config.persistence_engine.map_or(Ok(()), check_name)?;
            key
        }
        Change::AddDestination(key, _, config) | Change::EditDestination(key, _, config) => {
            match config.forwarding {
                Forwarding::Masquerade | Forwarding::DirectRoute | Forwarding::Local => {}
                Forwarding::Tunnel(
                    tunnel @ (Tunnel::Ipip | Tunnel::Gue { .. } | Tunnel::Gre { .. }),
                ) => tunnel.check()?,
                other => return Err(Unwritable::Forwarding(other)),
            }
            key
        }
        Change::StartDaemon(_, config) => return check_name(config.interface),
        Change::DeleteService(key)
        | Change::DeleteDestination(key, _)
        | Change::ZeroService(key) => key,
        Change::Flush
        | Change::ZeroAll
        | Change::SetTimeouts(_)
        | Change::SetSetting(..)
        | Change::StopDaemon(_) => {
            return Ok(());
        }
    };
    match service {
        ServiceKey::Address { protocol: Protocol::Other(number), .. } => {
            Err(Unwritable::Protocol(*number))
        }
        _ => Ok(()),
    }
}

/// Checks that the scanner would read the name back as one word.
fn check_name(name: Name) -> Result<(), Unwritable> {
    let mut words = LineWords::new(name.as_bytes());
    if words.next() == Some(name.as_bytes()) { Ok(()) } else { Err(Unwritable::Name(name)) }
}

/// Appends words with a blank between them.
struct Writer<'a, N> {
    text: &'a mut Vec<u8>,
    names: &'a N,
}

impl<N: ReverseResolve> Writer<'_, N> {
    fn blank(&mut self) {
        self.text.push(b' ');
    }

    /// An option as a rule spells it: its letter if it has one.
    fn option(&mut self, option: OptionId) {
        let row = option.spec();
        match row.short {
            Some(letter) => {
                self.text.push(b'-');
                let mut bytes = [0; 4];
                self.text.extend_from_slice(letter.encode_utf8(&mut bytes).as_bytes());
            }
            None => {
                self.text.extend_from_slice(b"--");
                self.text.extend_from_slice(row.long.as_bytes());
            }
        }
    }

    /// An option after others.
    fn next_option(&mut self, option: OptionId) {
        self.blank();
        self.option(option);
    }

    fn word(&mut self, option: OptionId, value: &str) {
        self.option(option);
        self.blank();
        self.text.extend_from_slice(value.as_bytes());
    }

    fn next_word(&mut self, option: OptionId, value: &str) {
        self.blank();
        self.word(option, value);
    }

    fn next_number(&mut self, option: OptionId, value: impl Into<u64>) {
        self.next_option(option);
        self.blank();
        push_number(self.text, value);
    }

    /// The command and its service.
    fn key(&mut self, command: OptionId, key: &ServiceKey) {
        self.option(command);
        match *key {
            ServiceKey::Address { protocol, address, port } => {
                self.next_option(OptionId::of_service(key).unwrap_or(OptionId::TcpService));
                self.blank();
                self.endpoint(address, port, Some(protocol));
            }
            ServiceKey::FirewallMark { mark, family } => {
                self.next_number(OptionId::FwmarkService, mark.get());
                if family == AddressFamily::V6 {
                    self.next_option(OptionId::Ipv6);
                }
            }
        }
    }

    /// Ports have no names without a protocol, as with the servers of a firewall mark.
    fn endpoint(&mut self, address: IpAddr, port: u16, protocol: Option<Protocol>) {
        let service = protocol.and_then(|protocol| self.names.service(port, protocol));
        push_named_endpoint(self.text, address, port, self.names.host(address), service);
    }

    fn service(&mut self, command: OptionId, key: &ServiceKey, config: &ServiceConfig) {
        self.key(command, key);
        self.next_word(OptionId::Scheduler, config.scheduler.as_str());
        if let Some(Persistence { timeout_seconds, netmask }) = config.persistence {
            self.next_number(OptionId::Persistent, timeout_seconds);
            if !netmask.is_host() {
                self.next_word(OptionId::Netmask, &netmask.to_string());
            }
        }
        if let Some(engine) = &config.persistence_engine {
            self.next_word(OptionId::Pe, engine.as_str());
        }
        if config.one_packet {
            self.next_option(OptionId::Ops);
        }
        let flags = config.scheduler_flags;
        for (index, name) in flags.names_in_rules(config.scheduler.as_str()).enumerate() {
            if index == 0 {
                self.next_word(OptionId::SchedFlags, name);
            } else {
                self.text.push(b',');
                self.text.extend_from_slice(name.as_bytes());
            }
        }
    }

    fn server(&mut self, command: OptionId, service: &ServiceKey, key: &DestinationKey) {
        self.key(command, service);
        self.next_option(OptionId::RealServer);
        self.blank();
        let protocol = match service {
            ServiceKey::Address { protocol, .. } => Some(*protocol),
            ServiceKey::FirewallMark { .. } => None,
        };
        self.endpoint(key.address, key.port, protocol);
    }

    fn server_config(&mut self, config: &DestinationConfig) {
        let (method, tunnel) = match config.forwarding {
            Forwarding::Masquerade => (OptionId::Masquerading, None),
            Forwarding::Tunnel(tunnel) => (OptionId::Ipip, Some(tunnel)),
            // The kernel makes a server local by itself if its address is the director's own.
            _ => (OptionId::Gatewaying, None),
        };
        self.next_option(method);
        self.next_number(OptionId::Weight, config.weight);
        if let Some(tunnel) = tunnel {
            let (kind, port, checksum) = match tunnel {
                Tunnel::Gue { port, checksum } => (TunnelKind::Gue, Some(port), Some(checksum)),
                Tunnel::Gre { checksum } => (TunnelKind::Gre, None, Some(checksum)),
                _ => (TunnelKind::Ipip, None, None),
            };
            self.next_word(OptionId::TunType, kind.name());
            if let Some(port) = port {
                self.next_number(OptionId::TunPort, port.get());
            }
            for (means, option) in CHECKSUM_OPTIONS {
                if checksum == Some(means) {
                    self.next_option(option);
                }
            }
        }
        // ipvsadm 1.31 does not write these. They come last, since programs match the front of
        // the line as text.
        for (value, option) in [
            (config.upper_threshold, OptionId::UThreshold),
            (config.lower_threshold, OptionId::LThreshold),
        ] {
            if value != 0 {
                self.next_number(option, value);
            }
        }
    }

    fn daemon(&mut self, config: &DaemonConfig) {
        self.next_word(OptionId::McastInterface, config.interface.as_str());
        self.next_number(OptionId::Syncid, config.sync_id);
        if let Some(length) = config.max_length_bytes {
            self.next_number(OptionId::SyncMaxlen, length.get());
        }
        if let Some(group) = config.group {
            self.next_option(OptionId::McastGroup);
            self.blank();
            push_address(self.text, group);
        }
        if let Some(port) = config.port {
            self.next_number(OptionId::McastPort, port.get());
        }
        if let Some(ttl) = config.ttl {
            self.next_number(OptionId::McastTtl, ttl.get());
        }
    }
}

#[cfg(test)]
mod tests;
