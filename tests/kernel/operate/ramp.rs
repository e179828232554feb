//! `--ramp` changes a weight in steps.

use std::net::{TcpListener, TcpStream};
use std::os::unix::process::ExitStatusExt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, sleep};
use std::time::{Duration, Instant};

use ipvs::{Client, Destination, ServiceKey};
use rustix::process::Signal;

use super::background::{Background, until};
use crate::harness::KernelTest;
use crate::netns::{Netns, Ran};
use crate::program;
use crate::schema::{assert_fits, parsed};

pub(crate) fn tests() -> Vec<KernelTest> {
    crate::tests![
        shares_rise_with_the_weights,
        a_ramp_keeps_everything_but_the_weight,
        a_signal_leaves_the_weight_of_the_last_step,
        what_others_change_meanwhile_stops_a_ramp,
        a_ramp_that_makes_no_sense_changes_nothing,
        schedulers_use_weights_as_the_table_says,
        people_see_how_far_a_ramp_is,
    ]
}

fn run(ns: &Netns, line: &str) -> Ran {
    ns.ipvsadm(line.split_whitespace())
}

fn saved(ns: &Netns) -> String {
    run(ns, "-S -n").success().stdout
}

fn loaded(rules: &str) -> Netns {
    let ns = Netns::new();
    ns.command(program::ipvsadm()).arg("-R").stdin(rules).run().success();
    ns
}

fn servers(ns: &Netns, service: &str) -> Vec<Destination> {
    let key: ServiceKey = service.parse().expect("a service");
    ns.enter(|| Client::new()?.destinations(&key)).expect("the servers can be read")
}

const WEB: &str = "TCP 127.0.0.1:80";

/// Two servers on this machine, which accept connections and close them.
fn balanced(rules: &str) -> (Netns, [TcpListener; 2]) {
    let ns = loaded(rules);
    let listeners = [81, 82]
        .map(|port| ns.enter(|| TcpListener::bind(("127.0.0.1", port))).expect("the port is free"));
    (ns, listeners)
}

/// The connections that each server has had: those that have ended stay for two minutes.
fn counts(ns: &Netns, service: &str) -> [f64; 2] {
    let servers = servers(ns, service);
    [81, 82].map(|port| {
        let server = servers.iter().find(|server| server.key.port == port);
        server.map_or(0.0, |it| f64::from(it.active_connections + it.inactive_connections))
    })
}

fn shares_rise_with_the_weights() {
    let rules = "-A -t 127.0.0.1:80 -s wrr\n-a -t 127.0.0.1:80 -r 127.0.0.1:81 -m -w 10\n";
    let (ns, listeners) = balanced(rules);
    let done = AtomicBool::new(false);
    let ramp = Background::start(&ns, "--ramp -t 127.0.0.1:80 -r 127.0.0.1:82 -m -w 10 --over 10");
    let mut samples: Vec<(u32, [f64; 2])> = Vec::new();
    thread::scope(|scope| {
        for listener in &listeners {
            listener.set_nonblocking(true).expect("a socket");
            scope.spawn(|| {
                while !done.load(Ordering::Relaxed) {
                    match listener.accept() {
                        Ok(connection) => drop(connection),
                        Err(_) => sleep(Duration::from_millis(5)),
                    }
                }
            });
        }
        scope.spawn(|| {
            ns.enter(|| {
                // From one address, ports would be used again, for which IPVS drops a packet.
                for host in (1..250).cycle() {
                    if done.load(Ordering::Relaxed) {
                        break;
                    }
                    drop(connect([127, 0, 1, host], [127, 0, 0, 1]));
                    sleep(Duration::from_millis(2));
                }
            });
        });
        // The weight before and after a sample are the same, or it is taken again.
        let weight = || {
            let servers = servers(&ns, WEB);
            servers.iter().find(|it| it.key.port == 82).map_or(0, |it| it.config.weight)
        };
        while samples.last().is_none_or(|(last, _)| *last < 10) {
            let last = samples.last().map_or(0, |(last, _)| *last);
            let reached = until("the next step", || Some(weight()).filter(|it| *it > last));
            samples.push((reached, counts(&ns, WEB)));
        }
        sleep(Duration::from_secs(1));
        samples.push((11, counts(&ns, WEB)));
        done.store(true, Ordering::Relaxed);
    });
    let (status, output, errors) = ramp.ended();
    assert!(status.success(), "{errors}");
    assert_eq!((output.as_str(), errors.as_str()), ("127.0.0.1:82 has weight 10 (new)\n", ""));
    // The share of the new server while it had each weight.
    let mut shares = Vec::new();
    for pair in samples.windows(2) {
        let [(weight, before), (_, after)] = pair else { unreachable!("windows of two") };
        let [old, new] = [after[0] - before[0], after[1] - before[1]];
        let share = new / (old + new);
        let expected = f64::from(*weight) / (f64::from(*weight) + 10.0);
        println!("weight {weight}: {old} and {new} connections, share {share:.3} of {expected:.3}");
        assert!(old + new >= 30.0, "too few connections to measure at weight {weight}");
        assert!((share - expected).abs() < 0.12, "share {share} at weight {weight}");
        shares.push(share);
    }
    assert!(shares.len() >= 8, "too few steps were seen: {samples:?}");
    let (first, last) = (shares[0], shares[shares.len() - 1]);
    assert!(first < 0.25 && last > 0.4, "{shares:?}");
    let rises = shares.windows(3).filter(|three| three[2] > three[0]).count();
    assert!(rises + 1 >= shares.len() - 2, "{shares:?}");
}

