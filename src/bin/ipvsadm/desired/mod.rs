//! A file that describes the desired state, read and checked before anything is changed.

mod health;
mod json;
mod keepalived;
mod kind;
mod ldirectord;
mod position;
mod source;

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use ipvs::rules::Line;
use ipvs::rules::grammar::{CommandLines, OptionId, RuleCommand};
use ipvs::{
    Change, Client, DaemonRole, DestinationKey, Error, Refusal, RefusalKind, RefusedChange,
    Rehearsal, ServiceKey, Setting, State,
};

pub(crate) use crate::desired::health::Checked;
use crate::desired::health::HealthChecks;
use crate::desired::kind::Kind;
pub(crate) use crate::desired::position::Position;
pub(crate) use crate::desired::source::read_all;
use crate::names::Resolver;
use crate::process::failure::{Failure, change_refusal_text, no_such_setting};

/// The state a file describes, and everything wrong with the file.
#[derive(Debug, Default)]
pub(crate) struct Desired {
    rehearsal: Rehearsal,
    /// Commands that describe no state: listings, zeroing, help.
    pub(crate) others: Vec<(Position, RuleCommand)>,
    /// Lines that cannot be parsed.
    pub(crate) mistakes: Vec<(Position, String)>,
    /// Lines the kernel would refuse because they contradict earlier lines, and lines it did
    /// refuse.
    pub(crate) refused: Vec<(Position, String)>,
    /// In JSON, one line may describe many things.
    is_json: bool,
    /// Every change the file describes.
    changes: Vec<(Position, Change)>,
    /// The kernel's refusals so far.
    refusals: BTreeMap<Position, Refusal>,
    /// What health checks may change.
    checks: HealthChecks,
}

/// Where reading a file of rules stops.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// At its end.
    OfFile,
    /// Also after a line with `-h` or `-v`, as `-R` does.
    AtHelp,
}

/// What the file of a health checker sets up, and everything wrong with it.
#[derive(Debug, Default)]
struct Found {
    changes: Vec<(Position, Change)>,
    mistakes: Vec<(Position, String)>,
    checks: HealthChecks,
}

impl Desired {
    /// Reads a file. Mistakes in rules and JSON are gathered in the result.
    ///
    /// # Errors
    ///
    /// [`Failure::NotRules`] for a file that is neither.
    pub(crate) fn read(bytes: &[u8], end: End) -> Result<Desired, Failure> {
        match Kind::of(bytes) {
            Kind::Json => Ok(Desired::from_json(bytes)),
            Kind::Rules => Desired::from_rules(bytes, end),
            Kind::Keepalived => Err(Failure::NotRules(
                "the file of keepalived; ipvsadm --diff FILE shows what differs from it",
            )),
            Kind::Ldirectord => Err(Failure::NotRules(
                "the file of ldirectord; ipvsadm --diff FILE shows what differs from it",
            )),
            Kind::Other(other) => Err(Failure::NotRules(other)),
        }
    }

    /// Reads a file to compare the kernel's state with, which may also be that of a health checker.
    /// A file of keepalived's includes others by names that count from its folder.
    ///
    /// # Errors
    ///
    /// [`Failure::NotComparable`] for a file that is none of these.
    pub(crate) fn read_to_compare(bytes: &[u8], file: Option<&Path>) -> Result<Desired, Failure> {
        let found = match Kind::of(bytes) {
            Kind::Json => return Ok(Desired::from_json(bytes)),
            Kind::Rules => {
                let desired = Desired::from_rules(bytes, End::OfFile)?;
                let is_rules = desired.mistakes.is_empty()
                    || !desired.changes.is_empty()
                    || !desired.others.is_empty();
                // Hundreds of lines that are no rules tell nobody what is wrong.
                return match desired.mistakes.first() {
                    Some((position, text)) if !is_rules => {
                        Err(Failure::NotComparable(format!("{position} is no rule: {text}")))
                    }
                    _ => Ok(desired),
                };
            }
            Kind::Keepalived => {
                let folder = file.and_then(Path::parent).unwrap_or(Path::new(""));
                keepalived::read(bytes, folder)
            }
            Kind::Ldirectord => ldirectord::read(bytes, &mut Resolver::default()),
            Kind::Other(other) => return Err(Failure::NotComparable(format!("it is {other}"))),
        };
        let mut desired =
            Desired { mistakes: found.mistakes, checks: found.checks, ..Desired::default() };
        for (position, change) in found.changes {
            desired.rehearse(position, change);
        }
        Ok(desired)
    }

