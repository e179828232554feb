//! From events to a command.
//!
//! Values are looked at as they come, so that of several mistakes the first one is reported;
//! what depends on several options is put together at the end, so that their order does not
//! matter.

use std::net::IpAddr;
use std::num::{NonZeroU8, NonZeroU16, NonZeroU32};

use super::address::Endpoint;
use super::command::{Command, ConnectionListing, Listing, SaveOptions, ServiceListing, View};
use super::error::{Problem, UsageError};
use super::options::{OPTIONS, OptionId, Repeat};
use super::resolve::Resolve;
use super::scanner::{Event, SyntaxError};
use super::value::{self, Range, TunnelType, integer};
use crate::{
    AddressFamily, Change, DaemonConfig, DaemonRole, DestinationConfig, DestinationKey, Forwarding,
    Name, Persistence, Protocol, ServiceConfig, ServiceKey, Timeouts, Tunnel, TunnelChecksum,
};

/// Where a sync daemon multicasts unless it is told.
const DEFAULT_INTERFACE: Name = Name::literal("eth0");

/// Puts a command together from what the words say. Where there is no word at all, there is
/// nothing to put together: a command line then means [`Command::default`], a rule line nothing.
///
/// `names` is asked for the names among the values, and for nothing else.
///
/// # Errors
///
/// Of several mistakes, the first in the order of words is reported; what is missing, does not
/// belong to the command or does not go together comes after them all.
pub fn interpret<'a, R: Resolve + ?Sized>(
    events: impl IntoIterator<Item = Result<Event<'a>, SyntaxError<'a>>>,
    names: &mut R,
) -> Result<Command, UsageError> {
    let mut said = Said::default();
    for event in events {
        match event {
            Ok(Event::Word(word)) => said.word(word),
            Ok(Event::Option { option, value }) => match said.command {
                Some(command) => said.option(command, option, value, names)?,
                None => match option {
                    // Whoever asks for help gets it, whatever else the words say.
                    OptionId::Help => return Ok(Command::Help),
                    OptionId::Version => return Ok(Command::Version),
                    _ => said.command(option, value)?,
                },
            },
            // An option that does not exist is no command either.
            Err(_) if said.command.is_none() => return Err(UsageError::NoCommand),
            Err(error) => return Err(error.into()),
        }
    }
    match said.command {
        Some(command) => said.finish(command, names),
        None => Err(UsageError::NoCommand),
    }
}

/// A set of options.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Options(u128);

impl Options {
    const fn bit(option: OptionId) -> u128 {
        1 << option as u32
    }

    const fn has(self, option: OptionId) -> bool {
        self.0 & Self::bit(option) != 0
    }

    const fn first(self) -> Option<OptionId> {
        match OPTIONS.len() > self.0.trailing_zeros() as usize {
            true => Some(OPTIONS[self.0.trailing_zeros() as usize].id),
            false => None,
        }
    }
}

/// What each command does not take, by the command's place in the table.
static REFUSED: [Options; 32] = {
    assert!(OPTIONS.len() <= 128);
    let mut refused = [Options(0); 32];
    let mut i = 0;
    while i < OPTIONS.len() {
        if !OPTIONS[i].id.is_command() {
            let mut command = 0;
            while command < OPTIONS.len() && OPTIONS[command].id.is_command() {
                if !OPTIONS[i].commands.contains(OPTIONS[command].id) {
                    refused[command].0 |= Options::bit(OPTIONS[i].id);
                }
                command += 1;
            }
        }
        i += 1;
    }
    refused
};

/// A real server as far as it is known yet.
#[derive(Debug, Clone, Copy)]
enum RealServer<'a> {
    /// Names in it wait until the service is known.
    Written(&'a [u8], Endpoint<'a>),
    Known(IpAddr, Option<u16>),
}

