//! Putting a virtual service together.

use super::draft::Draft;
use crate::rules::address::with_brackets;
use crate::rules::amend::{Amendment, ServiceAmendment};
use crate::rules::error::UsageError;
use crate::rules::options::OptionId;
use crate::rules::value::{self, read};
use crate::{ConfigError, ServiceConfig, ServiceKey};

impl Draft<'_> {
    /// The service, and the option that chose it.
    pub(super) fn needed_service(
        &self,
        command: OptionId,
    ) -> Result<(OptionId, ServiceKey), UsageError> {
        self.service.ok_or(UsageError::MissingService(command))
    }

    /// The service with its whole configuration: everything not named has its default.
    pub(super) fn service_setup(
        &self,
        command: OptionId,
    ) -> Result<(ServiceKey, ServiceConfig), UsageError> {
        let (option, key) = self.needed_service(command)?;
        let mut settings = self.service_settings(key)?;
        // Without persistence there is nothing to mask.
        settings.netmask = settings.netmask.filter(|_| settings.timeout_seconds.is_some());
        match settings.amend(&key, &ServiceConfig::default()) {
            Ok(config) => Ok((key, config)),
            Err(UsageError::Config { reason: reason @ ConfigError::AllPorts, .. }) => {
                let meant = match key {
                    ServiceKey::Address { address, .. } => with_brackets(address),
                    ServiceKey::FirewallMark { .. } => None,
                };
                Err(UsageError::Config { option, reason, meant })
            }
            Err(error) => Err(error),
        }
    }

    /// An edit of what is named only.
    pub(super) fn amend_service(&self, command: OptionId) -> Result<Amendment, UsageError> {
        let (_, key) = self.needed_service(command)?;
        Ok(Amendment::Service(key, self.service_settings(key)?))
    }

    fn service_settings(&self, key: ServiceKey) -> Result<ServiceAmendment, UsageError> {
        let netmask = self
            .netmask
            .map(|mask| read(OptionId::Netmask, mask, |mask| value::netmask(mask, key.family())));
        Ok(ServiceAmendment {
            scheduler: self.scheduler,
            flags: self.flags.map(<[u8]>::to_vec),
            timeout_seconds: self.persistence,
            netmask: netmask.transpose()?,
            engine: self.given.has(OptionId::Pe).then_some(self.engine),
            one_packet: self.given.has(OptionId::Ops),
        })
    }
}
