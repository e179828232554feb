//! Gathering the facts, once. Nothing is sent, unless it is asked for, and nothing is changed.

mod connections;
pub(super) mod firewall;
mod host;
mod ipvs;
mod listeners;
mod network;
mod probe;
mod sysctls;
mod watch;

use std::time::Duration;

use ::ipvs::Client;

use self::watch::Watch;
use super::facts::{Facts, Network, Question, Side};
use crate::kernel::connect::{Loading, connect};
use crate::process::failure::Failure;

/// What to gather.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub(crate) question: Question,
    /// How long to watch counters and connections.
    pub(crate) watch: Duration,
    /// Whether to send ARP requests and TCP connections.
    pub(crate) probe: bool,
}

/// The lists of the network alone: no ways, and nothing that another program tells.
pub(crate) fn tables() -> std::io::Result<Network> {
    network::lists()
}

/// What is known of the host alone.
pub(crate) fn host() -> Facts {
    let mut facts = Facts::default();
    host::gather(&mut facts);
    facts
}

/// Gathers the facts about the network namespace of this thread. What cannot be gathered is missing,
/// and the facts say why.
pub(crate) fn gather(loading: Loading, request: &Request) -> Facts {
    let mut facts = Facts { question: request.question.clone(), ..Facts::default() };
    let watched = match request.question.side {
        Side::Director => begin_to_watch(loading, &mut facts),
        // A real server needs no IPVS.
        Side::Server => None,
    };
    // While IPVS is watched:
    host::gather(&mut facts);
    firewall::gather(&mut facts);
    network::gather(&mut facts);
    sysctls::gather(&mut facts);
    if let Some((client, watch)) = watched {
        end_to_watch(client, watch, request.watch, &mut facts);
    }
    network::ask_ways(&mut facts);
    if request.probe {
        probe::gather(&mut facts);
    }
    facts
}

/// Reads what IPVS says for the first time.
fn begin_to_watch(loading: Loading, facts: &mut Facts) -> Option<(Client, Watch)> {
    let begun = connect(loading).and_then(|mut client| {
        let watch = Watch::begin(&mut client, facts)?;
        Ok((client, watch))
    });
    let why = |failure: Failure| {
        // The second line asks for the module, which is another check's business.
        failure.to_string().lines().next().unwrap_or_default().to_owned()
    };
    begun.map_err(|failure| facts.unknown.insert("ipvs".to_owned(), why(failure))).ok()
}

/// Reads it for the second time.
fn end_to_watch(mut client: Client, watch: Watch, length: Duration, facts: &mut Facts) {
    if let Err(error) = watch.end(&mut client, length, facts) {
        facts.unknown.insert("ipvs".to_owned(), error.to_string());
    }
}
