//! What holds at each moment of a plan.

use std::collections::BTreeSet;
use std::net::SocketAddr;

use ipvs::{Change, DestinationConfig, DestinationKey, ServiceConfig, ServiceKey, Table};
use proptest::prelude::*;

use crate::kernel::Faults;
use crate::strategy::{standby_tables, two_tables};
use crate::{cases, kernel_with, plan, table_of};

/// Whether some server of the service gets new connections.
fn serves(table: &Table, service: &ServiceKey) -> bool {
    table
        .service(service)
        .is_some_and(|entry| entry.destinations().any(|(_, config)| config.weight > 0))
}

fn config<'t>(
    table: &'t Table,
    service: &ServiceKey,
    server: &DestinationKey,
) -> Option<&'t DestinationConfig> {
    table.service(service)?.destination(server)
}

/// What both tables give a service, it has now.
fn check_moment(from: &Table, now: &Table, to: &Table) -> Result<(), TestCaseError> {
    for (service, entry) in from.services() {
        if to.service(service).is_none() {
            continue;
        }
        prop_assert!(now.service(service).is_some(), "{service} is away");
        for (server, before) in entry.destinations() {
            let Some(after) = config(to, service, server) else { continue };
            let now = config(now, service, server);
            prop_assert!(now.is_some(), "{server} of {service} is away");
            prop_assert!(
                now.is_some_and(|now| now.weight >= before.weight.min(after.weight)),
                "{server} of {service} has less weight than both tables give it"
            );
        }
        if serves(from, service) && serves(to, service) {
            prop_assert!(serves(now, service), "{service} has no server");
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(cases(4000))]

    #[test]
    fn at_every_moment_each_service_has_what_both_tables_give_it(
        (from, to) in prop_oneof![two_tables(), standby_tables()],
    ) {
        let plan = plan(&from, &to);
        let mut now = from.clone();
        for step in plan.steps() {
            let before = now.clone();
            now.apply(step.change()).unwrap();
            check_moment(&from, &now, &to)?;

            // And each step's own undo takes it back.
            let mut undone = now.clone();
            for change in step.undo() {
                undone.apply(&change).unwrap();
            }
            prop_assert_eq!(undone, before);
        }
        prop_assert_eq!(now, to);
    }

    #[test]
    fn so_it_is_at_every_moment_of_a_plan_that_is_refused_and_undone(
        (from, to) in prop_oneof![two_tables(), standby_tables()],
        window in 1..20_usize,
        refused in any::<prop::sample::Index>(),
        moment in any::<prop::sample::Index>(),
    ) {
        let plan = plan(&from, &to);
        prop_assume!(!plan.is_empty());
        let kernel = kernel_with(&from, window);
        let position = refused.index(plan.len());
        // The first run tells how many requests there are, the second stops at one of them.
        let rehearsal = kernel.fork();
        let refuse = BTreeSet::from([position]);
        rehearsal.set_faults(Faults { refuse: refuse.clone(), ..Faults::default() });
        prop_assert!(rehearsal.client().apply(&plan).is_err());
        let kill = Some(moment.index(rehearsal.written() + 1));
        kernel.set_faults(Faults { refuse, kill, ..Faults::default() });
        prop_assert!(kernel.client().apply(&plan).is_err());
        check_moment(&from, &table_of(&kernel), &to)?;
    }

    #[test]
    fn what_is_new_comes_first_and_what_goes_comes_last((from, to) in two_tables()) {
        let phase = |change: &Change| match change {
            Change::AddService(..) | Change::AddDestination(..) => 0,
            Change::EditService(..) | Change::EditDestination(..) => 1,
            Change::DeleteDestination(..) => 2,
            _ => 3,
        };
        let plan = plan(&from, &to);
        let phases: Vec<_> = plan.changes().map(phase).collect();
        prop_assert!(phases.is_sorted(), "{phases:?}");
        // A service that goes takes its servers with it: they are not removed before.
        for change in plan.changes() {
            if let Change::DeleteDestination(service, _) = change {
                prop_assert!(to.service(service).is_some());
            }
        }
        // A new service is followed by its servers, with nothing between.
        let mut new = None;
        for change in plan.changes() {
            match change {
                Change::AddService(key, _) => new = Some(*key),
                Change::AddDestination(service, ..) if from.service(service).is_none() => {
                    prop_assert_eq!(new, Some(*service));
                }
                _ => new = None,
            }
        }
    }
}

#[test]
fn the_stand_in_is_up_before_the_server_goes_down() {
    let service = ServiceKey::tcp("192.0.2.1:80".parse::<SocketAddr>().unwrap());
    let server = |last| DestinationKey::from(SocketAddr::from(([10, 0, 0, last], 80)));
    let table = |servers: &[(u8, u32, u32)]| {
        let mut table = Table::new();
        table.apply(&Change::AddService(service, ServiceConfig::default())).unwrap();
        for &(last, weight, upper_threshold) in servers {
            let config =
                DestinationConfig { weight, upper_threshold, ..DestinationConfig::default() };
            table.apply(&Change::AddDestination(service, server(last), config)).unwrap();
        }
        table
    };
    let edited = |from, to| -> Vec<DestinationKey> {
        plan(&table(from), &table(to))
            .changes()
            .map(|change| match change {
                Change::EditDestination(_, key, _) => *key,
                other => panic!("{other:?}"),
            })
            .collect()
    };
    assert_eq!(edited(&[(1, 1, 0), (2, 0, 0)], &[(1, 0, 0), (2, 1, 0)]), [server(2), server(1)]);
    // At the same weight it is the threshold, of which 0 is the highest.
    assert_eq!(edited(&[(1, 1, 0), (2, 1, 9)], &[(1, 1, 9), (2, 1, 0)]), [server(2), server(1)]);
    assert_eq!(edited(&[(1, 1, 9), (2, 1, 5)], &[(1, 1, 5), (2, 1, 9)]), [server(2), server(1)]);
}

#[test]
fn nothing_is_taken_away_before_all_that_is_given_was_accepted() {
    let service = ServiceKey::tcp(([192, 0, 2, 1], 80));
    let table = |first: Option<u32>, second: u32| {
        let mut table = Table::new();
        table.apply(&Change::AddService(service, ServiceConfig::default())).unwrap();
        for (port, weight) in [(1, first), (2, Some(second))] {
            let Some(weight) = weight else { continue };
            let config = DestinationConfig { weight, ..DestinationConfig::default() };
            let key = DestinationKey::from(([10, 0, 0, 1], port));
            table.apply(&Change::AddDestination(service, key, config)).unwrap();
        }
        table
    };
    let from = table(Some(1), 0);
    for to in [table(Some(0), 1), table(None, 1)] {
        let kernel = kernel_with(&from, 256);
        kernel.set_faults(Faults { refuse: [0].into(), ..Faults::default() });
        kernel.client().apply(&plan(&from, &to)).unwrap_err();
        assert_eq!(kernel.written(), 1, "the refused change, and nothing behind it");
    }
}
