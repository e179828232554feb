//! The network namespace and the module that a command works with for longer than a moment.

use std::os::fd::AsFd;

use ipvs::{Error, Namespace};
use rustix::fs::fstat;

use crate::kernel::connect::is_loaded;
use crate::process::failure::Failure;

/// The network namespace that a command works in. Its processes keep it alive, so a command that
/// takes its time has to look whether it is still the one it was called for.
#[derive(Debug)]
pub(crate) struct Home<'n> {
    /// As `--netns` has it. `None`: the program's own.
    name: Option<&'n str>,
    identity: Option<Identity>,
}

/// The device and inode of a namespace, which no other has as long as it exists.
type Identity = (u64, u64);

impl<'n> Home<'n> {
    pub(crate) fn of(name: Option<&'n str>) -> Result<Self, Failure> {
        let identity = name.map(identity).transpose()?;
        Ok(Home { name, identity })
    }

    /// As `--netns` has it.
    pub(crate) fn name(&self) -> Option<&'n str> {
        self.name
    }

    /// Fails if there is no namespace of this name any more, or another one.
    pub(crate) fn check(&self) -> Result<(), Failure> {
        match self.name {
            Some(name) if identity(name).ok() != self.identity => {
                Err(Failure::Overtaken(format!("the network namespace {name} is gone")))
            }
            _ => Ok(()),
        }
    }
}

fn identity(name: &str) -> Result<Identity, Error> {
    let namespace = Namespace::find(name)?;
    let failed = |error: rustix::io::Errno| Error::Namespace {
        namespace: name.to_owned(),
        source: error.into(),
    };
    let stat = fstat(namespace.as_fd()).map_err(failed)?;
    Ok((stat.st_dev, stat.st_ino))
}

/// From talking to the kernel after it has answered before.
pub(crate) fn lost(error: Error) -> Failure {
    if is_loaded() {
        Failure::from(error)
    } else {
        Failure::Overtaken("IPVS is gone: its module has been removed from the kernel".to_owned())
    }
}
