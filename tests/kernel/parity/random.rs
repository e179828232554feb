//! Sequences of random commands over a few addresses and values. Where the programs differ, the
//! sequence is reduced to the commands that matter.
//!
//! `make parity SEED=… N=…` runs more of them than `make test` does.

use std::env;
use std::time::{Duration, Instant};

use super::options::lists_more_here;
use super::pair::{Line, Pair};
use crate::harness::KernelTest;

/// The default seed.
const SEED: u64 = 1;
/// The default number of commands.
const COMMANDS: usize = 2000;
/// The number of commands in a sequence.
const SEQUENCE: usize = 250;
/// One command in this many starts the programs; the others are rules for a running `-R`.
const STARTED: u64 = 12;

pub(crate) fn tests() -> Vec<KernelTest> {
    let test = random_commands_leave_the_same_table_and_say_the_same;
    let name = "random_commands_leave_the_same_table_and_say_the_same";
    // Half a second a command is far more than it takes.
    let time = 600 + setting("PARITY_N", COMMANDS as u64) / 2;
    vec![KernelTest::new(module_path!(), name, test).within(Duration::from_secs(time))]
}

fn setting(name: &str, default: u64) -> u64 {
    match env::var(name) {
        Ok(text) if !text.is_empty() => {
            text.parse().unwrap_or_else(|error| panic!("{name}={text}: {error}"))
        }
        _ => default,
    }
}

fn random_commands_leave_the_same_table_and_say_the_same() {
    let (seed, count) = (setting("PARITY_SEED", SEED), setting("PARITY_N", COMMANDS as u64));
    let count = usize::try_from(count).expect("a number of commands");
    let mut pair = Pair::new();
    let start = Instant::now();
    let (mut succeeded, mut done) = (0, 0);
    while done < count {
        let length = SEQUENCE.min(count - done);
        let lines = sequence(seed, done, length);
        match play(&mut pair, &lines) {
            Ok(successes) => succeeded += successes,
            Err((place, difference)) => {
                let short = shrink(&mut pair, &lines[..=place]);
                let shown: Vec<_> = short.iter().map(|step| step.line.to_string()).collect();
                panic!(
                    "seed {seed}: command {} differs. So do these, on an empty table:\n{}\n\n\
                     {difference}",
                    done + place + 1,
                    shown.join("\n")
                );
            }
        }
        done += length;
    }
    println!("seed {seed}: {done} commands, {succeeded} succeeded, {:?}", start.elapsed());
    assert!(succeeded * 3 > done, "only {succeeded} of {done} commands did anything");
}

/// A command, and the way it reaches the programs.
#[derive(Clone, Debug)]
struct Step {
    line: Line,
    started: bool,
}

/// The number of commands that succeeded, or the first difference and where it is.
fn play(pair: &mut Pair, steps: &[Step]) -> Result<usize, (usize, String)> {
    pair.reset(&[]);
    let mut succeeded = 0;
    for (place, step) in steps.iter().enumerate() {
        let result = match step.started {
            true => pair.compare(&step.line),
            false => pair.compare_as_rule(&step.line),
        };
        let both = result.map_err(|difference| (place, difference))?;
        succeeded += usize::from(both.ours.status.success());
    }
    let last = steps.len().saturating_sub(1);
    pair.compare_listings().map_err(|difference| (last, difference))?;
    Ok(succeeded)
}

/// Removes the commands that are not needed for the last one to differ.
fn shrink(pair: &mut Pair, steps: &[Step]) -> Vec<Step> {
    let mut steps = steps.to_vec();
    let end = Instant::now() + Duration::from_secs(60);
    let mut piece = steps.len() / 2;
    while piece > 0 && Instant::now() < end {
        let mut start = 0;
        while start < steps.len() && Instant::now() < end {
            let mut fewer = steps.clone();
            fewer.drain(start..(start + piece).min(steps.len()));
            pair.end_rules();
            match play(pair, &fewer) {
                Err((place, _)) => {
                    fewer.truncate(place + 1);
                    steps = fewer;
                }
                Ok(_) => start += piece,
            }
        }
        piece /= 2;
    }
    steps
}

/// Numbers that look random and are the same for the same seed (splitmix64).
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, bound: usize) -> usize {
        // The remainder is below a usize.
        (self.roll() % bound as u64) as usize
    }

    /// True once in this many times.
    fn once_in(&mut self, times: u64) -> bool {
        self.roll().is_multiple_of(times)
    }

    fn one_of<'a>(&mut self, choices: &[&'a str]) -> &'a str {
        choices[self.below(choices.len())]
    }
}

