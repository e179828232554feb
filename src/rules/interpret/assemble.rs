//! Putting a command together from the options read. Here options meet each other.

use std::ffi::OsStr;
use std::net::IpAddr;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use super::{Draft, Options, REFUSED, RealServer, read, read_number, real_server};
use crate::rules::address::with_brackets;
use crate::rules::amend::{Amendment, DestinationAmendment, ServiceAmendment};
use crate::rules::command::{
    ApplyOptions, Command, Execution, Invocation, RuleCommand, SaveOptions,
};
use crate::rules::error::UsageError;
use crate::rules::format::Format;
use crate::rules::options::OptionId;
use crate::rules::resolve::Resolve;
use crate::rules::{number, value};
use crate::{
    AddressFamily, Change, ConfigError, DaemonConfig, DaemonRole, DestinationConfig,
    DestinationKey, Forwarding, Name, Persistence, ServiceConfig, ServiceKey, Timeouts,
    TunnelChecksum,
};

/// The interface of a sync daemon unless another is given.
const DEFAULT_INTERFACE: Name = Name::from_static("eth0");

impl Draft<'_> {
    /// The whole command line.
    pub(super) fn invocation<R: Resolve + ?Sized>(
        &mut self,
        command: OptionId,
        names: &mut R,
    ) -> Result<Invocation, UsageError> {
        let execution = Execution { dry_run: self.given.has(OptionId::DryRun), wait: self.wait };
        let command = match command {
            OptionId::Restore => {
                self.check_belongs(command)?;
                self.no_more_words(0)?;
                Command::Restore(execution)
            }
            OptionId::Apply => {
                self.check_belongs(command)?;
                Command::Apply(ApplyOptions {
                    file: self.file()?,
                    keep_weights: self.given.has(OptionId::KeepWeights),
                    allow_empty: self.given.has(OptionId::AllowEmpty),
                    execution,
                })
            }
            _ => match self.rule(command, names)? {
                RuleCommand::Change(change) => Command::Change(change, execution),
                RuleCommand::Amend(amendment) => Command::Amend(*amendment, execution),
                RuleCommand::List(listing) => Command::List(listing),
                RuleCommand::Save(options) => Command::Save(options),
                RuleCommand::Help => Command::Help,
                RuleCommand::Version => Command::Version,
            },
        };
        Ok(Invocation {
            command,
            namespace: self.namespace.map(str::to_owned),
            load_module: !self.given.has(OptionId::NoLoad),
            implies_direct_routing: self.command == Some(OptionId::EditServer)
                && self.forwarding.is_none()
                && !self.given.has(OptionId::Keep),
        })
    }

    /// The file of `--apply`: its value, or else the first word that belongs to no option. A lone
    /// dash means standard input, as does no file.
    fn file(&self) -> Result<Option<PathBuf>, UsageError> {
        let (file, words) = match self.file {
            Some(file) => (Some(file), 0),
            None => (self.words.first().copied().filter(|_| self.word_count > 0), 1),
        };
        self.no_more_words(words)?;
        let file = file.filter(|file| *file != b"-");
        Ok(file.map(|file| PathBuf::from(OsStr::from_bytes(file))))
    }

    /// Refuses the options that say how a command is carried out.
    pub(super) fn check_rule(&self) -> Result<(), UsageError> {
        const PROGRAM: u128 = Options::bit(OptionId::DryRun)
            | Options::bit(OptionId::Wait)
            | Options::bit(OptionId::Netns)
            | Options::bit(OptionId::NoLoad);
        match Options(self.given.0 & PROGRAM).first() {
            Some(option) => Err(UsageError::NotInRules(option)),
            None => Ok(()),
        }
    }

    /// A command that may stand in a rule.
    pub(super) fn rule<R: Resolve + ?Sized>(
        &mut self,
        command: OptionId,
        names: &mut R,
    ) -> Result<RuleCommand, UsageError> {
        if command == OptionId::Set {
            return self.timeouts();
        }
        // The address to list.
        self.no_more_words(usize::from(command == OptionId::List))?;
        self.check_belongs(command)?;
        self.apply_ipv6()?;
        let change = match command {
            OptionId::AddService => {
                let (key, config) = self.service_setup(command)?;
                Change::AddService(key, config)
            }
            OptionId::EditService if self.given.has(OptionId::Keep) => {
                return self.amend_service(command).map(amend);
            }
            OptionId::EditServer if self.given.has(OptionId::Keep) => {
                return self.amend_server(command, names).map(amend);
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
            OptionId::Save => return self.save().map(RuleCommand::Save),
            OptionId::List => return self.listing(names).map(RuleCommand::List),
            _ => return Err(UsageError::NoCommand),
        };
        Ok(RuleCommand::Change(change))
    }

    pub(super) fn no_more_words(&self, wanted: usize) -> Result<(), UsageError> {
        match self.words.get(wanted) {
            Some(word) if self.word_count > wanted => {
                let word = String::from_utf8_lossy(word).into_owned();
                let command = self.command.unwrap_or(OptionId::List);
                Err(UsageError::UnexpectedWord { word, command })
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
            None => {
                Err(UsageError::Requires { option: OptionId::Ipv6, needs: OptionId::FwmarkService })
            }
        }
    }

    fn timeouts(&self) -> Result<RuleCommand, UsageError> {
        let [tcp, tcp_fin, udp, _] = self.words;
        if self.word_count < 3 {
            return Err(UsageError::MissingTimeouts);
        }
        let second = |text| read_number(OptionId::Set, text, number::TIMEOUT);
        let timeouts = Timeouts {
            tcp_seconds: second(tcp)?,
            tcp_fin_seconds: second(tcp_fin)?,
            udp_seconds: second(udp)?,
        };
        self.no_more_words(3)?;
        self.check_belongs(OptionId::Set)?;
        Ok(RuleCommand::Change(Change::SetTimeouts(timeouts)))
    }

    fn needed_service(&self, command: OptionId) -> Result<(OptionId, ServiceKey), UsageError> {
        self.service.ok_or(UsageError::MissingService(command))
    }

    fn service_setup(&self, command: OptionId) -> Result<(ServiceKey, ServiceConfig), UsageError> {
        let (option, key) = self.needed_service(command)?;
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
        config.check(&key).map_err(|reason| {
            let (option, meant) = match (reason, key) {
                (ConfigError::AllPorts, ServiceKey::Address { address, .. }) => {
                    (option, with_brackets(address))
                }
                (ConfigError::OnePacket, _) => (OptionId::Ops, None),
                _ => (OptionId::Netmask, None),
            };
            UsageError::Config { option, reason, meant }
        })?;
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
        let port = match (service, forwarding, port) {
            // Only masquerading changes the port of a packet.
            (ServiceKey::Address { port, .. }, Forwarding::Masquerade, None) => port,
            (_, Forwarding::Masquerade, Some(port)) => port,
            (ServiceKey::Address { port, .. }, ..) => port,
            (ServiceKey::FirewallMark { .. }, _, port) => port.unwrap_or(0),
        };
        let unset = DestinationConfig::default();
        let config = DestinationConfig {
            forwarding,
            weight: self.weight.unwrap_or(unset.weight),
            upper_threshold: self.upper.unwrap_or(unset.upper_threshold),
            lower_threshold: self.lower.unwrap_or(unset.lower_threshold),
        };
        let key = DestinationKey { address, port };
        match config.check(&service, &key) {
            Err(reason @ ConfigError::DestinationFamily { .. }) => {
                Err(UsageError::Config { option: OptionId::RealServer, reason, meant: None })
            }
            // What is left the kernel refuses by itself, and its word decides the exit status.
            _ => Ok((service, key, config)),
        }
    }

    fn amend_service(&self, command: OptionId) -> Result<Amendment, UsageError> {
        let (_, key) = self.needed_service(command)?;
        let netmask = self
            .netmask
            .map(|mask| read(OptionId::Netmask, mask, |mask| value::netmask(mask, key.family())));
        let amendment = ServiceAmendment {
            scheduler: self.scheduler,
            flags: self.flags.map(<[u8]>::to_vec),
            timeout_seconds: self.persistence,
            netmask: netmask.transpose()?,
            engine: self.given.has(OptionId::Pe).then_some(self.engine),
            one_packet: self.given.has(OptionId::Ops),
        };
        Ok(Amendment::Service(key, amendment))
    }

    fn amend_server<R: Resolve + ?Sized>(
        &self,
        command: OptionId,
        names: &mut R,
    ) -> Result<Amendment, UsageError> {
        let (_, service) = self.needed_service(command)?;
        let (address, port) = self.needed_server(command, service, names)?;
        // Checked even where it is not named, for options that need a tunnel.
        let forwarding = self.forwarding()?;
        let amendment = DestinationAmendment {
            forwarding: self.forwarding.map(|_| forwarding),
            weight: self.weight,
            upper_threshold: self.upper,
            lower_threshold: self.lower,
        };
        // The port is part of what the server is called, whatever its method makes of it.
        let key = DestinationKey { address, port: port.unwrap_or(service.port()) };
        Ok(Amendment::Destination(service, key, amendment))
    }

    fn forwarding(&self) -> Result<Forwarding, UsageError> {
        use OptionId::{Ipip, Masquerading, TunCsum, TunNocsum, TunPort, TunRemcsum, TunType};
        const TUNNEL: u128 = Options::bit(TunType)
            | Options::bit(TunPort)
            | Options::bit(TunNocsum)
            | Options::bit(TunCsum)
            | Options::bit(TunRemcsum);
        let tunnel_options = Options(self.given.0 & TUNNEL);
        if self.forwarding != Some(Ipip) {
            if let Some(option) = tunnel_options.first() {
                return Err(UsageError::Requires { option, needs: Ipip });
            }
            return Ok(match self.forwarding {
                Some(Masquerading) => Forwarding::Masquerade,
                _ => Forwarding::DirectRoute,
            });
        }
        let mut checksum = None;
        for (option, means) in [
            (TunNocsum, TunnelChecksum::None),
            (TunCsum, TunnelChecksum::Checksum),
            (TunRemcsum, TunnelChecksum::Remote),
        ] {
            if tunnel_options.has(option)
                && let Some((first, _)) = checksum.replace((option, means))
            {
                return Err(UsageError::Conflict { first, second: option });
            }
        }
        let kind = self.tunnel.unwrap_or_default();
        kind.tunnel(self.tunnel_port, checksum.map(|(_, means)| means))
            .map(Forwarding::Tunnel)
            .map_err(|reason| {
                let option = match reason {
                    ConfigError::TunnelPort(_) => TunPort,
                    ConfigError::TunnelPortMissing => TunType,
                    _ => checksum.map_or(TunType, |(option, _)| option),
                };
                UsageError::Config { option, reason, meant: None }
            })
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

    fn save(&self) -> Result<SaveOptions, UsageError> {
        let format = self.format(Some(OptionId::Save))?;
        Ok(SaveOptions {
            numeric: self.given.has(OptionId::Numeric),
            all: self.given.has(OptionId::All),
            json: format == Format::Json,
        })
    }

    /// The format. Only services have the ones for people and Prometheus.
    pub(super) fn format(&self, subject: Option<OptionId>) -> Result<Format, UsageError> {
        use OptionId::{Connection, Daemon, Json, Save, Status, Timeout};
        let format = match (self.given.has(Json), self.given.has(OptionId::Format)) {
            (true, true) if self.format != Format::Json => {
                return Err(UsageError::Conflict { first: Json, second: OptionId::Format });
            }
            (true, _) => Format::Json,
            (false, _) => self.format,
        };
        match (subject, format) {
            (
                Some(subject @ (Connection | Timeout | Daemon | Status | Save)),
                Format::Table | Format::Prometheus,
            ) => Err(UsageError::NoSuchFormat { subject, format }),
            _ => Ok(format),
        }
    }
}

fn amend(amendment: Amendment) -> RuleCommand {
    RuleCommand::Amend(Box::new(amendment))
}
