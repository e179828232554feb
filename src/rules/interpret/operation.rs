//! Putting the commands together that operate a balancer.

use super::draft::Draft;
use crate::rules::command::Execution;
use crate::rules::error::UsageError;
use crate::rules::operation::{DrainOptions, KickOptions, Target, Then, UndrainOptions};
use crate::rules::options::OptionId;
use crate::rules::resolve::Resolve;
use crate::{DestinationKey, ServiceKey};

impl Draft<'_> {
    pub(super) fn drain<R: Resolve + ?Sized>(
        &mut self,
        execution: Execution,
        names: &mut R,
    ) -> Result<DrainOptions, UsageError> {
        let json = self.operation(OptionId::Drain)?;
        Ok(DrainOptions {
            target: self.target(OptionId::Drain, names)?,
            until: self.until,
            timeout_seconds: self.timeout_seconds()?,
            then: self.then.unwrap_or_default(),
            force: self.given.has(OptionId::Force),
            json,
            execution,
        })
    }

    pub(super) fn undrain<R: Resolve + ?Sized>(
        &mut self,
        execution: Execution,
        names: &mut R,
    ) -> Result<UndrainOptions, UsageError> {
        let json = self.operation(OptionId::Undrain)?;
        let target = self.target(OptionId::Undrain, names)?;
        Ok(UndrainOptions { target, force: self.given.has(OptionId::Force), json, execution })
    }

    pub(super) fn kick<R: Resolve + ?Sized>(
        &mut self,
        execution: Execution,
        names: &mut R,
    ) -> Result<KickOptions, UsageError> {
        let json = self.operation(OptionId::Kick)?;
        let (service, server) = self.server_key(OptionId::Kick, names)?;
        let remove = match self.then.unwrap_or_default() {
            Then::Keep => false,
            Then::Remove => true,
            Then::Kick => return Err(UsageError::KickThenKick),
        };
        Ok(KickOptions {
            service,
            server,
            remove,
            timeout_seconds: self.timeout_seconds()?,
            force: self.given.has(OptionId::Force),
            json,
            execution,
        })
    }

    /// Checks what they have in common. Returns true for JSON.
    fn operation(&mut self, command: OptionId) -> Result<bool, UsageError> {
        self.no_more_words(0)?;
        self.check_belongs(command)?;
        self.apply_ipv6()?;
        let json = self.given.has(OptionId::Json);
        if json && self.given.has(OptionId::DryRun) {
            return Err(UsageError::Conflict { first: OptionId::Json, second: OptionId::DryRun });
        }
        Ok(json)
    }

    fn target<R: Resolve + ?Sized>(
        &self,
        command: OptionId,
        names: &mut R,
    ) -> Result<Target, UsageError> {
        if self.service.is_none() {
            let server = self.listed_server(names)?.ok_or(UsageError::MissingServer(command))?;
            return Ok(Target::Everywhere(server));
        }
        let (service, server) = self.server_key(command, names)?;
        Ok(Target::In(service, server))
    }

    fn server_key<R: Resolve + ?Sized>(
        &self,
        command: OptionId,
        names: &mut R,
    ) -> Result<(ServiceKey, DestinationKey), UsageError> {
        let (service, address, port) = self.needed_server(command, names)?;
        Ok((service, DestinationKey { address, port: port.unwrap_or(service.port()) }))
    }

    fn timeout_seconds(&self) -> Result<Option<u32>, UsageError> {
        if self.given.has(OptionId::Timeout) && self.timeout.is_none() {
            return Err(UsageError::MissingValue(OptionId::Timeout));
        }
        Ok(self.timeout)
    }
}
