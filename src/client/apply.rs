//! Carrying out a plan: all of it or nothing, or as much as the kernel accepts.

use std::fmt;

use super::{Client, Refused};
use crate::error::{Error, Refusal, Result};
use crate::model::Change;
use crate::netlink::socket::Transport;
use crate::plan::{Plan, PlanOptions, Step, back_to_before, check_netmask_family, undo};

/// A change of a plan that the kernel refused.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RefusedChange {
    /// Its place in the plan, counted from 0: the index of [`Plan::steps`].
    pub index: usize,
    /// The change.
    pub change: Change,
    /// Why the kernel refused it.
    pub refusal: Refusal,
}

/// What becomes of a plan of which the kernel refuses a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnRefusal {
    /// Everything that was carried out is undone.
    Undo,
    /// The other changes are carried out. The servers of a service that was refused are refused
    /// with it.
    Continue,
}

/// Why a plan was not carried out, and what the state is now.
///
/// Its text is one line, which names the first refusal or the error.
#[derive(Debug)]
#[non_exhaustive]
pub enum ApplyError {
    /// The kernel refused changes.
    Refused {
        /// What it refused, in the order of the plan; at least one. The first one is why the plan
        /// failed. The others came with it in the same datagram, which the kernel carries out to
        /// its end; some may follow from the first, as servers do from their service.
        refused: Vec<RefusedChange>,
        /// What the state is now.
        aftermath: Aftermath,
    },
    /// The plan could not be sent, or its answers not be received.
    Failed {
        /// What went wrong. [`Error::Config`] means that nothing was sent.
        error: Error,
        /// What the kernel is known to have refused.
        refused: Vec<RefusedChange>,
        /// What the state is now.
        aftermath: Aftermath,
    },
    /// The caller asked to stop: see [`Client::apply_with`].
    Stopped {
        /// What the state is now.
        aftermath: Aftermath,
    },
}

/// The state after a plan that failed.
#[derive(Debug)]
#[non_exhaustive]
pub enum Aftermath {
    /// Everything that had been changed was undone. The state is the previous one.
    Restored,
    /// Undoing failed too.
    Differs {
        /// What differs, read from the kernel: these changes would restore the previous state.
        /// What others changed meanwhile, beside the plan, does not count.
        way_back: Box<Plan>,
        /// What the kernel refused of these when they were last tried. The index is not that in
        /// `way_back`.
        refused: Vec<RefusedChange>,
    },
    /// Undoing failed too, or it was not known what to undo, and the state could not be read.
    Unknown(Error),
}

/// What came of sending changes.
#[derive(Default)]
struct Sent {
    /// The number of changes that may have been carried out: the first ones, except those that
    /// were refused.
    count: usize,
    refused: Vec<RefusedChange>,
    /// After an error it is not known what was carried out and what refused.
    error: Option<Error>,
    /// True if the caller asked to stop before all was sent.
    stopped: bool,
}

impl Sent {
    fn succeeded(&self) -> bool {
        self.refused.is_empty() && self.error.is_none() && !self.stopped
    }
}

/// What to do after a refusal.
#[derive(Clone, Copy, PartialEq, Eq)]
enum AfterRefusal {
    Continue,
    /// Send no further datagram. None has changes from both sides of this index, so that those on
    /// its far side are carried out only if none on its near side is refused.
    Stop(usize),
}

impl<T: Transport> Client<T> {
    /// Carries out a plan, all of it or nothing. An empty plan sends nothing.
    ///
    /// Nothing is taken away until the kernel has accepted everything that the plan adds and
    /// edits upwards. If the kernel refuses a change, no further datagram is sent, and what was
    /// carried out is undone in reverse, to the last weight; [`Step::undo`] says what cannot be
    /// brought back. If answers were lost, so that it is not known what was carried out, the state
    /// is read again to find out.
    ///
    /// The kernel has no transactions: others see the state change step by step. The plan should
    /// be fresh, since it is carried out on whatever the kernel holds by now; if another program
    /// has changed that in the plan's way, a change is refused.
    ///
    /// # Errors
    /// [`ApplyError`] says which change was refused and why, or what else went wrong, and whether
    /// the state is the previous one; if not, what differs.
    pub fn apply(&mut self, plan: &Plan) -> Result<(), ApplyError> {
        self.apply_with(plan, OnRefusal::Undo, || false).map(drop)
    }

    /// Carries out as much of a plan as the kernel accepts, and returns what it refused, in the
    /// order of the plan. At boot, a table with one bad service should still serve the others.
    ///
    /// # Errors
    /// [`ApplyError::Failed`]: what was carried out is undone then, as by [`apply`](Self::apply).
    pub fn apply_best_effort(&mut self, plan: &Plan) -> Result<Vec<RefusedChange>, ApplyError> {
        self.apply_with(plan, OnRefusal::Continue, || false)
    }

