//! The loop: events, readings, frames.

use std::time::{Duration, Instant};

use ratatui::crossterm::event;
use ratatui::layout::Rect;
use signal_hook::consts::SIGTSTP;

use super::app::{App, Next};
use super::draw::draw;
use super::screen::Screen;
use crate::process::failure::Failure;
use crate::process::signals::Signals;

/// A signal, and what works in the background, is noticed within this time.
const SLICE: Duration = Duration::from_millis(200);

/// Shows the balancer until the user has enough, or a signal arrives.
pub(crate) fn run(app: &mut App<'_, '_>, signals: &Signals) -> Result<(), Failure> {
    let mut screen = Screen::take()?;
    let size = screen.terminal().size().map_err(Failure::Output)?;
    app.resize(Rect::new(0, 0, size.width, size.height));
    let mut is_stale = true;
    loop {
        if let Some(signal) = signals.arrived() {
            return Err(Failure::Signal(signal));
        }
        is_stale |= app.tick();
        if is_stale {
            screen
                .terminal()
                .draw(|frame| {
                    app.resize(frame.area());
                    draw(&app.scene(), frame.area(), frame.buffer_mut());
                })
                .map_err(Failure::Output)?;
            is_stale = false;
        }
        let now = Instant::now();
        let wait = app.due().map_or(SLICE, |due| due.saturating_duration_since(now).min(SLICE));
        // All events that are there are for one frame.
        let mut wait = wait;
        while event::poll(wait).map_err(Failure::Output)? {
            wait = Duration::ZERO;
            let event = event::read().map_err(Failure::Output)?;
            crash_if_asked_to();
            match app.event(event) {
                Next::Draw => is_stale = true,
                Next::Nothing => {}
                Next::Redraw => {
                    screen.terminal().clear().map_err(Failure::Output)?;
                    is_stale = true;
                }
                Next::Suspend => {
                    screen.without(suspend)?;
                    is_stale = true;
                }
                Next::Quit => return Ok(()),
            }
        }
    }
}

/// Stops the program, until the shell lets it go on.
fn suspend() {
    let _ = signal_hook::low_level::emulate_default_handler(SIGTSTP);
}

/// In a build for tests, a panic with the next key, to see what becomes of the terminal.
fn crash_if_asked_to() {
    if cfg!(debug_assertions) && std::env::var_os("IPVSADM_TOP_CRASH").is_some() {
        panic!("asked to crash");
    }
}
