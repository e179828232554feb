//! `--dry-run`: prints the rules that would be carried out. As with diff(1), the status is 0 if
//! there are none, and 1 if there are.

use std::io::BufRead;

use ipvs::rules::Line;
use ipvs::rules::grammar::{CommandLines, RuleCommand};
use ipvs::{
    Change, Client, DaemonState, Plan, PlanOptions, Rehearsal, Setting, SettingValue, State,
};

use crate::commands::restore::Daemons;
use crate::commands::rule::replace_daemon;
use crate::names::Resolver;
use crate::process::Sink;
use crate::process::failure::{Failure, status};
use crate::process::notice::say;

/// A change as a rule, or as a comment if no rule can express it.
pub(crate) fn rule(change: &Change) -> String {
    match Line::new(change) {
        Ok(line) => line.to_string(),
        Err(reason) => format!("# {change:?}: {reason}"),
    }
}

/// Shows the rules that would make the kernel's state the desired one.
pub(crate) fn transition(
    client: &mut Client,
    desired: &State,
    options: PlanOptions,
    sink: &mut Sink,
) -> Result<(), Failure> {
    let plan = Plan::between(&client.state_for(desired)?, desired, options);
    plan.changes().try_for_each(|change| show(sink, change))?;
    outcome(!plan.is_empty(), sink)
}

/// Shows the effect of setting these settings, from the state `now`, which has them all.
pub(crate) fn settings(
    now: State,
    settings: &[(Setting, SettingValue)],
    sink: &mut Sink,
) -> Result<(), Failure> {
    let mut rehearsal = Rehearsal::new(now);
    let mut different = false;
    for (setting, value) in settings {
        different |= rehearse(&mut rehearsal, &Change::SetSetting(*setting, *value), sink)?;
    }
    outcome(different, sink)
}

/// Shows these changes, all of which have an effect.
pub(crate) fn changes<'c>(
    changes: impl IntoIterator<Item = &'c Change>,
    sink: &mut Sink,
) -> Result<(), Failure> {
    let mut changes = changes.into_iter().peekable();
    let different = changes.peek().is_some();
    changes.try_for_each(|change| show(sink, change))?;
    outcome(different, sink)
}

/// Shows the effect of one change.
pub(crate) fn change(client: &mut Client, change: &Change, sink: &mut Sink) -> Result<(), Failure> {
    // Without the settings: a change of one of those is a command of its own.
    let mut rehearsal = Rehearsal::new(client.state_for(&State::default())?);
    let changes = rehearse(&mut rehearsal, change, sink)?;
    outcome(changes, sink)
}

/// Shows the effect of `-R` with these rules, and reports mistakes as `-R` does.
pub(crate) fn rules(
    client: &mut Client,
    input: impl BufRead,
    sink: &mut Sink,
) -> Result<(), Failure> {
    let rehearsal = Rehearsal::new(client.state()?);
    lines(rehearsal, false, input, Daemons::AsWritten, sink)
}

/// Shows the effect of removing every service and then carrying out these rules.
pub(crate) fn clear_and_rules(
    client: &mut Client,
    input: impl BufRead,
    sink: &mut Sink,
) -> Result<(), Failure> {
    let mut rehearsal = Rehearsal::new(client.state()?);
    let different = rehearse(&mut rehearsal, &Change::Flush, sink)?;
    lines(rehearsal, different, input, Daemons::Replace, sink)
}

fn lines(
    mut rehearsal: Rehearsal,
    mut different: bool,
    input: impl BufRead,
    daemons: Daemons,
    sink: &mut Sink,
) -> Result<(), Failure> {
    let mut status = 0;
    for line in CommandLines::new(input, Resolver::default()) {
        let line = line.map_err(|error| Failure::unreadable("standard input", error))?;
        let stops = line.stops_restore();
        let outcome = match line.command {
            Ok(RuleCommand::Change(Change::StartDaemon(role, config)))
                if daemons == Daemons::Replace =>
            {
                let running = DaemonState::Running(config);
                let plan = replace_daemon(rehearsal.state(), role, running);
                let mut changes = plan.changes();
                changes.try_fold(false, |_, change| rehearse(&mut rehearsal, change, sink))
            }
            Ok(RuleCommand::Change(change)) => rehearse(&mut rehearsal, &change, sink),
            Ok(RuleCommand::Amend(amendment)) => amendment
                .complete(&rehearsal.state().table)
                .map_err(Failure::Usage)
                .and_then(|change| rehearse(&mut rehearsal, &change, sink)),
            // Listings change nothing.
            Ok(_) => Ok(false),
            Err(error) => Err(Failure::Usage(error)),
        };
        status = match outcome {
            Ok(changes) => {
                different |= changes;
                0
            }
            Err(failure @ Failure::Output(_)) => return Err(failure),
            Err(failure) => {
                say(format_args!("line {}: {failure}", line.number));
                failure.status()
            }
        };
        if stops {
            break;
        }
    }
    if status == 0 { outcome(different, sink) } else { Err(Failure::Reported(status)) }
}

/// Carries out a change in memory, and shows it if it has an effect.
fn rehearse(rehearsal: &mut Rehearsal, change: &Change, sink: &mut Sink) -> Result<bool, Failure> {
    let changes = rehearsal.change(change).map_err(|error| Failure::of_change(change, error))?;
    if changes {
        show(sink, change)?;
    }
    Ok(changes)
}

fn show(sink: &mut Sink, change: &Change) -> Result<(), Failure> {
    sink.text.extend_from_slice(rule(change).as_bytes());
    sink.text.push(b'\n');
    sink.pass().map_err(Failure::Output)
}

/// The status. Prints everything first, because a failure to print is not a difference.
fn outcome(different: bool, sink: &mut Sink) -> Result<(), Failure> {
    sink.flush().map_err(Failure::Output)?;
    if different { Err(Failure::Reported(status::DIFFERENT)) } else { Ok(()) }
}
