//! The table of columns: what each shows, where there is room for it, and what sorting by it means.

use std::cmp::Ordering;

use super::colours::Role;
use super::model::{Server, Service, ServiceState, State, Sums};
use super::numbers::{count, percent, short};
use super::symbols::Symbols;
use super::track::Rates;

/// A column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Id {
    Name,
    State,
    Rate,
    Active,
    Inactive,
    Persistent,
    BytesIn,
    BytesOut,
    Weight,
    WantedShare,
    RealShare,
    Limit,
    History,
}

/// A row of the table.
#[derive(Debug)]
pub(crate) struct Column {
    pub(crate) id: Id,
    pub(crate) title: &'static str,
    /// As help explains it.
    pub(crate) help: &'static str,
    /// The columns of the screen that it takes at least.
    pub(crate) width: usize,
    /// The columns of the screen that it takes where there is room.
    pub(crate) widest: usize,
    /// The lower, the earlier it gets room.
    priority: u8,
    pub(crate) left: bool,
    pub(crate) sorts: bool,
}

const fn number(
    id: Id,
    title: &'static str,
    width: usize,
    priority: u8,
    help: &'static str,
) -> Column {
    Column { id, title, help, width, widest: width, priority, left: false, sorts: true }
}

/// Every column, in order.
pub(crate) const COLUMNS: &[Column] = &[
    Column {
        id: Id::Name,
        title: "SERVICE / SERVER",
        help: "the service with its scheduler, or the real server with its forwarding method",
        width: 24,
        widest: 64,
        priority: 0,
        left: true,
        sorts: true,
    },
    Column {
        id: Id::State,
        title: "STATE",
        help: "what is going on with it; of a service, how many of its servers are up",
        // `draining 1.2k`
        width: 13,
        widest: 14,
        priority: 2,
        left: true,
        sorts: false,
    },
    number(Id::Rate, "CPS", 5, 1, "new connections a second"),
    number(Id::Active, "ACT", 5, 4, "active connections"),
    number(Id::Inactive, "INACT", 5, 10, "inactive connections"),
    number(Id::Persistent, "PERS", 5, 13, "persistent connections"),
    number(Id::BytesIn, "IN/s", 5, 7, "bytes a second from clients"),
    number(
        Id::BytesOut,
        "OUT/s",
        5,
        8,
        "bytes a second to clients; unknown where replies do not pass here",
    ),
    number(Id::Weight, "WGT", 5, 3, "weight"),
    number(Id::WantedShare, "WANT", 4, 5, "share of new connections by weight"),
    number(Id::RealShare, "REAL", 4, 6, "share of the new connections of the last minute"),
    Column {
        id: Id::Limit,
        title: "LIMIT",
        help: "connections up to the upper threshold",
        width: 6,
        widest: 12,
        priority: 11,
        left: true,
        sorts: false,
    },
    Column {
        id: Id::History,
        title: "LAST MINUTE",
        help: "new connections, two seconds in each place, up to the highest in the row",
        width: 11,
        widest: 30,
        priority: 9,
        left: true,
        sorts: false,
    },
];

/// The space between two columns.
const GAP: usize = 1;

/// A column with its place on the screen.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Placed {
    pub(crate) column: &'static Column,
    pub(crate) left: usize,
    pub(crate) width: usize,
}

/// The columns that there is room for.
pub(crate) fn placed(width: usize) -> Vec<Placed> {
    let mut by_priority: Vec<&Column> = COLUMNS.iter().collect();
    by_priority.sort_by_key(|column| column.priority);
    let mut chosen: Vec<Id> = Vec::new();
    let mut left_over = width;
    for column in by_priority {
        let needed = column.width + if chosen.is_empty() { 0 } else { GAP };
        if needed > left_over && !chosen.is_empty() {
            // None of less importance takes the place.
            break;
        }
        left_over = left_over.saturating_sub(needed);
        chosen.push(column.id);
    }
    let mut placed = Vec::new();
    for column in COLUMNS.iter().filter(|column| chosen.contains(&column.id)) {
        placed.push(Placed { column, left: 0, width: column.width.min(width) });
    }
    // What is left goes to names first, though not all of it. On a very wide screen the rest stays
    // blank, so that the eye finds what belongs together.
    for id in [Id::Name, Id::History, Id::Limit, Id::State, Id::Name] {
        if let Some(place) = placed.iter_mut().find(|place| place.column.id == id) {
            let most = if id == Id::Name { left_over.div_ceil(2) } else { left_over };
            let more = (place.column.widest.max(place.width) - place.width).min(most);
            place.width += more;
            left_over -= more;
        }
    }
    let mut left = 0;
    for place in &mut placed {
        place.left = left;
        left += place.width + GAP;
    }
    placed
}

