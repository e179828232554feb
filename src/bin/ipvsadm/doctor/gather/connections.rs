//! The list of connections, summed up. Nothing is kept of a connection, except that the first reading
//! remembers a few numbers of those that the second one has to compare.

mod groups;
mod marks;

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::net::IpAddr;

use ipvs::rules::grammar::ConnectionFilter;

use self::groups::Groups;
use crate::doctor::facts::{Connections, Group, Ipvs};
use crate::kernel::connections::filter::Filter;
use crate::kernel::connections::services::Services;
use crate::kernel::connections::{Connections as Listing, List};
use crate::names::ReverseNames;
use crate::output::connections::Connection;
use crate::process::failure::Failure;

/// The most connections that are remembered from the first reading.
const MOST_REMEMBERED: usize = 1 << 18;

/// What the first reading remembers.
#[derive(Debug, Default)]
pub(super) struct First {
    total: u64,
    /// Connections in SYN_RECV, and closed ones to servers of weight 0, by their hash.
    remembered: Vec<Remembered>,
    /// The latest expiry of each group's connections past SYN_RECV: in ESTABLISHED, and in other states.
    latest: Vec<[Option<u64>; 2]>,
    /// How groups were numbered.
    groups: Groups,
}

impl First {
    /// True if there was no connection.
    pub(super) fn is_empty(&self) -> bool {
        self.total == 0
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Remembered {
    connection: u64,
    was_half_open: bool,
    expires: u32,
}

/// The state of a connection, as far as it matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Template,
    /// The server has not answered, or its client has not answered it: SYN_RECV.
    HalfOpen,
    /// ESTABLISHED, and all of UDP.
    Open,
    Other,
}

impl State {
    fn of(connection: &Connection<'_>) -> State {
        match connection.state {
            // Templates have no client's port. Neither have those of a firewall mark a protocol.
            b"NONE" | b"ASSURED" if connection.source.1 == 0 => State::Template,
            _ if connection.protocol == b"IP" => State::Template,
            b"SYN_RECV" => State::HalfOpen,
            b"ESTABLISHED" | b"UDP" => State::Open,
            _ => State::Other,
        }
    }
}

/// Reads the list for the first time.
pub(super) fn read_first(ipvs: &Ipvs) -> Result<First, Failure> {
    let mut first = First { groups: Groups::new(ipvs), ..First::default() };
    each(|connection| {
        first.total += 1;
        let state = State::of(connection);
        if state == State::Template || is_synchronized(connection) {
            return;
        }
        let Some(at) = first.groups.place(ipvs, connection) else {
            return;
        };
        let was_half_open = state == State::HalfOpen;
        if !was_half_open {
            if first.latest.len() <= at {
                first.latest.resize(at + 1, [None; 2]);
            }
            let latest = &mut first.latest[at][usize::from(state == State::Open)];
            *latest = (*latest).max(Some(connection.expires));
        }
        let is_closed = state == State::Other && first.groups.is_quiescent(at);
        if (was_half_open || is_closed) && first.remembered.len() < MOST_REMEMBERED {
            first.remembered.push(Remembered {
                connection: hash(connection),
                was_half_open,
                expires: u32::try_from(connection.expires).unwrap_or(u32::MAX),
            });
        }
    })?;
    first.remembered.sort_unstable();
    Ok(first)
}

/// Sums up the list, read for the second time, `seconds` after the first reading, where there was one.
/// The director has these addresses.
pub(super) fn read(
    ipvs: &Ipvs,
    first: Option<First>,
    seconds: u64,
    own: &HashSet<IpAddr>,
) -> Result<Connections, Failure> {
    let First { remembered, latest, mut groups, .. } =
        first.unwrap_or_else(|| First { groups: Groups::new(ipvs), ..First::default() });
    let mut total = 0;
    let mut ungrouped = 0;
    let mut clients: Vec<IpAddr> = Vec::new();
    each(|connection| {
        total += 1;
        let Some(at) = groups.place(ipvs, connection) else {
            ungrouped += 1;
            return;
        };
        let is_quiescent = groups.is_quiescent(at);
        let group = groups.get(at);
        let state = State::of(connection);
        if state == State::Template {
            group.templates += 1;
            return;
        }
        if is_synchronized(connection) {
            group.synchronized += 1;
            return;
        }
        let client = connection.source.0;
        // Neighbours in the list differ, as it is in the order of a hash.
        if clients.len() < Connections::MOST_CLIENTS && !clients.contains(&client) {
            clients.push(client);
        }
        group.connections += 1;
        // Of most connections nothing is remembered.
        let earlier = match state == State::HalfOpen || is_quiescent {
            true => find(&remembered, hash(connection)),
            false => None,
        };
        if state == State::Open {
            group.open += 1;
            keep_neighbour(&mut group.open_clients, group.server.ip(), client);
            let timeout = match connection.protocol {
                b"TCP" => ipvs.tcp_timeout,
                _ => ipvs.udp_timeout,
            };
            group.idle += u64::from(connection.expires.saturating_mul(4) < u64::from(timeout));
        }
        if earlier.is_some_and(|it| !it.was_half_open) && state != State::Other {
            group.reused += 1;
        }
        if state != State::HalfOpen {
            let latest = latest.get(at).and_then(|of| of[usize::from(state == State::Open)]);
            // Without a packet, it is nearer to its end by the time that has passed.
            let is_fresh = latest.is_none_or(|latest| connection.expires + seconds > latest);
            group.fresh += u64::from(is_fresh);
            return;
        }
        group.half_open += 1;
        if let Some(earlier) = earlier.filter(|earlier| earlier.was_half_open) {
            if own.contains(&client) {
                group.stuck_from_director += 1;
                return;
            }
            group.stuck += 1;
            group.retried += u64::from(connection.expires + seconds > u64::from(earlier.expires));
            keep_neighbour(&mut group.stuck_clients, group.server.ip(), client);
        }
    })?;
    let mut groups = groups.into_groups();
    groups.sort_unstable_by_key(|group| (group.service, group.destination, group.to, group.server));
    Ok(Connections { total, groups, ungrouped, clients })
}

/// Hands over each connection.
fn each(mut show: impl FnMut(&Connection<'_>)) -> Result<(), Failure> {
    let services = Services::default();
    let all = Filter::new(ConnectionFilter::default(), &services);
    Listing::open(List::Origins)?.each(&all, &mut ReverseNames::Numeric, |_, connection| {
        show(connection);
        Ok(())
    })
}

fn is_synchronized(connection: &Connection<'_>) -> bool {
    connection.origin == Some(b"SYNC")
}

/// What tells a connection from others. Of a million, no two are likely to have the same.
fn hash(connection: &Connection<'_>) -> u64 {
    let mut hasher = DefaultHasher::new();
    let Connection { protocol, source, virtual_service, destination, .. } = connection;
    (protocol, source, virtual_service, destination).hash(&mut hasher);
    hasher.finish()
}

fn find(remembered: &[Remembered], connection: u64) -> Option<Remembered> {
    let at = remembered.binary_search_by_key(&connection, |it| it.connection).ok()?;
    remembered.get(at).copied()
}

/// Keeps the clients whose addresses have most bits in common with the server's.
fn keep_neighbour(kept: &mut Vec<IpAddr>, server: IpAddr, client: IpAddr) {
    let likeness = |address: &IpAddr| match (*address, server) {
        (IpAddr::V4(one), IpAddr::V4(other)) => (one.to_bits() ^ other.to_bits()).leading_zeros(),
        (IpAddr::V6(one), IpAddr::V6(other)) => (one.to_bits() ^ other.to_bits()).leading_zeros(),
        _ => 0,
    };
    if kept.contains(&client) {
        return;
    }
    if kept.len() < Group::MOST_CLIENTS {
        kept.push(client);
    } else if let Some(least) = kept.iter_mut().min_by_key(|kept| likeness(kept))
        && likeness(&client) > likeness(least)
    {
        *least = client;
    }
}
