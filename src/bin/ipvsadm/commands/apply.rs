//! `--apply`: makes the state what a file describes, all of it or nothing.

use ipvs::rules::grammar::{ApplyOptions, OptionId};
use ipvs::{Client, PlanOptions};

use crate::commands::{dry_run, transition};
use crate::desired::{Desired, End, read_all};
use crate::process::Sink;
use crate::process::failure::{Failure, status};
use crate::process::lock::Lock;
use crate::process::notice::say;

/// Makes the state what the file describes, and prints a summary on standard error.
pub(crate) fn apply(
    client: &mut Client,
    options: &ApplyOptions,
    sink: &mut Sink,
) -> Result<(), Failure> {
    let mut desired = Desired::read(&read_all(options.file.as_deref())?, End::OfFile)?;
    desired.check_settings(client)?;
    let mistakes = desired.all_mistakes(OptionId::Apply);
    if !mistakes.is_empty() {
        transition::report(&mistakes);
        return Err(Failure::Reported(status::SENSELESS));
    }
    if desired.is_empty() && !options.allow_empty {
        return Err(Failure::NoRules);
    }
    let _lock = Lock::acquire(options.execution.wait)?;
    let plan_options = PlanOptions { keep_weights: options.keep_weights };
    if options.execution.dry_run {
        return dry_run::transition(client, desired.state(), plan_options, sink);
    }
    say(transition::all_or_nothing(client, &desired, plan_options)?.summary());
    Ok(())
}
