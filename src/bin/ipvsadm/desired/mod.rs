//! A file that says what the state is to be, read and checked before anything is touched.

mod json;
mod kind;
mod position;
mod source;

use std::collections::{BTreeMap, HashMap};

use ipvs::rules::Line;
use ipvs::rules::grammar::{CommandLines, RuleCommand};
use ipvs::{
    Change, Client, DaemonRole, DestinationKey, Error, Refusal, RefusalKind, RefusedChange,
    Rehearsal, ServiceKey, Setting, State,
};

use crate::desired::kind::Kind;
pub(crate) use crate::desired::position::Position;
pub(crate) use crate::desired::source::read_all;
use crate::names::Resolver;
use crate::process::failure::{Failure, change_refusal_text, no_such_setting};

/// What a file asks for.
#[derive(Debug, Default)]
pub(crate) struct Desired {
    rehearsal: Rehearsal,
    /// Commands that are no part of a state, with their lines: listings, zeroing, help.
    pub(crate) others: Vec<(Position, RuleCommand)>,
    /// Lines that make no sense.
    pub(crate) mistakes: Vec<(Position, String)>,
    /// Lines the kernel would refuse, as they contradict what stands before them, and lines it
    /// did refuse.
    pub(crate) refused: Vec<(Position, String)>,
    /// True for JSON, of which one line may say much.
    is_json: bool,
    /// Where each part of the state is described.
    described: Vec<(Position, Change)>,
    /// The refusals of the kernel.
    refusals: BTreeMap<Position, Refusal>,
}

/// What ends a file of rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// Its end.
    OfFile,
    /// A line of `-h` or `-v` too, as for `-R`.
    AtHelp,
}

impl Desired {
    /// Reads a file.
    ///
    /// # Errors
    ///
    /// [`Failure::NotRules`] for a file of another kind. Mistakes in rules and JSON are gathered.
    pub(crate) fn read(bytes: &[u8], end: End) -> Result<Desired, Failure> {
        match Kind::of(bytes) {
            Kind::Json => Ok(Desired::from_json(bytes)),
            Kind::Rules => Desired::from_rules(bytes, end),
            Kind::Other(other) => Err(Failure::NotRules(other)),
        }
    }

    fn from_json(bytes: &[u8]) -> Desired {
        let mut desired = Desired { is_json: true, ..Desired::default() };
        match json::read(bytes) {
            Ok(read) => {
                for (index, asked) in read.table.iter().chain(&read.others).enumerate() {
                    let position = Position { line: asked.line as u64, column: 0, index };
                    desired.make(position, asked.change);
                }
            }
            Err(error) => {
                let mistakes = error.problems.iter().enumerate().map(|(index, problem)| {
                    let (line, column) = (problem.line as u64, problem.column);
                    let text = match problem.path.as_str() {
                        "" => problem.text.clone(),
                        path => format!("{path}: {}", problem.text),
                    };
                    (Position { line, column, index }, text)
                });
                desired.mistakes.extend(mistakes);
            }
        }
        desired
    }

    fn from_rules(bytes: &[u8], end: End) -> Result<Desired, Failure> {
        let mut desired = Desired::default();
        for line in CommandLines::new(bytes, Resolver::default()) {
            let line = line.map_err(|error| Failure::Other(error.into()))?;
            let position = Position::line(line.number);
            match line.command {
                Ok(RuleCommand::Change(change)) => desired.make(position, change),
                Ok(command) => {
                    let is_help = matches!(command, RuleCommand::Help | RuleCommand::Version);
                    desired.others.push((position, command));
                    if is_help && end == End::AtHelp {
                        break;
                    }
                }
                Err(error) => desired.mistakes.push((position, error.to_string())),
            }
        }
        Ok(desired)
    }

    /// The state the file describes, without the lines that are refused.
    pub(crate) fn state(&self) -> &State {
        self.rehearsal.state()
    }

    /// True if the file says nothing at all. JSON always says something: `services` must be there.
    pub(crate) fn says_nothing(&self) -> bool {
        !self.is_json
            && self.described.is_empty()
            && self.others.is_empty()
            && self.mistakes.is_empty()
    }

    fn make(&mut self, position: Position, change: Change) {
        if let Change::ZeroAll | Change::ZeroService(_) = change {
            return self.others.push((position, RuleCommand::Change(change)));
        }
        let outcome = match self.refusals.get(&position) {
            Some(refusal) => Err(Error::Refused(refusal.clone())),
            None => self.rehearsal.change(&change),
        };
        match outcome {
            Ok(_) => {}
            Err(Error::Refused(refusal)) => {
                self.refused.push((position, change_refusal_text(&change, &refusal)));
            }
            Err(error) => self.refused.push((position, error.to_string())),
        }
        self.described.push((position, change));
    }

