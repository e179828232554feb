//! The signals that ask the program to end.

use std::cell::OnceCell;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Instant;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::{flag, low_level::pipe};

/// Watches for the signals that ask the program to end, so that its changes can be undone first.
/// The first signal is noted; a second one ends the program at once.
///
/// Watching begins when there is something to undo, and lasts to the end of the program. Until
/// then, and in every other command, signals have their default effect.
#[derive(Debug)]
pub(crate) struct Signals {
    arrived: Arc<AtomicUsize>,
    watched: Vec<i32>,
    /// Becomes readable with the first signal. Made by the first wait; `None` if that failed.
    bell: OnceCell<Option<UnixStream>>,
}

impl Signals {
    /// Starts watching. A signal ignored from the start, as under `nohup` or a shell's `&`, stays
    /// ignored.
    pub(crate) fn watch() -> Signals {
        let arrived = Arc::new(AtomicUsize::new(0));
        let second = Arc::new(AtomicBool::new(false));
        let ignored = ignored();
        let mut watched = Vec::new();
        for signal in [SIGHUP, SIGINT, SIGTERM] {
            if ignored & 1 << (signal - 1) != 0 {
                continue;
            }
            watched.push(signal);
            // The order matters: the first signal finds the flag down, then raises it. If a
            // handler cannot be installed, the signal keeps its default effect.
            let _ = flag::register_conditional_default(signal, Arc::clone(&second))
                .and_then(|_| flag::register(signal, Arc::clone(&second)))
                .and_then(|_| flag::register_usize(signal, Arc::clone(&arrived), signal as usize));
        }
        Signals { arrived, watched, bell: OnceCell::new() }
    }

    /// Starts watching for something that ends by itself soon after the first signal, and then has the
    /// terminal to give back: further signals are only noted.
    #[cfg(feature = "top")]
    pub(crate) fn watch_first() -> Signals {
        let arrived = Arc::new(AtomicUsize::new(0));
        let ignored = ignored();
        let is_watched = |signal: &i32| ignored & 1 << (signal - 1) == 0;
        let watched: Vec<i32> = [SIGHUP, SIGINT, SIGTERM].into_iter().filter(is_watched).collect();
        for signal in &watched {
            let _ = flag::register_usize(*signal, Arc::clone(&arrived), *signal as usize);
        }
        Signals { arrived, watched, bell: OnceCell::new() }
    }

    /// Waits until this moment, or for a signal, which is returned.
    pub(crate) fn wait(&self, until: Instant) -> Option<i32> {
        let bell = self.bell.get_or_init(|| self.bell().ok());
        loop {
            // After the bell is made: a signal before that does not ring it.
            if let Some(signal) = self.arrived() {
                return Some(signal);
            }
            let left = until.checked_duration_since(Instant::now())?;
            let left = Timespec::try_from(left).ok();
            let mut bell: Vec<_> =
                bell.iter().map(|bell| PollFd::new(bell, PollFlags::IN)).collect();
            // It ends early with any signal, which is what the loop is for.
            let _ = poll(&mut bell, left.as_ref());
        }
    }

    fn bell(&self) -> std::io::Result<UnixStream> {
        let (bell, rope) = UnixStream::pair()?;
        for signal in &self.watched {
            pipe::register(*signal, rope.try_clone()?)?;
        }
        Ok(bell)
    }

    /// The signal that has arrived.
    pub(crate) fn arrived(&self) -> Option<i32> {
        match self.arrived.load(Ordering::Relaxed) {
            0 => None,
            signal => Some(signal as i32),
        }
    }
}

/// Ends the program by the default effect of the signal, so that a shell or an init system sees
/// how it ended. Returns only if that fails.
pub(crate) fn end_by(signal: i32) {
    let _ = signal_hook::low_level::emulate_default_handler(signal);
}

/// The ignored signals, one bit each, signal 1 lowest.
fn ignored() -> u64 {
    let status = std::fs::read_to_string("/proc/thread-self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0)
}
