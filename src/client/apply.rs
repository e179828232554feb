//! Carrying out a plan: all of it or nothing, or as much as the kernel takes.

use std::fmt;

use super::{Client, Refused, check};
use crate::error::{Error, Refusal, Result};
use crate::model::{Change, Statistics, Table};
use crate::netlink::socket::Transport;
use crate::plan::{Plan, PlanOptions, Step, back_to_before, undo};

/// A change of a plan that the kernel refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefusedChange {
    /// Its place in the plan, counted from 0: the index of [`Plan::steps`].
    pub index: usize,
    /// What was asked.
    pub change: Change,
    /// Why it was refused.
    pub refusal: Refusal,
}

/// Why a plan was not carried out, and what became of the table.
///
/// At least one of `refused` and `interrupted` is there. As text it is one line, which names the
/// first refusal, or what interrupted.
#[derive(Debug)]
pub struct ApplyError {
    /// What the kernel refused, in the order of the plan. The first one is why the plan failed.
    /// The others came with it in the same datagram, which the kernel carries out to its end;
    /// some may follow from the first, as servers do from their service. It may be incomplete if
    /// `interrupted` is there.
    pub refused: Vec<RefusedChange>,
    /// What kept the plan from the kernel, or the kernel's answer from us.
    pub interrupted: Option<Error>,
    /// What became of the table.
    pub aftermath: Aftermath,
}

/// What a table is after a plan that failed.
#[derive(Debug)]
pub enum Aftermath {
    /// All that had been changed was undone. The table is what it was.
    Restored,
    /// Undoing failed too.
    Differs {
        /// What differs, read from the kernel: these changes would make the table what it was.
        /// What others changed meanwhile, beside the plan, does not count.
        way_back: Box<Plan>,
        /// What the kernel refused of these when they were last tried. The index is not that in
        /// `way_back`.
        refused: Vec<RefusedChange>,
    },
    /// Undoing failed too, or it was not known what to undo, and the table could not be read.
    Unknown(Error),
}

/// What came of sending changes.
#[derive(Default)]
struct Sent {
    /// How many may have been carried out: so many of the first, but for those that were refused.
    count: usize,
    refused: Vec<RefusedChange>,
    /// After this it is not known what was carried out and what refused.
    interrupted: Option<Error>,
}

impl Sent {
    fn succeeded(&self) -> bool {
        self.refused.is_empty() && self.interrupted.is_none()
    }
}

/// What to do after a refusal.
#[derive(Clone, Copy, PartialEq, Eq)]
enum AfterRefusal {
    GoOn,
    /// Send no further datagram. None has changes from both sides of this index, so that those on
    /// its far side are carried out only if none on its near side is refused.
    Stop(usize),
}

impl<T: Transport> Client<T> {
    /// The kernel's table: as [`snapshot`](Self::snapshot), but the configuration alone, which
    /// takes less memory.
    ///
    /// # Errors
    /// See [`Client`].
    pub fn table(&mut self) -> Result<Table> {
        let mut table = Table::new();
        let mut destinations = Vec::new();
        let mut services = Vec::new();
        self.each_service(Statistics::Skip, |service| services.push(service))?;
        for service in services {
            destinations.clear();
            self.each_destination(&service.key, Statistics::Skip, |destination| {
                destinations.push(destination);
            })?;
            destinations.sort_unstable_by_key(|destination| destination.key);
            table.insert(&service, &destinations);
        }
        Ok(table)
    }

    /// Carries out a plan, all of it or nothing. An empty plan sends nothing.
    ///
    /// Nothing is taken away until all that the plan adds and edits upwards was accepted. If the
    /// kernel refuses a change, no further datagram is sent, and what was carried out is undone in
    /// reverse, to the last weight; what cannot be brought back is told at
    /// [`Step::undo`]. If answers were lost, so that it is not known what was carried out, the
    /// table is read again to find out.
    ///
    /// The kernel has no transactions: others see the table change step by step. The plan should
    /// be fresh, since it is carried out on whatever table the kernel holds by now; if another
    /// program changed that in the plan's way, a change is refused.
    ///
    /// # Errors
    /// [`ApplyError`] says which change was refused and why, or what else went wrong, and whether
    /// the table is what it was; if not, what differs.
    /// [`Error::NetmaskFamily`](crate::Error::NetmaskFamily) in it means that nothing was sent.
    pub fn apply(&mut self, plan: &Plan) -> Result<(), ApplyError> {
        // Before anything is sent: it must not come up in the midst of it.
        if let Err(error) = plan.changes().try_for_each(check) {
            return Err(ApplyError {
                refused: Vec::new(),
                interrupted: Some(error),
                aftermath: Aftermath::Restored,
            });
        }
        let sent = self.send_all(plan.steps(), Step::change, AfterRefusal::Stop(plan.giving()));
        if sent.succeeded() {
            return Ok(());
        }
        let mut refused = sent.refused.iter().map(|refused| refused.index).peekable();
        let steps = plan.steps()[..sent.count].iter().enumerate();
        let done: Vec<&Step> = steps
            .filter(|(index, _)| refused.next_if_eq(index).is_none())
            .map(|(_, step)| step)
            .collect();
        let aftermath = self.undo(&done, sent.interrupted.is_none());
        Err(ApplyError { refused: sent.refused, interrupted: sent.interrupted, aftermath })
    }