/// What the words said, as far as they were read.
#[derive(Debug, Default)]
struct Said<'a> {
    command: Option<OptionId>,
    given: Options,
    /// The option that chose the service, and the service; a firewall mark as IPv4 until the end.
    service: Option<(OptionId, ServiceKey)>,
    real_server: Option<RealServer<'a>>,
    forwarding: Option<OptionId>,
    scheduler: Option<Name>,
    flags: Option<&'a [u8]>,
    persistence: Option<u32>,
    netmask: Option<&'a [u8]>,
    engine: Option<Name>,
    weight: Option<u32>,
    upper: u32,
    lower: u32,
    tunnel: Option<TunnelType>,
    tunnel_port: Option<NonZeroU16>,
    role: Option<DaemonRole>,
    /// The interface; none within for an empty name.
    interface: Option<Option<Name>>,
    sync_id: u8,
    sync_length: Option<NonZeroU16>,
    group: Option<IpAddr>,
    multicast_port: Option<NonZeroU16>,
    ttl: Option<NonZeroU8>,
    /// The words that belong to no option: as many as a command may want, and how many there were.
    words: [&'a [u8]; 4],
    word_count: usize,
}

impl<'a> Said<'a> {
    fn word(&mut self, word: &'a [u8]) {
        if let Some(place) = self.words.get_mut(self.word_count) {
            *place = word;
        }
        self.word_count += 1;
    }

    fn command(&mut self, option: OptionId, value: Option<&'a [u8]>) -> Result<(), UsageError> {
        if !option.is_command() {
            return Err(UsageError::NoCommand);
        }
        if let Some(value) = value {
            self.role = Some(read(option, value, value::daemon_role)?);
        }
        self.command = Some(option);
        Ok(())
    }

    fn option<R: Resolve + ?Sized>(
        &mut self,
        command: OptionId,
        option: OptionId,
        value: Option<&'a [u8]>,
        names: &mut R,
    ) -> Result<(), UsageError> {
        self.allow(command, option)?;
        let (value, bare) = (value.unwrap_or_default(), value.is_none());
        let number = |range| number(option, value, range);
        match option {
            OptionId::TcpService => self.service(option, value, Protocol::Tcp, names)?,
            OptionId::UdpService => self.service(option, value, Protocol::Udp, names)?,
            OptionId::SctpService => self.service(option, value, Protocol::Sctp, names)?,
            OptionId::FwmarkService => {
                let mark = number(value::FIREWALL_MARK)?;
                let mark = NonZeroU32::new(mark).unwrap_or(NonZeroU32::MIN);
                self.service = Some((option, ServiceKey::firewall_mark(mark, AddressFamily::V4)));
            }
            OptionId::Ipv6 => {
                if let Some((first, ServiceKey::Address { .. })) = self.service {
                    return Err(UsageError::Conflict { first, second: option });
                }
            }
            OptionId::RealServer => {
                let endpoint = read(option, value, Endpoint::parse)?;
                self.real_server = Some(match self.service {
                    Some((_, key @ ServiceKey::Address { .. })) => {
                        real_server(value, endpoint, key, names)?
                    }
                    _ => RealServer::Written(value, endpoint),
                });
            }
            OptionId::Scheduler => self.scheduler = value::name(value),
            OptionId::SchedFlags => self.flags = Some(value),
            OptionId::Persistent => {
                self.persistence = Some(match bare {
                    true => Persistence::DEFAULT_TIMEOUT,
                    false => number(value::PERSISTENCE)?,
                });
            }
            OptionId::Netmask => {
                let known = self.service.filter(|(of, _)| *of != OptionId::FwmarkService);
                let fits = |family| value::netmask(value, family);
                let result = match known {
                    Some((_, key)) => fits(key.family()),
                    None => fits(AddressFamily::V4).or_else(|_| fits(AddressFamily::V6)),
                };
                read(option, value, |_| result)?;
                self.netmask = Some(value);
            }
            OptionId::Pe => self.engine = value::name(value),
            OptionId::Weight => self.weight = Some(number(value::COUNT)?),
            OptionId::UThreshold => self.upper = number(value::COUNT)?,
            OptionId::LThreshold => self.lower = number(value::COUNT)?,
            OptionId::TunType => self.tunnel = Some(read(option, value, TunnelType::parse)?),
            OptionId::TunPort => {
                self.tunnel_port = NonZeroU16::new(number(value::TUNNEL_PORT)? as u16);
            }
            OptionId::McastInterface => self.interface = Some(value::name(value)),
            OptionId::Syncid => self.sync_id = number(value::SYNC_ID)? as u8,
            OptionId::SyncMaxlen => {
                self.sync_length = NonZeroU16::new(number(value::SYNC_LENGTH)? as u16);
            }
            OptionId::McastGroup => self.group = Some(read(option, value, value::multicast_group)?),
            OptionId::McastPort => {
                self.multicast_port = NonZeroU16::new(number(value::MULTICAST_PORT)? as u16);
            }
            OptionId::McastTtl => self.ttl = NonZeroU8::new(number(value::TTL)? as u8),
            // All else says all by being there.
            _ => {}
        }
        Ok(())
    }

