//! What the kernel would make of a change, without asking it.

use std::collections::btree_map::Entry;

use crate::error::{Error, Operation, Refusal};
use crate::model::{
    Change, ConfigError, DaemonState, DestinationKey, ServiceKey, State, TableEntry, Timeouts,
};
use crate::netlink::uapi::errno;

/// A state in memory to which changes are made as the kernel would make them.
///
/// What the kernel would refuse is refused here, with the same error number and so the same
/// [`RefusalKind`](crate::RefusalKind) and text; the state then stays as it was. What only the
/// kernel can know is not checked: which schedulers and persistence engines it has, which addresses
/// it can route to, which interfaces there are, and how long a tick is (see [`Timeouts`]).
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
}

/// The longest timeout that any kernel takes: it counts seconds, and ticks, in a C `int`.
const MAX_TIMEOUT: u32 = i32::MAX as u32;

impl Rehearsal {
    /// Starts from this state. The default starts from an empty table, unknown timeouts and
    /// daemons of which it is not known whether they run.
    pub fn new(state: State) -> Self {
        Rehearsal { state }
    }

    /// The state after the changes made so far.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// The state after the changes made so far.
    pub fn into_state(self) -> State {
        self.state
    }

    /// Makes a change. Returns false if everything is as the change would make it already.
    /// Zeroing counters counts as a change, since it is not known what they are.
    ///
    /// # Errors
    /// [`Error::Refused`] with
    /// - [`ServiceExists`](crate::RefusalKind::ServiceExists), adding a service that is there;
    /// - [`NoSuchService`](crate::RefusalKind::NoSuchService), editing, deleting or zeroing one
    ///   that is not;
    /// - [`ServiceNotDefined`](crate::RefusalKind::ServiceNotDefined), for a server of one that is
    ///   not;
    /// - [`DestinationExists`](crate::RefusalKind::DestinationExists), adding a server that is
    ///   there;
    /// - [`NoSuchDestination`](crate::RefusalKind::NoSuchDestination), editing or deleting one
    ///   that is not;
    /// - [`DaemonRunning`](crate::RefusalKind::DaemonRunning) and
    ///   [`DaemonNotRunning`](crate::RefusalKind::DaemonNotRunning), where it is known;
    /// - [`Invalid`](crate::RefusalKind::Invalid) for an IPv6 prefix length that is not 1 to 128,
    ///   a GUE tunnel without port, a server of another family than the service's without a
    ///   tunnel or beside a sync daemon, a daemon beside such a server, a daemon's group that is
    ///   not multicast, and a timeout over 2147483647;
    /// - [`Other`](crate::RefusalKind::Other) with `ERANGE` for a weight over 2147483647 or a lower
    ///   threshold above the upper one;
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

    /// The checks stand in the order of `ip_vs_genl_set_cmd` and what it calls, in
    /// net/netfilter/ipvs/ip_vs_ctl.c: of several mistakes the kernel reports the first.
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

/// Refuses a server of the other family beside a sync daemon: their protocol has no place for one.
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

/// Refuses a netmask of another family than its service's, which the kernel would misread rather
/// than refuse.
pub(crate) fn check_netmask_family(change: &Change) -> Result<(), Error> {
    let (Change::AddService(key, config) | Change::EditService(key, config)) = change else {
        return Ok(());
    };
    match config.check(key) {
        Err(reason @ ConfigError::NetmaskFamily { .. }) => Err(Error::Config(reason)),
        _ => Ok(()),
    }
}

/// What is wrong with a change.
enum Problem {
    Errno(i32),
    Error(Error),
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        Problem::Error(error)
    }
}

/// The kernel's own verdict on a configuration: it takes some that make no sense.
fn as_the_kernel(verdict: Result<(), ConfigError>) -> Result<(), Problem> {
    match verdict.err().and_then(|reason| reason.kernel_errno()) {
        Some(errno) => Err(Problem::Errno(errno)),
        None => Ok(()),
    }
}
