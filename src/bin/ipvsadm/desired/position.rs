//! A position in a file.

use std::fmt;

/// A position in a file. One line of JSON may have several.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Position {
    pub(crate) line: u64,
    /// Counted from 1 for a mistake in JSON, otherwise 0.
    pub(crate) column: usize,
    /// Orders the parts of one line of JSON.
    pub(crate) index: usize,
}

impl Position {
    /// A line of rules.
    pub(crate) fn line(line: u64) -> Self {
        Position { line, column: 0, index: 0 }
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.column {
            0 => write!(f, "line {}", self.line),
            column => write!(f, "line {}, column {column}", self.line),
        }
    }
}