fn a_ramp_keeps_everything_but_the_weight() {
    let ns = loaded(
        "-A -t 192.0.2.1:80 -s wlc -p 60\n\
         -a -t 192.0.2.1:80 -r 10.0.0.1:8080 -m -w 5 -x 90 -y 30\n\
         -a -t 192.0.2.1:80 -r 10.0.0.2 -i -w 1 --tun-type gue --tun-port 6080 --tun-csum\n\
         -A -f 7 -6 -s wrr\n",
    );
    let mut rules = saved(&ns);
    let mut check = |line: &str, output: &str, before: &str, after: &str| {
        assert!(rules.contains(before), "{before} is not in\n{rules}");
        rules = rules.replacen(before, after, 1);
        let ran = run(&ns, line).success();
        assert_eq!((ran.stdout.as_str(), ran.stderr.as_str()), (output, ""), "{line}");
        assert_eq!(saved(&ns), rules, "after {line}");
    };
    // Down and up.
    check(
        "--ramp -t 192.0.2.1:80 -r 10.0.0.1:8080 -w 0 --over 0.4 --steps 4",
        "10.0.0.1:8080 has weight 0 (was 5)\n",
        "-m -w 5 -x 90 -y 30",
        "-m -w 0 -x 90 -y 30",
    );
    check(
        "--ramp -t 192.0.2.1:80 -r 10.0.0.2 -w 2000000000 --over 0.3 --steps 3",
        "10.0.0.2:80 has weight 2000000000 (was 1)\n",
        "-i -w 1 --tun-type gue",
        "-i -w 2000000000 --tun-type gue",
    );
    // Nothing to do, and with it no edit.
    check(
        "--ramp -t 192.0.2.1:80 -r 10.0.0.1:8080 -w 0 --over 1",
        "10.0.0.1:8080 has weight 0: nothing to do\n",
        "",
        "",
    );
    // Options that are given amend what is there.
    check(
        "--ramp -t 192.0.2.1:80 -r 10.0.0.1:8080 -x 200 -w 1 --over 0.1",
        "10.0.0.1:8080 has weight 1 (was 0)\n",
        "-m -w 0 -x 90 -y 30",
        "-m -w 1 -x 200 -y 30",
    );
    // A new server, with these options.
    check(
        "--ramp -f 7 -6 -r [2001:db8::5]:443 -m -x 9 -w 2 --over 0.2 --steps 2",
        "[2001:db8::5]:443 has weight 2 (new)\n",
        "-A -f 7 -6 -s wrr\n",
        "-A -f 7 -6 -s wrr\n-a -f 7 -6 -r [2001:db8::5]:443 -m -w 2 -x 9\n",
    );

    let dry = run(&ns, "--ramp -t 192.0.2.1:80 -r 10.0.0.3 -g -w 7 --over 5 --steps 2 --dry-run");
    let steps = "-a -t 192.0.2.1:80 -r 10.0.0.3:80 -g -w 0  # at once\n\
                 -e -t 192.0.2.1:80 -r 10.0.0.3:80 -g -w 3  # after 2.5 s\n\
                 -e -t 192.0.2.1:80 -r 10.0.0.3:80 -g -w 7  # after 5 s\n";
    assert_eq!((dry.code(), dry.stdout.as_str()), (Some(1), steps), "{}", dry.stderr);
    let nothing = run(&ns, "--ramp -t 192.0.2.1:80 -r 10.0.0.1:8080 -w 1 --over 9 --dry-run");
    assert_eq!((nothing.code(), nothing.stdout.as_str()), (Some(0), ""), "{}", nothing.stderr);
    assert_eq!(saved(&ns), rules);
    // They are rules, comments and all.
    ns.command(program::ipvsadm()).arg("-R").stdin(dry.stdout).run().success();
    assert!(saved(&ns).contains("-r 10.0.0.3:80 -g -w 7\n"));

    let json = run(&ns, "--ramp -t 192.0.2.1:80 -r 10.0.0.3 -w 9 --over 0.2 --json").success();
    let json = parsed(&json.stdout);
    assert_fits(Some("ramp"), &json);
    assert_eq!((&json["outcome"], &json["weight_before"]), (&"done".into(), &7.into()), "{json}");
    // Each step takes its time.
    let begun = Instant::now();
    run(&ns, "--ramp -t 192.0.2.1:80 -r 10.0.0.3 -w 4 --over 1.2 --steps 3").success();
    assert!(begun.elapsed() >= Duration::from_millis(1200), "{:?}", begun.elapsed());
}

