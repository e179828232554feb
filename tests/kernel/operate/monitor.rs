//! `--monitor` prints what changes.

use std::net::{TcpListener, TcpStream};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

use ipvs::rules::Line;
use ipvs::{
    Client, DaemonConfig, DaemonState, DestinationConfig, DestinationKey, Forwarding, Name,
    Persistence, Plan, PlanOptions, ServiceConfig, ServiceKey, State,
};
use rustix::process::Signal;

use super::background::{Background, until};
use crate::harness::KernelTest;
use crate::netns::{Netns, Ran};
use crate::program;
use crate::schema::{assert_fits, parsed};
use crate::unloaded::Unloaded;

pub(crate) fn tests() -> Vec<KernelTest> {
    crate::tests![
        every_change_is_reported_and_the_lines_make_the_state,
        lines_are_rules_with_the_time_of_their_reading,
        json_says_what_was_and_what_is,
        counters_grow_and_are_reset,
        an_end_is_silent,
        what_a_monitor_watches_may_vanish,
    ]
}

fn run(ns: &Netns, line: &str) -> Ran {
    ns.ipvsadm(line.split_whitespace()).success()
}

/// A monitor that has read the state once.
fn monitor(ns: &Netns, options: &str) -> Background {
    let monitor = Background::start(ns, &format!("--monitor --interval 0.1 {options}"));
    // A change that is not reported came before the first reading.
    for weight in 1.. {
        run(ns, "-A -f 4294967295 -s wrr");
        sleep(Duration::from_millis(150));
        run(ns, "-D -f 4294967295");
        sleep(Duration::from_millis(150));
        if monitor.output().contains("4294967295") {
            break;
        }
        assert!(weight < 100, "nothing is reported");
    }
    // Both are there, or the second one will never be.
    sleep(Duration::from_millis(300));
    monitor
}

/// The lines about anything but what [`monitor`] does.
fn lines(output: &str) -> Vec<String> {
    output.lines().filter(|line| !line.contains("4294967295")).map(str::to_owned).collect()
}

/// A line without its comment, which is a time.
#[track_caller]
fn rule(line: &str) -> &str {
    let (rule, time) = line.split_once("  # ").expect("a comment");
    let form = time.replace(|c: char| c.is_ascii_digit(), "0");
    assert_eq!(form, "0000-00-00T00:00:00.000Z", "{line}");
    rule
}

/// Numbers that look random, the same in every run.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (self.0 >> 33) % bound
    }

    fn one_of<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len() as u64) as usize]
    }
}

/// Changes something at random. The same thing may be changed again.
fn change(state: &mut State, random: &mut Random) {
    let number = random.below(10) as u8;
    let key = match number {
        0..=5 => ServiceKey::tcp(([192, 0, 2, number], 80)),
        6 | 7 => ServiceKey::udp(([192, 0, 2, number], 53)),
        _ => ServiceKey::firewall_mark(7.try_into().unwrap(), ipvs::AddressFamily::V4),
    };
    // Only masquerading has a port of its own, and a rule cannot say otherwise.
    let server = DestinationKey::from(([10, 0, 0, random.below(6) as u8 + 1], key.port()));
    let mut config = ServiceConfig::new(random.one_of(&["rr", "wrr", "sh", "mh"]).parse().unwrap());
    config.persistence = random
        .one_of(&[None, Some(60), Some(600)])
        .map(|timeout| Persistence::new(key.family(), timeout));
    let methods = [Forwarding::Masquerade, Forwarding::DirectRoute];
    let of_server = DestinationConfig {
        forwarding: random.one_of(&methods),
        weight: random.below(5) as u32,
        upper_threshold: random.one_of(&[0, 50]),
        ..DestinationConfig::default()
    };
    let present = state.table.service(&key).is_some();
    match random.below(20) {
        0 => drop(state.table.remove(&key)),
        1 => state.timeouts.tcp_seconds = 100 + random.below(100) as u32,
        2 => {
            let setting = "conn_reuse_mode".parse().unwrap();
            state.settings.insert(setting, ipvs::SettingValue::Number(random.below(2) as i64));
        }
        3 => {
            let config = DaemonConfig {
                sync_id: random.below(3) as u8 + 1,
                ..DaemonConfig::new(Name::from_static("lo"))
            };
            let running = Some(DaemonState::Running(config));
            state.master = random.one_of(&[running, running, Some(DaemonState::Stopped)]);
        }
        4 | 5 if present => {
            // With its servers.
            let servers: Vec<_> = state
                .table
                .service(&key)
                .into_iter()
                .flat_map(|entry| entry.destinations().map(|(key, config)| (*key, *config)))
                .collect();
            let entry = state.table.insert(key, config);
            for (key, config) in servers {
                let _ = entry.insert(key, config);
            }
        }
        _ if !present => drop(state.table.insert(key, config)),
        choice => {
            let before = *state.table.service(&key).expect("it is there").config();
            let mut servers: Vec<_> = state
                .table
                .service(&key)
                .into_iter()
                .flat_map(|entry| entry.destinations().map(|(key, config)| (*key, *config)))
                .collect();
            servers.retain(|(key, _)| *key != server);
            if choice > 7 {
                servers.push((server, of_server));
            }
            let entry = state.table.insert(key, before);
            for (key, config) in servers {
                let _ = entry.insert(key, config);
            }
        }
    }
}

