//! A `Rehearsal` accepts and refuses what the kernel does, with the same outcome.

use ipvs::{
    Change, DaemonConfig, DaemonRole, DaemonState, Error, RefusalKind, Rehearsal, ServiceKey,
    Timeouts,
};
use proptest::prelude::*;

use crate::kernel::{LONGEST_TIMEOUT, MemoryKernel};
use crate::outcome::with_daemons_as_reported;
use crate::states::{changes, two_states};
use crate::tables::name;
use crate::{ROLES, cases, kernel_with, mixes_families, state_of};

/// The same outcome, or the same refusal.
fn check_same<T: PartialEq + std::fmt::Debug>(
    change: &Change,
    kernel: Result<T, Error>,
    rehearsed: Result<T, Error>,
) -> Result<(), TestCaseError> {
    match (kernel, rehearsed) {
        (Ok(kernel), Ok(rehearsed)) => prop_assert_eq!(kernel, rehearsed, "{:?}", change),
        (Err(Error::Refused(kernel)), Err(Error::Refused(rehearsed))) => {
            prop_assert_eq!(kernel, rehearsed, "{:?}", change);
        }
        (Err(Error::Config(kernel)), Err(Error::Config(rehearsed))) => {
            prop_assert_eq!(kernel, rehearsed, "{:?}", change);
        }
        (kernel, rehearsed) => prop_assert!(false, "{change:?}: {kernel:?} but {rehearsed:?}"),
    }
    Ok(())
}

fn is_zeroing(change: &Change) -> bool {
    matches!(change, Change::ZeroAll | Change::ZeroService(_))
}

proptest! {
    #![proptest_config(cases(1500))]

    #[test]
    fn each_change_is_accepted_or_refused_as_by_the_kernel(
        (from, _) in two_states(),
        changes in changes(),
    ) {
        let kernel = kernel_with(&from, 8);
        let mut client = kernel.client();
        let mut rehearsal = Rehearsal::new(from);
        for change in &changes {
            let before = kernel.fork();
            let taken = client.change(change);
            let outcome = taken.map(|()| !kernel.is_in_state_of(&before) || is_zeroing(change));
            check_same(change, outcome, rehearsal.change(change))?;
        }
        prop_assert_eq!(with_daemons_as_reported(rehearsal.state()), client.state().unwrap());
        prop_assert_eq!(&rehearsal.clone().into_state(), rehearsal.state());
    }

    #[test]
    fn nothing_is_assumed_about_unknown_daemons(
        (from, _) in two_states(),
        changes in changes(),
    ) {
        let kernel = kernel_with(&from, 8);
        let mut client = kernel.client();
        let mut rehearsed = from;
        (rehearsed.master, rehearsed.backup) = (None, None);
        let mut rehearsal = Rehearsal::new(rehearsed);
        for change in &changes {
            let known = |role| rehearsal.state().daemon(role).is_some();
            let all_known = ROLES.into_iter().all(known);
            let this_known = match change {
                Change::StartDaemon(role, _) | Change::StopDaemon(role) => known(*role),
                _ => true,
            };
            let taken = client.change(change);
            let rehearsed = rehearsal.change(change).map(drop);
            match (change, taken, rehearsed) {
                // Only the kernel knew whether it runs.
                (Change::StartDaemon(role, _), Err(error), Ok(())) if !this_known => {
                    prop_assert_eq!(error.refusal_kind(), Some(RefusalKind::DaemonRunning));
                    prop_assert!(matches!(
                        rehearsal.state().daemon(*role),
                        Some(DaemonState::Running(_))
                    ));
                }
                (Change::StopDaemon(role), Err(error), Ok(())) if !this_known => {
                    prop_assert_eq!(error.refusal_kind(), Some(RefusalKind::DaemonNotRunning));
                    prop_assert_eq!(rehearsal.state().daemon(*role), Some(DaemonState::Stopped));
                }
                // A daemon that only the kernel knows about makes it refuse the server, before it
                // checks anything else. If the rehearsal accepts it, the two differ from here on.
                (
                    Change::AddDestination(service, server, _)
                    | Change::EditDestination(service, server, _),
                    Err(Error::Refused(refusal)),
                    rehearsed,
                ) if !all_known
                    && service.family() != server.family()
                    && refusal.kind() == RefusalKind::Invalid =>
                {
                    if rehearsed.is_ok() {
                        return Ok(());
                    }
                }
                (_, taken, rehearsed) => check_same(change, taken, rehearsed)?,
            }
            for (role, start) in ROLES.into_iter().zip(kernel.daemon_starts()) {
                let Some(rehearsed) = rehearsal.state().daemon(role) else { continue };
                let runs = matches!(rehearsed, DaemonState::Running(_));
                prop_assert_eq!(runs, start.is_some(), "the {} daemon after {:?}", role, change);
            }
        }
        let now = state_of(&kernel);
        prop_assert_eq!(&rehearsal.state().table, &now.table);
        prop_assert_eq!(rehearsal.state().timeouts, now.timeouts);
    }
}

#[test]
fn changes_not_about_services_leave_the_table_alone() {
    let key = ServiceKey::tcp("192.0.2.1:80".parse::<std::net::SocketAddr>().unwrap());
    let start = Change::StartDaemon(DaemonRole::Backup, DaemonConfig::new(name("eth0")));
    let timeouts = Timeouts { udp_seconds: 7, ..Timeouts::default() };
    let mut rehearsal = Rehearsal::default();
    for (change, outcome) in [
        (Change::ZeroAll, Ok(true)),
        (Change::ZeroService(key), Err(RefusalKind::NoSuchService)),
        (Change::SetTimeouts(Timeouts::default()), Ok(false)),
        (Change::SetTimeouts(timeouts), Ok(true)),
        (Change::SetTimeouts(timeouts), Ok(false)),
        (Change::StopDaemon(DaemonRole::Master), Ok(true)),
        (Change::StopDaemon(DaemonRole::Master), Err(RefusalKind::DaemonNotRunning)),
        (start, Ok(true)),
        (start, Err(RefusalKind::DaemonRunning)),
        (Change::StopDaemon(DaemonRole::Backup), Ok(true)),
        (Change::Flush, Ok(false)),
    ] {
        let result = rehearsal.change(&change).map_err(|error| error.refusal_kind().unwrap());
        assert_eq!(result, outcome, "{change:?}");
        assert!(rehearsal.state().table.is_empty());
    }
    assert_eq!(rehearsal.into_state().timeouts, timeouts);
}

#[test]
fn conditions_that_only_the_kernel_knows_are_not_checked() {
    let mut rehearsal = Rehearsal::new(state_of(&MemoryKernel::new(8)));
    for change in [
        // The length of a tick
        Change::SetTimeouts(Timeouts { tcp_seconds: LONGEST_TIMEOUT + 1, ..Timeouts::default() }),
        // The network interfaces
        Change::StartDaemon(DaemonRole::Master, DaemonConfig::new(name("nosuch0"))),
    ] {
        assert!(MemoryKernel::new(8).client().change(&change).is_err(), "{change:?}");
        assert!(rehearsal.change(&change).unwrap(), "{change:?}");
    }
    assert!(!mixes_families(&rehearsal.state().table));
}
