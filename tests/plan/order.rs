//! Properties that hold at each moment of a plan.

use std::collections::BTreeSet;
use std::net::SocketAddr;

use ipvs::{
    Change, DaemonState, DestinationConfig, DestinationKey, Rehearsal, ServiceConfig, ServiceKey,
    State, Table,
};
use proptest::prelude::*;

use crate::kernel::Faults;
use crate::outcome::{outcome, with_daemons_as_reported};
use crate::states::{serving_states, two_states};
use crate::{ROLES, cases, kernel_with, kernel_with_table, mixes_families, plan, state_of};

/// True if a server of the service gets new connections.
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

/// A server's share of new connections: its weight, and at the same weight its upper threshold, of
/// which 0 is the highest.
fn share(config: &DestinationConfig) -> (u32, u64) {
    let threshold = match config.upper_threshold {
        0 => u64::from(u32::MAX) + 1,
        threshold => threshold.into(),
    };
    (config.weight, threshold)
}

/// Everything that both states have, `now` has too.
fn check_moment(from: &State, now: &State, to: &State) -> Result<(), TestCaseError> {
    for (service, entry) in from.table.services() {
        if to.table.service(service).is_none() {
            continue;
        }
        prop_assert!(now.table.service(service).is_some(), "{service} is away");
        for (server, before) in entry.destinations() {
            let Some(after) = config(&to.table, service, server) else { continue };
            let now = config(&now.table, service, server);
            prop_assert!(now.is_some(), "{server} of {service} is away");
            prop_assert!(
                now.is_some_and(|now| now.weight >= before.weight.min(after.weight)),
                "{server} of {service} has less weight than both tables give it"
            );
        }
        if serves(&from.table, service) && serves(&to.table, service) {
            prop_assert!(serves(&now.table, service), "{service} has no server");
        }
    }
    prop_assert!([from.timeouts, to.timeouts].contains(&now.timeouts), "{:?}", now.timeouts);
    for role in ROLES {
        let (before, now, after) = (from.daemon(role), now.daemon(role), to.daemon(role));
        // A daemon that is restarted is away for a moment.
        let away = now == Some(DaemonState::Stopped) && before != after;
        prop_assert!([before, after].contains(&now) || away, "the {role} daemon is {now:?}");
    }
    Ok(())
}

/// Everything in `from` is there, except perhaps for daemons, which have to stop before they start
/// with other settings, or before servers are added that the kernel does not allow with them.
fn check_nothing_lost(from: &State, now: &State) -> Result<(), TestCaseError> {
    for (service, entry) in from.table.services() {
        prop_assert!(now.table.service(service).is_some(), "{service} is away");
        for (server, before) in entry.destinations() {
            let now = config(&now.table, service, server);
            prop_assert!(
                now.is_some_and(|now| share(now) >= share(before)),
                "{server} of {service} has lost something"
            );
        }
    }
    Ok(())
}

/// The kinds of steps, in the order of a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Phase {
    Set,
    MakeRoom,
    Add,
    Edit,
    Settings,
    Lessen,
    RemoveServer,
    RemoveService,
    UseRoom,
}

fn phase(change: &Change, from: &State, to: &State) -> Phase {
    match change {
        Change::AddService(..) | Change::AddDestination(..) => Phase::Add,
        Change::EditService(..) => Phase::Edit,
        Change::EditDestination(service, key, after) => {
            let before = config(&from.table, service, key).expect("a server that is there");
            if share(after) < share(before) { Phase::Lessen } else { Phase::Edit }
        }
        Change::SetSetting(..) => Phase::Set,
        Change::StopDaemon(_) if mixes_families(&to.table) => Phase::MakeRoom,
        Change::StartDaemon(..) if mixes_families(&from.table) => Phase::UseRoom,
        Change::SetTimeouts(_) | Change::StartDaemon(..) | Change::StopDaemon(_) => Phase::Settings,
        Change::DeleteDestination(..) => Phase::RemoveServer,
        Change::DeleteService(_) => Phase::RemoveService,
        Change::Flush | Change::ZeroAll | Change::ZeroService(_) => {
            panic!("a plan has no {change:?}")
        }
    }
}

