//! Each refusal that a kernel can be made to give has its own kind, and the text of `ipvsadm`.

use std::process::Command;

use ipvs::{
    Change, Client, DaemonConfig, DaemonRole, DestinationConfig, Namespace, Operation, RefusalKind,
    ServiceConfig, Timeouts,
};

use super::{connect, in_batch, name, scheduler, server, tcp, udp};
use crate::harness::KernelTest;
use crate::netns::Netns;

pub(crate) fn tests() -> Vec<KernelTest> {
    crate::tests![
        each_refusal_has_its_kind_and_text,
        a_refused_change_changes_nothing,
        without_permission_everything_is_refused,
        no_server_is_accepted_before_loopback_was_ever_up,
    ]
}

const WEB: &str = "10.0.0.1:80";

/// A namespace with a service, a server and a daemon.
fn with_one_of_each() -> (Netns, Client) {
    let ns = Netns::new();
    let mut client = connect(&ns);
    client.add_service(&tcp(WEB), &scheduler("rr")).expect("it is added");
    let config = DestinationConfig { weight: 5, ..Default::default() };
    client.add_destination(&tcp(WEB), &server("10.0.0.9:80"), &config).expect("it is added");
    client.start_daemon(DaemonRole::Master, &daemon()).expect("it is started");
    (ns, client)
}

fn daemon() -> DaemonConfig {
    DaemonConfig::new(name("lo"))
}

#[track_caller]
fn assert_words<T: std::fmt::Debug>(
    result: Result<T, ipvs::Error>,
    operation: Operation,
    kind: RefusalKind,
    words: &str,
) {
    let error = result.expect_err("it is refused");
    let refusal = error.refusal().unwrap_or_else(|| panic!("{error}"));
    assert_eq!((refusal.operation, refusal.kind()), (operation, kind), "{error}");
    assert_eq!(error.to_string(), words);
}

/// Changes that are refused in this namespace, each with the kind of refusal and its text.
fn refused_changes() -> Vec<(Change, RefusalKind, &'static str)> {
    use Change::*;
    let (here, missing) = (tcp(WEB), udp(WEB));
    let (there, absent) = (server("10.0.0.9:80"), server("10.0.0.9:81"));
    let config = DestinationConfig::default();
    let (rr, unknown) = (scheduler("rr"), scheduler("nosuch"));
    let engine = ServiceConfig { persistence_engine: Some(name("nosuch")), ..rr };
    let not_found = "Scheduler or persistence engine not found";
    let invalid = "Invalid operation.  Possibly wrong module version, address not unicast, ...";
    let range = "Numerical result out of range";
    let heavy = DestinationConfig { weight: u32::MAX, ..config };
    use RefusalKind as Kind;
    vec![
        (AddService(here, rr), Kind::ServiceExists, "Service already exists"),
        (AddService(missing, unknown), Kind::SchedulerNotFound, not_found),
        (EditService(here, unknown), Kind::SchedulerNotFound, not_found),
        (AddService(missing, engine), Kind::SchedulerNotFound, not_found),
        (EditService(here, engine), Kind::SchedulerNotFound, not_found),
        (EditService(missing, rr), Kind::NoSuchService, "No such service"),
        (DeleteService(missing), Kind::NoSuchService, "No such service"),
        (ZeroService(missing), Kind::NoSuchService, "No such service"),
        (AddDestination(missing, there, config), Kind::ServiceNotDefined, "Service not defined"),
        (EditDestination(missing, there, config), Kind::ServiceNotDefined, "Service not defined"),
        (DeleteDestination(missing, there), Kind::ServiceNotDefined, "Service not defined"),
        (
            AddDestination(here, there, config),
            Kind::DestinationExists,
            "Destination already exists",
        ),
        (EditDestination(here, absent, config), Kind::NoSuchDestination, "No such destination"),
        (DeleteDestination(here, absent), Kind::NoSuchDestination, "No such destination"),
        (AddDestination(here, server("224.0.0.1:80"), config), Kind::Invalid, invalid),
        (AddDestination(here, absent, heavy), Kind::Other, range),
        (EditDestination(here, there, heavy), Kind::Other, range),
        (StartDaemon(DaemonRole::Master, daemon()), Kind::DaemonRunning, "Daemon has already run"),
        (StopDaemon(DaemonRole::Backup), Kind::DaemonNotRunning, "No daemon is running"),
        (
            StartDaemon(DaemonRole::Backup, DaemonConfig::new(name("nosuch0"))),
            Kind::Other,
            "No such device",
        ),
        (
            SetTimeouts(Timeouts { tcp_seconds: u32::MAX, tcp_fin_seconds: 0, udp_seconds: 0 }),
            Kind::Invalid,
            invalid,
        ),
    ]
}

