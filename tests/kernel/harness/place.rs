//! The choice of a kernel, and the command that starts a first process on it.

use std::path::Path;
use std::process::{Command, Stdio};
use std::{env, fs};

use super::stage::{SCRATCH, STAGE, Stage};
use super::uml;

/// The kernel that the tests run on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// This machine's own kernel, in namespaces.
    ThisKernel,
    /// User-mode Linux.
    UserModeLinux,
}

/// The variable that chooses the place: `host` or `uml`.
pub(crate) const CHOICE: &str = "IPVS_KERNEL";

impl Place {
    /// This machine's kernel if it has IPVS and allows namespaces, and user-mode Linux otherwise.
    pub(crate) fn choose() -> Result<Place, String> {
        match env::var(CHOICE).as_deref() {
            Ok("host") => this_kernel_serves().map(|()| Place::ThisKernel).map_err(|why| {
                format!("{CHOICE}=host, but this machine's kernel cannot be used: {why}")
            }),
            Ok("uml") => Ok(Place::UserModeLinux),
            Ok("") | Err(env::VarError::NotPresent) => Ok(match this_kernel_serves() {
                Ok(()) => Place::ThisKernel,
                Err(_) => Place::UserModeLinux,
            }),
            other => Err(format!("{CHOICE} is {other:?}; it can be host or uml")),
        }
    }

    /// The command that starts this program as the first process there, sharing `scratch` with it.
    pub(crate) fn command(self, scratch: &Path) -> Result<Command, String> {
        let program = env::current_exe()
            .map_err(|error| format!("cannot find this program's own file: {error}"))?;
        match self {
            Place::ThisKernel => {
                // At the end of a process namespace all processes in it end.
                let mut command = Command::new("unshare");
                command
                    .args(["--mount", "--net", "--uts", "--pid", "--fork"])
                    .arg("--kill-child=KILL")
                    .arg("env")
                    .arg(format!("{STAGE}={}", Stage::Init.name()))
                    .arg(format!("{SCRATCH}={}", scratch.display()))
                    .arg(program);
                Ok(command)
            }
            Place::UserModeLinux => uml::command(&program, scratch),
        }
    }
}

/// Checks that this machine's kernel has IPVS and allows namespaces. The error is the reason.
fn this_kernel_serves() -> Result<(), String> {
    if !rustix::process::geteuid().is_root() {
        return Err("only root can use it".to_owned());
    }
    let has_ipvs = || fs::exists("/proc/net/ip_vs").unwrap_or(false);
    if !has_ipvs() {
        let loaded = quiet(Command::new("modprobe").args(["-q", "ip_vs"]));
        if !loaded || !has_ipvs() {
            return Err("it has no module ip_vs".to_owned());
        }
    }
    let namespaces = ["--mount", "--net", "--uts", "--pid", "--fork", "true"];
    if !quiet(Command::new("unshare").args(namespaces)) {
        return Err("it does not allow new namespaces".to_owned());
    }
    Ok(())
}

/// Runs a command without output. True if it succeeded.
fn quiet(command: &mut Command) -> bool {
    let status = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
    status.is_ok_and(|status| status.success())
}
