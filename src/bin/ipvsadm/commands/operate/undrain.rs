//! `--undrain`: gives drained servers the weights back that they had before.

use std::time::Instant;

use ipvs::rules::grammar::{Target, UndrainOptions};
use ipvs::{Client, Destination, DestinationConfig, Plan, PlanOptions, State, Table};

use super::spelling::{Named, Spelling};
use super::{Session, apply};
use crate::commands::dry_run;
use crate::kernel::home::Home;
use crate::kernel::servers;
use crate::output::json;
use crate::output::operation::{Operation, Outcome, Server, ServerState};
use crate::process::Sink;
use crate::process::failure::{Failure, status};
use crate::process::memory::{Drained, Memory};
use crate::process::notice::say;
use crate::process::signals::Signals;

/// Gives the servers their weights back, all of them or none.
pub(crate) fn undrain(
    client: &mut Client,
    options: &UndrainOptions,
    home: &Home<'_>,
    sink: &mut Sink,
) -> Result<(), Failure> {
    let started = Instant::now();
    let session = Session::begin(client, options.execution.wait, home)?;
    let is_known = |memory: &&Memory| !remembered(memory, &options.target).is_empty();
    let Some(memory) = session.memory.as_ref().filter(is_known) else {
        report_nothing(&options.target, &session.spelling);
        return Err(Failure::Reported(status::SENSELESS));
    };
    if options.execution.dry_run {
        let Changes { now, wanted, .. } = changes(client, memory, options, &mut |text| say(text))?;
        let plan = Plan::between(&State::from(now), &State::from(wanted), PlanOptions::default());
        return dry_run::changes(plan.changes(), sink);
    }
    let signals = Signals::watch();
    let done = give_back(client, memory, options, &signals, &mut |text| say(text))?;
    let outcome = if done.is_empty() { Outcome::Failed } else { Outcome::Done };
    let mut servers = Vec::new();
    for (Drained { service, server: key, weight }, server) in done {
        if !options.json {
            let name = Named(service, key);
            sink.print(match server.config.weight == weight {
                true => format!("{name}: has its weight {weight} already\n"),
                false => format!("{name}: weight {weight} again\n"),
            });
        }
        servers.push(Server {
            service,
            key,
            state: ServerState::Restored,
            weight_before: Some(weight),
            weight: Some(weight),
            active: server.active_connections,
            inactive: server.inactive_connections,
        });
    }
    if options.json {
        json::print_operation(sink, &Operation { outcome, took: started.elapsed(), servers })?;
    }
    match outcome {
        Outcome::Done => Ok(()),
        _ => Err(Failure::Reported(status::REFUSED)),
    }
}

/// The servers, each with the weight that it gets back.
type Done = Vec<(Drained, Destination)>;

/// The tables as they are and as they are to be, and the servers that differ.
struct Changes {
    now: Table,
    wanted: Table,
    done: Done,
}

/// What gives the servers their weights back. Those that are gone are reported and forgotten.
fn changes(
    client: &mut Client,
    memory: &Memory,
    options: &UndrainOptions,
    report: &mut dyn FnMut(String),
) -> Result<Changes, Failure> {
    let (mut now, mut wanted) = (Table::new(), Table::new());
    let mut done = Vec::new();
    let mut refused = Vec::new();
    for drained in remembered(memory, &options.target) {
        let Drained { service, server: key, weight } = drained;
        let name = Named(service, key);
        let there = servers::service(client, &service)?;
        let server = servers::server(client, &service, &key)?;
        let (Some(there), Some(server)) = (there, server) else {
            report(format!("{name}: not there any more; its weight was {weight}"));
            if !options.execution.dry_run {
                memory.forget(&service, &key);
            }
            continue;
        };
        let present = server.config.weight;
        if present != 0 && present != weight && !options.force {
            refused.push(format!(
                "{name}: others have set its weight to {present} meanwhile; to set {weight}, which \
                 it had before: --force"
            ));
            continue;
        }
        let config = DestinationConfig { weight, ..server.config };
        now.insert(service, there.config).insert(key, server.config);
        wanted.insert(service, there.config).insert(key, config);
        done.push((drained, server));
    }
    super::refuse(&refused)?;
    Ok(Changes { now, wanted, done })
}

/// Gives the servers their weights back, and forgets these.
pub(super) fn give_back(
    client: &mut Client,
    memory: &Memory,
    options: &UndrainOptions,
    signals: &Signals,
    report: &mut dyn FnMut(String),
) -> Result<Done, Failure> {
    let Changes { now, wanted, done } = changes(client, memory, options, report)?;
    apply(client, now, wanted, signals)?;
    for (Drained { service, server, .. }, _) in &done {
        memory.forget(service, server);
    }
    Ok(done)
}

/// The servers that were drained, of those that the user named.
fn remembered(memory: &Memory, target: &Target) -> Vec<Drained> {
    let mut drained = memory.drained();
    drained.retain(|drained| match target {
        Target::In(service, server) => (drained.service, drained.server) == (*service, *server),
        Target::Everywhere(server) => server.matches(drained.server.address, drained.server.port),
    });
    drained
}

/// Says how to set a weight that nobody remembers.
fn report_nothing(target: &Target, spelling: &Spelling<'_>) {
    match target {
        Target::In(service, server) => say(format_args!(
            "{}: no weight is remembered, as no --drain has changed it; to set one: {}",
            Named(*service, *server),
            spelling.on("-e", service, server, "-w WEIGHT --keep")
        )),
        Target::Everywhere(server) => say(format_args!(
            "{server}: no weight is remembered, as no --drain has changed it; to set one: {}",
            spelling.rule(&format!("-e -t SERVICE -r {server} -w WEIGHT --keep"))
        )),
    }
}
