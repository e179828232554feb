//! Carrying out a plan: all or nothing, or as much as the kernel accepts.

use std::fmt;

use super::Client;
use crate::error::{Error, Refusal, Result};
use crate::model::Change;
use crate::netlink::socket::Transport;
use crate::plan::{Plan, PlanOptions, Step, back_to_before, check_netmask_family, undo};

/// A change of a plan that the kernel refused.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RefusedChange {
    /// The index of its step in [`Plan::steps`], from 0.
    pub index: usize,
    /// The change.
    pub change: Change,
    /// The refusal.
    pub refusal: Refusal,
}

/// The choice of what to do with a plan when the kernel refuses one of its changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnRefusal {
    /// Undo everything that has been carried out.
    Undo,
    /// Carry out the other changes. If a service is refused, so are its servers.
    Continue,
}

/// The reason why a plan was not carried out, and the state that the kernel is in now.
///
/// Its text is one line with the first refusal, or the error, and whether the previous state was
/// restored.
#[derive(Debug)]
#[non_exhaustive]
pub enum ApplyError {
    /// The kernel refused changes.
    Refused {
        /// The refused changes, in the order of the plan; at least one. The first made the plan
        /// fail. The others were in the same datagram, which the kernel always carries out to its
        /// end. They may be refused only because of the first, as the servers of a refused service
        /// are.
        refused: Vec<RefusedChange>,
        /// The state now.
        aftermath: Aftermath,
    },
    /// The plan could not be sent, or its answers could not be received.
    Failed {
        /// The error. [`Error::Config`] means that nothing was sent.
        error: Error,
        /// The changes that are known to have been refused.
        refused: Vec<RefusedChange>,
        /// The state now.
        aftermath: Aftermath,
    },
    /// The caller asked to stop: see [`Client::apply_with`].
    Stopped {
        /// The state now.
        aftermath: Aftermath,
    },
}

/// The state after a plan that failed.
#[derive(Debug)]
#[non_exhaustive]
pub enum Aftermath {
    /// The previous state: everything that had been changed was undone.
    Restored,
    /// Another state: undoing failed too.
    Differs {
        /// The plan that would restore the previous state, from what the kernel reports now. It
        /// leaves alone whatever other programs changed meanwhile.
        way_back: Box<Plan>,
        /// The changes that the kernel refused when undoing was last tried. Their indices do not
        /// refer to `way_back`.
        refused: Vec<RefusedChange>,
    },
    /// An unknown state: undoing failed too, or it was not known what to undo, and then reading the
    /// state failed with this error.
    Unknown(Error),
}

/// The outcome of sending changes.
#[derive(Default)]
struct Sent {
    /// The number of changes, from the first, that may have been carried out, including the refused
    /// ones.
    count: usize,
    refused: Vec<RefusedChange>,
    /// If set, it is not known which changes were carried out and which were refused.
    error: Option<Error>,
    /// True if the caller asked to stop before all was sent.
    stopped: bool,
}

impl Sent {
    fn succeeded(&self) -> bool {
        self.refused.is_empty() && self.error.is_none() && !self.stopped
    }
}

/// Whether to send more after a refusal.
#[derive(Clone, Copy, PartialEq, Eq)]
enum AfterRefusal {
    Continue,
    /// Send no further datagram. No datagram has changes from both sides of this index, so that
    /// those from it on are carried out only if none before it is refused.
    Stop(usize),
}

impl<T: Transport> Client<T> {
    /// Carries out a plan, all or nothing. An empty plan sends nothing.
    ///
    /// Nothing is removed or lessened until the kernel has accepted all other changes of the plan.
    /// If it refuses a change, no further datagram is sent, and everything that was carried out is
    /// undone in reverse order. [`Step::undo`] says what cannot be brought back. If answers were
    /// lost, the state is read again to find out what was carried out.
    ///
    /// The kernel has no transactions, so other programs see the state change step by step. Make
    /// the plan right before applying it: a change that another program got in the way of is
    /// refused.
    ///
    /// # Errors
    /// [`ApplyError`] says which change was refused and why, or what else went wrong, and whether
    /// the previous state was restored.
    pub fn apply(&mut self, plan: &Plan) -> Result<(), ApplyError> {
        self.apply_with(plan, OnRefusal::Undo, || false).map(drop)
    }

