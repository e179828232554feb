//! How much a plan changes.

use std::fmt;

/// How much a [`Plan`](crate::Plan) adds, edits, removes and leaves as it is.
///
/// As text it names what changes, and how many servers stay; how many services stay it says only
/// if nothing changes at all:
///
/// ```
/// use ipvs::{Summary, Tally};
///
/// let summary = Summary {
///     services: Tally { added: 3, unchanged: 9_997, ..Tally::default() },
///     servers: Tally { added: 0, edited: 12, removed: 1, unchanged: 60_001 },
/// };
/// assert_eq!(
///     summary.to_string(),
///     "3 services added, 12 servers edited, 1 removed, 60,001 unchanged",
/// );
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Summary {
    /// The virtual services. One counts as edited if its own configuration changes; what happens
    /// to its servers is counted with these.
    pub services: Tally,
    /// The real servers, those of services that are added or removed as a whole included.
    pub servers: Tally,
}

/// How many of a kind are added, edited, removed and left as they are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// In the second table only.
    pub added: usize,
    /// In both, with different configurations.
    pub edited: usize,
    /// In the first table only.
    pub removed: usize,
    /// In both, with the same configuration.
    pub unchanged: usize,
}

impl Tally {
    /// How many are added, edited and removed together.
    pub const fn changed(&self) -> usize {
        self.added + self.edited + self.removed
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let idle = self.services.changed() + self.servers.changed() == 0;
        let services =
            Tally { unchanged: if idle { self.services.unchanged } else { 0 }, ..self.services };
        let mut first = true;
        for (tally, one, many) in
            [(services, "service", "services"), (self.servers, "server", "servers")]
        {
            // The noun stands with the first number of its kind.
            let mut named = false;
            for (count, what) in [
                (tally.added, "added"),
                (tally.edited, "edited"),
                (tally.removed, "removed"),
                (tally.unchanged, "unchanged"),
            ] {
                if count == 0 {
                    continue;
                }
                let separator = if first { "" } else { ", " };
                write!(f, "{separator}{}", Grouped(count))?;
                if !named {
                    write!(f, " {}", if count == 1 { one } else { many })?;
                }
                write!(f, " {what}")?;
                (first, named) = (false, true);
            }
        }
        if first { f.write_str("nothing to change") } else { Ok(()) }
    }
}

/// A number with a comma between each three digits: `60,001`.
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
            assert_eq!(Summary { services, servers }.to_string(), text);
        }
    }
}
