//! One change of a plan, and the way back.

use crate::model::{
    Change, DaemonState, DestinationConfig, ServiceConfig, State, TableEntry, Timeouts,
};

/// One change of a [`Plan`](crate::Plan), and what undoes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    change: Change,
    before: Before,
}

/// What a step replaces.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Before {
    /// Nothing: the step adds.
    Nothing,
    /// A service of another configuration: the step edits it.
    Service(ServiceConfig),
    /// A service with its servers: the step removes it.
    Entry(TableEntry),
    /// A server: the step edits or removes it.
    Destination(DestinationConfig),
    /// Other timeouts; 0 stands for one that the step does not set.
    Timeouts(Timeouts),
    /// A daemon that runs or does not.
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

    /// The changes that undo it, in order: one, or for a service that was removed one more than it
    /// had servers.
    ///
    /// They bring the configuration back; what the change left alone was never gone. They cannot
    /// bring back what went with a service or server that was removed: its counters, and
    /// connections that had a packet while it was away (the kernel drops the packet, or ends the
    /// connection if `net.ipv4.vs.expire_nodest_conn` is set). A server that returns within two
    /// minutes gets its other connections back. A plan removes last, so that the kernel refuses
    /// whatever it refuses before anything has been removed.
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
            (Change::StartDaemon(role, _), _) => vec![Change::StopDaemon(*role)],
            (Change::StopDaemon(role), Before::Daemon(DaemonState::Running(config))) => {
                vec![Change::StartDaemon(*role, *config)]
            }
            // A plan has no other steps.
            _ => Vec::new(),
        }
    }

    /// Sets what this step changes, in `state`, to what it was before. A service or server that
    /// others have removed meanwhile stays away: it is not this plan's to bring back.
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
            (Change::StartDaemon(role, _) | Change::StopDaemon(role), Before::Daemon(daemon)) => {
                state.set_daemon(*role, Some(*daemon));
            }
            // A plan has no other steps.
            _ => {}
        }
    }
}

/// The changes that undo these steps, which were carried out in the order given: last first.
pub(crate) fn undo(done: &[&Step]) -> Vec<Change> {
    // Deleting a new service deletes the servers that were added behind it. But servers that were
    // added to a service that was not, as another program was quicker to add it, go one by one.
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

/// The state as it would be had the steps not been carried out: `now`, but with everything they
/// change as it was before.
pub(crate) fn back_to_before(now: &State, done: &[&Step]) -> State {
    let mut state = now.clone();
    for step in done.iter().rev() {
        step.put_back(&mut state);
    }
    state
}
