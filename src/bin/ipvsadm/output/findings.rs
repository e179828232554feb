//! What `--doctor` has found, for people.

use ipvs::{DestinationKey, ServiceKey};

use crate::process::Sink;
use crate::process::terminal::Capabilities;

/// How bad a finding is. The worst comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Severity {
    /// Connections fail.
    Error,
    /// They will fail or go wrong under a condition that the finding names.
    Warning,
    /// Worth knowing.
    Info,
}

/// Something that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Finding {
    /// The row of `docs/doctor.md`.
    pub(crate) id: &'static str,
    pub(crate) severity: Severity,
    /// The service that it is about. `None`: the host as a whole.
    pub(crate) service: Option<ServiceKey>,
    /// The real server of that service.
    pub(crate) destination: Option<DestinationKey>,
    /// What was seen: numbers, names, interfaces. A sentence without a full stop.
    pub(crate) seen: String,
    /// Why it matters: what goes wrong for whom. A sentence without a full stop.
    pub(crate) cause: String,
    /// What mends it: commands for a shell, to be run in this order. What has to be done elsewhere, or
    /// is another way, stands in a line that begins with `# `, so that all can be pasted.
    pub(crate) fix: Vec<String>,
}

impl Finding {
    /// It is about this service.
    pub(crate) fn of_service(&mut self, service: ServiceKey) -> &mut Self {
        self.service = Some(service);
        self
    }

    /// It is about this real server of its service.
    pub(crate) fn of_server(&mut self, server: DestinationKey) -> &mut Self {
        self.destination = Some(server);
        self
    }

    /// A line that helps to mend it.
    pub(crate) fn fix(&mut self, line: impl Into<String>) -> &mut Self {
        self.fix.push(line.into());
        self
    }
}

/// A check that could not be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NotChecked {
    pub(crate) id: &'static str,
    pub(crate) why: String,
}

/// The result of an examination.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Report {
    /// Worst first.
    pub(crate) findings: Vec<Finding>,
    pub(crate) not_checked: Vec<NotChecked>,
    /// How many checks were made.
    pub(crate) made: usize,
}

/// The findings by what they are about: the worst first, and of equal ones the host first.
fn by_subject(report: &Report) -> Vec<Vec<&Finding>> {
    let mut groups: Vec<Vec<&Finding>> = Vec::new();
    for finding in &report.findings {
        match groups.iter_mut().find(|group| group[0].service == finding.service) {
            Some(group) => group.push(finding),
            None => groups.push(vec![finding]),
        }
    }
    groups
}

