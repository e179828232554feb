//! `-R`: rules from standard input, each carried out when it has come.

use ipvs::rules::{Command, RuleLine, parse_line};
use ipvs::{Batch, Client};

use crate::names::Resolver;
use crate::process::Sink;
use crate::process::advice::Advice;
use crate::process::failure::{Failure, refusal_text};
use crate::process::input::{Input, Source};
use crate::process::notice::say;
use crate::process::progress::Progress;
use crate::run;

/// Carries out the rules of `input`. What is wrong with single lines is told as it happens; the
/// outcome is that of the last line that ran.
pub(crate) fn restore(
    client: &mut Client,
    input: impl Source,
    sink: &mut Sink,
) -> Result<(), Failure> {
    let mut input = Input::new(input);
    let mut names = Resolver::default();
    let mut last = Last::default();
    loop {
        let other = changes(client, &mut input, &mut names, &mut last)?;
        let Some(line) = other else {
            return last.outcome();
        };
        let mut stops = line.stops_restore();
        last.begins(line.number);
        let outcome = match line.command {
            Ok(command) => run::carry_out(&command, client, sink)
                .and_then(|()| sink.flush().map_err(Failure::Output)),
            Err(error) => Err(Failure::Usage(error)),
        };
        if let Err(failure) = outcome {
            // A service that cannot be listed ends the run, as it does in ipvsadm 1.31.
            stops |= matches!(failure, Failure::NothingToList | Failure::Output(_));
            report(line.number, &failure);
            last.status = failure.status();
        }
        if stops {
            return last.outcome();
        }
    }
}

/// The line that ran last, and the exit status that it stands for.
#[derive(Default)]
struct Last {
    line: u64,
    status: u8,
    /// What is to be said in the end, for all lines.
    advice: Advice,
}

impl Last {
    fn begins(&mut self, line: u64) {
        (self.line, self.status) = (line, 0);
    }

    fn outcome(&self) -> Result<(), Failure> {
        self.advice.give();
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
    input: &mut Input<impl Source>,
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
                last.begins(number);
                batch.push(number, &change)?;
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

fn finish(
    batch: &mut Batch<'_, u64>,
    last: &mut Last,
    progress: &mut Progress,
) -> Result<(), Failure> {
    batch.flush()?;
    tell_refused(batch, last, progress);
    Ok(())
}

fn tell_refused(batch: &mut Batch<'_, u64>, last: &mut Last, progress: &mut Progress) {
    for refused in batch.take_refused() {
        let line = refused.tag;
        progress.clear();
        say(format_args!("line {line}: {}", refusal_text(&refused.refusal)));
        last.advice.heed(&refused.refusal);
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
