//! Commands that take their time.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::netns::Netns;
use crate::program;

/// Longer than anything takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// Our `ipvsadm` in the background, killed when dropped.
pub(super) struct Background {
    child: Child,
    output: PathBuf,
    errors: PathBuf,
}

impl Background {
    pub(super) fn start(ns: &Netns, line: &str) -> Background {
        static NUMBER: AtomicUsize = AtomicUsize::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let [output, errors] =
            ["out", "err"].map(|name| PathBuf::from(format!("/tmp/{name}{number}")));
        let create = |path: &PathBuf| File::create(path).expect("/tmp is writable");
        let mut command = Command::new(program::ipvsadm());
        command
            .args(line.split_whitespace())
            .stdin(Stdio::null())
            .stdout(create(&output))
            .stderr(create(&errors));
        let child = ns.enter(|| command.spawn()).expect("it starts");
        Background { child, output, errors }
    }

    /// The whole lines that it has printed so far.
    pub(super) fn output(&self) -> String {
        let mut text = read(&self.output);
        text.truncate(text.rfind('\n').map_or(0, |end| end + 1));
        text
    }

    pub(super) fn signal(&self, signal: Signal) {
        let id = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        kill_process(id.expect("it has an ID"), signal).expect("it can be signalled");
    }

    /// Waits for its end. Returns its status, output and errors.
    #[track_caller]
    pub(super) fn ended(mut self) -> (ExitStatus, String, String) {
        let status = until("it ends", || self.child.try_wait().expect("it is ours"));
        (status, read(&self.output), read(&self.errors))
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn read(file: &Path) -> String {
    fs::read_to_string(file).expect("text")
}

/// Waits until there is something.
#[track_caller]
pub(super) fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < end, "waited in vain until {what}");
        sleep(Duration::from_millis(20));
    }
}
