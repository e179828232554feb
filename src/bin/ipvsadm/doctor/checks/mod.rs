//! The checks: pure functions from facts to findings, a file for each subject.

mod connections;
mod conntrack;
mod filter;
mod firewall;
mod host;
mod journey;
mod limits;
mod masquerading;
mod network;
mod packet;
mod probes;
mod server_side;
mod symptoms;
mod sync;
mod tunnel;
mod weights;
mod words;

use std::cmp::Reverse;

use super::facts::{Facts, Missing, Side};
use crate::output::findings::{Finding, NotChecked, Report, Severity};

/// A row of `docs/doctor.md`.
pub(crate) struct Check {
    /// As in the output, in `docs/doctor.md` and in the tests. It never changes.
    pub(super) id: &'static str,
    /// Of what it finds, unless the finding says otherwise.
    pub(super) severity: Severity,
    /// Where it is made.
    pub(super) side: Side,
    /// True if it needs the answers to what `--probe` sends.
    pub(super) needs_probe: bool,
    /// Finds what is wrong. If a fact is missing, it finds what it can without, and then says why the
    /// check could not be made.
    pub(super) run: fn(&Facts, &mut Found<'_>) -> Result<(), Missing>,
}

impl Check {
    const fn on_director(
        id: &'static str,
        severity: Severity,
        run: fn(&Facts, &mut Found<'_>) -> Result<(), Missing>,
    ) -> Self {
        Check { id, severity, side: Side::Director, needs_probe: false, run }
    }

    /// Made only if the answers to `--probe` are there.
    const fn with_probe(mut self) -> Self {
        self.needs_probe = true;
        self
    }

    const fn on_server(
        id: &'static str,
        severity: Severity,
        run: fn(&Facts, &mut Found<'_>) -> Result<(), Missing>,
    ) -> Self {
        Check { id, severity, side: Side::Server, needs_probe: false, run }
    }
}

/// Where a check puts what it finds.
pub(crate) struct Found<'r> {
    check: &'r Check,
    findings: &'r mut Vec<Finding>,
}

impl Found<'_> {
    /// Adds a finding about the host as a whole. Say what it is about, and what mends it, on what this
    /// returns.
    pub(super) fn add(
        &mut self,
        seen: impl Into<String>,
        cause: impl Into<String>,
    ) -> &mut Finding {
        self.findings.push(Finding {
            id: self.check.id,
            severity: self.check.severity,
            service: None,
            destination: None,
            seen: seen.into(),
            cause: cause.into(),
            fix: Vec::new(),
        });
        self.findings.last_mut().expect("it has just been pushed")
    }
}

/// All checks, by subject.
fn all() -> impl Iterator<Item = &'static Check> {
    [
        host::CHECKS,
        firewall::CHECKS,
        conntrack::CHECKS,
        weights::CHECKS,
        masquerading::CHECKS,
        connections::CHECKS,
        limits::CHECKS,
        network::CHECKS,
        probes::CHECKS,
        tunnel::CHECKS,
        sync::CHECKS,
    ]
    .into_iter()
    .flatten()
    .chain(server_side::checks())
}

/// Makes one check, where little else is known, and returns the first thing that it finds.
pub(crate) fn find(id: &str, facts: &Facts) -> Option<Finding> {
    let check = all().find(|check| check.id == id)?;
    let mut findings = Vec::new();
    // What it lacks facts for is not found.
    let _ = (check.run)(facts, &mut Found { check, findings: &mut findings });
    findings.into_iter().next()
}

/// Makes every check that the facts are for.
pub(crate) fn examine(facts: &Facts) -> Report {
    let mut report = Report::default();
    let asked = all().filter(|check| {
        check.side == facts.question.side && (!check.needs_probe || facts.probes.is_some())
    });
    for check in asked {
        let mut found = Found { check, findings: &mut report.findings };
        match (check.run)(facts, &mut found) {
            Ok(()) => report.made += 1,
            Err(Missing(why)) => report.not_checked.push(NotChecked { id: check.id, why }),
        }
    }
    symptoms::remove_explained(&mut report.findings);
    let about = facts.question.service;
    report
        .findings
        .retain(|finding| about.is_none() || finding.service.is_none() || finding.service == about);
    // Findings about the host come before those about one service, if they are as bad.
    report.findings.sort_by_key(|finding| {
        (finding.severity, finding.service, finding.destination, Reverse(finding.id))
    });
    report
}

#[cfg(test)]
mod tests;
