//! The difference between two states, and the order of the changes.

use std::cmp::Ordering;
use std::collections::btree_map::{self, BTreeMap};
use std::iter::Peekable;

use super::daemons::DaemonSteps;
use super::step::{Before, Step};
use super::{Plan, PlanOptions, Summary};
use crate::model::{
    Change, DestinationConfig, DestinationKey, Forwarding, ServiceKey, State, TableEntry, Timeouts,
};

/// The plan from one state to another.
pub(super) fn plan(from: &State, to: &State, options: PlanOptions) -> Plan {
    let mut difference = Difference { options, ..Difference::default() };
    for pair in Pairs::of(&from.table.services, &to.table.services) {
        match pair {
            Pair::New(key, entry) => difference.add_service(key, entry),
            Pair::Gone(key, entry) => difference.remove_service(key, entry),
            Pair::Both(key, from, to) => difference.compare_service(key, from, to),
        }
    }
    difference.compare_settings(from, to);
    difference.compare_timeouts_and_daemons(from, to);
    difference.into_plan()
}

/// The steps found so far, by kind, in the order of the plan.
#[derive(Default)]
struct Difference {
    options: PlanOptions,
    settings: Vec<Step>,
    stopped_first: Vec<Step>,
    added: Vec<Step>,
    edited: Vec<Step>,
    /// Settings of schedulers, timeouts and daemons.
    protocols: Vec<Step>,
    /// Edits that leave a server with a smaller share of new connections.
    lessened: Vec<Step>,
    removed_destinations: Vec<Step>,
    removed_services: Vec<Step>,
    started_last: Vec<Step>,
    summary: Summary,
}

impl Difference {
    fn add_service(&mut self, key: &ServiceKey, entry: &TableEntry) {
        self.summary.services.added += 1;
        self.added.push(Step::new(Change::AddService(*key, entry.config), Before::Nothing));
        for (destination, config) in &entry.destinations {
            self.add_destination(key, destination, config);
        }
    }

    fn add_destination(
        &mut self,
        service: &ServiceKey,
        key: &DestinationKey,
        config: &DestinationConfig,
    ) {
        self.summary.servers.added += 1;
        let change = Change::AddDestination(*service, *key, *config);
        self.added.push(Step::new(change, Before::Nothing));
    }

    /// One step: the kernel removes the servers with their service, so that no packet meets a
    /// service without servers.
    fn remove_service(&mut self, key: &ServiceKey, entry: &TableEntry) {
        self.summary.services.removed += 1;
        self.summary.servers.removed += entry.destinations.len();
        let before = Before::Entry(entry.clone());
        self.removed_services.push(Step::new(Change::DeleteService(*key), before));
    }

    fn compare_service(&mut self, key: &ServiceKey, from: &TableEntry, to: &TableEntry) {
        if from.config == to.config {
            self.summary.services.unchanged += 1;
        } else {
            self.summary.services.edited += 1;
            let change = Change::EditService(*key, to.config);
            self.edited.push(Step::new(change, Before::Service(from.config)));
        }
        for pair in Pairs::of(&from.destinations, &to.destinations) {
            match pair {
                Pair::New(destination, config) => self.add_destination(key, destination, config),
                Pair::Gone(destination, config) => {
                    self.summary.servers.removed += 1;
                    let change = Change::DeleteDestination(*key, *destination);
                    let before = Before::Destination(*config);
                    self.removed_destinations.push(Step::new(change, before));
                }
                Pair::Both(destination, from, to) => {
                    self.compare_destination(key, destination, from, to);
                }
            }
        }
    }

    fn compare_destination(
        &mut self,
        service: &ServiceKey,
        key: &DestinationKey,
        from: &DestinationConfig,
        to: &DestinationConfig,
    ) {
        let weight = if self.options.keep_weights { from.weight } else { to.weight };
        let to = DestinationConfig { weight, ..*to };
        if as_good_as(from, &to) {
            self.summary.servers.unchanged += 1;
            return;
        }
        self.summary.servers.edited += 1;
        let change = Change::EditDestination(*service, *key, to);
        let list = if gets_less(from, &to) { &mut self.lessened } else { &mut self.edited };
        list.push(Step::new(change, Before::Destination(*from)));
    }

    fn compare_settings(&mut self, from: &State, to: &State) {
        for (setting, wanted) in &to.settings {
            let before = match from.settings.get(setting) {
                Some(now) if setting.agrees(now, wanted) => continue,
                Some(now) => Before::Setting(*now),
                // The kernel will begin with the default, once it has loaded the scheduler.
                None => match setting.kernel_default() {
                    Some(default) if setting.scheduler().is_some() => Before::Setting(default),
                    _ => Before::Nothing,
                },
            };
            self.summary.settings_changed += 1;
            let list = match setting.scheduler() {
                Some(_) => &mut self.protocols,
                None => &mut self.settings,
            };
            list.push(Step::new(Change::SetSetting(*setting, *wanted), before));
        }
    }

