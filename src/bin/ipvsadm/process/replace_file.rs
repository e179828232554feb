//! Replacing a file as a whole, so that whatever goes wrong, the previous one stays.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{MetadataExt, PermissionsExt, fchown};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

/// The number of symbolic links in a row that the kernel follows.
const MOST_LINKS: usize = 40;

/// A file to be written.
#[derive(Debug)]
pub(crate) enum OutputFile {
    /// A device, a pipe, or something that is already open, as `/dev/stdout`: written as it is.
    Direct(File),
    /// Written beside the file, which it replaces at the end. Removed if it never does.
    Replacement {
        /// The new content.
        temporary: NamedTempFile,
        /// The file to replace. Not a symbolic link.
        target: PathBuf,
    },
}

impl OutputFile {
    /// Opens it. The file itself stays as it is.
    pub(crate) fn create(path: &Path) -> io::Result<OutputFile> {
        let Some(target) = follow_links(path)? else {
            return append(path);
        };
        let previous = match fs::metadata(&target) {
            Ok(metadata) if !metadata.is_file() => return append(path),
            Ok(metadata) => Some(metadata),
            Err(error) if error.kind() == ErrorKind::NotFound => None,
            Err(error) => return Err(error),
        };
        // A new file has the permissions that the umask leaves.
        let temporary = tempfile::Builder::new()
            .prefix(".ipvsadm-save.")
            .permissions(Permissions::from_mode(0o666))
            .tempfile_in(directory(&target))?;
        if let Some(previous) = previous {
            // Only root may give files away. The owner comes first, as changing it clears bits of
            // the mode.
            let _ = fchown(temporary.as_file(), Some(previous.uid()), Some(previous.gid()));
            temporary.as_file().set_permissions(previous.permissions())?;
        }
        Ok(OutputFile::Replacement { temporary, target })
    }

    /// Where to write.
    pub(crate) fn writer(&self) -> io::Result<File> {
        match self {
            OutputFile::Direct(file) => file.try_clone(),
            OutputFile::Replacement { temporary, .. } => temporary.as_file().try_clone(),
        }
    }

    /// True if something is left behind when the program ends before this is finished.
    pub(crate) fn is_replacement(&self) -> bool {
        matches!(self, OutputFile::Replacement { .. })
    }

    /// Puts the new file, once it is on the disk, in the place of the previous one.
    pub(crate) fn finish(self) -> io::Result<()> {
        if let OutputFile::Replacement { temporary, target } = self {
            temporary.as_file().sync_all()?;
            temporary.persist(&target)?;
            // The new name is on the disk when its directory is.
            File::open(directory(&target))?.sync_all()?;
        }
        Ok(())
    }
}

/// For what cannot be replaced. Standard output may be a file that others have written to.
fn append(path: &Path) -> io::Result<OutputFile> {
    OpenOptions::new().append(true).open(path).map(OutputFile::Direct)
}

fn directory(file: &Path) -> &Path {
    match file.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    }
}

/// The file that a path leads to, which need not exist. `None` if it is one that a process has
/// open: the links under `/proc` lead to more than their text says.
fn follow_links(path: &Path) -> io::Result<Option<PathBuf>> {
    let mut path = path.to_owned();
    for _ in 0..MOST_LINKS {
        if path.starts_with("/proc") {
            return Ok(None);
        }
        match fs::read_link(&path) {
            Ok(link) => path = directory(&path).canonicalize()?.join(link),
            // Not a link (`EINVAL`), or not there.
            Err(error) if matches!(error.kind(), ErrorKind::InvalidInput | ErrorKind::NotFound) => {
                return Ok(Some(path));
            }
            Err(error) => return Err(error),
        }
    }
    Err(rustix::io::Errno::LOOP.into())
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::os::unix::fs::symlink;

    use super::*;

    fn write(path: &Path, text: &str) -> io::Result<()> {
        let file = OutputFile::create(path)?;
        file.writer()?.write_all(text.as_bytes())?;
        file.finish()
    }

    fn names(directory: &Path) -> Vec<String> {
        let entries = fs::read_dir(directory).expect("a directory");
        let name = |entry: io::Result<fs::DirEntry>| entry.expect("an entry").file_name();
        let mut names: Vec<_> =
            entries.map(|entry| name(entry).to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }

    #[test]
    fn a_file_is_replaced_and_keeps_its_mode() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("rules");
        write(&path, "one").expect("written");
        fs::set_permissions(&path, Permissions::from_mode(0o640)).expect("set");
        let before = fs::metadata(&path).expect("there");
        write(&path, "two").expect("written");
        let after = fs::metadata(&path).expect("there");
        assert_eq!(fs::read_to_string(&path).expect("readable"), "two");
        assert_eq!((after.mode(), after.uid()), (before.mode(), before.uid()));
        assert_ne!(after.ino(), before.ino());
        assert_eq!(names(directory.path()), ["rules"]);
    }

    #[test]
    fn a_link_stays_and_its_target_is_replaced() {
        let directory = tempfile::tempdir().expect("a directory");
        let [link, second, target] = ["link", "second", "target"].map(|n| directory.path().join(n));
        symlink("second", &link).expect("made");
        symlink(&target, &second).expect("made");
        // At first, the target is not there.
        for text in ["one", "two"] {
            write(&link, text).expect("written");
            assert_eq!(fs::read_to_string(&target).expect("readable"), text);
        }
        assert!(fs::symlink_metadata(&link).expect("there").is_symlink());
        symlink("loop", directory.path().join("loop")).expect("made");
        write(&directory.path().join("loop"), "").expect_err("it leads nowhere");
    }

    #[test]
    fn a_file_that_is_not_finished_leaves_the_previous_one() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("rules");
        write(&path, "one").expect("written");
        let file = OutputFile::create(&path).expect("opened");
        file.writer().expect("a file").write_all(b"two").expect("written");
        drop(file);
        assert_eq!(fs::read_to_string(&path).expect("readable"), "one");
        assert_eq!(names(directory.path()), ["rules"]);
    }

    #[test]
    fn devices_and_open_files_are_written_as_they_are() {
        write(Path::new("/dev/null"), "gone").expect("written");
        let mut open = tempfile::tempfile().expect("a file");
        open.write_all(b"before, ").expect("written");
        let path = format!("/proc/self/fd/{}", std::os::fd::AsRawFd::as_raw_fd(&open));
        write(Path::new(&path), "after").expect("written");
        let content = fs::read_to_string(&path).expect("readable");
        assert_eq!(content, "before, after");
    }
}
