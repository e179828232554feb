//! Plans that the caller stops.

use ipvs::{Aftermath, ApplyError, Change, OnRefusal, Plan};
use proptest::collection::btree_set;
use proptest::prelude::*;

use crate::kernel::{Faults, MemoryKernel};
use crate::states::two_states;
use crate::{cases, kernel_with, plan, state_of};

/// The number of datagrams that this many changes fill, of which so many set settings: each of
/// these goes by itself, and all of them come first, or last where they are undone.
fn datagrams(changes: usize, settings: usize, window: usize) -> usize {
    settings + (changes - settings).div_ceil(window)
}

/// The number of changes that undo the first `count` steps if none of them was refused. Removing a
/// new service removes its new servers.
fn changes_to_undo(plan: &Plan, count: usize) -> usize {
    let mut added = Vec::new();
    let mut changes = 0;
    for step in &plan.steps()[..count] {
        match step.change() {
            Change::AddService(key, _) => added.push(*key),
            Change::AddDestination(service, ..) if added.contains(service) => continue,
            _ => {}
        }
        changes += step.undo().len();
    }
    changes
}

/// Stops before the datagram `stop_before`, counted from 0, and checks that `stop` was called
/// before each datagram. Returns false if the plan ended earlier.
fn check_stopped(
    kernel: &MemoryKernel,
    plan: &Plan,
    on_refusal: OnRefusal,
    stop_before: usize,
    window: usize,
) -> Result<bool, TestCaseError> {
    let from = state_of(kernel);
    let mut asked = 0;
    let mut written = 0;
    let outcome = kernel.client().apply_with(plan, on_refusal, || {
        assert_eq!(kernel.datagrams(), asked, "it is asked before each datagram, and only then");
        asked += 1;
        written = kernel.written();
        let stop = asked > stop_before;
        if stop {
            // Undoing is not refused.
            kernel.stop_refusing();
        }
        stop
    });
    if asked <= stop_before {
        prop_assert!(outcome.is_ok());
        prop_assert_eq!(kernel.datagrams(), asked);
        return Ok(false);
    }
    prop_assert_eq!(asked, stop_before + 1, "it is not asked again, nor while undoing");
    let error = outcome.unwrap_err();
    prop_assert!(
        matches!(error, ApplyError::Stopped { aftermath: Aftermath::Restored }),
        "{:?}",
        error
    );
    prop_assert_eq!(error.to_string(), "stopped; the previous state is restored");
    prop_assert!(error.refused().is_empty() && error.error().is_none());
    prop_assert_eq!(state_of(kernel), from);
    if kernel.refused() == 0 {
        let undoing = changes_to_undo(plan, written);
        prop_assert_eq!(kernel.written(), written + undoing);
        let settings = plan.summary().settings_changed.min(written);
        prop_assert_eq!(kernel.datagrams(), stop_before + datagrams(undoing, settings, window));
    }
    Ok(true)
}

proptest! {
    #![proptest_config(cases(300))]

    #[test]
    fn a_plan_stopped_before_any_datagram_leaves_the_state_as_it_was(
        (from, to) in two_states(),
        window in 1..10_usize,
        refuse in btree_set(0..40_usize, 0..4),
    ) {
        let plan = plan(&from, &to);
        let full = kernel_with(&from, window);
        for on_refusal in [OnRefusal::Undo, OnRefusal::Continue] {
            // With best effort refusals do not end a plan, and cause no undoing.
            let refuse = if on_refusal == OnRefusal::Continue { refuse.clone() } else { [].into() };
            for stop_before in 0.. {
                let kernel = full.fork();
                kernel.set_faults(Faults { refuse: refuse.clone(), ..Faults::default() });
                if check_stopped(&kernel, &plan, on_refusal, stop_before, window)? {
                    continue;
                }
                // Each datagram has changes from one side of the first loss only, which can take
                // one datagram more.
                let (least, most) = match on_refusal {
                    OnRefusal::Continue => (0, 0),
                    OnRefusal::Undo => (0, 1),
                };
                let datagrams = datagrams(plan.len(), plan.summary().settings_changed, window);
                prop_assert!(
                    (datagrams + least..=datagrams + most).contains(&kernel.datagrams()),
                    "{} changes in {} datagrams", plan.len(), kernel.datagrams()
                );
                break;
            }
        }
    }
}

#[test]
fn an_empty_plan_never_calls_stop_and_sends_nothing() {
    let kernel = MemoryKernel::new(8);
    for on_refusal in [OnRefusal::Undo, OnRefusal::Continue] {
        let refused = kernel.client().apply_with(&Plan::default(), on_refusal, || true).unwrap();
        assert_eq!(refused, []);
        assert_eq!(kernel.datagrams(), 0);
    }
}

#[test]
fn a_refused_plan_is_not_stopped_as_well() {
    let kernel = MemoryKernel::new(1);
    let mut to = state_of(&kernel);
    to.timeouts.tcp_seconds = 1;
    let plan = plan(&state_of(&kernel), &to);
    kernel.set_faults(Faults { refuse: [0].into(), ..Faults::default() });
    let mut asked = 0;
    let outcome = kernel.client().apply_with(&plan, OnRefusal::Undo, || {
        asked += 1;
        asked > 1
    });
    assert!(matches!(outcome, Err(ApplyError::Refused { .. })), "{outcome:?}");
    assert_eq!(asked, 1);
}
