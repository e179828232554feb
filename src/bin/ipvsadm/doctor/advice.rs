//! Advice on causes that the kernel's answer does not name: what the checks of the doctor say of them.

use std::io::{self, IsTerminal};

use ipvs::{Operation, Refusal, RefusalKind};

use super::checks::find;
use super::facts::Facts;
use super::gather;
use crate::kernel::connect::is_loaded;
use crate::output::findings::sentence;
use crate::process::failure::Failure;
use crate::process::notice::say;

/// Advice gathered from every refusal of a run, to be given once.
#[derive(Debug, Default)]
pub(crate) struct Advice {
    /// The kernel refused a real server as invalid.
    invalid_server: bool,
    /// There is no IPVS.
    unavailable: bool,
}

impl Advice {
    /// On the failure that the program ends with.
    pub(crate) fn on(failure: &Failure) -> Self {
        let unavailable = matches!(failure, Failure::Unavailable(_));
        Advice { unavailable, ..Advice::from(failure.refusal()) }
    }

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
        if self.invalid_server {
            let facts = Facts { network: gather::tables().ok(), ..Facts::default() };
            tell("loopback-down", " Bring it up: ", &facts);
        }
        // Programs that read the message expect that of ipvsadm 1.31 and nothing else.
        if self.unavailable && !is_loaded() && io::stderr().is_terminal() {
            tell("no-module", "\n", &gather::host());
        }
    }
}

/// Says what a check finds, if it does, and what mends it.
fn tell(id: &str, before_fix: &str, facts: &Facts) {
    if let Some(finding) = find(id, facts) {
        let what = sentence(&format!("{}, so {}", finding.seen, finding.cause));
        say(format!("{what}{before_fix}{}", finding.fix.join("\n")));
    }
}
