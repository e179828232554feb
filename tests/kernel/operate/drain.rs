//! `--drain` and `--undrain`: refusals, what is waited for, interruptions, and others' changes.

use std::fs;
use std::io::Write;
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use rustix::mount::{UnmountFlags, unmount};
use rustix::net::{AddressFamily, SocketFlags, SocketType, bind, connect, socket_with};
use rustix::process::{Pid, Signal, kill_process};

use crate::harness::KernelTest;
use crate::netns::{Netns, Ran};
use crate::program;
use crate::schema::{assert_fits, parsed};

pub(crate) fn tests() -> Vec<KernelTest> {
    crate::tests![
        what_would_hurt_is_refused_with_its_remedy,
        hashing_schedulers_refuse_clients_only_without_fallback,
        persistent_clients_keep_coming_unless_templates_expire,
        entries_of_udp_are_waited_for,
        several_services_are_drained_and_brought_back_together,
        a_drain_that_does_not_end_says_how_to_go_on_and_back,
        what_others_do_meanwhile_ends_the_drain_with_a_word,
        undrain_gives_back_only_what_it_knows,
        a_drained_server_is_removed_or_kicked,
        a_drain_amid_applies_keeps_everything_else,
    ]
}

pub(super) fn run(ns: &Netns, line: &str) -> Ran {
    ns.ipvsadm(line.split(' '))
}

pub(super) fn saved(ns: &Netns) -> String {
    run(ns, "-S -n").success().stdout
}

/// Loads rules, which must all be accepted.
pub(super) fn load(ns: &Netns, rules: &str) {
    let ran = ns.command(program::ipvsadm()).arg("-R").stdin(rules).run().success();
    assert_eq!(ran.stderr, "");
}

/// A namespace with a service of two servers, which listen.
pub(super) struct Web {
    pub(super) ns: Netns,
    _listeners: [TcpListener; 2],
}

pub(super) const SERVICE: &str = "-t 127.0.0.1:80";
pub(super) const ONE: &str = "-t 127.0.0.1:80 -r 127.0.0.1:9001";

pub(super) fn web(service: &str) -> Web {
    let ns = Netns::new();
    load(
        &ns,
        &format!(
            "-A {SERVICE} {service}\n-a {ONE} -m -w 3 -x 1000 -y 50\n-a {SERVICE} -r 127.0.0.1:9002 -m \
             -w 2\n"
        ),
    );
    let listeners = ns.enter(|| {
        ["127.0.0.1:9001", "127.0.0.1:9002"]
            .map(|address| TcpListener::bind(address).expect("a listener"))
    });
    Web { ns, _listeners: listeners }
}

/// Connects from 127.0.0.`client`.
pub(super) fn from(ns: &Netns, client: u8, to: &str) -> std::io::Result<TcpStream> {
    let to: SocketAddr = to.parse().expect("an address");
    ns.enter(|| {
        // Not for the programs that are started meanwhile.
        let socket =
            socket_with(AddressFamily::INET, SocketType::STREAM, SocketFlags::CLOEXEC, None)?;
        bind(&socket, &SocketAddr::from(([127, 0, 0, client], 0)))?;
        connect(&socket, &to)?;
        Ok(TcpStream::from(socket))
    })
}

/// Active and inactive connections, and the weight, of each server of the service.
pub(super) fn counts(ns: &Netns) -> Vec<(u64, u64, u64)> {
    let value = parsed(&run(ns, &format!("-L --json {SERVICE}")).success().stdout);
    let servers = value["services"][0]["destinations"].as_array().expect("servers").clone();
    let number = |server: &serde_json::Value, name: &str| server[name].as_u64().expect("a number");
    servers
        .iter()
        .map(|server| {
            let active = number(server, "active_connections");
            (active, number(server, "inactive_connections"), number(server, "weight"))
        })
        .collect()
}

/// A drain that goes on while the test does.
struct Waiting(Child);

