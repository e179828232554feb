//! Links, addresses, neighbours, routes and rules, as rtnetlink has them, and the ways of packets.

mod conversation;
mod offload;
mod translate;
mod ways;

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::net::IpAddr;

use netlink_packet_route::RouteNetlinkMessage as Message;

use self::conversation::Conversation;
use super::listeners;
use crate::doctor::facts::{Facts, Neighbour, Network, Side};

/// The most routes and neighbours that are kept: a router of the Internet has a million.
const MOST: usize = 20_000;

/// Interfaces by their numbers.
type Names = BTreeMap<u32, String>;

/// Gathers everything but the ways.
pub(super) fn gather(facts: &mut Facts) {
    let read = || {
        let mut kernel = Conversation::open()?;
        let mut network = tables(&mut kernel)?;
        if facts.question.side == Side::Server {
            let port = facts.question.service.map_or(0, |service| service.port());
            network.peers = listeners::peers(port)?;
        }
        Ok::<_, io::Error>(network)
    };
    match read() {
        Ok(mut network) => {
            offload::gather(&mut network.links);
            match listeners::gather() {
                Ok(listeners) => network.listeners = listeners,
                Err(error) => drop(facts.unknown.insert("listeners".to_owned(), error.to_string())),
            }
            facts.network = Some(network);
        }
        Err(error) => {
            fail(facts, &error);
        }
    }
}

/// What the kernel lists.
pub(super) fn lists() -> io::Result<Network> {
    tables(&mut Conversation::open()?)
}

/// Asks for the ways to the addresses in the other facts, so these come first.
pub(super) fn ask_ways(facts: &mut Facts) {
    let Some(mut network) = facts.network.take() else {
        return;
    };
    let asked = Conversation::open().and_then(|mut kernel| {
        neighbours_again(&mut kernel, &mut network)?;
        ways::gather(&mut kernel, facts, &mut network)
    });
    match asked {
        Ok(()) => facts.network = Some(network),
        Err(error) => fail(facts, &error),
    }
}

fn fail(facts: &mut Facts, error: &io::Error) {
    let why = format!("the kernel did not answer over rtnetlink: {error}");
    facts.unknown.insert("network".to_owned(), why);
}

fn tables(kernel: &mut Conversation) -> io::Result<Network> {
    let mut network = Network::default();
    let mut names = Names::new();
    kernel.dump(Message::GetLink(Default::default()), |message| {
        if let Message::NewLink(message) = message {
            let link = translate::link(&message);
            names.insert(link.index, link.name.clone());
            network.links.push(link);
        }
    })?;
    kernel.dump(Message::GetAddress(Default::default()), |message| {
        if let Message::NewAddress(message) = message {
            network.addresses.extend(translate::address(&message, &names));
        }
    })?;
    network.neighbours = neighbours(kernel, &names)?;
    kernel.dump(Message::GetRoute(Default::default()), |message| {
        if let Message::NewRoute(message) = message
            && network.routes.len() < MOST
        {
            translate::routes(&message, &names, &mut network.routes);
        }
    })?;
    kernel.dump(Message::GetRule(Default::default()), |message| {
        if let Message::NewRule(message) = message {
            network.rules.extend(translate::rule(&message));
        }
    })?;
    // Each family's are in order already.
    network.rules.sort_by_key(|rule| (rule.ipv6, rule.priority));
    Ok(network)
}

fn neighbours(kernel: &mut Conversation, names: &Names) -> io::Result<Vec<Neighbour>> {
    let mut neighbours = Vec::new();
    kernel.dump(Message::GetNeighbour(Default::default()), |message| {
        if let Message::NewNeighbour(message) = message
            && neighbours.len() < MOST
        {
            neighbours.extend(translate::neighbour(&message, names));
        }
    })?;
    Ok(neighbours)
}

/// Reads the neighbours once more, when connections have been watched. One that is INCOMPLETE now and was
/// not before has just been asked for, as happens all the time, and says nothing.
fn neighbours_again(kernel: &mut Conversation, network: &mut Network) -> io::Result<()> {
    let names: Names = network.links.iter().map(|it| (it.index, it.name.clone())).collect();
    let mut later = neighbours(kernel, &names)?;
    let before = std::mem::take(&mut network.neighbours);
    let was_bad: BTreeSet<(IpAddr, &str)> = before
        .iter()
        .filter(|it| matches!(&*it.state, "INCOMPLETE" | "FAILED"))
        .map(|it| (it.address, &*it.interface))
        .collect();
    later.retain(|it| it.state != "INCOMPLETE" || was_bad.contains(&(it.address, &*it.interface)));
    network.neighbours = later;
    Ok(())
}
