//! Sessions: programs that run inside, with their input and output connected to the caller's.

use std::ffi::OsString;
use std::io::stdin;
use std::path::Path;
use std::process::ExitCode;
use std::{env, process::Termination};

use rustix::process::{ioctl_tiocsctty, setsid};
use rustix::termios::{Winsize, tcsetwinsize};

use super::stage::{JOB, Job, SCRATCH_INSIDE, SIZE};

/// A session, which `--NAME` runs inside.
pub(crate) struct Session {
    /// Its name, which follows `--`.
    pub(crate) name: &'static str,
    /// True if it needs a keyboard and a terminal.
    pub(crate) interactive: bool,
    /// Runs it, with the arguments that follow its name.
    pub(crate) run: fn(&[OsString]) -> ExitCode,
}

/// Runs the session that the environment names.
pub(crate) fn run_in_this_process(sessions: &[Session]) -> ExitCode {
    if let Ok(size) = env::var(SIZE) {
        // The console of user-mode Linux is not the controlling terminal yet. If this fails, the
        // shell has no job control, and works.
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