/// The weight of the only server.
fn weight(ns: &Netns, service: &str) -> u32 {
    servers(ns, service).first().map_or(u32::MAX, |server| server.config.weight)
}

const SLOW: &str = "TCP 192.0.2.1:80";
const ONE_SERVER: &str =
    "-A -t 192.0.2.1:80 -s wrr\n-a -t 192.0.2.1:80 -r 10.0.0.1:8080 -m -w 10 -x 5\n";

fn a_signal_leaves_the_weight_of_the_last_step() {
    let ns = loaded(ONE_SERVER);
    for (signal, number) in [(Signal::INT, 2), (Signal::TERM, 15), (Signal::HUP, 1)] {
        let before = weight(&ns, SLOW);
        let line = format!(
            "--ramp -t 192.0.2.1:80 -r 10.0.0.1:8080 -w 1000 --over 400 --steps 4000 --netns {}",
            ns.name()
        );
        let ramp = Background::start(&ns, &line);
        until("the second step", || (weight(&ns, SLOW) > before).then_some(()));
        let begun = Instant::now();
        ramp.signal(signal);
        let (status, output, errors) = ramp.ended();
        println!("ended in {:?}", begun.elapsed());
        assert_eq!((status.signal(), output.as_str()), (Some(number), ""), "{errors}");
        let now = weight(&ns, SLOW);
        let said = format!("Interrupted: 10.0.0.1:8080 has weight {now}, on the way to 1000.");
        assert!(errors.starts_with(&said), "{errors}");
        // What it says to go on with is a command, and the right one.
        let command = errors.lines().last().expect("a line").trim_start();
        let (program, command) = command.split_once(' ').expect("words");
        assert_eq!(program, "ipvsadm");
        assert!(command.contains("-w 1000 --over 39") && command.contains("--netns"), "{command}");
        let dry = run(&ns, &format!("{command} --dry-run"));
        let last = "-e -t 192.0.2.1:80 -r 10.0.0.1:8080 -m -w 1000 -x 5  # after ";
        assert_eq!(dry.code(), Some(1), "{}", dry.stderr);
        assert!(dry.stdout.lines().last().is_some_and(|line| line.starts_with(last)));
    }
    let ramp =
        Background::start(&ns, "--ramp -t 192.0.2.1:80 -r 10.0.0.1:8080 -w 0 --over 1000 --json");
    sleep(Duration::from_millis(300));
    ramp.signal(Signal::TERM);
    let (_, output, errors) = ramp.ended();
    let json = parsed(&output);
    assert_fits(Some("ramp"), &json);
    let outcome = (&json["outcome"], &json["steps_taken"]);
    assert_eq!(outcome, (&"interrupted".into(), &0.into()), "{errors}");
    // A shell reports 128 plus the number.
    let script = format!(
        "'{}' --ramp -t 192.0.2.1:80 -r 10.0.0.1:8080 -w 9000 --over 1000 2>/tmp/said & \
         sleep 0.5; kill -HUP $!; wait $!; echo $?",
        program::ipvsadm().display()
    );
    let shell = ns.command("bash").args(["-c", &script]).run();
    assert_eq!(shell.stdout, "129\n", "{}", shell.stderr);
}