/// The columns that rows are sorted by, one after the other.
pub(crate) fn next_to_sort_by(id: Id) -> Id {
    let sorting: Vec<Id> = COLUMNS.iter().filter(|it| it.sorts).map(|it| it.id).collect();
    let at = sorting.iter().position(|it| *it == id).unwrap_or(0);
    sorting[(at + 1) % sorting.len()]
}

/// A cell's text, and how it looks.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Cell {
    pub(crate) text: String,
    pub(crate) role: Role,
}

fn cell(text: impl Into<String>, role: Role) -> Cell {
    Cell { text: text.into(), role }
}

/// A value that may be unknown.
fn known<T>(value: Option<T>, symbols: &Symbols, text: impl FnOnce(T) -> String) -> Cell {
    match value {
        Some(value) => cell(text(value), Role::Plain),
        None => cell(symbols.unknown, Role::Faint),
    }
}

/// A cell of a service. Its name is drawn by the tree.
pub(crate) fn of_service(id: Id, service: &Service, width: usize, symbols: &Symbols) -> Cell {
    let rates = service.track.rates();
    let sums = service.sums();
    match id {
        Id::Name | Id::WantedShare | Id::RealShare | Id::Limit => cell("", Role::Plain),
        Id::State => match service.state() {
            ServiceState::Unknown => cell(symbols.unknown, Role::Faint),
            ServiceState::Down => cell("down", Role::Bad),
            ServiceState::Up(up, all) if up == all => cell(format!("{up}/{all} up"), Role::Good),
            ServiceState::Up(up, all) => cell(format!("{up}/{all} up"), Role::Busy),
        },
        Id::Rate => known(rates, symbols, |rates| short(rates.connections)),
        Id::Active => known(sums, symbols, |sums| count(sums.active)),
        Id::Inactive => known(sums, symbols, |sums| count(sums.inactive)),
        Id::Persistent => known(sums, symbols, |sums| count(sums.persistent)),
        Id::BytesIn => known(rates, symbols, |rates| short(rates.bytes_in)),
        Id::BytesOut => {
            let shown = shows_replies(service);
            known(rates.filter(|_| shown), symbols, |rates| short(rates.bytes_out))
        }
        Id::Weight => known(sums, symbols, |sums| count(sums.weight)),
        Id::History => cell(symbols.sparkline(service.track.history(), width), Role::Spark),
    }
}

/// False if no reply of any of its servers passes here.
pub(crate) fn shows_replies(service: &Service) -> bool {
    service.track.counters().bytes_out > 0
        || service.servers.is_empty()
        || service.servers.iter().any(Server::shows_replies)
}

/// A cell of a server. Its name is drawn by the tree.
pub(crate) fn of_server(
    id: Id,
    service: &Service,
    server: &Server,
    width: usize,
    symbols: &Symbols,
) -> Cell {
    let rates = server.track.rates();
    match id {
        Id::Name => cell("", Role::Plain),
        Id::State => state(server.state()),
        Id::Rate => known(rates, symbols, |rates| short(rates.connections)),
        Id::Active => cell(count(server.now.active.into()), Role::Plain),
        Id::Inactive => cell(count(server.now.inactive.into()), Role::Plain),
        Id::Persistent => cell(count(server.now.persistent.into()), Role::Plain),
        Id::BytesIn => known(rates, symbols, |rates| short(rates.bytes_in)),
        Id::BytesOut => {
            let shown = server.shows_replies();
            known(rates.filter(|_| shown), symbols, |rates| short(rates.bytes_out))
        }
        Id::Weight => cell(count(server.now.weight.into()), Role::Plain),
        Id::WantedShare => known(service.wanted_share(server), symbols, percent),
        Id::RealShare => known(service.real_share(server), symbols, percent),
        Id::Limit => match server.fullness() {
            None => cell("", Role::Plain),
            Some(fullness) => {
                let role = match fullness {
                    fullness if fullness >= 1.0 => Role::Bad,
                    fullness if fullness >= 0.75 => Role::Busy,
                    _ => Role::Good,
                };
                cell(symbols.bar(fullness, width), role)
            }
        },
        Id::History => cell(symbols.sparkline(server.track.history(), width), Role::Spark),
    }
}