impl Waiting {
    fn start(ns: &Netns, line: &str) -> Waiting {
        let mut command = Command::new(program::ipvsadm());
        command.args(line.split(' ')).stdin(Stdio::null());
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        Waiting(ns.enter(|| command.spawn()).expect("it starts"))
    }

    /// Waits until the first server has the weight 0.
    fn until_draining(self, ns: &Netns) -> Waiting {
        for _ in 0..200 {
            if counts(ns)[0].2 == 0 {
                // It is waiting by now, or soon.
                sleep(Duration::from_millis(300));
                return self;
            }
            sleep(Duration::from_millis(50));
        }
        panic!("it does not drain");
    }

    fn signal(&self, signal: Signal) {
        let id = i32::try_from(self.0.id()).ok().and_then(Pid::from_raw).expect("an id");
        kill_process(id, signal).expect("it is there");
    }

    fn end(self) -> (std::process::ExitStatus, String, String) {
        let output = self.0.wait_with_output().expect("it ends");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (output.status, text(&output.stdout), text(&output.stderr))
    }
}

fn what_would_hurt_is_refused_with_its_remedy() {
    let two = "-a {S} -r 10.0.0.1:80 -m -w 3\n-a {S} -r 10.0.0.2:80 -m -w 1\n";
    let one = "-a {S} -r 10.0.0.1:80 -m -w 3\n";
    for (service, servers, setting, remedy) in [
        ("-s wlc", one, "", "add another one first"),
        (
            "-s wlc",
            "-a {S} -r 10.0.0.1:80 -m -w 3\n-a {S} -r 10.0.0.2:80 -m -w 0\n",
            "",
            "-e {S} -r 10.0.0.2:80 -w 1 --keep",
        ),
        ("-s sh", two, "", "-E {S} --keep -b sh-fallback"),
        ("-s mh -b mh-port", two, "", "-E {S} --keep -b mh-port,mh-fallback"),
        ("-s dh", two, "", "-E {S} --keep -s wlc"),
        ("-s wlc -p 60", two, "", "--settings expire_quiescent_template=1"),
        ("-s wlc", two, "conn_reuse_mode=0", "--settings conn_reuse_mode=1"),
    ] {
        let ns = Netns::new();
        let of = |text: &str| text.replace("{S}", "-t 192.0.2.1:80");
        load(&ns, &of(&format!("-A {{S}} {service}\n{servers}")));
        // Another service has the server too: neither is changed.
        load(&ns, "-A -u 192.0.2.1:53 -s rr\n-a -u 192.0.2.1:53 -r 10.0.0.1:53 -m\n");
        load(&ns, "-a -u 192.0.2.1:53 -r 10.0.0.2:53 -m\n");
        if !setting.is_empty() {
            run(&ns, &format!("--settings {setting}")).success();
        }
        let before = saved(&ns);
        let drain = of("--drain {S} -r 10.0.0.1");
        for line in [drain.clone(), "--drain -r 10.0.0.1".into(), format!("{drain} --dry-run")] {
            let ran = run(&ns, &line);
            assert_eq!((ran.code(), ran.stdout.as_str()), (Some(2), ""), "{line}: {}", ran.stderr);
            let remedy = of(remedy);
            assert!(ran.stderr.contains(&remedy), "{line}: {remedy} is not in {}", ran.stderr);
            assert!(ran.stderr.ends_with("Nothing was changed.\n"), "{}", ran.stderr);
            assert_eq!(saved(&ns), before, "{line}");
        }
        run(&ns, &format!("{drain} --force")).success();
        assert!(saved(&ns).contains("-r 10.0.0.1:80 -m -w 0"), "{}", saved(&ns));
        // A second one has nothing to be refused.
        run(&ns, &drain).success();
        run(&ns, &drain.replace("--drain", "--undrain")).success();
        assert_eq!(saved(&ns), before);
        // The remedy helps.
        if let Some(command) = remedy.strip_prefix("add").map_or(Some(of(remedy)), |_| None) {
            run(&ns, &command).success();
            run(&ns, &drain).success();
        }
    }
}

