//! `-R`: rules from standard input, each carried out when it has come.

use std::io::Read;

use ipvs::rules::{Command, RuleLine, parse_line};
use ipvs::{Batch, Client};

use crate::failure::{Failure, refusal_text};
use crate::names::Resolver;
use crate::notice::say;
use crate::output::Sink;
use crate::progress::Progress;
use crate::run;

/// How much is read at a time: what a pipe holds.
const CHUNK: usize = 64 * 1024;

/// Carries out the rules of `input`. What is wrong with single lines is told as it happens; the
/// outcome is that of the last line that ran.
pub(crate) fn restore(
    client: &mut Client,
    input: impl Read,
    sink: &mut Sink,
) -> Result<(), Failure> {
    let mut input = Input::new(input);
    let mut names = Resolver::default();
    let mut last = Last { line: 0, status: 0 };
    loop {
        let other = changes(client, &mut input, &mut names, &mut last)?;
        let Some(line) = other else {
            return last.outcome();
        };
        let stops = line.stops_restore();
        last = Last { line: line.number, status: 0 };
        let outcome = match line.command {
            Ok(command) => run::carry_out(&command, client, sink)
                .and_then(|()| sink.flush().map_err(Failure::Output)),
            Err(error) => Err(Failure::Usage(error)),
        };
        if let Err(failure) = outcome {
            // A service that cannot be listed ends the run, as it does in ipvsadm 1.31.
            let stops = stops || matches!(failure, Failure::NothingToList | Failure::Output(_));
            report(line.number, &failure);
            last.status = failure.status();
            if stops {
                return last.outcome();
            }
        } else if stops {
            return Ok(());
        }
    }
}

/// The line that ran last, and the exit status that it stands for.
struct Last {
    line: u64,
    status: u8,
}

impl Last {
    fn outcome(&self) -> Result<(), Failure> {
        match self.status {
            0 => Ok(()),
            status => Err(Failure::Reported(status)),
        }
    }
}

/// Carries out changes up to a line that asks for something else, which it returns, or to the end.
/// All of them have been carried out then, and what was refused has been told.
fn changes(
    client: &mut Client,
    input: &mut Input<impl Read>,
    names: &mut Resolver,
    last: &mut Last,
) -> Result<Option<RuleLine>, Failure> {
    let mut batch = client.batch();
    let mut progress = Progress::new("rules", None);
    loop {
        let Some((number, line)) = input.line() else {
            // Whoever writes the rules may wait for these before writing more.
            finish(&mut batch, last, &mut progress)?;
            if input.fill()? {
                continue;
            }
            return Ok(None);
        };
        match parse_line(line, names) {
            Ok(None) => {}
            Ok(Some(Command::Change(change))) => {
                *last = Last { line: number, status: 0 };
                // The number comes back with a refusal. No input has 2^64 lines.
                batch.push(number as usize, &change)?;
                tell_refused(&mut batch, last, &mut progress);
                progress.step();
            }
            other => {
                finish(&mut batch, last, &mut progress)?;
                let command = other.transpose().unwrap_or(Ok(Command::Restore));
                return Ok(Some(RuleLine { number, command }));
            }
        }
    }
}

fn finish(batch: &mut Batch<'_>, last: &mut Last, progress: &mut Progress) -> Result<(), Failure> {
    batch.flush()?;
    tell_refused(batch, last, progress);
    Ok(())
}

fn tell_refused(batch: &mut Batch<'_>, last: &mut Last, progress: &mut Progress) {
    for refused in batch.take_refused() {
        let line = refused.tag as u64;
        progress.clear();
        say(format_args!("line {line}: {}", refusal_text(&refused.refusal)));
        if line == last.line {
            last.status = 255;
        }
    }
}

fn report(line: u64, failure: &Failure) {
    if !failure.is_silent() {
        say(format_args!("line {line}: {failure}"));
    }
}

/// Lines, taken from what has come without waiting for more.
struct Input<R> {
    source: R,
    buffer: Vec<u8>,
    /// Where the next line begins in the buffer.
    start: usize,
    /// How many lines have been taken.
    lines: u64,
    ended: bool,
}

impl<R: Read> Input<R> {
    fn new(source: R) -> Self {
        Input { source, buffer: Vec::new(), start: 0, lines: 0, ended: false }
    }

    /// The next line with its number, if all of it has come.
    fn line(&mut self) -> Option<(u64, &[u8])> {
        let rest = &self.buffer[self.start..];
        let length = match memchr::memchr(b'\n', rest) {
            Some(newline) => newline + 1,
            // The last line may end without one.
            None if self.ended && !rest.is_empty() => rest.len(),
            None => return None,
        };
        self.start += length;
        self.lines += 1;
        Some((self.lines, &rest[..length]))
    }

    /// Waits for more. `false` when there is no more.
    fn fill(&mut self) -> Result<bool, Failure> {
        if self.ended {
            return Ok(false);
        }
        self.buffer.drain(..self.start);
        self.start = 0;
        let kept = self.buffer.len();
        self.buffer.resize(kept + CHUNK, 0);
        let read = loop {
            match self.source.read(&mut self.buffer[kept..]) {
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                result => break result,
            }
        };
        self.buffer.truncate(kept + read.as_ref().map_or(0, |read| *read));
        let read = read
            .map_err(|error| Failure::Other(anyhow::Error::new(error).context("standard input")))?;
        self.ended = read == 0;
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(pieces: &[&[u8]]) -> Vec<(u64, Vec<u8>)> {
        /// Gives one piece at a time, as a pipe does.
        struct Pieces<'a>(std::slice::Iter<'a, &'a [u8]>);
        impl Read for Pieces<'_> {
            fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
                let Some(piece) = self.0.next() else { return Ok(0) };
                buffer[..piece.len()].copy_from_slice(piece);
                Ok(piece.len())
            }
        }
        let mut input = Input::new(Pieces(pieces.iter()));
        let mut found = Vec::new();
        loop {
            while let Some((number, line)) = input.line() {
                found.push((number, line.to_vec()));
            }
            if !input.fill().expect("no error") {
                return found;
            }
        }
    }

    #[test]
    fn lines_come_whole_however_they_are_cut() {
        let want = vec![(1, b"one\n".to_vec()), (2, b"\n".to_vec()), (3, b"three".to_vec())];
        assert_eq!(lines(&[b"one\n\nthree"]), want);
        assert_eq!(lines(&[b"o", b"ne", b"\n", b"\nth", b"ree"]), want);
        assert_eq!(lines(&[]), vec![]);
        assert_eq!(lines(&[b"x\n"]), vec![(1, b"x\n".to_vec())]);
    }
}
