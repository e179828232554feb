//! The folder of the settings: files in `/proc/sys/net/ipv4/vs`.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::OwnedFd;
use std::path::Path;

use rustix::fs::{AtFlags, CWD, Dir, FileType, Mode, OFlags, openat, statat};

/// Where the settings of the thread's network namespace are.
pub(crate) const PATH: &str = "/proc/sys/net/ipv4/vs";

/// The folder, held open. The kernel resolves its path by the namespace of the thread that opens
/// it; what is opened below it later is of the same namespace, whatever thread opens it.
#[derive(Debug)]
pub(super) struct Folder(OwnedFd);

impl Folder {
    /// That of the calling thread's namespace. `None` if there is none: without IPVS or `/proc`.
    pub(super) fn open() -> Option<Self> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        openat(CWD, PATH, flags, Mode::empty()).ok().map(Folder)
    }

    /// The names of the files that can be read, and whether each can be written here by those who
    /// have the permission.
    pub(super) fn list(&self) -> io::Result<Vec<(String, bool)>> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let readable = openat(&self.0, ".", flags, Mode::empty())?;
        let mut names = Vec::new();
        for entry in Dir::new(readable)? {
            let entry = entry?;
            let Ok(name) = entry.file_name().to_str() else {
                continue;
            };
            let Ok(status) = statat(&self.0, name, AtFlags::empty()) else {
                continue;
            };
            let mode = Mode::from_raw_mode(status.st_mode);
            let is_file = FileType::from_raw_mode(status.st_mode) == FileType::RegularFile;
            if is_file && mode.intersects(Mode::RUSR | Mode::RGRP | Mode::ROTH) {
                let writable = mode.intersects(Mode::WUSR | Mode::WGRP | Mode::WOTH);
                names.push((name.to_owned(), writable));
            }
        }
        Ok(names)
    }

    pub(super) fn read(&self, name: &str) -> io::Result<String> {
        let mut text = String::new();
        self.file(name, OFlags::RDONLY)?.read_to_string(&mut text)?;
        Ok(text)
    }

    /// In one call, as the kernel takes each for a whole value.
    pub(super) fn write(&self, name: &str, text: &str) -> io::Result<()> {
        self.file(name, OFlags::WRONLY)?.write(text.as_bytes()).map(drop)
    }

    fn file(&self, name: &str, access: OFlags) -> io::Result<File> {
        if Path::new(name).components().count() != 1 || matches!(name, "." | "..") {
            return Err(io::ErrorKind::NotFound.into());
        }
        Ok(File::from(openat(&self.0, name, access | OFlags::CLOEXEC, Mode::empty())?))
    }
}
