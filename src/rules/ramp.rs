//! `--ramp`: changing the weight of a real server in steps.

use std::num::NonZeroU32;
use std::time::Duration;

use super::amend::DestinationAmendment;
use super::error::UsageError;
use crate::{DestinationConfig, DestinationKey, Forwarding, ServiceKey};

/// The most steps in a second: more would wake up the program for nothing.
const STEPS_A_SECOND: u32 = 10;

/// `--ramp`: the real server, the weight that it gets, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RampOptions {
    /// The service.
    pub service: ServiceKey,
    /// The real server, by the port that a listing shows.
    pub server: DestinationKey,
    /// Settings of the server other than its weight. `None` keeps one.
    pub(super) settings: DestinationAmendment,
    /// `-w`: the weight after the last step.
    pub weight: u32,
    /// `--over`: the time of the last step.
    pub over: Duration,
    /// `--steps`: the number of steps, unless the weights are too close to each other for as many.
    pub steps: Option<NonZeroU32>,
    /// `--dry-run`: only print the steps.
    pub dry_run: bool,
    /// Print the outcome as JSON.
    pub json: bool,
}

impl RampOptions {
    /// The server's configuration before the first step: the given settings, and the weight it has
    /// now, or 0 if there is no such server.
    ///
    /// # Errors
    ///
    /// If the result makes no sense.
    pub fn start(&self, now: Option<&DestinationConfig>) -> Result<DestinationConfig, UsageError> {
        let default = DestinationConfig { weight: 0, ..DestinationConfig::default() };
        let config = self.settings.amend(&self.service, &self.server, now.unwrap_or(&default))?;
        // Only masquerading changes the port of a packet, so `-a` would add another server.
        let is_other_port = matches!(self.service, ServiceKey::Address { .. })
            && config.forwarding != Forwarding::Masquerade
            && self.server.port != self.service.port();
        if now.is_none() && is_other_port {
            return Err(UsageError::NewServerPort(self.server));
        }
        Ok(config)
    }
}

/// True if there may be this many steps in this time.
pub(super) fn are_steps_few(steps: u32, over: Duration) -> bool {
    over.checked_mul(STEPS_A_SECOND).is_none_or(|most| Duration::from_secs(steps.into()) <= most)
}
