//! Work that may take long, and is done again and again.

use std::time::{Duration, Instant};

/// The work takes no more than one part in so many of the time.
const SHARE: u32 = 20;

/// When the work is done next.
#[derive(Debug)]
pub(super) struct Pace {
    due: Instant,
}

/// The work is being done.
pub(super) struct Turn {
    begun: Instant,
}

impl Pace {
    /// Due at once.
    pub(super) fn new() -> Self {
        Pace { due: Instant::now() }
    }

    /// `None` if the work is not due yet.
    pub(super) fn turn(&self) -> Option<Turn> {
        let begun = Instant::now();
        (begun >= self.due).then_some(Turn { begun })
    }

    pub(super) fn end(&mut self, turn: Turn) {
        // Not before the clock has moved on.
        self.due = Instant::now() + turn.begun.elapsed().max(Duration::from_millis(1)) * SHARE;
    }
}
