//! The outcome of `--ramp`.

use std::fmt;

use ipvs::{DestinationKey, ServiceKey};

/// How far a ramp came.
#[derive(Debug)]
pub(crate) struct Ramp {
    pub(crate) service: ServiceKey,
    pub(crate) server: DestinationKey,
    /// The weight before. `None`: the server was added.
    pub(crate) was: Option<u32>,
    /// The weight now, and the one after the last step.
    pub(crate) weight: u32,
    pub(crate) wanted: u32,
    /// The number of steps, and of those that were taken.
    pub(crate) steps: u32,
    pub(crate) done: u32,
    pub(crate) outcome: Outcome,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    Done,
    NothingToDo,
    Interrupted,
    /// By somebody else, or the kernel.
    Stopped,
}

impl fmt::Display for Ramp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Ramp { server, weight, .. } = self;
        match (self.outcome, self.was) {
            (Outcome::NothingToDo, _) => write!(f, "{server} has weight {weight}: nothing to do"),
            (_, Some(was)) => write!(f, "{server} has weight {weight} (was {was})"),
            (_, None) => write!(f, "{server} has weight {weight} (new)"),
        }
    }
}