    /// What the file describes, given that health checks may have led to the kernel's state.
    pub(crate) fn checked(&self, kernel: &State) -> Checked {
        self.checks.allow(self.state(), kernel)
    }

    /// Everything wrong with the file, in the order of its lines. A command that describes no state
    /// is a mistake too: `option` takes only lines that do.
    pub(crate) fn all_mistakes(&self, option: OptionId) -> Vec<(Position, String)> {
        let others = self.others.iter().map(|(position, _)| {
            (*position, format!("not part of a table; {option} takes only lines that describe one"))
        });
        let mut mistakes = self.mistakes.clone();
        mistakes.extend(self.refused.iter().cloned());
        mistakes.extend(others);
        mistakes.sort_by_key(|(position, _)| *position);
        mistakes
    }

    fn from_json(bytes: &[u8]) -> Desired {
        let mut desired = Desired { is_json: true, ..Desired::default() };
        match json::read(bytes) {
            Ok(read) => {
                for (index, placed) in read.table.iter().chain(&read.settings).enumerate() {
                    let position = Position { line: placed.line as u64, column: 0, index };
                    desired.rehearse(position, placed.change);
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
                Ok(RuleCommand::Change(change)) => desired.rehearse(position, change),
                Ok(RuleCommand::Amend(amendment)) => {
                    match amendment.complete(&desired.state().table) {
                        Ok(change) => desired.rehearse(position, change),
                        Err(error) => desired.mistakes.push((position, error.to_string())),
                    }
                }
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

    /// The state the file describes, without the refused lines.
    pub(crate) fn state(&self) -> &State {
        self.rehearsal.state()
    }

    /// True if the file holds no command at all. JSON is never empty: it must have `services`.
    pub(crate) fn is_empty(&self) -> bool {
        !self.is_json
            && self.changes.is_empty()
            && self.others.is_empty()
            && self.mistakes.is_empty()
    }

    /// Carries out a change in memory.
    fn rehearse(&mut self, position: Position, change: Change) {
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
        self.changes.push((position, change));
    }

    /// Finds the settings that the kernel does not have: mistakes here.
    pub(crate) fn check_settings(&mut self, client: &mut Client) -> Result<(), Failure> {
        for (position, change) in &self.changes {
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

    /// Excludes the lines behind the refused changes, so that the state becomes the one the other
    /// lines describe, as if each had been carried out by itself. Returns the number of lines
    /// excluded.
    ///
    /// A refusal caused by another program's change to the table excludes no line.
    pub(crate) fn exclude(&mut self, refused: &[RefusedChange]) -> usize {
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
            for (position, change) in std::mem::take(&mut self.changes) {
                self.rehearse(position, change);
            }
        }
        self.refusals.len() - known
    }

    /// A message for each refusal, with the line behind the change or, if there is none, the change
    /// as a rule.
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

    /// The last line that describes each part of the state.
    fn lines(&self) -> HashMap<Subject, Position> {
        let refused: Vec<Position> = self.refused.iter().map(|(position, _)| *position).collect();
        let held =
            self.changes.iter().filter(|(position, _)| refused.binary_search(position).is_err());
        held.filter_map(|(position, change)| Some((Subject::of(change)?, *position))).collect()
    }
}

/// True if the kernel's table contradicts the plan: another program has changed the table since
/// the plan was made, or an earlier change was refused.
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
