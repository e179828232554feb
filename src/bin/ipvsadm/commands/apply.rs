//! `--apply`: the whole table as a file says, all of it or nothing; and what `ipvsadm-restore` does
//! with the same plan.

use std::path::Path;

use ipvs::rules::{ApplyOptions, Command};
use ipvs::{Aftermath, ApplyError, Change, Client, Plan, PlanOptions, Table};

use crate::commands::dry_run;
use crate::desired::{Ends, Place, Wanted, is_out_of_date, read_all};
use crate::kernel::settings::{Pending, Settings};
use crate::process::Sink;
use crate::process::advice::Advice;
use crate::process::failure::Failure;
use crate::process::lock::Lock;
use crate::process::notice::say;
use crate::run;

/// How to do it.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct How {
    pub(crate) dry_run: bool,
    /// How many seconds to wait for the lock at most.
    pub(crate) wait: Option<u32>,
}

/// The status of what the kernel refused.
const REFUSED: u8 = 255;

/// Makes the table what a file says.
pub(crate) fn apply(
    client: &mut Client,
    file: Option<&Path>,
    options: ApplyOptions,
    how: How,
    sink: &mut Sink,
) -> Result<(), Failure> {
    let mut wanted = Wanted::read(&read_all(file)?, Ends::AtItsEnd)?;
    let settings = take_settings(&mut wanted);
    if report_mistakes(&mut wanted) {
        return Err(Failure::Reported(2));
    }
    let _lock = Lock::acquire(how.wait)?;
    let options = PlanOptions { keep_weights: options.keep_weights };
    if how.dry_run {
        let plan = Plan::between(&client.table()?, &wanted.table, options);
        return dry_run::plan(client, &plan, &settings, sink);
    }
    let (before, plan) = all_or_nothing(client, &wanted, options)?;
    set(client, &settings, &before, &plan)?;
    say(plan.summary());
    Ok(())
}

/// What `ipvsadm-restore` does with a line that the kernel refuses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OnRefusal {
    /// It is told, and the rest goes on: a table with one bad service must still serve the others.
    GoOn,
    /// All is undone.
    Undo,
}

/// Puts the rules on standard input into the place of the table, without a gap.
pub(crate) fn restore(
    client: &mut Client,
    on_refusal: OnRefusal,
    how: How,
    sink: &mut Sink,
) -> Result<(), Failure> {
    let mut wanted = Wanted::read(&read_all(None)?, Ends::AtHelp)?;
    if !wanted.wrong.is_empty() {
        report(&wanted.wrong);
        return Err(Failure::Reported(2));
    }
    if on_refusal == OnRefusal::Undo && !wanted.refused.is_empty() {
        report(&wanted.refused);
        return Err(Failure::Reported(REFUSED));
    }
    let _lock = Lock::acquire(how.wait)?;
    let options = PlanOptions::default();
    if how.dry_run {
        let plan = Plan::between(&client.table()?, &wanted.table, options);
        report(&wanted.refused);
        let shown = dry_run::plan(client, &plan, &settings_of(&wanted), sink);
        return match (&shown, wanted.refused.is_empty()) {
            (Ok(()) | Err(Failure::Reported(_)), false) => Err(Failure::Reported(REFUSED)),
            _ => shown,
        };
    }
    let mut status = match on_refusal {
        OnRefusal::Undo => {
            all_or_nothing(client, &wanted, options)?;
            0
        }
        OnRefusal::GoOn => apply_what_can_be(client, &mut wanted, options)?,
    };
    for (place, command) in &wanted.others {
        let outcome = run::carry_out(command, client, sink)
            .and_then(|()| sink.flush().map_err(Failure::Output));
        if let Err(failure) = outcome {
            say(format_args!("{place}: {failure}"));
            status = failure.status();
        }
    }
    if status == 0 { Ok(()) } else { Err(Failure::Reported(status)) }
}

/// How often to try again where another program changes the table at the same time.
const ATTEMPTS: usize = 3;

/// Makes the table what is wanted, all of it or nothing. Comes back with what it was, and with what
/// was done.
fn all_or_nothing(
    client: &mut Client,
    wanted: &Wanted,
    options: PlanOptions,
) -> Result<(Table, Plan), Failure> {
    let mut attempts = 0;
    loop {
        let before = client.table()?;
        let plan = Plan::between(&before, &wanted.table, options);
        attempts += 1;
        match client.apply(&plan) {
            Ok(()) => return Ok((before, plan)),
            Err(error) if attempts < ATTEMPTS && came_too_late(&error) => {}
            Err(error) => return Err(failed(&error, wanted)),
        }
    }
}

/// Whether another program changed the table while the plan was made, and nothing else is wrong.
fn came_too_late(error: &ApplyError) -> bool {
    matches!(error.aftermath, Aftermath::Restored)
        && error.interrupted.is_none()
        // The others may follow from this one.
        && error.refused.first().is_some_and(|first| is_out_of_date(first.refusal.kind()))
}

