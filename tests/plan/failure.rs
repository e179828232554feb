//! Properties that hold when a plan fails.

use std::net::SocketAddr;

use ipvs::{
    AddressFamily, Aftermath, ApplyError, ConfigError, DaemonConfig, DaemonRole, DaemonState,
    DestinationConfig, DestinationKey, Error, Netmask, OnRefusal, Persistence, RefusalKind,
    Service, ServiceConfig, ServiceKey, Snapshot, SnapshotEntry, State, Table, Timeouts,
};
use proptest::prelude::*;

use crate::kernel::{Faults, MemoryKernel};
use crate::outcome::outcome;
use crate::states::two_states;
use crate::tables::name;
use crate::{cases, kernel_with, kernel_with_table, plan, state_of};

const WAYS: [OnRefusal; 2] = [OnRefusal::Undo, OnRefusal::Continue];

proptest! {
    #![proptest_config(cases(400))]

    #[test]
    fn a_plan_refused_at_any_step_leaves_the_state_as_it_was(
        (from, to) in two_states(),
        window in 1..10_usize,
    ) {
        let plan = plan(&from, &to);
        let full = kernel_with(&from, window);
        for (position, change) in plan.changes().enumerate() {
            let kernel = full.fork();
            kernel.set_faults(Faults { refuse: [position].into(), ..Faults::default() });
            let error = kernel.client().apply(&plan).unwrap_err();
            let first = &error.refused()[0];
            prop_assert_eq!((first.index, &first.change), (position, change));
            prop_assert_eq!(first.refusal.kind(), RefusalKind::OutOfMemory);
            prop_assert!(matches!(error, ApplyError::Refused { .. }), "{}", error);
            prop_assert!(error.error().is_none());
            // Nothing is undone that was not carried out, and nothing out of order.
            prop_assert_eq!(kernel.refused(), error.refused().len());
            prop_assert!(matches!(error.aftermath(), Aftermath::Restored), "{}", error);
            prop_assert_eq!(&state_of(&kernel), &from);
            let text = error.to_string();
            prop_assert!(text.starts_with(&format!("change {} (", position + 1)), "{}", text);
            prop_assert!(text.ends_with("; the previous state is restored"), "{}", text);
        }
    }
}

proptest! {
    #![proptest_config(cases(1500))]

    #[test]
    fn if_undoing_is_refused_too_the_error_has_the_difference(
        (from, to) in two_states(),
        window in 1..10_usize,
        refuse in prop::collection::vec((0..60_usize, 1..30_usize), 1..4),
    ) {
        let kernel = kernel_with(&from, window);
        let refuse = refuse.into_iter().flat_map(|(at, count)| at..at + count).collect();
        kernel.set_faults(Faults { refuse, ..Faults::default() });
        let plan = plan(&from, &to);
        let applied = kernel.client().apply(&plan);
        kernel.set_faults(Faults::default());
        match applied {
            Ok(()) => prop_assert_eq!(state_of(&kernel), outcome(&from, &to)),
            Err(error) => match error.aftermath() {
                Aftermath::Restored => prop_assert_eq!(state_of(&kernel), from),
                Aftermath::Differs { way_back, .. } => {
                    prop_assert!(!way_back.is_empty());
                    prop_assert_ne!(&state_of(&kernel), &from);
                    kernel.client().apply(way_back).unwrap();
                    prop_assert_eq!(state_of(&kernel), from);
                }
                other => prop_assert!(false, "{other:?}"),
            },
        }
    }

    #[test]
    fn if_replies_are_lost_the_state_is_read_to_find_out_what_to_undo(
        (from, to) in two_states(),
        window in 1..10_usize,
        at in any::<prop::sample::Index>(),
        also_refused in prop::option::of(0..40_usize),
        on_refusal in prop::sample::select(&WAYS[..]),
    ) {
        let plan = plan(&from, &to);
        // Setting a setting has no reply.
        let settings = plan.summary().settings_changed;
        prop_assume!(plan.len() > settings);
        let kernel = kernel_with(&from, window);
        kernel.set_faults(Faults {
            lose_replies: Some(settings + at.index(plan.len() - settings)),
            refuse: also_refused.into_iter().collect(),
            ..Faults::default()
        });
        // With best effort a refusal is no reason to undo, but a lost reply is.
        let applied = kernel.client().apply_with(&plan, on_refusal, || false);
        let error = applied.unwrap_err();
        if also_refused.is_none() {
            prop_assert!(matches!(error, ApplyError::Failed { .. }), "{}", error);
            prop_assert!(matches!(error.error(), Some(Error::RepliesLost)), "{}", error);
            prop_assert!(error.refused().is_empty());
            prop_assert_eq!(kernel.refused(), 0, "it was not known, but guessed");
        }
        match error.aftermath() {
            Aftermath::Restored => prop_assert_eq!(state_of(&kernel), from),
            // The other refusal may have been of an undoing change.
            Aftermath::Differs { way_back, .. } => {
                prop_assert!(also_refused.is_some_and(|at| kernel.written() > at));
                kernel.set_faults(Faults::default());
                kernel.client().apply(way_back).unwrap();
                prop_assert_eq!(state_of(&kernel), from);
            }
            other => prop_assert!(false, "{other:?}"),
        }
    }
}

