//! Advice on causes that the kernel's answer does not name.

use ipvs::{Operation, Refusal, RefusalKind};

use super::{gather, loopback};
use crate::process::notice::say;

/// Advice gathered from every refusal of a run, to be given once.
#[derive(Debug, Default)]
pub(crate) struct Advice {
    /// The kernel refused a real server as invalid.
    invalid_server: bool,
}

impl Advice {
    pub(crate) fn from<'r>(refusals: impl IntoIterator<Item = &'r Refusal>) -> Self {
        let mut advice = Advice::default();
        refusals.into_iter().for_each(|refusal| advice.note(refusal));
        advice
    }

    pub(crate) fn note(&mut self, refusal: &Refusal) {
        let of_server =
            matches!(refusal.operation, Operation::AddDestination | Operation::EditDestination);
        self.invalid_server |= of_server && refusal.kind() == RefusalKind::Invalid;
    }

    /// Prints the advice on standard error, if there is any.
    pub(crate) fn give(&self) {
        let is_down = || gather::tables().is_ok_and(|network| loopback::is_down(&network));
        if self.invalid_server && is_down() {
            let loopback = loopback::SEEN.strip_prefix("the ").unwrap_or(loopback::SEEN);
            say(format!("The {loopback}, so {}. Bring it up: {}", loopback::CAUSE, loopback::FIX));
        }
    }
}
