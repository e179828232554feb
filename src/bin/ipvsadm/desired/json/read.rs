//! Turns JSON into the changes that make its table.
//!
//! The text is parsed from the outside in: first the document, with its services left as text,
//! then each service, with its servers left as text, then each server. So one mistake does not
//! hide the others, and each is reported with its line and column.

use std::collections::{HashMap, HashSet};
use std::fmt;

use ipvs::{Change, ServiceKey, Setting};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::convert::{
    Wrong, daemon, destination, destination_key, service_config, service_key, setting_value,
    timeouts, wrong,
};
use super::place::{self, Place, Text};
use crate::output::json::document::{
    Daemon, Destination, Document, Members, Object, Service, Timeouts,
};

/// The changes that make the state a JSON text describes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct JsonChanges {
    /// Each [`Change::AddService`] followed by its [`Change::AddDestination`]s, in order.
    pub(crate) table: Vec<PlacedChange>,
    /// [`Change::SetSetting`], [`Change::SetTimeouts`] and [`Change::StartDaemon`], from the
    /// `settings`, `timeouts` and `daemons` that `-S --all --json` writes.
    pub(crate) settings: Vec<PlacedChange>,
}

/// A change, with the line that describes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PlacedChange {
    /// Counted from 1.
    pub(crate) line: usize,
    pub(crate) change: Change,
}

/// One mistake and its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Problem {
    /// Counted from 1. A mistake in a service or server as a whole is where that begins.
    pub(crate) line: usize,
    /// Counted from 1, in bytes.
    pub(crate) column: usize,
    /// For instance `services[0].destinations[2].weight`; empty for broken JSON.
    pub(crate) path: String,
    pub(crate) text: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}: ", self.line, self.column)?;
        if !self.path.is_empty() {
            write!(f, "{}: ", self.path)?;
        }
        f.write_str(&self.text)
    }
}

/// Every mistake in a JSON text: at least one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ReadError {
    /// In the order of their places.
    pub(crate) problems: Vec<Problem>,
}

impl std::error::Error for ReadError {}

impl fmt::Display for ReadError {
    /// One line per problem.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.problems.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            fmt::Display::fmt(problem, f)?;
        }
        Ok(())
    }
}

/// Reads JSON as written by `-S --json`, by `-L --json` or by hand.
///
/// # Errors
///
/// Every mistake in it; only broken JSON hides what follows it.
pub(crate) fn read(bytes: &[u8]) -> Result<JsonChanges, ReadError> {
    let mut reader =
        Reader { text: Text::new(bytes), problems: Vec::new(), changes: JsonChanges::default() };
    match serde_json::from_slice::<Object<Document<&RawValue>>>(bytes) {
        Ok(Object(document)) => reader.document(&document),
        Err(error) => reader.problems.push(Problem {
            line: error.line().max(1),
            column: error.column().max(1),
            path: String::new(),
            text: place::message(&error),
        }),
    }
    match reader.problems.is_empty() {
        true => Ok(reader.changes),
        false => Err(ReadError { problems: reader.problems }),
    }
}

struct Reader<'a> {
    text: Text<'a>,
    problems: Vec<Problem>,
    changes: JsonChanges,
}

impl<'a> Reader<'a> {
    fn document(&mut self, document: &Document<&'a RawValue>) {
        let mut seen = HashMap::new();
        for (index, service) in document.services.iter().enumerate() {
            self.service(index, service.get(), &mut seen);
        }
        if let Some(text) = &document.settings {
            self.settings(text.get());
        }
        if let Some(text) = &document.timeouts {
            let found = self.parse::<Timeouts>(text.get(), || "timeouts".to_owned());
            if let Some(found) = found {
                self.changes.settings.push(self.placed(text.get(), timeouts(&found)));
            }
        }
        let mut roles = HashMap::new();
        for (index, text) in document.daemons.iter().flatten().enumerate() {
            let path = || format!("daemons[{index}]");
            let Some(found) = self.parse::<Daemon>(text.get(), path) else {
                continue;
            };
            match daemon(&found) {
                Ok((role, config)) => {
                    let start = self.placed(text.get(), Change::StartDaemon(role, config));
                    self.changes.settings.push(start);
                    if let Some(first) = roles.insert(role, index) {
                        let same = format!("the same role as daemons[{first}]");
                        self.wrong(text.get(), path, wrong("role", same));
                    }
                }
                Err(problem) => self.wrong(text.get(), path, problem),
            }
        }
    }

