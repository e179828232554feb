//! What `--doctor` has found, as JSON.

use serde::Serialize;

use super::document;
use super::layout::push_block;
use crate::output::findings::Report;
use crate::process::Sink;
use crate::process::failure::Failure;

#[derive(Serialize)]
struct Document<'r> {
    findings: Vec<Finding<'r>>,
    not_checked: Vec<NotChecked<'r>>,
    checks_made: usize,
}

#[derive(Serialize)]
struct Finding<'r> {
    id: &'r str,
    severity: &'r str,
    service: Option<document::ServiceKey>,
    destination: Option<document::DestinationKey>,
    seen: &'r str,
    cause: &'r str,
    fix: &'r [String],
}

#[derive(Serialize)]
struct NotChecked<'r> {
    id: &'r str,
    why: &'r str,
}

/// Prints a report as one object.
pub(crate) fn print_report(sink: &mut Sink, report: &Report) -> Result<(), Failure> {
    let findings = report.findings.iter().map(|finding| Finding {
        id: finding.id,
        severity: finding.severity.word().0,
        service: finding.service.as_ref().map(Into::into),
        destination: finding.destination.as_ref().map(Into::into),
        seen: &finding.seen,
        cause: &finding.cause,
        fix: &finding.fix,
    });
    let not_checked = report.not_checked.iter().map(|it| NotChecked { id: it.id, why: &it.why });
    let document = Document {
        findings: findings.collect(),
        not_checked: not_checked.collect(),
        checks_made: report.made,
    };
    push_block(sink.text(), 0, &document)?;
    sink.print("\n");
    Ok(())
}