    /// Notes that an option was given, unless what came before it excludes it.
    fn allow(&mut self, command: OptionId, option: OptionId) -> Result<(), UsageError> {
        let before = match option.spec().repeat {
            _ if option.is_command() => {
                return Err(UsageError::SecondCommand { first: command, second: option });
            }
            Repeat::Freely => None,
            Repeat::OneService => self.service.map(|(first, _)| first),
            Repeat::OneForwarding => self.forwarding.replace(option),
            Repeat::Never => self.given.has(option).then_some(option),
        };
        if let Some(first) = before {
            return Err(UsageError::Repeated { first, second: option });
        }
        self.given.0 |= Options::bit(option);
        Ok(())
    }

    fn service<R: Resolve + ?Sized>(
        &mut self,
        option: OptionId,
        text: &'a [u8],
        protocol: Protocol,
        names: &mut R,
    ) -> Result<(), UsageError> {
        let (address, port) = read(option, text, |text| {
            Endpoint::parse(text)?.resolve(names, protocol, AddressFamily::V4)
        })?;
        let key = ServiceKey::Address { protocol, address, port: port.unwrap_or(0) };
        self.service = Some((option, key));
        Ok(())
    }

    /// What depends on more than one option.
    fn finish<R: Resolve + ?Sized>(
        &mut self,
        command: OptionId,
        names: &mut R,
    ) -> Result<Command, UsageError> {
        if command == OptionId::Set {
            return self.timeouts();
        }
        self.no_more_words(0)?;
        self.check_belongs(command)?;
        self.apply_ipv6()?;
        let change = match command {
            OptionId::AddService => {
                let (key, config) = self.service_setup(command)?;
                Change::AddService(key, config)
            }
            OptionId::EditService => {
                let (key, config) = self.service_setup(command)?;
                Change::EditService(key, config)
            }
            OptionId::DeleteService => Change::DeleteService(self.needed_service(command)?.1),
            OptionId::Clear => Change::Flush,
            OptionId::AddServer => {
                let (service, key, config) = self.server_setup(command, names)?;
                Change::AddDestination(service, key, config)
            }
            OptionId::EditServer => {
                let (service, key, config) = self.server_setup(command, names)?;
                Change::EditDestination(service, key, config)
            }
            OptionId::DeleteServer => {
                let (_, service) = self.needed_service(command)?;
                let (address, port) = self.needed_server(command, service, names)?;
                let port = port.unwrap_or(service.port());
                Change::DeleteDestination(service, DestinationKey { address, port })
            }
            OptionId::Zero => match self.service {
                Some((_, key)) => Change::ZeroService(key),
                None => Change::ZeroAll,
            },
            OptionId::StartDaemon => Change::StartDaemon(self.role(command)?, self.daemon()?),
            OptionId::StopDaemon => Change::StopDaemon(self.role(command)?),
            OptionId::Restore => return Ok(Command::Restore),
            OptionId::Save => {
                let numeric = self.given.has(OptionId::Numeric);
                return Ok(Command::Save(SaveOptions { numeric }));
            }
            OptionId::List => return self.listing().map(Command::List),
            _ => return Err(UsageError::NoCommand),
        };
        Ok(Command::Change(change))
    }

