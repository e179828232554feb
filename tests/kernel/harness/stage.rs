//! The role of this process, and its job.
//!
//! Both come through the environment, which reaches the first process of user-mode Linux too: a
//! NAME=value on the kernel's command line that the kernel does not know is put into the
//! environment of `init`.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs, io};

/// The role of a process. Not set outside.
pub(crate) const STAGE: &str = "IPVS_LAB_STAGE";
/// The temporary folder that one kernel and the harness outside share.
pub(crate) const SCRATCH: &str = "IPVS_LAB_SCRATCH";
/// `uml` in user-mode Linux. Not set on this machine's own kernel.
pub(crate) const PLACE: &str = "IPVS_LAB_PLACE";
/// A number that chooses the core that the kernel runs on. Not set where it may use all.
pub(crate) const SEAT: &str = "IPVS_LAB_SEAT";
/// The purpose of the kernel: `tests`, or the name of a session.
pub(crate) const JOB: &str = "IPVS_LAB_JOB";
/// Folders to keep visible under `/tmp` and `/run`, joined with `:`.
pub(crate) const KEEP: &str = "IPVS_LAB_KEEP";
/// The name of the test to run.
pub(crate) const TEST: &str = "IPVS_LAB_TEST";
/// The terminal's size, `rows columns`.
pub(crate) const SIZE: &str = "IPVS_LAB_SIZE";
/// Set when the output may have colours.
pub(crate) const COLOURS: &str = "IPVS_LAB_COLOURS";

/// The path of [`SCRATCH`] inside.
pub(crate) const SCRATCH_INSIDE: &str = "/run/lab";

/// Removes role and job from a command's environment. If a session starts this program, it must not
/// take them up again.
pub(crate) fn forget_role(command: &mut Command) -> &mut Command {
    for name in [STAGE, SCRATCH, PLACE, SEAT, JOB, KEEP, TEST, SIZE, COLOURS] {
        command.env_remove(name);
    }
    command
}

/// The roles of a process of this program, except for the one outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// Starts the kernel, and ends it with everything in it when the process outside is gone.
    Supervisor,
    /// The first process inside.
    Init,
    /// One test.
    Test,
    /// One session: the demo, a shell, a command.
    Session,
}

impl Stage {
    const ALL: [Stage; 4] = [Stage::Supervisor, Stage::Init, Stage::Test, Stage::Session];

    /// Its name in the environment.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Stage::Supervisor => "supervisor",
            Stage::Init => "init",
            Stage::Test => "test",
            Stage::Session => "session",
        }
    }

    /// The role of this process.
    pub(crate) fn of_this_process() -> Option<Stage> {
        let name = env::var(STAGE).ok()?;
        Stage::ALL.into_iter().find(|stage| stage.name() == name)
    }
}

/// The job of one kernel, which the process outside writes into the scratch folder and `init`
/// reads.
#[derive(Debug, Default)]
pub(crate) struct Job {
    /// The environment of every process inside.
    pub(crate) environment: BTreeMap<OsString, OsString>,
    /// The session's own arguments.
    pub(crate) arguments: Vec<OsString>,
}

impl Job {
    /// Writes it into the scratch folder.
    pub(crate) fn write(&self, scratch: &Path) -> io::Result<()> {
        let mut environment = Vec::new();
        for (name, value) in &self.environment {
            environment.extend_from_slice(name.as_bytes());
            environment.push(b'=');
            environment.extend_from_slice(value.as_bytes());
            environment.push(0);
        }
        fs::write(scratch.join("environment"), environment)?;
        let mut arguments = Vec::new();
        for argument in &self.arguments {
            arguments.extend_from_slice(argument.as_bytes());
            arguments.push(0);
        }
        fs::write(scratch.join("arguments"), arguments)
    }

    /// Reads what [`Job::write`] wrote.
    pub(crate) fn read(scratch: &Path) -> io::Result<Job> {
        let environment = fs::read(scratch.join("environment"))?;
        let arguments = fs::read(scratch.join("arguments"))?;
        let pairs = items(&environment).filter_map(|item| {
            let middle = item.iter().position(|&byte| byte == b'=')?;
            let value = item.get(middle + 1..)?;
            Some((os(&item[..middle]), os(value)))
        });
        Ok(Job { environment: pairs.collect(), arguments: items(&arguments).map(os).collect() })
    }

    /// A variable of the environment inside.
    pub(crate) fn get(&self, name: &str) -> Option<&OsStr> {
        self.environment.get(OsStr::new(name)).map(OsString::as_os_str)
    }

    /// The folders of [`KEEP`].
    pub(crate) fn keep(&self) -> Vec<PathBuf> {
        self.get(KEEP).map(|keep| env::split_paths(keep).collect()).unwrap_or_default()
    }
}

fn items(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    bytes.split_inclusive(|&byte| byte == 0).map(|item| item.strip_suffix(&[0]).unwrap_or(item))
}

fn os(bytes: &[u8]) -> OsString {
    OsString::from_vec(bytes.to_vec())
}
