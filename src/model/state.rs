//! Everything that an administrator sets in IPVS.

use std::collections::BTreeMap;

use super::{Change, DaemonConfig, DaemonRole, Setting, SettingValue, Table, Timeouts};

/// Everything that an administrator sets in one network namespace: the table, the settings, the
/// timeouts and the sync daemons.
///
/// A state is either current, as [`Client::state`](crate::Client::state) reads it, or wanted, as
/// the second argument of [`Plan::between`](crate::Plan::between). In a current state every part
/// has a value. In a wanted one the table is complete, while a setting that is not there, a timeout
/// of 0 and a daemon of `None` mean: leave it as it is.
///
/// ```
/// use ipvs::{DaemonState, State, Table};
///
/// // Wanted: an empty table and no master daemon; the timeouts and the backup daemon as they are.
/// let mut state = State::from(Table::new());
/// state.master = Some(DaemonState::Stopped);
/// assert_eq!(state.backup, None);
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct State {
    /// The virtual services and their real servers.
    pub table: Table,
    /// The settings in `/proc/sys/net/ipv4/vs`. In a current state, all that the kernel has; in a
    /// wanted one, those that matter.
    pub settings: BTreeMap<Setting, SettingValue>,
    /// How long connections without traffic are kept. In a wanted state, 0 leaves a timeout as it
    /// is.
    pub timeouts: Timeouts,
    /// The daemon that sends connections. In a wanted state, `None` leaves it as it is.
    pub master: Option<DaemonState>,
    /// The daemon that receives connections. In a wanted state, `None` leaves it as it is.
    pub backup: Option<DaemonState>,
}

/// The state of the sync daemon of one role.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DaemonState {
    /// It does not run.
    Stopped,
    /// It runs with these settings. In a wanted state, a field of `None` accepts whatever the
    /// kernel chose.
    Running(DaemonConfig),
}

impl State {
    /// The daemon of this role: [`master`](Self::master) or [`backup`](Self::backup).
    pub fn daemon(&self, role: DaemonRole) -> Option<DaemonState> {
        match role {
            DaemonRole::Master => self.master,
            DaemonRole::Backup => self.backup,
        }
    }

    /// Sets the daemon of this role: [`master`](Self::master) or [`backup`](Self::backup).
    pub fn set_daemon(&mut self, role: DaemonRole, state: Option<DaemonState>) {
        match role {
            DaemonRole::Master => self.master = state,
            DaemonRole::Backup => self.backup = state,
        }
    }

    /// The changes that set the timeouts and settings and start the daemons of this state, in the
    /// order in which `ipvsadm -S --all` writes them. Timeouts that are all 0, and a daemon that
    /// does not run, need none.
    pub fn changes_beside_table(&self) -> impl Iterator<Item = Change> {
        let settings =
            self.settings.iter().map(|(setting, value)| Change::SetSetting(*setting, *value));
        let timeouts = (self.timeouts != Timeouts::default()).then_some(self.timeouts);
        let daemons =
            [DaemonRole::Master, DaemonRole::Backup].map(|role| (role, self.daemon(role)));
        let daemons = daemons.into_iter().filter_map(|(role, state)| match state {
            Some(DaemonState::Running(config)) => Some(Change::StartDaemon(role, config)),
            Some(DaemonState::Stopped) | None => None,
        });
        timeouts.map(Change::SetTimeouts).into_iter().chain(settings).chain(daemons)
    }
}

impl From<Table> for State {
    /// A wanted state with this table, which leaves the settings, timeouts and daemons as they are.
    fn from(table: Table) -> Self {
        State { table, ..State::default() }
    }
}