fn sequence(seed: u64, first: usize, length: usize) -> Vec<Step> {
    let mut dice = Dice(seed.wrapping_mul(1_000_003).wrapping_add(first as u64));
    (0..length).map(|_| Step { line: line(&mut dice), started: dice.once_in(STARTED) }).collect()
}

/// Addresses close together, so that the reference's comparison of them does not overflow.
const SERVICES: &[&str] = &[
    "-t 10.0.0.1:80",
    "-t 10.0.0.1:443",
    "-t 10.0.0.2:0",
    "-u 10.0.0.1:53",
    "-u 10.0.0.3:5060",
    "--sctp-service 10.0.0.1:80",
    "-t [2001:db8::1]:80",
    "-t [2001:db8::2]:0",
    "-u [2001:db8::1]:53",
    "--sctp-service [2001:db8::3]:9",
    "-f 1",
    "-f 77",
    "-f 2147483647",
    "-f 1 -6",
    "-f 77 -6",
];

const SERVERS: &[&str] = &[
    "10.1.0.1",
    "10.1.0.2",
    "10.1.0.1:80",
    "10.1.0.2:8080",
    "10.1.0.3:0",
    "10.1.0.4:65535",
    "127.0.0.1:80",
];

const SERVERS6: &[&str] =
    &["2001:db8:1::1", "2001:db8:1::2", "[2001:db8:1::1]:80", "[2001:db8:1::3]:8080", "[::1]:80"];

const SCHEDULERS: &[&str] = &[
    "rr", "wrr", "lc", "wlc", "lblc", "lblcr", "dh", "sh", "sed", "nq", "fo", "ovf", "mh", "rr",
    "wlc", "sh", "mh", "twos", "nosuch",
];

/// Words that hardly ever belong where they are inserted.
const NOISE: &[&str] = &[
    "-n",
    "-c",
    "-w 5",
    "-s rr",
    "-p",
    "-p 0",
    "-m",
    "-g",
    "word",
    "--zzz",
    "-t 10.0.0.1:80",
    "-f 0",
    "-A",
    "--stats",
    "-x 1",
    "-6",
    "--sort",
    "--",
    "-r 10.1.0.9",
    "-M 255.0.0.0",
    "-w -1",
    "--tun-type gue",
    "-b flag-9",
    "--syncid 1",
    "-o",
    "-X",
    "-q",
];

/// A line that means the same to both programs.
fn line(dice: &mut Dice) -> Line {
    loop {
        let line = command(dice);
        if !lists_more_here(&line) {
            return line;
        }
    }
}

fn command(dice: &mut Dice) -> Line {
    let mut text = match dice.below(100) {
        0..24 => format!("-A {}{}", dice.one_of(SERVICES), setup(dice)),
        24..32 => format!("-E {}{}", dice.one_of(SERVICES), setup(dice)),
        32..35 => format!("-D {}", dice.one_of(SERVICES)),
        35..60 => server("-a", dice),
        60..68 => server("-e", dice),
        68..72 => {
            let service = dice.one_of(SERVICES);
            format!("-d {service} -r {}", address(service, dice))
        }
        72..88 => listing(dice),
        88..92 => dice.one_of(&["-S -n", "-Sn", "-S"]).to_owned(),
        92..94 => format!("-Z {}", dice.one_of(SERVICES)),
        94 => dice.one_of(&["-Z", "-Z", "-C"]).to_owned(),
        95..97 => format!(
            "--set {} {} {}",
            dice.one_of(&["0", "1", "900", "2678400"]),
            dice.one_of(&["0", "120", "7"]),
            dice.one_of(&["0", "300", "2678401"])
        ),
        97..99 => daemon(dice),
        _ => format!("--stop-daemon {}", dice.one_of(&["master", "backup"])),
    };
    if dice.once_in(14) {
        let noise = dice.one_of(NOISE);
        // A mask before what makes a service IPv6 is a listed difference.
        if !(noise == "-6" && text.contains(" -M ")) {
            text = format!("{text} {noise}");
        }
    }
    Line::split(&spelling(&text, dice))
}

/// Now and then, the same in another spelling.
fn spelling(text: &str, dice: &mut Dice) -> String {
    match dice.below(12) {
        0 => text.replacen(" -s ", " --scheduler ", 1).replacen(" -w ", " --weight=", 1),
        1 => text.replacen(" -s ", " -s", 1).replacen(" -w ", " -w", 1).replacen(" -p ", " -p", 1),
        2 => text
            .replacen("-A -t ", "-At ", 1)
            .replacen("-a -t ", "-at", 1)
            .replacen("-L -n", "-Ln", 1),
        3 => text
            .replacen("-A ", "--add-service ", 1)
            .replacen("-a ", "--add-server ", 1)
            .replacen("-L", "--list", 1),
        4 => text.replacen(" -t ", " --tcp-service ", 1).replacen(" -r ", " --real-server=", 1),
        5 => text.replacen(" -r ", " -r=", 1).replacen(" -u ", " -u=", 1),
        _ => text.to_owned(),
    }
}

