//! Reading a table while services come and go in another network namespace, whose services the
//! kernel counts too when it hands over a list in pieces.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use ipvs::{Client, ServiceConfig, ServiceKey};
use serde_json::Value;

use super::load;
use crate::harness::KernelTest;
use crate::netns::Netns;
use crate::{preload, program};

pub(crate) fn tests() -> Vec<KernelTest> {
    crate::tests![no_steady_service_is_missing_while_others_come_and_go_elsewhere]
}

const STEADY: usize = 400;

fn no_steady_service_is_missing_while_others_come_and_go_elsewhere() {
    let (ns, elsewhere) = (Netns::new(), Netns::new());
    let rules: Vec<String> =
        (1..=STEADY).map(|port| format!("-A -t 10.0.0.1:{port} -s rr")).collect();
    load(&ns, &(rules.join("\n") + "\n"));
    let library = preload::build("pause", include_str!("pause.c"));
    let printed = |arguments: &[&str]| {
        let command = ns.command(program::ipvsadm()).args(arguments.iter().copied());
        command.env("LD_PRELOAD", &library).run().success().stdout
    };
    let expected: BTreeSet<&str> = rules.iter().map(String::as_str).collect();
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        let changes = scope.spawn(|| come_and_go(&elsewhere, &stop));
        // Also if an assertion fails.
        let stop = SetOnDrop(&stop);
        for round in 1..=10 {
            let saved = printed(&["-Sn"]);
            let found: BTreeSet<&str> = saved.lines().collect();
            assert_eq!(found, expected, "round {round}");
            let listed = printed(&["-Ln"]);
            assert_eq!(listed.lines().count(), 3 + STEADY, "round {round}");
            let json: Value = serde_json::from_str(&printed(&["-L", "--json"])).expect("JSON");
            assert_eq!(json["services"].as_array().map(Vec::len), Some(STEADY), "round {round}");
        }
        drop(stop);
        let changes = changes.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        println!("{changes} changes elsewhere");
        assert!(changes > 1000, "only {changes} changes elsewhere");
    });
}

struct SetOnDrop<'a>(&'a AtomicBool);

impl Drop for SetOnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Adds and removes services until told to stop. Returns the number of changes.
fn come_and_go(ns: &Netns, stop: &AtomicBool) -> usize {
    let mut client = ns.enter(Client::new).expect("IPVS is there");
    let mut changes = 0;
    for port in (1..=500).cycle().take_while(|_| !stop.load(Ordering::Relaxed)) {
        let key = ServiceKey::tcp(([10, 0, 0, 2], port));
        client.add_service(&key, &ServiceConfig::default()).expect("it is added");
        client.delete_service(&key).expect("it is removed");
        changes += 2;
    }
    changes
}
