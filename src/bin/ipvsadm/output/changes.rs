//! What has changed since another reading of the state, as rules (`--monitor`).
//!
//! Every line is a rule with its time as a comment, or only a comment, so all of them can be run by
//! `-R`.

use std::time::SystemTime;

use humantime::format_rfc3339_millis;
use ipvs::rules::Line;
use ipvs::{Change, DestinationKey, ServiceKey, Stats, Step};

use crate::process::Sink;

/// The moment of a reading, as text: `2026-11-26T03:12:01.123Z`.
pub(crate) fn time(moment: SystemTime) -> String {
    format_rfc3339_millis(moment).to_string()
}

/// What the counters of a service or of one of its servers have grown by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Growth {
    pub(crate) service: ServiceKey,
    /// `None`: of the service.
    pub(crate) server: Option<DestinationKey>,
    /// They have begun at 0 meanwhile, and this is since then.
    pub(crate) is_reset: bool,
    pub(crate) counters: Counters,
}

/// Counters, in the order in which they are printed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Counters(pub(crate) [u64; 5]);

/// Their names, as in the JSON.
const NAMES: [&str; 5] =
    ["connections", "incoming_packets", "outgoing_packets", "incoming_bytes", "outgoing_bytes"];

impl From<&Stats> for Counters {
    fn from(stats: &Stats) -> Self {
        Counters([
            stats.connections,
            stats.incoming_packets,
            stats.outgoing_packets,
            stats.incoming_bytes,
            stats.outgoing_bytes,
        ])
    }
}

impl Counters {
    /// What they have grown by since `before`, and whether they have begun anew: counters do not
    /// fall otherwise.
    pub(crate) fn since(self, before: Counters) -> (Counters, bool) {
        let is_reset = self.0.iter().zip(before.0).any(|(now, before)| *now < before);
        let before = if is_reset { Counters::default() } else { before };
        let mut growth = self;
        for (growth, before) in growth.0.iter_mut().zip(before.0) {
            *growth -= before;
        }
        (growth, is_reset)
    }
}

/// Prints a step from one reading to the next.
pub(crate) fn print_change(sink: &mut Sink, step: &Step, time: &str) {
    match Line::new(step.change()) {
        Ok(line) => sink.print(format!("{line}  # {time}\n")),
        Err(reason) => sink.print(format!("# {:?}: {reason}  # {time}\n", step.change())),
    }
}

/// Prints what counters have grown by, as a comment.
pub(crate) fn print_growth(sink: &mut Sink, growth: &Growth, time: &str) {
    let change = match growth.server {
        Some(server) => Change::DeleteDestination(growth.service, server),
        None => Change::ZeroService(growth.service),
    };
    // The words that name it, without the command.
    let name = match Line::new(&change) {
        Ok(line) => line.to_string().split_off("-d ".len()),
        Err(_) => growth.service.to_string(),
    };
    let reset = if growth.is_reset { " reset" } else { "" };
    sink.print(format!("# {name}{reset}"));
    for (name, value) in NAMES.iter().zip(growth.counters.0) {
        sink.print(format!(" {name} +{value}"));
    }
    sink.print(format!("  # {time}\n"));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::process::printed;

    #[test]
    fn a_reset_is_no_negative_number() {
        let since = |now, before| Counters(now).since(Counters(before));
        assert_eq!(since([5, 9, 9, 9, 9], [3, 9, 8, 9, 9]), (Counters([2, 0, 1, 0, 0]), false));
        assert_eq!(since([4, 9, 9, 9, 9], [5, 8, 8, 8, 8]), (Counters([4, 9, 9, 9, 9]), true));
        assert_eq!(since([0; 5], [5; 5]), (Counters([0; 5]), true));
        assert_eq!(since([u64::MAX; 5], [0; 5]), (Counters([u64::MAX; 5]), false));
    }

    #[test]
    fn counters_are_comments() {
        let mut growth = Growth {
            service: "TCP 192.0.2.1:80".parse().expect("a key"),
            server: None,
            is_reset: false,
            counters: Counters([1, 2, 3, 4, 5]),
        };
        let text = |growth: &Growth| printed(|sink| print_growth(sink, growth, "T"));
        assert_eq!(
            text(&growth),
            "# -t 192.0.2.1:80 connections +1 incoming_packets +2 outgoing_packets +3 \
             incoming_bytes +4 outgoing_bytes +5  # T\n"
        );
        growth.server = Some("10.0.0.1:80".parse().expect("a key"));
        growth.is_reset = true;
        let line = text(&growth);
        assert!(
            line.starts_with("# -t 192.0.2.1:80 -r 10.0.0.1:80 reset connections +1 "),
            "{line}"
        );
        assert_eq!(Line::parse(line.as_bytes()), Ok(None));
    }
}
