//! `-R`: carries out rules from standard input as they arrive.

use ipvs::rules::grammar::{CommandLine, RuleCommand, parse_command};
use ipvs::{Batch, Change, Client, DaemonConfig, DaemonRole, DaemonState};

use crate::commands::rule;
use crate::doctor::advice::Advice;
use crate::names::Resolver;
use crate::process::Sink;
use crate::process::failure::{Failure, refusal_text, status};
use crate::process::input::{Input, Source};
use crate::process::notice::say;
use crate::process::progress::Progress;

/// The treatment of a line that starts a sync daemon while one of the same role runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Daemons {
    /// Pass it to the kernel, which refuses it.
    AsWritten,
    /// Replace the running daemon unless it is configured as the line says.
    Replace,
}

/// Carries out the rules of `input`. Failures are reported as they happen; the outcome is that of
/// the last line that ran.
pub(crate) fn restore(
    client: &mut Client,
    input: impl Source,
    daemons: Daemons,
    sink: &mut Sink,
) -> Result<(), Failure> {
    let mut input = Input::new(input);
    let mut names = Resolver::default();
    let mut run = Run { daemons, line: 0, status: 0, advice: Advice::default() };
    loop {
        let Some(line) = run.changes(client, &mut input, &mut names)? else {
            return run.outcome();
        };
        let mut stops = line.stops_restore();
        run.begin(line.number);
        let outcome = match line.command {
            Ok(RuleCommand::Change(Change::StartDaemon(role, config))) => {
                run.replace_daemon(client, role, config)
            }
            Ok(command) => rule::carry_out(&command, client, sink)
                .and_then(|()| sink.flush().map_err(Failure::Output)),
            Err(error) => Err(Failure::Usage(error)),
        };
        if let Err(failure) = outcome {
            // A service that cannot be listed ends the run, as in ipvsadm 1.31.
            stops |= matches!(failure, Failure::NothingToList | Failure::Output(_));
            if !failure.is_silent() {
                say(format_args!("line {}: {failure}", line.number));
            }
            run.status = failure.status();
        }
        if stops {
            return run.outcome();
        }
    }
}

/// A run of rules.
struct Run {
    daemons: Daemons,
    /// The line that ran last, and its exit status.
    line: u64,
    status: u8,
    /// Given once, at the end.
    advice: Advice,
}

impl Run {
    fn begin(&mut self, line: u64) {
        (self.line, self.status) = (line, 0);
    }

    fn outcome(&self) -> Result<(), Failure> {
        self.advice.give();
        match self.status {
            0 => Ok(()),
            status => Err(Failure::Reported(status)),
        }
    }

    /// Carries out changes up to the end or a line with another command, which it returns. By then
    /// every change has been carried out, and refusals have been reported.
    fn changes(
        &mut self,
        client: &mut Client,
        input: &mut Input<impl Source>,
        names: &mut Resolver,
    ) -> Result<Option<CommandLine>, Failure> {
        let mut batch = client.batch();
        let mut progress = Progress::new("rules", None);
        loop {
            let Some((number, line)) = input.line() else {
                // The writer may wait for these rules to take effect before writing more.
                self.finish(&mut batch, &mut progress)?;
                if input.fill()? {
                    continue;
                }
                return Ok(None);
            };
            let command = match parse_command(line, names) {
                Ok(None) => continue,
                Ok(Some(RuleCommand::Change(change))) if self.fits_in_a_batch(&change) => {
                    self.begin(number);
                    batch.push(number, &change)?;
                    self.report_refused(&mut batch, &mut progress);
                    progress.step();
                    continue;
                }
                Ok(Some(command)) => Ok(command),
                Err(error) => Err(error),
            };
            self.finish(&mut batch, &mut progress)?;
            return Ok(Some(CommandLine { number, command }));
        }
    }

    /// Replacing a daemon takes more than one change, and a refused setting more words.
    fn fits_in_a_batch(&self, change: &Change) -> bool {
        match change {
            Change::StartDaemon(..) => self.daemons == Daemons::AsWritten,
            Change::SetSetting(..) => false,
            _ => true,
        }
    }

    fn replace_daemon(
        &mut self,
        client: &mut Client,
        role: DaemonRole,
        config: DaemonConfig,
    ) -> Result<(), Failure> {
        let mut now = ipvs::State::default();
        now.set_daemon(role, Some(DaemonState::Stopped));
        for daemon in client.daemons()? {
            now.set_daemon(daemon.role, Some(DaemonState::Running(daemon.config)));
        }
        let plan = rule::replace_daemon(&now, role, DaemonState::Running(config));
        client.apply(&plan).map_err(|error| {
            let refusal = error.refused().first().map(|first| refusal_text(&first.refusal));
            say(format_args!(
                "line {}: {}",
                self.line,
                refusal.unwrap_or_else(|| error.to_string())
            ));
            Failure::Reported(status::REFUSED)
        })
    }

    fn finish(
        &mut self,
        batch: &mut Batch<'_, u64>,
        progress: &mut Progress,
    ) -> Result<(), Failure> {
        batch.flush()?;
        self.report_refused(batch, progress);
        Ok(())
    }

    fn report_refused(&mut self, batch: &mut Batch<'_, u64>, progress: &mut Progress) {
        for (line, refusal) in batch.take_refused() {
            progress.clear();
            say(format_args!("line {line}: {}", refusal_text(&refusal)));
            self.advice.note(&refusal);
            if line == self.line {
                self.status = status::REFUSED;
            }
        }
    }
}