fn hashing_schedulers_refuse_clients_only_without_fallback() {
    for (service, refuses) in [
        ("-s sh", true),
        ("-s sh -b sh-fallback", false),
        ("-s mh", true),
        ("-s mh -b mh-fallback", false),
    ] {
        let web = web(service);
        let connect = || (1..=40).map(|client| from(&web.ns, client, "127.0.0.1:80").is_ok());
        assert!(connect().all(|connected| connected), "{service}");
        let force = if refuses { " --force" } else { "" };
        run(&web.ns, &format!("--drain {ONE} --timeout 0{force}"));
        let refused = connect().filter(|connected| !connected).count();
        assert_eq!(refused > 0, refuses, "{service}: {refused} refused");
    }
}

fn persistent_clients_keep_coming_unless_templates_expire() {
    let web = web("-s rr -p 100");
    let ns = &web.ns;
    // Two clients, one for each server.
    let kept: Vec<_> = (1..=2).map(|client| from(ns, client, "127.0.0.1:80").unwrap()).collect();
    assert_eq!(counts(ns).iter().map(|it| it.0).collect::<Vec<_>>(), [1, 1]);
    let forced = run(ns, &format!("--drain {ONE} --timeout 0 --force"));
    assert_eq!(forced.code(), Some(3), "{}", forced.stderr);
    let more: Vec<_> = (1..=2).map(|client| from(ns, client, "127.0.0.1:80").unwrap()).collect();
    assert_eq!(counts(ns).iter().map(|it| it.0).collect::<Vec<_>>(), [2, 2]);
    run(ns, &format!("--undrain {ONE}")).success();
    run(ns, "--settings expire_quiescent_template=1").success();
    let waiting = Waiting::start(ns, &format!("--drain {ONE}")).until_draining(ns);
    let moved: Vec<_> = (1..=2).map(|client| from(ns, client, "127.0.0.1:80").unwrap()).collect();
    assert_eq!(counts(ns).iter().map(|it| it.0).collect::<Vec<_>>(), [2, 4]);
    drop((kept, more));
    let (status, out, errors) = waiting.end();
    assert!(status.success(), "{errors}");
    assert!(out.contains(": drained"), "{out}");
    drop(moved);
}

