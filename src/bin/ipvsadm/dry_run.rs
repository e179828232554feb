//! `--dry-run`: what would be done, as the rule lines that would do it. As with diff(1) the status
//! is 0 if there is nothing to do, and 1 if there is.

use std::io::BufRead;

use ipvs::rules::{Command, Line, Lines};
use ipvs::{Change, Client, Plan, Table, TableError};

use crate::failure::Failure;
use crate::names::Resolver;
use crate::output::Sink;
use crate::settings;
use crate::wanted::Place;

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
    for (_, setting) in settings {
        different |= show_setting(client, setting, sink)?;
    }
    outcome(different)
}

/// Shows what one change would do.
pub(crate) fn change(client: &mut Client, change: &Change, sink: &mut Sink) -> Result<(), Failure> {
    let mut table = client.table()?;
    outcome(rehearse(client, &mut table, change, sink)?)
}

/// Shows what `-R` would do with these rules. What is wrong with them is told as `-R` tells it.
pub(crate) fn rules(
    client: &mut Client,
    input: impl BufRead,
    sink: &mut Sink,
) -> Result<(), Failure> {
    let mut table = client.table()?;
    let mut different = false;
    let mut status = 0;
    for line in Lines::new(input, Resolver::default()) {
        let line = line
            .map_err(|error| Failure::Other(anyhow::Error::new(error).context("standard input")))?;
        let stops = line.stops_restore();
        status = match line.command {
            Ok(Command::Change(change)) => match rehearse(client, &mut table, &change, sink) {
                Ok(changes) => {
                    different |= changes;
                    0
                }
                Err(failure) => {
                    eprintln!("line {}: {failure}", line.number);
                    failure.status()
                }
            },
            // Listings change nothing.
            Ok(_) => 0,
            Err(error) => {
                eprintln!("line {}: {error}", line.number);
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

/// Makes a change to the table in memory and shows it if it changes anything.
fn rehearse(
    client: &mut Client,
    table: &mut Table,
    change: &Change,
    sink: &mut Sink,
) -> Result<bool, Failure> {
    if is_so_already(table, change) {
        return Ok(false);
    }
    match table.apply(change) {
        Ok(()) => {
            show(sink, change)?;
            Ok(true)
        }
        Err(TableError::NotInTable(_)) => show_setting(client, change, sink),
        Err(TableError::Refused(refusal)) => Err(Failure::from(ipvs::Error::Refused(refusal))),
        Err(other) => Err(Failure::Other(other.into())),
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

/// Shows what a change of timeouts, daemons or counters would do. Whether there is anything.
fn show_setting(client: &mut Client, setting: &Change, sink: &mut Sink) -> Result<bool, Failure> {
    match settings::pending(client, setting)? {
        Some(pending) => {
            for pending in &pending {
                show(sink, &pending.change)?;
            }
            Ok(!pending.is_empty())
        }
        None => {
            show(sink, setting)?;
            Ok(true)
        }
    }
}

fn show(sink: &mut Sink, change: &Change) -> Result<(), Failure> {
    sink.text.extend_from_slice(line(change).as_bytes());
    sink.text.push(b'\n');
    sink.pass().map_err(Failure::Output)
}