    /// As [`apply`](Self::apply) or [`apply_best_effort`](Self::apply_best_effort), but asks `stop`
    /// before each datagram, which holds up to some hundred changes. Once it answers true, nothing
    /// more is sent, and what was carried out is undone. `stop` is not asked while undoing.
    ///
    /// This is for signals: `stop` looks at a flag that a handler sets.
    ///
    /// # Errors
    /// [`ApplyError::Stopped`], and those of the other two.
    pub fn apply_with(
        &mut self,
        plan: &Plan,
        on_refusal: OnRefusal,
        stop: impl FnMut() -> bool,
    ) -> Result<Vec<RefusedChange>, ApplyError> {
        // Before anything is sent: it must not come up halfway.
        if let Err(error) = plan.changes().try_for_each(check_netmask_family) {
            let aftermath = Aftermath::Restored;
            return Err(ApplyError::Failed { error, refused: Vec::new(), aftermath });
        }
        let after_refusal = match on_refusal {
            OnRefusal::Undo => AfterRefusal::Stop(plan.first_loss()),
            OnRefusal::Continue => AfterRefusal::Continue,
        };
        let sent = self.send_all(plan.steps(), Step::change, after_refusal, stop);
        let refusals_count = on_refusal == OnRefusal::Undo && !sent.refused.is_empty();
        if sent.error.is_none() && !sent.stopped && !refusals_count {
            return Ok(sent.refused);
        }
        let mut refused = sent.refused.iter().map(|refused| refused.index).peekable();
        let steps = plan.steps()[..sent.count].iter().enumerate();
        let done: Vec<&Step> = steps
            .filter(|(index, _)| refused.next_if_eq(index).is_none())
            .map(|(_, step)| step)
            .collect();
        let aftermath = self.undo(&done, sent.error.is_none());
        Err(match sent.error {
            Some(error) => ApplyError::Failed { error, refused: sent.refused, aftermath },
            None if sent.stopped => ApplyError::Stopped { aftermath },
            None => ApplyError::Refused { refused: sent.refused, aftermath },
        })
    }

    /// Undoes the steps that were carried out, or, if that is not `certain`, that may have been.
    fn undo(&mut self, done: &[&Step], certain: bool) -> Aftermath {
        let never = || false;
        if certain {
            let back = undo(done);
            let sent = self.send_all(&back, |change| change, AfterRefusal::Continue, never);
            if sent.succeeded() {
                return Aftermath::Restored;
            }
        }
        // From here on the kernel itself says what is left to undo. What is left after one more
        // attempt is reported.
        let mut refused = None;
        loop {
            match (self.way_back(done), refused) {
                (Ok(plan), _) if plan.is_empty() => return Aftermath::Restored,
                (Ok(plan), None) => {
                    let steps = plan.steps();
                    let sent = self.send_all(steps, Step::change, AfterRefusal::Continue, never);
                    refused = Some(sent.refused);
                }
                (Ok(plan), Some(refused)) => {
                    return Aftermath::Differs { way_back: Box::new(plan), refused };
                }
                (Err(error), _) => return Aftermath::Unknown(error),
            }
        }
    }

    /// The plan that would make the kernel's state what it was before these steps.
    fn way_back(&mut self, done: &[&Step]) -> Result<Plan> {
        let now = self.state()?;
        Ok(Plan::between(&now, &back_to_before(&now, done), PlanOptions::default()))
    }

    fn send_all<C>(
        &mut self,
        changes: &[C],
        change: impl Fn(&C) -> &Change,
        after_refusal: AfterRefusal,
        mut stop: impl FnMut() -> bool,
    ) -> Sent {
        let mut sent = Sent::default();
        let mut refused = Vec::new();
        let mut batch = self.batch();
        let last = changes.len().wrapping_sub(1);
        for (index, item) in changes.iter().enumerate() {
            if batch.is_flushed() && stop() {
                sent.stopped = true;
                break;
            }
            sent.count = index + 1;
            let mut outcome = batch.push(index, change(item));
            if index == last || after_refusal == AfterRefusal::Stop(index + 1) {
                outcome = outcome.and_then(|()| batch.flush());
            }
            refused.append(&mut batch.take_refused());
            sent.error = outcome.err();
            // Refusals come to light when a datagram has been answered: nothing waits then.
            let refusal = after_refusal != AfterRefusal::Continue && !refused.is_empty();
            if refusal || sent.error.is_some() {
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

impl ApplyError {
    /// What the kernel refused, in the order of the plan. The first one is why the plan failed,
    /// unless there is an [`error`](Self::error).
    pub fn refused(&self) -> &[RefusedChange] {
        match self {
            ApplyError::Refused { refused, .. } | ApplyError::Failed { refused, .. } => refused,
            ApplyError::Stopped { .. } => &[],
        }
    }

    /// What kept the plan from the kernel, or the kernel's answer from us.
    pub fn error(&self) -> Option<&Error> {
        match self {
            ApplyError::Failed { error, .. } => Some(error),
            ApplyError::Refused { .. } | ApplyError::Stopped { .. } => None,
        }
    }

    /// What the state is now.
    pub fn aftermath(&self) -> &Aftermath {
        match self {
            ApplyError::Refused { aftermath, .. }
            | ApplyError::Failed { aftermath, .. }
            | ApplyError::Stopped { aftermath } => aftermath,
        }
    }
}

impl fmt::Display for RefusedChange {
    /// `change 3 (add server 10.0.0.1:80 to TCP 192.0.2.1:80): Destination already exists`,
    /// counted from 1.
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
        match (self.error(), self.refused().split_first()) {
            (Some(error), _) => write!(f, "{error}")?,
            (None, Some((first, []))) => write!(f, "{first}")?,
            (None, Some((first, more))) => write!(f, "{first} (and {} more)", more.len())?,
            (None, None) => f.write_str("stopped")?,
        }
        match self.aftermath() {
            Aftermath::Restored => f.write_str("; the previous state is restored"),
            Aftermath::Differs { way_back, .. } => {
                f.write_str("; undoing failed, and to restore the previous state takes: ")?;
                for (index, change) in way_back.changes().enumerate() {
                    f.write_str(if index == 0 { "" } else { ", " })?;
                    describe(change, f)?;
                }
                Ok(())
            }
            Aftermath::Unknown(error) => {
                write!(f, "; undoing failed, and the state is unknown: {error}")
            }
        }
    }
}

impl std::error::Error for ApplyError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match (self.error(), self.refused().first()) {
            (Some(error), _) => Some(error),
            (None, Some(refused)) => Some(&refused.refusal),
            (None, None) => None,
        }
    }
}
