//! Killed in the middle of it, and what comes after.

use super::tables::{described, large};
use super::{apply, file, size, table};
use crate::harness::KernelTest;
use crate::netns::Netns;
use crate::program;
use ipvs::{Client, ServiceKey, Table};
use std::process::{Child, Command, Stdio};
use std::thread::yield_now;
use std::time::Duration;

pub(crate) fn tests() -> Vec<KernelTest> {
    let tests = crate::tests![after_a_kill_at_any_moment_the_next_apply_ends_in_the_table];
    tests.into_iter().map(|test| test.within(Duration::from_secs(size(120, 1800)))).collect()
}

/// Two tables that share half of their services and servers, with all of these edited.
fn pair() -> [String; 2] {
    let services = size(400, 1000);
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
    apply(&ns, &rules[0], [""; 0]).success();
    let config = |to: usize, key: &ServiceKey| tables[to].service(key).map(|entry| *entry.config());
    let keys = tables.iter().flat_map(Table::services).map(|(key, _)| *key);
    let keys: Vec<ServiceKey> = keys.filter(|key| config(0, key) != config(1, key)).collect();

    let mut client = ns.enter(Client::new).expect("IPVS is there");
    let attempts = size(12, 40);
    let (mut to, mut halfway) = (1, 0);
    for attempt in 0..attempts {
        if halfway == size(3, attempts) {
            break;
        }
        // Killed as soon as one service, another one each time, is as it shall be.
        let key = keys[attempt * 7919 % keys.len()];
        let mut child = ns
            .enter(|| {
                let mut command = Command::new(program::ipvsadm());
                command.arg("--apply").arg(&files[to]).stderr(Stdio::null()).spawn()
            })
            .expect("it starts");
        let running = |child: &mut Child| child.try_wait().expect("it is ours").is_none();
        while client.service(&key).ok().map(|found| found.config) != config(to, &key)
            && running(&mut child)
        {
            yield_now();
        }
        child.kill().expect("it is ours");
        child.wait().expect("it is ours");
        halfway += usize::from(!tables.contains(&table(&ns)));
        let ran = apply(&ns, &rules[to], [""; 0]).success();
        assert_eq!(table(&ns), tables[to], "{}", ran.stderr);
        to = 1 - to;
    }
    println!("{halfway} kills found it halfway");
    assert!(halfway > 0, "no kill found it halfway: this has shown nothing");
}