    /// Finds the settings that the kernel does not have: lines that make no sense here.
    pub(crate) fn check_settings(&mut self, client: &mut Client) -> Result<(), Failure> {
        for (position, change) in &self.described {
            if let Change::SetSetting(setting, _) = change
                && !self.loads(*setting)
                && client.setting(*setting)?.is_none()
            {
                self.mistakes.push((*position, no_such_setting(*setting)));
            }
        }
        Ok(())
    }

    /// True for a setting of a scheduler that one of the services makes the kernel load.
    fn loads(&self, setting: Setting) -> bool {
        setting.scheduler().is_some_and(|scheduler| {
            let mut services = self.state().table.services();
            services.any(|(_, entry)| entry.config().scheduler.as_str() == scheduler)
        })
    }

    /// Takes out the lines that asked for what the kernel refused, so that the state becomes what
    /// the other lines describe: as if each had been carried out by itself. Returns the number of
    /// these lines.
    ///
    /// A refusal that only says that another program has changed the table meanwhile is not one of
    /// a line.
    pub(crate) fn take_out(&mut self, refused: &[RefusedChange]) -> usize {
        let known = self.refusals.len();
        let lines = self.lines();
        let refusals: Vec<_> = refused
            .iter()
            .filter(|refused| !is_out_of_date(refused.refusal.kind()))
            .filter_map(|refused| {
                let position = *lines.get(&Subject::of(&refused.change)?)?;
                Some((position, refused.refusal.clone()))
            })
            .collect();
        self.refusals.extend(refusals);
        if self.refusals.len() > known {
            self.rehearsal = Rehearsal::default();
            self.refused.clear();
            for (position, change) in std::mem::take(&mut self.described) {
                self.make(position, change);
            }
        }
        self.refusals.len() - known
    }

    /// A message for each refusal: with the line that asked for the change or, where none did, the
    /// change as a rule.
    pub(crate) fn explain(&self, refused: &[RefusedChange]) -> Vec<String> {
        let lines = self.lines();
        let explain = |refused: &RefusedChange| {
            let line = Subject::of(&refused.change).and_then(|subject| lines.get(&subject));
            let refusal = change_refusal_text(&refused.change, &refused.refusal);
            match (line, Line::new(&refused.change)) {
                (Some(line), Ok(rule)) if self.is_json => format!("{line}: {rule}: {refusal}"),
                (Some(line), _) => format!("{line}: {refusal}"),
                (None, Ok(rule)) => format!("{rule}: {refusal}"),
                (None, Err(_)) => format!("{refused}"),
            }
        };
        refused.iter().map(explain).collect()
    }

    /// The line that each part of the state comes from: of several, the last.
    fn lines(&self) -> HashMap<Subject, Position> {
        let refused: Vec<Position> = self.refused.iter().map(|(position, _)| *position).collect();
        let held =
            self.described.iter().filter(|(position, _)| refused.binary_search(position).is_err());
        held.filter_map(|(position, change)| Some((Subject::of(change)?, *position))).collect()
    }
}

/// True if the kernel refuses because of what its table holds: that was not so when the plan was
/// made, or follows from another refusal.
pub(crate) fn is_out_of_date(kind: RefusalKind) -> bool {
    matches!(
        kind,
        RefusalKind::ServiceExists
            | RefusalKind::NoSuchService
            | RefusalKind::ServiceNotDefined
            | RefusalKind::DestinationExists
            | RefusalKind::NoSuchDestination
            | RefusalKind::DaemonRunning
            | RefusalKind::DaemonNotRunning
    )
}

/// The part of the state that a change is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Subject {
    Service(ServiceKey),
    Destination(ServiceKey, DestinationKey),
    Setting(Setting),
    Timeouts,
    Daemon(DaemonRole),
}

impl Subject {
    /// `None` for a change of the whole table.
    fn of(change: &Change) -> Option<Subject> {
        match change {
            Change::AddService(key, _)
            | Change::EditService(key, _)
            | Change::DeleteService(key)
            | Change::ZeroService(key) => Some(Subject::Service(*key)),
            Change::AddDestination(service, key, _)
            | Change::EditDestination(service, key, _)
            | Change::DeleteDestination(service, key) => Some(Subject::Destination(*service, *key)),
            Change::SetSetting(setting, _) => Some(Subject::Setting(*setting)),
            Change::SetTimeouts(_) => Some(Subject::Timeouts),
            Change::StartDaemon(role, _) | Change::StopDaemon(role) => Some(Subject::Daemon(*role)),
            Change::Flush | Change::ZeroAll => None,
        }
    }
}