fn entries_of_udp_are_waited_for() {
    let ns = Netns::new();
    load(
        &ns,
        "-A -u 127.0.0.1:53 -s rr
         -a -u 127.0.0.1:53 -r 127.0.0.1:5353 -m
         -a -u 127.0.0.1:53 -r 127.0.0.1:5354 -m
         -A -f 5 -s rr
         -a -f 5 -r 127.0.0.1:0 -m
         -a -f 5 -r 127.0.0.2:0 -m
         --set 0 0 3
        ",
    );
    let rule = "-t mangle -A OUTPUT -d 127.0.0.9 -j MARK --set-mark 5";
    ns.command("iptables-legacy").args(rule.split(' ')).run().success();
    for (server, to) in [
        ("-u 127.0.0.1:53 -r 127.0.0.1:5353", "127.0.0.1:53"),
        ("-f 5 -r 127.0.0.1", "127.0.0.9:5353"),
    ] {
        let ask = || {
            ns.enter(|| {
                for _ in 0..4 {
                    let client = UdpSocket::bind("127.0.0.1:0").expect("a socket");
                    client.send_to(b"?", to).expect("it is sent");
                }
            });
        };
        // The kernel counts them as inactive, so they must be asked for.
        ask();
        let active = run(&ns, &format!("--drain {server} --until active --timeout 0")).success();
        assert!(active.stdout.contains("drained"), "{}", active.stdout);
        run(&ns, &format!("--undrain {server}")).success();
        ask();
        let short = run(&ns, &format!("--drain {server} --timeout 0"));
        assert_eq!(short.code(), Some(3), "{server}: {}{}", short.stdout, short.stderr);
        assert!(short.stderr.contains("inactive connection"), "{}", short.stderr);
        let ran = run(&ns, &format!("--drain {server}")).success();
        assert!(ran.stdout.ends_with(": drained\n"), "{}", ran.stdout);
        let left = run(&ns, "-L -c -n --state udp").success().stdout;
        let address = server.rsplit(' ').next().expect("an address");
        let address = format!("{address}{}", if address.contains(':') { "" } else { ":" });
        let to_server =
            |line: &str| line.split_whitespace().last().is_some_and(|it| it.starts_with(&address));
        assert!(!left.lines().any(to_server), "{server}: {left}");
        run(&ns, &format!("--undrain {server}")).success();
    }
    // With TCP connections only, the mark's active ones decide.
    let listener = ns.enter(|| TcpListener::bind("127.0.0.1:7000")).expect("a listener");
    let kept: Vec<_> = (0..4)
        .map(|_| ns.enter(|| TcpStream::connect("127.0.0.9:7000")))
        .filter_map(Result::ok)
        .collect();
    let ran = run(&ns, "--drain -f 5 -r 127.0.0.1 --timeout 0");
    assert_eq!(ran.code(), Some(3), "{}", ran.stderr);
    assert!(ran.stderr.contains("active connection"), "{}", ran.stderr);
    drop(kept);
    drop(listener);
    run(&ns, "--drain -f 5 -r 127.0.0.1").success();
}

