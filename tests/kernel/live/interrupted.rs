//! Killed in the middle of it, and what comes after.

use super::tables::{described, large};
use super::{apply, file, size, table};
use crate::harness::KernelTest;
use crate::netns::Netns;
use crate::program;
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

pub(crate) fn tests() -> Vec<KernelTest> {
    let tests = crate::tests![after_a_kill_at_any_moment_the_next_apply_ends_in_the_table];
    tests.into_iter().map(|test| test.within(Duration::from_secs(size(120, 1800)))).collect()
}

/// Two tables that share half of their services and servers, with all of these edited.
fn pair() -> [String; 2] {
    let services = size(400, 4000);
    let rules = large(services, 4, |_| 1);
    let other = large(services, 4, |number| 2 + number % 2).replace("wrr", "wlc");
    let keep = |rules: &str, part: usize| -> String {
        let of_part = |line: &&str| {
            let address = line.split_whitespace().nth(2).unwrap_or_default();
            address.bytes().map(usize::from).sum::<usize>() % 3 != part
        };
        rules.lines().filter(of_part).flat_map(|line| [line, "\n"]).collect()
    };
    [keep(&rules, 0), keep(&other, 1)]
}

fn after_a_kill_at_any_moment_the_next_apply_ends_in_the_table() {
    let ns = Netns::new();
    let rules = pair();
    let tables = rules.each_ref().map(|rules| described(rules));
    let files = [file("first", &rules[0]), file("second", &rules[1])];
    let run = |to: usize| ns.command(program::ipvsadm()).arg("--apply").arg(&files[to]).run();
    run(0).success();
    let start = Instant::now();
    run(1).success();
    let whole = start.elapsed();

    let (mut to, mut halfway) = (0, 0);
    let attempts = size(30, 200);
    for attempt in 0..attempts {
        let mut child = ns
            .enter(|| {
                let mut command = Command::new(program::ipvsadm());
                command.arg("--apply").arg(&files[to]).stderr(Stdio::null()).spawn()
            })
            .expect("it starts");
        // Spread over the time that it takes, in no order.
        sleep(whole.mul_f64(f64::from(attempt * 7 % attempts) / f64::from(attempts)));
        child.kill().expect("it is ours");
        child.wait().expect("it is ours");
        let now = table(&ns);
        halfway += usize::from(!tables.contains(&now));
        let ran = apply(&ns, &rules[to], [""; 0]).success();
        assert_eq!(table(&ns), tables[to], "{}", ran.stderr);
        to = 1 - to;
    }
    println!("{halfway} of {attempts} kills found it halfway; the whole takes {whole:?}");
    assert!(halfway > 0, "no kill found it halfway: this has shown nothing");
}
