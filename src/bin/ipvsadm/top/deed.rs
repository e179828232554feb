//! Changes that keys make, each shown as the command that it is, and asked about once.

use ipvs::{DestinationKey, ServiceKey};

/// A change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Deed {
    /// As `--drain` does it, without waiting.
    Drain(ServiceKey, DestinationKey),
    /// As `--undrain` does it, or a weight for a server that nobody has drained.
    Enable(ServiceKey, DestinationKey),
    Weight(ServiceKey, DestinationKey, u32),
    Zero(ServiceKey),
}

/// A change to be asked about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Proposal {
    pub(crate) deed: Deed,
    /// The command line that does the same.
    pub(crate) command: String,
    /// What speaks against it.
    pub(crate) warnings: Vec<String>,
}

/// Whoever makes changes. Failures come in words.
pub(crate) trait Operator {
    /// What a change would be.
    fn propose(&mut self, deed: Deed) -> Result<Proposal, String>;

    /// Makes it. Returns what has been done.
    fn carry_out(&mut self, deed: Deed) -> Result<String, String>;
}