fn what_others_change_meanwhile_stops_a_ramp() {
    let stopped = |change: &dyn Fn(&Netns), said: &str, after: &str| {
        let ns = loaded(ONE_SERVER);
        let ramp = Background::start(
            &ns,
            "--ramp -t 192.0.2.1:80 -r 10.0.0.1:8080 -w 1000 --over 100 --steps 500",
        );
        until("the first step", || (weight(&ns, SLOW) > 10).then_some(()));
        change(&ns);
        let (status, output, errors) = ramp.ended();
        assert_eq!((status.code(), output.as_str()), (Some(255), ""), "{errors}");
        let (at, what) = errors.trim_end().split_once(": ").expect("what it says");
        assert!(at.starts_with("stopped at weight ") && at.ends_with(" on the way to 1000"));
        assert_eq!(what, said);
        assert!(saved(&ns).contains(after), "{}", saved(&ns));
    };
    let ours = |line: &'static str| move |ns: &Netns| drop(run(ns, line).success());
    stopped(
        &ours("-e -t 192.0.2.1:80 -r 10.0.0.1:8080 -m -w 7"),
        "somebody else has set the weight of 10.0.0.1:8080 to 7",
        "-m -w 7\n",
    );
    stopped(
        &|ns| {
            let file = "-A -t 192.0.2.1:80 -s wrr\n-a -t 192.0.2.1:80 -r 10.0.0.1:8080 -m -w 3\n";
            ns.command(program::ipvsadm()).arg("--apply").stdin(file).run().success();
        },
        "somebody else has set the weight of 10.0.0.1:8080 to 3",
        "-m -w 3\n",
    );
    stopped(
        &ours("-d -t 192.0.2.1:80 -r 10.0.0.1:8080"),
        "somebody else has removed 10.0.0.1:8080 from TCP 192.0.2.1:80",
        "-A -t 192.0.2.1:80 -s wrr\n",
    );
    stopped(&ours("-C"), "somebody else has removed TCP 192.0.2.1:80", "");
    stopped(
        &ours("-E -t 192.0.2.1:80 -s lc"),
        "somebody else has given TCP 192.0.2.1:80 the scheduler lc, which ignores weights",
        "-s lc\n",
    );
    // Settings other than the weight may change: they are kept.
    let ns = loaded(ONE_SERVER);
    let ramp =
        Background::start(&ns, "--ramp -t 192.0.2.1:80 -r 10.0.0.1:8080 -w 20 --over 2 --steps 10");
    until("the first step", || (weight(&ns, SLOW) > 10).then_some(()));
    // In one step, so that no step of the ramp can come between reading and editing.
    let key: ServiceKey = SLOW.parse().expect("a service");
    let now = servers(&ns, SLOW).remove(0);
    ns.enter(|| {
        let mut client = Client::new()?;
        let config = ipvs::DestinationConfig { upper_threshold: 77, ..now.config };
        client.edit_destination(&key, &now.key, &config)
    })
    .expect("the edit is accepted");
    let (status, _, errors) = ramp.ended();
    assert!(status.success(), "{errors}");
    assert!(saved(&ns).contains("-m -w 20 -x 77"), "{}", saved(&ns));

    // A namespace of this name is no longer there.
    let ns = loaded(ONE_SERVER);
    let line = "--ramp -t 192.0.2.1:80 -r 10.0.0.1:8080 -w 1000 --over 100 --steps 500";
    let ramp = Background::start(&ns, &format!("{line} --netns {}", ns.name()));
    until("the first step", || (weight(&ns, SLOW) > 10).then_some(()));
    let name = ns.name().to_owned();
    drop(ns);
    let (status, _, errors) = ramp.ended();
    assert_eq!(status.code(), Some(255), "{errors}");
    assert_eq!(errors, format!("the network namespace {name} is gone\n"));
}

