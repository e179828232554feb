//! `--kick` ends the connections of one server, and leaves everything else as it was.

use std::ffi::OsString;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::os::unix::process::ExitStatusExt;
use std::time::{Duration, Instant};

use super::drain::{ONE, SERVICE, counts, from, load, run, saved, web};
use crate::harness::KernelTest;
use crate::live::interrupted::{library, run_between};
use crate::netns::Netns;
use crate::program;
use crate::schema::{assert_fits, parsed};

pub(crate) fn tests() -> Vec<KernelTest> {
    crate::tests![
        a_kick_ends_the_connections_of_its_server_alone,
        a_kick_is_of_one_service_of_every_kind,
        a_server_added_too_early_comes_back_with_its_connections,
        a_signal_at_any_moment_puts_everything_back,
        after_a_kill_at_any_moment_the_next_run_says_what_was_left,
    ]
}

const SETTING: &str = "net.ipv4.vs.expire_nodest_conn";

/// Connects 40 clients, each to its server, and returns the clients with the servers' ends.
fn pairs(ns: &Netns, listeners: &[TcpListener; 2]) -> [Vec<(TcpStream, TcpStream)>; 2] {
    let mut pairs = [Vec::new(), Vec::new()];
    for listener in listeners {
        listener.set_nonblocking(true).expect("a listener");
    }
    for _ in 0..40 {
        let client = ns.enter(|| TcpStream::connect("127.0.0.1:80")).expect("a connection");
        let begun = Instant::now();
        'found: loop {
            for (listener, pairs) in listeners.iter().zip(&mut pairs) {
                if let Ok((server, _)) = listener.accept() {
                    server.set_nonblocking(false).expect("a stream");
                    pairs.push((client, server));
                    break 'found;
                }
            }
            assert!(begun.elapsed() < Duration::from_secs(20), "no server has the connection");
        }
    }
    pairs
}

/// True if a byte passes both ways.
fn is_alive((client, server): &mut (TcpStream, TcpStream)) -> bool {
    let mut byte = [0];
    let pass = |from: &mut TcpStream, to: &mut TcpStream, byte: &mut [u8; 1]| {
        to.set_read_timeout(Some(Duration::from_secs(3))).expect("a timeout");
        from.write_all(b"x").and_then(|()| to.read_exact(byte)).is_ok()
    };
    pass(client, server, &mut byte) && pass(server, client, &mut byte)
}

fn a_kick_ends_the_connections_of_its_server_alone() {
    let ns = Netns::new();
    load(
        &ns,
        &format!(
            "-A {SERVICE} -s wrr\n-a {ONE} -m -w 3 -x 1000 -y 50\n-a {SERVICE} -r 127.0.0.1:9002 -m -w 3\n\
             -A -t 127.0.0.1:81 -s rr\n-a -t 127.0.0.1:81 -r 127.0.0.1:9001 -m\n"
        ),
    );
    let listeners = ns.enter(|| {
        ["127.0.0.1:9001", "127.0.0.1:9002"].map(|it| TcpListener::bind(it).expect("a listener"))
    });
    let [mut ours, mut others] = pairs(&ns, &listeners);
    assert_eq!((ours.len(), others.len()), (20, 20));
    // The same server in another service.
    let client = ns.enter(|| TcpStream::connect("127.0.0.1:81")).expect("a connection");
    let mut elsewhere = (client, listeners[0].accept().expect("a connection").0);
    elsewhere.1.set_nonblocking(false).expect("a stream");
    let before = saved(&ns);
    let dry = run(&ns, &format!("--kick {ONE} --dry-run"));
    let rules = format!(
        "--settings expire_nodest_conn=1\n-d {ONE}\n-a {ONE} -m -w 3 -x 1000 -y 50\n--settings \
         expire_nodest_conn=0\n"
    );
    assert_eq!((dry.code(), dry.stdout), (Some(1), rules));
    let begun = Instant::now();
    let ran = run(&ns, &format!("--kick {ONE}")).success();
    let took = begun.elapsed();
    println!("20 connections ended in {took:?}");
    assert!(took < Duration::from_secs(2), "{took:?}");
    assert_eq!(
        (ran.stdout.as_str(), ran.stderr.as_str()),
        ("127.0.0.1:9001 of TCP 127.0.0.1:80: 20 active connections ended\n", "")
    );
    assert_eq!(saved(&ns), before);
    assert_eq!(ns.read_sysctl(SETTING), "0");
    assert_eq!(counts(&ns), [(0, 0, 3), (20, 0, 3)]);
    assert!(others.iter_mut().all(is_alive), "a connection of another server has ended");
    assert!(is_alive(&mut elsewhere), "a connection of another service has ended");
    assert!(!is_alive(&mut ours[0]));
    // The setting stays on where it was on.
    ns.sysctl(SETTING, "1");
    let json = run(&ns, &format!("--kick {SERVICE} -r 127.0.0.1:9002 --then remove --json"));
    assert_fits(Some("operation"), &parsed(&json.stdout));
    assert_eq!(json.code(), Some(0), "{}", json.stderr);
    assert_eq!(parsed(&json.stdout)["servers"][0]["state"], "removed");
    assert_eq!(ns.read_sysctl(SETTING), "1");
    assert_eq!(counts(&ns), [(0, 0, 3)]);
    let entries = run(&ns, "-L -c -n -r 127.0.0.1:9002").success().stdout;
    assert_eq!(entries.lines().count(), 2, "{entries}");
}

