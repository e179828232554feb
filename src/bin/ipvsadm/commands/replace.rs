//! `ipvsadm-restore`: puts the rules on standard input in place of the table.

use ipvs::rules::grammar::Execution;
use ipvs::{Client, PlanOptions};

use crate::commands::{dry_run, restore, rule, transition};
use crate::desired::{Desired, End, read_all};
use crate::process::Sink;
use crate::process::failure::{Failure, status};
use crate::process::lock::Lock;
use crate::process::notice::say;

/// What `ipvsadm-restore` is asked for.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct ReplaceOptions {
    pub(crate) strategy: Strategy,
    /// Leave the weights of real servers that are there as they are.
    pub(crate) keep_weights: bool,
}

/// How the new table comes about.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Strategy {
    /// Only what differs is changed. A line the kernel refuses is reported, and the rest are
    /// carried out: a table with one bad service must still serve the others.
    #[default]
    BestEffort,
    /// Only what differs is changed, and everything is undone if the kernel refuses a line.
    Atomic,
    /// All services are removed first, and then each line is carried out.
    Clear,
}

/// Puts the rules in place of the table.
pub(crate) fn replace(
    client: &mut Client,
    options: ReplaceOptions,
    execution: Execution,
    sink: &mut Sink,
) -> Result<(), Failure> {
    // Without permission to change anything, nothing is read.
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

/// Removes all services, and then carries out each line. All of the input has been read: whoever
/// writes it may be slow, or be an ipvsadm-save that still reads the table.
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
