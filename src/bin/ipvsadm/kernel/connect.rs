//! The connection to the kernel.

use std::process::{Command, Stdio};

use ipvs::{Client, Error};

use crate::process::failure::Failure;

/// Connects to IPVS. Where the kernel has none, its module is loaded first.
pub(crate) fn connect() -> Result<Client, Failure> {
    match Client::new() {
        Err(Error::NotAvailable) => {
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

/// Asks modprobe, whose own words on standard error say what went wrong. Its place is fixed, as
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
