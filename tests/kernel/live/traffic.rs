//! Reloads under load: no request is lost, and long connections go on.

use std::fmt::Write as _;
use std::io::{ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, sleep};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use super::{REFERENCE_RESTORE, apply, file, restore_program, size};
use crate::harness::KernelTest;
use crate::lab::Lab;
use crate::netns::Netns;
use crate::program;

pub(crate) fn tests() -> Vec<KernelTest> {
    crate::tests![
        reloads_of_other_services_lose_no_request,
        reloads_of_its_own_weights_lose_no_request,
        the_reference_loses_requests,
        a_download_survives_reloads_that_edit_its_service,
    ]
}

/// The service that clients ask.
const SERVICE: &str = "192.168.144.44:80";
const SERVERS: [&str; 2] = ["128.10.10.8:80", "128.10.10.9:80"];

/// How many reloads.
const RELOADS: usize = 50;

/// The service with these weights, between others of which some are only in the odd tables and all
/// are configured otherwise there.
fn rules(weights: [u32; 2], odd: bool) -> String {
    let mut rules = others(1..=10, odd);
    let _ = writeln!(rules, "-A -t {SERVICE} -s wrr");
    for (server, weight) in SERVERS.iter().zip(weights) {
        let _ = writeln!(rules, "-a -t {SERVICE} -r {server} -m -w {weight}");
    }
    rules + &others(11..=20, odd)
}

fn others(numbers: RangeInclusive<u32>, odd: bool) -> String {
    let mut rules = String::new();
    let (scheduler, weight, servers) = if odd { ("wlc", 3, 3) } else { ("rr", 1, 2) };
    for other in numbers.filter(|other| !odd || other % 5 != 0) {
        let _ = writeln!(rules, "-A -t 10.0.0.{other}:80 -s {scheduler}");
        for server in 1..=servers {
            let server = format!("10.9.{other}.{server}:80");
            let _ = writeln!(rules, "-a -t 10.0.0.{other}:80 -r {server} -m -w {weight}");
        }
    }
    rules
}

/// The lab, with the service.
fn balanced() -> Lab {
    let lab = Lab::new();
    lab.network.director.sysctl("net.ipv4.ip_forward", "1");
    apply(&lab.network.director, &rules([1, 1], false), [""; 0]).success();
    lab
}

/// `ab`, with 20 requests in the air all the time.
struct Load(Child);

/// What came of it.
#[derive(Debug)]
struct Outcome {
    complete: usize,
    /// Requests without the right answer. When connections are refused `ab` gives up after some,
    /// which count here.
    lost: usize,
    /// All that it said.
    said: String,
}

impl Load {
    fn start(client: &Netns) -> Load {
        let start = || {
            Command::new("ab")
                .args(["-q", "-r", "-c", "20", "-t", "600", "-n", "1000000"])
                .arg(format!("http://{SERVICE}/index.html"))
                .stdin(Stdio::null())
                .stdout(Stdio::piped())
                .stderr(Stdio::piped())
                .spawn()
        };
        let load = Load(client.enter(start).expect("ab starts"));
        // Until all are in the air.
        sleep(Duration::from_millis(700));
        load
    }

    /// Whether it has given up.
    fn has_ended(&mut self) -> bool {
        !matches!(self.0.try_wait(), Ok(None))
    }

    fn stop(mut self) -> Outcome {
        let given_up = self.has_ended();
        if !given_up {
            let id = i32::try_from(self.0.id()).ok().and_then(Pid::from_raw).expect("a process");
            kill_process(id, Signal::INT).expect("it is ours");
        }
        let output = self.0.wait_with_output().expect("it ends");
        let said =
            [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned());
        let said = said.concat();
        let number = |label: &str| -> usize {
            let line = said.lines().find_map(|line| line.strip_prefix(label));
            line.and_then(|rest| rest.split_whitespace().next()?.parse().ok()).unwrap_or(0)
        };
        let gave_up = if given_up { 10 } else { 0 };
        let lost = number("Failed requests:") + number("Non-2xx responses:") + gave_up;
        Outcome { complete: number("Complete requests:"), lost, said }
    }
}

/// Reloads the director's table from two files in turn while the load runs.
fn reload_under_load(lab: &Lab, tables: [String; 2], programs: [&dyn Reload; 2]) -> Outcome {
    let director = &lab.network.director;
    let files = [file("even", &tables[0]), file("odd", &tables[1])];
    let mut load = Load::start(&lab.network.client1);
    let start = Instant::now();
    for round in 1..=RELOADS {
        if load.has_ended() {
            break;
        }
        programs[round / 2 % 2].reload(director, &files[round % 2]);
    }
    let took = start.elapsed();
    // What a reload did last may come to light a little later.
    sleep(Duration::from_millis(500));
    let outcome = load.stop();
    println!("{RELOADS} reloads in {took:?}: {} complete, {} lost", outcome.complete, outcome.lost);
    outcome
}

