//! `--kick`: ends the connections of a real server at once.
//!
//! The kernel ends connections only together with their server: with `expire_nodest_conn=1`, those
//! of a removed server, a moment after it was removed (`ip_vs_expire_nodest_conn_flush` in
//! net/netfilter/ipvs/ip_vs_conn.c, since Linux 5.9). But a removed server is kept aside for two
//! minutes (`ip_vs_trash_get_dest` in ip_vs_ctl.c). If it is added again too early, it comes back
//! with all connections that have not been ended by then. So it is added with the weight 0, and
//! its numbers of connections, which come back too, say whether it has to be removed once more.

use std::thread;
use std::time::{Duration, Instant};

use ipvs::rules::grammar::KickOptions;
use ipvs::{
    Change, Client, Destination, DestinationConfig, RefusalKind, ServiceKey, Setting, SettingValue,
};

use super::spelling::{Named, Spelling, connections};
use super::unfinished::mending;
use super::wait::Screen;
use super::{Session, refuse};
use crate::commands::dry_run;
use crate::kernel::home::Home;
use crate::kernel::servers;
use crate::output::json;
use crate::output::operation::{Operation, Outcome, Server, ServerState};
use crate::process::Sink;
use crate::process::failure::{Failure, status};
use crate::process::memory::Memory;
use crate::process::notice::say;
use crate::process::signals::Signals;

/// The time after which to give up.
pub(super) const LIMIT: Duration = Duration::from_secs(10);

/// The time that the server stays removed at first: the kernel begins to end its connections after
/// one tick, which is 10 ms at most.
const FIRST_PAUSE: Duration = Duration::from_millis(30);

/// The longest that it stays removed.
const LONGEST_PAUSE: Duration = Duration::from_millis(400);

const OFF: SettingValue = SettingValue::Number(0);
const ON: SettingValue = SettingValue::Number(1);

/// Ends the connections of the server.
pub(crate) fn kick(
    client: &mut Client,
    options: &KickOptions,
    home: &Home<'_>,
    sink: &mut Sink,
) -> Result<(), Failure> {
    let session = Session::begin(client, options.execution.wait, home)?;
    let found = servers::find_in(client, &options.service, &options.server)?;
    if !options.force {
        refuse(&Vec::from_iter(unsupported()))?;
    }
    let Some(server) = found.chosen().next() else {
        return Ok(());
    };
    if options.execution.dry_run {
        let changes = changes(client, &options.service, server, options.remove)?;
        return dry_run::changes(&changes, sink);
    }
    let signals = Signals::watch();
    let started = Instant::now();
    let limit =
        options.timeout_seconds.map_or(LIMIT, |seconds| Duration::from_secs(seconds.into()));
    let mut screen = Screen::new(sink, options.json);
    let kicked = end(client, &session, &options.service, server, limit, options.remove, &signals)?;
    let outcome = kicked.report(&session.spelling, &signals, &mut screen);
    let sink = screen.into_sink();
    if options.json {
        let servers = vec![kicked.server];
        json::print_operation(sink, &Operation { outcome, took: started.elapsed(), servers })?;
    }
    conclude(outcome, &signals)
}

/// The exit status of an outcome of which everything has been said.
pub(super) fn conclude(outcome: Outcome, signals: &Signals) -> Result<(), Failure> {
    match (outcome, signals.arrived()) {
        (Outcome::Done, _) => Ok(()),
        (Outcome::Timeout, _) => Err(Failure::Reported(status::TIMEOUT)),
        (Outcome::Interrupted, Some(signal)) => Err(Failure::Signal(signal)),
        (Outcome::Interrupted | Outcome::Failed, _) => Err(Failure::Reported(status::REFUSED)),
    }
}

/// The reason this kernel cannot do it.
pub(super) fn unsupported() -> Option<String> {
    let release = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let release = release.trim();
    (!ends_connections(release)).then(|| {
        format!(
            "this kernel ({release}) ends the connections of a removed server only at their next \
             packet; Linux 5.9 and later end them at once. Try it all the same: --force"
        )
    })
}

/// True if the release of the kernel, such as `6.1.0-18-amd64`, is 5.9 or later, or cannot be read.
fn ends_connections(release: &str) -> bool {
    let mut numbers = release.split(|c: char| !c.is_ascii_digit()).map(str::parse::<u32>);
    match (numbers.next(), numbers.next()) {
        (Some(Ok(major)), Some(Ok(minor))) => (major, minor) >= (5, 9),
        _ => true,
    }
}