proptest! {
    #![proptest_config(cases(4000))]

    #[test]
    fn every_moment_of_a_plan_has_what_both_states_have((from, to) in serving_states()) {
        let plan = plan(&from, &to);
        let mut end = Rehearsal::new(from.clone());
        for change in plan.changes() {
            prop_assert!(end.change(change).unwrap(), "{change:?} changes nothing");
        }
        prop_assert_eq!(with_daemons_as_reported(end.state()), outcome(&from, &to));

        let mut now = Rehearsal::new(from.clone());
        for step in plan.steps() {
            let before = now.clone();
            now.change(step.change()).unwrap();
            check_moment(&from, now.state(), end.state())?;

            // The undoing of each step restores the state from before it.
            let mut undone = now.clone();
            for change in step.undo() {
                undone.change(&change).unwrap();
            }
            prop_assert_eq!(undone.state(), before.state());
        }
        prop_assert_eq!(now.state(), end.state());
    }

    #[test]
    fn every_moment_of_a_refused_and_undone_plan_has_what_both_states_have(
        (from, to) in serving_states(),
        window in 1..20_usize,
        refused in any::<prop::sample::Index>(),
        moment in any::<prop::sample::Index>(),
    ) {
        let plan = plan(&from, &to);
        prop_assume!(!plan.is_empty());
        let kernel = kernel_with(&from, window);
        let position = refused.index(plan.len());
        // The first run counts the requests. In the second, one of them is refused.
        let rehearsal = kernel.fork();
        let refuse = BTreeSet::from([position]);
        rehearsal.set_faults(Faults { refuse: refuse.clone(), ..Faults::default() });
        prop_assert!(rehearsal.client().apply(&plan).is_err());
        let kill = Some(moment.index(rehearsal.written() + 1));
        kernel.set_faults(Faults { refuse, kill, ..Faults::default() });
        prop_assert!(kernel.client().apply(&plan).is_err());
        let now = state_of(&kernel);
        check_moment(&from, &now, &outcome(&from, &to))?;

        let change = plan.steps()[position].change();
        if phase(change, &from, &to) <= Phase::Settings {
            // If it was refused before the first loss, nothing was lost.
            check_nothing_lost(&from, &now)?;
        }
    }

    #[test]
    fn additions_come_first_and_removals_last((from, to) in two_states()) {
        let plan = plan(&from, &to);
        let phases: Vec<_> = plan.changes().map(|change| phase(change, &from, &to)).collect();
        prop_assert!(phases.is_sorted(), "{phases:?}");
        // A removed service takes its servers with it. They are not removed before.
        for change in plan.changes() {
            if let Change::DeleteDestination(service, _) = change {
                prop_assert!(to.table.service(service).is_some());
            }
        }
        // A new service is directly followed by its servers.
        let mut new = None;
        for change in plan.changes() {
            match change {
                Change::AddService(key, _) => new = Some(*key),
                Change::AddDestination(service, ..) if from.table.service(service).is_none() => {
                    prop_assert_eq!(new, Some(*service));
                }
                _ => new = None,
            }
        }
    }
}

#[test]
fn the_replacement_is_up_before_the_server_goes_down() {
    let service = ServiceKey::tcp("192.0.2.1:80".parse::<SocketAddr>().unwrap());
    let server = |last| DestinationKey::from(SocketAddr::from(([10, 0, 0, last], 80)));
    let state = |servers: &[(u8, u32, u32)]| {
        let mut table = Table::new();
        let entry = table.insert(service, ServiceConfig::default());
        for &(last, weight, upper_threshold) in servers {
            let config =
                DestinationConfig { weight, upper_threshold, ..DestinationConfig::default() };
            entry.insert(server(last), config);
        }
        State::from(table)
    };
    let edited = |from, to| -> Vec<DestinationKey> {
        plan(&state(from), &state(to))
            .changes()
            .map(|change| match change {
                Change::EditDestination(_, key, _) => *key,
                other => panic!("{other:?}"),
            })
            .collect()
    };
    assert_eq!(edited(&[(1, 1, 0), (2, 0, 0)], &[(1, 0, 0), (2, 1, 0)]), [server(2), server(1)]);
    // At the same weight the upper threshold decides, of which 0 is the highest.
    assert_eq!(edited(&[(1, 1, 0), (2, 1, 9)], &[(1, 1, 9), (2, 1, 0)]), [server(2), server(1)]);
    assert_eq!(edited(&[(1, 1, 9), (2, 1, 5)], &[(1, 1, 5), (2, 1, 9)]), [server(2), server(1)]);
}

#[test]
fn nothing_is_lost_before_everything_else_was_accepted() {
    let service = ServiceKey::tcp(([192, 0, 2, 1], 80));
    let table = |first: Option<u32>, second: u32| {
        let mut table = Table::new();
        let entry = table.insert(service, ServiceConfig::default());
        for (port, weight) in [(1, first), (2, Some(second))] {
            let Some(weight) = weight else { continue };
            let config = DestinationConfig { weight, ..DestinationConfig::default() };
            entry.insert(DestinationKey::from(([10, 0, 0, 1], port)), config);
        }
        table
    };
    for to in [table(Some(0), 1), table(None, 1)] {
        let (kernel, from) = kernel_with_table(&table(Some(1), 0), 256);
        kernel.set_faults(Faults { refuse: [0].into(), ..Faults::default() });
        kernel.client().apply(&plan(&from, &to.into())).unwrap_err();
        assert_eq!(kernel.written(), 1, "the refused change, and nothing behind it");
    }
}

#[test]
fn settings_come_first_but_those_of_a_scheduler_after_its_service() {
    let mut to = State::default();
    to.table.insert(
        ServiceKey::tcp(([192, 0, 2, 1], 80)),
        ServiceConfig::new("lblc".parse().expect("a name")),
    );
    to.timeouts.tcp_seconds = 7;
    for name in ["lblc_expiration", "expire_nodest_conn", "am_droprate"] {
        to.settings.insert(name.parse().expect("a name"), 9.into());
    }
    let plan = plan(&State::default(), &to);
    let lines: Vec<String> = plan
        .changes()
        .map(|change| ipvs::rules::Line::new(change).expect("a rule").to_string())
        .collect();
    assert_eq!(
        lines,
        [
            "--settings am_droprate=9",
            "--settings expire_nodest_conn=9",
            "-A -t 192.0.2.1:80 -s lblc",
            "--settings lblc_expiration=9",
            "--set 7 0 0",
        ]
    );
    assert_eq!(plan.summary().to_string(), "1 service added, 3 settings changed, timeouts changed");
    // What the kernel begins with, once it has the scheduler.
    let undo: Vec<_> = plan.steps()[3].undo();
    let setting = "lblc_expiration".parse().expect("a name");
    assert_eq!(undo, [Change::SetSetting(setting, 86_400.into())]);
}
