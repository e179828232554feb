//! Which way packets go: the kernel is asked, since nobody else knows what it makes of its rules and
//! routes.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::net::IpAddr;

use ipvs::ServiceKey;
use netlink_packet_route::route::{RouteAttribute, RouteMessage};
use netlink_packet_route::{AddressFamily, RouteNetlinkMessage as Message};

use super::conversation::Conversation;
use super::{Names, translate};
use crate::doctor::facts::{Facts, Network};

/// The most marks that virtual addresses are asked with.
const MOST_MARKS: usize = 16;

/// What is asked: the address, the mark of the packet, and the interface that it must leave by.
type Question = (IpAddr, Option<u32>, Option<u32>);

/// Asks about every address in the facts, once.
pub(super) fn gather(
    kernel: &mut Conversation,
    facts: &Facts,
    network: &mut Network,
) -> io::Result<()> {
    let names: Names = network.links.iter().map(|it| (it.index, it.name.clone())).collect();
    let questions: Vec<Question> = questions(facts, network);
    let messages = questions.iter().map(message);
    let mut ways = Vec::with_capacity(questions.len());
    kernel.ask(messages, |number, answer| {
        let (to, mark, _) = questions[number];
        ways.push(match answer {
            Ok(Message::NewRoute(message)) => translate::way(to, mark, &message, &names),
            _ => translate::no_way(to, mark),
        });
    })?;
    ways.sort_unstable_by_key(|way| (way.to, way.mark));
    network.ways = ways;
    Ok(())
}

fn questions(facts: &Facts, network: &Network) -> Vec<Question> {
    let (mut virtual_addresses, mut others) = (BTreeSet::new(), BTreeSet::new());
    let mut groups = BTreeMap::new();
    let mut service = |key: &ServiceKey| {
        if let ServiceKey::Address { address, .. } = key {
            virtual_addresses.insert(*address);
        }
    };
    for it in facts.ipvs.iter().flat_map(|ipvs| &ipvs.services) {
        service(&it.key);
        others.extend(it.servers.iter().map(|server| server.key.address));
    }
    facts.question.service.iter().for_each(service);
    others.extend(facts.question.director);
    if let Some(connections) = &facts.connections {
        others.extend(&connections.clients);
        others.extend(connections.groups.iter().flat_map(|group| &group.stuck_clients));
    }
    others.extend(network.peers.iter().map(|peer| peer.address));
    for daemon in facts.ipvs.iter().flat_map(|ipvs| &ipvs.daemons) {
        // A daemon sends by its interface, whatever the routes say of others.
        let index = network.link(&daemon.interface).map(|link| link.index);
        groups.extend(daemon.group.map(|group| (group, index)));
    }
    let mut asked = BTreeMap::new();
    let marks = |address: &IpAddr| marks(network, address.is_ipv6());
    for address in &virtual_addresses {
        asked.insert((*address, None), None);
        asked.extend(marks(address).into_iter().map(|mark| ((*address, Some(mark)), None)));
    }
    asked.extend(others.into_iter().map(|address| ((address, None), None)));
    asked.extend(groups.into_iter().map(|(address, index)| ((address, None), index)));
    asked.into_iter().map(|((to, mark), interface)| (to, mark, interface)).collect()
}

/// The marks that the policy knows.
fn marks(network: &Network, ipv6: bool) -> BTreeSet<u32> {
    let rules = network.rules.iter().filter(|rule| rule.ipv6 == ipv6);
    rules.filter_map(|rule| rule.mark).filter(|mark| *mark != 0).take(MOST_MARKS).collect()
}

fn message((to, mark, interface): &Question) -> Message {
    let mut message = RouteMessage::default();
    let (family, length) = match to {
        IpAddr::V4(_) => (AddressFamily::Inet, 32),
        IpAddr::V6(_) => (AddressFamily::Inet6, 128),
    };
    message.header.address_family = family;
    message.header.destination_prefix_length = length;
    message.attributes.push(RouteAttribute::Destination((*to).into()));
    message.attributes.extend(mark.map(RouteAttribute::Mark));
    message.attributes.extend(interface.map(RouteAttribute::Oif));
    Message::GetRoute(message)
}
