//! The second half: what the words said, put together. Here options meet each other.

use std::ffi::OsStr;
use std::net::IpAddr;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use super::{Options, REFUSED, RealServer, Said, number, read, real_server};
use crate::rules::UsageError;
use crate::rules::command::{
    ApplyOptions, Command, ConnectionListing, Format, Invocation, Listing, SaveOptions,
    ServiceListing, View,
};
use crate::rules::options::OptionId;
use crate::rules::resolve::Resolve;
use crate::rules::value::{self, TunnelType};
use crate::{
    AddressFamily, Change, DaemonConfig, DaemonRole, DestinationConfig, DestinationKey, Forwarding,
    Name, Persistence, Protocol, ServiceConfig, ServiceKey, Timeouts, Tunnel, TunnelChecksum,
};

/// Where a sync daemon multicasts unless it is told.
const DEFAULT_INTERFACE: Name = Name::from_static("eth0");

impl Said<'_> {
    /// What depends on more than one option.
    pub(super) fn finish<R: Resolve + ?Sized>(
        &mut self,
        command: OptionId,
        names: &mut R,
    ) -> Result<Invocation, UsageError> {
        // A lone dash is a word; here it means standard input, as does no file.
        if command == OptionId::Apply
            && self.file.is_none()
            && self.word_count == 1
            && self.words[0] == b"-"
        {
            self.word_count = 0;
        }
        Ok(Invocation {
            command: self.command_of(command, names)?,
            namespace: self.namespace.map(str::to_owned),
            dry_run: self.given.has(OptionId::DryRun),
            wait: self.wait,
            file: self.file.map(|file| PathBuf::from(OsStr::from_bytes(file))),
        })
    }

    fn command_of<R: Resolve + ?Sized>(
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
            OptionId::Apply => {
                let keep_weights = self.given.has(OptionId::KeepWeights);
                return Ok(Command::Apply(ApplyOptions { keep_weights, allow_empty: false }));
            }
            OptionId::Save => {
                return Ok(Command::Save(SaveOptions {
                    numeric: self.given.has(OptionId::Numeric),
                    all: self.given.has(OptionId::All),
                    json: self.given.has(OptionId::Json),
                }));
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
        let timeouts = Timeouts {
            tcp_seconds: second(tcp)?,
            tcp_fin_seconds: second(tcp_fin)?,
            udp_seconds: second(udp)?,
        };
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
            max_length_bytes: self.sync_length,
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
        let format = self.format(subject)?;
        let json = format == Format::Json;
        Ok(match subject {
            Some(Connection) => Listing::Connections(ConnectionListing {
                numeric: has(Numeric),
                persistence_engine: has(PersistentConn),
                json,
            }),
            Some(Timeout) => Listing::Timeouts { json },
            Some(Daemon) => Listing::Daemons { json },
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
                format,
            }),
        })
    }

    /// The form of a listing. Connections, timeouts and daemons have the classic one and JSON.
    fn format(&self, subject: Option<OptionId>) -> Result<Format, UsageError> {
        use OptionId::{Connection, Daemon, Json, Timeout};
        let format = match (self.given.has(Json), self.given.has(OptionId::Format)) {
            (true, true) if self.format != Format::Json => {
                return Err(UsageError::Conflict { first: Json, second: OptionId::Format });
            }
            (true, _) => Format::Json,
            (false, _) => self.format,
        };
        match (subject, format) {
            (Some(first @ (Connection | Timeout | Daemon)), Format::Table | Format::Prometheus) => {
                Err(UsageError::Conflict { first, second: OptionId::Format })
            }
            _ => Ok(format),
        }
    }
}
