//! The whole state of IPVS as an administrator sets it.

use super::{Change, DaemonConfig, DaemonRole, Table, Timeouts};

/// The state of IPVS in one network namespace, as an administrator sets it: the table, the
/// timeouts and the sync daemons.
///
/// Read from the kernel ([`Client::state`](crate::Client::state)), every part has a value. As what
/// the kernel is to become (the second argument of [`Plan::between`](crate::Plan::between)), the
/// table is always meant whole, while a timeout of 0 and a daemon of `None` stay as they are.
///
/// ```
/// use ipvs::{DaemonState, State, Table};
///
/// // An empty table and no master daemon, whatever the timeouts and the backup daemon are.
/// let mut state = State::from(Table::new());
/// state.master = Some(DaemonState::Stopped);
/// assert_eq!(state.backup, None);
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct State {
    /// The virtual services and their real servers.
    pub table: Table,
    /// How long connections without traffic are kept. As a wish, 0 leaves a timeout as it is.
    pub timeouts: Timeouts,
    /// The daemon that sends connections. As a wish, `None` leaves it as it is.
    pub master: Option<DaemonState>,
    /// The daemon that receives connections. As a wish, `None` leaves it as it is.
    pub backup: Option<DaemonState>,
}

/// Whether a sync daemon runs, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DaemonState {
    /// It does not run.
    Stopped,
    /// It runs with this configuration. As a wish, a field of `None` takes whatever the kernel
    /// chose.
    Running(DaemonConfig),
}

impl State {
    /// The daemon of this role.
    pub fn daemon(&self, role: DaemonRole) -> Option<DaemonState> {
        match role {
            DaemonRole::Master => self.master,
            DaemonRole::Backup => self.backup,
        }
    }

    /// Sets the daemon of this role.
    pub fn set_daemon(&mut self, role: DaemonRole, state: Option<DaemonState>) {
        match role {
            DaemonRole::Master => self.master = state,
            DaemonRole::Backup => self.backup = state,
        }
    }

    /// The changes that set the timeouts and the daemons, in the order in which `ipvsadm -S --all`
    /// writes them. A daemon that does not run has none.
    pub fn settings(&self) -> impl Iterator<Item = Change> {
        let timeouts = (self.timeouts != Timeouts::default()).then_some(self.timeouts);
        let daemons =
            [DaemonRole::Master, DaemonRole::Backup].map(|role| (role, self.daemon(role)));
        timeouts.map(Change::SetTimeouts).into_iter().chain(daemons.into_iter().filter_map(
            |(role, state)| match state {
                Some(DaemonState::Running(config)) => Some(Change::StartDaemon(role, config)),
                Some(DaemonState::Stopped) | None => None,
            },
        ))
    }
}

impl From<Table> for State {
    /// This table. Timeouts and daemons stay as they are.
    fn from(table: Table) -> Self {
        State { table, ..State::default() }
    }
}