fn a_ramp_that_makes_no_sense_changes_nothing() {
    let mut rules = ONE_SERVER.to_owned();
    for (mark, scheduler) in ["rr", "lc", "dh"].iter().enumerate() {
        rules += &format!("-A -f {0} -s {scheduler}\n-a -f {0} -r 10.0.0.1 -m -w 1\n", mark + 1);
    }
    let ns = loaded(&rules);
    let before = saved(&ns);
    for (line, status, said) in [
        ("-t 192.0.2.1:80 -r 10.0.0.1:8080 -w 3 --over 0", 2, "--over: "),
        ("-t 192.0.2.1:80 -r 10.0.0.1:8080 -w 3 --over 1 --steps 0", 2, "--steps: "),
        ("-t 192.0.2.1:80 -r 10.0.0.1:8080 --over 1", 2, "--ramp: needs --weight"),
        ("-t 192.0.2.1:80 -r 10.0.0.1:8080 -w 2147483648 --over 1", 2, "--weight: "),
        ("-t 192.0.2.1:80 -r 10.0.0.9:8080 -w 3 --over 1", 2, "--real-server: 10.0.0.9:8080 is"),
        ("-t 192.0.2.1:80 -r 2001:db8::1 -m -w 3 --over 1", 2, "--real-server: must be an IPv4"),
        ("-f 1 -r 10.0.0.1 -w 3 --over 1", 2, "FWM 1: its scheduler, rr, ignores weights"),
        ("-f 2 -r 10.0.0.1 -w 3 --over 1", 2, "FWM 2: its scheduler, lc, ignores weights"),
        ("-f 3 -r 10.0.0.9 -m -w 3 --over 1", 2, "FWM 3: its scheduler, dh, ignores weights"),
        ("-t 192.0.2.9:80 -r 10.0.0.1:8080 -w 3 --over 1", 255, "No such service"),
        // What the kernel refuses, with its status.
        ("-t 192.0.2.1:80 -r 224.0.0.1 -w 3 --over 1", 255, "Invalid operation."),
        ("-t 192.0.2.1:80 -r 10.0.0.1:8080 -x 1 -y 2 -w 3 --over 1", 255, ""),
        ("-t 192.0.2.1:80 -r 10.0.0.1 -w 3 --over 1 --netns nowhere", 255, "network namespace"),
    ] {
        let ran = run(&ns, &format!("--ramp {line}"));
        assert_eq!(ran.code(), Some(status), "{line}: {}", ran.stderr);
        assert!(ran.stderr.starts_with(said) && ran.stdout.is_empty(), "{line}: {}", ran.stderr);
        assert_eq!(saved(&ns), before, "{line}");
    }
}

