//! What the program prints: one file or folder for each format.
//!
//! Every format of a table is a [`Printer`], and knows nothing of how the table is read.

pub(crate) mod changes;
pub(crate) mod classic;
pub(crate) mod connections;
mod counter;
pub(crate) mod counts;
pub(crate) mod findings;
pub(crate) mod json;
pub(crate) mod operation;
mod pad;
pub(crate) mod prometheus;
pub(crate) mod ramp;
pub(crate) mod rules;
pub(crate) mod settings;
pub(crate) mod status;
pub(crate) mod table;

use ipvs::{Destination, Service, Stats};

use crate::process::failure::Failure;

/// A format in which a table is printed, one service at a time.
///
/// The classic listing, JSON and rules print each service as it comes, so that a table of any size
/// takes little memory. A format whose first line depends on the last service prints in
/// [`end`](Self::end): see [`Prometheus`](prometheus::Prometheus), which keeps the whole table
/// until then, and [`TableListing`](table::TableListing), which measures the table and has it read
/// again.
///
/// What was printed may still be in the sink.
pub(crate) trait Printer {
    /// Prints what comes before the first service. Called before each reading of the table.
    fn begin(&mut self) -> Result<(), Failure> {
        Ok(())
    }

    /// Prints a service and its real servers.
    fn service(&mut self, service: &Service, destinations: &[Destination]) -> Result<(), Failure>;

    /// Prints what comes after the last service, or everything in a format that could print
    /// nothing before.
    fn end(&mut self) -> Result<Next, Failure> {
        Ok(Next::Done)
    }
}

/// What a format needs after a reading of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Next {
    /// Everything is printed.
    Done,
    /// The same services once more.
    ReadAgain,
}

/// The statistics of a service or server; all 0 where none were read.
fn statistics(stats: &Option<Box<Stats>>) -> Stats {
    stats.as_deref().copied().unwrap_or_default()
}

/// Prints what is already in memory.
#[cfg(test)]
pub(crate) fn print_entries(printer: &mut impl Printer, entries: &[ipvs::SnapshotEntry]) {
    loop {
        printer.begin().expect("printed");
        for entry in entries {
            printer.service(&entry.service, &entry.destinations).expect("printed");
        }
        if printer.end().expect("printed") == Next::Done {
            return;
        }
    }
}
