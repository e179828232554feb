//! A session: something to run inside with a person, or a program, in front of it.

use std::ffi::OsString;
use std::io::stdin;
use std::path::Path;
use std::process::ExitCode;
use std::{env, process::Termination};

use rustix::process::{ioctl_tiocsctty, setsid};
use rustix::termios::{Winsize, tcsetwinsize};

use super::stage::{JOB, Job, SCRATCH_INSIDE, SIZE};

/// Something that `--NAME` runs inside.
pub(crate) struct Session {
    /// The word after `--`.
    pub(crate) name: &'static str,
    /// Whether it wants the person's keyboard and terminal.
    pub(crate) interactive: bool,
    /// What it does, with the arguments after its name.
    pub(crate) run: fn(&[OsString]) -> ExitCode,
}

/// Runs the session that the environment names.
pub(crate) fn run_in_this_process(sessions: &[Session]) -> ExitCode {
    if let Ok(size) = env::var(SIZE) {
        // On the bare console of user-mode Linux nobody has made it our terminal yet; under
        // `script` it is. Without either, the shell has no job control, and works.
        let _ = setsid();
        let _ = ioctl_tiocsctty(stdin());
        if let Some(size) = parse(&size) {
            let _ = tcsetwinsize(stdin(), size);
        }
    }
    let name = env::var(JOB).unwrap_or_default();
    let Some(session) = sessions.iter().find(|session| session.name == name) else {
        eprintln!("there is no session {name:?}");
        return ExitCode::FAILURE;
    };
    match Job::read(Path::new(SCRATCH_INSIDE)) {
        Ok(job) => (session.run)(&job.arguments).report(),
        Err(error) => {
            eprintln!("{SCRATCH_INSIDE}: {error}");
            ExitCode::FAILURE
        }
    }
}

fn parse(size: &str) -> Option<Winsize> {
    let (rows, columns) = size.split_once(' ')?;
    Some(Winsize {
        ws_row: rows.parse().ok()?,
        ws_col: columns.parse().ok()?,
        ws_xpixel: 0,
        ws_ypixel: 0,
    })
}
