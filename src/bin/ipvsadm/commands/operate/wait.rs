//! Waiting for the connections of servers to end.

use std::time::{Duration, Instant};

use ipvs::rules::grammar::Until;
use ipvs::{Client, Destination, Drain, ServiceKey};

use super::spelling::{Named, connections};
use crate::kernel::home::Home;
use crate::kernel::servers;
use crate::output::operation::{Server, ServerState};
use crate::process::Sink;
use crate::process::failure::Failure;
use crate::process::notice;
use crate::process::progress::StatusLine;
use crate::process::signals::Signals;

/// A server that is drained.
#[derive(Debug)]
pub(super) struct Watched {
    pub(super) server: Server,
    pub(super) drain: Drain,
}

impl Watched {
    pub(super) fn new(server: Server, until: Until) -> Self {
        let drain = match until {
            Until::Active => Drain::of_active(),
            Until::All => Drain::of_all(),
        };
        Watched { server, drain }
    }

    pub(super) fn name(&self) -> Named {
        Named(self.server.service, self.server.key)
    }

    fn is_draining(&self) -> bool {
        self.server.state == ServerState::Draining
    }

    /// Takes what the kernel reports of the server. Returns what there is to say about it.
    fn observe(&mut self, at: Duration, now: Option<&Destination>) -> Option<News> {
        let Some(now) = now else {
            self.server.state = ServerState::Gone;
            self.server.weight = None;
            return Some(News::Gone);
        };
        let server = &mut self.server;
        server.weight = Some(now.config.weight);
        server.active = now.active_connections;
        server.inactive = now.inactive_connections;
        if now.config.weight > 0 {
            server.state = ServerState::Overridden;
            return Some(News::Overridden);
        }
        let drained = self.drain.observe(at, server.active, server.inactive);
        drained.then(|| {
            self.server.state = ServerState::Drained;
            News::Drained
        })
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum News {
    Drained,
    Gone,
    Overridden,
}

/// Why waiting ended.
#[derive(Debug)]
pub(super) enum End {
    /// There is nothing left to wait for.
    Done,
    /// The time ran out.
    Timeout,
    /// A signal arrived.
    Interrupted,
    /// The kernel cannot be read any more.
    Failed(Failure),
}

/// What is said to whoever waits: results on standard output unless it is to be JSON, and at a
/// terminal how far it is.
pub(super) struct Screen<'s> {
    sink: &'s mut Sink,
    json: bool,
    line: StatusLine,
}

impl<'s> Screen<'s> {
    pub(super) fn new(sink: &'s mut Sink, json: bool) -> Self {
        Screen { sink, json, line: StatusLine::new() }
    }

    /// Prints a result at once.
    pub(super) fn print(&mut self, text: impl std::fmt::Display) {
        if self.json {
            return;
        }
        self.line.clear();
        self.sink.print(format!("{text}\n"));
        // Draining goes on though nobody listens. The text is kept, and fails at the end.
        let _ = self.sink.flush();
    }

    /// Prints a message.
    pub(super) fn say(&mut self, text: impl std::fmt::Display) {
        self.line.clear();
        notice::say(text);
    }

    /// Where the rest goes.
    pub(super) fn into_sink(self) -> &'s mut Sink {
        self.sink
    }
}

/// The pause between two readings: short at first, as many servers are drained soon.
fn pause(waited: Duration) -> Duration {
    if waited < Duration::from_secs(10) {
        Duration::from_millis(200)
    } else {
        Duration::from_secs(1)
    }
}

/// Waits until each server is drained, removed or given a weight by others.
pub(super) fn wait(
    client: &mut Client,
    watched: &mut [Watched],
    timeout: Option<Duration>,
    home: &Home<'_>,
    signals: &Signals,
    screen: &mut Screen<'_>,
) -> End {
    let started = Instant::now();
    loop {
        let waited = started.elapsed();
        let read = home.check().and_then(|()| observe_all(client, watched, waited, screen));
        if let Err(failure) = read {
            return End::Failed(failure);
        }
        if !watched.iter().any(Watched::is_draining) {
            return End::Done;
        }
        if timeout.is_some_and(|timeout| waited >= timeout) {
            return End::Timeout;
        }
        screen.line.show(progress(watched));
        let pause = pause(waited);
        let pause = timeout.map_or(pause, |timeout| pause.min(timeout - waited));
        if signals.wait(Instant::now() + pause).is_some() {
            return End::Interrupted;
        }
    }
}

