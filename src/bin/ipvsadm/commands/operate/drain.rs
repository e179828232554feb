//! `--drain`: takes real servers out without hurting a client.
//!
//! Their weight becomes 0, which is remembered first; then this waits until their connections have
//! ended. The lock is held while weights change and not while waiting, so that other commands may
//! work meanwhile. Each is one edit, which keeps everything else.

use std::time::{Duration, Instant};

use ipvs::rules::grammar::{DrainOptions, Target, Then, Until};
use ipvs::{
    Change, Client, Destination, DestinationConfig, DestinationKey, Plan, PlanOptions, Protocol,
    ServiceKey, State, Table,
};

use super::hazards::hazards;
use super::kick::{self, LIMIT, conclude, unsupported};
use super::spelling::{Named, Spelling, connections};
use super::wait::{End, Screen, Watched, wait};
use super::{Session, apply, refuse};
use crate::commands::dry_run;
use crate::kernel::home::Home;
use crate::kernel::servers::{self, Found};
use crate::output::json;
use crate::output::operation::{Operation, Outcome, Server, ServerState};
use crate::process::Sink;
use crate::process::failure::Failure;
use crate::process::lock::Lock;
use crate::process::memory::{Drained, Memory};
use crate::process::notice::say;
use crate::process::signals::Signals;

/// Drains the servers.
pub(crate) fn drain(
    client: &mut Client,
    options: &DrainOptions,
    home: &Home<'_>,
    sink: &mut Sink,
) -> Result<(), Failure> {
    let mut session = Session::begin(client, options.execution.wait, home)?;
    let found = servers::find(client, &options.target)?;
    if !options.force {
        let mut reasons = hazards(client, &found, options, &session.spelling)?;
        reasons.extend((options.then == Then::Kick).then(unsupported).flatten());
        refuse(&reasons)?;
    }
    if options.execution.dry_run {
        let changes = changes(client, &found, options)?;
        return dry_run::changes(&changes, sink);
    }
    let signals = Signals::watch();
    let started = Instant::now();
    let memory = session.memory.as_ref();
    let remembered = set_weights(client, &found, memory, &signals, &mut |text| say(text))?;
    // Others may work while this waits.
    session.lock = None;
    let mut screen = Screen::new(sink, options.json);
    let mut watched = Vec::new();
    for found in &found {
        for server in found.chosen() {
            let until = match options.until {
                Some(until) => until,
                None => usual_until(&found.service.key, &server.key),
            };
            let before = remembered.iter().find(|drained| {
                (drained.service, drained.server) == (found.service.key, server.key)
            });
            announce(found, server, before, &session.spelling, &mut screen);
            let server = Server {
                service: found.service.key,
                key: server.key,
                state: ServerState::Draining,
                weight_before: before.map(|drained| drained.weight),
                weight: Some(0),
                active: server.active_connections,
                inactive: server.inactive_connections,
            };
            watched.push(Watched::new(server, until));
        }
    }
    let timeout = options.timeout_seconds.map(|seconds| Duration::from_secs(seconds.into()));
    let end = wait(client, &mut watched, timeout, home, &signals, &mut screen);
    let mut drain = Drain { options, session, signals, screen, watched };
    let result = drain.finish(client, end);
    let Drain { signals, screen, watched, .. } = drain;
    let sink = screen.into_sink();
    let outcome = *result.as_ref().unwrap_or(&Outcome::Failed);
    if options.json {
        let servers = watched.into_iter().map(|watched| watched.server).collect();
        json::print_operation(sink, &Operation { outcome, took: started.elapsed(), servers })?;
    }
    result.and_then(|outcome| conclude(outcome, &signals))
}

/// What to wait for unless the user says. The kernel counts UDP connections as inactive.
fn usual_until(service: &ServiceKey, server: &DestinationKey) -> Until {
    match service {
        ServiceKey::Address { protocol: Protocol::Tcp | Protocol::Sctp, .. } => Until::Active,
        ServiceKey::Address { .. } => Until::All,
        // A mark has no protocol. There will be no new connections, so those there are decide.
        ServiceKey::FirewallMark { .. } => match servers::has_udp_connections(server) {
            Ok(false) => Until::Active,
            Ok(true) | Err(_) => Until::All,
        },
    }
}

/// All changes from beginning to end.
fn changes(
    client: &mut Client,
    found: &[Found],
    options: &DrainOptions,
) -> Result<Vec<Change>, Failure> {
    let (now, wanted) = tables(found);
    let plan = Plan::between(&State::from(now), &State::from(wanted), PlanOptions::default());
    let mut changes: Vec<Change> = plan.changes().copied().collect();
    for found in found {
        let service = found.service.key;
        for server in found.chosen() {
            match options.then {
                Then::Keep => {}
                Then::Remove => changes.push(Change::DeleteDestination(service, server.key)),
                Then::Kick => {
                    let mut server = server.clone();
                    server.config.weight = 0;
                    changes.extend(kick::changes(client, &service, &server, false)?);
                }
            }
        }
    }
    Ok(changes)
}

