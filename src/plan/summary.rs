//! The size of a plan.

use std::fmt;

/// The numbers of things that a [`Plan`](crate::Plan) adds, edits, removes and leaves as they are.
///
/// Its text has the numbers that are not 0. Unchanged services are in it only if nothing changes:
///
/// ```
/// use ipvs::{Summary, Tally};
///
/// let mut summary = Summary::default();
/// summary.services = Tally { added: 3, unchanged: 9_997, ..Tally::default() };
/// summary.servers = Tally { added: 0, edited: 12, removed: 1, unchanged: 60_001 };
/// summary.timeouts_changed = true;
/// assert_eq!(
///     summary.to_string(),
///     "3 services added, 12 servers edited, 1 removed, 60,001 unchanged, timeouts changed",
/// );
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Summary {
    /// The virtual services. One counts as edited if its own configuration changes, whatever
    /// becomes of its servers.
    pub services: Tally,
    /// The real servers, including those of services that are added or removed.
    pub servers: Tally,
    /// The number of settings that change.
    pub settings_changed: usize,
    /// True if a timeout changes.
    pub timeouts_changed: bool,
    /// The sync daemons. Added means started, edited means restarted with other settings, removed
    /// means stopped, and unchanged means left running.
    pub daemons: Tally,
}

/// The numbers of things of one kind that are added, edited, removed and left as they are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// The number in the second state only.
    pub added: usize,
    /// The number in both states, with different configurations.
    pub edited: usize,
    /// The number in the first state only.
    pub removed: usize,
    /// The number in both states, with the same configuration.
    pub unchanged: usize,
}

impl Tally {
    /// The number that is added, edited or removed.
    pub const fn changed(&self) -> usize {
        self.added + self.edited + self.removed
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let changed = self.services.changed()
            + self.servers.changed()
            + self.settings_changed
            + self.daemons.changed();
        let idle = changed == 0 && !self.timeouts_changed;
        let services_unchanged = if idle { self.services.unchanged } else { 0 };
        let services = [
            (self.services.added, "added"),
            (self.services.edited, "edited"),
            (self.services.removed, "removed"),
            (services_unchanged, "unchanged"),
        ];
        let servers = [
            (self.servers.added, "added"),
            (self.servers.edited, "edited"),
            (self.servers.removed, "removed"),
            (self.servers.unchanged, "unchanged"),
        ];
        let daemons = [
            (self.daemons.added, "started"),
            (self.daemons.edited, "restarted"),
            (self.daemons.removed, "stopped"),
        ];
        let timeouts = self.timeouts_changed.then(|| "timeouts changed".to_owned());
        let parts: Vec<String> = counted("service", &services)
            .chain(counted("server", &servers))
            .chain(counted("setting", &[(self.settings_changed, "changed")]))
            .chain(timeouts)
            .chain(counted("sync daemon", &daemons))
            .collect();
        f.write_str(if parts.is_empty() { "nothing to change" } else { "" })?;
        f.write_str(&parts.join(", "))
    }
}

/// `3 services added`, `1 removed`: only the first number of a kind has the noun.
fn counted(noun: &str, counts: &[(usize, &str)]) -> impl Iterator<Item = String> {
    let counts = counts.iter().filter(|(count, _)| *count > 0);
    counts.enumerate().map(move |(index, (count, verb))| {
        let number = Grouped(*count);
        match (index, *count) {
            (0, 1) => format!("{number} {noun} {verb}"),
            (0, _) => format!("{number} {noun}s {verb}"),
            _ => format!("{number} {verb}"),
        }
    })
}

/// A number with a comma before every three digits: `60,001`.
struct Grouped(usize);

impl fmt::Display for Grouped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 < 1000 {
            return write!(f, "{}", self.0);
        }
        write!(f, "{},{:03}", Grouped(self.0 / 1000), self.0 % 1000)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tally(added: usize, edited: usize, removed: usize, unchanged: usize) -> Tally {
        Tally { added, edited, removed, unchanged }
    }

    #[test]
    fn a_summary_names_timeouts_and_daemons() {
        let summary = |timeouts_changed, daemons| Summary {
            servers: tally(0, 0, 0, 4),
            timeouts_changed,
            daemons,
            ..Summary::default()
        };
        for (summary, text) in [
            (summary(true, tally(0, 0, 0, 1)), "4 servers unchanged, timeouts changed"),
            (
                summary(false, tally(1, 1, 0, 0)),
                "4 servers unchanged, 1 sync daemon started, 1 restarted",
            ),
            (summary(false, tally(0, 0, 2, 0)), "4 servers unchanged, 2 sync daemons stopped"),
            (summary(false, tally(0, 0, 0, 2)), "4 servers unchanged"),
        ] {
            assert_eq!(summary.to_string(), text);
        }
    }

    #[test]
    fn a_summary_names_what_changes_and_how_many_servers_stay() {
        for (services, servers, text) in [
            (tally(0, 0, 0, 0), tally(0, 0, 0, 0), "nothing to change"),
            (
                tally(0, 0, 0, 10_000),
                tally(0, 0, 0, 50_000),
                "10,000 services unchanged, 50,000 servers unchanged",
            ),
            (
                tally(10_000, 0, 0, 0),
                tally(1_234_567, 0, 0, 0),
                "10,000 services added, 1,234,567 servers added",
            ),
            (
                tally(1, 2, 3, 4),
                tally(0, 0, 1, 0),
                "1 service added, 2 edited, 3 removed, 1 server removed",
            ),
            (tally(0, 0, 0, 2), tally(0, 1, 0, 1000), "1 server edited, 1,000 unchanged"),
        ] {
            let summary = Summary { services, servers, ..Summary::default() };
            assert_eq!(summary.to_string(), text);
        }
    }
}
