//! From a command to what it does.

use ipvs::rules::{Command, Invocation};
use ipvs::{Change, Client};

use crate::cli;
use crate::commands::apply::How;
use crate::commands::{apply, dry_run, list, restore, save};
use crate::kernel;
use crate::process::Sink;
use crate::process::failure::Failure;
use crate::process::input::LockedInput;
use crate::process::lock::Lock;

/// What `-v` prints. Programs read the second word.
const VERSION: &str =
    concat!("ipvsadm v1.31 compatible (ipvsadm ", env!("CARGO_PKG_VERSION"), " in Rust)\n");

/// Carries out a command line. What it prints may still be in the sink.
pub(crate) fn start(invocation: &Invocation, sink: &mut Sink) -> Result<(), Failure> {
    // These work without root and without the module.
    if let Command::Help | Command::Version = invocation.command {
        print_about(&invocation.command, sink);
        return Ok(());
    }
    if let Some(namespace) = &invocation.namespace {
        // Before any other thread is started, so that all are there.
        ipvs::enter_namespace(namespace)?;
    }
    let mut client = kernel::connect::connect()?;
    let how = How { dry_run: invocation.dry_run, wait: invocation.wait };
    match &invocation.command {
        Command::Apply(options) => {
            apply::apply(&mut client, invocation.file.as_deref(), *options, how, sink)
        }
        Command::Restore => restore_rules(&mut client, how, sink),
        Command::Change(change) if how.dry_run => dry_run::change(&mut client, change, sink),
        Command::Change(Change::Flush) => {
            let _lock = Lock::acquire(how.wait)?;
            Ok(client.flush()?)
        }
        command => carry_out(command, &mut client, sink),
    }
}

fn restore_rules(client: &mut Client, how: How, sink: &mut Sink) -> Result<(), Failure> {
    // Without the right to change anything this says so once, not for every line.
    client.info()?;
    if how.dry_run {
        return dry_run::rules(client, std::io::stdin().lock(), sink);
    }
    restore::restore(client, LockedInput::acquire(how.wait)?, sink)
}

/// Carries out a command that may stand in rules.
pub(crate) fn carry_out(
    command: &Command,
    client: &mut Client,
    sink: &mut Sink,
) -> Result<(), Failure> {
    match command {
        Command::Change(change) => Ok(client.change(change)?),
        Command::List(listing) => list::list(client, listing, sink),
        Command::Save(options) => save::save(client, options, sink),
        Command::Help | Command::Version => {
            print_about(command, sink);
            Ok(())
        }
        other => Err(Failure::Other(anyhow::anyhow!("not to be carried out here: {other:?}"))),
    }
}

fn print_about(command: &Command, sink: &mut Sink) {
    sink.text.extend_from_slice(VERSION.as_bytes());
    if let Command::Help = command {
        sink.text.extend_from_slice(cli::help().as_bytes());
    }
}
