//! Two namespaces, one for each program, in which the same command lines are run.

use std::cell::RefCell;
use std::ffi::OsString;
use std::fmt;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::thread;
use std::time::Duration;

use ipvs::{Change, Client, Daemon, Snapshot, Timeouts};

use super::session::{Session, rule};
use crate::netns::{Netns, Ran};
use crate::program;

/// Sets up a namespace: an interface with addresses of both families, and a route for multicast.
const NETWORK: &str = "\
link add d0 type dummy
link set d0 up
address add 10.9.0.1/16 dev d0
address add 2001:db8:9::1/64 dev d0 nodad
route add 224.0.0.0/4 dev d0
";

/// A command line and its standard input.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Line {
    pub(crate) words: Vec<OsString>,
    pub(crate) input: Vec<u8>,
}

impl Line {
    /// From words.
    pub(crate) fn of<W: AsRef<[u8]>>(words: impl IntoIterator<Item = W>) -> Line {
        let words = words.into_iter().map(|word| OsString::from_vec(word.as_ref().to_vec()));
        Line { words: words.collect(), input: Vec::new() }
    }

    /// From words with blanks between them.
    pub(crate) fn split(text: &str) -> Line {
        Line::of(text.split(' ').filter(|word| !word.is_empty()))
    }

    /// `-R` with these rules.
    pub(crate) fn restore(rules: impl Into<Vec<u8>>) -> Line {
        Line { input: rules.into(), ..Line::of(["-R"]) }
    }

    /// True if this word is among them.
    pub(crate) fn has(&self, word: &str) -> bool {
        self.words.iter().any(|other| other == word)
    }
}

/// As one would type it in a shell.
impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ipvsadm")?;
        for word in &self.words {
            let bytes = word.as_bytes();
            let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_=+,./:[]%@".contains(byte);
            match !bytes.is_empty() && bytes.iter().all(plain) {
                true => write!(f, " {}", word.display())?,
                false => write!(f, " '{}'", bytes.escape_ascii())?,
            }
        }
        if !self.input.is_empty() {
            let shown = &self.input[..self.input.len().min(400)];
            write!(f, " <<< '{}'", shown.escape_ascii())?;
        }
        Ok(())
    }
}

/// Everything a program can change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct State {
    table: Snapshot,
    timeouts: Timeouts,
    daemons: Vec<Daemon>,
}

/// The outcome of both programs.
#[derive(Clone, Debug)]
pub(crate) struct Both {
    pub(crate) reference: Ran,
    pub(crate) ours: Ran,
}

/// A namespace and a connection to its IPVS.
struct Side {
    netns: Netns,
    client: RefCell<Client>,
    session: Option<Session>,
}

impl Side {
    fn new(name: &str) -> Side {
        let netns = Netns::named(name);
        netns.ip(NETWORK);
        let client = netns.enter(Client::new).expect("IPVS is available");
        Side { netns, client: RefCell::new(client), session: None }
    }

    fn run(&self, program: std::path::PathBuf, line: &Line) -> Ran {
        self.netns.command(program).args(&line.words).stdin(line.input.clone()).run()
    }

    /// Passes a rule to the running `-R`, or to a new one.
    fn rule(&mut self, program: std::path::PathBuf, line: &Line, rule: &[u8]) -> Ran {
        let netns = &self.netns;
        let session = self.session.get_or_insert_with(|| Session::start(netns, &program));
        let (ran, ended) = session.carry_out(line, rule);
        if ended {
            self.session = None;
        }
        ran
    }

    fn state(&self) -> State {
        let mut client = self.client.borrow_mut();
        State {
            table: client.snapshot().expect("the table can be read"),
            timeouts: client.timeouts().expect("the timeouts can be read"),
            daemons: client.daemons().expect("the daemons can be read"),
        }
    }

    fn change(&self, change: &Change) {
        let result = self.client.borrow_mut().change(change);
        result.unwrap_or_else(|error| panic!("{change:?}: {error}"));
    }
}

/// The kernel never answers a request to stop a daemon that has not begun to run: it takes the
/// thread's `-EINTR` for an interruption of its own (`netlink_rcv_skb`). Either program would wait
/// for ever.
fn let_daemons_begin() {
    thread::sleep(Duration::from_millis(20));
}

