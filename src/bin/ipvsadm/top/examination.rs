//! The doctor, at work in the background: it watches for some seconds, and asks other programs.

use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use crate::doctor::checks::examine;
use crate::doctor::facts::{Facts, Question, Side};
use crate::doctor::gather::{Request, gather};
use crate::kernel::connect::Loading;
use crate::output::findings::{self, Report};
use crate::process::Sink;
use crate::process::terminal::Capabilities;

use super::rows::Subject;

/// As `--doctor` does unless it is told otherwise.
const WATCH: Duration = Duration::from_secs(3);

/// An examination of a service, or of a real server of it.
#[derive(Debug)]
pub(crate) struct Examination {
    pub(crate) subject: Subject,
    result: Receiver<Vec<String>>,
}

impl Examination {
    /// Begins to examine, in the network namespace of this thread.
    pub(crate) fn begin(subject: Subject, width: usize) -> Self {
        let (sender, result) = channel();
        thread::spawn(move || {
            let question = Question {
                side: Side::Director,
                service: Some(subject.service()),
                ..Question::default()
            };
            let request = Request { question, watch: WATCH, probe: false };
            let facts = gather(Loading::Never, &request);
            // Nobody may wait for it any more.
            let _ = sender.send(lines(&facts, &subject, width));
        });
        Examination { subject, result }
    }

    /// What has been found, once it is there.
    pub(crate) fn result(&self) -> Option<Vec<String>> {
        self.result.try_recv().ok()
    }
}

/// What the doctor says about a subject.
fn lines(facts: &Facts, subject: &Subject, width: usize) -> Vec<String> {
    let is_gone = facts.ipvs.as_ref().is_some_and(|it| it.service(&subject.service()).is_none());
    if is_gone {
        return vec!["the service has been removed meanwhile".to_owned()];
    }
    let mut report = examine(facts);
    confine(&mut report, subject);
    let mut sink = Sink::to(std::io::sink());
    let plain = Capabilities { width: Some(width), ..Capabilities::default() };
    findings::print(&mut sink, &report, plain);
    let text = String::from_utf8_lossy(sink.text());
    text.lines().flat_map(|line| broken(line, width)).collect()
}

/// Leaves out what is about other real servers than the one that is chosen.
fn confine(report: &mut Report, subject: &Subject) {
    if let Some((_, server)) = subject.server() {
        report.findings.retain(|it| it.destination.is_none_or(|destination| destination == server));
    }
}

/// A command may be longer than the screen is wide, and is of no use without its end.
fn broken(line: &str, width: usize) -> Vec<String> {
    const CONTINUED: &str = "          ";
    let width = width.max(2 * CONTINUED.len());
    let mut lines = Vec::new();
    let mut rest = line.to_owned();
    while rest.chars().count() > width {
        let at = |place: usize| rest.char_indices().nth(place).map_or(rest.len(), |(at, _)| at);
        let begin = at(rest.chars().take_while(|letter| *letter == ' ').count());
        // Between words, unless one is longer than a line.
        let end = rest[..at(width)].rfind(' ').filter(|end| *end > begin).unwrap_or(at(width));
        let more = format!("{CONTINUED}{}", rest[end..].trim_start());
        rest.truncate(end);
        lines.push(std::mem::replace(&mut rest, more));
    }
    lines.push(rest);
    lines
}

#[cfg(test)]
mod tests {
    use ipvs::{DestinationKey, ServiceKey};

    use super::*;
    use crate::output::findings::{Finding, Severity};

    fn finding(server: Option<DestinationKey>) -> Finding {
        Finding {
            id: "some-check",
            severity: Severity::Error,
            service: None,
            destination: server,
            seen: String::new(),
            cause: String::new(),
            fix: Vec::new(),
        }
    }

    #[test]
    fn what_is_about_another_server_is_left_out() {
        let key = |text: &str| text.parse::<DestinationKey>().expect("a key");
        let service: ServiceKey = "TCP 192.0.2.1:80".parse().expect("a key");
        let servers = [None, Some(key("10.0.0.1:80")), Some(key("10.0.0.2:80"))];
        let whole = Report { findings: servers.map(finding).into(), ..Report::default() };
        let left = |subject: Subject| {
            let mut report = whole.clone();
            confine(&mut report, &subject);
            report.findings.iter().map(|it| it.destination).collect::<Vec<_>>()
        };
        assert_eq!(left(Subject::Service(service)), servers);
        assert_eq!(left(Subject::Server(service, key("10.0.0.2:80"))), [servers[0], servers[2]]);
    }

    #[test]
    fn a_long_command_goes_on_in_the_next_line() {
        let line = "        ipvsadm -e -t 192.0.2.1:80 -r 10.0.0.1:80 -m -w 1";
        assert_eq!(broken(line, 80), [line]);
        let wanted = ["        ipvsadm -e -t 192.0.2.1:80", "          -r 10.0.0.1:80 -m -w 1"];
        assert_eq!(broken(line, 35), wanted);
        let long = format!("        {}", "x".repeat(50));
        assert!(broken(&long, 30).iter().all(|line| line.chars().count() <= 30));
        assert_eq!(broken(&long, 30).concat().matches('x').count(), 50);
        assert_eq!(broken("", 30), [""]);
    }
}