    fn no_more_words(&self, wanted: usize) -> Result<(), UsageError> {
        match self.words.get(wanted) {
            Some(word) if self.word_count > wanted => {
                Err(UsageError::UnexpectedWord(String::from_utf8_lossy(word).into_owned()))
            }
            _ => Ok(()),
        }
    }

    fn check_belongs(&self, command: OptionId) -> Result<(), UsageError> {
        match Options(self.given.0 & REFUSED[command as usize].0).first() {
            Some(option) => Err(UsageError::NotForCommand { option, command }),
            None => Ok(()),
        }
    }

    fn apply_ipv6(&mut self) -> Result<(), UsageError> {
        if !self.given.has(OptionId::Ipv6) {
            return Ok(());
        }
        match &mut self.service {
            Some((_, ServiceKey::FirewallMark { family, .. })) => {
                *family = AddressFamily::V6;
                Ok(())
            }
            Some((first, _)) => Err(UsageError::Conflict { first: *first, second: OptionId::Ipv6 }),
            None => Err(UsageError::GoesOnlyWith {
                option: OptionId::Ipv6,
                needs: OptionId::FwmarkService,
            }),
        }
    }

    fn timeouts(&self) -> Result<Command, UsageError> {
        let [tcp, tcp_fin, udp, _] = self.words;
        if self.word_count < 3 {
            return Err(UsageError::MissingTimeouts);
        }
        let second = |text| number(OptionId::Set, text, value::TIMEOUT);
        let timeouts = Timeouts { tcp: second(tcp)?, tcp_fin: second(tcp_fin)?, udp: second(udp)? };
        self.no_more_words(3)?;
        self.check_belongs(OptionId::Set)?;
        Ok(Command::Change(Change::SetTimeouts(timeouts)))
    }

    fn needed_service(&self, command: OptionId) -> Result<(OptionId, ServiceKey), UsageError> {
        self.service.ok_or(UsageError::MissingService(command))
    }

    fn service_setup(&self, command: OptionId) -> Result<(ServiceKey, ServiceConfig), UsageError> {
        let (option, key) = self.needed_service(command)?;
        if let ServiceKey::Address { protocol, port, .. } = key {
            if port == 0 && !self.given.has(OptionId::Persistent) {
                return Err(UsageError::ZeroPort(option));
            }
            if self.given.has(OptionId::Ops) && protocol != Protocol::Udp {
                return Err(UsageError::OnePacket);
            }
        }
        let mut config = ServiceConfig {
            persistence_engine: self.engine,
            one_packet: self.given.has(OptionId::Ops),
            ..ServiceConfig::default()
        };
        if let Some(scheduler) = self.scheduler {
            config.scheduler = scheduler;
        }
        if let Some(flags) = self.flags {
            config.scheduler_flags = read(OptionId::SchedFlags, flags, |flags| {
                value::scheduler_flags(flags, config.scheduler)
            })?;
        }
        let netmask = match self.netmask {
            Some(mask) => {
                Some(read(OptionId::Netmask, mask, |mask| value::netmask(mask, key.family()))?)
            }
            None => None,
        };
        // A mask without persistence has nothing to mask.
        config.persistence = self.persistence.map(|timeout| {
            let unmasked = Persistence::new(key.family(), timeout);
            Persistence { netmask: netmask.unwrap_or(unmasked.netmask), ..unmasked }
        });
        Ok((key, config))
    }

