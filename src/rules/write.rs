//! The way back: from a change to the rule line that asks for it.

use std::borrow::Cow;
use std::fmt;
use std::net::IpAddr;

use super::address::AddressText;
use super::options::OptionId;
use crate::{
    AddressFamily, Change, DaemonConfig, DestinationConfig, DestinationKey, Forwarding, Name,
    Persistence, Protocol, ServiceConfig, ServiceKey, Tunnel, TunnelChecksum,
};

/// Gives names to addresses and ports. What has no name is written as a number.
pub trait Names {
    /// The name of the host with this address.
    fn host(&self, address: IpAddr) -> Option<Cow<'_, str>>;

    /// The name of the service on this port, in host byte order, of this protocol.
    fn service(&self, port: u16, protocol: Protocol) -> Option<Cow<'_, str>>;
}

/// Writes all addresses and ports as numbers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Numeric;

impl Names for Numeric {
    fn host(&self, _: IpAddr) -> Option<Cow<'_, str>> {
        None
    }

    fn service(&self, _: u16, _: Protocol) -> Option<Cow<'_, str>> {
        None
    }
}

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
#[derive(Debug, Clone, Copy)]
pub struct Line<'a, N = Numeric> {
    change: &'a Change,
    names: &'a N,
}

/// What no rule can say: values that only a kernel newer than this library reports, and names that
/// hold what a rule cannot.
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
}

impl<'a> Line<'a> {
    /// The line for this change, in numbers.
    ///
    /// # Errors
    ///
    /// If no rule can say it.
    pub fn new(change: &'a Change) -> Result<Self, Unwritable> {
        Line::with_names(change, &Numeric)
    }
}

impl<'a, N: Names> Line<'a, N> {
    /// The line for this change, with names as `names` has them.
    ///
    /// # Errors
    ///
    /// If no rule can say it.
    pub fn with_names(change: &'a Change, names: &'a N) -> Result<Self, Unwritable> {
        check(change)?;
        Ok(Line { change, names })
    }
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
                Forwarding::Tunnel(Tunnel::Ipip | Tunnel::Gue { .. }) => {}
                Forwarding::Tunnel(Tunnel::Gre { checksum })
                    if checksum != TunnelChecksum::Remote => {}
                other => return Err(Unwritable::Forwarding(other)),
            }
            key
        }
        Change::StartDaemon(_, config) => return check_name(config.interface),
        Change::DeleteService(key)
        | Change::DeleteDestination(key, _)
        | Change::ZeroService(key) => key,
        Change::Flush | Change::ZeroAll | Change::SetTimeouts(_) | Change::StopDaemon(_) => {
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

/// A name is written as one word; the scanner drops or cuts some words.
fn check_name(name: Name) -> Result<(), Unwritable> {
    let mut words = super::scanner::Words::new(name.as_bytes());
    if words.next() == Some(name.as_bytes()) { Ok(()) } else { Err(Unwritable::Name(name)) }
}

/// An option as a rule spells it: its letter if it has one.
struct Spelled(OptionId);

impl fmt::Display for Spelled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.spec().short {
            Some(letter) => write!(f, "-{letter}"),
            None => write!(f, "{}", self.0),
        }
    }
}

const TUNNEL_CHECKSUMS: [(TunnelChecksum, OptionId); 3] = [
    (TunnelChecksum::None, OptionId::TunNocsum),
    (TunnelChecksum::Checksum, OptionId::TunCsum),
    (TunnelChecksum::Remote, OptionId::TunRemcsum),
];

impl<N: Names> fmt::Display for Line<'_, N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.change {
            Change::AddService(key, config) => self.service(f, OptionId::AddService, key, config),
            Change::EditService(key, config) => self.service(f, OptionId::EditService, key, config),
            Change::DeleteService(key) => self.key(f, OptionId::DeleteService, key),
            Change::AddDestination(service, key, config) => {
                self.server(f, OptionId::AddServer, service, key)?;
                server_config(f, config)
            }
            Change::EditDestination(service, key, config) => {
                self.server(f, OptionId::EditServer, service, key)?;
                server_config(f, config)
            }
            Change::DeleteDestination(service, key) => {
                self.server(f, OptionId::DeleteServer, service, key)
            }
            Change::Flush => write!(f, "{}", Spelled(OptionId::Clear)),
            Change::ZeroAll => write!(f, "{}", Spelled(OptionId::Zero)),
            Change::ZeroService(key) => self.key(f, OptionId::Zero, key),
            Change::SetTimeouts(timeouts) => write!(
                f,
                "{} {} {} {}",
                Spelled(OptionId::Set),
                timeouts.tcp,
                timeouts.tcp_fin,
                timeouts.udp
            ),
            Change::StartDaemon(role, config) => {
                write!(f, "{} {role}", Spelled(OptionId::StartDaemon))?;
                daemon(f, config)
            }
            Change::StopDaemon(role) => write!(f, "{} {role}", Spelled(OptionId::StopDaemon)),
        }
    }
}

