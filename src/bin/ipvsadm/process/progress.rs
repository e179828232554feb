//! How far a long command is, for a person at a terminal.
//!
//! It takes one line of text. A crate for it was tried: indicatif makes every start a tenth dearer,
//! as it needs the C library's mathematics.

use std::io::{self, IsTerminal, Write};
use std::time::{Duration, Instant};

/// Nobody needs telling before, nor more often than this.
const PATIENCE: Duration = Duration::from_secs(1);

/// How many things are done between two looks at the clock.
const STRIDE: usize = 256;

/// To the beginning of the line, and what stands there away.
const CLEAR: &str = "\r\x1b[K";

/// Tells on standard error how far a command is: from its first second on, if that is a terminal.
/// What is shown is gone when this is dropped.
#[derive(Debug)]
pub(crate) struct Progress {
    /// What is counted.
    things: &'static str,
    total: Option<usize>,
    done: usize,
    /// When the first stride was done, and when something was shown last. What is over before costs no
    /// look at the clock.
    last: Option<Instant>,
    screen: Screen,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Screen {
    /// Nobody asked yet whether there is one.
    Unknown,
    /// Nobody is watching.
    None,
    Clear,
    Written,
}

impl Progress {
    pub(crate) fn new(things: &'static str, total: Option<usize>) -> Self {
        Progress { things, total, done: 0, last: None, screen: Screen::Unknown }
    }

    /// One more is done.
    pub(crate) fn step(&mut self) {
        self.done += 1;
        if self.done.is_multiple_of(STRIDE) {
            self.look_at_the_clock();
        }
    }

    /// Takes what is shown away, for something else to be printed.
    pub(crate) fn clear(&mut self) {
        if self.screen == Screen::Written {
            put(CLEAR);
            self.screen = Screen::Clear;
        }
    }

    #[cold]
    fn look_at_the_clock(&mut self) {
        let last = *self.last.get_or_insert_with(Instant::now);
        if self.screen == Screen::None || last.elapsed() < PATIENCE {
            return;
        }
        self.last = Some(Instant::now());
        if self.screen == Screen::Unknown && !self.is_watched() {
            self.screen = Screen::None;
            return;
        }
        put(&format!("{CLEAR}{}", self.text()));
        self.screen = Screen::Written;
    }

    /// On one terminal a listing shows by itself how far it is.
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

/// That nobody reads it is no reason to stop.
fn put(text: &str) {
    let _ = io::stderr().lock().write_all(text.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_over_soon_costs_no_look_at_the_clock() {
        let mut progress = Progress::new("rules", None);
        for _ in 1..STRIDE {
            progress.step();
        }
        assert_eq!(progress.last, None);
        progress.step();
        assert!(progress.last.is_some());
        assert_eq!(progress.screen, Screen::Unknown);
    }

    #[test]
    fn the_line_says_how_far_it_is() {
        let mut progress = Progress::new("rules", None);
        progress.step();
        progress.step();
        assert_eq!(progress.text(), "2 rules");
        assert_eq!(Progress::new("services", Some(7)).text(), "0 of 7 services");
    }
}