    fn service(&mut self, index: usize, text: &'a str, seen: &mut HashMap<ServiceKey, usize>) {
        let path = || format!("services[{index}]");
        let Some(service) = self.parse::<Service<&RawValue>>(text, path) else {
            return;
        };
        let key = match service_key(&service) {
            Ok(key) => key,
            Err(problem) => return self.wrong(text, path, problem),
        };
        if let Some(first) = seen.get(&key) {
            let same = format!("the same service as services[{first}]: {key}");
            self.wrong(text, path, wrong("", same));
        }
        seen.entry(key).or_insert(index);
        match service_config(&key, &service) {
            Ok(config) => {
                self.changes.table.push(self.placed(text, Change::AddService(key, config)));
            }
            Err(problem) => self.wrong(text, path, problem),
        }
        let servers = service.destinations.unwrap_or_default();
        let mut seen = HashMap::with_capacity(servers.len());
        for (server, text) in servers.iter().enumerate() {
            let text = text.get();
            let path = || format!("services[{index}].destinations[{server}]");
            let Some(found) = self.parse::<Destination>(text, path) else {
                continue;
            };
            match destination(&key, &found) {
                Ok((server, config)) => {
                    let add = Change::AddDestination(key, server, config);
                    self.changes.table.push(self.placed(text, add));
                }
                Err(problem) => self.wrong(text, path, problem),
            }
            let server_key = destination_key(&key, &found);
            if let Some(first) = seen.insert(server_key, server) {
                let same = format!(
                    "the same server as services[{index}].destinations[{first}]: {server_key}"
                );
                self.wrong(text, path, wrong("", same));
            }
        }
    }

    fn settings(&mut self, text: &'a str) {
        let members =
            self.parse::<Members<&RawValue>>(text, || "settings".to_owned()).map(|it| it.0);
        let mut seen = HashSet::new();
        for (name, value) in members.into_iter().flatten() {
            let text = value.get();
            let path = || format!("settings.{name}");
            let Ok(setting) = name.parse::<Setting>() else {
                self.wrong(text, path, wrong("", "not the name of a setting"));
                continue;
            };
            if !seen.insert(setting) {
                self.wrong(text, path, wrong("", "given twice"));
            }
            match setting_value(setting, text) {
                Ok(value) => {
                    let set = self.placed(text, Change::SetSetting(setting, value));
                    self.changes.settings.push(set);
                }
                Err(problem) => self.wrong(text, path, problem),
            }
        }
    }

    fn placed(&self, text: &str, change: Change) -> PlacedChange {
        PlacedChange { line: self.text.place_of(text).line, change }
    }

    /// Parses one part of the text by itself.
    fn parse<T: Deserialize<'a>>(
        &mut self,
        text: &'a str,
        path: impl FnOnce() -> String,
    ) -> Option<T> {
        match serde_json::from_str(text) {
            Ok(Object(value)) => Some(value),
            Err(error) => {
                let Place { line, column } = self.text.place_in(text, &error);
                let text = place::message(&error);
                self.problems.push(Problem { line, column, path: path(), text });
                None
            }
        }
    }

    fn wrong(&mut self, text: &str, path: impl FnOnce() -> String, wrong: Wrong) {
        let Place { line, column } = self.text.place_of(text);
        let mut path = path();
        if !wrong.field.is_empty() {
            path += ".";
            path += wrong.field;
        }
        self.problems.push(Problem { line, column, path, text: wrong.text });
    }
}