    fn needed_server<R: Resolve + ?Sized>(
        &self,
        command: OptionId,
        service: ServiceKey,
        names: &mut R,
    ) -> Result<(IpAddr, Option<u16>), UsageError> {
        let written = self.real_server.ok_or(UsageError::MissingServer(command))?;
        let known = match written {
            RealServer::Written(text, endpoint) => real_server(text, endpoint, service, names)?,
            known => known,
        };
        match known {
            RealServer::Known(address, port) => Ok((address, port)),
            RealServer::Written(..) => Err(UsageError::MissingServer(command)),
        }
    }

    fn server_setup<R: Resolve + ?Sized>(
        &self,
        command: OptionId,
        names: &mut R,
    ) -> Result<(ServiceKey, DestinationKey, DestinationConfig), UsageError> {
        let (_, service) = self.needed_service(command)?;
        let (address, port) = self.needed_server(command, service, names)?;
        let forwarding = self.forwarding()?;
        if AddressFamily::of(address) != service.family()
            && !matches!(forwarding, Forwarding::Tunnel(_))
        {
            return Err(UsageError::FamilyMismatch(service.family()));
        }
        let port = match (service, forwarding, port) {
            // Only masquerading changes the port of a packet.
            (ServiceKey::Address { port, .. }, Forwarding::Masquerade, None) => port,
            (_, Forwarding::Masquerade, Some(port)) => port,
            (ServiceKey::Address { port, .. }, ..) => port,
            (ServiceKey::FirewallMark { .. }, _, port) => port.unwrap_or(0),
        };
        let mut config = DestinationConfig {
            forwarding,
            upper_threshold: self.upper,
            lower_threshold: self.lower,
            ..DestinationConfig::default()
        };
        if let Some(weight) = self.weight {
            config.weight = weight;
        }
        Ok((service, DestinationKey { address, port }, config))
    }

    fn forwarding(&self) -> Result<Forwarding, UsageError> {
        use OptionId::{Ipip, Masquerading, TunCsum, TunNocsum, TunPort, TunRemcsum, TunType};
        // The common case has none of them.
        const TUNNEL: u128 = Options::bit(TunType)
            | Options::bit(TunPort)
            | Options::bit(TunNocsum)
            | Options::bit(TunCsum)
            | Options::bit(TunRemcsum);
        let tunnel_options = Options(self.given.0 & TUNNEL);
        if self.forwarding != Some(Ipip) {
            if let Some(option) = tunnel_options.first() {
                return Err(UsageError::GoesOnlyWith { option, needs: Ipip });
            }
            return Ok(match self.forwarding {
                Some(Masquerading) => Forwarding::Masquerade,
                _ => Forwarding::DirectRoute,
            });
        }
        let kind = self.tunnel.unwrap_or(TunnelType::Ipip);
        let refused: &[OptionId] = match kind {
            TunnelType::Ipip => &[TunPort, TunNocsum, TunCsum, TunRemcsum],
            TunnelType::Gue => &[],
            TunnelType::Gre => &[TunPort, TunRemcsum],
        };
        if let Some(option) = refused.iter().find(|option| tunnel_options.has(**option)) {
            return Err(UsageError::NotForTunnel { option: *option, tunnel: kind.name() });
        }
        let mut checksum = TunnelChecksum::None;
        let mut chosen = None;
        for (option, means) in [
            (TunNocsum, TunnelChecksum::None),
            (TunCsum, TunnelChecksum::Checksum),
            (TunRemcsum, TunnelChecksum::Remote),
        ] {
            if tunnel_options.has(option) {
                if let Some(first) = chosen.replace(option) {
                    return Err(UsageError::Conflict { first, second: option });
                }
                checksum = means;
            }
        }
        Ok(Forwarding::Tunnel(match kind {
            TunnelType::Ipip => Tunnel::Ipip,
            TunnelType::Gre => Tunnel::Gre { checksum },
            TunnelType::Gue => Tunnel::Gue {
                port: self.tunnel_port.ok_or(UsageError::MissingTunnelPort)?,
                checksum,
            },
        }))
    }

