//! Messages on standard error.

use std::fmt::Display;
use std::io::Write;

/// Prints a message on standard error in one piece. Errors are ignored: a change must be finished
/// or undone even if nobody reads the messages.
pub(crate) fn say(text: impl Display) {
    let line = format!("{text}\n");
    let _ = std::io::stderr().lock().write_all(line.as_bytes());
}
