//! Two readings with some time between them: what is stuck, and what still moves.

use std::collections::HashSet;
use std::net::IpAddr;
use std::thread;
use std::time::{Duration, Instant};

use ::ipvs::{Client, Error};

use super::connections::{self, First};
use super::ipvs;
use crate::doctor::facts::{Facts, Group};
use crate::process::progress::StatusLine;

/// The kernel copies the counters every two seconds (`est_timer` in net/netfilter/ipvs/ip_vs_est.c):
/// after this time they are surely new.
const COPIED: Duration = Duration::from_millis(2200);

/// The first reading.
#[derive(Debug)]
pub(super) struct Watch {
    /// When it began, and was over.
    began: Instant,
    read: Instant,
    /// `None`: there is nothing to watch, or it cannot be read.
    connections: Option<First>,
}

impl Watch {
    /// Reads the table and the connections for the first time. The facts have the table meanwhile.
    pub(super) fn begin(client: &mut Client, facts: &mut Facts) -> Result<Watch, Error> {
        let began = Instant::now();
        let table = ipvs::read(client)?;
        let connections = connections::read_first(&table).ok();
        let connections = connections.filter(|it| !table.services.is_empty() || !it.is_empty());
        facts.ipvs = Some(table);
        Ok(Watch { began, read: Instant::now(), connections })
    }

    /// Reads them again, this long after the first time, and says what differs.
    pub(super) fn end(
        self,
        client: &mut Client,
        length: Duration,
        facts: &mut Facts,
    ) -> Result<(), Error> {
        let own: HashSet<IpAddr> =
            facts.network.iter().flat_map(|it| &it.addresses).map(|it| it.address).collect();
        let is_watched = self.connections.is_some();
        if is_watched {
            wait_until(self.read + length);
        }
        let table = facts.ipvs.take().unwrap_or_default();
        let elapsed = self.read.elapsed();
        match connections::read(&table, self.connections, elapsed.as_secs(), &own) {
            Ok(read) => facts.connections = Some(read),
            Err(failure) => {
                facts.unknown.insert("connections".to_owned(), failure.to_string());
            }
        }
        let groups = facts.connections.iter().flat_map(|it| &it.groups);
        if is_watched && groups.into_iter().any(needs_counters) {
            wait_until(self.began + COPIED);
        }
        let mut now = ipvs::read(client)?;
        ipvs::set_growth(&mut now, &table);
        facts.watched_ms = match is_watched {
            true => u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX),
            false => 0,
        };
        facts.ipvs = Some(now);
        Ok(())
    }
}

/// True if it takes the counters to tell what it means.
fn needs_counters(group: &Group) -> bool {
    group.stuck > 0 || group.templates > 0
}

/// Sleeps, and shows how much is left.
fn wait_until(end: Instant) {
    let mut line = StatusLine::new();
    loop {
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return;
        }
        line.show(format_args!("watching connections and counters, {} s left", left.as_secs() + 1));
        thread::sleep(left.min(Duration::from_secs(1)));
    }
}
