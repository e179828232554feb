//! Each refusal of the kernel has its own kind and the text of `ipvsadm` 1.31.

use ipvs::{
    Change, Client, DaemonConfig, DaemonRole, DestinationConfig, DestinationKey, Error, Operation,
    RefusalKind, ServiceConfig, ServiceKey, Timeouts,
};

use crate::codec::Request;
use crate::fake::{Fake, ask, client};
use crate::numbers::errno::*;

fn key() -> ServiceKey {
    ServiceKey::tcp(([192, 0, 2, 1], 80))
}

/// Every change, by the name of its operation.
fn changes() -> [(Operation, Change); 12] {
    let service = ServiceConfig::default();
    let server = DestinationKey::from(([10, 0, 0, 1], 80));
    let config = DestinationConfig::default();
    let daemon = DaemonConfig::new("eth0".parse().expect("a name"));
    [
        (Operation::AddService, Change::AddService(key(), service)),
        (Operation::EditService, Change::EditService(key(), service)),
        (Operation::DeleteService, Change::DeleteService(key())),
        (Operation::ZeroService, Change::ZeroService(key())),
        (Operation::AddDestination, Change::AddDestination(key(), server, config)),
        (Operation::EditDestination, Change::EditDestination(key(), server, config)),
        (Operation::DeleteDestination, Change::DeleteDestination(key(), server)),
        (Operation::StartDaemon, Change::StartDaemon(DaemonRole::Master, daemon)),
        (Operation::StopDaemon, Change::StopDaemon(DaemonRole::Master)),
        (Operation::Flush, Change::Flush),
        (Operation::ZeroAll, Change::ZeroAll),
        (Operation::SetTimeouts, Change::SetTimeouts(Timeouts::default())),
    ]
}

/// The text for an error number that means the same for every operation.
const EVERYWHERE: [(i32, RefusalKind, &str); 8] = [
    (EPERM, RefusalKind::PermissionDenied, "Permission denied (you must be root)"),
    (
        EINVAL,
        RefusalKind::Invalid,
        "Invalid operation.  Possibly wrong module version, address not unicast, ...",
    ),
    (EOPNOTSUPP, RefusalKind::NotSupportedWithIpv6, "Operation not supported with IPv6"),
    (
        EAFNOSUPPORT,
        RefusalKind::AddressFamilyNotSupported,
        "Operation not supported with specified address family",
    ),
    (ENOMEM, RefusalKind::OutOfMemory, "Memory allocation problem"),
    (EMSGSIZE, RefusalKind::WrongModuleVersion, "Module is wrong version"),
    (ENOPROTOOPT, RefusalKind::ProtocolNotAvailable, "Protocol not available"),
    (ERANGE, RefusalKind::Other, "Numerical result out of range"),
];

/// The kind and text of error numbers that mean different things for different operations.
fn special(operation: Operation, errno: i32) -> (RefusalKind, &'static str) {
    use Operation::*;
    match (errno, operation) {
        (EEXIST, AddService) => (RefusalKind::ServiceExists, "Service already exists"),
        (ENOENT, AddService | EditService) => {
            (RefusalKind::SchedulerNotFound, "Scheduler or persistence engine not found")
        }
        (ESRCH, EditService | DeleteService | ZeroService | ReadService) => {
            (RefusalKind::NoSuchService, "No such service")
        }
        (ESRCH, AddDestination | EditDestination | DeleteDestination) => {
            (RefusalKind::ServiceNotDefined, "Service not defined")
        }
        (EEXIST, AddDestination) => (RefusalKind::DestinationExists, "Destination already exists"),
        (ENOENT, EditDestination | DeleteDestination) => {
            (RefusalKind::NoSuchDestination, "No such destination")
        }
        (EEXIST, StartDaemon) => (RefusalKind::DaemonRunning, "Daemon has already run"),
        (ESRCH, StopDaemon) => (RefusalKind::DaemonNotRunning, "No daemon is running"),
        // For other operations the text is the C library's.
        (EEXIST, _) => (RefusalKind::Other, "File exists"),
        (ENOENT, _) => (RefusalKind::Other, "No such file or directory"),
        (ESRCH, _) => (RefusalKind::Other, "No such process"),
        _ => unreachable!("{errno} is in the other table"),
    }
}

