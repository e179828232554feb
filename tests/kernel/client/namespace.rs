//! Clients for other namespaces than their thread's.

use std::process::{Child, Command};

use ipvs::{Client, Error, Namespace};

use super::{connect, scheduler, tcp};
use crate::harness::KernelTest;
use crate::netns::Netns;

pub(crate) fn tests() -> Vec<KernelTest> {
    crate::tests![
        a_namespace_is_found_by_name_path_and_process,
        a_client_in_a_namespace_leaves_its_thread_where_it_is,
        many_threads_can_have_clients_in_many_namespaces,
        a_client_stays_with_its_namespace_when_it_changes_threads,
        a_thread_that_enters_a_namespace_has_its_table,
        an_error_names_the_namespace_that_does_not_exist,
        files_that_are_not_network_namespaces_are_refused,
        namespaces_of_docker_are_found_by_name,
        a_number_that_is_a_name_is_not_a_process,
        an_open_namespace_outlives_its_name,
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

/// A client for an existing namespace.
#[track_caller]
fn client_in(namespace: &str) -> Client {
    let namespace = Namespace::find(namespace).expect("it is there");
    Client::in_namespace(&namespace).expect("IPVS is there")
}

fn count(client: &mut Client) -> usize {
    client.services().expect("a list").len()
}

/// A process in a namespace, which is ended on drop.
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
        let mut client = client_in(namespace);
        assert_eq!(count(&mut client), 3, "{namespace}");
    }
}

fn a_client_in_a_namespace_leaves_its_thread_where_it_is() {
    let (here, there) = (with_services(1), with_services(2));
    here.enter(|| {
        let mut other = client_in(there.name());
        let mut own = Client::new().expect("IPVS is there");
        assert_eq!((count(&mut own), count(&mut other)), (1, 2));
    });
}

fn many_threads_can_have_clients_in_many_namespaces() {
    let namespaces = [with_services(1), with_services(2), with_services(3)];
    std::thread::scope(|scope| {
        for round in 0..4 {
            for (expected, ns) in (1..).zip(&namespaces) {
                scope.spawn(move || {
                    let mut client = client_in(ns.name());
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
    let mut client = client_in(there.name());
    assert_eq!(here.enter(|| count(&mut client)), 2);
    // And when its name has been removed
    drop(there);
    assert_eq!(count(&mut client), 2);
}

fn a_thread_that_enters_a_namespace_has_its_table() {
    let ns = with_services(2);
    let found = std::thread::scope(|scope| {
        let inside = scope.spawn(|| {
            let namespace = Namespace::named(ns.name()).expect("it is there");
            namespace.enter().expect("it is a namespace");
            count(&mut Client::new().expect("IPVS is there"))
        });
        inside.join().expect("it does not panic")
    });
    assert_eq!(found, 2);
}

fn an_error_names_the_namespace_that_does_not_exist() {
    for missing in ["no-such-namespace", "/run/netns/no-such-namespace", "4194305"] {
        match Namespace::find(missing) {
            Err(Error::Namespace { namespace, source }) => {
                assert_eq!(namespace, missing);
                assert_eq!(source.kind(), std::io::ErrorKind::NotFound);
            }
            other => panic!("{missing}: {other:?}"),
        }
    }
}

fn files_that_are_not_network_namespaces_are_refused() {
    for other in ["/proc/self/ns/mnt", "/etc/passwd", "/proc"] {
        let namespace = Namespace::find(other).expect("it is there");
        let expected = format!("network namespace {other}: not a network namespace");
        for result in [namespace.enter(), Client::in_namespace(&namespace).map(drop)] {
            assert_eq!(result.expect_err(other).to_string(), expected);
        }
    }
    for other in ["", ".."] {
        assert!(matches!(Namespace::find(other), Err(Error::Namespace { .. })), "{other:?}");
    }
}

/// A name for a namespace in a folder, removed on drop.
struct Named(std::path::PathBuf);

impl Named {
    fn new(ns: &Netns, folder: &str, name: &str) -> Named {
        std::fs::create_dir_all(folder).expect("a folder");
        let path = std::path::Path::new(folder).join(name);
        // The file for a namespace is also found through a link.
        std::os::unix::fs::symlink(format!("/run/netns/{}", ns.name()), &path).expect("a link");
        Named(path)
    }
}

impl Drop for Named {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

fn namespaces_of_docker_are_found_by_name() {
    let (ours, dockers) = (with_services(1), with_services(2));
    let _named = Named::new(&dockers, "/run/docker/netns", "1-sandbox");
    assert_eq!(count(&mut client_in("1-sandbox")), 2);
    // The one of `ip netns` comes first.
    let _same = Named::new(&ours, "/run/netns", "1-sandbox");
    assert_eq!(count(&mut client_in("1-sandbox")), 1);
}

fn a_number_that_is_a_name_is_not_a_process() {
    let (named, of_process) = (with_services(1), with_services(2));
    let sleeper = Sleeper::new(&of_process);
    let process = sleeper.0.id();
    assert_eq!(count(&mut client_in(&process.to_string())), 2);
    for folder in ["/run/docker/netns", "/run/netns"] {
        let _named = Named::new(&named, folder, &process.to_string());
        assert_eq!(count(&mut client_in(&process.to_string())), 1, "{folder}");
    }
    let process = Namespace::of_process(process).expect("it runs");
    assert_eq!(count(&mut Client::in_namespace(&process).expect("IPVS is there")), 2);
}

fn an_open_namespace_outlives_its_name() {
    let ns = with_services(2);
    let namespace = Namespace::named(ns.name()).expect("it is there");
    drop(ns);
    assert_eq!(count(&mut Client::in_namespace(&namespace).expect("IPVS is there")), 2);
}
