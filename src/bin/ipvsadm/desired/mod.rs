//! A file that says what the whole table is to be, read and checked before anything is touched.

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io::Read;
use std::path::Path;

use ipvs::rules::{Command, Line, Lines};
use ipvs::{
    Change, DestinationKey, Refusal, RefusalKind, RefusedChange, ServiceKey, Table, TableError,
};

mod json;

use crate::process::failure::{Failure, refusal_text};

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
    /// What the kernel would refuse, as it contradicts what stands before it; and what the kernel
    /// did refuse.
    pub(crate) refused: Vec<(Place, String)>,
    /// Whether it is JSON, of which a line may say much.
    is_json: bool,
    /// Where each service and server is described.
    places: Vec<(Place, Change)>,
    /// What the kernel did refuse.
    refusals: BTreeMap<Place, Refusal>,
}

/// Where in a file something stands. Of a line of JSON there may be several.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    line: u64,
    /// For a mistake in JSON, counted from 1; otherwise 0.
    column: usize,
    /// Which of all that the file says it is.
    index: usize,
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.column {
            0 => write!(f, "line {}", self.line),
            column => write!(f, "line {}, column {column}", self.line),
        }
    }
}

/// Whether what comes after a line of help or version counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ends {
    /// It does: all of the file is read.
    AtItsEnd,
    /// It does not, as `-R` ends there.
    AtHelp,
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
    pub(crate) fn read(bytes: &[u8], ends: Ends) -> Result<Wanted, Failure> {
        // No rule begins so.
        match bytes.trim_ascii_start().first() {
            Some(b'{') => Ok(Wanted::from_json(bytes)),
            _ => Wanted::from_rules(bytes, ends),
        }
    }

    /// Reads JSON.
    fn from_json(bytes: &[u8]) -> Wanted {
        let mut wanted = Wanted { is_json: true, ..Wanted::default() };
        match json::read(bytes) {
            Ok(read) => {
                for (index, asked) in read.table.iter().chain(&read.others).enumerate() {
                    wanted
                        .change(Place { line: asked.line as u64, column: 0, index }, asked.change);
                }
            }
            Err(error) => {
                wanted.wrong.extend(error.problems.iter().enumerate().map(|(index, problem)| {
                    let (line, column) = (problem.line as u64, problem.column);
                    let what = match problem.path.as_str() {
                        "" => problem.text.clone(),
                        path => format!("{path}: {}", problem.text),
                    };
                    (Place { line, column, index }, what)
                }));
            }
        }
        wanted
    }

    /// Reads rules.
    fn from_rules(bytes: &[u8], ends: Ends) -> Result<Wanted, Failure> {
        let mut wanted = Wanted::default();
        for line in Lines::new(bytes, Resolver::default()) {
            let line = line.map_err(|error| Failure::Other(error.into()))?;
            let place = Place { line: line.number, column: 0, index: 0 };
            match line.command {
                Ok(Command::Change(change)) => wanted.change(place, change),
                Ok(command) => {
                    let last = matches!(command, Command::Help | Command::Version);
                    wanted.others.push((place, command));
                    if last && ends == Ends::AtHelp {
                        break;
                    }
                }
                Err(error) => wanted.wrong.push((place, error.to_string())),
            }
        }
        Ok(wanted)
    }

    fn change(&mut self, place: Place, change: Change) {
        let outcome = match self.refusals.get(&place) {
            Some(refusal) => Err(TableError::Refused(refusal.clone())),
            None => self.table.apply(&change),
        };
        match outcome {
            Ok(()) => {}
            Err(TableError::NotInTable(_)) => {
                return self.others.push((place, Command::Change(change)));
            }
            Err(TableError::Refused(refusal)) => {
                self.refused.push((place, refusal_text(&refusal)));
            }
            Err(error) => self.refused.push((place, error.to_string())),
        }
        self.places.push((place, change));
    }

    /// Takes note of what the kernel refused. The table becomes what the rules describe without
    /// the lines that asked for it: so it would be, had each been carried out by itself, and the
    /// others do not fall with them.
    ///
    /// How many lines that were. A refusal that says no more than that another program has changed
    /// the table meanwhile is none of a line.
    pub(crate) fn refuse(&mut self, refused: &[RefusedChange]) -> usize {
        let known = self.refusals.len();
        let lines = self.lines();
        let refusals: Vec<_> = refused
            .iter()
            .filter(|refused| !is_out_of_date(refused.refusal.kind()))
            .filter_map(|refused| {
                let place = *lines.get(&subject(&refused.change)?)?;
                Some((place, refused.refusal.clone()))
            })
            .collect();
        self.refusals.extend(refusals);
        if self.refusals.len() > known {
            self.table = Table::new();
            self.refused.clear();
            for (place, change) in std::mem::take(&mut self.places) {
                self.change(place, change);
            }
        }
        self.refusals.len() - known
    }

    /// What the kernel refused, with the lines that asked for it or, where none did, the change.
    pub(crate) fn explain(&self, refused: &[RefusedChange]) -> Vec<String> {
        let lines = self.lines();
        let explain = |refused: &RefusedChange| {
            let place = subject(&refused.change).and_then(|subject| lines.get(&subject));
            let refusal = refusal_text(&refused.refusal);
            match (place, Line::new(&refused.change)) {
                (Some(place), Ok(line)) if self.is_json => format!("{place}: {line}: {refusal}"),
                (Some(place), _) => format!("{place}: {refusal}"),
                (None, Ok(line)) => format!("{line}: {refusal}"),
                (None, Err(_)) => format!("{refused}"),
            }
        };
        refused.iter().map(explain).collect()
    }

    /// Where each service and server got what it has.
    fn lines(&self) -> HashMap<Subject, Place> {
        let refused: Vec<Place> = self.refused.iter().map(|(place, _)| *place).collect();
        let held = self.places.iter().filter(|(place, _)| refused.binary_search(place).is_err());
        // Of several the last remains.
        held.filter_map(|(place, change)| Some((subject(change)?, *place))).collect()
    }
}

/// Whether the kernel refuses for what the table holds, which was not so when the plan was made or
/// follows from another refusal.
pub(crate) fn is_out_of_date(kind: RefusalKind) -> bool {
    matches!(
        kind,
        RefusalKind::ServiceExists
            | RefusalKind::NoSuchService
            | RefusalKind::ServiceNotDefined
            | RefusalKind::DestinationExists
            | RefusalKind::NoSuchDestination
    )
}

/// The service and server that a change is about.
type Subject = (ServiceKey, Option<DestinationKey>);

fn subject(change: &Change) -> Option<Subject> {
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
