//! The outcome of a command that operates a balancer, as JSON shows it.

use std::time::Duration;

use ipvs::{DestinationKey, ServiceKey};

/// The outcome of a command.
#[derive(Debug)]
pub(crate) struct Operation {
    pub(crate) outcome: Outcome,
    pub(crate) took: Duration,
    pub(crate) servers: Vec<Server>,
}

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// All is done.
    Done,
    /// The time of `--timeout` ran out.
    Timeout,
    /// A signal arrived.
    Interrupted,
    /// Something failed, or others came in between.
    Failed,
}

impl Outcome {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Outcome::Done => "done",
            Outcome::Timeout => "timeout",
            Outcome::Interrupted => "interrupted",
            Outcome::Failed => "failed",
        }
    }
}

/// A real server of a service, as the command leaves it.
#[derive(Debug, Clone)]
pub(crate) struct Server {
    pub(crate) service: ServiceKey,
    pub(crate) key: DestinationKey,
    pub(crate) state: ServerState,
    /// Its weight before it was drained. `None` if that is not known.
    pub(crate) weight_before: Option<u32>,
    /// Its weight now. `None` if it is not there.
    pub(crate) weight: Option<u32>,
    pub(crate) active: u32,
    pub(crate) inactive: u32,
}

/// What has become of a real server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ServerState {
    /// It gets no new connections, and has some left.
    Draining,
    /// It gets no new connections, and has none left that count.
    Drained,
    /// Its connections were ended.
    Kicked,
    /// Some connections could not be ended.
    Left,
    /// It was removed.
    Removed,
    /// Others removed it.
    Gone,
    /// Others gave it a weight, or added it.
    Overridden,
    /// It has the weight that it had before.
    Restored,
}

impl ServerState {
    pub(crate) fn name(self) -> &'static str {
        match self {
            ServerState::Draining => "draining",
            ServerState::Drained => "drained",
            ServerState::Kicked => "kicked",
            ServerState::Left => "left",
            ServerState::Removed => "removed",
            ServerState::Gone => "gone",
            ServerState::Overridden => "overridden",
            ServerState::Restored => "restored",
        }
    }
}