/// The services as they are, and as they are to be.
fn tables(found: &[Found]) -> (Table, Table) {
    let (mut now, mut wanted) = (Table::new(), Table::new());
    for found in found {
        found.add_to(&mut now);
        found.add_to(&mut wanted);
        let entry = wanted.insert(found.service.key, found.service.config);
        for server in found.chosen() {
            entry.insert(server.key, DestinationConfig { weight: 0, ..server.config });
        }
    }
    (now, wanted)
}

/// Sets the weights to 0, all of them or none. Returns the weights before, as far as they are known:
/// a server that is draining already keeps the one that was remembered first.
pub(super) fn set_weights(
    client: &mut Client,
    found: &[Found],
    memory: Option<&Memory>,
    signals: &Signals,
    report: &mut dyn FnMut(String),
) -> Result<Vec<Drained>, Failure> {
    let mut remembered = Vec::new();
    let mut new = Vec::new();
    for found in found {
        let service = found.service.key;
        for server in found.chosen() {
            let drained = Drained { service, server: server.key, weight: server.config.weight };
            if server.config.weight > 0 {
                new.push(drained);
                remembered.push(drained);
            } else if let Some(weight) = memory.and_then(|it| it.weight(&service, &server.key)) {
                remembered.push(Drained { weight, ..drained });
            }
        }
    }
    // Before the weights are gone.
    for drained in &new {
        let written = memory.map(|memory| memory.remember(drained));
        if let Some(Err(error)) = written {
            let name = Named(drained.service, drained.server);
            report(format!(
                "{name}: its weight {} cannot be remembered ({error}): --undrain will not know it",
                drained.weight
            ));
        }
    }
    let (now, wanted) = tables(found);
    apply(client, now, wanted, signals).inspect_err(|_| {
        for Drained { service, server, .. } in &new {
            if let Some(memory) = memory {
                memory.forget(service, server);
            }
        }
    })?;
    Ok(remembered)
}

/// Says which weight is gone, and how to go back.
fn announce(
    found: &Found,
    server: &Destination,
    before: Option<&Drained>,
    spelling: &Spelling<'_>,
    screen: &mut Screen<'_>,
) {
    let (service, key) = (&found.service.key, &server.key);
    let name = Named(*service, *key);
    let back = spelling.on("--undrain", service, key, "");
    match (server.config.weight, before) {
        (0, None) => screen.print(format_args!("{name}: has the weight 0 already")),
        (0, Some(Drained { weight, .. })) => screen.print(format_args!(
            "{name}: is draining already, from the weight {weight}; to go back: {back}"
        )),
        (weight, _) => {
            screen.print(format_args!("{name}: weight {weight} set to 0; to go back: {back}"));
        }
    }
}

/// A drain that has waited.
struct Drain<'a> {
    options: &'a DrainOptions,
    session: Session<'a>,
    signals: Signals,
    screen: Screen<'a>,
    watched: Vec<Watched>,
}

