//! The cost of a view of a large table: processor time and memory.

use std::fs;
use std::thread::sleep;
use std::time::{Duration, Instant};

use ipvs::{Client, Statistics};

use super::terminal::Terminal;
use crate::harness::KernelTest;
use crate::netns::Netns;
use crate::program;

pub(crate) fn tests() -> Vec<KernelTest> {
    crate::tests![a_large_table_is_cheap_to_watch]
}

const SERVICES: usize = 10_000;
const SERVERS: usize = 5;
/// The time between two readings.
const INTERVAL: Duration = Duration::from_millis(400);
/// The services on a screen of 24 lines whose servers are hidden.
const VISIBLE: usize = 18;

/// Only the services at both ends have servers: those of the others are never read, and take long to
/// add.
fn rules() -> String {
    let mut rules = String::new();
    for service in 0..SERVICES {
        let key = format!("10.{}.{}.1:80", service / 250, service % 250);
        rules += &format!("-A -t {key} -s wlc\n");
        let is_middle = (2 * VISIBLE..SERVICES - 2 * VISIBLE).contains(&service);
        for server in 0..if is_middle { 0 } else { SERVERS } {
            rules += &format!("-a -t {key} -r 10.200.{}.{}:80 -m\n", service % 250, server + 1);
        }
    }
    rules
}

/// The processor time that a process has taken, by the kernel's ticks of 10 ms.
fn time(process: u32) -> Duration {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).expect("it is there");
    let (_, rest) = stat.rsplit_once(") ").expect("a name");
    let fields: Vec<&str> = rest.split(' ').collect();
    let ticks: u64 =
        fields[11..13].iter().map(|ticks| ticks.parse::<u64>().expect("a number")).sum();
    Duration::from_millis(ticks * 10)
}

/// The memory that a process has in use, in KiB.
fn memory(process: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).expect("it is there");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("memory");
    line.trim().trim_end_matches(" kB").parse().expect("a number")
}

fn a_large_table_is_cheap_to_watch() {
    let ns = Netns::new();
    ns.command(program::ipvsadm()).arg("-R").stdin(rules()).run().success();
    // The reading alone, by the library, as often as the program does it.
    let own = std::process::id();
    let (before, rounds) = (time(own), 6);
    ns.enter(|| {
        let mut client = Client::new().expect("a kernel with IPVS");
        for _ in 0..rounds {
            let mut services = Vec::with_capacity(SERVICES);
            client
                .each_service(Statistics::Read, |service| services.push(service.key))
                .expect("services");
            for key in services.iter().take(VISIBLE) {
                client.each_destination(key, Statistics::Read, |_| {}).expect("servers");
            }
            sleep(INTERVAL);
        }
    });
    let alone = (time(own) - before).as_secs_f64() / f64::from(rounds);
    let options = format!("--interval {}", INTERVAL.as_secs_f64());
    let terminal = Terminal::top(&ns, &options, (80, 24));
    terminal.wait_for("services 10000");
    sleep(Duration::from_secs(1));
    let id = terminal.process();
    let (begun, before, small) = (Instant::now(), time(id), memory(id));
    sleep(INTERVAL * 8);
    let (took, used, large) = (begun.elapsed(), time(id) - before, memory(id));
    let each = used.as_secs_f64() / (took.as_secs_f64() / INTERVAL.as_secs_f64());
    println!(
        "a refresh: {:.1} ms, reading alone {:.1} ms: {:.2} of it; every two seconds, {:.1} % of a \
         processor; {small} KiB, then {large} KiB",
        each * 1000.0,
        alone * 1000.0,
        each / alone,
        each / 2.0 * 100.0,
    );
    // What grows faster than the table would show. A build for tests is not optimized, ticks are coarse,
    // and the machine may be busy: docs/top.md has what was measured.
    assert!(each < alone * 5.0 + 0.1, "{each} s, reading alone {alone} s");
    assert!(large < small + 2048, "{small} KiB, and then {large} KiB");
    // Whatever is gone to is read at once.
    terminal.press(&["End"]);
    terminal.wait("the last service", |screen| {
        screen.lines().any(|line| line.contains("10.39.249.1:80") && line.contains("5/5 up"))
    });
}
