//! Putting a real server together.

use std::net::IpAddr;

use super::draft::{Draft, RealServer, real_server};
use super::option_set::OptionSet;
use crate::rules::amend::{Amendment, DestinationAmendment};
use crate::rules::error::UsageError;
use crate::rules::format::Format;
use crate::rules::options::OptionId;
use crate::rules::ramp::{RampOptions, are_steps_few};
use crate::rules::resolve::Resolve;
use crate::rules::tunnel::CHECKSUM_OPTIONS;
use crate::{ConfigError, DestinationConfig, DestinationKey, Forwarding, ServiceKey};

impl Draft<'_> {
    /// The service, and the server's address and port as named.
    pub(super) fn needed_server<R: Resolve + ?Sized>(
        &self,
        command: OptionId,
        names: &mut R,
    ) -> Result<(ServiceKey, IpAddr, Option<u16>), UsageError> {
        let (_, service) = self.needed_service(command)?;
        let written = self.real_server.ok_or(UsageError::MissingServer(command))?;
        let known = match written {
            RealServer::Written(text, endpoint) => real_server(text, endpoint, service, names)?,
            known => known,
        };
        match known {
            RealServer::Known(address, port) => Ok((service, address, port)),
            RealServer::Written(..) => Err(UsageError::MissingServer(command)),
        }
    }

    /// The server with its whole configuration: everything not named has its default.
    pub(super) fn server_setup<R: Resolve + ?Sized>(
        &self,
        command: OptionId,
        names: &mut R,
    ) -> Result<(ServiceKey, DestinationKey, DestinationConfig), UsageError> {
        let (service, address, port) = self.needed_server(command, names)?;
        let settings = self.server_settings()?;
        let has_own_port = match service {
            // Only masquerading changes the port of a packet.
            ServiceKey::Address { .. } => settings.forwarding == Some(Forwarding::Masquerade),
            ServiceKey::FirewallMark { .. } => true,
        };
        let port = port.filter(|_| has_own_port).unwrap_or(service.port());
        let key = DestinationKey { address, port };
        let config = settings.amend(&service, &key, &DestinationConfig::default())?;
        Ok((service, key, config))
    }

    /// An edit of what is named only.
    pub(super) fn amend_server<R: Resolve + ?Sized>(
        &self,
        command: OptionId,
        names: &mut R,
    ) -> Result<Amendment, UsageError> {
        let (service, address, port) = self.needed_server(command, names)?;
        // The port is part of the server's key, whatever its forwarding method makes of it.
        let key = DestinationKey { address, port: port.unwrap_or(service.port()) };
        Ok(Amendment::Destination(service, key, self.server_settings()?))
    }

    /// `--ramp`. Its settings are an amendment of the server, or of the default for a new one.
    pub(super) fn ramp<R: Resolve + ?Sized>(
        &self,
        command: OptionId,
        names: &mut R,
    ) -> Result<RampOptions, UsageError> {
        let missing = |option| UsageError::MissingOption { command, option };
        let (service, address, port) = self.needed_server(command, names)?;
        let settings = DestinationAmendment { weight: None, ..self.server_settings()? };
        let weight = self.weight.ok_or(missing(OptionId::Weight))?;
        let over = self.over.ok_or(missing(OptionId::Over))?;
        if self.steps.is_some_and(|steps| !are_steps_few(steps.get(), over)) {
            return Err(UsageError::TooManySteps);
        }
        let json = self.format(Some(command))? == Format::Json;
        let dry_run = self.given.has(OptionId::DryRun);
        if json && dry_run {
            // A dry run prints rules.
            return Err(UsageError::Conflict { first: OptionId::DryRun, second: OptionId::Json });
        }
        Ok(RampOptions {
            service,
            server: DestinationKey { address, port: port.unwrap_or(service.port()) },
            settings,
            weight,
            over,
            steps: self.steps,
            dry_run,
            json,
        })
    }

    fn server_settings(&self) -> Result<DestinationAmendment, UsageError> {
        // Read even if no method is named: options of a tunnel need one.
        let forwarding = self.forwarding()?;
        Ok(DestinationAmendment {
            forwarding: self.forwarding.map(|_| forwarding),
            weight: self.weight,
            upper_threshold: self.upper,
            lower_threshold: self.lower,
        })
    }

    fn forwarding(&self) -> Result<Forwarding, UsageError> {
        use OptionId::{Ipip, Masquerading, TunCsum, TunNocsum, TunPort, TunRemcsum, TunType};
        const TUNNEL: OptionSet =
            OptionSet::of(&[TunType, TunPort, TunNocsum, TunCsum, TunRemcsum]);
        if self.forwarding != Some(Ipip) {
            if let Some(option) = self.given.first_in(TUNNEL) {
                return Err(UsageError::Requires { option, needs: Ipip });
            }
            return Ok(match self.forwarding {
                Some(Masquerading) => Forwarding::Masquerade,
                _ => Forwarding::DirectRoute,
            });
        }
        let mut checksum = None;
        for (means, option) in CHECKSUM_OPTIONS {
            if self.given.has(option)
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
}