/// The commands that change a whole table. Ours runs one at a time.
const WHOLE_TABLE: [&str; 4] = ["-C", "--clear", "-R", "--restore"];

/// The timeouts of a new namespace.
const TIMEOUTS: Timeouts = Timeouts { tcp_seconds: 900, tcp_fin_seconds: 120, udp_seconds: 300 };

/// Both programs, each with a namespace of its own.
pub(crate) struct Pair {
    reference: Side,
    ours: Side,
}

impl Pair {
    pub(crate) fn new() -> Pair {
        Pair { reference: Side::new("reference"), ours: Side::new("ours") }
    }

    /// The reference's namespace, and ours.
    pub(crate) fn namespaces(&self) -> [&Netns; 2] {
        [&self.reference.netns, &self.ours.netns]
    }

    /// Resets both namespaces, and loads these rules.
    pub(crate) fn reset(&self, rules: &[Change]) {
        for side in [&self.reference, &self.ours] {
            let daemons = side.client.borrow_mut().daemons().expect("the daemons can be read");
            if !daemons.is_empty() {
                let_daemons_begin();
            }
            for daemon in daemons {
                side.change(&Change::StopDaemon(daemon.role));
            }
            side.change(&Change::SetTimeouts(TIMEOUTS));
            side.change(&Change::Flush);
            rules.iter().for_each(|change| side.change(change));
        }
    }

    /// Runs the line with both programs.
    pub(crate) fn run(&self, line: &Line) -> Both {
        Both {
            reference: self.reference.run(program::reference(), line),
            ours: self.ours.run(program::ipvsadm(), line),
        }
    }

    /// Runs the line with both programs. Returns the difference in what they print, how they end
    /// and what they leave behind, if there is one.
    pub(crate) fn compare(&mut self, line: &Line) -> Result<Both, String> {
        if line.words.iter().any(|word| WHOLE_TABLE.iter().any(|command| word == command)) {
            // Ours would wait for its own `-R` to end: a listed difference.
            self.end_rules();
        }
        let both = self.run(line);
        self.judge(line, both)
    }

    /// As [`Pair::compare`], but a line that can be a rule goes to an `-R` that is already running,
    /// which is much quicker than starting a program.
    pub(crate) fn compare_as_rule(&mut self, line: &Line) -> Result<Both, String> {
        let Some(rule) = rule(line) else {
            return self.compare(line);
        };
        let both = Both {
            reference: self.reference.rule(program::reference(), line, &rule),
            ours: self.ours.rule(program::ipvsadm(), line, &rule),
        };
        self.judge(line, both)
    }

    /// Ends the `-R` of both programs, with whatever they keep in memory.
    pub(crate) fn end_rules(&mut self) {
        self.reference.session = None;
        self.ours.session = None;
    }

    fn judge(&self, line: &Line, both: Both) -> Result<Both, String> {
        if line.words.first().is_some_and(|word| word == "--start-daemon") {
            let_daemons_begin();
        }
        let mut wrong = Vec::new();
        if !same_output(line, &both) {
            wrong.push("standard output");
        }
        if both.reference.status != both.ours.status {
            wrong.push("exit status");
        }
        if !same_errors(&both) {
            wrong.push("standard error");
        }
        let (reference, ours) = (self.reference.state(), self.ours.state());
        let states = if reference == ours {
            String::new()
        } else {
            wrong.push("the table");
            format!("  the reference leaves {reference:?}\n  ours leaves          {ours:?}\n")
        };
        if wrong.is_empty() {
            return Ok(both);
        }
        Err(format!(
            "{line}\n  differs in {}\n{}{}{states}",
            wrong.join(", "),
            shown("the reference", &both.reference),
            shown("ours", &both.ours),
        ))
    }

    /// Compares the reference's own listings of both namespaces: the strongest proof, and the
    /// slowest.
    pub(crate) fn compare_listings(&self) -> Result<(), String> {
        let listings =
            ["-S -n", "-L -n --thresholds", "-L -n --tun-info", "-L --timeout", "-L --daemon"];
        for listing in listings {
            let line = Line::split(listing);
            let of = |side: &Side| side.run(program::reference(), &line).success().stdout;
            let (reference, ours) = (of(&self.reference), of(&self.ours));
            if reference != ours {
                return Err(format!(
                    "by `{line}` of the reference, it leaves\n{reference}and ours leaves\n{ours}"
                ));
            }
        }
        Ok(())
    }
}