fn several_services_are_drained_and_brought_back_together() {
    let ns = Netns::new();
    let rules = "\
        -A -t 192.0.2.1:80 -s wrr\n\
        -a -t 192.0.2.1:80 -r 10.0.0.1:80 -m -w 3 -x 9 -y 5\n\
        -a -t 192.0.2.1:80 -r 10.0.0.2:80 -m -w 1\n\
        -A -t 192.0.2.1:443 -s wlc\n\
        -a -t 192.0.2.1:443 -r 10.0.0.1:8443 -m -w 7\n\
        -a -t 192.0.2.1:443 -r 10.0.0.2:443 -g -w 1\n\
        -A -u [2001:db8::1]:53 -s rr\n\
        -a -u [2001:db8::1]:53 -r 10.0.0.1:53 -i -w 4 --tun-type gue --tun-port 6080 --tun-nocsum\n\
        -a -u [2001:db8::1]:53 -r [2001:db8::3]:53 -g -w 1\n\
        -A -f 7 -s rr\n\
        -a -f 7 -r 10.0.0.3:0 -m -w 1\n";
    load(&ns, rules);
    let before = saved(&ns);
    let drained = before
        .replace("-r 10.0.0.1:80 -m -w 3", "-r 10.0.0.1:80 -m -w 0")
        .replace("-r 10.0.0.1:8443 -m -w 7", "-r 10.0.0.1:8443 -m -w 0")
        .replace("-r 10.0.0.1:53 -i -w 4", "-r 10.0.0.1:53 -i -w 0");
    let dry = run(&ns, "--drain -r 10.0.0.1 --dry-run");
    assert_eq!(dry.code(), Some(1), "{}", dry.stderr);
    let edits = [
        "-e -t 192.0.2.1:80 -r 10.0.0.1:80 -m -w 0 -x 9 -y 5",
        "-e -t 192.0.2.1:443 -r 10.0.0.1:8443 -m -w 0",
        "-e -u [2001:db8::1]:53 -r 10.0.0.1:53 -i -w 0 --tun-type gue --tun-port 6080 --tun-nocsum",
    ];
    let mut printed: Vec<&str> = dry.stdout.lines().collect();
    let mut wanted = edits.to_vec();
    printed.sort_unstable();
    wanted.sort_unstable();
    assert_eq!(printed, wanted);
    assert_eq!(saved(&ns), before);
    // With the port it is one of them.
    run(&ns, "--drain -r 10.0.0.1:8443").success();
    assert_eq!(saved(&ns), before.replace("8443 -m -w 7", "8443 -m -w 0"));
    let ran = run(&ns, "--drain -r 10.0.0.1").success();
    assert_eq!(ran.stdout.matches(" set to 0; ").count(), 2, "{}", ran.stdout);
    assert!(ran.stdout.contains("is draining already, from the weight 7"), "{}", ran.stdout);
    assert_eq!(ran.stdout.matches(": drained\n").count(), 3, "{}", ran.stdout);
    assert_eq!(saved(&ns), drained);
    let json = run(&ns, "--drain -r 10.0.0.1 --json").success().stdout;
    let value = parsed(&json);
    assert_fits(Some("operation"), &value);
    assert_eq!(value["outcome"], "done");
    let weights: Vec<_> = value["servers"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|server| (server["weight_before"].as_u64(), server["state"].as_str()))
        .collect();
    assert_eq!(
        weights,
        [(Some(3), Some("drained")), (Some(7), Some("drained")), (Some(4), Some("drained"))]
    );
    let dry = run(&ns, "--undrain -r 10.0.0.1 --dry-run");
    assert_eq!((dry.code(), dry.stdout.lines().count()), (Some(1), 3), "{}", dry.stderr);
    let json = run(&ns, "--undrain -r 10.0.0.1 --json").success().stdout;
    assert_fits(Some("operation"), &parsed(&json));
    assert_eq!(saved(&ns), before);
    let nothing = run(&ns, "--drain -r 10.0.0.9");
    assert_eq!(
        (nothing.code(), nothing.stderr.as_str()),
        (Some(255), "no real server has 10.0.0.9\n")
    );
    for (line, text) in [
        ("--drain -t 192.0.2.9:80 -r 10.0.0.1", "Service not defined\n"),
        ("--drain -t 192.0.2.1:80 -r 10.0.0.9", "No such destination\n"),
        ("--kick -t 192.0.2.1:80 -r 10.0.0.9", "No such destination\n"),
        ("--kick -t 192.0.2.9:80 -r 10.0.0.1", "Service not defined\n"),
    ] {
        let ran = run(&ns, line);
        assert_eq!((ran.code(), ran.stderr.as_str()), (Some(255), text), "{line}");
    }
    assert_eq!(saved(&ns), before);
}

