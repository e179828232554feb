//! What holds after a plan.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use ipvs::{
    Change, DestinationConfig, DestinationKey, Forwarding, Plan, PlanOptions, RefusalKind,
    ServiceConfig, ServiceKey, Stats, Table,
};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::kernel::{Faults, MemoryKernel};
use crate::strategy::{table, two_tables};
use crate::{cases, kernel_with, plan, table_of};

/// When each service and server was born: the model shows it as its count of connections.
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
    fn after_a_plan_the_kernel_holds_the_wanted_table_and_what_stays_was_never_gone(
        (from, to) in two_tables(),
        window in 1..40_usize,
    ) {
        let kernel = kernel_with(&from, window);
        let before = births(&kernel);
        let mut client = kernel.client();
        prop_assert_eq!(&client.table().unwrap(), &from);
        prop_assert_eq!(&client.snapshot().unwrap().table(), &from);
        let plan = Plan::between(&client.table().unwrap(), &to, PlanOptions::default());
        client.apply(&plan).unwrap();
        prop_assert_eq!(kernel.written(), plan.len());
        prop_assert_eq!(&client.table().unwrap(), &to);

        let after = births(&kernel);
        for (key, born) in &after {
            if let Some(was) = before.get(key) {
                prop_assert_eq!(born, was, "{:?} was replaced", key);
            }
        }

        // Nothing to do sends nothing.
        let written = kernel.written();
        let again = Plan::between(&client.table().unwrap(), &to, PlanOptions::default());
        prop_assert!(again.is_empty());
        client.apply(&again).unwrap();
        prop_assert_eq!(kernel.written(), written);
    }

    #[test]
    fn a_summary_adds_up((from, to) in two_tables()) {
        let plan = plan(&from, &to);
        let (services, servers) = (plan.summary().services, plan.summary().servers);
        for (tally, before, after) in [
            (services, from.services().len(), to.services().len()),
            (servers, from.destination_count(), to.destination_count()),
        ] {
            prop_assert_eq!(tally.unchanged + tally.edited + tally.removed, before);
            prop_assert_eq!(tally.unchanged + tally.edited + tally.added, after);
        }
        prop_assert_eq!(plan.is_empty(), services.changed() + servers.changed() == 0);
    }

    #[test]
    fn weights_are_kept_when_asked_for((from, to) in two_tables()) {
        let kernel = kernel_with(&from, 8);
        let options = PlanOptions { keep_weights: true };
        kernel.client().apply(&Plan::between(&from, &to, options)).unwrap();
        let after = table_of(&kernel);
        prop_assert_eq!(after.destination_count(), to.destination_count());
        for (key, entry) in to.services() {
            let kept = after.service(key).unwrap();
            prop_assert_eq!(kept.config(), entry.config());
            for (server, wanted) in entry.destinations() {
                let known = from.service(key).and_then(|service| service.destination(server));
                let weight = known.map_or(wanted.weight, |known| known.weight);
                let expected = DestinationConfig { weight, ..*wanted };
                prop_assert_eq!(kept.destination(server), Some(&expected));
            }
        }
        prop_assert!(Plan::between(&after, &to, options).is_empty());
    }

    #[test]
    fn killed_at_any_moment_the_next_plan_ends_in_the_wanted_table(
        (from, to) in two_tables(),
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
        let rest = crate::plan(&client.table().unwrap(), &to);
        client.apply(&rest).unwrap();
        prop_assert_eq!(table_of(&kernel), to);
    }

    #[test]
    fn at_best_effort_all_but_the_refused_is_carried_out(
        (from, to) in two_tables(),
        window in 1..10_usize,
        refused in vec(0..40_usize, 0..6),
    ) {
        let kernel = kernel_with(&from, window);
        let plan = plan(&from, &to);
        let refuse = refused.iter().copied().collect();
        kernel.set_faults(Faults { refuse, ..Faults::default() });
        let told = kernel.client().apply_best_effort(&plan).unwrap();
        prop_assert_eq!(kernel.written(), plan.len());

        let mut expected = from;
        let mut expected_refusals = Vec::new();
        for (index, change) in plan.changes().enumerate() {
            if refused.contains(&index) {
                expected_refusals.push((index, *change, RefusalKind::OutOfMemory));
            } else if let Err(error) = expected.apply(change) {
                expected_refusals.push((index, *change, error.refusal_kind().unwrap()));
            }
        }
        let told: Vec<_> = told
            .into_iter()
            .map(|refused| (refused.index, refused.change, refused.refusal.kind()))
            .collect();
        prop_assert_eq!(told, expected_refusals);
        prop_assert_eq!(table_of(&kernel), expected);
    }

    #[test]
    fn an_old_kernel_that_calls_its_own_servers_local_is_not_edited_for_ever(to in table()) {
        let kernel = MemoryKernel::new(8);
        kernel.own_address([10, 0, 0, 1]);
        let mut client = kernel.client();
        client.apply(&plan(&Table::new(), &to)).unwrap();
        let now = client.table().unwrap();
        let local = now.services().flat_map(|(_, entry)| entry.destinations());
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
        table.apply(&Change::AddService(service, ServiceConfig::default())).unwrap();
        let config = DestinationConfig { forwarding, weight, ..DestinationConfig::default() };
        table.apply(&Change::AddDestination(service, server, config)).unwrap();
        table
    };
    let reported = table(Forwarding::Local, 1);
    assert!(plan(&reported, &table(Forwarding::Masquerade, 1)).is_empty());
    let heavier = plan(&reported, &table(Forwarding::Masquerade, 2));
    assert_eq!(heavier.summary().to_string(), "1 server edited");
    // But one who asks for local where the kernel has something else is taken at their word.
    assert_eq!(plan(&table(Forwarding::Masquerade, 1), &reported).len(), 1);
}
