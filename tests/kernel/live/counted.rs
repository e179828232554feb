//! A reload sends only the differences.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io;
use std::rc::Rc;
use std::time::{Duration, Instant};

use ipvs::{Client, KernelSocket, Plan, PlanOptions, Transport};

use super::tables::{described, large};
use super::{NO_OPTIONS, REFERENCE_RESTORE, apply, file, load, restore_program, saved, size};
use crate::harness::KernelTest;
use crate::netns::Netns;
use crate::program;

pub(crate) fn tests() -> Vec<KernelTest> {
    crate::tests![
        reapplying_the_same_table_sends_no_change,
        only_changed_servers_are_sent,
        restore_over_a_loaded_table_matches_the_reference_and_is_faster,
    ]
}

/// The number of services, and of servers for each.
fn dimensions() -> (usize, usize) {
    size((1000, 5), (10_000, 5))
}

/// Those of `IPVS_CMD_*` in `<linux/ip_vs.h>` that read.
const READING: [u8; 5] = [4, 8, 11, 13, 15];
/// `IPVS_CMD_SET_DEST`.
const EDIT_SERVER: u8 = 6;

/// A socket to the kernel that counts the requests sent, by command.
struct Counting {
    socket: KernelSocket,
    sent: Rc<RefCell<BTreeMap<u8, usize>>>,
}

impl Transport for Counting {
    fn send(&mut self, datagram: &[u8]) -> io::Result<()> {
        let mut rest = datagram;
        while let Some(length) = rest.first_chunk::<4>() {
            let length = u32::from_ne_bytes(*length) as usize;
            // The header of generic netlink follows that of netlink, and begins with the command.
            *self.sent.borrow_mut().entry(rest[16]).or_default() += 1;
            rest = &rest[length.next_multiple_of(4).min(rest.len())..];
        }
        self.socket.send(datagram)
    }

    fn receive(&mut self, buffer: &mut Vec<u8>) -> io::Result<()> {
        self.socket.receive(buffer)
    }

    fn reply_window(&mut self) -> usize {
        self.socket.reply_window()
    }
}

/// Makes the table what the rules describe, and returns the number of requests by command.
fn requests_to_apply(ns: &Netns, rules: &str) -> BTreeMap<u8, usize> {
    let wanted = described(rules);
    ns.enter(|| {
        let sent = Rc::default();
        let socket = KernelSocket::open().expect("a socket opens");
        let counting = Counting { socket, sent: Rc::clone(&sent) };
        let mut client = Client::with_transport(counting).expect("the kernel has IPVS");
        // Forget the request that resolved the family's number.
        sent.borrow_mut().clear();
        let now = client.table().expect("the table can be read");
        let plan = Plan::between(&now.into(), &wanted.into(), PlanOptions::default());
        client.apply(&plan).expect("the kernel accepts the plan");
        sent.take()
    })
}

fn only_writing(mut requests: BTreeMap<u8, usize>) -> BTreeMap<u8, usize> {
    requests.retain(|command, _| !READING.contains(command));
    requests
}

fn reapplying_the_same_table_sends_no_change() {
    let (services, servers) = dimensions();
    let ns = Netns::new();
    let rules = large(services, servers, |_| 1);
    let first = apply(&ns, &rules, NO_OPTIONS).success();
    let all = services * servers;
    assert_eq!(number(&first.stderr, "service"), services, "{}", first.stderr);
    assert_eq!(number(&first.stderr, "server"), all, "{}", first.stderr);

    let requests = requests_to_apply(&ns, &rules);
    // One for the servers of each service, and two for the services: their list comes in pieces.
    assert_eq!(requests.values().sum::<usize>(), services + 2, "{requests:?}");
    assert_eq!(only_writing(requests), BTreeMap::new());

    let path = file("same", &rules);
    let (mut again, mut save) = (Duration::ZERO, Duration::ZERO);
    for _ in 0..3 {
        let start = Instant::now();
        let ran = ns.command(program::ipvsadm()).arg("--apply").arg(&path).run().success();
        again += start.elapsed();
        assert!(ran.stderr.contains("services unchanged"), "{}", ran.stderr);
        let start = Instant::now();
        ns.ipvsadm(["-S", "-n"]).success();
        save += start.elapsed();
    }
    println!("applied again in {again:?}, saved in {save:?}: {:.2}", ratio(again, save));
}

/// The number before a word in a summary.
fn number(summary: &str, word: &str) -> usize {
    let mut words = summary.split_whitespace().collect::<Vec<_>>().into_iter().rev();
    words.find(|found| found.trim_end_matches('s') == word);
    let digits: String = words.next().unwrap_or_default().chars().filter(|c| *c != ',').collect();
    digits.parse().unwrap_or_else(|_| panic!("no number of {word}: {summary}"))
}

fn ratio(one: Duration, other: Duration) -> f64 {
    one.as_secs_f64() / other.as_secs_f64()
}

fn only_changed_servers_are_sent() {
    let (services, servers) = dimensions();
    let ns = Netns::new();
    load(&ns, &large(services, servers, |_| 1));
    let changed = |number: usize| if number % 100 == 7 { 2 } else { 1 };
    let rules = large(services, servers, changed);
    let dry = apply(&ns, &rules, ["--dry-run"]);
    assert_eq!((dry.code(), dry.stderr.as_str()), (Some(1), ""));
    let few = services * servers / 100;
    assert_eq!(dry.stdout.lines().filter(|line| line.starts_with("-e ")).count(), few);
    assert_eq!(dry.stdout.lines().count(), few);

    let requests = only_writing(requests_to_apply(&ns, &rules));
    assert_eq!(requests, BTreeMap::from([(EDIT_SERVER, few)]));
    let ran = apply(&ns, &rules, ["--dry-run"]);
    assert_eq!((ran.code(), ran.stdout.as_str()), (Some(0), ""), "something is left to do");
}

fn restore_over_a_loaded_table_matches_the_reference_and_is_faster() {
    let (services, servers) = size((200, 5), (10_000, 5));
    let ours = Netns::new();
    let theirs = Netns::new();
    for ns in [&ours, &theirs] {
        load(ns, &large(services, servers, |_| 1));
    }
    let rules = large(services, servers, |number| if number % 100 == 7 { 2 } else { 1 });
    // The best of three, because other processes may interfere.
    let time = |ns: &Netns, program: &std::path::Path| {
        let times = [(); 3].map(|()| {
            let start = Instant::now();
            ns.command(program).stdin(rules.clone()).run().success();
            start.elapsed()
        });
        times.into_iter().min().unwrap_or_default()
    };
    let (our_time, their_time) =
        (time(&ours, &restore_program()), time(&theirs, REFERENCE_RESTORE.as_ref()));
    println!("ours {our_time:?}, theirs {their_time:?}: {:.1}", ratio(their_time, our_time));
    assert_eq!(saved(&ours), saved(&theirs));
    assert!(our_time < their_time, "ours {our_time:?}, theirs {their_time:?}");
}
