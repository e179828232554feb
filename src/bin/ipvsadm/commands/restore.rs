//! `-R`: rules from standard input, each carried out as it comes.

use ipvs::rules::grammar::{CommandLine, RuleCommand, parse_command};
use ipvs::{Batch, Change, Client, DaemonConfig, DaemonRole, DaemonState};

use crate::commands::rule;
use crate::names::Resolver;
use crate::process::Sink;
use crate::process::advice::Advice;
use crate::process::failure::{Failure, refusal_text, status};
use crate::process::input::{Input, Source};
use crate::process::notice::say;
use crate::process::progress::Progress;

/// What becomes of a line that starts a sync daemon while one of its role runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Daemons {
    /// The kernel refuses it.
    AsWritten,
    /// The daemon that runs is left alone if it is as the line says, and replaced if it is not.
    Replace,
}

/// Carries out the rules of `input`. What is wrong with a line is reported as it happens; the
/// outcome is that of the last line that ran.
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

/// A run of rules: the line that ran last, and the exit status it stands for.
struct Run {
    daemons: Daemons,
    line: u64,
    status: u8,
    /// To be given at the end, once for all lines.
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

    /// Carries out changes up to a line that asks for something else, which it returns, or to the
    /// end. All of them have been carried out then, and refusals reported.
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
                // Whoever writes the rules may wait for these before writing more.
                self.finish(&mut batch, &mut progress)?;
                if input.fill()? {
                    continue;
                }
                return Ok(None);
            };
            let command = match parse_command(line, names) {
                Ok(None) => continue,
                Ok(Some(RuleCommand::Change(change))) if self.goes_in_a_batch(&change) => {
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

    /// A daemon that replaces another is more than a change, and what is wrong with a setting takes
    /// more words.
    fn goes_in_a_batch(&self, change: &Change) -> bool {
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
        for refused in batch.take_refused() {
            progress.clear();
            say(format_args!("line {}: {}", refused.tag, refusal_text(&refused.refusal)));
            self.advice.note(&refused.refusal);
            if refused.tag == self.line {
                self.status = status::REFUSED;
            }
        }
    }
}
