//! Changes made in memory, as the kernel would make them.

use std::collections::btree_map::Entry;

use crate::error::{Error, Operation, Refusal};
use crate::model::{
    Change, ConfigError, DaemonState, DestinationKey, ServiceKey, State, TableEntry, Timeouts,
};
use crate::netlink::uapi::errno;

/// A state in memory, which changes as the kernel's state would.
///
/// A change that the kernel would refuse is refused, with the same error number and therefore the
/// same [`RefusalKind`](crate::RefusalKind) and text, and the state stays as it was. A rehearsal
/// cannot know which schedulers, persistence engines and network interfaces the kernel has, which
/// addresses it accepts, and how long its ticks are (see [`Timeouts`]).
///
/// It makes a dry run, or builds a wanted [`State`] from a list of changes:
///
/// ```
/// use ipvs::{Change, Rehearsal, RefusalKind, ServiceConfig, ServiceKey};
///
/// let mut rehearsal = Rehearsal::default();
/// let add = Change::AddService(ServiceKey::tcp(([192, 0, 2, 1], 80)), ServiceConfig::default());
/// assert_eq!(rehearsal.change(&add)?, true);
/// let again = rehearsal.change(&add).unwrap_err();
/// assert_eq!(again.refusal_kind(), Some(RefusalKind::ServiceExists));
/// # Ok::<(), ipvs::Error>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct Rehearsal {
    state: State,
    /// True if a setting that is not in the state is one that the kernel does not have.
    knows_settings: bool,
}

/// The longest timeout that any kernel accepts, in seconds: it counts seconds, and ticks, in a C
/// `int`.
const MAX_TIMEOUT: u32 = i32::MAX as u32;

impl Rehearsal {
    /// A rehearsal that starts from this state. The default starts from an empty table, and does
    /// not know the settings, the timeouts or whether the daemons run. A state without any setting
    /// is taken for one whose settings are not known.
    pub fn new(state: State) -> Self {
        Rehearsal { knows_settings: !state.settings.is_empty(), state }
    }

    /// The state after the changes made so far.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// The state after the changes made so far, by value.
    pub fn into_state(self) -> State {
        self.state
    }

    /// Makes a change. Returns false if the state was already as the change would make it, true
    /// otherwise. Zeroing counters always returns true, since their values are not known.
    ///
    /// # Errors
    /// [`Error::Refused`] with
    /// - [`ServiceExists`](crate::RefusalKind::ServiceExists) when adding a service that exists;
    /// - [`NoSuchService`](crate::RefusalKind::NoSuchService) when editing, deleting or zeroing one
    ///   that does not;
    /// - [`ServiceNotDefined`](crate::RefusalKind::ServiceNotDefined) for a server of one that does
    ///   not;
    /// - [`DestinationExists`](crate::RefusalKind::DestinationExists) when adding a server that
    ///   exists;
    /// - [`NoSuchDestination`](crate::RefusalKind::NoSuchDestination) when editing or deleting one
    ///   that does not;
    /// - [`DaemonRunning`](crate::RefusalKind::DaemonRunning) and
    ///   [`DaemonNotRunning`](crate::RefusalKind::DaemonNotRunning), if it is known whether it
    ///   runs;
    /// - [`NoSuchSetting`](crate::RefusalKind::NoSuchSetting), if it is known which the kernel has;
    /// - [`Invalid`](crate::RefusalKind::Invalid) for a setting's value that no kernel accepts, an
    ///   IPv6 prefix length other than 1 to 128, a
    ///   GUE tunnel without a port, a server of another family than the service's without a tunnel
    ///   or while a sync daemon runs, a daemon while there is such a server, a daemon's group that
    ///   is not multicast, and a timeout above 2147483647;
    /// - [`Other`](crate::RefusalKind::Other) with `ERANGE` for a weight above 2147483647 or a
    ///   lower threshold above the upper one;
    ///
    /// and [`Error::Config`] for a netmask of another family than the service's.
    pub fn change(&mut self, change: &Change) -> Result<bool, Error> {
        self.make(change).map_err(|problem| match problem {
            Problem::Errno(errno) => {
                Refusal { operation: Operation::from(change), errno, kernel_text: None }.into()
            }
            Problem::Error(error) => error,
        })
    }