fn a_drain_that_does_not_end_says_how_to_go_on_and_back() {
    let web = web("-s rr");
    let ns = &web.ns;
    let before = saved(ns);
    let kept: Vec<_> = (1..=6).map(|client| from(ns, client, "127.0.0.1:80").unwrap()).collect();
    let named = format!("--netns {}", ns.name());
    let check = |errors: &str| {
        let left = "127.0.0.1:9001 of TCP 127.0.0.1:80: not drained yet: 3 active connections left; \
                    its weight stays 0\n";
        let on = format!(
            "To go on: ipvsadm --drain {ONE} --until active {named}; to go back: ipvsadm --undrain \
             {ONE} {named}\n"
        );
        assert_eq!(errors, format!("{left}{on}"));
        assert_eq!(counts(ns)[0], (3, 0, 0));
    };
    let outside = Netns::new();
    for (signal, number) in [(Signal::INT, 2), (Signal::TERM, 15), (Signal::HUP, 1)] {
        let line = format!("--drain {ONE} --until active {named}");
        let waiting = Waiting::start(&outside, &line).until_draining(ns);
        waiting.signal(signal);
        let (status, _, errors) = waiting.end();
        assert_eq!(status.signal(), Some(number), "{errors}");
        check(&errors);
    }
    let begun = Instant::now();
    let line = format!("--drain {ONE} --until active {named} --timeout 1 --json");
    let ran = run(&outside, &line);
    assert_eq!(ran.code(), Some(3), "{}", ran.stderr);
    assert!(begun.elapsed() >= Duration::from_secs(1));
    check(&ran.stderr);
    let value = parsed(&ran.stdout);
    assert_fits(Some("operation"), &value);
    assert_eq!(
        (&value["outcome"], &value["servers"][0]["state"]),
        (&"timeout".into(), &"draining".into())
    );
    // Killed, it leaves the weight remembered all the same.
    let waiting = Waiting::start(ns, &format!("--drain {ONE}"));
    sleep(Duration::from_millis(500));
    waiting.signal(Signal::KILL);
    assert_eq!(waiting.end().0.signal(), Some(9));
    run(ns, &format!("--undrain {ONE}")).success();
    assert_eq!(saved(ns), before);
    // Two drains of the same server both end.
    let waiting = Waiting::start(ns, &format!("--drain {ONE}")).until_draining(ns);
    let second = Waiting::start(ns, &format!("--drain {ONE}"));
    sleep(Duration::from_millis(500));
    drop(kept);
    for (drain, text) in
        [(waiting, "weight 3 set to 0"), (second, "draining already, from the weight 3")]
    {
        let (status, out, errors) = drain.end();
        assert!(status.success() && out.contains(text), "{status}: {out}{errors}");
    }
    run(ns, &format!("--undrain {ONE}")).success();
    assert_eq!(saved(ns), before);
    // At a terminal it says how far it is.
    let kept: Vec<_> = (1..=2).map(|client| from(ns, client, "127.0.0.1:80").unwrap()).collect();
    let command = format!("{} --drain {ONE} --timeout 1", program::ipvsadm().display());
    let shown = ns.command("script").args(["-qec", &command, "/dev/null"]).run();
    assert_eq!(shown.code(), Some(3), "{}", shown.stdout);
    assert!(shown.stdout.contains("\x1b[K1 connection left"), "{:?}", shown.stdout);
    drop(kept);
}

fn what_others_do_meanwhile_ends_the_drain_with_a_word() {
    for (others, status, said) in [
        (format!("-d {ONE}"), 0, "others have removed the server"),
        (format!("-D {SERVICE}"), 0, "others have removed the service"),
        ("-C".to_owned(), 0, "others have removed the service"),
        (
            format!("-e {ONE} -w 5 --keep"),
            255,
            "others have set its weight to 5: not draining any more",
        ),
        (format!("--undrain {ONE}"), 255, "others have set its weight to 3: not draining any more"),
    ] {
        let web = web("-s rr");
        let _kept: Vec<_> =
            (1..=2).map(|client| from(&web.ns, client, "127.0.0.1:80").unwrap()).collect();
        let waiting = Waiting::start(&web.ns, &format!("--drain {ONE}")).until_draining(&web.ns);
        run(&web.ns, &others).success();
        let (ended, _, errors) = waiting.end();
        assert_eq!(ended.code(), Some(status), "{others}: {errors}");
        assert_eq!(errors, format!("127.0.0.1:9001 of TCP 127.0.0.1:80: {said}\n"), "{others}");
    }
    // The namespace loses its name.
    let web = web("-s rr");
    let _kept: Vec<_> =
        (1..=2).map(|client| from(&web.ns, client, "127.0.0.1:80").unwrap()).collect();
    let name = web.ns.name().to_owned();
    let outside = Netns::new();
    let waiting = Waiting::start(&outside, &format!("--drain {ONE} --netns {name}"));
    let waiting = waiting.until_draining(&web.ns);
    unmount(format!("/run/netns/{name}").as_str(), UnmountFlags::DETACH).expect("it is mounted");
    fs::remove_file(format!("/run/netns/{name}")).expect("its name is removed");
    let (status, _, errors) = waiting.end();
    assert_eq!(status.code(), Some(255), "{errors}");
    assert!(errors.contains(&format!("the network namespace {name} is gone")), "{errors}");
}

