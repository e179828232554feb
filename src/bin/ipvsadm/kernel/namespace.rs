//! The network namespace that a long command works in.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;

use ipvs::Namespace;
use rustix::fs::fstat;

use crate::process::failure::Failure;

/// Fails once a namespace that was named is no longer there under this name. It lives on while this
/// process is in it, but nobody sends it a packet.
pub(crate) fn check(name: Option<&str>) -> Result<(), Failure> {
    let Some(name) = name else {
        return Ok(());
    };
    let now = fstat(&Namespace::find(name)?).map_err(io::Error::from);
    let own = fs::metadata("/proc/thread-self/ns/net");
    match (now, own) {
        (Ok(now), Ok(own)) if (now.st_dev, now.st_ino) != (own.dev(), own.ino()) => {
            let source =
                io::Error::new(io::ErrorKind::NotFound, "it has made room for another one");
            Err(ipvs::Error::Namespace { namespace: name.to_owned(), source }.into())
        }
        _ => Ok(()),
    }
}
