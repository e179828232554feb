//! `--apply`: the whole table as a file says, all of it or nothing; and what `ipvsadm-restore` does
//! with the same plan.

use std::path::Path;

use ipvs::rules::{ApplyOptions, Command};
use ipvs::{Aftermath, ApplyError, Change, Client, Plan, PlanOptions, Table};

use crate::dry_run;
use crate::failure::Failure;
use crate::lock::Lock;
use crate::output::Sink;
use crate::run;
use crate::settings::{self, Pending};
use crate::wanted::{Place, Wanted, read_all};

/// How to do it.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct How {
    pub(crate) dry_run: bool,
    /// How many seconds to wait for the lock at most.
    pub(crate) wait: Option<u32>,
}

/// Makes the table what a file says.
pub(crate) fn apply(
    client: &mut Client,
    file: Option<&Path>,
    options: ApplyOptions,
    how: How,
    sink: &mut Sink,
) -> Result<(), Failure> {
    let mut wanted = Wanted::read(&read_all(file)?)?;
    let settings = take_settings(&mut wanted);
    if report_mistakes(&wanted) {
        return Err(Failure::Reported(2));
    }
    let _lock = Lock::acquire(how.wait)?;
    let before = client.table()?;
    let plan =
        Plan::between(&before, &wanted.table, PlanOptions { keep_weights: options.keep_weights });
    if how.dry_run {
        return dry_run::plan(client, &plan, &settings, sink);
    }
    client.apply(&plan).map_err(|error| failed(&error, &wanted))?;
    set(client, &settings, &before)?;
    eprintln!("{}", plan.summary());
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
    let wanted = Wanted::read(&read_all(None)?)?;
    report(&wanted.wrong);
    if !wanted.wrong.is_empty() {
        return Err(Failure::Reported(2));
    }
    report(&wanted.refused);
    let mut status = if wanted.refused.is_empty() { 0 } else { 255 };
    if on_refusal == OnRefusal::Undo && status != 0 {
        return Err(Failure::Reported(status));
    }
    let _lock = Lock::acquire(how.wait)?;
    let before = client.table()?;
    let plan = Plan::between(&before, &wanted.table, PlanOptions::default());
    if how.dry_run {
        dry_run::plan(client, &plan, &[], sink)?;
        return if status == 0 { Ok(()) } else { Err(Failure::Reported(status)) };
    }
    match on_refusal {
        OnRefusal::Undo => client.apply(&plan).map_err(|error| failed(&error, &wanted))?,
        OnRefusal::GoOn => {
            for refused in client.apply_best_effort(&plan)? {
                eprintln!("{}", wanted.explain(&refused));
                status = 255;
            }
        }
    }
    for (place, command) in &wanted.others {
        let outcome = run::carry_out(command, client, sink)
            .and_then(|()| sink.flush().map_err(Failure::Output));
        if let Err(failure) = outcome {
            eprintln!("{place}: {failure}");
            status = failure.status();
        }
    }
    if status == 0 { Ok(()) } else { Err(Failure::Reported(status)) }
}

/// The timeouts and daemons that the file wants. What else is no state of a table is a mistake.
fn take_settings(wanted: &mut Wanted) -> Vec<(Place, Change)> {
    let mut settings = Vec::new();
    for (place, command) in std::mem::take(&mut wanted.others) {
        match command {
            Command::Change(
                change @ (Change::SetTimeouts(_) | Change::StartDaemon(..) | Change::StopDaemon(_)),
            ) => settings.push((place, change)),
            _ => wanted
                .wrong
                .push((place, "this is no part of a table: it asks for something else".into())),
        }
    }
    wanted.wrong.sort_by_key(|(place, _)| place.0);
    settings
}

/// Tells all that is wrong with the file. Whether there was anything.
fn report_mistakes(wanted: &Wanted) -> bool {
    report(&wanted.wrong);
    report(&wanted.refused);
    !wanted.wrong.is_empty() || !wanted.refused.is_empty()
}

fn report<T: std::fmt::Display>(mistakes: &[(Place, T)]) {
    for (place, mistake) in mistakes {
        eprintln!("{place}: {mistake}");
    }
}

/// Tells why a plan failed, and what became of the table.
fn failed(error: &ApplyError, wanted: &Wanted) -> Failure {
    for refused in &error.refused {
        eprintln!("{}", wanted.explain(refused));
    }
    if let Some(interrupted) = &error.interrupted {
        eprintln!("{interrupted}");
    }
    match &error.aftermath {
        Aftermath::Restored => eprintln!("Nothing was changed: the table is what it was."),
        Aftermath::Differs { way_back, .. } => {
            eprintln!("Undoing failed too. These rules would make the table what it was:");
            for change in way_back.changes() {
                eprintln!("{}", dry_run::line(change));
            }
        }
        Aftermath::Unknown(why) => {
            eprintln!("Undoing failed too, and the table cannot be read: {why}");
        }
    }
    Failure::Reported(255)
}

/// Sets timeouts and daemons. If one is refused, all is undone, the table included.
fn set(client: &mut Client, settings: &[(Place, Change)], before: &Table) -> Result<(), Failure> {
    let mut done: Vec<Pending> = Vec::new();
    for (place, setting) in settings {
        for pending in settings::pending(client, setting)?.unwrap_or_default() {
            if let Err(error) = client.change(&pending.change) {
                eprintln!("{place}: {}", Failure::from(error));
                undo_all(client, &done, before)?;
                eprintln!("Nothing was changed: all is what it was.");
                return Err(Failure::Reported(255));
            }
            done.push(pending);
        }
    }
    Ok(())
}

fn undo_all(client: &mut Client, done: &[Pending], before: &Table) -> Result<(), Failure> {
    let told = |error: String| {
        eprintln!("Undoing failed: {error}");
        Failure::Reported(255)
    };
    for pending in done.iter().rev() {
        client.change(&pending.undo).map_err(|error| told(error.to_string()))?;
    }
    let now = client.table()?;
    let back = Plan::between(&now, before, PlanOptions::default());
    client.apply(&back).map_err(|error| told(error.to_string()))
}