fn every_change_is_reported_and_the_lines_make_the_state() {
    const CHANGES: usize = 1000;
    let mut initial =
        "-A -t 192.0.2.1:80 -s rr\n-a -t 192.0.2.1:80 -r 10.0.0.1:80 -m -w 2\n".to_owned();
    // With these the table is large, and not every reading asks for every service's servers.
    (100..350).for_each(|mark| initial += &format!("-A -f {mark} -s rr\n"));
    let [ns, copy] = [Netns::new(), Netns::new()];
    for ns in [&ns, &copy] {
        ns.command(program::ipvsadm()).arg("-R").stdin(initial.as_str()).run().success();
    }
    let read = |ns: &Netns| ns.enter(|| Client::new()?.state()).expect("the state can be read");
    let monitor = monitor(&ns, "");
    let mut random = Random(20261126);
    let (mut now, mut made, mut batches) = (read(&ns), 0, 0);
    let mut slowest = Duration::ZERO;
    let mut seen = lines(&monitor.output()).len();
    assert_eq!(seen, 0, "the first reading is no change");
    while made < CHANGES {
        let mut wanted = now.clone();
        (0..40).for_each(|_| change(&mut wanted, &mut random));
        let plan = Plan::between(&now, &wanted, PlanOptions::default());
        let applied = ns.enter(|| {
            let mut client = Client::new().expect("the kernel has IPVS");
            client.apply(&plan).map(drop).map_err(|error| error.to_string())
        });
        applied.expect("the kernel accepts it");
        let begun = Instant::now();
        // With what the kernel chose for a daemon.
        let after = read(&ns);
        let plan = Plan::between(&now, &after, PlanOptions::default());
        let mut expected: Vec<String> =
            plan.changes().map(|change| Line::new(change).expect("a rule").to_string()).collect();
        expected.sort();
        let mut reported = until("every change is reported", || {
            let all = monitor.output();
            let all = lines(&all[..all.rfind('\n').map_or(0, |end| end + 1)]);
            let new: Vec<_> = all[seen..].iter().map(|line| rule(line).to_owned()).collect();
            (new.len() >= expected.len()).then_some(new)
        });
        slowest = slowest.max(begun.elapsed());
        reported.sort();
        assert_eq!(reported, expected, "after {made} changes");
        seen += reported.len();
        made += expected.len();
        batches += 1;
        now = after;
    }
    println!("{made} changes in {batches} batches, reported after {slowest:?} at most");
    monitor.signal(Signal::TERM);
    let (status, output, errors) = monitor.ended();
    assert_eq!((status.signal(), errors.as_str()), (Some(15), ""));
    assert_eq!(lines(&output).len(), seen, "more was reported than has changed");
    // The times do not fall.
    let times: Vec<_> = output.lines().map(|line| line.split_once("  # ").unwrap().1).collect();
    assert!(times.is_sorted());

    let rules: String = lines(&output).iter().flat_map(|line| [line, "\n"]).collect();
    let replayed = copy.command(program::ipvsadm()).arg("-R").stdin(rules).run().success();
    assert_eq!(replayed.stderr, "");
    assert_eq!(read(&copy), read(&ns));
}

