//! `ipvsadm-restore`: replaces the table with the rules on standard input.

use ipvs::rules::grammar::Execution;
use ipvs::{Client, PlanOptions};

use crate::commands::{dry_run, restore, rule, transition};
use crate::desired::{Desired, End, read_all};
use crate::process::Sink;
use crate::process::failure::{Failure, status};
use crate::process::lock::Lock;
use crate::process::notice::say;

/// Options of `ipvsadm-restore`.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct ReplaceOptions {
    pub(crate) strategy: Strategy,
    /// Keep the weights of real servers that exist already.
    pub(crate) keep_weights: bool,
}

/// A way to replace the table.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Strategy {
    /// Change only what differs. A line the kernel refuses is reported, and the rest are carried
    /// out: a table with one bad service must still serve the others.
    #[default]
    BestEffort,
    /// Change only what differs, and undo everything if the kernel refuses a line.
    Atomic,
    /// Remove every service, and then carry out each line.
    Clear,
}

/// Replaces the table with the rules.
pub(crate) fn replace(
    client: &mut Client,
    options: ReplaceOptions,
    execution: Execution,
    sink: &mut Sink,
) -> Result<(), Failure> {
    // Fails without permission, before waiting for input.
    client.info()?;
    let input = read_all(None)?;
    if options.strategy == Strategy::Clear {
        return clear(client, &input, execution, sink);
    }
    let mut desired = Desired::read(&input, End::AtHelp)?;
    let is_atomic = options.strategy == Strategy::Atomic;
    if is_atomic {
        desired.check_settings(client)?;
    }
    if !desired.mistakes.is_empty() {
        transition::report(&desired.mistakes);
        return Err(Failure::Reported(status::SENSELESS));
    }
    if is_atomic && !desired.refused.is_empty() {
        transition::report(&desired.refused);
        return Err(Failure::Reported(status::REFUSED));
    }
    let _lock = Lock::acquire(execution.wait)?;
    let plan_options = PlanOptions { keep_weights: options.keep_weights };
    if execution.dry_run {
        transition::report(&desired.refused);
        let shown = dry_run::transition(client, desired.state(), plan_options, sink);
        return match (&shown, desired.refused.is_empty()) {
            (Ok(()) | Err(Failure::Reported(_)), false) => Err(Failure::Reported(status::REFUSED)),
            _ => shown,
        };
    }
    let mut status = if is_atomic {
        transition::all_or_nothing(client, &desired, plan_options)?;
        0
    } else {
        transition::best_effort(client, &mut desired, plan_options)?
    };
    for (position, command) in &desired.others {
        let outcome = rule::carry_out(command, client, sink)
            .and_then(|()| sink.flush().map_err(Failure::Output));
        if let Err(failure) = outcome {
            say(format_args!("{position}: {failure}"));
            status = failure.status();
        }
    }
    if status == 0 { Ok(()) } else { Err(Failure::Reported(status)) }
}

/// Removes every service, and then carries out each line. The input has been read whole before:
/// its writer may be slow, or be an ipvsadm-save that is still reading the table.
fn clear(
    client: &mut Client,
    rules: &[u8],
    execution: Execution,
    sink: &mut Sink,
) -> Result<(), Failure> {
    if execution.dry_run {
        return dry_run::clear_and_rules(client, rules, sink);
    }
    let _lock = Lock::acquire(execution.wait)?;
    client.flush()?;
    restore::restore(client, rules, restore::Daemons::Replace, sink)
}
