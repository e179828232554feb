//! The programs in `examples/`, each run on a real table.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use ipvs::{Client, ServiceConfig, ServiceKey};

use crate::harness::KernelTest;
use crate::netns::{Netns, NsCommand, Ran};
use crate::program;

pub(crate) fn tests() -> Vec<KernelTest> {
    let tests = crate::tests![
        list_names_a_namespace_it_does_not_find,
        list_shows_services_and_servers,
        load_applies_what_the_kernel_accepts,
        load_changes_nothing_if_a_line_is_not_a_rule,
        reconcile_changes_one_service_and_then_nothing,
        reconcile_undoes_everything_if_the_kernel_refuses_a_server,
        reconcile_refuses_arguments_it_cannot_read,
        watch_refuses_arguments_it_cannot_read,
        watch_shows_changes_and_traffic,
    ];
    tests.into_iter().map(|test| test.after(program::build_examples)).collect()
}

fn example<'ns>(ns: &'ns Netns, name: &str) -> NsCommand<'ns> {
    ns.command(program::example(name))
}

/// The table as Debian's `ipvsadm` saves it.
fn saved(ns: &Netns) -> String {
    ns.reference(["-S", "-n"]).success().stdout
}

#[track_caller]
fn assert_fails(ran: &Ran, code: i32, stderr: &str) {
    assert_eq!(ran.code(), Some(code), "{ran:?}");
    assert!(ran.stderr.contains(stderr), "{ran:?}");
}

const OTHER: &str = "-A -u 192.0.2.9:53 -s rr\n-a -u 192.0.2.9:53 -r 10.0.0.9:53 -m -w 1\n";

/// A namespace whose table has a service that `reconcile` is not to touch.
fn with_other_service() -> Netns {
    let ns = Netns::new();
    ns.command(program::reference()).arg("-R").stdin(OTHER).run().success();
    ns
}

fn reconcile(ns: &Netns, servers: &[&str]) -> Ran {
    example(ns, "reconcile").arg("TCP 192.0.2.1:80").args(servers).run()
}

fn reconcile_changes_one_service_and_then_nothing() {
    let ns = with_other_service();
    let servers = ["10.0.0.1:8080", "10.0.0.2:8080=3"];
    let rules = "-A -t 192.0.2.1:80 -s wrr\n\
        -a -t 192.0.2.1:80 -r 10.0.0.1:8080 -m -w 1\n\
        -a -t 192.0.2.1:80 -r 10.0.0.2:8080 -m -w 3\n";
    let first = reconcile(&ns, &servers).success();
    let summary = "TCP 192.0.2.1:80: 1 service added, 2 servers added, 1 unchanged\n";
    assert_eq!(first.stdout, format!("{rules}{summary}"));
    assert_eq!(saved(&ns), format!("{rules}{OTHER}"));

    let second = reconcile(&ns, &servers).success();
    let nothing = "TCP 192.0.2.1:80: 2 services unchanged, 3 servers unchanged\n";
    assert_eq!(second.stdout, nothing);
    assert_eq!(saved(&ns), format!("{rules}{OTHER}"));

    let third = reconcile(&ns, &["10.0.0.2:8080=1", "10.0.0.3:8080=1"]).success();
    assert_eq!(
        third.stdout,
        "-a -t 192.0.2.1:80 -r 10.0.0.3:8080 -m -w 1\n\
         -e -t 192.0.2.1:80 -r 10.0.0.2:8080 -m -w 1\n\
         -d -t 192.0.2.1:80 -r 10.0.0.1:8080\n\
         TCP 192.0.2.1:80: 1 server added, 1 edited, 1 removed, 1 unchanged\n"
    );
    let rules = "-A -t 192.0.2.1:80 -s wrr\n\
        -a -t 192.0.2.1:80 -r 10.0.0.2:8080 -m -w 1\n\
        -a -t 192.0.2.1:80 -r 10.0.0.3:8080 -m -w 1\n";
    assert_eq!(saved(&ns), format!("{rules}{OTHER}"));
}

