//! Progress of a long command, for a person at a terminal.
//!
//! It is one line of text. The crate indicatif made every start a tenth slower, because it links
//! the C library's mathematics.

use std::io::{self, IsTerminal, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// The time before the first report, and between reports.
const PATIENCE: Duration = Duration::from_secs(1);

/// The number of steps between two looks at the clock.
const STRIDE: usize = 256;

/// Returns to the beginning of the line and erases it.
const CLEAR: &str = "\r\x1b[K";

/// Reports progress on standard error if that is a terminal, once a command has taken a second.
/// Dropping it erases the report.
#[derive(Debug)]
pub(crate) struct Progress {
    /// The things counted, in the plural.
    things: &'static str,
    total: Option<usize>,
    done: usize,
    /// When the first stride ended, and after that when progress was last shown. A command that
    /// ends earlier never looks at the clock.
    since: Option<Instant>,
    screen: Screen,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Screen {
    /// Not looked for yet.
    Unknown,
    /// Nobody is watching.
    None,
    Clear,
    Written,
}

impl Progress {
    pub(crate) fn new(things: &'static str, total: Option<usize>) -> Self {
        Progress { things, total, done: 0, since: None, screen: Screen::Unknown }
    }

    /// Counts one more.
    pub(crate) fn step(&mut self) {
        self.done += 1;
        if self.done.is_multiple_of(STRIDE) {
            self.look_at_the_clock();
        }
    }

    /// Erases the report, so that something else can be printed.
    pub(crate) fn clear(&mut self) {
        if self.screen == Screen::Written {
            put(CLEAR);
            self.screen = Screen::Clear;
        }
    }

    #[cold]
    fn look_at_the_clock(&mut self) {
        let since = *self.since.get_or_insert_with(Instant::now);
        if self.screen == Screen::None || since.elapsed() < PATIENCE {
            return;
        }
        self.since = Some(Instant::now());
        if self.screen == Screen::Unknown && !self.is_watched() {
            self.screen = Screen::None;
            return;
        }
        put(&format!("{CLEAR}{}", self.text()));
        self.screen = Screen::Written;
    }

    /// A listing on the same terminal shows its own progress.
    fn is_watched(&self) -> bool {
        let is_listing = self.total.is_some();
        io::stderr().is_terminal() && !(is_listing && io::stdout().is_terminal())
    }

    fn text(&self) -> String {
        let Progress { things, total, done, .. } = self;
        match total {
            Some(total) => format!("{done} of {total} {things}"),
            None => format!("{done} {things}"),
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.clear();
    }
}

/// A line on standard error, if that is a terminal, that says how far a command is which waits.
/// Dropping it erases the line.
#[derive(Debug)]
pub(crate) struct StatusLine {
    is_watched: bool,
    is_written: bool,
}

impl StatusLine {
    pub(crate) fn new() -> Self {
        let is_watched = io::stderr().is_terminal() && !IS_TAKEN.load(Ordering::Relaxed);
        StatusLine { is_watched, is_written: false }
    }

    /// True if there is somebody to show it to.
    pub(crate) fn is_watched(&self) -> bool {
        self.is_watched
    }

    /// Shows this text in place of the one before.
    pub(crate) fn show(&mut self, text: impl std::fmt::Display) {
        if self.is_watched {
            put(&format!("{CLEAR}{text}"));
            self.is_written = true;
        }
    }

    /// Erases the line, so that something else can be printed.
    pub(crate) fn clear(&mut self) {
        if std::mem::take(&mut self.is_written) {
            put(CLEAR);
        }
    }
}

impl Drop for StatusLine {
    fn drop(&mut self) {
        self.clear();
    }
}

/// True while something else is drawn on the whole terminal.
static IS_TAKEN: AtomicBool = AtomicBool::new(false);

/// From now on, nothing is shown: the whole terminal is drawn on.
#[cfg(feature = "top")]
pub(crate) fn take_terminal() {
    IS_TAKEN.store(true, Ordering::Relaxed);
}

/// Errors are ignored: a command must not fail because nobody reads its progress.
fn put(text: &str) {
    let _ = io::stderr().lock().write_all(text.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_command_never_looks_at_the_clock() {
        let mut progress = Progress::new("rules", None);
        for _ in 1..STRIDE {
            progress.step();
        }
        assert_eq!(progress.since, None);
        progress.step();
        assert!(progress.since.is_some());
        assert_eq!(progress.screen, Screen::Unknown);
    }

    #[test]
    fn the_report_counts_steps() {
        let mut progress = Progress::new("rules", None);
        progress.step();
        progress.step();
        assert_eq!(progress.text(), "2 rules");
        assert_eq!(Progress::new("services", Some(7)).text(), "0 of 7 services");
    }
}
