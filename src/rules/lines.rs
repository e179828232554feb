//! Files of rules, one command a line.

use std::io::{self, BufRead};

use super::command::Command;
use super::error::UsageError;
use super::interpret::interpret;
use super::options::OptionId;
use super::resolve::Resolve;
use super::scanner::{Scanner, Words};

/// Reads one rule line. `None` if there is nothing on it but blanks and a comment.
///
/// # Errors
///
/// As [`interpret`](super::interpret()). `-R` is an error here: rules cannot ask for rules.
pub fn parse_line<R: Resolve + ?Sized>(
    line: &[u8],
    names: &mut R,
) -> Result<Option<Command>, UsageError> {
    let words = Words::new(line);
    if words.clone().next().is_none() {
        return Ok(None);
    }
    let invocation = interpret(Scanner::new(words), names)?;
    let how = [
        (invocation.dry_run, OptionId::DryRun),
        (invocation.wait.is_some(), OptionId::Wait),
        (invocation.namespace.is_some(), OptionId::Netns),
    ];
    match invocation.command {
        Command::Restore => Err(UsageError::Nested(OptionId::Restore)),
        Command::Apply(_) => Err(UsageError::Nested(OptionId::Apply)),
        command => match how.into_iter().find(|(given, _)| *given) {
            Some((_, option)) => Err(UsageError::NotInRules(option)),
            None => Ok(Some(command)),
        },
    }
}

/// A line that says something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleLine {
    /// Which line of the input it is, from 1.
    pub number: u64,
    /// What it asks for, or what is wrong with it.
    pub command: Result<Command, UsageError>,
}

impl RuleLine {
    /// Whether reading ends here, as `ipvsadm -R` ends: at a usage error, at a line that does not
    /// begin with a command, and after help and version. What came before stays done.
    pub fn stops_restore(&self) -> bool {
        match &self.command {
            Ok(command) => matches!(command, Command::Help | Command::Version),
            Err(error) => error.stops_restore(),
        }
    }
}

/// Reads rules line by line.
///
/// Lines are ended by a newline, the last one also by the end of the input, and may be of any
/// length and hold any bytes. [`Words`] says what is a blank and what is a comment; lines with
/// nothing else are left out. Each line is read when it is asked for, so that a program on the
/// other end of a pipe is answered as it writes.
///
/// It goes on after every error; [`RuleLine::stops_restore`] says at which `ipvsadm -R` stops.
///
/// ```
/// use ipvs::rules::{Lines, NumericOnly};
///
/// let input = b"# web\nipvsadm -A -t 192.0.2.1:80 -s rr\n\n-a -t 192.0.2.1:80 -r 10.0.0.1 -m";
/// let numbers: Vec<u64> = Lines::new(&input[..], NumericOnly)
///     .map(|line| line.map(|line| line.number))
///     .collect::<Result<_, _>>()?;
/// assert_eq!(numbers, [2, 4]);
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct Lines<B, R> {
    input: B,
    names: R,
    number: u64,
    buffer: Vec<u8>,
}

impl<B: BufRead, R: Resolve> Lines<B, R> {
    /// Reads rules from `input`, and asks `names` for the names in them.
    pub fn new(input: B, names: R) -> Self {
        Lines { input, names, number: 0, buffer: Vec::new() }
    }
}

impl<B: BufRead, R: Resolve> Iterator for Lines<B, R> {
    type Item = io::Result<RuleLine>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            self.buffer.clear();
            match self.input.read_until(b'\n', &mut self.buffer) {
                Ok(0) => return None,
                Ok(_) => self.number += 1,
                Err(error) => return Some(Err(error)),
            }
            let command = match parse_line(&self.buffer, &mut self.names) {
                Ok(None) => continue,
                Ok(Some(command)) => Ok(command),
                Err(error) => Err(error),
            };
            return Some(Ok(RuleLine { number: self.number, command }));
        }
    }
}

#[cfg(test)]
#[path = "lines_tests.rs"]
mod tests;