fn reconcile_undoes_everything_if_the_kernel_refuses_a_server() {
    let ns = with_other_service();
    reconcile(&ns, &["10.0.0.1:8080"]).success();
    let before = saved(&ns);
    // The kernel takes the first of these, and then refuses a multicast address.
    let refused = reconcile(&ns, &["10.0.0.1:8080=7", "10.0.0.2:8080", "224.0.0.1:8080"]);
    assert_fails(&refused, 1, "add server 224.0.0.1:8080 to TCP 192.0.2.1:80");
    assert_fails(&refused, 1, "; the previous state is restored\n");
    assert_eq!(refused.stdout, "");
    assert_eq!(saved(&ns), before);
}

fn reconcile_refuses_arguments_it_cannot_read() {
    let ns = with_other_service();
    assert_fails(&example(&ns, "reconcile").run(), 2, "usage: reconcile ");
    for (service, server, error) in [
        ("192.0.2.1:80", "10.0.0.1:80", r#""192.0.2.1:80" is not a virtual service"#),
        ("TCP 192.0.2.1:80", "10.0.0.1", r#""10.0.0.1" is not an address with a port"#),
        ("TCP 192.0.2.1:80", "10.0.0.1:80=x", r#"10.0.0.1:80=x: "x" is not a weight"#),
        ("TCP 192.0.2.1:80", "10.0.0.1:80=2147483648", "is not a weight"),
    ] {
        assert_fails(&example(&ns, "reconcile").args([service, server]).run(), 1, error);
    }
    let twice = reconcile(&ns, &["10.0.0.1:80", "10.0.0.1:80=2"]);
    assert_fails(&twice, 1, "10.0.0.1:80 is given twice");
    assert_eq!(saved(&ns), OTHER);
}

fn load_applies_what_the_kernel_accepts() {
    let ns = Netns::new();
    // The third line adds a server that is there already.
    let rules = "-A -t 192.0.2.1:80 -s rr\n\
        -a -t 192.0.2.1:80 -r 10.0.0.1:80 -m -w 1\n\
        -a -t 192.0.2.1:80 -r 10.0.0.1:80 -m -w 2\n\
        # The last one\n\
        -a -t 192.0.2.1:80 -r 10.0.0.2:80 -m -w 1\n";
    let loaded = example(&ns, "load").stdin(rules).run();
    let refusal = "line 3: -a -t 192.0.2.1:80 -r 10.0.0.1:80 -m -w 2: Destination already exists\n";
    assert_eq!((loaded.code(), loaded.stderr.as_str()), (Some(1), refusal));
    assert!(loaded.stdout.starts_with("3 of 4 rules applied in "), "{loaded:?}");
    assert_eq!(
        saved(&ns),
        "-A -t 192.0.2.1:80 -s rr\n\
         -a -t 192.0.2.1:80 -r 10.0.0.1:80 -m -w 1\n\
         -a -t 192.0.2.1:80 -r 10.0.0.2:80 -m -w 1\n"
    );
    // What was saved can be loaded elsewhere.
    let other = Netns::new();
    let loaded = example(&other, "load").stdin(saved(&ns)).run().success();
    assert!(loaded.stdout.starts_with("3 of 3 rules applied in "), "{loaded:?}");
    assert_eq!(saved(&other), saved(&ns));
}

fn load_changes_nothing_if_a_line_is_not_a_rule() {
    let ns = Netns::new();
    let loaded = example(&ns, "load").stdin("-A -t 192.0.2.1:80 -s rr\n-A -t nowhere\n").run();
    assert_fails(&loaded, 2, "load: line 2: ");
    assert_eq!((loaded.stdout.as_str(), saved(&ns).as_str()), ("", ""));
}

fn list_shows_services_and_servers() {
    let ns = Netns::named("listed");
    let rules = "-A -t 192.0.2.1:80 -s wrr -p 300\n\
        -a -t 192.0.2.1:80 -r 10.0.0.1:80 -m -w 3\n\
        -a -t 192.0.2.1:80 -r 10.0.0.2:80 -m -w 0\n\
        -A -f 5 -6 -s rr\n";
    ns.command(program::reference()).arg("-R").stdin(rules).run().success();
    let expected = "
TCP 192.0.2.1:80, scheduler wrr, persistent for 300 s
    0 connections and 0 bytes since it was added
    1 of 2 servers take new connections
    10.0.0.1:80, weight 3: 0 active, 0 inactive
    10.0.0.2:80, weight 0: 0 active, 0 inactive

FWM 5 IPv6, scheduler rr
    0 connections and 0 bytes since it was added
    0 of 0 servers take new connections
";
    let elsewhere = Netns::new();
    for listed in [
        example(&ns, "list").run().success(),
        example(&elsewhere, "list").arg("listed").run().success(),
    ] {
        let (first, rest) = listed.stdout.split_once('\n').expect("a first line");
        assert!(first.starts_with("IPVS 1.2.1, "), "{first}");
        assert_eq!(rest, expected);
    }
}

fn list_names_a_namespace_it_does_not_find() {
    let ns = Netns::new();
    let listed = example(&ns, "list").arg("no-such").run();
    assert_fails(&listed, 1, "list: network namespace no-such: not found in /run/netns");
    assert_fails(&example(&ns, "list").args(["a", "b"]).run(), 2, "usage: list ");
}

fn watch_shows_changes_and_traffic() {
    let ns = Netns::new();
    ns.ip("address add 192.0.2.1/32 dev lo");
    let rules = "-A -t 192.0.2.1:80 -s rr\n-a -t 192.0.2.1:80 -r 192.0.2.1:8080 -m -w 1\n";
    ns.command(program::reference()).arg("-R").stdin(rules).run().success();
    let server = ns.enter(|| TcpListener::bind("192.0.2.1:8080")).expect("a server");
    let service = SocketAddr::from(([192, 0, 2, 1], 80));
    let watched = thread::scope(|scope| {
        let watch = scope.spawn(|| example(&ns, "watch").args(["4", "2"]).run().success());
        let mut port = 1000;
        while !watch.is_finished() {
            ns.enter(|| TcpStream::connect(service)).expect("a connection");
            server.accept().expect("the same");
            let key = ServiceKey::udp(([192, 0, 2, 1], port));
            ns.enter(|| Client::new()?.add_service(&key, &ServiceConfig::default()))
                .expect("added");
            port += 1;
            thread::sleep(Duration::from_millis(500));
        }
        watch.join().expect("it ends by itself")
    });
    let (added, traffic): (Vec<&str>, Vec<&str>) =
        watched.stdout.lines().partition(|line| line.starts_with("-A "));
    assert!(!added.is_empty() && !traffic.is_empty(), "{watched:?}");
    for line in added {
        assert!(line.starts_with("-A -u 192.0.2.1:10") && line.ends_with(" -s wlc"), "{line}");
    }
    let mut fastest = 0.0;
    for line in traffic {
        let rates = line.strip_prefix("TCP 192.0.2.1:80: ").unwrap_or_else(|| panic!("{line}"));
        let (connections, rest) = rates.split_once(" conn/s, ").expect("connections");
        assert!(rest.contains(" packets/s, ") && rest.ends_with(" B/s"), "{line}");
        // At most two a second were made. The kernel copies its counters every two seconds: three
        // times within one interval of four, at worst.
        let connections: f64 = connections.parse().expect("a number");
        assert!(connections <= 3.1, "{watched:?}");
        fastest = connections.max(fastest);
    }
    assert!(fastest > 0.0, "{watched:?}");
}

fn watch_refuses_arguments_it_cannot_read() {
    let ns = Netns::new();
    for arguments in [&["x"][..], &["0"], &["1", "0"], &["1", "1", "1"]] {
        assert_fails(&example(&ns, "watch").args(arguments).run(), 2, "usage: watch ");
    }
}
