//! Clients for other namespaces than their thread's.

use super::{connect, scheduler, tcp};
use crate::harness::KernelTest;
use crate::netns::Netns;
use ipvs::{Client, Error};
use std::process::{Child, Command};

pub(crate) fn tests() -> Vec<KernelTest> {
    crate::tests![
        a_namespace_is_found_by_name_path_and_process,
        a_client_in_a_namespace_leaves_its_thread_where_it_is,
        many_threads_may_have_clients_in_many_namespaces,
        a_client_stays_with_its_namespace_when_it_changes_threads,
        a_thread_that_enters_a_namespace_has_its_table,
        a_namespace_that_is_not_there_is_named,
        what_is_no_network_namespace_is_refused,
    ]
}

/// A namespace with this many services.
fn with_services(count: u16) -> Netns {
    let ns = Netns::new();
    let mut client = connect(&ns);
    for port in 1..=count {
        let key = tcp(&format!("10.0.0.1:{port}"));
        client.add_service(&key, &scheduler("rr")).expect("it is added");
    }
    ns
}

fn count(client: &mut Client) -> usize {
    client.services().expect("a list").len()
}

/// A process in a namespace, ended when dropped.
struct Sleeper(Child);

impl Sleeper {
    fn new(ns: &Netns) -> Sleeper {
        Sleeper(ns.enter(|| Command::new("sleep").arg("60").spawn()).expect("sleep starts"))
    }
}

impl Drop for Sleeper {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn a_namespace_is_found_by_name_path_and_process() {
    let ns = with_services(3);
    let sleeper = Sleeper::new(&ns);
    let process = sleeper.0.id();
    let paths = [format!("/run/netns/{}", ns.name()), format!("/proc/{process}/ns/net")];
    for namespace in [ns.name().to_owned(), process.to_string()].iter().chain(&paths) {
        let mut client = Client::in_namespace(namespace).expect("it is there");
        assert_eq!(count(&mut client), 3, "{namespace}");
    }
}

fn a_client_in_a_namespace_leaves_its_thread_where_it_is() {
    let (here, there) = (with_services(1), with_services(2));
    here.enter(|| {
        let mut other = Client::in_namespace(there.name()).expect("it is there");
        let mut own = Client::new().expect("IPVS is there");
        assert_eq!((count(&mut own), count(&mut other)), (1, 2));
    });
}

fn many_threads_may_have_clients_in_many_namespaces() {
    let namespaces = [with_services(1), with_services(2), with_services(3)];
    std::thread::scope(|scope| {
        for round in 0..4 {
            for (expected, ns) in (1..).zip(&namespaces) {
                scope.spawn(move || {
                    let mut client = Client::in_namespace(ns.name()).expect("it is there");
                    for _ in 0..5 {
                        assert_eq!(count(&mut client), expected, "round {round}");
                    }
                });
            }
        }
    });
}

fn a_client_stays_with_its_namespace_when_it_changes_threads() {
    let (here, there) = (with_services(1), with_services(2));
    let mut client = Client::in_namespace(there.name()).expect("it is there");
    assert_eq!(here.enter(|| count(&mut client)), 2);
    // And when its name is gone.
    drop(there);
    assert_eq!(count(&mut client), 2);
}

fn a_thread_that_enters_a_namespace_has_its_table() {
    let ns = with_services(2);
    let found = std::thread::scope(|scope| {
        let inside = scope.spawn(|| {
            ipvs::enter_namespace(ns.name()).expect("it is there");
            count(&mut Client::new().expect("IPVS is there"))
        });
        inside.join().expect("it does not panic")
    });
    assert_eq!(found, 2);
    let error = ipvs::enter_namespace("no-such-namespace").expect_err("it is not there");
    assert!(matches!(error, Error::Namespace { .. }), "{error}");
}

fn a_namespace_that_is_not_there_is_named() {
    for missing in ["no-such-namespace", "/run/netns/no-such-namespace", "4194305"] {
        match Client::in_namespace(missing) {
            Err(Error::Namespace { namespace, source }) => {
                assert_eq!(namespace, missing);
                assert_eq!(source.kind(), std::io::ErrorKind::NotFound);
            }
            other => panic!("{missing}: {other:?}"),
        }
    }
}

fn what_is_no_network_namespace_is_refused() {
    for other in ["/proc/self/ns/mnt", "/etc/passwd", "/proc", "", ".."] {
        let result = Client::in_namespace(other);
        assert!(matches!(result, Err(Error::Namespace { .. })), "{other:?}: {result:?}");
    }
}
