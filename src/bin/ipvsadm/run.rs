//! From a command to what it does.

use ipvs::rules::{Command, Invocation};
use ipvs::{Change, Client};

use crate::commands::{Conditions, apply, dry_run, restore, rule};
use crate::kernel;
use crate::process::Sink;
use crate::process::failure::Failure;
use crate::process::input::LockedInput;
use crate::process::lock::Lock;

/// Carries out a command line. What it prints may still be in the sink.
pub(crate) fn start(invocation: &Invocation, sink: &mut Sink) -> Result<(), Failure> {
    // These work without root and without the module.
    if let Command::Help | Command::Version = invocation.command {
        rule::print_about(&invocation.command, sink);
        return Ok(());
    }
    if let Some(namespace) = &invocation.namespace {
        // Before any other thread is started, so that all are there.
        ipvs::Namespace::find(namespace)?.enter()?;
    }
    let mut client = kernel::connect::connect()?;
    let conditions = Conditions { dry_run: invocation.dry_run, wait: invocation.wait };
    match &invocation.command {
        Command::Apply(options) => {
            apply::apply(&mut client, invocation.file.as_deref(), *options, conditions, sink)
        }
        Command::Restore => restore_rules(&mut client, conditions, sink),
        Command::Change(change) if conditions.dry_run => dry_run::change(&mut client, change, sink),
        Command::Change(Change::Flush) => {
            let _lock = Lock::acquire(conditions.wait)?;
            Ok(client.flush()?)
        }
        command => rule::carry_out(command, &mut client, sink),
    }
}

fn restore_rules(
    client: &mut Client,
    conditions: Conditions,
    sink: &mut Sink,
) -> Result<(), Failure> {
    // Without the right to change anything this says so once, not for every line.
    client.info()?;
    if conditions.dry_run {
        return dry_run::rules(client, std::io::stdin().lock(), sink);
    }
    let input = LockedInput::acquire(conditions.wait)?;
    restore::restore(client, input, restore::Daemons::AsWritten, sink)
}