/// The changes that it takes.
pub(super) fn changes(
    client: &mut Client,
    service: &ServiceKey,
    server: &Destination,
    remove: bool,
) -> Result<Vec<Change>, Failure> {
    let raised = client.setting(Setting::EXPIRE_NODEST_CONN)? == Some(OFF);
    let setting = |value| raised.then_some(Change::SetSetting(Setting::EXPIRE_NODEST_CONN, value));
    let add = Change::AddDestination(*service, server.key, server.config);
    let mut changes = Vec::from_iter(setting(ON));
    changes.push(Change::DeleteDestination(*service, server.key));
    changes.extend((!remove).then_some(add));
    changes.extend(setting(OFF));
    Ok(changes)
}

/// What has become of the server and its connections.
#[derive(Debug)]
pub(super) struct Kicked {
    pub(super) server: Server,
    /// What it had before: active and inactive connections, and persistence templates.
    before: [u32; 3],
    /// What is left.
    left: [u32; 3],
}

impl Kicked {
    /// Says what has happened.
    pub(super) fn report(
        &self,
        spelling: &Spelling<'_>,
        signals: &Signals,
        screen: &mut Screen<'_>,
    ) -> Outcome {
        let Server { service, key, .. } = &self.server;
        let name = Named(*service, *key);
        match self.server.state {
            ServerState::Gone => {
                screen.say(format_args!("{name}: others have removed it meanwhile"));
                Outcome::Failed
            }
            ServerState::Overridden => {
                screen.say(format_args!(
                    "{name}: others have added it meanwhile: left as they made it"
                ));
                Outcome::Failed
            }
            ServerState::Left => {
                screen.say(format_args!(
                    "{name}: {} left. To go on: {}",
                    entries(self.left),
                    spelling.on("--kick", service, key, "")
                ));
                match signals.arrived() {
                    Some(_) => Outcome::Interrupted,
                    None => Outcome::Timeout,
                }
            }
            state => {
                screen.print(format_args!("{name}: {} ended", entries(self.before)));
                if state == ServerState::Removed {
                    screen.print(format_args!("{name}: removed"));
                }
                match signals.arrived() {
                    Some(_) => Outcome::Interrupted,
                    None => Outcome::Done,
                }
            }
        }
    }
}

/// `2 active connections and 1 persistence template`
fn entries([active, inactive, templates]: [u32; 3]) -> String {
    let templates = match templates {
        0 => return connections(active, inactive),
        1 => "1 persistence template".to_owned(),
        templates => format!("{templates} persistence templates"),
    };
    match (active, inactive) {
        (0, 0) => templates,
        _ => format!("{} and {templates}", connections(active, inactive)),
    }
}

/// Ends the connections of a server, and puts everything else back, whatever happens.
pub(super) fn end(
    client: &mut Client,
    session: &Session<'_>,
    service: &ServiceKey,
    server: &Destination,
    limit: Duration,
    remove: bool,
    signals: &Signals,
) -> Result<Kicked, Failure> {
    let setting = Setting::EXPIRE_NODEST_CONN;
    let raised = match client.setting(setting)? {
        Some(value) => value == OFF,
        None => return Err(Failure::no_such_setting(setting)),
    };
    let mut undo = Vec::new();
    if raised {
        undo.push(Change::SetSetting(setting, OFF));
    }
    if !remove {
        undo.push(Change::AddDestination(*service, server.key, server.config));
    }
    if let Some(memory) = &session.memory {
        note(memory, service, server, &undo);
    }
    let result = match raised {
        true => client
            .set_setting(setting, &ON)
            .map_err(|error| Failure::of_change(&Change::SetSetting(setting, ON), error))
            .and_then(|()| rounds(client, service, server, limit, remove, signals)),
        false => rounds(client, service, server, limit, remove, signals),
    };
    if raised && let Err(error) = client.set_setting(setting, &OFF) {
        say(format_args!("{setting}=0: {error}"));
    }
    // Others' changes stay as they are.
    if let Ok(Kicked { server: Server { state: ServerState::Gone, .. }, .. }) = result {
        undo.retain(|change| matches!(change, Change::SetSetting(..)));
    }
    match mending(client, &undo) {
        Ok(mending) if mending.is_empty() => {
            if let Some(memory) = &session.memory {
                memory.end(service, &server.key);
            }
        }
        // If nothing can be read, all of it.
        left => {
            let left = left.unwrap_or_else(|_| undo.iter().map(dry_run::rule).collect());
            say("Not everything is as it was. To mend it:");
            left.iter().for_each(|rule| say(format_args!("  {}", session.spelling.rule(rule))));
        }
    }
    result
}