/// The word for a state.
pub(crate) fn state(state: State) -> Cell {
    match state {
        State::Up => cell("up", Role::Good),
        State::Draining(left) => cell(format!("draining {}", short(left as f64)), Role::Busy),
        State::Drained => cell("drained", Role::Busy),
        State::OverLimit => cell("over limit", Role::Bad),
        State::NoReplies => cell("no replies", Role::Bad),
    }
}

/// The order of two services by a column: the usual way, which is the least name, or the highest number,
/// first. What is not known comes last.
pub(crate) fn order_services(id: Id, one: &Service, other: &Service) -> Ordering {
    let rate = |pick: fn(Rates) -> f64| {
        descending(one.track.rates().map(pick), other.track.rates().map(pick))
    };
    let sum = |pick: fn(Sums) -> u64| {
        let value = |service: &Service| service.sums().map(|sums| pick(sums) as f64);
        descending(value(one), value(other))
    };
    match id {
        Id::Rate | Id::RealShare => rate(|rates| rates.connections),
        Id::BytesIn => rate(|rates| rates.bytes_in),
        Id::BytesOut => rate(|rates| rates.bytes_out),
        Id::Active => sum(|sums| sums.active),
        Id::Inactive => sum(|sums| sums.inactive),
        Id::Persistent => sum(|sums| sums.persistent),
        Id::Weight => sum(|sums| sums.weight),
        Id::Name | Id::State | Id::WantedShare | Id::Limit | Id::History => Ordering::Equal,
    }
}

/// The order of two servers of a service.
pub(crate) fn order_servers(id: Id, service: &Service, one: &Server, other: &Server) -> Ordering {
    let rate = |pick: fn(Rates) -> f64| {
        descending(one.track.rates().map(pick), other.track.rates().map(pick))
    };
    let number = |pick: fn(&Server) -> u32| pick(other).cmp(&pick(one));
    match id {
        Id::Rate => rate(|rates| rates.connections),
        Id::BytesIn => rate(|rates| rates.bytes_in),
        Id::BytesOut => rate(|rates| rates.bytes_out),
        Id::Active => number(|server| server.now.active),
        Id::Inactive => number(|server| server.now.inactive),
        Id::Persistent => number(|server| server.now.persistent),
        Id::Weight => number(|server| server.now.weight),
        Id::WantedShare => descending(service.wanted_share(one), service.wanted_share(other)),
        Id::RealShare => descending(service.real_share(one), service.real_share(other)),
        Id::Name | Id::State | Id::Limit | Id::History => Ordering::Equal,
    }
}

fn descending(one: Option<f64>, other: Option<f64>) -> Ordering {
    match (one, other) {
        (Some(one), Some(other)) => other.total_cmp(&one),
        (one, other) => other.is_some().cmp(&one.is_some()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(width: usize) -> Vec<&'static str> {
        placed(width).iter().map(|place| place.column.title).collect()
    }

    #[test]
    fn columns_go_beyond_no_width() {
        for width in 1..400 {
            let placed = placed(width);
            let end = placed.last().map_or(0, |place| place.left + place.width);
            assert!(end <= width, "{width}: {end}");
            // Two columns of a screen are less than any column needs.
            assert!(
                end + 2 >= width || width > 150 || placed.len() < COLUMNS.len(),
                "{width}: {end}"
            );
            for pair in placed.windows(2) {
                assert_eq!(pair[0].left + pair[0].width + GAP, pair[1].left, "{width}");
            }
        }
    }

    #[test]
    fn wider_screens_show_more() {
        assert_eq!(
            shown(80),
            ["SERVICE / SERVER", "STATE", "CPS", "ACT", "IN/s", "OUT/s", "WGT", "WANT", "REAL"]
        );
        assert_eq!(shown(140).len(), COLUMNS.len());
        assert_eq!(shown(30), ["SERVICE / SERVER", "CPS"]);
    }

    #[test]
    fn sorting_comes_back_to_where_it_began() {
        let mut id = Id::Name;
        let mut seen = Vec::new();
        while !seen.contains(&id) {
            seen.push(id);
            id = next_to_sort_by(id);
        }
        assert_eq!(id, Id::Name);
        assert_eq!(seen.len(), COLUMNS.iter().filter(|column| column.sorts).count());
    }

    #[test]
    fn no_two_columns_have_the_same_priority() {
        let mut priorities: Vec<u8> = COLUMNS.iter().map(|column| column.priority).collect();
        priorities.sort_unstable();
        priorities.dedup();
        assert_eq!(priorities.len(), COLUMNS.len());
    }
}
