//! Links, addresses, neighbours, routes and rules, as rtnetlink has them, and the ways of packets.

mod conversation;
mod offload;
mod translate;
mod ways;

use std::collections::BTreeMap;
use std::io;

use netlink_packet_route::RouteNetlinkMessage as Message;

use self::conversation::Conversation;
use super::listeners;
use crate::doctor::facts::{Facts, Network, Side};

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
    let asked =
        Conversation::open().and_then(|mut kernel| ways::gather(&mut kernel, facts, &mut network));
    match asked {
        Ok(()) => facts.network = Some(network),
        Err(error) => fail(facts, &error),
    }
}

fn fail(facts: &mut Facts, error: &io::Error) {
    let why = format!("the kernel does not tell by rtnetlink: {error}");
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
    kernel.dump(Message::GetNeighbour(Default::default()), |message| {
        if let Message::NewNeighbour(message) = message
            && network.neighbours.len() < MOST
        {
            network.neighbours.extend(translate::neighbour(&message, &names));
        }
    })?;
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
