//! One change of a plan, and the changes that undo it.

use crate::model::{
    Change, DaemonState, DestinationConfig, ServiceConfig, SettingValue, State, TableEntry,
    Timeouts,
};

/// One change of a [`Plan`](crate::Plan), and the changes that undo it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    change: Change,
    before: Before,
}

/// The previous value of whatever a step changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Before {
    /// Nothing: the step adds.
    Nothing,
    /// The configuration of a service: the step edits it.
    Service(ServiceConfig),
    /// A service with its servers: the step removes it.
    Entry(TableEntry),
    /// The configuration of a server: the step edits or removes it.
    Destination(DestinationConfig),
    /// The value of a setting.
    Setting(SettingValue),
    /// The timeouts that the step sets. The others are 0.
    Timeouts(Timeouts),
    /// The state of a daemon.
    Daemon(DaemonState),
}

impl Step {
    pub(super) const fn new(change: Change, before: Before) -> Self {
        Step { change, before }
    }

    /// The change.
    pub fn change(&self) -> &Change {
        &self.change
    }

    /// The changes that undo this one, in order. One change, except for a removed service, which
    /// takes one more than it had servers.
    ///
    /// They restore the configuration. They cannot restore what a removed service or server loses:
    /// its counters, and connections that had a packet meanwhile (the kernel drops the packet, or
    /// ends the connection if the sysctl `net.ipv4.vs.expire_nodest_conn` is 1). A server that is
    /// added again within two minutes gets its other connections back. A plan removes last, so
    /// whatever the kernel refuses is usually refused before anything has been removed.
    pub fn undo(&self) -> Vec<Change> {
        match (&self.change, &self.before) {
            (Change::AddService(key, _), _) => vec![Change::DeleteService(*key)],
            (Change::AddDestination(service, key, _), _) => {
                vec![Change::DeleteDestination(*service, *key)]
            }
            (Change::EditService(key, _), Before::Service(config)) => {
                vec![Change::EditService(*key, *config)]
            }
            (Change::EditDestination(service, key, _), Before::Destination(config)) => {
                vec![Change::EditDestination(*service, *key, *config)]
            }
            (Change::DeleteDestination(service, key), Before::Destination(config)) => {
                vec![Change::AddDestination(*service, *key, *config)]
            }
            (Change::DeleteService(service), Before::Entry(entry)) => {
                let servers = entry.destinations();
                std::iter::once(Change::AddService(*service, entry.config))
                    .chain(
                        servers
                            .map(|(key, config)| Change::AddDestination(*service, *key, *config)),
                    )
                    .collect()
            }
            (Change::SetTimeouts(_), Before::Timeouts(timeouts)) => {
                vec![Change::SetTimeouts(*timeouts)]
            }
            (Change::SetSetting(setting, _), Before::Setting(value)) => {
                vec![Change::SetSetting(*setting, *value)]
            }
            (Change::StartDaemon(role, _), _) => vec![Change::StopDaemon(*role)],
            (Change::StopDaemon(role), Before::Daemon(DaemonState::Running(config))) => {
                vec![Change::StartDaemon(*role, *config)]
            }
            // Plans have no other steps.
            _ => Vec::new(),
        }
    }

    /// Restores in `state` what this step changes. A service or server that another program has
    /// removed meanwhile stays removed.
    fn put_back(&self, state: &mut State) {
        let services = &mut state.table.services;
        match (&self.change, &self.before) {
            (Change::AddService(key, _), _) => {
                services.remove(key);
            }
            (Change::EditService(key, _), Before::Service(config)) => {
                if let Some(entry) = services.get_mut(key) {
                    entry.config = *config;
                }
            }
            (Change::DeleteService(key), Before::Entry(entry)) => {
                services.insert(*key, entry.clone());
            }
            (Change::AddDestination(service, key, _), _) => {
                if let Some(entry) = services.get_mut(service) {
                    entry.destinations.remove(key);
                }
            }
            (Change::EditDestination(service, key, _), Before::Destination(config)) => {
                if let Some(now) =
                    services.get_mut(service).and_then(|entry| entry.destinations.get_mut(key))
                {
                    *now = *config;
                }
            }
            (Change::DeleteDestination(service, key), Before::Destination(config)) => {
                if let Some(entry) = services.get_mut(service) {
                    entry.destinations.insert(*key, *config);
                }
            }
            (Change::SetTimeouts(_), Before::Timeouts(timeouts)) => {
                state.timeouts = state.timeouts.after_setting(timeouts);
            }
            (Change::SetSetting(setting, _), Before::Setting(value)) => {
                state.settings.insert(*setting, *value);
            }
            (Change::StartDaemon(role, _) | Change::StopDaemon(role), Before::Daemon(daemon)) => {
                state.set_daemon(*role, Some(*daemon));
            }
            // Plans have no other steps.
            _ => {}
        }
    }
}

/// The changes that undo these steps, given in the order in which they were carried out.
pub(crate) fn undo(done: &[&Step]) -> Vec<Change> {
    // Deleting a new service deletes the servers added to it. But if the service was refused,
    // because another program had added it first, its servers are deleted one by one.
    let mut added = None;
    let mut to_undo = Vec::with_capacity(done.len());
    for step in done {
        match &step.change {
            Change::AddService(key, _) => added = Some(key),
            Change::AddDestination(service, ..) if added == Some(service) => continue,
            _ => {}
        }
        to_undo.push(step);
    }
    to_undo.into_iter().rev().flat_map(|step| step.undo()).collect()
}

/// The state `now` without the steps: everything they change is as it was before.
pub(crate) fn back_to_before(now: &State, done: &[&Step]) -> State {
    let mut state = now.clone();
    for step in done.iter().rev() {
        step.put_back(&mut state);
    }
    state
}
