//! Putting `--doctor` together.

use std::time::Duration;

use super::draft::{Draft, path};
use super::option_set::OptionSet;
use crate::rules::command::DoctorOptions;
use crate::rules::error::UsageError;
use crate::rules::format::Format;
use crate::rules::options::OptionId;
use crate::{Forwarding, Tunnel};

/// How long counters are watched unless `--for` says otherwise: they are copied every two seconds
/// (`est_timer` in net/netfilter/ipvs/ip_vs_est.c).
const WATCH: Duration = Duration::from_secs(3);

impl Draft<'_> {
    pub(super) fn doctor(&self, command: OptionId) -> Result<DoctorOptions, UsageError> {
        const GATHERING: OptionSet = OptionSet::of(&[
            OptionId::For,
            OptionId::Probe,
            OptionId::ServerSide,
            OptionId::Director,
            OptionId::Netns,
            OptionId::NoLoad,
        ]);
        if let (Some(_), Some(second)) = (self.facts, self.given.first_in(GATHERING)) {
            return Err(UsageError::Conflict { first: OptionId::Facts, second });
        }
        let method = match self.forwarding {
            Some(OptionId::Masquerading) => Some(Forwarding::Masquerade),
            Some(OptionId::Ipip) => Some(Forwarding::Tunnel(Tunnel::default())),
            Some(_) => Some(Forwarding::DirectRoute),
            None => None,
        };
        let is_server = self.given.has(OptionId::ServerSide);
        match (is_server, self.forwarding, self.director) {
            (false, Some(option), _) => {
                return Err(UsageError::Requires { option, needs: OptionId::ServerSide });
            }
            (false, _, Some(_)) => {
                let (option, needs) = (OptionId::Director, OptionId::ServerSide);
                return Err(UsageError::Requires { option, needs });
            }
            (true, None, _) => return Err(UsageError::MissingMethod),
            _ => {}
        }
        if is_server {
            self.needed_service(OptionId::ServerSide)?;
        }
        Ok(DoctorOptions {
            service: self.service.map(|(_, service)| service),
            server_side: method,
            director: self.director,
            watch: self.length.unwrap_or(WATCH),
            probe: self.given.has(OptionId::Probe),
            facts: self.facts.map(path),
            save_facts: self.save_facts.map(path),
            json: self.format(Some(command))? == Format::Json,
        })
    }
}
