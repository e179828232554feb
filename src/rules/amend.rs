//! Settings of services and servers of which some are given, and what they make of a configuration:
//! of the default, for a whole edit, or of the present one, for `--keep`.

use super::error::UsageError;
use super::options::OptionId;
use super::value::{self, read};
use crate::{
    Change, ConfigError, DestinationConfig, DestinationKey, Forwarding, Name, Netmask, Persistence,
    ServiceConfig, ServiceKey, Table, Tunnel,
};

/// An edit that keeps every setting that is not given.
///
/// The kernel only has edits that set everything, so an amendment must be
/// [completed](Self::complete) from the present configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Amendment {
    /// `-E … --keep`
    Service(ServiceKey, ServiceAmendment),
    /// `-e … --keep`
    Destination(ServiceKey, DestinationKey, DestinationAmendment),
}

/// Settings of a virtual service. `None` keeps one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ServiceAmendment {
    pub(super) scheduler: Option<Name>,
    /// The flags as written: their names depend on the scheduler.
    pub(super) flags: Option<Vec<u8>>,
    pub(super) timeout_seconds: Option<u32>,
    pub(super) netmask: Option<Netmask>,
    /// `Some(None)` removes the persistence engine.
    pub(super) engine: Option<Option<Name>>,
    /// True to set it; it cannot be removed.
    pub(super) one_packet: bool,
}

/// Settings of a real server. `None` keeps one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct DestinationAmendment {
    pub(super) forwarding: Option<Forwarding>,
    pub(super) weight: Option<u32>,
    pub(super) upper_threshold: Option<u32>,
    pub(super) lower_threshold: Option<u32>,
}

impl Amendment {
    /// The edited service, or the service of the edited server.
    pub fn service(&self) -> &ServiceKey {
        match self {
            Amendment::Service(service, _) | Amendment::Destination(service, ..) => service,
        }
    }

    /// The whole edit, with the other settings from `table`. If the table has no such service or
    /// server, the kernel would refuse the edit for that reason.
    ///
    /// # Errors
    ///
    /// If the result makes no sense, such as a netmask for a service without persistence.
    pub fn complete(&self, table: &Table) -> Result<Change, UsageError> {
        let entry = table.service(self.service());
        match self {
            Amendment::Service(key, amendment) => {
                let config = match entry {
                    Some(entry) => amendment.amend(key, entry.config())?,
                    // Not checked: that the service is missing matters more.
                    None => ServiceConfig::default(),
                };
                Ok(Change::EditService(*key, config))
            }
            Amendment::Destination(service, key, amendment) => {
                let config = match entry.and_then(|entry| entry.destination(key)) {
                    Some(now) => amendment.amend(service, key, now)?,
                    None => DestinationConfig::default(),
                };
                Ok(Change::EditDestination(*service, *key, config))
            }
        }
    }
}

impl ServiceAmendment {
    pub(super) fn amend(
        &self,
        key: &ServiceKey,
        now: &ServiceConfig,
    ) -> Result<ServiceConfig, UsageError> {
        let mut config = *now;
        config.scheduler = self.scheduler.unwrap_or(now.scheduler);
        if let Some(flags) = &self.flags {
            config.scheduler_flags = read(OptionId::SchedFlags, flags, |flags| {
                value::scheduler_flags(flags, config.scheduler)
            })?;
        }
        if let Some(timeout) = self.timeout_seconds {
            let unmasked = Persistence::new(key.family(), timeout);
            let netmask = now.persistence.map_or(unmasked.netmask, |now| now.netmask);
            config.persistence = Some(Persistence { netmask, ..unmasked });
        }
        match (self.netmask, &mut config.persistence) {
            (Some(netmask), Some(persistence)) => persistence.netmask = netmask,
            (Some(_), None) => {
                let (option, needs) = (OptionId::Netmask, OptionId::Persistent);
                return Err(UsageError::Requires { option, needs });
            }
            (None, _) => {}
        }
        config.persistence_engine = self.engine.unwrap_or(now.persistence_engine);
        config.one_packet |= self.one_packet;
        config.check(key).map_err(|reason| {
            let option = match reason {
                ConfigError::OnePacket => OptionId::Ops,
                ConfigError::AllPorts => OptionId::Persistent,
                _ => OptionId::Netmask,
            };
            UsageError::Config { option, reason, meant: None }
        })?;
        Ok(config)
    }
}

impl DestinationAmendment {
    /// The weight, if it is given.
    pub fn weight(&self) -> Option<u32> {
        self.weight
    }

    pub(super) fn amend(
        &self,
        service: &ServiceKey,
        key: &DestinationKey,
        now: &DestinationConfig,
    ) -> Result<DestinationConfig, UsageError> {
        let config = DestinationConfig {
            forwarding: match (self.forwarding, now.forwarding) {
                // `-i` alone gives the method, not the type of tunnel.
                (Some(Forwarding::Tunnel(Tunnel::Ipip)), tunnel @ Forwarding::Tunnel(_)) => tunnel,
                (forwarding, now) => forwarding.unwrap_or(now),
            },
            weight: self.weight.unwrap_or(now.weight),
            upper_threshold: self.upper_threshold.unwrap_or(now.upper_threshold),
            lower_threshold: self.lower_threshold.unwrap_or(now.lower_threshold),
        };
        match config.check(service, key) {
            Err(reason @ ConfigError::DestinationFamily { .. }) => {
                Err(UsageError::Config { option: OptionId::RealServer, reason, meant: None })
            }
            // The kernel refuses everything else, and its refusal decides the exit status.
            _ => Ok(config),
        }
    }
}

#[cfg(test)]
mod tests;
