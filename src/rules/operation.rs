//! Commands that operate a balancer: what they are about, and how far they go.

use super::command::Execution;
use super::connection::EndpointFilter;
use super::value_error::ValueError;
use crate::{DestinationKey, ServiceKey};

/// The real server of `--drain` and `--undrain`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// In one service.
    In(ServiceKey, DestinationKey),
    /// In every service that has it.
    Everywhere(EndpointFilter),
}

/// `--until`: the connections that must have ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Until {
    /// Those in an active state.
    Active,
    /// All of them.
    All,
}

impl Until {
    pub(super) fn parse(text: &[u8]) -> Result<Self, ValueError> {
        match text {
            b"active" => Ok(Until::Active),
            b"all" => Ok(Until::All),
            _ => Err(ValueError::NotAnUntil),
        }
    }
}

/// `--then`: what becomes of a server whose connections have ended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Then {
    /// It stays, with the weight 0.
    #[default]
    Keep,
    /// It is removed.
    Remove,
    /// It stays, and whatever is left of its connections is ended.
    Kick,
}

impl Then {
    pub(super) fn parse(text: &[u8]) -> Result<Self, ValueError> {
        match text {
            b"keep" => Ok(Then::Keep),
            b"remove" => Ok(Then::Remove),
            b"kick" => Ok(Then::Kick),
            _ => Err(ValueError::NotAThen),
        }
    }
}

/// The options of `--drain`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DrainOptions {
    /// The server.
    pub target: Target,
    /// `--until`. `None`: what suits the protocol.
    pub until: Option<Until>,
    /// `--timeout`: the most seconds to wait. `None`: no limit.
    pub timeout_seconds: Option<u32>,
    /// `--then`.
    pub then: Then,
    /// `--force`: even where clients would suffer.
    pub force: bool,
    /// `--json`.
    pub json: bool,
    /// The way to carry it out.
    pub execution: Execution,
}

impl DrainOptions {
    /// The options of a `--drain` that says no more than which server.
    pub fn of(target: Target) -> Self {
        DrainOptions {
            target,
            until: None,
            timeout_seconds: None,
            then: Then::default(),
            force: false,
            json: false,
            execution: Execution::default(),
        }
    }
}

/// The options of `--undrain`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UndrainOptions {
    /// The server.
    pub target: Target,
    /// `--force`: even if its weight is not 0 any more.
    pub force: bool,
    /// `--json`.
    pub json: bool,
    /// The way to carry it out.
    pub execution: Execution,
}

/// The options of `--kick`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KickOptions {
    /// The service.
    pub service: ServiceKey,
    /// Its server.
    pub server: DestinationKey,
    /// `--then remove`: leave the server removed.
    pub remove: bool,
    /// `--timeout`: the most seconds to try. `None`: the usual.
    pub timeout_seconds: Option<u32>,
    /// `--force`: even on a kernel that may not end connections.
    pub force: bool,
    /// `--json`.
    pub json: bool,
    /// The way to carry it out.
    pub execution: Execution,
}
