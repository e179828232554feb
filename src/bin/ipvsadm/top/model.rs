//! What readings come to: rates, shares and states, and a minute of history.
//!
//! Pure: it knows neither the kernel nor the screen.

use ipvs::rules::grammar::{WeightUse, weight_use};
use ipvs::{DestinationKey, Name, ServiceKey};

use super::reading::{Counters, Host, Method, Reading, ServerReading, ServiceReading};
use super::track::{Rates, Track};

/// Servers of a service that are not read for this long are forgotten. In milliseconds.
const KEPT: u64 = 120_000;

/// The balancer as far as readings have told.
#[derive(Debug, Default)]
pub(crate) struct Model {
    /// The time of the last reading, in milliseconds since 1970. `None` before the first.
    pub(crate) at: Option<u64>,
    pub(crate) host: Host,
    /// All services together.
    pub(crate) total: Option<Track>,
    /// In the order of their keys.
    pub(crate) services: Vec<Service>,
}

/// A virtual service.
#[derive(Debug, Clone)]
pub(crate) struct Service {
    pub(crate) key: ServiceKey,
    pub(crate) scheduler: Name,
    pub(crate) track: Track,
    /// In the order of their keys.
    pub(crate) servers: Vec<Server>,
    /// When the servers were read. `None`: never, or too long ago.
    servers_at: Option<u64>,
}

/// A real server of a service.
#[derive(Debug, Clone)]
pub(crate) struct Server {
    pub(crate) now: ServerReading,
    pub(crate) track: Track,
    /// True if it gets no new connections since it had as many as its upper threshold.
    is_over: bool,
}

/// What is going on with a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum State {
    NoReplies,
    OverLimit,
    /// No new connections, and this many left.
    Draining(u64),
    /// No weight, and no connections.
    Drained,
    Up,
}

/// What is going on with a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ServiceState {
    /// Its servers have not been read.
    Unknown,
    /// It has no server that takes new connections.
    Down,
    /// This many of its servers are up, of this many.
    Up(usize, usize),
}

/// The sums over the servers of a service.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Sums {
    pub(crate) active: u64,
    pub(crate) inactive: u64,
    pub(crate) persistent: u64,
    pub(crate) weight: u64,
}

impl Model {
    /// Takes the next reading. Returns what is left of it: its memory serves the next one.
    pub(crate) fn update(&mut self, reading: Reading) -> Vec<ServiceReading> {
        let Reading { at, host, mut services } = reading;
        follow(&mut self.total, at, host.totals);
        self.at = Some(at);
        self.host = host;
        let is_same = self.services.len() == services.len()
            && self.services.iter().zip(&services).all(|(known, now)| known.key == now.key);
        if is_same {
            for (known, now) in self.services.iter_mut().zip(&mut services) {
                known.update(at, now);
            }
        } else {
            self.merge(at, &mut services);
        }
        services
    }

    /// Takes the services of a reading that are not those of the one before.
    fn merge(&mut self, at: u64, services: &mut [ServiceReading]) {
        let mut earlier = std::mem::take(&mut self.services).into_iter().peekable();
        self.services.reserve_exact(services.len());
        for service in services {
            // Both are in order: what is not in the reading is gone.
            while earlier.next_if(|earlier| earlier.key < service.key).is_some() {}
            let known = earlier.next_if(|earlier| earlier.key == service.key);
            let mut next = known.unwrap_or_else(|| Service::begin(at, service));
            next.update(at, service);
            self.services.push(next);
        }
    }

    /// Takes the servers of one service, read after the last reading. False if the service is not there.
    pub(crate) fn update_servers(
        &mut self,
        key: &ServiceKey,
        at: u64,
        servers: Vec<ServerReading>,
    ) -> bool {
        let place = self.services.binary_search_by(|service| service.key.cmp(key));
        if let Ok(place) = place {
            self.services[place].update_servers(at, Some(servers));
        }
        place.is_ok()
    }

    /// Forgets all history.
    pub(crate) fn clear(&mut self) {
        *self = Model::default();
    }

    /// The rates of all services together: the kernel's own totals, where it shows them, which have
    /// the connections of removed services too.
    pub(crate) fn rates(&self) -> Option<Rates> {
        match &self.total {
            Some(total) => total.rates(),
            None => {
                let mut sum = None::<Rates>;
                for rates in self.services.iter().filter_map(|service| service.track.rates()) {
                    let sum = sum.get_or_insert_default();
                    sum.connections += rates.connections;
                    sum.bytes_in += rates.bytes_in;
                    sum.bytes_out += rates.bytes_out;
                }
                sum
            }
        }
    }

    pub(crate) fn service(&self, key: &ServiceKey) -> Option<&Service> {
        let at = self.services.binary_search_by(|service| service.key.cmp(key)).ok()?;
        self.services.get(at)
    }

    pub(crate) fn server(&self, service: &ServiceKey, key: &DestinationKey) -> Option<&Server> {
        self.service(service)?.servers.iter().find(|server| server.now.key == *key)
    }
}

/// Follows counters that the kernel may not show.
fn follow(track: &mut Option<Track>, at: u64, counters: Option<Counters>) {
    match (track.as_mut(), counters) {
        (Some(track), Some(counters)) => track.update(at, counters),
        (None, Some(counters)) => *track = Some(Track::begin(at, counters)),
        (_, None) => *track = None,
    }
}

