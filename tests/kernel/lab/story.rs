//! Explains commands, runs them, and compares their results with expectations.

use std::fmt::Display;
use std::io::{Write, stdout};
use std::process::ExitStatus;

use crate::netns::{Netns, Ran};
use crate::program;

/// A story in progress, on standard output: on the screen in the demo, and in a test's output.
pub(crate) struct Story {
    colours: bool,
    held: usize,
    failed: Vec<String>,
}

impl Story {
    pub(crate) fn new(colours: bool) -> Story {
        Story { colours, held: 0, failed: Vec::new() }
    }

    /// Prints the title of a step.
    pub(crate) fn step(&self, title: &str) {
        self.print(&format!("\n{}\n", self.colour("1;34", &format!("── {title} ──"))));
    }

    /// Prints an explanation.
    pub(crate) fn say(&self, text: &str) {
        self.print("\n");
        for line in text.lines() {
            self.print(&format!("{}\n", line.trim()));
        }
        self.print("\n");
    }

    /// Prints a text as it is.
    pub(crate) fn show(&self, text: &str) {
        self.print(text);
        self.print("\n");
    }

    /// Runs a command on a host and shows it with its output. The command is expected to succeed.
    pub(crate) fn run(&mut self, host: &Netns, command: &str) -> Ran {
        self.run_showing(host, command, |_| true)
    }

    /// Like [`run`](Self::run), but shows only some lines of the output.
    pub(crate) fn run_showing(
        &mut self,
        host: &Netns,
        command: &str,
        shows: impl Fn(&str) -> bool,
    ) -> Ran {
        let ran = self.run_whatever(host, command, shows);
        if !ran.status.success() {
            self.expect(&format!("`{command}` succeeds"), "status 0", ran.status, false);
        }
        ran
    }

    /// Like [`run_showing`](Self::run_showing), for a command whose status the caller looks at.
    pub(crate) fn run_whatever(
        &self,
        host: &Netns,
        command: &str,
        mut shows: impl FnMut(&str) -> bool,
    ) -> Ran {
        let prompt = self.colour("32", &format!("{}#", host.name()));
        self.print(&format!("  {prompt} {}\n", self.colour("1", command)));
        let ran = run_silently(host, command);
        let mut omitted = false;
        for line in ran.stdout.lines().chain(ran.stderr.lines()) {
            if shows(line) {
                self.print(&format!("  {line}\n"));
                omitted = false;
            } else if !omitted {
                self.print(&self.colour("2", "  [...]\n"));
                omitted = true;
            }
        }
        ran
    }

    /// Prints an expectation with the result, and records whether it holds.
    pub(crate) fn expect(
        &mut self,
        subject: &str,
        expected: impl Display,
        seen: impl Display,
        holds: bool,
    ) {
        let (mark, code) = if holds { ("ok ", "32") } else { ("NOT", "1;31") };
        let line = format!("{subject}: expected {expected} / seen {seen}");
        self.print(&format!("  {} {line}\n", self.colour(code, mark)));
        if holds {
            self.held += 1;
        } else {
            self.failed.push(line);
        }
    }

    /// Expects two values to be equal.
    pub(crate) fn expect_equal<T: Display + PartialEq>(
        &mut self,
        subject: &str,
        expected: T,
        seen: T,
    ) {
        let holds = expected == seen;
        self.expect(subject, expected, seen, holds);
    }

    /// The number of expectations that held, and those that did not.
    pub(crate) fn account(&self) -> (usize, &[String]) {
        (self.held, &self.failed)
    }

    /// Colours a text if the screen has colours.
    pub(crate) fn colour(&self, code: &str, text: &str) -> String {
        if self.colours { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }

    fn print(&self, text: &str) {
        // The checks count even if nobody reads the story.
        let mut out = stdout().lock();
        let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    }
}

/// Runs a command, split at blanks, on a host. `ipvsadm` is the program under test.
pub(crate) fn run_silently(host: &Netns, command: &str) -> Ran {
    let mut words = command.split_whitespace();
    let program = words.next().unwrap_or_default();
    let command = match program {
        "ipvsadm" => host.command(program::ipvsadm()),
        // Not every machine has the package procps.
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
