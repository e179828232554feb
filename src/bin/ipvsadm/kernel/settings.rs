//! Timeouts and sync daemons: what of them differs from what is wanted, and how to undo it.

use std::net::IpAddr;
use std::num::NonZeroU16;

use ipvs::{Change, Client, Daemon, DaemonConfig, DaemonRole, Operation, Refusal, Timeouts};
use rustix::io::Errno;

/// What a kernel has besides its table.
pub(crate) struct Settings {
    timeouts: Timeouts,
    daemons: Vec<Daemon>,
}

/// A change that is still to be made, and what undoes it.
pub(crate) struct Pending {
    pub(crate) change: Change,
    pub(crate) undo: Change,
}

impl Settings {
    /// As they are.
    pub(crate) fn read(client: &mut Client) -> ipvs::Result<Settings> {
        Ok(Settings { timeouts: client.timeouts()?, daemons: client.daemons()? })
    }

    /// What must be changed for a setting to be as this change makes it: nothing, one change, or
    /// for a daemon that runs otherwise two.
    pub(crate) fn pending(&self, wanted: &Change) -> Vec<Pending> {
        match *wanted {
            Change::SetTimeouts(timeouts) if self.timeouts != self.with(&timeouts) => {
                vec![Pending { change: *wanted, undo: Change::SetTimeouts(self.timeouts) }]
            }
            Change::StartDaemon(role, config) => {
                let start = Pending { change: *wanted, undo: Change::StopDaemon(role) };
                match self.daemon(role) {
                    None => vec![start],
                    Some(daemon) if runs_as_wanted(daemon, &config) => Vec::new(),
                    Some(daemon) => vec![stop(daemon), start],
                }
            }
            Change::StopDaemon(role) => self.daemon(role).map(stop).into_iter().collect(),
            _ => Vec::new(),
        }
    }

    /// Makes a change of settings here as the kernel would make it. Whether it changes anything.
    pub(crate) fn apply(&mut self, change: &Change) -> Result<bool, Refusal> {
        let refused = |errno: Errno| Refusal {
            operation: Operation::from(change),
            errno: errno.raw_os_error(),
            kernel_text: None,
        };
        match *change {
            Change::SetTimeouts(timeouts) => {
                let before = self.timeouts;
                self.timeouts = self.with(&timeouts);
                return Ok(self.timeouts != before);
            }
            Change::StartDaemon(role, config) => match self.daemon(role) {
                Some(_) => return Err(refused(Errno::EXIST)),
                None => self.daemons.push(Daemon::new(role, config)),
            },
            Change::StopDaemon(role) => match self.daemon(role) {
                Some(_) => self.daemons.retain(|daemon| daemon.role != role),
                None => return Err(refused(Errno::SRCH)),
            },
            _ => {}
        }
        Ok(true)
    }

    fn daemon(&self, role: DaemonRole) -> Option<&Daemon> {
        self.daemons.iter().find(|daemon| daemon.role == role)
    }

    /// The timeouts after setting these: 0 leaves the one that there is.
    fn with(&self, wanted: &Timeouts) -> Timeouts {
        let either = |wanted: u32, now: u32| if wanted == 0 { now } else { wanted };
        Timeouts {
            tcp_seconds: either(wanted.tcp_seconds, self.timeouts.tcp_seconds),
            tcp_fin_seconds: either(wanted.tcp_fin_seconds, self.timeouts.tcp_fin_seconds),
            udp_seconds: either(wanted.udp_seconds, self.timeouts.udp_seconds),
        }
    }
}

fn stop(daemon: &Daemon) -> Pending {
    Pending {
        change: Change::StopDaemon(daemon.role),
        undo: Change::StartDaemon(daemon.role, daemon.config),
    }
}

/// What is not wanted in particular is right as the kernel chose it.
fn runs_as_wanted(daemon: &Daemon, wanted: &DaemonConfig) -> bool {
    fn fits<T: PartialEq>(now: Option<T>, wanted: Option<T>) -> bool {
        wanted.is_none() || now == wanted
    }
    let now = &daemon.config;
    now.interface == wanted.interface
        && now.sync_id == wanted.sync_id
        && fits(now.max_length_bytes, kept_length(daemon.role, wanted))
        && fits(now.group, wanted.group)
        && fits(now.port, wanted.port)
        && fits(now.ttl, wanted.ttl)
}

/// The longest message that is wanted, as the kernel keeps it: `start_sync_thread` in
/// `net/netfilter/ipvs/ip_vs_sync.c`.
fn kept_length(role: DaemonRole, wanted: &DaemonConfig) -> Option<NonZeroU16> {
    let least = match role {
        DaemonRole::Master => 1,
        DaemonRole::Backup => 1024,
    };
    // What UDP carries.
    let most = match wanted.group {
        Some(IpAddr::V6(_)) => 65_487,
        Some(IpAddr::V4(_)) | None => 65_507,
    };
    wanted.max_length_bytes.and_then(|length| NonZeroU16::new(length.get().clamp(least, most)))
}