impl Drain<'_> {
    /// Does what comes after waiting.
    fn finish(&mut self, client: &mut Client, end: End) -> Result<Outcome, Failure> {
        let left = self.watched.iter().map(|watched| watched.drain.left()).sum::<u64>();
        let kicks = self.options.then == Then::Kick;
        let mut outcome = match end {
            End::Done => Outcome::Done,
            // It was not to wait, and there was nothing to wait for.
            End::Timeout if left == 0 => Outcome::Done,
            End::Timeout if kicks => Outcome::Done,
            End::Timeout => Outcome::Timeout,
            End::Interrupted => Outcome::Interrupted,
            End::Failed(failure) => {
                self.report_rest();
                return Err(failure);
            }
        };
        if outcome != Outcome::Done {
            self.report_rest();
            return Ok(outcome);
        }
        for watched in &mut self.watched {
            match watched.server.state {
                ServerState::Draining if !kicks => {
                    watched.server.state = ServerState::Drained;
                    self.screen.print(format_args!("{}: drained", watched.name()));
                }
                ServerState::Gone => {
                    if let Some(memory) = &self.session.memory {
                        memory.forget(&watched.server.service, &watched.server.key);
                    }
                }
                _ => {}
            }
        }
        match self.options.then {
            Then::Keep => {}
            Then::Remove => self.remove(client)?,
            Then::Kick => outcome = self.kick(client)?,
        }
        let overridden =
            self.watched.iter().any(|watched| watched.server.state == ServerState::Overridden);
        Ok(if overridden { Outcome::Failed } else { outcome })
    }

    /// Says what is left of the servers that are not drained, how to go on, and how to go back.
    fn report_rest(&mut self) {
        for watched in &self.watched {
            if watched.server.state != ServerState::Draining {
                continue;
            }
            let Server { active, inactive, .. } = watched.server;
            self.screen.say(format_args!(
                "{}: not drained yet: {} left; its weight stays 0",
                watched.name(),
                connections(active, inactive)
            ));
        }
        let mut more = Vec::new();
        match self.options.until {
            Some(Until::Active) => more.push("--until active"),
            Some(Until::All) => more.push("--until all"),
            None => {}
        }
        match self.options.then {
            Then::Keep => {}
            Then::Remove => more.push("--then remove"),
            Then::Kick => more.push("--then kick"),
        }
        let target: &Target = &self.options.target;
        let spelling = &self.session.spelling;
        let on = spelling.on_target("--drain", target, &more.join(" "));
        let known = self.watched.iter().any(|watched| watched.server.weight_before.is_some());
        match known {
            true => {
                let back = spelling.on_target("--undrain", target, "");
                self.screen.say(format_args!("To go on: {on}; to go back: {back}"));
            }
            false => self.screen.say(format_args!("To go on: {on}")),
        }
    }

    /// Removes the drained servers, all of them or none.
    fn remove(&mut self, client: &mut Client) -> Result<(), Failure> {
        let _lock = Lock::acquire(self.options.execution.wait)?;
        let (mut now, mut wanted) = (Table::new(), Table::new());
        let mut removed: Vec<usize> = Vec::new();
        for (index, watched) in self.watched.iter_mut().enumerate() {
            let Server { service, key, .. } = watched.server;
            if watched.server.state != ServerState::Drained {
                continue;
            }
            let there = servers::service(client, &service)?;
            let server = servers::server(client, &service, &key)?;
            match (there, server) {
                (Some(_), Some(server)) if server.config.weight > 0 => {
                    watched.server.state = ServerState::Overridden;
                    watched.server.weight = Some(server.config.weight);
                    self.screen.say(format_args!(
                        "{}: not removed: others have set its weight to {}",
                        watched.name(),
                        server.config.weight
                    ));
                }
                (Some(there), Some(server)) => {
                    now.insert(service, there.config).insert(key, server.config);
                    wanted.insert(service, there.config);
                    removed.push(index);
                    let weight = watched.server.weight_before.unwrap_or(0);
                    let config = DestinationConfig { weight, ..server.config };
                    let add = dry_run::rule(&Change::AddDestination(service, key, config));
                    self.screen.print(format_args!(
                        "{}: removed; to add it again: {}",
                        watched.name(),
                        self.session.spelling.rule(&add)
                    ));
                }
                _ => watched.server.state = ServerState::Gone,
            }
        }
        apply(client, now, wanted, &self.signals)?;
        for index in removed {
            let server = &mut self.watched[index].server;
            server.state = ServerState::Removed;
            server.weight = None;
            if let Some(memory) = &self.session.memory {
                memory.forget(&server.service, &server.key);
            }
        }
        Ok(())
    }

    /// Ends what is left of the connections.
    fn kick(&mut self, client: &mut Client) -> Result<Outcome, Failure> {
        let _lock = Lock::acquire(self.options.execution.wait)?;
        let mut worst = Outcome::Done;
        for watched in &mut self.watched {
            let Server { service, key, .. } = watched.server;
            if matches!(watched.server.state, ServerState::Gone | ServerState::Overridden) {
                continue;
            }
            let Some(server) = servers::server(client, &service, &key)? else {
                watched.server.state = ServerState::Gone;
                continue;
            };
            if server.config.weight > 0 {
                watched.server.state = ServerState::Overridden;
                watched.server.weight = Some(server.config.weight);
                self.screen.say(format_args!(
                    "{}: its connections stay: others have set its weight to {}",
                    watched.name(),
                    server.config.weight
                ));
                continue;
            }
            let kicked =
                kick::end(client, &self.session, &service, &server, LIMIT, false, &self.signals)?;
            let outcome = kicked.report(&self.session.spelling, &self.signals, &mut self.screen);
            let before = watched.server.weight_before;
            watched.server = Server { weight_before: before, ..kicked.server };
            if outcome != Outcome::Done {
                worst = outcome;
            }
            if outcome == Outcome::Interrupted {
                break;
            }
        }
        Ok(worst)
    }
}
