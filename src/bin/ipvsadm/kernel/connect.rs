//! The connection to the kernel, and loading its module.

use std::path::Path;
use std::process::{Command, Stdio};

use ipvs::{Client, Error};

use crate::process::failure::Failure;

/// Whether the module may be loaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Loading {
    /// If the kernel has no IPVS.
    IfMissing,
    /// Not even by the kernel, which since Linux 5.16 loads it for whoever asks for IPVS.
    Never,
}

/// Exists, in each network namespace, while the kernel has IPVS.
const TABLE: &str = "/proc/net/ip_vs";

/// True if the kernel has IPVS now.
pub(crate) fn is_loaded() -> bool {
    Path::new(TABLE).exists()
}

/// Connects to IPVS.
pub(crate) fn connect(loading: Loading) -> Result<Client, Failure> {
    if loading == Loading::Never && !is_loaded() {
        let problem = "IPVS is not loaded, and --no-load leaves it so";
        return Err(Failure::Unavailable(problem.to_owned()));
    }
    match Client::new() {
        Err(Error::NotAvailable) if loading == Loading::IfMissing => {
            load_module();
            Client::new()
        }
        result => result,
    }
    .map_err(|error| match error {
        Error::NotAvailable => Failure::Unavailable("Protocol not available".to_owned()),
        other => Failure::from(other),
    })
}

/// Runs modprobe, which itself says on standard error what went wrong. It is run by its path, since
/// the PATH of an init script may be poor.
fn load_module() {
    for modprobe in ["/sbin/modprobe", "/usr/sbin/modprobe", "/bin/modprobe"] {
        let status = Command::new(modprobe)
            .args(["--", "ip_vs"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .status();
        if status.is_ok() {
            return;
        }
    }
}
