//! Putting a command together from its options, and checking which of them go together.

use std::path::PathBuf;

use super::draft::{Draft, path};
use super::option_set::{OptionSet, REFUSED};
use crate::rules::amend::Amendment;
use crate::rules::command::{
    ApplyOptions, Command, DiffOptions, Execution, Invocation, Listing, MonitorOptions,
    RuleCommand, SaveOptions,
};
use crate::rules::error::UsageError;
use crate::rules::format::Format;
use crate::rules::number;
use crate::rules::options::OptionId;
use crate::rules::resolve::Resolve;
use crate::rules::value::{self, read, read_number};
use crate::{
    AddressFamily, Change, DaemonConfig, DaemonRole, DestinationKey, Name, ServiceKey, Setting,
    SettingValue, Timeouts,
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
            OptionId::Drain => Command::Drain(self.drain(execution, names)?),
            OptionId::Undrain => Command::Undrain(self.undrain(execution, names)?),
            OptionId::Kick => Command::Kick(self.kick(execution, names)?),
            OptionId::Ramp => {
                self.check_belongs(command)?;
                self.no_more_words(0)?;
                self.apply_ipv6()?;
                Command::Ramp(self.ramp(command, names)?)
            }
            OptionId::Monitor => {
                self.check_belongs(command)?;
                self.no_more_words(0)?;
                Command::Monitor(self.monitor(command)?)
            }
            OptionId::Diff => {
                self.check_belongs(command)?;
                let json = self.format(Some(command))? == Format::Json;
                Command::Diff(DiffOptions { file: self.file()?, json })
            }
            OptionId::Doctor => {
                self.check_belongs(command)?;
                self.no_more_words(0)?;
                self.apply_ipv6()?;
                Command::Doctor(self.doctor(command)?)
            }
            OptionId::Top => {
                self.check_belongs(command)?;
                Command::Top(self.top(command)?)
            }
            OptionId::Settings => match self.settings()? {
                settings if settings.is_empty() => Command::List(self.listed_settings()?),
                settings => Command::Settings(settings, execution),
            },
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

    /// The file of `--apply` or `--diff`: its value, or else the first word that belongs to no option. A lone
    /// dash means standard input, as does no file.
    fn file(&self) -> Result<Option<PathBuf>, UsageError> {
        let (file, words) = match self.file {
            Some(file) => (Some(file), 0),
            None => (self.words.first().copied().filter(|_| self.word_count > 0), 1),
        };
        self.no_more_words(words)?;
        let file = file.filter(|file| *file != b"-");
        Ok(file.map(path))
    }

    /// Refuses options that say how to carry out a command.
    pub(super) fn check_rule(&self) -> Result<(), UsageError> {
        const PROGRAM: OptionSet =
            OptionSet::of(&[OptionId::DryRun, OptionId::Wait, OptionId::Netns, OptionId::NoLoad]);
        match self.given.first_in(PROGRAM) {
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
        match command {
            OptionId::Set => return self.timeouts(),
            OptionId::Settings => {
                return match self.settings()?.as_slice() {
                    [] => self.listed_settings().map(RuleCommand::List),
                    [(setting, value)] => {
                        Ok(RuleCommand::Change(Change::SetSetting(*setting, *value)))
                    }
                    _ => Err(UsageError::SeveralSettings),
                };
            }
            _ => {}
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
                let (service, address, port) = self.needed_server(command, names)?;
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

    pub(super) fn check_belongs(&self, command: OptionId) -> Result<(), UsageError> {
        match self.given.first_in(REFUSED[command as usize]) {
            Some(option) => Err(UsageError::NotForCommand { option, command }),
            None => Ok(()),
        }
    }

    pub(super) fn apply_ipv6(&mut self) -> Result<(), UsageError> {
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

    /// The settings to set: none where they are listed.
    fn settings(&self) -> Result<Vec<(Setting, SettingValue)>, UsageError> {
        self.check_belongs(OptionId::Settings)?;
        let words = self.words.iter().take(self.word_count).chain(&self.more_words);
        let mut settings: Vec<(Setting, SettingValue)> = Vec::new();
        for word in words {
            let (setting, value) = read(OptionId::Settings, word, value::setting)?;
            if settings.iter().any(|(earlier, _)| *earlier == setting) {
                return Err(UsageError::SettingTwice(setting));
            }
            settings.push((setting, value));
        }
        let mut listing = [OptionId::Json, OptionId::Format].into_iter();
        match listing.find(|option| self.given.has(*option)) {
            Some(option) if !settings.is_empty() => Err(UsageError::OnlyListsSettings(option)),
            _ => Ok(settings),
        }
    }

    fn listed_settings(&self) -> Result<Listing, UsageError> {
        if self.given.has(OptionId::DryRun) {
            return Err(UsageError::OnlySetsSettings(OptionId::DryRun));
        }
        let json = self.format(Some(OptionId::Settings))? == Format::Json;
        Ok(Listing::Settings { json })
    }

    fn monitor(&self, command: OptionId) -> Result<MonitorOptions, UsageError> {
        let default = MonitorOptions::default();
        Ok(MonitorOptions {
            interval: self.interval.unwrap_or(default.interval),
            length: self.length,
            counters: self.given.has(OptionId::Counters),
            json: self.format(Some(command))? == Format::Json,
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

    /// The format. Only listings of services have more than two.
    pub(super) fn format(&self, subject: Option<OptionId>) -> Result<Format, UsageError> {
        use OptionId::{
            Connection, Daemon, Diff, Doctor, Json, Monitor, Ramp, Save, Settings, Status, Timeout,
            Top,
        };
        let format = match (self.given.has(Json), self.given.has(OptionId::Format)) {
            (true, true) if self.format != Format::Json => {
                return Err(UsageError::Conflict { first: Json, second: OptionId::Format });
            }
            (true, _) => Format::Json,
            (false, _) => self.format,
        };
        match (subject, format) {
            (
                Some(
                    subject @ (Connection | Timeout | Daemon | Status | Save | Settings | Ramp
                    | Monitor | Diff | Doctor | Top),
                ),
                Format::Table | Format::Prometheus,
            ) => Err(UsageError::NoSuchFormat { subject, format }),
            _ => Ok(format),
        }
    }
}

fn amend(amendment: Amendment) -> RuleCommand {
    RuleCommand::Amend(Box::new(amendment))
}