fn undrain_gives_back_only_what_it_knows() {
    let web = web("-s rr");
    let ns = &web.ns;
    let before = saved(ns);
    let undrain = format!("--undrain {ONE}");
    let nothing = |line: &str| {
        let ran = run(ns, line);
        assert_eq!(ran.code(), Some(2), "{line}: {}", ran.stderr);
        assert!(ran.stderr.contains("no weight is remembered"), "{}", ran.stderr);
        assert!(ran.stderr.contains("-w WEIGHT --keep"), "{}", ran.stderr);
    };
    nothing(&undrain);
    nothing("--undrain -r 127.0.0.1");
    // Others' weights stay unless they are to be overwritten.
    run(ns, &format!("--drain {ONE}")).success();
    run(ns, &format!("-e {ONE} -w 7 --keep")).success();
    let ran = run(ns, &undrain);
    assert_eq!(ran.code(), Some(2), "{}", ran.stderr);
    assert!(ran.stderr.contains("others have set its weight to 7 meanwhile"), "{}", ran.stderr);
    assert!(ran.stderr.contains("--force"), "{}", ran.stderr);
    assert_eq!(counts(ns)[0].2, 7);
    run(ns, &format!("{undrain} --force")).success();
    assert_eq!(saved(ns), before);
    nothing(&undrain);
    // The next drain remembers anew.
    run(ns, &format!("--drain {ONE}")).success();
    run(ns, &format!("-e {ONE} -w 7 --keep")).success();
    run(ns, &format!("--drain {ONE}")).success();
    run(ns, &undrain).success();
    assert_eq!(counts(ns)[0].2, 7);
    // The same weight.
    run(ns, &format!("--drain {ONE}")).success();
    run(ns, &format!("-e {ONE} -w 7 --keep")).success();
    let ran = run(ns, &undrain).success();
    assert!(ran.stdout.contains("has its weight 7 already"), "{}", ran.stdout);
    nothing(&undrain);
    // The server is gone.
    run(ns, &format!("--drain {ONE}")).success();
    run(ns, &format!("-d {ONE}")).success();
    let ran = run(ns, &undrain);
    assert_eq!(ran.code(), Some(255), "{}", ran.stderr);
    assert!(ran.stderr.contains("not there any more; its weight was 7"), "{}", ran.stderr);
    nothing(&undrain);
    // Another namespace remembers nothing of this one.
    let other = Netns::new();
    load(&other, &before);
    assert_eq!(run(&other, &undrain).code(), Some(2));
    // Where nothing can be written, it drains all the same and says so.
    let script = format!(
        "rm -rf /run/ipvsadm && mount --bind /run /run && mount -o remount,bind,ro /run &&
         exec {} --drain {ONE}",
        program::ipvsadm().display(),
    );
    load(ns, &format!("-a {ONE} -m -w 3\n"));
    let ran = ns.command("unshare").args(["-m", "sh", "-c", &script]).run().success();
    assert!(ran.stderr.contains("its weight 3 cannot be remembered"), "{}", ran.stderr);
    assert_eq!(counts(ns)[0].2, 0);
}