    /// Of several mistakes the kernel reports the first, so these checks follow the order of
    /// `ip_vs_genl_set_cmd` and the functions it calls, in `net/netfilter/ipvs/ip_vs_ctl.c`.
    fn make(&mut self, change: &Change) -> Result<bool, Problem> {
        check_netmask_family(change)?;
        match change {
            Change::AddService(key, config) => {
                let Entry::Vacant(vacant) = self.state.table.services.entry(*key) else {
                    return Err(Problem::Errno(errno::EEXIST));
                };
                as_the_kernel(config.check(key))?;
                vacant.insert(TableEntry::new(*config));
                Ok(true)
            }
            Change::EditService(key, config) => {
                let entry = self.entry(key)?;
                as_the_kernel(config.check(key))?;
                Ok(std::mem::replace(&mut entry.config, *config) != *config)
            }
            Change::DeleteService(key) => {
                self.state.table.remove(key).ok_or(Problem::Errno(errno::ESRCH))?;
                Ok(true)
            }
            Change::AddDestination(service, key, config) => {
                let daemon_runs = self.daemon_runs();
                let entry = self.entry(service)?;
                check_beside_daemon(service, key, daemon_runs)?;
                as_the_kernel(config.check(service, key))?;
                let Entry::Vacant(vacant) = entry.destinations.entry(*key) else {
                    return Err(Problem::Errno(errno::EEXIST));
                };
                vacant.insert(*config);
                Ok(true)
            }
            Change::EditDestination(service, key, config) => {
                let daemon_runs = self.daemon_runs();
                let entry = self.entry(service)?;
                check_beside_daemon(service, key, daemon_runs)?;
                as_the_kernel(config.check(service, key))?;
                let held = entry.destinations.get_mut(key).ok_or(Problem::Errno(errno::ENOENT))?;
                Ok(std::mem::replace(held, *config) != *config)
            }
            Change::DeleteDestination(service, key) => {
                self.entry(service)?.remove(key).ok_or(Problem::Errno(errno::ENOENT))?;
                Ok(true)
            }
            Change::Flush => {
                let changes = !self.state.table.is_empty();
                self.state.table.services.clear();
                Ok(changes)
            }
            Change::ZeroAll => Ok(true),
            Change::ZeroService(key) => self.entry(key).map(|_| true),
            Change::SetTimeouts(timeouts) => {
                let Timeouts { tcp_seconds, tcp_fin_seconds, udp_seconds } = *timeouts;
                if [tcp_seconds, tcp_fin_seconds, udp_seconds].iter().any(|it| *it > MAX_TIMEOUT) {
                    return Err(Problem::Errno(errno::EINVAL));
                }
                let after = self.state.timeouts.after_setting(timeouts);
                Ok(std::mem::replace(&mut self.state.timeouts, after) != after)
            }
            Change::SetSetting(setting, value) => {
                let settings = &mut self.state.settings;
                if self.knows_settings && !settings.contains_key(setting) {
                    return Err(Problem::Errno(errno::ENOENT));
                }
                if !setting.accepts(value) {
                    return Err(Problem::Errno(errno::EINVAL));
                }
                match settings.get(setting) {
                    Some(now) if setting.agrees(now, value) => Ok(false),
                    _ => {
                        settings.insert(*setting, setting.after_setting(value));
                        Ok(true)
                    }
                }
            }
            Change::StartDaemon(role, config) => {
                let unicast = config.group.is_some_and(|group| !group.is_multicast());
                if unicast || self.state.table.mixes_families() {
                    return Err(Problem::Errno(errno::EINVAL));
                }
                if let Some(DaemonState::Running(_)) = self.state.daemon(*role) {
                    return Err(Problem::Errno(errno::EEXIST));
                }
                self.state.set_daemon(*role, Some(DaemonState::Running(*config)));
                Ok(true)
            }
            Change::StopDaemon(role) => {
                if self.state.daemon(*role) == Some(DaemonState::Stopped) {
                    return Err(Problem::Errno(errno::ESRCH));
                }
                self.state.set_daemon(*role, Some(DaemonState::Stopped));
                Ok(true)
            }
        }
    }

    /// True if a daemon is known to run.
    fn daemon_runs(&self) -> bool {
        [self.state.master, self.state.backup]
            .iter()
            .any(|daemon| matches!(daemon, Some(DaemonState::Running(_))))
    }

    fn entry(&mut self, key: &ServiceKey) -> Result<&mut TableEntry, Problem> {
        self.state.table.services.get_mut(key).ok_or(Problem::Errno(errno::ESRCH))
    }
}

/// Refuses a server of the other family while a sync daemon runs, whose protocol has no place for
/// one.
fn check_beside_daemon(
    service: &ServiceKey,
    key: &DestinationKey,
    daemon_runs: bool,
) -> Result<(), Problem> {
    if daemon_runs && key.family() != service.family() {
        return Err(Problem::Errno(errno::EINVAL));
    }
    Ok(())
}

/// Refuses a netmask of another family than its service's, which the kernel would misread instead
/// of refusing it.
pub(crate) fn check_netmask_family(change: &Change) -> Result<(), Error> {
    let (Change::AddService(key, config) | Change::EditService(key, config)) = change else {
        return Ok(());
    };
    match config.check(key) {
        Err(reason @ ConfigError::NetmaskFamily { .. }) => Err(Error::Config(reason)),
        _ => Ok(()),
    }
}

/// The reason for refusing a change.
enum Problem {
    Errno(i32),
    Error(Error),
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        Problem::Error(error)
    }
}

/// The kernel's verdict on a configuration: it accepts some that make no sense.
fn as_the_kernel(verdict: Result<(), ConfigError>) -> Result<(), Problem> {
    match verdict.err().and_then(|reason| reason.kernel_errno()) {
        Some(errno) => Err(Problem::Errno(errno)),
        None => Ok(()),
    }
}
