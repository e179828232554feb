//! Explains and runs commands, and checks what is seen against what was expected.

use std::fmt::Display;
use std::io::{Write, stdout};
use std::process::ExitStatus;

use crate::netns::{Netns, Ran};
use crate::program;

/// A story in progress. It writes to standard output, which is the screen in the demo and the
/// test's output in a test.
pub(crate) struct Story {
    colours: bool,
    held: usize,
    failed: Vec<String>,
}

impl Story {
    pub(crate) fn new(colours: bool) -> Story {
        Story { colours, held: 0, failed: Vec::new() }
    }

    /// Begins a step.
    pub(crate) fn step(&self, title: &str) {
        self.tell(&format!("\n{}\n", self.colour("1;34", &format!("── {title} ──"))));
    }

    /// Prints an explanation.
    pub(crate) fn say(&self, text: &str) {
        self.tell("\n");
        for line in text.lines() {
            self.tell(&format!("{}\n", line.trim()));
        }
        self.tell("\n");
    }

    /// Prints a text as it is.
    pub(crate) fn show(&self, text: &str) {
        self.tell(text);
        self.tell("\n");
    }

    /// Runs a command on a host, and prints it with its output. Expects it to succeed.
    pub(crate) fn run(&mut self, host: &Netns, command: &str) -> Ran {
        self.run_showing(host, command, |_| true)
    }

    /// The same, but prints only some lines of its output.
    pub(crate) fn run_showing(
        &mut self,
        host: &Netns,
        command: &str,
        shows: impl Fn(&str) -> bool,
    ) -> Ran {
        let prompt = self.colour("32", &format!("{}#", host.name()));
        self.tell(&format!("  {prompt} {}\n", self.colour("1", command)));
        let ran = run_silently(host, command);
        let mut omitted = false;
        for line in ran.stdout.lines().chain(ran.stderr.lines()) {
            if shows(line) || !ran.status.success() {
                self.tell(&format!("  {line}\n"));
                omitted = false;
            } else if !omitted {
                self.tell(&self.colour("2", "  [...]\n"));
                omitted = true;
            }
        }
        if !ran.status.success() {
            self.expect(&format!("`{command}` succeeds"), "status 0", ran.status, false);
        }
        ran
    }

    /// Prints what was expected and what was seen, and whether that is good enough.
    pub(crate) fn expect(
        &mut self,
        what: &str,
        expected: impl Display,
        seen: impl Display,
        holds: bool,
    ) {
        let (mark, code) = if holds { ("ok ", "32") } else { ("NOT", "1;31") };
        let line = format!("{what}: expected {expected} / seen {seen}");
        self.tell(&format!("  {} {line}\n", self.colour(code, mark)));
        if holds {
            self.held += 1;
        } else {
            self.failed.push(line);
        }
    }

    /// The same, if only equality is good enough.
    pub(crate) fn expect_equal<T: Display + PartialEq>(
        &mut self,
        what: &str,
        expected: T,
        seen: T,
    ) {
        let holds = expected == seen;
        self.expect(what, expected, seen, holds);
    }

    /// The number of expectations that held, and those that did not.
    pub(crate) fn account(&self) -> (usize, &[String]) {
        (self.held, &self.failed)
    }

    /// Colours a text, if the screen has colours.
    pub(crate) fn colour(&self, code: &str, text: &str) -> String {
        if self.colours { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }

    fn tell(&self, text: &str) {
        // If nobody reads it, the checks still count.
        let mut out = stdout().lock();
        let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    }
}

/// Runs a command on a host: words separated by blanks. `ipvsadm` is the program under test.
pub(crate) fn run_silently(host: &Netns, command: &str) -> Ran {
    let mut words = command.split_whitespace();
    let program = words.next().unwrap_or_default();
    let command = match program {
        "ipvsadm" => host.command(program::ipvsadm()),
        // Not every machine has this program, which is in a package of its own.
        "sysctl" => return sysctl(host, command, words.last().unwrap_or_default()),
        _ => host.command(program),
    };
    command.args(words).run()
}

/// `sysctl NAME` and `sysctl -w NAME=VALUE`.
fn sysctl(host: &Netns, command: &str, argument: &str) -> Ran {
    let name = match argument.split_once('=') {
        Some((name, value)) => {
            host.sysctl(name, value);
            name
        }
        None => argument,
    };
    Ran {
        command: command.to_owned(),
        status: ExitStatus::default(),
        stdout: format!("{name} = {}\n", host.read_sysctl(name)),
        stderr: String::new(),
    }
}