fn lines_are_rules_with_the_time_of_their_reading() {
    let ns = Netns::new();
    run(&ns, "-A -t 192.0.2.1:80 -s rr");
    let monitor = monitor(&ns, "");
    let printed = |count: usize| -> Vec<String> {
        until("it is reported", || {
            let all = lines(&monitor.output());
            (all.len() >= count).then_some(all)
        })
    };
    run(&ns, "-a -t 192.0.2.1:80 -r 10.0.0.2:80 -m -w 3");
    assert_eq!(rule(&printed(1)[0]), "-a -t 192.0.2.1:80 -r 10.0.0.2:80 -m -w 3");
    run(&ns, "-e -t 192.0.2.1:80 -r 10.0.0.2:80 -m -w 0");
    assert_eq!(rule(&printed(2)[1]), "-e -t 192.0.2.1:80 -r 10.0.0.2:80 -m -w 0");
    // Made again as it was, in one datagram: no change. Neither is what counters count.
    let key: ServiceKey = "TCP 192.0.2.1:80".parse().unwrap();
    ns.enter(|| {
        let mut client = Client::new()?;
        let table = client.table()?;
        let entry = table.service(&key).expect("it is there");
        let mut batch = client.batch();
        batch.push((), &ipvs::Change::DeleteService(key))?;
        batch.push((), &ipvs::Change::AddService(key, *entry.config()))?;
        for (server, config) in entry.destinations() {
            batch.push((), &ipvs::Change::AddDestination(key, *server, *config))?;
        }
        batch.push((), &ipvs::Change::ZeroAll)?;
        batch.flush()
    })
    .expect("it is made again");
    run(&ns, "--set 90 0 0");
    let all = printed(3);
    assert_eq!(all.len(), 3, "{all:#?}");
    assert!(rule(&all[2]).starts_with("--set 90 "), "{all:#?}");
    drop(monitor);

    // It ends by itself, after a last reading.
    let begun = Instant::now();
    let ended = Background::start(&ns, "--monitor --interval 60 --for 1.5");
    sleep(Duration::from_millis(700));
    run(&ns, "-D -t 192.0.2.1:80");
    let (status, output, errors) = ended.ended();
    assert!(status.success() && begun.elapsed() >= Duration::from_millis(1500), "{errors}");
    assert_eq!((output.lines().count(), errors.as_str()), (1, ""));
    assert_eq!(rule(output.trim_end()), "-D -t 192.0.2.1:80");
}

fn json_says_what_was_and_what_is() {
    let ns = Netns::new();
    run(&ns, "-A -t 192.0.2.1:80 -s wrr");
    let monitor = monitor(&ns, "--json");
    let mut count = 0;
    let mut check = |line: &str, change: &str, from: &str, to: &str| {
        run(&ns, line);
        count += 1;
        let all = until("it is reported", || {
            let all = lines(&monitor.output());
            (all.len() >= count).then_some(all)
        });
        assert_eq!(all.len(), count, "{all:#?}");
        let json = parsed(&all[count - 1]);
        assert_fits(Some("change"), &json);
        assert_eq!(json["change"], change, "{line}");
        assert_eq!(json.pointer(from).map(ToString::to_string), Some(to.to_owned()), "{json:#}");
        json
    };
    let json = check("-a -t 192.0.2.1:80 -r 10.0.0.2 -m -w 3", "add_destination", "/from", "null");
    assert_eq!(json["rule"], "-a -t 192.0.2.1:80 -r 10.0.0.2:80 -m -w 3");
    assert_eq!((&json["destination"]["port"], &json["to"]["weight"]), (&80.into(), &3.into()));
    let edit = "-e -t 192.0.2.1:80 -r 10.0.0.2 -m -w 5";
    check(edit, "edit_destination", "/from/weight", "3");
    check("-E -t 192.0.2.1:80 -s mh -p 7", "edit_service", "/from/scheduler", "\"wrr\"");
    check("-A -f 7 -6", "add_service", "/service/family", "\"ipv6\"");
    check("--set 0 0 55", "set_timeouts", "/from/udp_seconds", "300");
    check("--settings sync_threshold=5,60", "set_setting", "/from", "[3,50]");
    check("--start-daemon backup --mcast-interface lo", "start_daemon", "/to/role", "\"backup\"");
    check("--stop-daemon backup", "stop_daemon", "/from/interface", "\"lo\"");
    check("-D -t 192.0.2.1:80", "delete_service", "/from/destinations/0/weight", "5");
    let json = check("-D -f 7 -6", "delete_service", "/to", "null");
    assert_eq!(json["service"]["firewall_mark"], 7);
}

/// How many connections a line about counters adds, and whether it tells of a reset.
type Grown = (u64, bool);

/// The lines about the counters of the service, and those about its server's.
fn growth_in_text(output: &str) -> [Vec<Grown>; 2] {
    let mut all = [Vec::new(), Vec::new()];
    for line in lines(output).iter().filter(|line| line.starts_with('#')) {
        let (name, counters) = line.split_once("connections +").expect("counters");
        let (added, others) = counters.split_once(' ').expect("more counters");
        assert!(others.starts_with("incoming_packets +"), "{line}");
        let grown = (added.parse().expect("a number"), name.ends_with(" reset "));
        match name.strip_suffix("reset ").unwrap_or(name) {
            "# -t 127.0.0.1:80 " => all[0].push(grown),
            "# -t 127.0.0.1:80 -r 127.0.0.1:81 " => all[1].push(grown),
            _ => panic!("{line}"),
        }
    }
    all
}

/// The same, as JSON tells it.
fn growth_in_json(output: &str) -> [Vec<Grown>; 2] {
    let mut all = [Vec::new(), Vec::new()];
    for line in lines(output) {
        let change = parsed(&line);
        assert_fits(Some("change"), &change);
        let added = change["counters"]["connections"].as_u64().unwrap_or(0);
        let is_server = change["destination"]["port"] == 81;
        all[usize::from(is_server)].push((added, change["reset"] == true));
    }
    all
}

