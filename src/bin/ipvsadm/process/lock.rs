//! The lock that makes commands that change a whole table run one at a time.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use rustix::fs::{FlockOperation, flock, major, minor};
use rustix::io::Errno;

use crate::process::failure::Failure;
use crate::process::notice::say;

/// The lock of this network namespace, released when this is dropped or the program ends in any
/// way.
#[derive(Debug)]
pub(crate) struct Lock {
    _file: File,
}

/// The namespace of this thread, which its inode identifies.
const NAMESPACE: &str = "/proc/thread-self/ns/net";

/// The time after which to say what the program is waiting for.
const PATIENCE: Duration = Duration::from_secs(1);

/// The pause between two attempts.
const PAUSE: Duration = Duration::from_millis(20);

impl Lock {
    /// Waits for the lock, at most `wait` seconds if there is a limit.
    ///
    /// `None` if the lock file cannot be opened: on a read-only file system the command must still
    /// work, as `ipvsadm` 1.31 did without a lock.
    pub(crate) fn acquire(wait: Option<u32>) -> Result<Option<Lock>, Failure> {
        let Ok(file) = open() else {
            return Ok(None);
        };
        let started = Instant::now();
        let deadline = wait.map(|seconds| Duration::from_secs(seconds.into()));
        let mut announced = false;
        loop {
            match flock(&file, FlockOperation::NonBlockingLockExclusive) {
                Ok(()) => return Ok(Some(Lock { _file: file })),
                Err(Errno::WOULDBLOCK | Errno::INTR) => {}
                // The file system does not support locks.
                Err(_) => return Ok(None),
            }
            let waited = started.elapsed();
            if deadline.is_some_and(|deadline| waited >= deadline) {
                return Err(Failure::Locked { seconds: waited.as_secs(), holder: holder(&file) });
            }
            if waited >= PATIENCE && !announced {
                match holder(&file) {
                    Some(holder) => say(format_args!(
                        "waiting for another ipvsadm that is changing this table: {holder}"
                    )),
                    None => say("waiting for another ipvsadm that is changing this table"),
                }
                announced = true;
            }
            thread::sleep(PAUSE);
        }
    }
}

fn open() -> io::Result<File> {
    let inode = std::fs::metadata(NAMESPACE)?.ino();
    let path = PathBuf::from(format!("/run/ipvsadm.{inode}.lock"));
    // If others could open it, anybody could keep root from changing the table.
    OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(path)
}

/// The process that holds the lock: `process 4711 (ipvsadm --apply rules)`. `None` if it is not
/// visible from here, for instance in another PID namespace.
fn holder(file: &File) -> Option<String> {
    let process = holder_in(&std::fs::read_to_string("/proc/locks").ok()?, &file_in_list(file)?)?;
    let command = std::fs::read(format!("/proc/{process}/cmdline")).unwrap_or_default();
    let words: Vec<_> = command
        .split(|byte| *byte == 0)
        .filter(|word| !word.is_empty())
        .map(String::from_utf8_lossy)
        .collect();
    Some(match words.is_empty() {
        true => format!("process {process}"),
        // A process can put anything into its command line, even terminal escapes.
        false => format!("process {process} ({})", words.join(" ").replace(char::is_control, "?")),
    })
}

/// A file in the notation of the kernel's list of locks, the device in hexadecimal and the inode:
/// `00:1a:63`.
fn file_in_list(file: &File) -> Option<String> {
    let metadata = file.metadata().ok()?;
    let (device, inode) = (metadata.dev(), metadata.ino());
    Some(format!("{:02x}:{:02x}:{inode}", major(device), minor(device)))
}

/// The process that holds a lock on this file: `1: FLOCK  ADVISORY  WRITE 4711 00:1a:63 0 EOF`.
fn holder_in(locks: &str, file: &str) -> Option<u32> {
    locks.lines().find_map(|line| {
        let mut words = line.split_ascii_whitespace().skip(1);
        // A line with an arrow is a process that waits for the lock.
        (words.next()? == "FLOCK").then_some(())?;
        let process = words.nth(2)?.parse().ok().filter(|process| *process != 0)?;
        (words.next()? == file).then_some(process)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_holder_is_found_in_the_list_of_locks() {
        let locks = "\
1: POSIX  ADVISORY  WRITE 800 00:1a:63 0 EOF
2: -> FLOCK  ADVISORY  WRITE 801 00:1a:63 0 EOF
3: FLOCK  ADVISORY  WRITE 802 00:1a:64 0 EOF
4: FLOCK  ADVISORY  WRITE 803 00:1a:63 0 EOF
5: FLOCK  ADVISORY  WRITE 0 00:1a:65 0 EOF
6: FLOCK  ADVISORY  WRITE 804 00:1b:66 0 EOF
";
        assert_eq!(holder_in(locks, "00:1a:63"), Some(803));
        assert_eq!(holder_in(locks, "00:1a:64"), Some(802));
        assert_eq!(holder_in(locks, "00:1a:65"), None);
        assert_eq!(holder_in(locks, "00:1a:66"), None);
        assert_eq!(holder_in("nonsense\n\n1:\n", "00:1a:63"), None);
    }
}