/// A description of what a program did.
pub(crate) fn shown(who: &str, ran: &Ran) -> String {
    let mut text = format!("  {who}: {}\n", ran.status);
    for (stream, output) in [("out", &ran.stdout), ("err", &ran.stderr)] {
        for line in output.lines() {
            text += &format!("    {stream} |{line}|\n");
        }
    }
    text
}

/// True if the outputs are the same, byte for byte, except for the options that the reference's
/// `-S` does not write, and for `-h` and `-v`.
fn same_output(line: &Line, both: &Both) -> bool {
    let (reference, ours) = (&both.reference.stdout, &both.ours.stdout);
    if reference.starts_with("ipvsadm v1.31 ") {
        // Help and version: the first two words are what programs read.
        return ours.starts_with("ipvsadm v1.31 ");
    }
    if line.has("--nosort") {
        // The kernel's own order depends on where in memory a namespace lies.
        let sorted = |text: &str| {
            let mut lines: Vec<_> = text.lines().map(str::to_owned).collect();
            lines.sort();
            lines
        };
        return sorted(reference) == sorted(ours);
    }
    reference == ours || *reference == without_thresholds(ours)
}

/// Rules as the reference writes them: it forgets thresholds.
pub(crate) fn without_thresholds(rules: &str) -> String {
    rules
        .split_inclusive('\n')
        .map(|rule| {
            if !rule.starts_with("-a ") {
                return rule.to_owned();
            }
            let words: Vec<&str> = rule.trim_end_matches('\n').split(' ').collect();
            let end = words.iter().position(|word| *word == "-x" || *word == "-y");
            words[..end.unwrap_or(words.len())].join(" ") + "\n"
        })
        .collect()
}

/// The texts for the kernel's refusals. Programs match these; other texts may be better than the
/// reference's.
const KERNEL_TEXTS: &[&str] = &[
    "Service already exists",
    "Scheduler or persistence engine not found",
    "No such service",
    "Service not defined",
    "Destination already exists",
    "No such destination",
    "Daemon has already run",
    "No daemon is running",
    "Permission denied (you must be root)",
    "Invalid operation.  Possibly wrong module version, address not unicast, ...",
    "Operation not supported with IPv6",
    "Operation not supported with specified address family",
    "Memory allocation problem",
    "Module is wrong version",
    "Protocol not available",
    "Numerical result out of range",
    "No such device",
    "Network is unreachable",
    "Cannot assign requested address",
    "Invalid argument",
];

/// True if both complain or neither does, in the same words where the kernel refused.
fn same_errors(both: &Both) -> bool {
    let texts = |ran: &Ran| -> Vec<String> {
        let lines = ran.stderr.lines().map(|line| match line.strip_prefix("line ") {
            Some(rest) => rest.split_once(": ").map_or(rest, |(_, text)| text),
            None => line,
        });
        lines.filter(|line| KERNEL_TEXTS.contains(line)).map(str::to_owned).collect()
    };
    both.reference.stderr.is_empty() == both.ours.stderr.is_empty()
        && texts(&both.reference) == texts(&both.ours)
}

/// Collects differences, to show all of them at the end.
#[derive(Default)]
pub(crate) struct Differences {
    found: Vec<String>,
    compared: usize,
}

impl Differences {
    /// The number of lines compared.
    pub(crate) fn compared(&self) -> usize {
        self.compared
    }

    pub(crate) fn note<T>(&mut self, result: Result<T, String>) -> Option<T> {
        self.compared += 1;
        result.map_err(|difference| self.found.push(difference)).ok()
    }

    /// Panics if there is a difference, or if hardly anything was compared.
    pub(crate) fn none_of(self, at_least: usize) {
        let Differences { found, compared } = self;
        assert!(compared >= at_least, "only {compared} lines were compared");
        assert!(
            found.is_empty(),
            "{} of {compared} lines differ:\n{}",
            found.len(),
            found.join("\n")
        );
        println!("{compared} lines compared");
    }
}
