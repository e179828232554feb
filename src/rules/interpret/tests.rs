//! Statuses are those that ipvsadm 1.31 ends with.

mod doctor;
mod kernel_settings;
mod listing;
mod messages;
mod monitor;
mod operation;
mod ramp;
mod server;
mod service;
mod settings;
mod top;
mod whole_line;

use std::num::{NonZeroU16, NonZeroU32};

use super::*;
use crate::rules::command::{
    ApplyOptions, ConnectionListing, DiffOptions, Execution, Listing, View,
};
use crate::rules::connection::{ConnectionState, CountBy, EndpointFilter, Search};
use crate::rules::error::Mistake;
use crate::rules::format::Format;
use crate::rules::options::{OPTIONS, ValueKind};
use crate::rules::resolve::NumericOnly;
use crate::rules::scanner::Scanner;
use crate::{
    AddressFamily, Change, ConfigError, DaemonConfig, DaemonRole, DestinationConfig,
    DestinationKey, Forwarding, Persistence, ServiceConfig, ServiceKey, Timeouts, Tunnel,
    TunnelChecksum,
};

fn read(words: &[&str]) -> Result<Command, UsageError> {
    interpret(Scanner::new(words.iter().map(|word| word.as_bytes())), &mut NumericOnly)
        .map(|invocation| invocation.command)
}

/// Reads a line split at single blanks, so that words may be empty.
fn line(line: &str) -> Result<Command, UsageError> {
    read(&line.split(' ').collect::<Vec<_>>())
}

fn change(text: &str) -> Change {
    match line(text) {
        Ok(Command::Change(change, _)) => change,
        other => panic!("{text}: {other:?}"),
    }
}

/// The status that ipvsadm 1.31 ends with.
fn exit_status(error: &UsageError) -> u8 {
    match error.mistake() {
        Mistake::Syntax | Mistake::Refusal => 255,
        Mistake::Meaning => 2,
    }
}

fn status(text: &str) -> u8 {
    line(text).map_or_else(|error| exit_status(&error), |_| 0)
}

fn invocation(text: &str) -> Result<Invocation, UsageError> {
    interpret(Scanner::new(text.split(' ').map(str::as_bytes)), &mut NumericOnly)
}
