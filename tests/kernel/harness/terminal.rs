//! The user's terminal, passed to a session byte by byte, and restored afterwards.

use std::io::{self, Read, Write, stdin};
use std::time::Duration;
use std::{process, thread};

use rustix::termios::{OptionalActions, Termios, isatty, tcgetattr, tcgetwinsize, tcsetattr};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

/// The terminal in raw mode. It is restored on drop.
pub(crate) struct RawTerminal {
    before: Termios,
}

impl RawTerminal {
    /// `None` if standard input is not a terminal.
    pub(crate) fn new() -> Option<RawTerminal> {
        if !isatty(stdin()) {
            return None;
        }
        let before = tcgetattr(stdin()).ok()?;
        restore_on_signals(before.clone());
        let mut raw = before.clone();
        raw.make_raw();
        tcsetattr(stdin(), OptionalActions::Now, &raw).ok()?;
        Some(RawTerminal { before })
    }
}

impl Drop for RawTerminal {
    fn drop(&mut self) {
        let _ = tcsetattr(stdin(), OptionalActions::Flush, &self.before);
    }
}

/// A signal that ends this process must not leave the terminal in raw mode.
fn restore_on_signals(before: Termios) {
    let Ok(mut signals) = Signals::new([SIGHUP, SIGINT, SIGTERM]) else {
        return;
    };
    thread::spawn(move || {
        if let Some(signal) = signals.forever().next() {
            let _ = tcsetattr(stdin(), OptionalActions::Now, &before);
            process::exit(128 + signal);
        }
    });
}

/// Rows and columns; `24 80` without a terminal.
pub(crate) fn size() -> String {
    match tcgetwinsize(stdin()) {
        Ok(size) if size.ws_row > 0 => format!("{} {}", size.ws_row, size.ws_col),
        _ => "24 80".to_owned(),
    }
}

/// Copies standard input to `console`. At its end, if it is a file or a pipe, types the end-of-file
/// key.
pub(crate) fn relay_keyboard(mut console: impl Write + Send + 'static) {
    thread::spawn(move || {
        let mut input = stdin().lock();
        let mut bytes = [0; 4096];
        while let Ok(count @ 1..) = input.read(&mut bytes) {
            if send(&mut console, &bytes[..count]).is_err() {
                return;
            }
        }
        // The key only reaches a program that is reading lines, and several may do so, one after
        // the other.
        while send(&mut console, &[4]).is_ok() {
            thread::sleep(Duration::from_secs(1));
        }
    });
}

fn send(console: &mut impl Write, bytes: &[u8]) -> io::Result<()> {
    console.write_all(bytes)?;
    console.flush()
}
