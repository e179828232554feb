//! The cost of each step between a rule and the kernel: `cargo bench --bench parts`.
//!
//! Criterion measures the time. If valgrind is installed, the instructions for one rule are counted
//! as well. Their number is the same in every run, so it shows differences between versions that
//! times on a busy machine hide.
#![forbid(unsafe_code)]

use std::hint::black_box;
use std::process::{self, ExitCode};
use std::{env, fs, io};

use criterion::{Criterion, Throughput};
use ipvs::rules::grammar::{NumericOnly, RuleCommand, Scanner, parse_command, push_line};
use ipvs::{Change, Client, ServiceKey, Transport};

/// The number of rules that each step works on at a time.
const RULES: usize = 1000;

/// A step, over [`RULES`] rules.
struct Part {
    name: &'static str,
    work: fn(&mut Stock),
}

const PARTS: [Part; 5] = [
    Part { name: "scan", work: scan },
    Part { name: "interpret", work: interpret },
    Part { name: "encode", work: encode },
    Part { name: "decode", work: decode },
    Part { name: "render", work: render },
];

/// The input of all steps.
struct Stock {
    lines: Vec<Vec<u8>>,
    changes: Vec<Change>,
    service: ServiceKey,
    client: Client<Kernel>,
    text: Vec<u8>,
}

impl Stock {
    fn new() -> Stock {
        let lines: Vec<Vec<u8>> = (0..RULES)
            .map(|number| {
                let (a, b) = (number / 250, number % 250);
                format!("-a -t 10.0.{a}.1:80 -r 172.16.{a}.{b}:8080 -m -w 10\n").into_bytes()
            })
            .collect();
        let change = |line: &Vec<u8>| match parse_command(line, &mut NumericOnly) {
            Ok(Some(RuleCommand::Change(change))) => change,
            other => panic!("{}: {other:?}", String::from_utf8_lossy(line)),
        };
        Stock {
            changes: lines.iter().map(change).collect(),
            lines,
            service: ServiceKey::tcp(([10, 0, 0, 1], 80)),
            client: Client::with_transport(Kernel::default()).expect("it has IPVS"),
            text: Vec::new(),
        }
    }
}

/// From bytes to options and their values.
fn scan(stock: &mut Stock) {
    for line in &stock.lines {
        black_box(Scanner::of_line(line).map(Result::unwrap).count());
    }
}

/// From bytes to a command, which includes scanning.
fn interpret(stock: &mut Stock) {
    for line in &stock.lines {
        black_box(parse_command(black_box(line), &mut NumericOnly).unwrap());
    }
}

/// From changes to requests.
fn encode(stock: &mut Stock) {
    let mut batch = stock.client.batch();
    for (tag, change) in stock.changes.iter().enumerate() {
        batch.push(tag, change).unwrap();
    }
    batch.flush().unwrap();
}

/// From replies to servers.
fn decode(stock: &mut Stock) {
    let servers = stock.client.destinations(&stock.service).unwrap();
    assert_eq!(black_box(servers).len(), RULES);
}

/// From changes to the lines of `-S`.
fn render(stock: &mut Stock) {
    stock.text.clear();
    for change in &stock.changes {
        push_line(&mut stock.text, black_box(change), &NumericOnly).unwrap();
    }
    black_box(&stock.text);
}

/// A kernel that reports [`RULES`] servers, whatever it was sent.
#[derive(Debug)]
struct Kernel {
    /// The sequence number and kind of the last request.
    last: (u32, Kind),
    /// The number of answers to it so far.
    answers: usize,
    /// A message with [`PIECE`] servers.
    piece: Vec<u8>,
}

/// The number of servers that fit into 32 KiB.
const PIECE: usize = 50;

impl Default for Kernel {
    fn default() -> Kernel {
        let mut piece = Vec::new();
        for number in 0..PIECE {
            message(&mut piece, FAMILY, 0, |buffer| server(buffer, number as u8));
        }
        Kernel { last: (0, Kind::Family), answers: 0, piece }
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    Family,
    Dump,
    Change,
}

/// From `<linux/netlink.h>`
const NLM_F_DUMP: u16 = 0x300;
const ERROR: u16 = 2;
const DONE: u16 = 3;
/// The number of the family, which may be any.
const FAMILY: u16 = 30;

impl Transport for Kernel {
    fn send(&mut self, datagram: &[u8]) -> io::Result<()> {
        let mut rest = datagram;
        while let [a, b, c, d, kind1, kind2, flag1, flag2, e, f, g, h, ..] = *rest {
            let kind = match u16::from_ne_bytes([flag1, flag2]) & NLM_F_DUMP {
                _ if u16::from_ne_bytes([kind1, kind2]) != FAMILY => Kind::Family,
                NLM_F_DUMP => Kind::Dump,
                _ => Kind::Change,
            };
            self.last = (u32::from_ne_bytes([e, f, g, h]), kind);
            rest = &rest[u32::from_ne_bytes([a, b, c, d]) as usize..];
        }
        self.answers = 0;
        Ok(())
    }

