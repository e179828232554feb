//! The steps for the sync daemons.

use std::net::IpAddr;
use std::num::NonZeroU16;

use super::step::{Before, Step};
use super::summary::Tally;
use crate::model::{Change, DaemonConfig, DaemonRole, DaemonState, State};

/// The steps for the sync daemons, by kind.
#[derive(Default)]
pub(super) struct DaemonSteps {
    /// Stops daemons that should no longer run.
    pub(super) stopped: Vec<Step>,
    /// Starts daemons that should run, after stopping those that run with other settings.
    pub(super) started: Vec<Step>,
    pub(super) tally: Tally,
}

impl DaemonSteps {
    /// The steps from one state to the other.
    pub(super) fn between(from: &State, to: &State) -> Self {
        let mut steps = DaemonSteps::default();
        for role in [DaemonRole::Master, DaemonRole::Backup] {
            let now = from.daemon(role).unwrap_or(DaemonState::Stopped);
            let Some(wanted) = to.daemon(role) else {
                steps.tally.unchanged += usize::from(now != DaemonState::Stopped);
                continue;
            };
            let stop = Step::new(Change::StopDaemon(role), Before::Daemon(now));
            match (now, wanted) {
                (DaemonState::Stopped, DaemonState::Stopped) => {}
                (DaemonState::Stopped, DaemonState::Running(config)) => {
                    steps.start(role, config);
                    steps.tally.added += 1;
                }
                (DaemonState::Running(_), DaemonState::Stopped) => {
                    steps.stopped.push(stop);
                    steps.tally.removed += 1;
                }
                (DaemonState::Running(now), DaemonState::Running(wanted)) => {
                    if runs_as_wanted(role, &now, &wanted) {
                        steps.tally.unchanged += 1;
                    } else {
                        steps.started.push(stop);
                        steps.start(role, wanted);
                        steps.tally.edited += 1;
                    }
                }
            }
        }
        steps
    }

    fn start(&mut self, role: DaemonRole, config: DaemonConfig) {
        let change = Change::StartDaemon(role, config);
        self.started.push(Step::new(change, Before::Daemon(DaemonState::Stopped)));
    }
}

/// True if a daemon that the kernel reports as `now` has all settings that `wanted` names.
fn runs_as_wanted(role: DaemonRole, now: &DaemonConfig, wanted: &DaemonConfig) -> bool {
    fn fits<T: PartialEq>(now: Option<T>, wanted: Option<T>) -> bool {
        wanted.is_none() || now == wanted
    }
    now.interface == wanted.interface
        && now.sync_id == wanted.sync_id
        && fits(now.max_length_bytes, kept_length(role, wanted))
        && fits(now.group, wanted.group)
        && fits(now.port, wanted.port)
        && fits(now.ttl, wanted.ttl)
}

/// The wanted length of the longest message, within the kernel's limits (`start_sync_thread` in
/// `net/netfilter/ipvs/ip_vs_sync.c`).
fn kept_length(role: DaemonRole, wanted: &DaemonConfig) -> Option<NonZeroU16> {
    let least = match role {
        DaemonRole::Master => 1,
        DaemonRole::Backup => 1024,
    };
    // The most that UDP carries
    let most = match wanted.group {
        Some(IpAddr::V6(_)) => 65_487,
        Some(IpAddr::V4(_)) | None => 65_507,
    };
    wanted.max_length_bytes.and_then(|length| NonZeroU16::new(length.get().clamp(least, most)))
}