fn a_drained_server_is_removed_or_kicked() {
    let web = web("-s rr -p 300");
    let ns = &web.ns;
    run(ns, "--settings expire_quiescent_template=1").success();
    let before = saved(ns);
    let ran = run(ns, &format!("--drain {ONE} --then remove")).success();
    let add = format!("ipvsadm -a {ONE} -m -w 3 -x 1000 -y 50");
    assert!(ran.stdout.contains(&format!("removed; to add it again: {add}\n")), "{}", ran.stdout);
    assert!(!saved(ns).contains("9001"), "{}", saved(ns));
    run(ns, add.strip_prefix("ipvsadm ").expect("a command")).success();
    assert_eq!(saved(ns), before);
    // The connections of clients that never end are ended, also with templates that never expire.
    run(ns, "--settings expire_quiescent_template=0").success();
    let mut kept: Vec<_> =
        (1..=4).map(|client| from(ns, client, "127.0.0.1:80").unwrap()).collect();
    assert_eq!(counts(ns).iter().map(|it| it.0).collect::<Vec<_>>(), [2, 2]);
    let drain = format!("--drain {ONE} --then kick");
    assert_eq!(run(ns, &drain).code(), Some(2));
    let ran = run(ns, &format!("{drain} --timeout 1")).success();
    let ended = "2 active connections and 2 persistence templates ended\n";
    assert!(ran.stdout.ends_with(ended), "{}", ran.stdout);
    assert_eq!(counts(ns), [(0, 0, 0), (2, 0, 2)]);
    let alive = kept.iter_mut().filter_map(|stream| stream.write_all(b"?").ok()).count();
    assert!(alive >= 2, "{alive}");
    // The clients go elsewhere now.
    let again: Vec<_> = (1..=4).map(|client| from(ns, client, "127.0.0.1:80").unwrap()).collect();
    assert_eq!(counts(ns), [(0, 0, 0), (6, 0, 2)]);
    drop((kept, again));
    run(ns, &format!("--undrain {ONE}")).success();
    assert_eq!(saved(ns), before);
    let dry = run(ns, &format!("{drain} --timeout 1 --dry-run"));
    let expected = format!(
        "-e {ONE} -m -w 0 -x 1000 -y 50\n--settings expire_nodest_conn=1\n-d {ONE}\n-a {ONE} -m -w 0 \
         -x 1000 -y 50\n--settings expire_nodest_conn=0\n"
    );
    assert_eq!((dry.code(), dry.stdout), (Some(1), expected));
}

fn a_drain_amid_applies_keeps_everything_else() {
    let web = web("-s wrr");
    let ns = &web.ns;
    let rules = |other: u32| {
        format!(
            "{}-A -t 192.0.2.{other}:80 -s rr\n-a -t 192.0.2.{other}:80 -r 10.0.0.1:80 -m\n",
            saved(ns).lines().take(3).map(|line| format!("{line}\n")).collect::<String>()
        )
    };
    let tables = [rules(1), rules(2)];
    let kept: Vec<_> = (1..=6).map(|client| from(ns, client, "127.0.0.1:80").unwrap()).collect();
    let apply = |round: usize| {
        let command = ns.command(program::ipvsadm()).args(["--apply", "--keep-weights"]);
        command.stdin(tables[round % 2].as_str()).run().success();
    };
    apply(0);
    let waiting = Waiting::start(ns, &format!("--drain {ONE}"));
    (1..8).for_each(apply);
    drop(kept);
    let (status, out, errors) = waiting.end();
    assert!(status.success() && out.contains(": drained"), "{out}{errors}");
    assert!(saved(ns).contains(&format!("-a {ONE} -m -w 0 -x 1000 -y 50")), "{}", saved(ns));
    // Without --keep-weights the file decides, and the drain says that it does.
    let _kept: Vec<_> = (1..=6).map(|client| from(ns, client, "127.0.0.1:80").unwrap()).collect();
    run(ns, &format!("--undrain {ONE}")).success();
    let _more: Vec<_> = (1..=6).map(|client| from(ns, client, "127.0.0.1:80").unwrap()).collect();
    let waiting = Waiting::start(ns, &format!("--drain {ONE}")).until_draining(ns);
    ns.command(program::ipvsadm()).arg("--apply").stdin(tables[0].as_str()).run().success();
    let (status, _, errors) = waiting.end();
    assert_eq!(status.code(), Some(255), "{errors}");
    assert!(errors.contains("others have set its weight to 3"), "{errors}");
}