    /// Carries out as much of a plan as the kernel takes, and gives back what it refused, in the
    /// order of the plan. Nothing is undone: at boot, a table with one bad service should still
    /// serve the others. The servers of a service that was refused are refused with it.
    ///
    /// # Errors
    /// [`Error::NetmaskFamily`](crate::Error::NetmaskFamily), with nothing sent;
    /// [`Error::Socket`](crate::Error::Socket), [`Error::Malformed`](crate::Error::Malformed) and
    /// [`Error::RepliesLost`](crate::Error::RepliesLost), after which it is not known what was
    /// carried out. A new plan from the table that the kernel then holds goes on from there.
    pub fn apply_best_effort(&mut self, plan: &Plan) -> Result<Vec<RefusedChange>> {
        plan.changes().try_for_each(check)?;
        let sent = self.send_all(plan.steps(), Step::change, AfterRefusal::GoOn);
        match sent.interrupted {
            Some(error) => Err(error),
            None => Ok(sent.refused),
        }
    }

    /// Undoes the steps that were carried out, or, if that is not `certain`, that may have been.
    fn undo(&mut self, done: &[&Step], certain: bool) -> Aftermath {
        if certain {
            let back = undo(done);
            if self.send_all(&back, |change| change, AfterRefusal::GoOn).succeeded() {
                return Aftermath::Restored;
            }
        }
        // From here on the kernel itself says what is left to undo. What is left after one more
        // attempt is told.
        let mut refused = None;
        loop {
            match (self.way_back(done), refused) {
                (Ok(plan), _) if plan.is_empty() => return Aftermath::Restored,
                (Ok(plan), None) => {
                    let sent = self.send_all(plan.steps(), Step::change, AfterRefusal::GoOn);
                    refused = Some(sent.refused);
                }
                (Ok(plan), Some(refused)) => {
                    return Aftermath::Differs { way_back: Box::new(plan), refused };
                }
                (Err(error), _) => return Aftermath::Unknown(error),
            }
        }
    }

    /// What would make the kernel's table what it was before these steps.
    fn way_back(&mut self, done: &[&Step]) -> Result<Plan> {
        let now = self.table()?;
        Ok(Plan::between(&now, &back_to_before(&now, done), PlanOptions::default()))
    }

    fn send_all<C>(
        &mut self,
        changes: &[C],
        change: impl Fn(&C) -> &Change,
        after_refusal: AfterRefusal,
    ) -> Sent {
        let mut sent = Sent::default();
        let mut refused = Vec::new();
        let mut batch = self.batch();
        let last = changes.len().wrapping_sub(1);
        for (index, item) in changes.iter().enumerate() {
            sent.count = index + 1;
            let mut outcome = batch.push(index, change(item));
            if index == last || after_refusal == AfterRefusal::Stop(index + 1) {
                outcome = outcome.and_then(|()| batch.flush());
            }
            refused.append(&mut batch.take_refused());
            sent.interrupted = outcome.err();
            // Refusals come to light when a datagram has been answered: nothing is waiting then.
            let refusal = after_refusal != AfterRefusal::GoOn && !refused.is_empty();
            if refusal || sent.interrupted.is_some() {
                break;
            }
        }
        let refused = refused.into_iter().map(|Refused { tag: index, refusal, .. }| {
            RefusedChange { index, change: *change(&changes[index]), refusal }
        });
        sent.refused = refused.collect();
        sent
    }
}

impl fmt::Display for RefusedChange {
    /// `change 3 (add server 10.0.0.1:80 to TCP 192.0.2.1:80): Destination already exists`. Here
    /// changes are counted from 1, as people do.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "change {} (", self.index + 1)?;
        describe(&self.change, f)?;
        write!(f, "): {}", self.refusal)
    }
}

fn describe(change: &Change, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match change {
        Change::AddService(key, _) => write!(f, "add service {key}"),
        Change::EditService(key, _) => write!(f, "edit service {key}"),
        Change::DeleteService(key) => write!(f, "remove service {key}"),
        Change::AddDestination(service, key, _) => write!(f, "add server {key} to {service}"),
        Change::EditDestination(service, key, _) => write!(f, "edit server {key} of {service}"),
        Change::DeleteDestination(service, key) => write!(f, "remove server {key} of {service}"),
        Change::Flush => f.write_str("remove all services"),
        Change::ZeroAll => f.write_str("zero all counters"),
        Change::ZeroService(key) => write!(f, "zero the counters of {key}"),
        Change::SetTimeouts(_) => f.write_str("set timeouts"),
        Change::StartDaemon(role, _) => write!(f, "start the {role} daemon"),
        Change::StopDaemon(role) => write!(f, "stop the {role} daemon"),
    }
}

impl fmt::Display for ApplyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.refused.split_first(), &self.interrupted) {
            (_, Some(error)) => write!(f, "{error}")?,
            (Some((first, [])), None) => write!(f, "{first}")?,
            (Some((first, more)), None) => write!(f, "{first} (and {} more)", more.len())?,
            (None, None) => f.write_str("the plan failed")?,
        }
        match &self.aftermath {
            Aftermath::Restored => f.write_str("; the table is what it was"),
            Aftermath::Differs { way_back, .. } => {
                f.write_str("; undoing failed, and to make the table what it was takes: ")?;
                for (index, change) in way_back.changes().enumerate() {
                    f.write_str(if index == 0 { "" } else { ", " })?;
                    describe(change, f)?;
                }
                Ok(())
            }
            Aftermath::Unknown(error) => {
                write!(f, "; it is not known what the table is now: {error}")
            }
        }
    }
}

impl std::error::Error for ApplyError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match (&self.interrupted, self.refused.first()) {
            (Some(error), _) => Some(error),
            (None, Some(refused)) => Some(&refused.refusal),
            (None, None) => None,
        }
    }
}