/// What `--ramp` refuses, warns of and accepts, held against the kernel.
fn schedulers_use_weights_as_the_table_says() {
    use ipvs::rules::grammar::{SCHEDULERS, WeightUse};
    let (ns, listeners) = balanced("");
    listeners.iter().for_each(|it| it.set_nonblocking(true).expect("a socket"));
    let is_there = |scheduler: &str| {
        let ran = run(&ns, &format!("-A -f 99 -s {scheduler}"));
        run(&ns, "-D -f 99");
        ran.status.success()
    };
    let (mut tried, mut host) = (0, 0);
    for scheduler in SCHEDULERS.iter().filter(|it| is_there(it.name)) {
        // The shares of the two servers in connections from many addresses that all stay open.
        let mut shares = |weights: [u32; 2]| {
            // A server that is added to the same service again gets its connections back.
            host += 1;
            let mut rules = format!("-A -t 127.0.2.{host}:80 -s {}\n", scheduler.name);
            for (port, weight) in [81, 82].into_iter().zip(weights) {
                let server = format!("127.0.0.1:{port} -m -w {weight}");
                rules += &format!("-a -t 127.0.2.{host}:80 -r {server}\n");
            }
            ns.command(program::ipvsadm()).arg("-R").stdin(rules).run().success();
            let _open: Vec<TcpStream> = ns.enter(|| {
                (0..40).map(|number| connect([127, 0, 1, number], [127, 0, 2, host])).collect()
            });
            let counts = counts(&ns, &format!("TCP 127.0.2.{host}:80"));
            // Room for the next ones.
            listeners.iter().for_each(|it| while it.accept().is_ok() {});
            run(&ns, "-C").success();
            counts
        };
        let (left, right) = (shares([90, 10]), shares([10, 90]));
        let said = format!("{}: {left:?} with 90 and 10, {right:?} with 10 and 90", scheduler.name);
        println!("{said}");
        match scheduler.weights {
            // On a busy machine a connection may be counted that was tried again.
            WeightUse::Nothing => assert!((left[0] - right[0]).abs() <= 2.0, "{said}"),
            _ => assert!(left[0] > left[1] && right[0] < right[1], "{said}"),
        }
        tried += 1;
    }
    assert!(tried >= 12, "only {tried} schedulers are there");
    // A warning where clients move or shares do not follow.
    for (scheduler, said) in [
        ("sh", "warning: FWM 1: with sh, each step moves some clients to another server\n"),
        ("mh", "warning: FWM 1: with mh, each step moves some clients to another server\n"),
        (
            "fo",
            "warning: FWM 1: with fo, the server with the highest weight comes first, so shares do \
             not follow the weights\n",
        ),
        ("wlc", ""),
    ] {
        run(&ns, &format!("-A -f 1 -s {scheduler}")).success();
        let ran = run(&ns, "--ramp -f 1 -r 10.0.0.1 -w 1 --over 0.1").success();
        assert_eq!(ran.stderr, said);
        run(&ns, "-C").success();
    }
}

/// A connection from one address to port 80 of another.
fn connect(from: [u8; 4], to: [u8; 4]) -> TcpStream {
    use rustix::net::{AddressFamily, SocketType, bind, connect, socket};
    use std::net::SocketAddr;
    let at = |address: [u8; 4], port| SocketAddr::from((address, port));
    let socket = socket(AddressFamily::INET, SocketType::STREAM, None).expect("a socket");
    bind(&socket, &at(from, 0)).expect("the address is ours");
    connect(&socket, &at(to, 80)).expect("a connection");
    socket.into()
}

fn people_see_how_far_a_ramp_is() {
    let ns = loaded(ONE_SERVER);
    let command = format!(
        "{} --ramp -t 192.0.2.1:80 -r 10.0.0.1:8080 -w 12 --over 1.5 --steps 2",
        program::ipvsadm().display()
    );
    let said = ns.command("script").args(["-qec", &command, "/dev/null"]).run().success().stdout;
    for text in ["10.0.0.1:8080: weight 10 of 12, 2 s left", "weight 11 of 12, 1 s left"] {
        assert!(said.contains(text), "{said:?}");
    }
    // The line is erased in the end.
    assert!(said.ends_with("\r\x1b[K10.0.0.1:8080 has weight 12 (was 10)\r\n"), "{said:?}");
}
