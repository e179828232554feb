//! Takes the kernel's state to the one a file describes.

use ipvs::{
    Aftermath, ApplyError, Change, Client, DaemonRole, OnRefusal, Plan, PlanOptions, RefusedChange,
    State,
};

use crate::commands::dry_run::rule;
use crate::desired::{Desired, Position, is_out_of_date};
use crate::doctor::advice::Advice;
use crate::process::failure::{Failure, status};
use crate::process::notice::say;
use crate::process::signals::Signals;

/// The number of attempts while other programs change the table at the same time.
const ATTEMPTS: usize = 3;

/// Makes the state the desired one, all of it or nothing. Returns the plan carried out.
pub(super) fn all_or_nothing(
    client: &mut Client,
    desired: &Desired,
    options: PlanOptions,
) -> Result<Plan, Failure> {
    let signals = Signals::watch();
    let mut attempts = 0;
    loop {
        let plan = Plan::between(&client.state_for(desired.state())?, desired.state(), options);
        attempts += 1;
        match client.apply_with(&plan, OnRefusal::Undo, || signals.arrived().is_some()) {
            Ok(_) => return Ok(plan),
            Err(error) if attempts < ATTEMPTS && is_overtaken(&error) => {}
            Err(error) => return Err(failed(&error, &desired.explain(error.refused()), &signals)),
        }
    }
}

/// True if the plan failed only because another program had changed the table.
fn is_overtaken(error: &ApplyError) -> bool {
    match error {
        ApplyError::Refused { refused, aftermath: Aftermath::Restored, .. } => {
            // Later refusals may follow from the first.
            refused.first().is_some_and(|first| is_out_of_date(first.refusal.kind()))
        }
        _ => false,
    }
}

/// Carries out as much of the desired state as the kernel accepts, and reports the rest. The state
/// is then as if each line had been carried out by itself, from an empty table. Returns the exit
/// status.
pub(super) fn best_effort(
    client: &mut Client,
    desired: &mut Desired,
    options: PlanOptions,
) -> Result<u8, Failure> {
    let signals = Signals::watch();
    let before = client.state_for(desired.state())?;
    let mut advice = Advice::default();
    let mut attempts = 0;
    // The state after an earlier round.
    let mut now = None;
    let remaining = loop {
        let wanted = with_daemons_of(desired.state(), &before);
        let plan = Plan::between(now.as_ref().unwrap_or(&before), &wanted, options);
        let stop = || signals.arrived().is_some();
        let refused = match client.apply_with(&plan, OnRefusal::Continue, stop) {
            Ok(refused) => refused,
            Err(error) => {
                report(&desired.refused);
                if attempts > 0 || !desired.refused.is_empty() {
                    return_to(client, &before);
                }
                return Err(failed(&error, &desired.explain(error.refused()), &signals));
            }
        };
        if refused.is_empty() {
            break refused;
        }
        refused.iter().for_each(|refused| advice.note(&refused.refusal));
        // Without a refused line the desired state is another one: a refused edit, for instance,
        // leaves the server as an earlier line describes it.
        if desired.exclude(&refused) == 0 {
            attempts += 1;
            if attempts == ATTEMPTS {
                break refused;
            }
        }
        now = Some(client.state_for(desired.state())?);
    };
    report(&desired.refused);
    desired.explain(&remaining).iter().for_each(say);
    advice.give();
    Ok(if desired.refused.is_empty() && remaining.is_empty() { 0 } else { status::REFUSED })
}

/// The desired state, with a daemon that no line describes any more as it was before.
fn with_daemons_of(desired: &State, before: &State) -> State {
    let mut wanted = desired.clone();
    for role in [DaemonRole::Master, DaemonRole::Backup] {
        wanted.set_daemon(role, desired.daemon(role).or(before.daemon(role)));
    }
    wanted
}

/// Undoes earlier rounds of [`best_effort`]; the last one is undone already.
fn return_to(client: &mut Client, before: &State) {
    let undone =
        client.state_for(before).map(|now| Plan::between(&now, before, PlanOptions::default()));
    let undone = undone
        .map_err(|error| error.to_string())
        .and_then(|plan| client.apply_best_effort(&plan).map_err(|error| error.to_string()));
    if let Err(error) = undone {
        say(format_args!("Undoing earlier changes failed: {error}"));
    }
}

/// Reports lines of the file, each with its mistake.
pub(super) fn report(lines: &[(Position, String)]) {
    for (position, text) in lines {
        say(format_args!("{position}: {text}"));
    }
}

/// Reports the failure of a plan, with a message for each refusal, and the state it leaves.
pub(super) fn failed(error: &ApplyError, refusals: &[String], signals: &Signals) -> Failure {
    refusals.iter().for_each(say);
    Advice::from(error.refused().iter().map(|refused: &RefusedChange| &refused.refusal)).give();
    if let Some(error) = error.error() {
        say(error);
    }
    let stopped = matches!(error, ApplyError::Stopped { .. });
    match error.aftermath() {
        Aftermath::Restored if stopped => {
            say("Interrupted: nothing was changed, the previous state is restored.");
        }
        Aftermath::Restored => say("Nothing was changed: the previous state is restored."),
        Aftermath::Differs { way_back, .. } => report_way_back(way_back.changes()),
        Aftermath::Unknown(error) => {
            say(format_args!("Undoing failed too, and the table cannot be read: {error}"));
        }
        other => say(format_args!("The state is unknown: {other:?}")),
    }
    match signals.arrived() {
        Some(signal) if stopped => Failure::Signal(signal),
        _ => Failure::Reported(status::REFUSED),
    }
}

fn report_way_back<'a>(changes: impl Iterator<Item = &'a Change>) {
    say("Undoing failed too. These rules would restore the previous state:");
    for change in changes {
        say(rule(change));
    }
}