    /// Carries out as much of a plan as the kernel accepts, and returns the refused changes, in the
    /// order of the plan. For use at boot, when one bad service should not keep the others from
    /// serving.
    ///
    /// # Errors
    /// [`ApplyError::Failed`]. Everything that was carried out is then undone, as by
    /// [`apply`](Self::apply).
    pub fn apply_best_effort(&mut self, plan: &Plan) -> Result<Vec<RefusedChange>, ApplyError> {
        self.apply_with(plan, OnRefusal::Continue, || false)
    }

    /// As [`apply`](Self::apply) or [`apply_best_effort`](Self::apply_best_effort), but can be
    /// stopped: `stop` is called before each datagram, which has at most 256 changes. Once it
    /// returns true, nothing more is sent, and everything that was carried out is undone. It is not
    /// called while undoing.
    ///
    /// To stop on a signal, let the handler set a flag and `stop` return it.
    ///
    /// # Errors
    /// [`ApplyError::Stopped`], and those of the other two methods.
    pub fn apply_with(
        &mut self,
        plan: &Plan,
        on_refusal: OnRefusal,
        stop: impl FnMut() -> bool,
    ) -> Result<Vec<RefusedChange>, ApplyError> {
        // Checked before anything is sent, as it must not come up halfway.
        if let Err(error) = plan.changes().try_for_each(check_netmask_family) {
            let aftermath = Aftermath::Restored;
            return Err(ApplyError::Failed { error, refused: Vec::new(), aftermath });
        }
        let after_refusal = match on_refusal {
            OnRefusal::Undo => AfterRefusal::Stop(plan.first_loss()),
            OnRefusal::Continue => AfterRefusal::Continue,
        };
        let sent = self.send_all(plan.steps(), Step::change, after_refusal, stop);
        let refusal_fails = on_refusal == OnRefusal::Undo && !sent.refused.is_empty();
        if sent.error.is_none() && !sent.stopped && !refusal_fails {
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

    /// Undoes the steps that were carried out, or, if not `certain`, may have been.
    fn undo(&mut self, done: &[&Step], certain: bool) -> Aftermath {
        let never = || false;
        if certain {
            let back = undo(done);
            let sent = self.send_all(&back, |change| change, AfterRefusal::Continue, never);
            if sent.succeeded() {
                return Aftermath::Restored;
            }
        }
        // What is left to undo is read from the kernel. If anything is left after one more attempt,
        // it is reported.
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

    /// The plan that would restore the state from before these steps.
    fn way_back(&mut self, done: &[&Step]) -> Result<Plan> {
        let settings = done.iter().filter_map(|step| match step.change() {
            Change::SetSetting(setting, _) => Some(setting),
            _ => None,
        });
        let now = self.state_with(settings)?;
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
            // Refusals are known once a datagram has been answered, and then nothing waits.
            let refusal = after_refusal != AfterRefusal::Continue && !refused.is_empty();
            if refusal || sent.error.is_some() {
                break;
            }
        }
        let refused = refused.into_iter().map(|(index, refusal)| RefusedChange {
            index,
            change: *change(&changes[index]),
            refusal,
        });
        sent.refused = refused.collect();
        sent
    }
}

impl ApplyError {
    /// The refused changes, in the order of the plan. The first made the plan fail, unless there is
    /// an [`error`](Self::error).
    pub fn refused(&self) -> &[RefusedChange] {
        match self {
            ApplyError::Refused { refused, .. } | ApplyError::Failed { refused, .. } => refused,
            ApplyError::Stopped { .. } => &[],
        }
    }

    /// The error that made the plan fail, if it was not a refusal.
    pub fn error(&self) -> Option<&Error> {
        match self {
            ApplyError::Failed { error, .. } => Some(error),
            ApplyError::Refused { .. } | ApplyError::Stopped { .. } => None,
        }
    }

    /// The state now.
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
        Change::SetSetting(setting, value) => write!(f, "set {setting}={value}"),
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
