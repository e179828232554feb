//! Whoever reads standard output.

use std::time::Instant;

use rustix::event::{PollFd, PollFlags, Timespec, poll};

/// Waits until this moment, but no longer than there is somebody who reads standard output. True if
/// there is nobody any more: a pipe without a reader.
///
/// Without this, a program that seldom prints anything would not notice for a long time.
pub(crate) fn leaves_before(until: Instant) -> bool {
    let output = rustix::stdio::stdout();
    // Nothing to wait for: errors are reported in any case.
    let mut output = [PollFd::new(&output, PollFlags::empty())];
    while let Some(left) = until.checked_duration_since(Instant::now()) {
        let left = Timespec::try_from(left).ok();
        match poll(&mut output, left.as_ref()) {
            Ok(0) | Err(_) => {}
            Ok(_) => return true,
        }
    }
    false
}
