//! The terminal: taken over, and given back however the program ends.

use std::io::{self, IsTerminal, Stdout, Write, stdout};
use std::panic;

use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;
use ratatui::crossterm::cursor::{Hide, Show};
use ratatui::crossterm::event::{DisableMouseCapture, EnableMouseCapture};
use ratatui::crossterm::execute;
use ratatui::crossterm::terminal::{
    EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode,
};

use crate::process::failure::Failure;
use crate::process::progress::take_terminal;

/// The terminal, in raw mode and on its other screen. It is given back on drop, and before a panic is
/// reported.
pub(crate) struct Screen {
    terminal: Terminal<CrosstermBackend<Stdout>>,
}

impl Screen {
    pub(crate) fn take() -> Result<Self, Failure> {
        if !stdout().is_terminal() || !io::stdin().is_terminal() {
            let problem = "--top: needs a terminal; --batch prints instead of drawing";
            return Err(Failure::Senseless(problem.to_owned()));
        }
        let earlier = panic::take_hook();
        panic::set_hook(Box::new(move |panic| {
            give_back();
            earlier(panic);
        }));
        let terminal = Terminal::new(CrosstermBackend::new(stdout())).map_err(Failure::Output)?;
        take_terminal();
        let mut screen = Screen { terminal };
        screen.enter()?;
        Ok(screen)
    }

    fn enter(&mut self) -> Result<(), Failure> {
        enable_raw_mode().map_err(Failure::Output)?;
        execute!(stdout(), EnterAlternateScreen, EnableMouseCapture, Hide)
            .map_err(Failure::Output)?;
        self.terminal.clear().map_err(Failure::Output)
    }

    pub(crate) fn terminal(&mut self) -> &mut Terminal<CrosstermBackend<Stdout>> {
        &mut self.terminal
    }

    /// Gives the terminal back, does something, and takes it again.
    pub(crate) fn without(&mut self, work: impl FnOnce()) -> Result<(), Failure> {
        give_back();
        work();
        self.enter()
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        give_back();
    }
}

/// There is nothing to be done about a terminal that is gone.
fn give_back() {
    let _ = execute!(stdout(), DisableMouseCapture, LeaveAlternateScreen, Show);
    let _ = disable_raw_mode();
    let _ = stdout().flush();
}
