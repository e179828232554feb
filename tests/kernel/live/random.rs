//! Plans between random tables, carried out by the kernel or refused at every position.

use std::cell::Cell;
use std::io;
use std::rc::Rc;

use ipvs::{Aftermath, Client, KernelSocket, Plan, PlanOptions, Transport};
use proptest::prelude::*;
use proptest::test_runner::{Config, RngSeed, TestRunner};

use super::tables::{described, random};
use super::{NO_OPTIONS, apply, saved, size, table};
use crate::harness::KernelTest;
use crate::netns::Netns;
use crate::program;

pub(crate) fn tests() -> Vec<KernelTest> {
    crate::tests![
        a_plan_between_any_two_tables_leads_to_the_second,
        a_plan_refused_at_any_position_leaves_the_first_table,
        rules_from_a_dry_run_make_the_table,
    ]
}

/// Checks as many random pairs of tables as there are cases. A failure shows the rules of both,
/// shrunk.
fn for_random_pairs(
    cases: u32,
    check: impl Fn(&str, &str) -> Result<(), TestCaseError>,
) -> Result<(), String> {
    let seed = size(20261122, std::process::id().into());
    println!("seed {seed}");
    let config = Config {
        cases,
        rng_seed: RngSeed::Fixed(seed),
        failure_persistence: None,
        max_shrink_iters: 200,
        ..Config::default()
    };
    let pairs = (random(), random());
    TestRunner::new(config)
        .run(&pairs, |(a, b)| check(&a, &b))
        .map_err(|error| format!("seed {seed}: {error}"))
}

fn plan(from: &ipvs::Table, to: &ipvs::Table) -> Plan {
    Plan::between(&from.clone().into(), &to.clone().into(), PlanOptions::default())
}

fn a_plan_between_any_two_tables_leads_to_the_second() -> Result<(), String> {
    let ns = Netns::new();
    ns.enter(|| {
        let client = Client::new().expect("the kernel has IPVS");
        let client = std::cell::RefCell::new(client);
        for_random_pairs(size(100, 1000), |a, b| {
            let mut client = client.borrow_mut();
            for rules in [a, b, a] {
                let wanted = described(rules);
                let now = client.table().expect("the table can be read");
                client.apply(&plan(&now, &wanted)).map_err(TestCaseError::fail_display)?;
                prop_assert_eq!(client.table().expect("the table can be read"), wanted);
            }
            Ok(())
        })
    })
}

/// Turns any error into a failed test case.
trait FailDisplay {
    fn fail_display(reason: impl std::fmt::Display) -> TestCaseError {
        TestCaseError::fail(reason.to_string())
    }
}

impl FailDisplay for TestCaseError {}

/// A socket to the kernel that spoils one writing request, so that the kernel refuses it.
struct Spoiling {
    socket: KernelSocket,
    /// The number of writing requests before the spoilt one.
    pass: Rc<Cell<Option<usize>>>,
}

/// `NLM_F_DUMP`, which marks a request that reads.
const DUMP: u16 = 0x300;
/// A command that IPVS does not have.
const NONSENSE: u8 = 255;

impl Transport for Spoiling {
    fn send(&mut self, datagram: &[u8]) -> io::Result<()> {
        let mut datagram = datagram.to_vec();
        let mut start = 0;
        while let Some(length) = datagram.get(start..).and_then(<[u8]>::first_chunk::<4>) {
            let length = u32::from_ne_bytes(*length) as usize;
            let flags = u16::from_ne_bytes([datagram[start + 6], datagram[start + 7]]);
            if flags & DUMP == 0 {
                match self.pass.get() {
                    Some(0) => {
                        datagram[start + 16] = NONSENSE;
                        self.pass.set(None);
                    }
                    Some(left) => self.pass.set(Some(left - 1)),
                    None => {}
                }
            }
            start += length.next_multiple_of(4);
        }
        self.socket.send(&datagram)
    }

    fn receive(&mut self, buffer: &mut Vec<u8>) -> io::Result<()> {
        self.socket.receive(buffer)
    }

    fn reply_window(&mut self) -> usize {
        // Small, so that a plan takes several datagrams.
        self.socket.reply_window().min(5)
    }
}

fn a_plan_refused_at_any_position_leaves_the_first_table() -> Result<(), String> {
    let ns = Netns::new();
    ns.enter(|| {
        let pass = Rc::new(Cell::new(None));
        let socket = KernelSocket::open().expect("a socket opens");
        let transport = Spoiling { socket, pass: Rc::clone(&pass) };
        let client = Client::with_transport(transport).expect("the kernel has IPVS");
        let client = std::cell::RefCell::new(client);
        let positions = Cell::new(0);
        for_random_pairs(size(8, 100), |a, b| {
            let mut client = client.borrow_mut();
            let (first, second) = (described(a), described(b));
            let now = client.table().expect("the table can be read");
            client.apply(&plan(&now, &first)).map_err(TestCaseError::fail_display)?;
            let plan = plan(&first, &second);
            for position in 0..plan.len() {
                pass.set(Some(position));
                let Err(error) = client.apply(&plan) else {
                    return Err(TestCaseError::fail(format!("change {position} was not refused")));
                };
                let index = error.refused().first().map(|refused| refused.index);
                prop_assert_eq!(index, Some(position), "{}", error);
                prop_assert!(matches!(error.aftermath(), Aftermath::Restored), "{}", error);
                prop_assert_eq!(&client.table().expect("the table can be read"), &first);
                positions.set(positions.get() + 1);
            }
            Ok(())
        })?;
        println!("{} positions", positions.get());
        assert!(positions.get() > 20, "the tables differed too little");
        Ok(())
    })
}

fn rules_from_a_dry_run_make_the_table() -> Result<(), String> {
    let ns = Netns::new();
    for_random_pairs(size(12, 200), |a, b| {
        apply(&ns, a, NO_OPTIONS).success();
        let before = saved(&ns);
        let dry = apply(&ns, b, ["--dry-run"]);
        prop_assert_eq!(&dry.stderr, "");
        prop_assert_eq!(dry.code(), Some(i32::from(described(a) != described(b))));
        prop_assert_eq!(dry.stdout.is_empty(), dry.code() == Some(0));
        prop_assert_eq!(saved(&ns), before, "a dry run changed something");
        let ran = ns.command(program::ipvsadm()).arg("-R").stdin(dry.stdout).run();
        prop_assert_eq!((ran.code(), ran.stderr.as_str()), (Some(0), ""));
        prop_assert_eq!(table(&ns), described(b));
        let again = apply(&ns, b, ["--dry-run"]);
        prop_assert_eq!((again.code(), again.stdout.as_str()), (Some(0), ""));
        Ok(())
    })
}