/// Writes down how to put things back, in case this is killed.
fn note(memory: &Memory, service: &ServiceKey, server: &Destination, undo: &[Change]) {
    if let Err(error) = memory.begin(service, &server.key, undo) {
        say(format_args!(
            "What puts things back cannot be written down ({error}): if this is killed, nothing \
             will tell what it left"
        ));
    }
}

/// Removes the server and adds it again with the weight 0, until it comes back without connections.
fn rounds(
    client: &mut Client,
    service: &ServiceKey,
    server: &Destination,
    limit: Duration,
    remove: bool,
    signals: &Signals,
) -> Result<Kicked, Failure> {
    let counts = |server: &Destination| {
        [server.active_connections, server.inactive_connections, server.persistent_connections]
    };
    let ended = |state, weight, left: [u32; 3]| Kicked {
        server: Server {
            service: *service,
            key: server.key,
            state,
            weight_before: Some(server.config.weight),
            weight,
            active: left[0],
            inactive: left[1],
        },
        before: counts(server),
        left,
    };
    let quiet = DestinationConfig { weight: 0, ..server.config };
    let started = Instant::now();
    let mut pause = FIRST_PAUSE;
    let left = loop {
        match refusal(client.delete_destination(service, &server.key))? {
            None => {}
            Some(_) => return Ok(ended(ServerState::Gone, None, [0; 3])),
        }
        thread::sleep(pause);
        let added = refusal(client.add_destination(service, &server.key, &quiet))?;
        let Some(now) = servers::server(client, service, &server.key)? else {
            return Ok(ended(ServerState::Gone, None, [0; 3]));
        };
        if added.is_some() {
            let weight = Some(now.config.weight);
            return Ok(ended(ServerState::Overridden, weight, counts(&now)));
        }
        let left = counts(&now);
        if left == [0; 3] || signals.arrived().is_some() || started.elapsed() >= limit {
            break left;
        }
        pause = (pause * 2).min(LONGEST_PAUSE);
    };
    let refused = match (remove, server.config.weight) {
        (true, _) => refusal(client.delete_destination(service, &server.key))?,
        (false, 0) => None,
        (false, _) => refusal(client.edit_destination(service, &server.key, &server.config))?,
    };
    let weight = (!remove).then_some(server.config.weight);
    Ok(match (left, refused) {
        (_, Some(_)) if !remove => ended(ServerState::Gone, None, [0; 3]),
        ([0, 0, 0], _) if remove => ended(ServerState::Removed, None, left),
        ([0, 0, 0], _) => ended(ServerState::Kicked, weight, left),
        _ => ended(ServerState::Left, weight, left),
    })
}

/// The refusals that show that others have changed something meanwhile; the rest are failures.
fn refusal(result: Result<(), ipvs::Error>) -> Result<Option<RefusalKind>, Failure> {
    match result {
        Ok(()) => Ok(None),
        Err(error) => match error.refusal_kind() {
            Some(
                kind @ (RefusalKind::ServiceNotDefined
                | RefusalKind::NoSuchDestination
                | RefusalKind::DestinationExists),
            ) => Ok(Some(kind)),
            _ => Err(error.into()),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kernels_from_5_9_on_end_connections() {
        for (release, expected) in [
            ("6.1.0-18-amd64", true),
            ("5.9.0", true),
            ("5.10.0-28", true),
            ("7.2.0-rc1", true),
            ("5.8.18", false),
            ("4.18.0-553.el8_10.x86_64", false),
            ("unknown", true),
            ("", true),
        ] {
            assert_eq!(ends_connections(release), expected, "{release}");
        }
    }

    #[test]
    fn entries_are_counted_in_words() {
        for (counts, text) in [
            ([0, 0, 0], "no connection"),
            ([2, 1, 0], "2 active and 1 inactive connections"),
            ([0, 0, 1], "1 persistence template"),
            ([1, 0, 3], "1 active connection and 3 persistence templates"),
        ] {
            assert_eq!(entries(counts), text);
        }
    }
}
