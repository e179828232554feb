//! Writing a recording.

use std::fs::{File, OpenOptions};
use std::io::{self, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use anyhow::anyhow;
use miniz_oxide::deflate::compress_to_vec_zlib;

use super::frame::{Known, write_all, write_changes};
use super::replay::scan;
use super::{Head, MARK};
use crate::process::failure::Failure;
use crate::top::reading::Reading;

/// The time between two key frames, in milliseconds: whoever seeks has to read so much.
const KEY_EVERY: u64 = 5 * 60 * 1000;

/// How hard to compress: beyond this, files hardly become smaller.
const LEVEL: u8 = 6;

/// A recording that is being written.
pub(crate) struct Recorder {
    path: PathBuf,
    file: File,
    known: Known,
    /// The time of the last key frame. `None` before the first.
    last_key: Option<u64>,
}

impl Recorder {
    /// Begins a recording, or adds to one that is there: what was cut off at its end is removed.
    pub(crate) fn open(path: &Path) -> Result<Self, Failure> {
        let failed = |error: io::Error| Failure::Other(anyhow!("{}: {error}", path.display()));
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            // It tells who is served from where.
            .mode(0o600)
            .open(path)
            .map_err(failed)?;
        let is_empty = file.metadata().map_err(failed)?.len() == 0;
        if is_empty {
            file.write_all(MARK).map_err(failed)?;
        } else {
            let scanned = scan(&mut file, path)?;
            file.set_len(scanned.end).map_err(failed)?;
            file.seek(SeekFrom::Start(scanned.end)).map_err(failed)?;
        }
        Ok(Recorder { path: path.to_owned(), file, known: Known::default(), last_key: None })
    }

    /// The file's name.
    pub(crate) fn name(&self) -> &str {
        super::replay::name(&self.path)
    }

    /// Adds a reading. It is in the file when this returns.
    pub(crate) fn write(&mut self, reading: &Reading) -> Result<(), Failure> {
        let mut before = self.known.clone();
        let is_same = self.known.take(reading);
        let is_due = self
            .last_key
            .is_none_or(|last| reading.at < last || reading.at.saturating_sub(last) >= KEY_EVERY);
        let is_key = !is_same || is_due;
        let bytes = match is_key {
            true => write_all(&self.known, &reading.host),
            false => write_changes(&mut before, &mut self.known, &reading.host),
        };
        let bytes = compress_to_vec_zlib(&bytes, LEVEL);
        let length = u32::try_from(bytes.len()).map_err(|error| Failure::Other(error.into()))?;
        let head = Head { is_key, at: reading.at, length };
        let frame = [&head.write()[..], &bytes].concat();
        self.file
            .write_all(&frame)
            .map_err(|error| Failure::Other(anyhow!("{}: {error}", self.path.display())))?;
        if is_key {
            self.last_key = Some(reading.at);
        }
        Ok(())
    }
}
