//! Timeouts and sync daemons: what of them differs from what is wanted, and how to undo it.

use ipvs::{Change, Client, Daemon, DaemonConfig, Timeouts};

use crate::failure::Failure;

/// A change that is still to be made, and what undoes it.
pub(crate) struct Pending {
    pub(crate) change: Change,
    pub(crate) undo: Change,
}

/// What must be changed for this setting to be as wanted: nothing, one change, or for a daemon
/// that runs otherwise two. `None` for a change that sets no state.
pub(crate) fn pending(
    client: &mut Client,
    wanted: &Change,
) -> Result<Option<Vec<Pending>>, Failure> {
    Ok(Some(match *wanted {
        Change::SetTimeouts(timeouts) => {
            let now = client.timeouts()?;
            let undo = Change::SetTimeouts(now);
            match is_as_wanted(&now, &timeouts) {
                true => Vec::new(),
                false => vec![Pending { change: *wanted, undo }],
            }
        }
        Change::StartDaemon(role, config) => {
            let running = client.daemons()?.into_iter().find(|daemon| daemon.role == role);
            let start = Pending { change: *wanted, undo: Change::StopDaemon(role) };
            match running {
                None => vec![start],
                Some(daemon) if runs_as_wanted(&daemon, &config) => Vec::new(),
                Some(daemon) => {
                    let undo = Change::StartDaemon(role, daemon.config);
                    vec![Pending { change: Change::StopDaemon(role), undo }, start]
                }
            }
        }
        Change::StopDaemon(role) => {
            let running = client.daemons()?.into_iter().find(|daemon| daemon.role == role);
            running
                .map(|daemon| Pending {
                    change: *wanted,
                    undo: Change::StartDaemon(role, daemon.config),
                })
                .into_iter()
                .collect()
        }
        _ => return Ok(None),
    }))
}

/// A wanted timeout of 0 leaves the one that there is.
fn is_as_wanted(now: &Timeouts, wanted: &Timeouts) -> bool {
    [(now.tcp, wanted.tcp), (now.tcp_fin, wanted.tcp_fin), (now.udp, wanted.udp)]
        .iter()
        .all(|(now, wanted)| *wanted == 0 || now == wanted)
}

/// What is not wanted in particular is right as the kernel chose it.
fn runs_as_wanted(daemon: &Daemon, wanted: &DaemonConfig) -> bool {
    fn fits<T: PartialEq>(now: Option<T>, wanted: Option<T>) -> bool {
        wanted.is_none() || now == wanted
    }
    let now = &daemon.config;
    now.interface == wanted.interface
        && now.sync_id == wanted.sync_id
        && fits(now.max_length, wanted.max_length)
        && fits(now.group, wanted.group)
        && fits(now.port, wanted.port)
        && fits(now.ttl, wanted.ttl)
}
