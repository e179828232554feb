//! Commands that a line of rules can hold as well as a command line.

use ipvs::rules::grammar::RuleCommand;
use ipvs::{Client, DaemonRole, DaemonState, Plan, PlanOptions, State};

use crate::cli;
use crate::commands::{amend, list, save};
use crate::process::Sink;
use crate::process::failure::Failure;

/// The output of `-v`. Programs parse the second word.
const VERSION: &str =
    concat!("ipvsadm v1.31 compatible (ipvsadm ", env!("CARGO_PKG_VERSION"), " in Rust)\n");

/// Carries out a command. Its output may still be in the sink.
pub(crate) fn carry_out(
    command: &RuleCommand,
    client: &mut Client,
    sink: &mut Sink,
) -> Result<(), Failure> {
    match command {
        RuleCommand::Change(change) => {
            client.change(change).map_err(|error| Failure::of_change(change, error))
        }
        RuleCommand::Amend(amendment) => {
            let change = amend::complete(client, amendment)?;
            Ok(client.change(&change)?)
        }
        RuleCommand::List(listing) => list::list(client, listing, sink),
        RuleCommand::Save(options) => save::save(client, options, sink),
        RuleCommand::Help | RuleCommand::Version => {
            print_about(command, sink);
            Ok(())
        }
    }
}

/// Prints the version and, for `-h`, the help, without using the kernel.
pub(crate) fn print_about(command: &RuleCommand, sink: &mut Sink) {
    sink.text.extend_from_slice(VERSION.as_bytes());
    if let RuleCommand::Help = command {
        sink.text.extend_from_slice(cli::help().as_bytes());
    }
}

/// The plan that brings one sync daemon to `wanted` from its state in `now`.
pub(super) fn replace_daemon(now: &State, role: DaemonRole, wanted: DaemonState) -> Plan {
    // Without the tables, so that the plan changes only the daemon.
    let mut from = State::default();
    let mut to = State::default();
    from.set_daemon(role, now.daemon(role));
    to.set_daemon(role, Some(wanted));
    Plan::between(&from, &to, PlanOptions::default())
}