fn each_refusal_has_its_kind_and_text() {
    let (_ns, mut client) = with_one_of_each();
    for (change, kind, words) in refused_changes() {
        assert_words(client.change(&change), Operation::from(&change), kind, words);
    }
    let one = client.service(&udp(WEB));
    assert_words(one, Operation::ReadService, RefusalKind::NoSuchService, "No such service");
}

fn a_refused_change_changes_nothing() {
    let (_ns, mut client) = with_one_of_each();
    let state = |client: &mut Client| {
        let table = client.snapshot().expect("a table");
        (table, client.daemons().expect("a list"), client.timeouts().expect("an answer"))
    };
    let before = state(&mut client);
    for (change, ..) in refused_changes() {
        client.change(&change).expect_err("it is refused");
        assert_eq!(state(&mut client), before, "{change:?}");
    }
}

/// The kernel requires `CAP_NET_ADMIN` to read and to write, which this thread gives up.
fn without_permission_everything_is_refused() {
    let (ns, mut root) = with_one_of_each();
    let before = root.snapshot().expect("a table");
    ns.enter(|| {
        rustix::thread::set_thread_uid(rustix::process::Uid::from_raw(65534)).expect("root may");
        let mut client = Client::new().expect("anyone may look up the family");
        let words = "Permission denied (you must be root)";
        let denied = RefusalKind::PermissionDenied;
        let changes = refused_changes().into_iter().map(|(change, ..)| change);
        for change in changes.chain([Change::Flush, Change::ZeroAll]) {
            assert_words(client.change(&change), Operation::from(&change), denied, words);
        }
        assert_words(client.services(), Operation::Read, denied, words);
        assert_words(client.snapshot(), Operation::Read, denied, words);
        assert_words(client.destinations(&tcp(WEB)), Operation::Read, denied, words);
        assert_words(client.service(&tcp(WEB)), Operation::ReadService, denied, words);
        assert_words(client.daemons(), Operation::Read, denied, words);
        assert_words(client.timeouts(), Operation::Read, denied, words);
        assert_words(client.info(), Operation::Read, denied, words);

        let refused = in_batch(&mut client, &vec![Change::Flush; 10_000]);
        assert!(refused.iter().map(|(tag, _)| *tag).eq(0..10_000), "none is lost");
        assert!(refused.iter().all(|(_, refusal)| refusal.kind() == denied));
    });
    assert_eq!(root.snapshot().expect("a table"), before);
}

/// There is no table of local routes yet. Once there is one, it stays when loopback goes down.
fn no_server_is_accepted_before_loopback_was_ever_up() {
    let made = Command::new("ip").args(["netns", "add", "never-up"]).status().expect("ip runs");
    assert!(made.success());
    let client = Client::in_namespace(&Namespace::find("never-up").expect("it is there"));
    let mut client = client.expect("IPVS is there");
    let loopback = |state: &str| {
        let set = Command::new("ip").args(["-n", "never-up", "link", "set", "lo", state]).status();
        assert!(set.expect("ip runs").success());
    };
    client.add_service(&tcp(WEB), &scheduler("rr")).expect("a service needs no route");
    let add = |client: &mut Client, at: &str| {
        client.add_destination(&tcp(WEB), &server(at), &Default::default())
    };
    for at in ["10.0.0.9:80", "127.0.0.1:80"] {
        let words = "Invalid operation.  Possibly wrong module version, address not unicast, ...";
        let added = add(&mut client, at);
        assert_words(added, Operation::AddDestination, RefusalKind::Invalid, words);
    }
    loopback("up");
    add(&mut client, "10.0.0.9:80").expect("now it is taken");
    loopback("down");
    add(&mut client, "10.0.0.10:80").expect("and still is");
    drop(client);
    let gone = Command::new("ip").args(["netns", "delete", "never-up"]).status().expect("ip runs");
    assert!(gone.success());
}