impl Service {
    fn begin(at: u64, reading: &ServiceReading) -> Self {
        Service {
            key: reading.key,
            scheduler: reading.scheduler,
            track: Track::begin(at, reading.counters),
            servers: Vec::new(),
            servers_at: None,
        }
    }

    fn update(&mut self, at: u64, now: &mut ServiceReading) {
        self.track.update(at, now.counters);
        self.scheduler = now.scheduler;
        self.update_servers(at, now.servers.take());
    }

    fn update_servers(&mut self, at: u64, readings: Option<Vec<ServerReading>>) {
        let Some(readings) = readings else {
            if self.servers_at.is_some_and(|read| at.saturating_sub(read) > KEPT) {
                (self.servers, self.servers_at) = (Vec::new(), None);
            }
            return;
        };
        self.servers_at = Some(at);
        let mut earlier = std::mem::take(&mut self.servers).into_iter().peekable();
        self.servers.reserve_exact(readings.len());
        for now in readings {
            while earlier.next_if(|earlier| earlier.now.key < now.key).is_some() {}
            let mut server = match earlier.next_if(|earlier| earlier.now.key == now.key) {
                Some(mut known) => {
                    known.track.update(at, now.counters);
                    known
                }
                None => Server { now, track: Track::begin(at, now.counters), is_over: false },
            };
            server.is_over = is_over(server.is_over, &now);
            server.now = now;
            self.servers.push(server);
        }
    }

    /// True if its servers are known.
    pub(crate) fn has_servers(&self) -> bool {
        self.servers_at.is_some()
    }

    /// The sums over its servers. `None` if they are not known.
    pub(crate) fn sums(&self) -> Option<Sums> {
        self.has_servers().then(|| {
            self.servers.iter().fold(Sums::default(), |sums, Server { now, .. }| Sums {
                active: sums.active + u64::from(now.active),
                inactive: sums.inactive + u64::from(now.inactive),
                persistent: sums.persistent + u64::from(now.persistent),
                weight: sums.weight + u64::from(now.weight),
            })
        })
    }

    pub(crate) fn state(&self) -> ServiceState {
        if !self.has_servers() {
            return ServiceState::Unknown;
        }
        let takes_connections = |server: &&Server| server.now.weight > 0 && !server.is_over;
        if !self.servers.iter().any(|server| takes_connections(&server)) {
            return ServiceState::Down;
        }
        let up = self.servers.iter().filter(|server| server.state() == State::Up).count();
        ServiceState::Up(up, self.servers.len())
    }

    /// The share of new connections that a server is to have by its weight. `None` where the scheduler
    /// makes no shares of weights.
    pub(crate) fn wanted_share(&self, server: &Server) -> Option<f64> {
        let part = |server: &Server| match weight_use(self.scheduler.as_str()) {
            Some(WeightUse::Nothing) => f64::from(u8::from(server.now.weight > 0)),
            _ => f64::from(server.now.weight),
        };
        if weight_use(self.scheduler.as_str()) == Some(WeightUse::Rank) {
            return None;
        }
        let whole: f64 = self.servers.iter().map(part).sum();
        (whole > 0.0).then(|| part(server) / whole)
    }

    /// The share of new connections that a server has had in the last minute. `None` if there were
    /// none.
    pub(crate) fn real_share(&self, server: &Server) -> Option<f64> {
        let whole: f64 = self.servers.iter().map(|server| server.track.minute()).sum();
        (whole > 0.0).then(|| server.track.minute() / whole)
    }
}

/// As the kernel decides it: from the upper threshold until below the lower one, or three quarters of
/// the upper (`ip_vs_dest_update_overload` and `ip_vs_unbind_dest` in
/// net/netfilter/ipvs/ip_vs_conn.c).
fn is_over(was_over: bool, now: &ServerReading) -> bool {
    let (upper, lower) = (u64::from(now.upper_threshold), u64::from(now.lower_threshold));
    let connections = now.connections();
    match (upper, was_over) {
        (0, _) => false,
        (_, false) => connections >= upper,
        (_, true) if lower > 0 => connections >= lower,
        (_, true) => connections * 4 >= upper * 3,
    }
}

impl Server {
    pub(crate) fn state(&self) -> State {
        match (self.now.weight, self.now.connections()) {
            (0, 0) => State::Drained,
            (0, left) => State::Draining(left),
            _ if self.is_over => State::OverLimit,
            _ if self.now.method == Method::Masquerade && self.track.has_no_replies() => {
                State::NoReplies
            }
            _ => State::Up,
        }
    }

    /// True if its replies come through the director, so that it can count them.
    pub(crate) fn shows_replies(&self) -> bool {
        self.now.method == Method::Masquerade || self.now.counters.bytes_out > 0
    }

    /// How full it is, up to its upper threshold. `None` without one.
    pub(crate) fn fullness(&self) -> Option<f64> {
        let upper = self.now.upper_threshold;
        (upper > 0).then(|| self.now.connections() as f64 / f64::from(upper))
    }
}

#[cfg(test)]
mod tests;
