//! Killed in the middle of it, and what comes after.

use super::tables::{described, large};
use super::{apply, load, size, table};
use crate::harness::KernelTest;
use crate::netns::Netns;
use crate::{preload, program};
use std::os::unix::process::ExitStatusExt;

pub(crate) fn tests() -> Vec<KernelTest> {
    crate::tests![killed_before_any_datagram_the_next_apply_ends_in_the_table]
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

/// The kernel carries out a datagram to its end before it sees a signal, so that these moments are
/// all that there are.
fn killed_before_any_datagram_the_next_apply_ends_in_the_table() {
    let library = preload::build("killed", include_str!("killed.c"));
    let [before, after] = pair();
    let tables = [&before, &after].map(|rules| described(rules));
    for datagrams in 0.. {
        let ns = Netns::new();
        load(&ns, &before);
        let ran = ns
            .command(program::ipvsadm())
            .arg("--apply")
            .stdin(after.as_str())
            .env("LD_PRELOAD", &library)
            .env("DATAGRAMS", datagrams.to_string())
            .run();
        if ran.status.signal().is_none() {
            ran.success();
            assert_eq!(table(&ns), tables[1]);
            println!("{datagrams} datagrams");
            assert!(datagrams > 3, "too few to be killed between them");
            break;
        }
        let halfway = !tables.contains(&table(&ns));
        assert_eq!(halfway, datagrams > 0, "killed before datagram {datagrams}");
        let ran = apply(&ns, &after, [""; 0]).success();
        assert_eq!(table(&ns), tables[1], "{}", ran.stderr);
    }
}
