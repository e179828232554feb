//! Properties that hold after a plan.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use ipvs::{
    Aftermath, DaemonRole, DaemonState, DestinationConfig, DestinationKey, Forwarding, Plan,
    PlanOptions, RefusalKind, Rehearsal, ServiceConfig, ServiceKey, State, Stats, Table,
};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::kernel::{Faults, MemoryKernel};
use crate::outcome::{outcome, with_daemons_as_reported};
use crate::states::{perhaps_impossible_states, two_states};
use crate::tables::table;
use crate::{ROLES, cases, kernel_with, plan, state_of};

/// When each service and server was added, which the model reports as its count of connections.
fn births(kernel: &MemoryKernel) -> BTreeMap<(ServiceKey, Option<DestinationKey>), u64> {
    let snapshot = kernel.client().snapshot().expect("a snapshot");
    let mut births = BTreeMap::new();
    for entry in &snapshot.entries {
        let service = &entry.service;
        let born = |stats: &Option<Box<Stats>>| stats.as_ref().expect("they are read").connections;
        births.insert((service.key, None), born(&service.stats));
        for destination in &entry.destinations {
            let key = (service.key, Some(destination.key));
            births.insert(key, born(&destination.stats));
        }
    }
    births
}

proptest! {
    #![proptest_config(cases(2000))]

    #[test]
    fn a_plan_ends_in_the_wanted_state_and_replaces_nothing_that_stays(
        (from, to) in two_states(),
        window in 1..40_usize,
    ) {
        let kernel = kernel_with(&from, window);
        let before = births(&kernel);
        let starts_before = kernel.daemon_starts();
        let mut client = kernel.client();
        prop_assert_eq!(&client.state().unwrap(), &from);
        prop_assert_eq!(&client.table().unwrap(), &from.table);
        prop_assert_eq!(&client.snapshot().unwrap().table(), &from.table);
        let plan = Plan::between(&client.state().unwrap(), &to, PlanOptions::default());
        client.apply(&plan).unwrap();
        prop_assert_eq!(kernel.written(), plan.len());
        let wanted = outcome(&from, &to);
        prop_assert_eq!(&client.state().unwrap(), &wanted);
        prop_assert_eq!(&client.table().unwrap(), &to.table);

        let after = births(&kernel);
        for (key, born) in &after {
            if let Some(was) = before.get(key) {
                prop_assert_eq!(born, was, "{:?} was replaced", key);
            }
        }
        let starts = starts_before.into_iter().zip(kernel.daemon_starts());
        for (role, (before, after)) in ROLES.into_iter().zip(starts) {
            if from.daemon(role) == wanted.daemon(role) {
                prop_assert_eq!(before, after, "the {} daemon was restarted", role);
            }
        }

        // An empty plan sends nothing.
        let written = kernel.written();
        let again = Plan::between(&client.state().unwrap(), &to, PlanOptions::default());
        prop_assert!(again.is_empty(), "{again:?}");
        client.apply(&again).unwrap();
        prop_assert_eq!(kernel.written(), written);
    }

    #[test]
    fn an_impossible_state_is_refused_and_nothing_changes(
        (from, to) in perhaps_impossible_states(),
        window in 1..40_usize,
    ) {
        let kernel = kernel_with(&from, window);
        let wanted = outcome(&from, &to);
        let runs = |role| matches!(wanted.daemon(role), Some(DaemonState::Running(_)));
        let possible = !(ROLES.into_iter().any(runs) && crate::mixes_families(&wanted.table));
        match kernel.client().apply(&plan(&from, &to)) {
            Ok(()) => {
                prop_assert!(possible);
                prop_assert_eq!(state_of(&kernel), wanted);
            }
            Err(error) => {
                prop_assert!(!possible, "{error}");
                prop_assert_eq!(error.refused()[0].refusal.kind(), RefusalKind::Invalid);
                prop_assert!(matches!(error.aftermath(), Aftermath::Restored), "{}", error);
                prop_assert_eq!(state_of(&kernel), from);
            }
        }
    }

    #[test]
    fn a_summary_adds_up((from, to) in two_states()) {
        let plan = plan(&from, &to);
        let after = outcome(&from, &to);
        let summary = plan.summary();
        let running = |state: &State| {
            let runs = |role: &DaemonRole| {
                matches!(state.daemon(*role), Some(DaemonState::Running(_)))
            };
            ROLES.iter().filter(|role| runs(role)).count()
        };
        for (tally, before, after) in [
            (summary.services, from.table.services().len(), to.table.services().len()),
            (summary.servers, from.table.destination_count(), to.table.destination_count()),
            (summary.daemons, running(&from), running(&after)),
        ] {
            prop_assert_eq!(tally.unchanged + tally.edited + tally.removed, before);
            prop_assert_eq!(tally.unchanged + tally.edited + tally.added, after);
        }
        let other_daemons =
            ROLES.into_iter().filter(|role| from.daemon(*role) != after.daemon(*role)).count();
        prop_assert_eq!(summary.daemons.changed(), other_daemons);
        prop_assert_eq!(summary.timeouts_changed, from.timeouts != after.timeouts);
        let other_settings =
            from.settings.iter().filter(|(setting, value)| after.settings[*setting] != **value);
        prop_assert_eq!(summary.settings_changed, other_settings.count());
        let changed = summary.services.changed()
            + summary.servers.changed()
            + summary.settings_changed
            + summary.daemons.changed();
        prop_assert_eq!(plan.is_empty(), changed == 0 && !summary.timeouts_changed);
        prop_assert_eq!(plan.is_empty(), from == after);
    }

    #[test]
    fn weights_are_kept_on_request((from, to) in two_states()) {
        let kernel = kernel_with(&from, 8);
        let options = PlanOptions { keep_weights: true };
        kernel.client().apply(&Plan::between(&from, &to, options)).unwrap();
        let after = state_of(&kernel);
        prop_assert_eq!(after.table.destination_count(), to.table.destination_count());
        for (key, entry) in to.table.services() {
            let kept = after.table.service(key).unwrap();
            prop_assert_eq!(kept.config(), entry.config());
            for (server, wanted) in entry.destinations() {
                let known = from.table.service(key).and_then(|entry| entry.destination(server));
                let weight = known.map_or(wanted.weight, |known| known.weight);
                let expected = DestinationConfig { weight, ..*wanted };
                prop_assert_eq!(kept.destination(server), Some(&expected));
            }
        }
        let mut wanted = outcome(&from, &to);
        wanted.table = after.table.clone();
        prop_assert_eq!(&after, &wanted);
        prop_assert!(Plan::between(&after, &to, options).is_empty());
    }

    #[test]
    fn after_a_kill_at_any_moment_the_next_plan_ends_in_the_wanted_state(
        (from, to) in two_states(),
        window in 1..10_usize,
        at in any::<prop::sample::Index>(),
    ) {
        let kernel = kernel_with(&from, window);
        let plan = plan(&from, &to);
        if !plan.is_empty() {
            let kill = Some(at.index(plan.len()));
            kernel.set_faults(Faults { kill, ..Faults::default() });
            prop_assert!(kernel.client().apply(&plan).is_err());
            kernel.set_faults(Faults::default());
        }
        let mut client = kernel.client();
        let rest = crate::plan(&client.state().unwrap(), &to);
        client.apply(&rest).unwrap();
        prop_assert_eq!(state_of(&kernel), outcome(&from, &to));
    }

    #[test]
    fn best_effort_carries_out_all_changes_but_the_refused(
        (from, to) in perhaps_impossible_states(),
        window in 1..10_usize,
        refused in vec(0..40_usize, 0..6),
    ) {
        let kernel = kernel_with(&from, window);
        let plan = plan(&from, &to);
        let refuse = refused.iter().copied().collect();
        kernel.set_faults(Faults { refuse, ..Faults::default() });
        let reported = kernel.client().apply_best_effort(&plan).unwrap();
        prop_assert_eq!(kernel.written(), plan.len());

        let mut expected = Rehearsal::new(from);
        let mut expected_refusals = Vec::new();
        for (index, change) in plan.changes().enumerate() {
            if refused.contains(&index) {
                expected_refusals.push((index, *change, RefusalKind::OutOfMemory));
            } else if let Err(error) = expected.change(change) {
                expected_refusals.push((index, *change, error.refusal_kind().unwrap()));
            }
        }
        let reported: Vec<_> = reported
            .into_iter()
            .map(|refused| (refused.index, refused.change, refused.refusal.kind()))
            .collect();
        prop_assert_eq!(reported, expected_refusals);
        prop_assert_eq!(state_of(&kernel), with_daemons_as_reported(expected.state()));
    }

    #[test]
    fn servers_that_an_old_kernel_calls_local_are_not_edited_again_and_again(
        to in any::<bool>().prop_flat_map(table),
    ) {
        let kernel = MemoryKernel::new(8);
        kernel.own_address([10, 0, 0, 1]);
        let to = State::from(to);
        let mut client = kernel.client();
        client.apply(&plan(&state_of(&kernel), &to)).unwrap();
        let now = client.state().unwrap();
        let local = now.table.services().flat_map(|(_, entry)| entry.destinations());
        for (key, config) in local {
            prop_assert_eq!(
                config.forwarding == Forwarding::Local,
                key.address == std::net::Ipv4Addr::new(10, 0, 0, 1)
            );
        }
        prop_assert!(plan(&now, &to).is_empty());
    }
}

#[test]
fn an_edit_of_a_local_server_still_sets_its_weight() {
    let service = ServiceKey::tcp("192.0.2.1:80".parse::<SocketAddr>().unwrap());
    let server = "10.0.0.1:80".parse::<SocketAddr>().unwrap().into();
    let table = |forwarding, weight| {
        let mut table = Table::new();
        let config = DestinationConfig { forwarding, weight, ..DestinationConfig::default() };
        table.insert(service, ServiceConfig::default()).insert(server, config);
        State::from(table)
    };
    let reported = table(Forwarding::Local, 1);
    assert!(plan(&reported, &table(Forwarding::Masquerade, 1)).is_empty());
    let heavier = plan(&reported, &table(Forwarding::Masquerade, 2));
    assert_eq!(heavier.summary().to_string(), "1 server edited");
    // But a wanted method of `Local` is set if the kernel has another one.
    assert_eq!(plan(&table(Forwarding::Masquerade, 1), &reported).len(), 1);
}