/// The checks that could not be made by why: without permission, it is the same for most.
fn by_reason(report: &Report) -> Vec<(&str, Vec<&'static str>)> {
    let mut reasons: Vec<(&str, Vec<&'static str>)> = Vec::new();
    for NotChecked { id, why } in &report.not_checked {
        match reasons.iter_mut().find(|(other, _)| other == why) {
            Some((_, ids)) => ids.push(id),
            None => reasons.push((why, vec![id])),
        }
    }
    reasons
}

/// Prints the findings for people.
pub(crate) fn print(sink: &mut Sink, report: &Report, capabilities: Capabilities) {
    let width = capabilities.width.unwrap_or(WIDTH).clamp(NARROW, WIDTH);
    for group in by_subject(report) {
        let subject = group[0].service.map_or("this host".to_owned(), |key| key.to_string());
        sink.print(format!("{}\n", paint(capabilities, BOLD, &subject)));
        for finding in group {
            let (severity, colour) = finding.severity.word();
            sink.print(format!("  {}: {}", paint(capabilities, colour, severity), finding.id));
            if let Some(server) = finding.destination {
                sink.print(format!(", real server {server}"));
            }
            sink.print("\n");
            print_wrapped(sink, &sentence(&finding.seen), width);
            print_wrapped(sink, &sentence(&finding.cause), width);
            for line in &finding.fix {
                sink.print(format!("        {line}\n"));
            }
            sink.print("\n");
        }
    }
    if !report.not_checked.is_empty() {
        sink.print(format!("{}\n", paint(capabilities, BOLD, "not checked")));
        for (why, ids) in by_reason(report) {
            print_wrapped(sink, &format!("{}: {why}", ids.join(", ")), width);
        }
        sink.print("\n");
    }
    sink.print(format!("{}\n", summary(report)));
}

/// `3 errors, 1 warning; 38 checks made, 4 not`
fn summary(report: &Report) -> String {
    let count = |severity| report.findings.iter().filter(|it| it.severity == severity).count();
    let some = |count: usize, thing: &str| match count {
        1 => format!("1 {thing}"),
        _ => format!("{count} {thing}s"),
    };
    let mut text = match (count(Severity::Error), count(Severity::Warning)) {
        (0, 0) if report.not_checked.is_empty() => "nothing is wrong".to_owned(),
        (0, 0) => "nothing wrong was found".to_owned(),
        (errors, 0) => some(errors, "error"),
        (0, warnings) => some(warnings, "warning"),
        (errors, warnings) => format!("{}, {}", some(errors, "error"), some(warnings, "warning")),
    };
    text += &format!("; {} made", some(report.made, "check"));
    if !report.not_checked.is_empty() {
        text += &format!(", {} not", report.not_checked.len());
    }
    text
}

/// The width of text where the terminal does not say, or is wider.
const WIDTH: usize = 100;
/// However narrow the terminal.
const NARROW: usize = 40;

const BOLD: &str = "1";
const RED: &str = "1;31";
const YELLOW: &str = "33";
const CYAN: &str = "36";

impl Severity {
    /// Its name, as JSON has it too, and its colour.
    pub(crate) fn word(self) -> (&'static str, &'static str) {
        match self {
            Severity::Error => ("error", RED),
            Severity::Warning => ("warning", YELLOW),
            Severity::Info => ("info", CYAN),
        }
    }
}

fn paint(capabilities: Capabilities, colour: &str, text: &str) -> String {
    match capabilities.colour {
        true => format!("\x1b[{colour}m{text}\x1b[0m"),
        false => text.to_owned(),
    }
}

/// With a capital letter, unless it begins with a name such as `net.ipv4.ip_forward`, and a full stop.
pub(crate) fn sentence(text: &str) -> String {
    let first = text.split(' ').next().unwrap_or_default();
    let is_word = first.chars().all(|c| c.is_alphabetic() || c == '\'' || c == ',');
    let mut chars = text.chars();
    match chars.next() {
        Some(letter) if is_word => format!("{}{}.", letter.to_uppercase(), chars.as_str()),
        _ => format!("{text}."),
    }
}

/// Prints a paragraph, indented.
fn print_wrapped(sink: &mut Sink, text: &str, width: usize) {
    const INDENT: &str = "    ";
    let mut column = 0;
    for word in text.split(' ') {
        let length = word.chars().count();
        if column > 0 && column + 1 + length > width - INDENT.len() {
            sink.print("\n");
            column = 0;
        }
        sink.print(if column == 0 { INDENT } else { " " });
        sink.print(word);
        column += length + usize::from(column > 0);
    }
    sink.print("\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn not_checked(id: &'static str, why: &str) -> NotChecked {
        NotChecked { id, why: why.to_owned() }
    }

    #[test]
    fn what_was_not_checked_is_not_taken_for_well() {
        let report = Report { made: 38, ..Report::default() };
        assert_eq!(summary(&report), "nothing is wrong; 38 checks made");
        let reasons = ["not permitted", "no ethtool", "not permitted"];
        let ids = ["vip-not-local", "lro-on", "half-open"];
        let not_checked = ids.into_iter().zip(reasons).map(|(id, why)| not_checked(id, why));
        let report = Report { made: 1, not_checked: not_checked.collect(), ..Report::default() };
        assert_eq!(summary(&report), "nothing wrong was found; 1 check made, 3 not");
        let wanted =
            [("not permitted", vec!["vip-not-local", "half-open"]), ("no ethtool", vec!["lro-on"])];
        assert_eq!(by_reason(&report), wanted);
    }
}
