//! Gathering the facts, once. Nothing is sent, unless it is asked for, and nothing is changed.

mod listeners;
mod network;
mod sysctls;

use std::time::Duration;

use super::facts::{Facts, Question, Side};
use crate::kernel::connect::{Loading, connect};

/// What to gather.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub(crate) question: Question,
    /// How long to watch counters and connections.
    pub(crate) watch: Duration,
    /// Whether to send ARP requests and TCP connections.
    pub(crate) probe: bool,
}

/// Gathers the facts about the network namespace of this thread. What cannot be gathered is missing,
/// and the facts say why.
pub(crate) fn gather(loading: Loading, request: &Request) -> Facts {
    let mut facts = Facts { question: request.question.clone(), ..Facts::default() };
    let client = match request.question.side {
        // A real server needs no IPVS.
        Side::Server => None,
        Side::Director => match connect(loading) {
            Ok(client) => Some(client),
            Err(failure) => {
                facts.unknown.insert("ipvs".to_owned(), failure.to_string());
                None
            }
        },
    };
    let _ = client;
    network::gather(&mut facts);
    sysctls::gather(&mut facts);
    facts
}