/// A way to reload.
trait Reload {
    fn reload(&self, ns: &Netns, file: &Path);
}

/// `ipvsadm --apply`
struct Apply;

impl Reload for Apply {
    fn reload(&self, ns: &Netns, file: &Path) {
        let ran = ns.command(program::ipvsadm()).arg("--apply").arg(file).run().success();
        assert!(!ran.stderr.contains("services unchanged"), "the reload changed nothing");
    }
}

/// A program that takes rules on standard input.
struct Restore(PathBuf);

impl Reload for Restore {
    fn reload(&self, ns: &Netns, file: &Path) {
        let rules = std::fs::read(file).expect("it was written");
        ns.command(&self.0).stdin(rules).run().success();
    }
}

/// Every reload asks for something new, half of them by `--apply` and half by `ipvsadm-restore`.
#[track_caller]
fn assert_nothing_is_lost(tables: [String; 2]) {
    let lab = balanced();
    let outcome = reload_under_load(&lab, tables, [&Apply, &Restore(restore_program())]);
    assert_eq!(outcome.lost, 0, "{}", outcome.said);
    assert!(outcome.complete > 2 * RELOADS, "{}", outcome.said);
}

fn reloads_of_other_services_lose_no_request() {
    assert_nothing_is_lost([rules([1, 1], false), rules([1, 1], true)]);
}

fn reloads_of_its_own_weights_lose_no_request() {
    assert_nothing_is_lost([rules([5, 1], false), rules([0, 7], false)]);
}

fn the_reference_loses_requests() {
    let lab = balanced();
    let reference = Restore(REFERENCE_RESTORE.into());
    let tables = [rules([5, 1], false), rules([1, 7], false)];
    let outcome = reload_under_load(&lab, tables, [&reference, &reference]);
    assert!(outcome.lost > 0, "then this test shows nothing: {}", outcome.said);
}

/// How long the download lasts at least.
fn download() -> Duration {
    size(Duration::from_secs(4), Duration::from_secs(30))
}

/// What comes at a time, ten times a second.
const PIECE: [u8; 1000] = [b'x'; 1000];

fn a_download_survives_reloads_that_edit_its_service() {
    let time = download();
    let lab = balanced();
    let network = &lab.network;
    let service = "192.168.144.44:9000";
    let server = "128.10.10.8:9000";
    let table = |service_options: &str, server_options: &str| {
        format!(
            "-A -t {service} -s {service_options}\n\
             -a -t {service} -r {server} -m {server_options}\n\
             -a -t {service} -r 128.10.10.9:9000 -m -w 0\n"
        )
    };
    apply(&network.director, &table("rr", "-w 1"), [""; 0]).success();
    let listener =
        network.server1.enter(|| TcpListener::bind(server)).expect("the address is there");
    let edited = AtomicBool::new(false);
    thread::scope(|scope| {
        let server = scope.spawn(|| {
            let (mut stream, _) = listener.accept().expect("a client comes");
            let mut sent = 0;
            // Some pieces come after the last edit.
            let mut rest = 5;
            let begun = Instant::now();
            while rest > 0 {
                stream.write_all(&PIECE).expect("the client takes it");
                sent += PIECE.len();
                sleep(Duration::from_millis(100));
                if edited.load(Ordering::Relaxed) && begun.elapsed() > time {
                    rest -= 1;
                }
            }
            sent
        });
        let mut stream =
            network.client1.enter(|| TcpStream::connect(service)).expect("it is balanced");
        stream.set_read_timeout(Some(Duration::from_secs(20))).expect("it is taken");
        let client = scope.spawn(move || {
            let mut received = 0;
            let mut buffer = [0; 4096];
            loop {
                match stream.read(&mut buffer) {
                    Ok(0) => return Ok(received),
                    Ok(count) => received += count,
                    Err(error) if error.kind() == ErrorKind::Interrupted => {}
                    Err(error) => return Err(format!("after {received} bytes: {error}")),
                }
            }
        });
        let edits = [
            ("wrr", "-w 9"),
            ("wlc", "-w 9 -x 100 -y 50"),
            ("sh -b sh-port", "-w 1 -x 1"),
            ("lc -p 60", "-w 0"),
            ("mh", "-w 3"),
        ];
        for (service_options, server_options) in edits {
            sleep(time / 8);
            for program in ["--apply", "restore"] {
                let rules = table(service_options, server_options);
                match program {
                    "--apply" => apply(&network.director, &rules, [""; 0]).success(),
                    _ => super::restore(&network.director, &rules, [""; 0]).success(),
                };
            }
        }
        edited.store(true, Ordering::Relaxed);
        let received = client.join().expect("it ends").expect("nothing broke it");
        assert_eq!(received, server.join().expect("it ends"));
    });
}