    fn receive(&mut self, buffer: &mut Vec<u8>) -> io::Result<()> {
        buffer.clear();
        let (sequence, kind) = self.last;
        match kind {
            Kind::Family => {
                message(buffer, 16, sequence, |buffer| attribute(buffer, 1, &FAMILY.to_ne_bytes()));
            }
            Kind::Change => message(buffer, ERROR, sequence, |_| {}),
            Kind::Dump if self.answers < RULES / PIECE => {
                buffer.extend_from_slice(&self.piece);
                for message in buffer.chunks_exact_mut(self.piece.len() / PIECE) {
                    message[8..12].copy_from_slice(&sequence.to_ne_bytes());
                }
            }
            Kind::Dump => message(buffer, DONE, sequence, |_| {}),
        }
        self.answers += 1;
        Ok(())
    }

    fn reply_window(&mut self) -> usize {
        1000
    }
}

/// A header, four bytes that are a generic netlink header or an error number of 0, and what
/// follows.
fn message(buffer: &mut Vec<u8>, kind: u16, sequence: u32, body: impl FnOnce(&mut Vec<u8>)) {
    let start = buffer.len();
    buffer.extend_from_slice(&[0; 20]);
    body(buffer);
    let length = (buffer.len() - start) as u32;
    buffer[start..start + 4].copy_from_slice(&length.to_ne_bytes());
    buffer[start + 4..start + 6].copy_from_slice(&kind.to_ne_bytes());
    buffer[start + 8..start + 12].copy_from_slice(&sequence.to_ne_bytes());
}

fn attribute(buffer: &mut Vec<u8>, kind: u16, value: &[u8]) {
    let length = value.len() as u16 + 4;
    buffer.extend_from_slice(&length.to_ne_bytes());
    buffer.extend_from_slice(&kind.to_ne_bytes());
    buffer.extend_from_slice(value);
    buffer.resize(buffer.len().next_multiple_of(4), 0);
}

/// A server with all attributes that a kernel sends.
fn server(buffer: &mut Vec<u8>, number: u8) {
    let mut inner = Vec::new();
    attribute(&mut inner, 1, &[172, 16, 0, number, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    attribute(&mut inner, 2, &8080_u16.to_be_bytes());
    for kind in [3, 4, 5, 6, 7, 8, 9] {
        attribute(&mut inner, kind, &1_u32.to_ne_bytes());
    }
    for (kind, width) in [(10, 4), (12, 8)] {
        let mut counters = Vec::new();
        for counter in 1..=10 {
            attribute(&mut counters, counter, &7_u64.to_le_bytes()[..width]);
        }
        attribute(&mut inner, kind, &counters);
    }
    attribute(&mut inner, 11, &2_u16.to_ne_bytes());
    attribute(buffer, 2, &inner);
}

/// Counts the instructions of `--once NAME TIMES` with callgrind, for one rule.
fn instructions(part: &Part) -> Option<u64> {
    let count = |times: &str| {
        let file = env::temp_dir().join(format!("ipvs-bench-{}", process::id()));
        let done = process::Command::new("valgrind")
            .arg("--tool=callgrind")
            .arg(format!("--callgrind-out-file={}", file.display()))
            .arg(env::current_exe().ok()?)
            .args(["--once", part.name, times])
            .stderr(process::Stdio::null())
            .status();
        let text = fs::read_to_string(&file);
        let _ = fs::remove_file(&file);
        done.ok().filter(process::ExitStatus::success)?;
        text.ok()?.lines().find_map(|line| line.strip_prefix("totals: ")?.parse::<u64>().ok())
    };
    // The difference leaves out what is done once: starting, and making the input.
    Some((count("11")? - count("1")?) / 10 / RULES as u64)
}

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    if let [once, name, times] = &arguments[..]
        && once == "--once"
    {
        let part = PARTS.iter().find(|part| part.name == name);
        let (Some(part), Ok(times)) = (part, times.parse::<u32>()) else {
            return ExitCode::FAILURE;
        };
        let mut stock = Stock::new();
        (0..times).for_each(|_| (part.work)(&mut stock));
        return ExitCode::SUCCESS;
    }

    let mut criterion = Criterion::default().configure_from_args();
    let mut group = criterion.benchmark_group("rules");
    group.throughput(Throughput::Elements(RULES as u64));
    for part in &PARTS {
        let mut stock = Stock::new();
        group.bench_function(part.name, |bencher| bencher.iter(|| (part.work)(&mut stock)));
    }
    group.finish();
    criterion.final_summary();

    println!("Instructions for one rule (callgrind):");
    for part in &PARTS {
        match instructions(part) {
            Some(count) => println!("{:12} {count:>8}", part.name),
            None => println!("{:12} not counted: is valgrind installed?", part.name),
        }
    }
    ExitCode::SUCCESS
}
