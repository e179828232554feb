//! One at a time: commands that change a whole table wait for each other.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;

use crate::process::failure::Failure;
use crate::process::notice::say;

/// The lock of this network namespace. It is held until this is dropped, or the program ends in
/// whatever way.
#[derive(Debug)]
pub(crate) struct Lock {
    _file: File,
}

/// The namespace of this thread; its inode tells it from others.
const NAMESPACE: &str = "/proc/thread-self/ns/net";

/// After this long a person wants to know what is waited for.
const PATIENCE: Duration = Duration::from_secs(1);

/// How long to sleep between attempts.
const PAUSE: Duration = Duration::from_millis(20);

impl Lock {
    /// Waits for the lock, so many seconds at most if `wait` says so.
    ///
    /// `None` where there is no place for the lock: on a read-only file system the command must
    /// work all the same, as `ipvsadm` 1.31 did without any lock.
    pub(crate) fn acquire(wait: Option<u32>) -> Result<Option<Lock>, Failure> {
        let Ok(file) = open() else {
            return Ok(None);
        };
        let started = Instant::now();
        let deadline = wait.map(|seconds| Duration::from_secs(seconds.into()));
        let mut told = false;
        loop {
            match flock(&file, FlockOperation::NonBlockingLockExclusive) {
                Ok(()) => return Ok(Some(Lock { _file: file })),
                Err(Errno::WOULDBLOCK | Errno::INTR) => {}
                // A file system without locks is no place for one either.
                Err(_) => return Ok(None),
            }
            let waited = started.elapsed();
            if deadline.is_some_and(|deadline| waited >= deadline) {
                return Err(Failure::Locked(waited.as_secs()));
            }
            if waited >= PATIENCE && !told {
                say("waiting for another ipvsadm that is changing this table");
                told = true;
            }
            thread::sleep(PAUSE);
        }
    }
}

fn open() -> io::Result<File> {
    let inode = std::fs::metadata(NAMESPACE)?.ino();
    let path = PathBuf::from(format!("/run/ipvsadm.{inode}.lock"));
    // Nobody but root may hold it, or anybody could keep root from changing the table.
    OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(path)
}