fn observe_all(
    client: &mut Client,
    watched: &mut [Watched],
    at: Duration,
    screen: &mut Screen<'_>,
) -> Result<(), Failure> {
    // Those of one service stand together.
    let mut read: Option<(ServiceKey, Vec<Destination>)> = None;
    for watched in watched.iter_mut().filter(|watched| watched.is_draining()) {
        let service = watched.server.service;
        let servers = match &mut read {
            Some((key, servers)) if *key == service => servers,
            other => &mut other.insert((service, servers::servers(client, &service)?)).1,
        };
        let now = servers.iter().find(|server| server.key == watched.server.key);
        let news = watched.observe(at, now);
        let name = watched.name();
        match news {
            None => {}
            Some(News::Drained) => match watched.server.inactive {
                0 => screen.print(format_args!("{name}: drained")),
                inactive => {
                    screen.print(format_args!("{name}: drained; {} left", connections(0, inactive)))
                }
            },
            Some(News::Gone) => match servers::service(client, &service)? {
                Some(_) => screen.say(format_args!("{name}: others have removed the server")),
                None => screen.say(format_args!("{name}: others have removed the service")),
            },
            Some(News::Overridden) => {
                let weight = now.map_or(0, |now| now.config.weight);
                screen.say(format_args!(
                    "{name}: others have set its weight to {weight}: not draining any more"
                ));
            }
        }
    }
    Ok(())
}

/// `120 connections left, 3.4 end per second, about 35 s to go`
fn progress(watched: &[Watched]) -> String {
    let draining = watched.iter().filter(|watched| watched.is_draining());
    let (mut left, mut rate, mut remaining) = (0, 0.0, Some(Duration::ZERO));
    for Watched { drain, .. } in draining {
        left += drain.left();
        rate += drain.ended_per_second();
        remaining = remaining.zip(drain.remaining()).map(|(one, other)| one.max(other));
    }
    let mut text = match left {
        1 => "1 connection left".to_owned(),
        left => format!("{left} connections left"),
    };
    if rate > 0.0 {
        text += &format!(", {rate:.1} end per second");
    }
    match remaining {
        Some(remaining) if left > 0 => text += &format!(", about {} to go", rough(remaining)),
        _ => {}
    }
    text
}

/// `35 s`, `12 min`, `3 h`
fn rough(time: Duration) -> String {
    match time.as_secs() {
        seconds @ 0..120 => format!("{} s", seconds.max(1)),
        seconds @ 120..7200 => format!("{} min", seconds / 60),
        seconds => format!("{} h", seconds / 3600),
    }
}

#[cfg(test)]
mod tests {
    use ipvs::DestinationConfig;

    use super::*;

    fn watched(until: Until) -> Watched {
        let server = Server {
            service: "TCP 192.0.2.1:80".parse().expect("a key"),
            key: "10.0.0.1:80".parse().expect("a key"),
            state: ServerState::Draining,
            weight_before: Some(3),
            weight: Some(0),
            active: 0,
            inactive: 0,
        };
        Watched::new(server, until)
    }

    fn reported(weight: u32, active: u32, inactive: u32) -> Destination {
        let config = DestinationConfig { weight, ..DestinationConfig::default() };
        let mut server = Destination::new("10.0.0.1:80".parse().expect("a key"), config);
        (server.active_connections, server.inactive_connections) = (active, inactive);
        server
    }

    #[test]
    fn others_may_remove_the_server_or_give_it_a_weight() {
        let second = Duration::from_secs;
        let mut one = watched(Until::Active);
        assert_eq!(one.observe(second(0), Some(&reported(0, 3, 1))), None);
        assert_eq!(one.observe(second(1), None), Some(News::Gone));
        assert_eq!((one.server.state, one.server.weight), (ServerState::Gone, None));
        let mut one = watched(Until::Active);
        assert_eq!(one.observe(second(0), Some(&reported(5, 0, 0))), Some(News::Overridden));
        assert_eq!((one.server.state, one.server.weight), (ServerState::Overridden, Some(5)));
        let mut one = watched(Until::All);
        assert_eq!(one.observe(second(0), Some(&reported(0, 0, 1))), None);
        assert_eq!(one.observe(second(1), Some(&reported(0, 0, 0))), Some(News::Drained));
        assert_eq!(one.server.state, ServerState::Drained);
    }

    #[test]
    fn progress_is_that_of_all_servers() {
        let mut all = [watched(Until::Active), watched(Until::All)];
        for (second, active) in [(0, 100), (10, 80)] {
            for one in &mut all {
                one.observe(Duration::from_secs(second), Some(&reported(0, active, 20)));
            }
        }
        assert_eq!(progress(&all), "180 connections left, 4.0 end per second, about 50 s to go");
        all[1].observe(Duration::from_secs(11), None);
        assert_eq!(progress(&all), "80 connections left, 2.0 end per second, about 40 s to go");
        let mut one = watched(Until::Active);
        one.observe(Duration::ZERO, Some(&reported(0, 1, 0)));
        assert_eq!(progress(&[one]), "1 connection left");
    }

    #[test]
    fn times_are_rough() {
        for (seconds, text) in [(0, "1 s"), (119, "119 s"), (125, "2 min"), (7199, "119 min")] {
            assert_eq!(rough(Duration::from_secs(seconds)), text);
        }
        assert_eq!(rough(Duration::from_secs(7200)), "2 h");
    }
}