impl<N: Names> Line<'_, N> {
    /// The command and the service that it is about.
    fn key(&self, f: &mut fmt::Formatter<'_>, command: OptionId, key: &ServiceKey) -> fmt::Result {
        write!(f, "{} ", Spelled(command))?;
        match *key {
            ServiceKey::Address { protocol, address, port } => {
                let option = match protocol {
                    Protocol::Udp => OptionId::UdpService,
                    Protocol::Sctp => OptionId::SctpService,
                    _ => OptionId::TcpService,
                };
                write!(f, "{} ", Spelled(option))?;
                self.endpoint(f, address, port, protocol)
            }
            ServiceKey::FirewallMark { mark, family } => {
                write!(f, "{} {mark}", Spelled(OptionId::FwmarkService))?;
                match family {
                    AddressFamily::V4 => Ok(()),
                    AddressFamily::V6 => write!(f, " {}", Spelled(OptionId::Ipv6)),
                }
            }
        }
    }

    fn endpoint(
        &self,
        f: &mut fmt::Formatter<'_>,
        address: IpAddr,
        port: u16,
        protocol: Protocol,
    ) -> fmt::Result {
        match (self.names.host(address), address) {
            (Some(name), _) => f.write_str(&name)?,
            (None, IpAddr::V4(address)) => write!(f, "{address}")?,
            (None, IpAddr::V6(_)) => write!(f, "[{}]", AddressText(address))?,
        }
        match self.names.service(port, protocol) {
            Some(name) => write!(f, ":{name}"),
            None => write!(f, ":{port}"),
        }
    }

    fn service(
        &self,
        f: &mut fmt::Formatter<'_>,
        command: OptionId,
        key: &ServiceKey,
        config: &ServiceConfig,
    ) -> fmt::Result {
        self.key(f, command, key)?;
        write!(f, " {} {}", Spelled(OptionId::Scheduler), config.scheduler)?;
        if let Some(Persistence { timeout, netmask }) = config.persistence {
            write!(f, " {} {timeout}", Spelled(OptionId::Persistent))?;
            if !netmask.is_host() {
                write!(f, " {} {netmask}", Spelled(OptionId::Netmask))?;
            }
        }
        if let Some(engine) = config.persistence_engine {
            write!(f, " {} {engine}", Spelled(OptionId::Pe))?;
        }
        if config.one_packet {
            write!(f, " {}", Spelled(OptionId::Ops))?;
        }
        for (i, name) in config.scheduler_flags.names(config.scheduler.as_str()).enumerate() {
            match i {
                0 => write!(f, " {} {name}", Spelled(OptionId::SchedFlags))?,
                _ => write!(f, ",{name}")?,
            }
        }
        Ok(())
    }

    fn server(
        &self,
        f: &mut fmt::Formatter<'_>,
        command: OptionId,
        service: &ServiceKey,
        key: &DestinationKey,
    ) -> fmt::Result {
        self.key(f, command, service)?;
        write!(f, " {} ", Spelled(OptionId::RealServer))?;
        let protocol = match service {
            ServiceKey::Address { protocol, .. } => *protocol,
            // Ports of a firewall mark are read as TCP's.
            ServiceKey::FirewallMark { .. } => Protocol::Tcp,
        };
        self.endpoint(f, key.address, key.port, protocol)
    }
}

fn server_config(f: &mut fmt::Formatter<'_>, config: &DestinationConfig) -> fmt::Result {
    let (method, tunnel) = match config.forwarding {
        Forwarding::Masquerade => (OptionId::Masquerading, None),
        Forwarding::Tunnel(tunnel) => (OptionId::Ipip, Some(tunnel)),
        // The kernel itself makes a server local whose address is the director's own.
        _ => (OptionId::Gatewaying, None),
    };
    write!(f, " {} {} {}", Spelled(method), Spelled(OptionId::Weight), config.weight)?;
    if let Some(tunnel) = tunnel {
        let (kind, port, checksum) = match tunnel {
            Tunnel::Gue { port, checksum } => ("gue", Some(port), Some(checksum)),
            Tunnel::Gre { checksum } => ("gre", None, Some(checksum)),
            _ => ("ipip", None, None),
        };
        write!(f, " {} {kind}", Spelled(OptionId::TunType))?;
        if let Some(port) = port {
            write!(f, " {} {port}", Spelled(OptionId::TunPort))?;
        }
        for (means, option) in TUNNEL_CHECKSUMS {
            if checksum == Some(means) {
                write!(f, " {}", Spelled(option))?;
            }
        }
    }
    // The reference does not write these. They come last, since programs match the front as text.
    for (value, option) in [
        (config.upper_threshold, OptionId::UThreshold),
        (config.lower_threshold, OptionId::LThreshold),
    ] {
        if value != 0 {
            write!(f, " {} {value}", Spelled(option))?;
        }
    }
    Ok(())
}

fn daemon(f: &mut fmt::Formatter<'_>, config: &DaemonConfig) -> fmt::Result {
    write!(f, " {} {}", Spelled(OptionId::McastInterface), config.interface)?;
    write!(f, " {} {}", Spelled(OptionId::Syncid), config.sync_id)?;
    if let Some(length) = config.max_length {
        write!(f, " {} {length}", Spelled(OptionId::SyncMaxlen))?;
    }
    if let Some(group) = config.group {
        write!(f, " {} {group}", Spelled(OptionId::McastGroup))?;
    }
    if let Some(port) = config.port {
        write!(f, " {} {port}", Spelled(OptionId::McastPort))?;
    }
    if let Some(ttl) = config.ttl {
        write!(f, " {} {ttl}", Spelled(OptionId::McastTtl))?;
    }
    Ok(())
}

#[cfg(test)]
#[path = "write_tests.rs"]
mod tests;
