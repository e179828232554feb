//! Reloads under load lose no request and break no connection.

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

use super::{NO_OPTIONS, REFERENCE_RESTORE, apply, file, restore_program, size};
use crate::harness::KernelTest;
use crate::lab::Lab;
use crate::netns::Netns;
use crate::program;

pub(crate) fn tests() -> Vec<KernelTest> {
    crate::tests![
        reloads_of_other_services_lose_no_request,
        reloads_of_the_services_own_weights_lose_no_request,
        reloads_by_the_reference_lose_requests,
        a_download_survives_reloads_that_edit_its_service,
    ]
}

/// The service under load.
const SERVICE: &str = "192.168.144.44:80";
const SERVERS: [&str; 2] = ["128.10.10.8:80", "128.10.10.9:80"];

/// The number of reloads.
const RELOADS: usize = 50;

/// The rules of the service with these weights, amid others. In odd tables some of the others are
/// missing, and the rest are configured differently.
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

/// The lab with the service set up.
fn balanced() -> Lab {
    let lab = Lab::new();
    lab.network.director.sysctl("net.ipv4.ip_forward", "1");
    apply(&lab.network.director, &rules([1, 1], false), NO_OPTIONS).success();
    lab
}

/// `ab` with many requests in flight all the time.
pub(crate) struct Load(Child);

/// The result of a [`Load`].
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) complete: usize,
    /// Requests without the right answer, including those in flight when `ab` gives up, as it does
    /// after several refused connections.
    pub(crate) lost: usize,
    /// The whole output of `ab`.
    pub(crate) output: String,
}

impl Load {
    pub(crate) fn start(client: &Netns, at_once: u32, page: &str) -> Load {
        let start = || {
            Command::new("ab")
                .args(["-q", "-r", "-t", "600", "-n", "1000000", "-c", &at_once.to_string()])
                .arg(format!("http://{SERVICE}/{page}"))
                .stdin(Stdio::null())
                .stdout(Stdio::piped())
                .stderr(Stdio::piped())
                .spawn()
        };
        let load = Load(client.enter(start).expect("ab starts"));
        // Long enough for every request to be in flight.
        sleep(Duration::from_millis(700));
        load
    }

    /// True if `ab` has given up.
    pub(crate) fn has_ended(&mut self) -> bool {
        !matches!(self.0.try_wait(), Ok(None))
    }

    pub(crate) fn stop(mut self) -> Outcome {
        let given_up = self.has_ended();
        if !given_up {
            let id = i32::try_from(self.0.id())
                .ok()
                .and_then(Pid::from_raw)
                .expect("the child has a process id");
            kill_process(id, Signal::INT).expect("the child can be signalled");
        }
        let output = self.0.wait_with_output().expect("ab ends");
        let output =
            [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned());
        let output = output.concat();
        let number = |label: &str| -> usize {
            let line = output.lines().find_map(|line| line.strip_prefix(label));
            line.and_then(|rest| rest.split_whitespace().next()?.parse().ok()).unwrap_or(0)
        };
        let lost_at_end = if given_up { 10 } else { 0 };
        let lost = number("Failed requests:") + number("Non-2xx responses:") + lost_at_end;
        Outcome { complete: number("Complete requests:"), lost, output }
    }
}

/// Reloads the director's table from two files in turn under load.
fn reload_under_load(lab: &Lab, tables: [String; 2], programs: [&dyn Reload; 2]) -> Outcome {
    let director = &lab.network.director;
    let files = [file("even", &tables[0]), file("odd", &tables[1])];
    let mut load = Load::start(&lab.network.client1, 20, "index.html");
    let start = Instant::now();
    for round in 1..=RELOADS {
        if load.has_ended() {
            break;
        }
        programs[round / 2 % 2].reload(director, &files[round % 2]);
    }
    let took = start.elapsed();
    // Requests lost by the last reload take a moment to show.
    sleep(Duration::from_millis(500));
    let outcome = load.stop();
    println!("{RELOADS} reloads in {took:?}: {} complete, {} lost", outcome.complete, outcome.lost);
    outcome
}

/// A way to reload.
trait Reload {
    fn reload(&self, ns: &Netns, file: &Path);
}

/// `ipvsadm --apply`.
struct Apply;

impl Reload for Apply {
    fn reload(&self, ns: &Netns, file: &Path) {
        let ran = ns.command(program::ipvsadm()).arg("--apply").arg(file).run().success();
        assert!(!ran.stderr.contains("services unchanged"), "the reload changed nothing");
    }
}

/// A program that reads rules from standard input.
struct Restore(PathBuf);

impl Reload for Restore {
    fn reload(&self, ns: &Netns, file: &Path) {
        let rules = std::fs::read(file).expect("the file can be read");
        ns.command(&self.0).stdin(rules).run().success();
    }
}

/// Reloads two tables in turn, half of the time by `--apply` and half by `ipvsadm-restore`.
#[track_caller]
fn assert_nothing_is_lost(tables: [String; 2]) {
    let lab = balanced();
    let outcome = reload_under_load(&lab, tables, [&Apply, &Restore(restore_program())]);
    assert_eq!(outcome.lost, 0, "{}", outcome.output);
    assert!(outcome.complete > 2 * RELOADS, "{}", outcome.output);
}

fn reloads_of_other_services_lose_no_request() {
    assert_nothing_is_lost([rules([1, 1], false), rules([1, 1], true)]);
}

fn reloads_of_the_services_own_weights_lose_no_request() {
    assert_nothing_is_lost([rules([5, 1], false), rules([0, 7], false)]);
}

fn reloads_by_the_reference_lose_requests() {
    let lab = balanced();
    let reference = Restore(REFERENCE_RESTORE.into());
    let tables = [rules([5, 1], false), rules([1, 7], false)];
    let outcome = reload_under_load(&lab, tables, [&reference, &reference]);
    assert!(outcome.lost > 0, "the load does not detect lost requests: {}", outcome.output);
}

/// The least duration of the download.
fn download() -> Duration {
    size(Duration::from_secs(4), Duration::from_secs(30))
}

/// The server sends ten pieces a second.
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
    apply(&network.director, &table("rr", "-w 1"), NO_OPTIONS).success();
    let listener =
        network.server1.enter(|| TcpListener::bind(server)).expect("the server's address is free");
    let edited = AtomicBool::new(false);
    thread::scope(|scope| {
        let server = scope.spawn(|| {
            let (mut stream, _) = listener.accept().expect("the client connects");
            let mut sent = 0;
            // Some pieces follow the last edit.
            let mut remaining = 5;
            let begun = Instant::now();
            while remaining > 0 {
                stream.write_all(&PIECE).expect("the connection is alive");
                sent += PIECE.len();
                sleep(Duration::from_millis(100));
                if edited.load(Ordering::Relaxed) && begun.elapsed() > time {
                    remaining -= 1;
                }
            }
            sent
        });
        let mut stream = network
            .client1
            .enter(|| TcpStream::connect(service))
            .expect("the service accepts connections");
        stream.set_read_timeout(Some(Duration::from_secs(20))).expect("the timeout is valid");
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
                    "--apply" => apply(&network.director, &rules, NO_OPTIONS).success(),
                    _ => super::restore(&network.director, &rules, NO_OPTIONS).success(),
                };
            }
        }
        edited.store(true, Ordering::Relaxed);
        let received =
            client.join().expect("the client does not panic").expect("the download completes");
        assert_eq!(received, server.join().expect("the server does not panic"));
    });
}
