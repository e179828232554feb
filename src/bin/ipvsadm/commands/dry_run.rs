//! `--dry-run`: what would be done, as the rule lines that would do it. As with diff(1) the status
//! is 0 if there is nothing to do, and 1 if there is.

use std::io::BufRead;

use ipvs::rules::{Command, Line, Lines};
use ipvs::{Change, Client, Operation, Plan, Refusal, Table, TableError};
use rustix::io::Errno;

use crate::desired::Place;
use crate::kernel::settings::Settings;
use crate::names::Resolver;
use crate::process::Sink;
use crate::process::failure::Failure;
use crate::process::notice::say;

/// There is something to do.
const DIFFERENT: u8 = 1;

/// A change as a rule line; for what no rule can say, in words.
pub(crate) fn line(change: &Change) -> String {
    match Line::new(change) {
        Ok(line) => line.to_string(),
        Err(why) => format!("# {change:?}: {why}"),
    }
}

/// Shows what a plan would do, and what the settings beside it.
pub(crate) fn plan(
    client: &mut Client,
    plan: &Plan,
    settings: &[(Place, Change)],
    sink: &mut Sink,
) -> Result<(), Failure> {
    let mut different = false;
    for change in plan.changes() {
        show(sink, change)?;
        different = true;
    }
    if !settings.is_empty() {
        let mut now = Settings::read(client)?;
        for (_, setting) in settings {
            for pending in now.pending(setting) {
                now.apply(&pending.change).map_err(ipvs::Error::from)?;
                show(sink, &pending.change)?;
                different = true;
            }
        }
    }
    outcome(different)
}

/// Shows what one change would do.
pub(crate) fn change(client: &mut Client, change: &Change, sink: &mut Sink) -> Result<(), Failure> {
    outcome(Rehearsal::of(client)?.change(change, sink)?)
}

/// Shows what `-R` would do with these rules. What is wrong with them is told as `-R` tells it.
pub(crate) fn rules(
    client: &mut Client,
    input: impl BufRead,
    sink: &mut Sink,
) -> Result<(), Failure> {
    all(Rehearsal::of(client)?, false, input, sink)
}

/// Shows what removing all services and then `-R` would do.
pub(crate) fn clear_and_rules(
    client: &mut Client,
    input: impl BufRead,
    sink: &mut Sink,
) -> Result<(), Failure> {
    let mut rehearsal = Rehearsal::of(client)?;
    let different = rehearsal.change(&Change::Flush, sink)?;
    all(rehearsal, different, input, sink)
}

fn all(
    mut rehearsal: Rehearsal,
    mut different: bool,
    input: impl BufRead,
    sink: &mut Sink,
) -> Result<(), Failure> {
    let mut status = 0;
    for line in Lines::new(input, Resolver::default()) {
        let line = line
            .map_err(|error| Failure::Other(anyhow::Error::new(error).context("standard input")))?;
        let stops = line.stops_restore();
        status = match line.command {
            Ok(Command::Change(change)) => match rehearsal.change(&change, sink) {
                Ok(changes) => {
                    different |= changes;
                    0
                }
                Err(failure @ Failure::Output(_)) => return Err(failure),
                Err(failure) => {
                    say(format_args!("line {}: {failure}", line.number));
                    failure.status()
                }
            },
            // Listings change nothing.
            Ok(_) => 0,
            Err(error) => {
                say(format_args!("line {}: {error}", line.number));
                error.exit_status()
            }
        };
        if stops {
            break;
        }
    }
    if status == 0 { outcome(different) } else { Err(Failure::Reported(status)) }
}

fn outcome(different: bool) -> Result<(), Failure> {
    if different { Err(Failure::Reported(DIFFERENT)) } else { Ok(()) }
}

/// What the kernel has, in memory, where changes can be tried.
struct Rehearsal {
    table: Table,
    settings: Settings,
}

impl Rehearsal {
    fn of(client: &mut Client) -> Result<Rehearsal, Failure> {
        Ok(Rehearsal { table: client.table()?, settings: Settings::read(client)? })
    }

    /// Makes a change in memory, and shows it if it changes anything.
    fn change(&mut self, change: &Change, sink: &mut Sink) -> Result<bool, Failure> {
        if is_so_already(&self.table, change) {
            return Ok(false);
        }
        let changes = match self.table.apply(change) {
            Ok(()) => true,
            Err(TableError::NotInTable(_)) => self.beside(change).map_err(ipvs::Error::from)?,
            Err(TableError::Refused(refusal)) => {
                return Err(Failure::from(ipvs::Error::Refused(refusal)));
            }
            Err(other) => return Err(Failure::Other(other.into())),
        };
        if changes {
            show(sink, change)?;
        }
        Ok(changes)
    }

    /// What is no change of the table.
    fn beside(&mut self, change: &Change) -> Result<bool, Refusal> {
        match change {
            Change::ZeroService(key) if self.table.service(key).is_none() => Err(Refusal {
                operation: Operation::ZeroService,
                errno: Errno::SRCH.raw_os_error(),
                kernel_text: None,
            }),
            // Counters may be anything.
            Change::ZeroService(_) | Change::ZeroAll => Ok(true),
            setting => self.settings.apply(setting),
        }
    }
}

/// Whether the table is already as the change would make it.
fn is_so_already(table: &Table, change: &Change) -> bool {
    match change {
        Change::EditService(key, config) => {
            table.service(key).is_some_and(|service| service.config() == config)
        }
        Change::EditDestination(service, key, config) => table
            .service(service)
            .and_then(|service| service.destination(key))
            .is_some_and(|now| now == config),
        Change::Flush => table.is_empty(),
        _ => false,
    }
}

fn show(sink: &mut Sink, change: &Change) -> Result<(), Failure> {
    sink.text.extend_from_slice(line(change).as_bytes());
    sink.text.push(b'\n');
    sink.pass().map_err(Failure::Output)
}