proptest! {
    #![proptest_config(cases(1500))]

    #[test]
    fn if_a_datagram_was_not_sent_only_what_was_carried_out_is_undone(
        (from, to) in two_states(),
        window in 1..10_usize,
        at in any::<prop::sample::Index>(),
        on_refusal in prop::sample::select(&WAYS[..]),
    ) {
        let plan = plan(&from, &to);
        prop_assume!(!plan.is_empty());
        let kernel = kernel_with(&from, window);
        let fail_send = Some(at.index(plan.len()));
        kernel.set_faults(Faults { fail_send, ..Faults::default() });
        let applied = kernel.client().apply_with(&plan, on_refusal, || false);
        let error = applied.unwrap_err();
        prop_assert!(matches!(error, ApplyError::Failed { .. }), "{}", error);
        let error_fits = matches!(error.error(), Some(Error::Socket(_) | Error::Settings(..)));
        prop_assert!(error_fits, "{}", error);
        prop_assert!(matches!(error.aftermath(), Aftermath::Restored), "{}", error);
        prop_assert_eq!(state_of(&kernel), from);
        prop_assert_eq!(kernel.refused(), 0, "it was not known, but guessed");
    }
}

fn web() -> ServiceKey {
    ServiceKey::tcp("192.0.2.1:80".parse::<SocketAddr>().unwrap())
}

fn server(address: &str) -> DestinationKey {
    address.parse::<SocketAddr>().unwrap().into()
}

fn table_with(servers: &[(&str, u32)]) -> Table {
    let mut table = Table::new();
    let entry = table.insert(web(), ServiceConfig::default());
    for (address, weight) in servers {
        let config = DestinationConfig { weight: *weight, ..DestinationConfig::default() };
        entry.insert(server(address), config);
    }
    table
}

#[test]
fn a_new_service_and_its_new_servers_are_undone_in_one_change() {
    let kernel = MemoryKernel::new(1);
    let from = state_of(&kernel);
    let to = table_with(&[("10.0.0.1:80", 1), ("10.0.0.2:80", 1), ("10.0.0.3:80", 1)]);
    kernel.set_faults(Faults { refuse: [3].into(), ..Faults::default() });
    let error = kernel.client().apply(&plan(&from, &to.into())).unwrap_err();
    assert!(matches!(error.aftermath(), Aftermath::Restored), "{error}");
    assert_eq!(state_of(&kernel), from);
    assert_eq!(kernel.written(), 5, "four to get there, one to get back");
}

#[test]
fn if_the_state_cannot_be_read_after_a_failure_the_error_says_so() {
    let (kernel, from) = kernel_with_table(&table_with(&[("10.0.0.1:80", 1)]), 1);
    let to = table_with(&[("10.0.0.1:80", 2), ("10.0.0.2:80", 1)]);
    // The second change is refused, and so is the one that undoes the first.
    kernel.set_faults(Faults {
        refuse: [1, 2].into(),
        no_reading_after: Some(2),
        ..Faults::default()
    });
    let error = kernel.client().apply(&plan(&from, &to.into())).unwrap_err();
    assert!(matches!(error.aftermath(), Aftermath::Unknown(Error::Socket(_))), "{error}");
    let text = error.to_string();
    assert!(text.contains("; undoing failed, and the state is unknown: "), "{text}");
}

#[test]
fn an_error_names_the_change_and_what_would_restore_the_state() {
    let (kernel, from) = kernel_with_table(&table_with(&[("10.0.0.1:80", 1)]), 1);
    let to = table_with(&[("10.0.0.1:80", 2), ("10.0.0.2:80", 1)]);
    kernel.set_faults(Faults { refuse: (1..9).collect(), ..Faults::default() });
    let error = kernel.client().apply(&plan(&from, &to.into())).unwrap_err();
    assert_eq!(
        error.to_string(),
        "change 2 (edit server 10.0.0.1:80 of TCP 192.0.2.1:80): Memory allocation problem; \
         undoing failed, and to restore the previous state takes: \
         remove server 10.0.0.2:80 of TCP 192.0.2.1:80"
    );
    let Aftermath::Differs { refused, .. } = error.aftermath() else { panic!("it differs") };
    assert_eq!(refused.len(), 1);
}

