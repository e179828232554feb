//! A file that says what the whole table is to be, read and checked before anything is touched.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use ipvs::rules::{Command, Line, Lines};
use ipvs::{Change, RefusedChange, Table, TableError};

use crate::failure::{Failure, refusal_text};
use crate::names::Resolver;

/// What a file asks for.
#[derive(Debug, Default)]
pub(crate) struct Wanted {
    /// The table that its rules describe, from an empty one.
    pub(crate) table: Table,
    /// What else it says, with the lines: timeouts, daemons, listings.
    pub(crate) others: Vec<(Place, Command)>,
    /// What makes no sense.
    pub(crate) wrong: Vec<(Place, String)>,
    /// What the kernel would refuse, as it contradicts what stands before it.
    pub(crate) refused: Vec<(Place, TableError)>,
    /// Where each service and server is described.
    places: Vec<(Place, Change)>,
}

/// Where in a file something stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Place(pub(crate) u64);

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "line {}", self.0)
    }
}

/// Reads all of a file; standard input where there is none or it is `-`.
pub(crate) fn read_all(file: Option<&Path>) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    let (result, name) = match file.filter(|file| *file != Path::new("-")) {
        Some(path) => (
            File::open(path).and_then(|mut file| file.read_to_end(&mut bytes)),
            path.display().to_string(),
        ),
        None => (std::io::stdin().lock().read_to_end(&mut bytes), "standard input".to_owned()),
    };
    result.map_err(|error| Failure::Other(anyhow::Error::new(error).context(name)))?;
    Ok(bytes)
}

impl Wanted {
    /// Reads what a file says.
    pub(crate) fn read(bytes: &[u8]) -> Result<Wanted, Failure> {
        Wanted::from_rules(bytes)
    }

    /// Reads rules.
    fn from_rules(bytes: &[u8]) -> Result<Wanted, Failure> {
        let mut wanted = Wanted::default();
        for line in Lines::new(bytes, Resolver::default()) {
            let line = line.map_err(|error| Failure::Other(error.into()))?;
            let place = Place(line.number);
            match line.command {
                Ok(Command::Change(change)) => wanted.change(place, change),
                Ok(other) => wanted.others.push((place, other)),
                Err(error) => wanted.wrong.push((place, error.to_string())),
            }
        }
        Ok(wanted)
    }

    fn change(&mut self, place: Place, change: Change) {
        match self.table.apply(&change) {
            Ok(()) => self.places.push((place, change)),
            Err(TableError::NotInTable(_)) => self.others.push((place, Command::Change(change))),
            Err(error) => self.refused.push((place, error)),
        }
    }

    /// What the kernel refused, with the line that asked for it or, where none did, the change.
    pub(crate) fn explain(&self, refused: &RefusedChange) -> String {
        let about = subject(&refused.change);
        let place = self.places.iter().rev().find(|(_, change)| subject(change) == about);
        let refusal = refusal_text(&refused.refusal);
        match (place, Line::new(&refused.change)) {
            (Some((place, _)), _) => format!("{place}: {refusal}"),
            (None, Ok(line)) => format!("{line}: {refusal}"),
            (None, Err(_)) => format!("{refused}"),
        }
    }
}

/// The service and server that a change is about.
fn subject(change: &Change) -> Option<(ipvs::ServiceKey, Option<ipvs::DestinationKey>)> {
    match change {
        Change::AddService(key, _) | Change::EditService(key, _) | Change::DeleteService(key) => {
            Some((*key, None))
        }
        Change::AddDestination(service, key, _)
        | Change::EditDestination(service, key, _)
        | Change::DeleteDestination(service, key) => Some((*service, Some(*key))),
        _ => None,
    }
}