    fn role(&self, command: OptionId) -> Result<DaemonRole, UsageError> {
        self.role.ok_or(UsageError::MissingValue(command))
    }

    fn daemon(&self) -> Result<DaemonConfig, UsageError> {
        let interface = self.interface.unwrap_or(Some(DEFAULT_INTERFACE));
        Ok(DaemonConfig {
            interface: interface.ok_or(UsageError::NoInterface)?,
            sync_id: self.sync_id,
            max_length: self.sync_length,
            group: self.group,
            port: self.multicast_port,
            ttl: self.ttl,
        })
    }

    fn listing(&self) -> Result<Listing, UsageError> {
        use OptionId::{
            Connection, Daemon, Exact, Nosort, Numeric, PersistentConn, Rate, Stats, Thresholds,
            Timeout, TunInfo,
        };
        let given = |option: &OptionId| self.given.has(*option);
        let has = |option| given(&option);
        let mut subjects = [Connection, Timeout, Daemon].into_iter().filter(given);
        let service = self.service.map(|(option, _)| option);
        let mut subjects = service.into_iter().chain(&mut subjects);
        let subject = subjects.next();
        if let (Some(first), Some(second)) = (subject, subjects.next()) {
            return Err(UsageError::Conflict { first, second });
        }
        let views: &[OptionId] = match subject {
            Some(Connection) => &[Stats, Rate, Thresholds],
            Some(Timeout | Daemon) => &[Stats, Rate, Thresholds, PersistentConn],
            _ => &[],
        };
        if let (Some(first), Some(second)) = (subject, views.iter().copied().find(given)) {
            return Err(UsageError::Conflict { first, second });
        }
        Ok(match subject {
            Some(Connection) => Listing::Connections(ConnectionListing {
                numeric: has(Numeric),
                persistence_engine: has(PersistentConn),
            }),
            Some(Timeout) => Listing::Timeouts,
            Some(Daemon) => Listing::Daemons,
            _ => Listing::Services(ServiceListing {
                only: self.service.map(|(_, key)| key),
                view: [
                    (Stats, View::Stats),
                    (Rate, View::Rate),
                    (Thresholds, View::Thresholds),
                    (PersistentConn, View::PersistentConnections),
                    (TunInfo, View::TunnelInfo),
                ]
                .into_iter()
                .find(|(option, _)| has(*option))
                .map_or(View::Default, |(_, view)| view),
                numeric: has(Numeric),
                exact: has(Exact),
                sorted: !has(Nosort),
            }),
        })
    }
}

/// Looks up the names in a real server's address, for a service that is known.
fn real_server<'a, R: Resolve + ?Sized>(
    text: &'a [u8],
    endpoint: Endpoint<'a>,
    service: ServiceKey,
    names: &mut R,
) -> Result<RealServer<'a>, UsageError> {
    let protocol = match service {
        ServiceKey::Address { protocol, .. } => protocol,
        // A mark has no protocol; the reference looks ports up as TCP's.
        ServiceKey::FirewallMark { .. } => Protocol::Tcp,
    };
    let found =
        read(OptionId::RealServer, text, |_| endpoint.resolve(names, protocol, service.family()));
    found.map(|(address, port)| RealServer::Known(address, port))
}

/// The value of an option, or what is wrong with it.
#[inline]
fn read<'a, T>(
    option: OptionId,
    value: &'a [u8],
    parse: impl FnOnce(&'a [u8]) -> Result<T, Problem>,
) -> Result<T, UsageError> {
    parse(value).map_err(|problem| UsageError::Value {
        option,
        value: String::from_utf8_lossy(value).into_owned(),
        problem,
    })
}

fn number(option: OptionId, value: &[u8], range: Range) -> Result<u32, UsageError> {
    read(option, value, |value| integer(value, range))
}

#[cfg(test)]
#[path = "interpret_tests.rs"]
mod tests;