#[test]
fn an_error_names_timeouts_and_daemons() {
    let (kernel, from) = kernel_with_table(&Table::new(), 1);
    let mut to = State::default();
    to.timeouts = Timeouts { tcp_seconds: 7200, ..Timeouts::default() };
    to.master = Some(DaemonState::Running(DaemonConfig::new(name("eth1"))));
    to.backup = Some(DaemonState::Running(DaemonConfig::new(name("nosuch0"))));
    let plan = plan(&from, &to);
    let error = kernel.client().apply(&plan).unwrap_err();
    assert_eq!(
        error.to_string(),
        "change 3 (start the backup daemon): No such device; the previous state is restored"
    );
    assert_eq!(state_of(&kernel), from);

    kernel.set_faults(Faults { refuse: (2..9).collect(), ..Faults::default() });
    let error = kernel.client().apply(&plan).unwrap_err();
    assert_eq!(
        error.to_string(),
        "change 3 (start the backup daemon): Memory allocation problem; undoing failed, and to \
         restore the previous state takes: set timeouts, stop the master daemon"
    );
}

#[test]
fn changes_by_another_program_are_left_alone() {
    // It added the same service first, with a server of its own.
    let kernel = MemoryKernel::new(8);
    let to = table_with(&[("10.0.0.1:80", 1)]);
    let plan = plan(&state_of(&kernel), &to.into());
    let theirs = State::from(table_with(&[("10.0.0.9:80", 9)]));
    kernel.client().apply(&crate::plan(&state_of(&kernel), &theirs)).unwrap();

    let error = kernel.client().apply(&plan).unwrap_err();
    assert_eq!(error.refused().len(), 1);
    assert_eq!(error.refused()[0].refusal.kind(), RefusalKind::ServiceExists);
    assert!(matches!(error.aftermath(), Aftermath::Restored), "{error}");
    let now = state_of(&kernel);
    assert_eq!(now.table, theirs.table, "our server is gone from it, theirs is not");
}

/// Another program sets a timeout and starts a daemon after the state is read and before the plan
/// fails.
fn check_others_settings_stay(faults: Faults) {
    let (kernel, from) = kernel_with_table(&Table::new(), 1);
    let mut to = State::from(table_with(&[("10.0.0.1:80", 1)]));
    to.timeouts = Timeouts { tcp_seconds: 7200, ..Timeouts::default() };
    let config = DaemonConfig { sync_id: 7, ..DaemonConfig::new(name("eth0")) };
    to.backup = Some(DaemonState::Running(config));

    let mut client = kernel.client();
    client.set_timeouts(&Timeouts { udp_seconds: 77, ..Timeouts::default() }).unwrap();
    client.start_daemon(DaemonRole::Master, &config).unwrap();
    let theirs = client.state().unwrap();
    kernel.set_faults(faults);
    let error = client.apply(&plan(&from, &to)).unwrap_err();
    assert!(matches!(error.aftermath(), Aftermath::Restored), "{error}");
    assert_eq!(client.state().unwrap(), theirs);
}

#[test]
fn timeouts_and_daemons_set_by_others_stay() {
    // The plan adds a service and a server, sets a timeout and starts the backup daemon.
    check_others_settings_stay(Faults { refuse: [3].into(), ..Faults::default() });
    check_others_settings_stay(Faults { lose_replies: Some(2), ..Faults::default() });
    check_others_settings_stay(Faults { lose_replies: Some(3), ..Faults::default() });
}

#[test]
fn a_netmask_of_the_wrong_family_is_found_before_anything_is_sent() {
    let kernel = MemoryKernel::new(8);
    let persistence =
        Persistence { timeout_seconds: 300, netmask: Netmask::host(AddressFamily::V6) };
    let config = ServiceConfig { persistence: Some(persistence), ..ServiceConfig::default() };
    let entry = |key, config| SnapshotEntry::new(Service::new(key, config), Vec::new());
    let other = ServiceKey::tcp("192.0.2.1:22".parse::<SocketAddr>().unwrap());
    let snapshot =
        Snapshot::new(vec![entry(other, ServiceConfig::default()), entry(web(), config)]);
    let plan = plan(&state_of(&kernel), &snapshot.table().into());
    let error = kernel.client().apply(&plan).unwrap_err();
    assert!(
        matches!(error.error(), Some(Error::Config(ConfigError::NetmaskFamily { .. }))),
        "{error}"
    );
    assert!(matches!(error.aftermath(), Aftermath::Restored), "{error}");
    assert!(kernel.client().apply_best_effort(&plan).is_err());
    assert_eq!(kernel.written(), 0);
}
