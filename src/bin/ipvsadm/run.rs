//! From a command line to the command that carries it out.

use ipvs::rules::grammar::{Command, Execution, Invocation, RuleCommand, TopOptions};
use ipvs::{Change, Client};

use crate::commands::operate::{drain, kick, undrain};
use crate::commands::{
    amend, apply, diff, doctor, dry_run, list, monitor, ramp, restore, rule, save, settings,
};
use crate::kernel::connect::{Loading, connect};
use crate::kernel::home::Home;
use crate::process::Sink;
use crate::process::failure::Failure;
use crate::process::input::LockedInput;
use crate::process::lock::Lock;

/// Carries out a command line. The end of its output may still be in the sink.
pub(crate) fn start(invocation: &Invocation, sink: &mut Sink) -> Result<(), Failure> {
    // These two work without root and without the module.
    let about = match invocation.command {
        Command::Help => Some(RuleCommand::Help),
        Command::Version => Some(RuleCommand::Version),
        _ => None,
    };
    if let Some(about) = about {
        rule::print_about(&about, sink);
        return Ok(());
    }
    if let Some(namespace) = &invocation.namespace {
        // Before any other thread starts, since this moves only the thread that calls it.
        ipvs::Namespace::find(namespace)?.enter()?;
    }
    let loading = match invocation.load_module {
        true => Loading::IfMissing,
        false => Loading::Never,
    };
    // To the doctor, a kernel without IPVS is a finding.
    if let Command::Doctor(options) = &invocation.command {
        return doctor::doctor(loading, options, sink);
    }
    // A recording needs no kernel.
    if let Command::Top(options) = &invocation.command {
        return show_top(loading, options, invocation.namespace.as_deref(), sink);
    }
    let mut client = connect(loading)?;
    let home = || Home::of(invocation.namespace.as_deref());
    match &invocation.command {
        Command::Apply(options) => apply::apply(&mut client, options, sink),
        Command::Restore(execution) => restore_rules(&mut client, *execution, sink),
        Command::Change(change, execution)
            if invocation.implies_direct_routing && !execution.dry_run =>
        {
            amend::edit_server(&mut client, change)
        }
        Command::Change(change, execution) => change_one(&mut client, change, *execution, sink),
        Command::Settings(wanted, execution) => {
            settings::set(&mut client, wanted, *execution, sink)
        }
        Command::Drain(options) => drain::drain(&mut client, options, &home()?, sink),
        Command::Undrain(options) => undrain::undrain(&mut client, options, &home()?, sink),
        Command::Kick(options) => kick::kick(&mut client, options, &home()?, sink),
        Command::Amend(amendment, execution) => {
            let change = amend::complete(&mut client, amendment)?;
            change_one(&mut client, &change, *execution, sink)
        }
        Command::Ramp(options) => ramp::ramp(&mut client, options, &home()?, sink),
        Command::Monitor(options) => monitor::monitor(&mut client, options, &home()?, sink),
        Command::Diff(options) => diff::diff(&mut client, options, sink),
        Command::List(listing) => list::list(&mut client, listing, sink),
        Command::Save(options) => save::save(&mut client, options, sink),
        Command::Doctor(_) | Command::Top(_) | Command::Help | Command::Version => Ok(()),
    }
}

#[cfg(feature = "top")]
fn show_top(
    loading: Loading,
    options: &TopOptions,
    namespace: Option<&str>,
    sink: &mut Sink,
) -> Result<(), Failure> {
    use crate::commands::top;
    match options.replay {
        Some(_) => top::replay(options, sink),
        None => top::live(connect(loading)?, options, namespace, sink),
    }
}

#[cfg(not(feature = "top"))]
fn show_top(_: Loading, _: &TopOptions, _: Option<&str>, _: &mut Sink) -> Result<(), Failure> {
    let problem = "--top: this program was built without it (the feature `top` of its package)";
    Err(Failure::Senseless(problem.to_owned()))
}

fn change_one(
    client: &mut Client,
    change: &Change,
    execution: Execution,
    sink: &mut Sink,
) -> Result<(), Failure> {
    if execution.dry_run {
        return dry_run::change(client, change, sink);
    }
    let _lock = match change {
        Change::Flush => Lock::acquire(execution.wait)?,
        _ => None,
    };
    client.change(change).map_err(|error| Failure::of_change(change, error))
}

fn restore_rules(
    client: &mut Client,
    execution: Execution,
    sink: &mut Sink,
) -> Result<(), Failure> {
    // Fails once if permission is missing, not for every line.
    client.info()?;
    if execution.dry_run {
        return dry_run::rules(client, std::io::stdin().lock(), sink);
    }
    let input = LockedInput::acquire(execution.wait)?;
    restore::restore(client, input, restore::Daemons::AsWritten, sink)
}
