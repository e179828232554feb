//! Commands that see files other than this machine's, in a mount namespace of their own.

use std::fs;
use std::path::{Path, PathBuf};

use crate::netns::{Netns, Ran};

/// Files to put over others, for the commands of one test.
pub(crate) struct Mounts {
    folder: PathBuf,
    commands: String,
    files: usize,
}

impl Mounts {
    pub(crate) fn new() -> Mounts {
        let folder = PathBuf::from(format!("/tmp/mounts{}", std::process::id()));
        fs::create_dir_all(&folder).expect("/tmp is writable");
        Mounts { folder, commands: String::new(), files: 0 }
    }

    /// Makes a file with this content, not mounted anywhere yet.
    pub(crate) fn file(&mut self, content: impl AsRef<[u8]>) -> PathBuf {
        self.files += 1;
        let path = self.folder.join(self.files.to_string());
        fs::write(&path, content).expect("/tmp is writable");
        path
    }

    /// Mounts a file over `target`, which must exist.
    pub(crate) fn put(&mut self, file: &Path, target: &str) {
        self.prepare(&format!("mount --bind {} {target}", file.display()));
    }

    /// Mounts a file with this content over `target`.
    pub(crate) fn put_text(&mut self, content: impl AsRef<[u8]>, target: &str) {
        let file = self.file(content);
        self.put(&file, target);
    }

    /// Makes `/etc` writable, with everything in it still there.
    pub(crate) fn writable_etc(&mut self) {
        self.prepare(
            "mkdir -p /tmp/etc$$; mount --bind /etc /tmp/etc$$; mount -t tmpfs tmpfs /etc; \
             ln -s /tmp/etc$$/* /etc/",
        );
    }

    /// Adds a shell command to run before each script.
    pub(crate) fn prepare(&mut self, command: &str) {
        self.commands += command;
        self.commands.push('\n');
    }

    /// Runs a shell script that sees the files.
    pub(crate) fn run(&self, ns: &Netns, script: &str) -> Ran {
        let script = format!("set -e\n{}set +e\n{script}", self.commands);
        ns.command("unshare").args(["--mount", "sh", "-c", &script]).run()
    }
}

impl Drop for Mounts {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// A path for a shell script.
pub(crate) fn quoted(path: &Path) -> String {
    format!("'{}'", path.display())
}
