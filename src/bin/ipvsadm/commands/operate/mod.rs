//! Commands that take real servers out and bring them back.

#[cfg(feature = "top")]
pub(crate) mod aside;
pub(crate) mod drain;
mod hazards;
pub(crate) mod kick;
mod spelling;
pub(crate) mod undrain;
mod unfinished;
mod wait;

use ipvs::{ApplyError, Client, OnRefusal, Plan, PlanOptions, State, Table};

use self::spelling::Spelling;
use crate::commands::transition;
use crate::kernel::home::Home;
use crate::process::failure::{Failure, change_refusal_text, status};
use crate::process::lock::Lock;
use crate::process::memory::Memory;
use crate::process::notice::say;
use crate::process::signals::Signals;

/// What the commands have in common from their beginning.
struct Session<'n> {
    /// `None` where there can be no lock.
    lock: Option<Lock>,
    /// `None` where nothing can be remembered.
    memory: Option<Memory>,
    spelling: Spelling<'n>,
}

impl<'n> Session<'n> {
    /// Takes the lock, and reports what a command that was killed has left.
    fn begin(client: &mut Client, wait: Option<u32>, home: &Home<'n>) -> Result<Self, Failure> {
        let session = Session {
            lock: Lock::acquire(wait)?,
            memory: Memory::of_this_namespace().ok(),
            spelling: Spelling::new(home.name()),
        };
        // Without the lock, the other command might still be running.
        if let (Some(memory), Some(_)) = (&session.memory, &session.lock) {
            unfinished::report(client, memory, &session.spelling)?;
        }
        Ok(session)
    }
}

/// Makes the edits from one table to the other, all of them or none.
fn apply(client: &mut Client, now: Table, wanted: Table, signals: &Signals) -> Result<(), Failure> {
    let plan = Plan::between(&State::from(now), &State::from(wanted), PlanOptions::default());
    let stop = || signals.arrived().is_some();
    match client.apply_with(&plan, OnRefusal::Undo, stop) {
        Ok(_) => Ok(()),
        Err(error) => Err(failed(&error, signals)),
    }
}

fn failed(error: &ApplyError, signals: &Signals) -> Failure {
    let text = |it: &ipvs::RefusedChange| change_refusal_text(&it.change, &it.refusal);
    let refusals: Vec<String> = error.refused().iter().map(text).collect();
    transition::failed(error, &refusals, signals)
}

/// Refuses to do what would hurt.
fn refuse(reasons: &[String]) -> Result<(), Failure> {
    if reasons.is_empty() {
        return Ok(());
    }
    reasons.iter().for_each(say);
    say("Nothing was changed.");
    Err(Failure::Reported(status::SENSELESS))
}