/// Carries out as much of what is wanted as the kernel takes, and tells what it does not. The
/// table is then as if each line had been carried out by itself, from an empty table.
fn apply_what_can_be(
    client: &mut Client,
    wanted: &mut Wanted,
    options: PlanOptions,
) -> Result<u8, Failure> {
    let mut advice = Advice::default();
    let mut attempts = 0;
    let left = loop {
        let plan = Plan::between(&client.table()?, &wanted.table, options);
        let refused = match client.apply_best_effort(&plan) {
            Ok(refused) => refused,
            Err(error) => {
                report(&wanted.refused);
                return Err(error.into());
            }
        };
        if refused.is_empty() {
            break refused;
        }
        refused.iter().for_each(|refused| advice.heed(&refused.refusal));
        // What hangs on a line that was refused is another table than was planned for: an edit
        // that is refused leaves what the line before it made.
        if wanted.refuse(&refused) == 0 {
            attempts += 1;
            if attempts == ATTEMPTS {
                break refused;
            }
        }
    };
    report(&wanted.refused);
    wanted.explain(&left).iter().for_each(say);
    advice.give();
    Ok(if wanted.refused.is_empty() && left.is_empty() { 0 } else { REFUSED })
}

/// The timeouts and daemons that the file wants. What else is no state of a table is a mistake.
fn take_settings(wanted: &mut Wanted) -> Vec<(Place, Change)> {
    let settings = settings_of(wanted);
    for (place, command) in std::mem::take(&mut wanted.others) {
        if setting(&command).is_none() {
            let problem = "this is no part of a table: it asks for something else";
            wanted.wrong.push((place, problem.to_owned()));
        }
    }
    settings
}

fn settings_of(wanted: &Wanted) -> Vec<(Place, Change)> {
    let others = wanted.others.iter();
    others.filter_map(|(place, command)| Some((*place, setting(command)?))).collect()
}

fn setting(command: &Command) -> Option<Change> {
    match command {
        Command::Change(
            change @ (Change::SetTimeouts(_) | Change::StartDaemon(..) | Change::StopDaemon(_)),
        ) => Some(*change),
        _ => None,
    }
}

/// Tells all that is wrong with the file, in the order of its lines. Whether there was anything.
fn report_mistakes(wanted: &mut Wanted) -> bool {
    let mut mistakes = std::mem::take(&mut wanted.wrong);
    mistakes.append(&mut wanted.refused);
    mistakes.sort_by_key(|(place, _)| *place);
    report(&mistakes);
    !mistakes.is_empty()
}

fn report(mistakes: &[(Place, String)]) {
    for (place, mistake) in mistakes {
        say(format_args!("{place}: {mistake}"));
    }
}

/// Tells why a plan failed, and what became of the table.
fn failed(error: &ApplyError, wanted: &Wanted) -> Failure {
    wanted.explain(&error.refused).iter().for_each(say);
    Advice::from(error.refused.iter().map(|refused| &refused.refusal)).give();
    if let Some(interrupted) = &error.interrupted {
        say(interrupted);
    }
    match &error.aftermath {
        Aftermath::Restored => say("Nothing was changed: the table is what it was."),
        Aftermath::Differs { way_back, .. } => tell_way_back(way_back.changes()),
        Aftermath::Unknown(why) => {
            say(format_args!("Undoing failed too, and the table cannot be read: {why}"));
        }
    }
    Failure::Reported(REFUSED)
}

fn tell_way_back<'a>(changes: impl Iterator<Item = &'a Change>) {
    say("Undoing failed too. These rules would make all what it was:");
    for change in changes {
        say(dry_run::line(change));
    }
}

/// Sets timeouts and daemons. If one is refused, all is undone, the table included.
fn set(
    client: &mut Client,
    settings: &[(Place, Change)],
    before: &Table,
    plan: &Plan,
) -> Result<(), Failure> {
    if settings.is_empty() {
        return Ok(());
    }
    let mut done = Vec::new();
    let Err(status) = try_set(client, settings, &mut done) else {
        return Ok(());
    };
    match undo_all(client, &done, before, plan) {
        Ok(left) if left.is_empty() => say("Nothing was changed: all is what it was."),
        Ok(left) => tell_way_back(left.iter()),
        Err(why) => say(format_args!("Undoing failed too, and the table cannot be read: {why}")),
    }
    Err(Failure::Reported(status))
}

/// Makes these settings, and tells which one could not be made. The error is the exit status.
fn try_set(
    client: &mut Client,
    settings: &[(Place, Change)],
    done: &mut Vec<Pending>,
) -> Result<(), u8> {
    let told = |place: &Place, error: ipvs::Error| {
        let failure = Failure::from(error);
        say(format_args!("{place}: {failure}"));
        failure.status()
    };
    for (place, setting) in settings {
        let now = Settings::read(client).map_err(|error| told(place, error))?;
        for pending in now.pending(setting) {
            client.change(&pending.change).map_err(|error| told(place, error))?;
            done.push(pending);
        }
    }
    Ok(())
}

/// Undoes settings, and then a plan that was carried out from `before`. What others have changed
/// beside these stays. What could not be undone comes back.
fn undo_all(
    client: &mut Client,
    done: &[Pending],
    before: &Table,
    plan: &Plan,
) -> ipvs::Result<Vec<Change>> {
    let mut left = Vec::new();
    for pending in done.iter().rev() {
        if client.change(&pending.undo).is_err() {
            left.push(pending.undo);
        }
    }
    let mut after = before.clone();
    for change in plan.changes() {
        // The kernel took it, and so the table does.
        let _ = after.apply(change);
    }
    let back = Plan::between(&after, before, PlanOptions::default());
    let refused = client.apply_best_effort(&back)?;
    left.extend(refused.iter().map(|refused| refused.change));
    Ok(left)
}