fn counters_grow_and_are_reset() {
    let ns = Netns::new();
    let rules = "-A -t 127.0.0.1:80 -s rr\n-a -t 127.0.0.1:80 -r 127.0.0.1:81 -m\n";
    ns.command(program::ipvsadm()).arg("-R").stdin(rules).run().success();
    let _server = ns.enter(|| TcpListener::bind("127.0.0.1:81")).expect("the port is free");
    let connect = || drop(ns.enter(|| TcpStream::connect("127.0.0.1:80")).expect("a connection"));
    (0..5).for_each(|_| connect());
    // The kernel copies counters every two seconds, and not all at once.
    let key: ServiceKey = "TCP 127.0.0.1:80".parse().unwrap();
    until("five are counted", || {
        let read = || {
            let mut client = Client::new()?;
            Ok::<_, ipvs::Error>((client.service(&key)?.stats, client.destinations(&key)?))
        };
        let (service, servers) = ns.enter(read).expect("the service");
        let all = [&service, &servers[0].stats];
        let five = all.map(|stats| stats.as_ref().is_some_and(|stats| stats.connections == 5));
        (five == [true; 2]).then_some(())
    });
    let text = monitor(&ns, "--counters");
    let json = monitor(&ns, "--counters --json");
    // Both monitors have seen it of the service and of the server: what they see next is new.
    let both = |what: &str, seen: &dyn Fn(&[Grown]) -> bool| {
        until(what, || {
            let all = [growth_in_text(&text.output()), growth_in_json(&json.output())];
            all.iter().flatten().all(|growth| seen(growth)).then_some(())
        });
    };
    let sum = |growth: &[Grown]| growth.iter().map(|&(added, _)| added).sum::<u64>();
    let resets = |growth: &[Grown]| growth.iter().filter(|&&(_, reset)| reset).count();
    (0..3).for_each(|_| connect());
    both("both have grown", &|growth| sum(growth) == 3 && resets(growth) == 0);
    run(&ns, "-Z");
    both("both are reset", &|growth| resets(growth) == 1);
    connect();
    connect();
    both("they grow again", &|growth| sum(growth) == 5 && resets(growth) == 1);
    let all = text.output();
    assert!(!all.contains("+-"), "{all}");
    // The lines are comments, and the rest is rules: a replay takes all.
    let copy = Netns::new();
    copy.command(program::ipvsadm()).arg("-R").stdin(all).run().success();
}

fn an_end_is_silent() {
    let ns = Netns::new();
    for (signal, number) in [(Signal::INT, 2), (Signal::TERM, 15), (Signal::HUP, 1)] {
        let monitor = Background::start(&ns, "--monitor");
        sleep(Duration::from_millis(300));
        monitor.signal(signal);
        let (status, output, errors) = monitor.ended();
        let silent = (String::new(), String::new());
        assert_eq!((status.signal(), (output, errors)), (Some(number), silent));
    }
    // A reader that goes away is noticed although nothing is printed.
    let script = format!(
        "{{ '{}' --monitor --interval 60; echo $? >&2; }} | exec true",
        program::ipvsadm().display()
    );
    let ran = ns.command("bash").args(["-c", &script]).run();
    assert_eq!(ran.stderr, "141\n");
    // Nothing else may be printed, and nothing is changed.
    let ran = run(&ns, "--monitor --for 0.2 --interval 0.1");
    assert_eq!((ran.stdout.as_str(), ran.stderr.as_str()), ("", ""));
}

fn what_a_monitor_watches_may_vanish() {
    let ns = Netns::new();
    let name = ns.name().to_owned();
    let monitor = Background::start(&ns, &format!("--monitor --interval 0.1 --netns {name}"));
    sleep(Duration::from_millis(500));
    drop(ns);
    let (status, output, errors) = monitor.ended();
    assert_eq!((status.code(), output.as_str()), (Some(255), ""), "{errors}");
    assert_eq!(errors, format!("the network namespace {name} is gone\n"));

    // Only a kernel of our own may lose its module.
    let ns = Netns::new();
    let monitor = Background::start(&ns, "--monitor --interval 0.1");
    sleep(Duration::from_millis(500));
    let unloaded = Unloaded::new();
    match Path::new("/proc/net/ip_vs").exists() {
        true => assert!(monitor.output().is_empty()),
        false => {
            let (status, _, errors) = monitor.ended();
            let said = "IPVS is gone: its module has been removed from the kernel\n";
            assert_eq!((status.code(), errors.as_str()), (Some(255), said));
        }
    }
    drop(unloaded);
}
