//! `--dry-run`: the rules that would be carried out. As with diff(1) the status is 0 if there is
//! nothing to do, and 1 if there is.

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
use crate::process::failure::{Failure, plain, status};
use crate::process::notice::say;

/// A change as a rule; what no rule can say, as a comment.
pub(crate) fn rule(change: &Change) -> String {
    match Line::new(change) {
        Ok(line) => line.to_string(),
        Err(why) => format!("# {change:?}: {why}"),
    }
}

/// Shows what would make the kernel's state the desired one.
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

/// Shows what setting these settings would do, from the state `now`, which has them all.
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

/// Shows what one change would do.
pub(crate) fn change(client: &mut Client, change: &Change, sink: &mut Sink) -> Result<(), Failure> {
    // Without the settings: a change of one of those is a command of its own.
    let mut rehearsal = Rehearsal::new(client.state_for(&State::default())?);
    let changes = rehearse(&mut rehearsal, change, sink)?;
    outcome(changes, sink)
}

/// Shows what `-R` would do with these rules. What is wrong with them is reported as by `-R`.
pub(crate) fn rules(
    client: &mut Client,
    input: impl BufRead,
    sink: &mut Sink,
) -> Result<(), Failure> {
    let rehearsal = Rehearsal::new(client.state()?);
    lines(rehearsal, false, input, Daemons::AsWritten, sink)
}

/// Shows what removing all services and then carrying out these rules would do.
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
        let line =
            line.map_err(|error| Failure::Unreadable(plain(error).context("standard input")))?;
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

/// Makes a change in memory, and shows it if it changes anything.
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

/// The status, once everything has been printed: that what is shown cannot be printed is another
/// status than a difference.
fn outcome(different: bool, sink: &mut Sink) -> Result<(), Failure> {
    sink.flush().map_err(Failure::Output)?;
    if different { Err(Failure::Reported(status::DIFFERENT)) } else { Ok(()) }
}