    fn compare_timeouts_and_daemons(&mut self, from: &State, to: &State) {
        let timeouts = from.timeouts.after_setting(&to.timeouts);
        if timeouts != from.timeouts {
            self.summary.timeouts_changed = true;
            let change = Change::SetTimeouts(to.timeouts);
            self.protocols.push(Step::new(change, Before::Timeouts(set_by(&to.timeouts, from))));
        }
        let mut daemons = DaemonSteps::between(from, to);
        self.summary.daemons = daemons.tally;
        // Daemons come after the timeouts, unless the kernel needs them stopped first or started
        // last.
        let daemon_changes = !daemons.stopped.is_empty() || !daemons.started.is_empty();
        if daemon_changes && to.table.mixes_families() {
            self.stopped_first = std::mem::take(&mut daemons.stopped);
        }
        self.protocols.append(&mut daemons.stopped);
        if daemon_changes && from.table.mixes_families() {
            self.started_last = daemons.started;
        } else {
            self.protocols.append(&mut daemons.started);
        }
    }

    fn into_plan(mut self) -> Plan {
        let mut steps = self.settings;
        for mut kind in [self.stopped_first, self.added, self.edited, self.protocols] {
            steps.append(&mut kind);
        }
        let first_loss = steps.len();
        for kind in [
            &mut self.lessened,
            &mut self.removed_destinations,
            &mut self.removed_services,
            &mut self.started_last,
        ] {
            steps.append(kind);
        }
        Plan { steps, first_loss, summary: self.summary }
    }
}

/// The previous values of the timeouts that `wanted` sets. The others are 0, so that undoing leaves
/// them as they are.
fn set_by(wanted: &Timeouts, from: &State) -> Timeouts {
    let previous = |wanted: u32, from: u32| if wanted == 0 { 0 } else { from };
    Timeouts {
        tcp_seconds: previous(wanted.tcp_seconds, from.timeouts.tcp_seconds),
        tcp_fin_seconds: previous(wanted.tcp_fin_seconds, from.timeouts.tcp_fin_seconds),
        udp_seconds: previous(wanted.udp_seconds, from.timeouts.udp_seconds),
    }
}

/// True if an edit to `to` would change nothing in what the kernel reports, which is `from`.
fn as_good_as(from: &DestinationConfig, to: &DestinationConfig) -> bool {
    from == to
        || (from.forwarding == Forwarding::Local
            && *from == DestinationConfig { forwarding: Forwarding::Local, ..*to })
}

/// True if an edit leaves the server with a smaller share of new connections.
fn gets_less(from: &DestinationConfig, to: &DestinationConfig) -> bool {
    match to.weight.cmp(&from.weight) {
        Ordering::Less => true,
        Ordering::Greater => false,
        // 0 means no limit. Less one, it is the highest of all.
        Ordering::Equal => {
            to.upper_threshold.wrapping_sub(1) < from.upper_threshold.wrapping_sub(1)
        }
    }
}

/// The values that two maps hold under one key.
enum Pair<'a, K, V> {
    /// Only the second map has the key.
    New(&'a K, &'a V),
    /// Only the first map has the key.
    Gone(&'a K, &'a V),
    Both(&'a K, &'a V, &'a V),
}

/// Goes through two maps in the order of their keys.
struct Pairs<'a, K, V> {
    from: Peekable<btree_map::Iter<'a, K, V>>,
    to: Peekable<btree_map::Iter<'a, K, V>>,
}

impl<'a, K, V> Pairs<'a, K, V> {
    fn of(from: &'a BTreeMap<K, V>, to: &'a BTreeMap<K, V>) -> Self {
        Pairs { from: from.iter().peekable(), to: to.iter().peekable() }
    }
}

impl<'a, K: Ord, V> Iterator for Pairs<'a, K, V> {
    type Item = Pair<'a, K, V>;

    fn next(&mut self) -> Option<Self::Item> {
        let order = match (self.from.peek(), self.to.peek()) {
            (Some((from, _)), Some((to, _))) => from.cmp(to),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (None, None) => return None,
        };
        match order {
            Ordering::Less => self.from.next().map(|(key, value)| Pair::Gone(key, value)),
            Ordering::Greater => self.to.next().map(|(key, value)| Pair::New(key, value)),
            Ordering::Equal => {
                let ((key, from), (_, to)) = self.from.next().zip(self.to.next())?;
                Some(Pair::Both(key, from, to))
            }
        }
    }
}
