//! Files of rules, one command a line.

use std::io::{self, BufRead};

use super::command::RuleCommand;
use super::error::UsageError;
use super::interpret::interpret_rule;
use super::resolve::{NumericOnly, Resolve};
use super::scanner::{LineWords, Scanner, is_comment};
use super::write::Line;
use crate::Change;

/// Reads the command on a rule line. `None` for a line with nothing but blanks and a comment.
///
/// # Errors
///
/// As for [`interpret`](super::interpret::interpret), and for `-R`, `--apply` and options that say
/// how to carry out a command: they are not valid in rules.
pub fn parse_command<R: Resolve + ?Sized>(
    line: &[u8],
    names: &mut R,
) -> Result<Option<RuleCommand>, UsageError> {
    if LineWords::new(line).next().is_none_or(is_comment) {
        return Ok(None);
    }
    interpret_rule(Scanner::of_line(line), names).map(Some)
}

/// A line with a command on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommandLine {
    /// The number of the line in the input, from 1.
    pub number: u64,
    /// The command, or what is wrong with it.
    pub command: Result<RuleCommand, UsageError>,
}

impl CommandLine {
    /// True if `ipvsadm -R` ends at this line: at most mistakes, and after help and version. The
    /// lines before it stay in effect.
    pub fn stops_restore(&self) -> bool {
        match &self.command {
            Ok(command) => matches!(command, RuleCommand::Help | RuleCommand::Version),
            Err(error) => error.stops_restore(),
        }
    }
}

/// Reads commands line by line and continues after errors. See [`Lines`].
#[derive(Debug)]
pub struct CommandLines<B, R> {
    input: B,
    names: R,
    number: u64,
    buffer: Vec<u8>,
}

impl<B: BufRead, R: Resolve> CommandLines<B, R> {
    /// Reads rules from `input`, and looks their names up in `names`.
    pub fn new(input: B, names: R) -> Self {
        CommandLines { input, names, number: 0, buffer: Vec::new() }
    }
}

impl<B: BufRead, R: Resolve> Iterator for CommandLines<B, R> {
    type Item = io::Result<CommandLine>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            self.buffer.clear();
            match self.input.read_until(b'\n', &mut self.buffer) {
                Ok(0) => return None,
                Ok(_) => self.number += 1,
                Err(error) => return Some(Err(error)),
            }
            if let Some(command) = parse_command(&self.buffer, &mut self.names).transpose() {
                return Some(Ok(CommandLine { number: self.number, command }));
            }
        }
    }
}

impl Line {
    /// Reads one rule line, such as `-A -t 192.0.2.1:80 -s rr`. `None` for a line with nothing but
    /// blanks and a comment.
    ///
    /// # Errors
    ///
    /// If the line makes no sense or asks for anything but a change, such as a listing. Names of hosts
    /// and services are errors too: addresses and ports must be numbers.
    pub fn parse(line: &[u8]) -> Result<Option<Change>, RuleError> {
        parse_command(line, &mut NumericOnly)
            .map_err(RuleError::from)
            .and_then(|command| command.map(only_change).transpose())
    }
}

fn only_change(command: RuleCommand) -> Result<Change, RuleError> {
    match command {
        RuleCommand::Change(change) => Ok(change),
        RuleCommand::Amend(_) => Err(RuleError(
            "--keep: not valid here, as such an edit depends on the kernel's table".to_owned(),
        )),
        _ => Err(RuleError("not a rule: it changes nothing".to_owned())),
    }
}

/// The reason a line is not a rule. The text names the option, and says what is wrong and what to
/// write instead.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct RuleError(String);

impl From<UsageError> for RuleError {
    fn from(error: UsageError) -> Self {
        RuleError(error.to_string())
    }
}

/// A line with a rule on it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RuleLine {
    /// The number of the line in the input, from 1.
    pub number: u64,
    /// The change that the rule asks for, or what is wrong with it.
    pub change: Result<Change, RuleError>,
}

/// Reads rules line by line.
///
/// A line ends with a newline or the end of the input, and may have any length and hold any bytes.
/// Lines with nothing but blanks and comments are skipped. Each line is read only when it is asked
/// for, so that rules from a pipe are carried out as they arrive. An error in a rule does not end
/// the iteration.
///
/// ```
/// use ipvs::rules::Lines;
///
/// let input = b"# web\nipvsadm -A -t 192.0.2.1:80 -s rr\n\n-a -t 192.0.2.1:80 -r 10.0.0.1 -m";
/// let numbers: Vec<u64> = Lines::new(&input[..])
///     .map(|line| line.map(|line| line.number))
///     .collect::<Result<_, _>>()?;
/// assert_eq!(numbers, [2, 4]);
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug)]
pub struct Lines<B>(CommandLines<B, NumericOnly>);

impl<B: BufRead> Lines<B> {
    /// Reads rules from `input`.
    pub fn new(input: B) -> Self {
        Lines(CommandLines::new(input, NumericOnly))
    }
}

impl<B: BufRead> Iterator for Lines<B> {
    type Item = io::Result<RuleLine>;

    fn next(&mut self) -> Option<Self::Item> {
        let line = self.0.next()?;
        Some(line.map(|CommandLine { number, command }| RuleLine {
            number,
            change: command.map_err(RuleError::from).and_then(only_change),
        }))
    }
}

#[cfg(test)]
mod tests;