fn setup(dice: &mut Dice) -> String {
    let mut text = String::new();
    let scheduler = dice.one_of(SCHEDULERS);
    if !dice.once_in(4) {
        text += &format!(" -s {scheduler}");
    }
    if dice.once_in(2) {
        text += dice.one_of(&[" -p", " -p 1", " -p 600", " -p 2678400", " -p 2678401"]);
        if dice.once_in(2) {
            text +=
                dice.one_of(&[" -M 255.255.255.0", " -M 255.0.0.0", " -M 64", " -M 128", " -M 1"]);
        }
    }
    if dice.once_in(6) {
        text += " -o";
    }
    if dice.once_in(6) {
        text += dice.one_of(&[" --pe sip", " --pe nosuch"]);
    }
    if dice.once_in(5) {
        text += &match scheduler {
            "sh" | "mh" => format!(" -b {scheduler}-{}", dice.one_of(&["port", "fallback"])),
            _ => format!(" -b {}", dice.one_of(&["flag-1", "flag-1,flag-2", "flag-3", "sh-port"])),
        };
        // The third flag has no name with these; how it is saved is a listed difference.
        if matches!(scheduler, "sh" | "mh") && text.contains("flag-3") {
            text = String::new();
        }
    }
    text
}

/// A server's address, nearly always of the service's family.
fn address(service: &str, dice: &mut Dice) -> &'static str {
    let six = service.contains('[') || service.ends_with("-6");
    match six != dice.once_in(12) {
        true => dice.one_of(SERVERS6),
        false => dice.one_of(SERVERS),
    }
}

fn server(command: &str, dice: &mut Dice) -> String {
    let service = dice.one_of(SERVICES);
    let mut text = format!("{command} {service} -r {}", address(service, dice));
    text += dice.one_of(&["", " -g", " -m", " -m", " -i", " -i"]);
    if text.ends_with(" -i") {
        text += dice.one_of(&[
            "",
            " --tun-type ipip",
            " --tun-type gue --tun-port 6080",
            " --tun-type gue --tun-port 65535 --tun-csum",
            " --tun-type gue --tun-port 1 --tun-remcsum",
            " --tun-type gre",
            " --tun-type gre --tun-csum",
            " --tun-type gre --tun-nocsum",
            " --tun-type gue",
            " --tun-type gre --tun-remcsum",
        ]);
    }
    if dice.once_in(2) {
        text += &format!(
            " -w {}",
            dice.one_of(&["0", "1", "100", "65536", "2147483647", "2147483648"])
        );
    }
    if dice.once_in(4) {
        text += &format!(" -x {}", dice.one_of(&["0", "10", "2147483647"]));
    }
    if dice.once_in(5) {
        text += &format!(" -y {}", dice.one_of(&["0", "5", "10", "11"]));
    }
    text
}

fn listing(dice: &mut Dice) -> String {
    let mut text = match dice.below(8) {
        0 => format!("-L -n {}", dice.one_of(SERVICES)),
        1 => dice
            .one_of(&["-L --timeout", "-L --daemon", "-L -c -n", "-L -c -n --persistent-conn"])
            .to_owned(),
        2 => "-L".to_owned(),
        _ => "-L -n".to_owned(),
    };
    if dice.once_in(2) {
        text += dice.one_of(&[
            " --stats",
            " --rate",
            " --thresholds",
            " --persistent-conn",
            " --tun-info",
        ]);
    }
    if dice.once_in(6) {
        text += dice.one_of(&[" -X", " --exact", " --sort", " --nosort"]);
    }
    text
}

fn daemon(dice: &mut Dice) -> String {
    let mut text = format!("--start-daemon {}", dice.one_of(&["master", "backup"]));
    text += dice.one_of(&[
        "",
        " --mcast-interface d0",
        " --mcast-interface d0",
        " --mcast-interface nosuch",
    ]);
    for option in [
        " --syncid 9",
        " --sync-maxlen 1400",
        " --mcast-group 224.0.0.99",
        " --mcast-group ff02::99",
        " --mcast-port 9000",
        " --mcast-ttl 7",
    ] {
        if dice.once_in(4) {
            text += option;
        }
    }
    text
}
