//! Commands that see other files than this machine's: in a mount namespace of their own.

use crate::netns::{Netns, Ran};
use std::fs;
use std::path::{Path, PathBuf};

/// Files to put over others, for the commands of one test.
pub(crate) struct Mounts {
    folder: PathBuf,
    commands: String,
    files: usize,
}

impl Mounts {
    pub(crate) fn new() -> Mounts {
        let folder = PathBuf::from(format!("/tmp/mounts{}", std::process::id()));
        fs::create_dir_all(&folder).expect("a folder for the files");
        Mounts { folder, commands: String::new(), files: 0 }
    }

    /// A file with this content, seen by nobody yet.
    pub(crate) fn file(&mut self, content: impl AsRef<[u8]>) -> PathBuf {
        self.files += 1;
        let path = self.folder.join(self.files.to_string());
        fs::write(&path, content).expect("a file");
        path
    }

    /// Puts a file over `target`, which must be there.
    pub(crate) fn put(&mut self, file: &Path, target: &str) {
        self.prepare(&format!("mount --bind {} {target}", file.display()));
    }

    /// Puts a file with this content over `target`.
    pub(crate) fn put_text(&mut self, content: impl AsRef<[u8]>, target: &str) {
        let file = self.file(content);
        self.put(&file, target);
    }

    /// Makes `/etc` a folder that files can be written into, with all that it has.
    pub(crate) fn writable_etc(&mut self) {
        self.prepare(
            "mkdir -p /tmp/etc$$; mount --bind /etc /tmp/etc$$; mount -t tmpfs tmpfs /etc; ln -s /tmp/etc$$/* /etc/",
        );
    }

    /// Adds a shell command to what is done before a script runs.
    pub(crate) fn prepare(&mut self, command: &str) {
        self.commands += command;
        self.commands.push('\n');
    }

    /// Runs a shell script that sees the files. The last command's status is the script's.
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
