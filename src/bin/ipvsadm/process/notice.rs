//! Words on standard error.

use std::fmt::Display;
use std::io::Write;

/// Says something on standard error, in one piece. That nobody reads it any more must not keep a
/// change from being finished or undone, so this never fails.
pub(crate) fn say(text: impl Display) {
    let line = format!("{text}\n");
    let _ = std::io::stderr().lock().write_all(line.as_bytes());
}