#[track_caller]
fn assert_refused(error: &Error, operation: Operation, errno: i32) {
    let (kind, text) = match EVERYWHERE.iter().find(|(number, ..)| *number == errno) {
        Some((_, kind, text)) => (*kind, *text),
        None => special(operation, errno),
    };
    let refusal = error.refusal().unwrap_or_else(|| panic!("{error} is no refusal"));
    assert_eq!((refusal.operation, refusal.errno), (operation, errno));
    assert_eq!((refusal.kind(), refusal.to_string().as_str()), (kind, text), "{operation:?}");
    assert_eq!(error.refusal_kind(), Some(kind));
    assert_eq!(error.to_string(), text, "the error says what the refusal says");
}

fn every_errno() -> impl Iterator<Item = i32> {
    EVERYWHERE.iter().map(|(errno, ..)| *errno).chain([EEXIST, ENOENT, ESRCH])
}

#[test]
fn each_error_number_has_its_text_for_each_change() {
    for (operation, change) in changes() {
        for errno in every_errno() {
            let error = ask(move |r| vec![r.refused(errno, None)], |client| client.change(&change));
            assert_refused(&error.expect_err("it was refused"), operation, errno);
        }
    }
}

#[test]
fn each_error_number_has_its_text_in_a_batch() {
    for (operation, change) in changes() {
        for errno in every_errno() {
            let (mut client, _) =
                client(move |requests| vec![Ok(requests[0].refused_capped(errno, None))]);
            let mut batch = client.batch();
            batch.push(0, &change).expect("it is taken");
            batch.flush().expect("it is answered");
            let (_, refusal) = batch.take_refused().remove(0);
            assert_refused(&Error::from(refusal), operation, errno);
        }
    }
}

#[test]
fn each_error_number_has_its_text_for_each_query() {
    type Question = fn(&mut Client<Fake>) -> crate::Result<()>;
    let questions: [(Operation, Question); 6] = [
        (Operation::ReadService, |client| client.service(&key()).map(drop)),
        (Operation::Read, |client| client.services().map(drop)),
        (Operation::Read, |client| client.destinations(&key()).map(drop)),
        (Operation::Read, |client| client.daemons().map(drop)),
        (Operation::Read, |client| client.timeouts().map(drop)),
        (Operation::Read, |client| client.info().map(drop)),
    ];
    for (operation, question) in questions {
        for errno in every_errno() {
            let error = ask(move |request| vec![request.refused(errno, None)], question);
            assert_refused(&error.expect_err("it was refused"), operation, errno);
        }
    }
}

/// Kernels differ in how much of the request a refusal echoes, and in whether it has an
/// explanation.
#[test]
fn the_kernels_explanation_is_kept_in_every_form_of_refusal() {
    type Refuse = fn(&Request, Option<&str>) -> Vec<u8>;
    let ways: [(&str, Refuse); 3] = [
        ("whole", |request, text| request.refused(EINVAL, text)),
        ("capped", |request, text| request.refused_capped(EINVAL, text)),
        ("at the end of a dump", |request, text| request.done(EINVAL, text)),
    ];
    for (way, refuse) in ways {
        for words in [None, Some("scheduler is not to my taste"), Some("")] {
            let error = ask(move |r| vec![refuse(r, words)], |client| client.services());
            let error = error.expect_err("it was refused");
            let refusal = error.refusal().expect("a refusal");
            assert_eq!(refusal.kernel_text.as_deref(), words, "{way}");
            assert_eq!(refusal.kind(), RefusalKind::Invalid, "{way}");
        }
    }
}

#[test]
fn an_unknown_error_number_has_a_text() {
    let error = ask(|request| vec![request.refused(4095, None)], |client| client.flush());
    let error = error.expect_err("it was refused");
    assert_eq!(error.refusal_kind(), Some(RefusalKind::Other));
    assert_eq!(error.to_string(), "Unknown error 4095");
}

#[test]
fn an_unknown_family_means_that_ipvs_is_not_available() {
    let fake = Fake::new(|requests| vec![Ok(requests[0].refused_capped(ENOENT, None))]);
    let error = Client::with_transport(fake).expect_err("there is no such family");
    assert!(matches!(error, Error::NotAvailable), "{error}");
    assert_eq!(error.refusal(), None);
}

#[test]
fn any_other_refusal_of_the_look_up_is_a_refusal() {
    let fake = Fake::new(|requests| vec![Ok(requests[0].refused_capped(EPERM, None))]);
    let error = Client::with_transport(fake).expect_err("it was refused");
    assert_refused(&error, Operation::Read, EPERM);
}

#[test]
fn errors_other_than_refusals_have_no_kind() {
    assert_eq!(Error::RepliesLost.refusal_kind(), None);
    assert_eq!(Error::NotAvailable.refusal_kind(), None);
}