fn a_kick_is_of_one_service_of_every_kind() {
    let ns = Netns::new();
    load(
        &ns,
        "-A -t 127.0.0.2:0 -s rr -p 500
         -a -t 127.0.0.2:0 -r 127.0.0.1:0 -m -w 4
         -A -u 127.0.0.1:53 -s rr
         -a -u 127.0.0.1:53 -r 127.0.0.1:9090 -m
         -A -f 5 -s rr -p 500
         -a -f 5 -r 127.0.0.1:9090 -m -w 2
         -A -t [::1]:80 -s rr
         -a -t [::1]:80 -r [::1]:9090 -m -w 7
        ",
    );
    let rule = "-t mangle -A OUTPUT -d 127.0.0.9 -j MARK --set-mark 5";
    ns.command("iptables-legacy").args(rule.split(' ')).run().success();
    let before = saved(&ns);
    let _kept = ns.enter(|| {
        let listeners = ["127.0.0.1:9090", "[::1]:9090"].map(|it| TcpListener::bind(it).unwrap());
        let streams = ["127.0.0.2:9090", "127.0.0.9:9090", "127.0.0.9:9090", "[::1]:80"]
            .map(|it| TcpStream::connect(it).unwrap_or_else(|error| panic!("{it}: {error}")));
        let client = UdpSocket::bind("127.0.0.1:0").expect("a socket");
        client.send_to(b"?", "127.0.0.1:53").expect("it is sent");
        (listeners, streams, client)
    });
    let entries = || run(&ns, "-L -c -n").success().stdout.lines().count() - 2;
    // Four connections of TCP, two templates, and one of UDP.
    let mut left = 7;
    assert_eq!(entries(), left);
    for (server, ended) in [
        ("-t 127.0.0.2:0 -r 127.0.0.1", 2),
        ("-f 5 -r 127.0.0.1:9090", 3),
        ("-u 127.0.0.1:53 -r 127.0.0.1:9090", 1),
        ("-t [::1]:80 -r [::1]:9090", 1),
    ] {
        run(&ns, &format!("--kick {server}")).success();
        left -= ended;
        assert_eq!(entries(), left, "{server}");
        assert_eq!(saved(&ns), before, "{server}");
    }
    // Nothing to end is no failure.
    let ran = run(&ns, "--kick -f 5 -r 127.0.0.1:9090").success();
    assert!(ran.stdout.ends_with(": no connection ended\n"), "{}", ran.stdout);
}

/// The kernel's fact that kicking is made for.
fn a_server_added_too_early_comes_back_with_its_connections() {
    let web = web("-s rr");
    let _kept: Vec<_> =
        (1..=6).map(|client| from(&web.ns, client, "127.0.0.1:80").unwrap()).collect();
    web.ns.sysctl(SETTING, "1");
    load(&web.ns, &format!("-d {ONE}\n-a {ONE} -m -w 3 -x 1000 -y 50\n"));
    assert_eq!(counts(&web.ns)[0], (3, 0, 3));
    run(&web.ns, &format!("--kick {ONE}")).success();
    assert_eq!(counts(&web.ns)[0], (0, 0, 3));
}

fn command() -> Vec<OsString> {
    let words = format!("--kick {ONE}");
    std::iter::once(program::ipvsadm().into_os_string())
        .chain(words.split(' ').map(OsString::from))
        .collect()
}

fn a_signal_at_any_moment_puts_everything_back() {
    let library = library();
    let mut interrupted = 0;
    for datagrams in 0.. {
        let web = web("-s rr");
        let before = saved(&web.ns);
        let _kept: Vec<_> =
            (1..=2).map(|client| from(&web.ns, client, "127.0.0.1:80").unwrap()).collect();
        let _ = std::fs::remove_file("/tmp/signalled");
        let once = "[ -e /tmp/signalled ] || { : > /tmp/signalled; kill -TERM $PPID; }";
        let ran = run_between(&web.ns, &library, &command(), "", datagrams, once);
        assert_eq!(saved(&web.ns), before, "after {datagrams}: {}", ran.stderr);
        assert_eq!(web.ns.read_sysctl(SETTING), "0", "after {datagrams}");
        match ran.status.signal() {
            Some(15) => interrupted += 1,
            _ => {
                ran.success();
                break;
            }
        }
    }
    assert_eq!(interrupted, 3, "before the removal, the addition and the edit");
}

fn after_a_kill_at_any_moment_the_next_run_says_what_was_left() {
    let library = library();
    let mut told = 0;
    for datagrams in 0.. {
        let web = web("-s rr");
        let ns = &web.ns;
        let before = saved(ns);
        let ran = run_between(ns, &library, &command(), "", datagrams, "kill -KILL $PPID");
        let killed = ran.status.signal() == Some(9);
        let next = run(ns, &format!("--drain {SERVICE} -r 127.0.0.1:9002 --force --dry-run"));
        assert_eq!(next.code(), Some(1), "after {datagrams}: {}", next.stderr);
        let as_before = saved(ns) == before && ns.read_sysctl(SETTING) == "0";
        assert_eq!(next.stderr.is_empty(), as_before, "after {datagrams}: {}", next.stderr);
        if !as_before {
            told += 1;
            assert!(
                next.stderr.starts_with("An earlier ipvsadm --kick was killed"),
                "{}",
                next.stderr
            );
            // What it says mends it.
            for line in next.stderr.lines().filter_map(|line| line.strip_prefix("  ipvsadm ")) {
                run(ns, line).success();
            }
            assert_eq!(saved(ns), before, "{}", next.stderr);
            assert_eq!(ns.read_sysctl(SETTING), "0", "{}", next.stderr);
            let quiet = run(ns, &format!("--drain {SERVICE} -r 127.0.0.1:9002 --force --dry-run"));
            assert_eq!(quiet.stderr, "");
        }
        if !killed {
            break;
        }
    }
    assert!(told > 2, "only {told} moments left something");
}
