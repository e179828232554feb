//! Reading a recording.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::anyhow;
use ipvs::rules::grammar::TimeOfDay;
use miniz_oxide::inflate::decompress_to_vec_zlib_with_limit;

use super::frame::{Known, read_all, read_changes};
use super::{HEAD, Head, MARK};
use crate::process::failure::Failure;
use crate::top::reading::Reading;
use crate::top::time::{DAY, next};

/// More than a frame of the largest table has. A damaged file must not take all memory.
const MOST: usize = 1 << 28;

/// What stands before a place, to know rates and history there. In milliseconds.
const MINUTE: u64 = 62_000;

/// A frame of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Placed {
    head: Head,
    /// The place of its bytes.
    offset: u64,
}

/// The frames of a file.
#[derive(Debug)]
pub(super) struct Scanned {
    frames: Vec<Placed>,
    /// The end of the last whole frame.
    pub(super) end: u64,
    /// Something follows that is no whole frame.
    is_cut: bool,
}

/// Finds the frames of a file, without reading their bytes.
pub(super) fn scan(file: &mut File, path: &Path) -> Result<Scanned, Failure> {
    let failed = |error: io::Error| Failure::unreadable(path.display(), error);
    let length = file.metadata().map_err(failed)?.len();
    file.seek(SeekFrom::Start(0)).map_err(failed)?;
    let mut reader = BufReader::new(file);
    let mut mark = [0; MARK.len()];
    let is_marked = match reader.read_exact(&mut mark) {
        Ok(()) => mark == *MARK,
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => false,
        Err(error) => return Err(failed(error)),
    };
    if !is_marked {
        let problem = format!("{}: not what --top --record writes", path.display());
        return Err(Failure::Senseless(problem));
    }
    let mut scanned = Scanned { frames: Vec::new(), end: MARK.len() as u64, is_cut: false };
    loop {
        let offset = scanned.end + HEAD as u64;
        if offset > length {
            break;
        }
        let mut head = [0; HEAD];
        reader.read_exact(&mut head).map_err(failed)?;
        let Some(head) = Head::read(&head) else {
            break;
        };
        let end = offset + u64::from(head.length);
        if end > length {
            break;
        }
        scanned.frames.push(Placed { head, offset });
        reader.seek_relative(i64::from(head.length)).map_err(failed)?;
        scanned.end = end;
    }
    scanned.is_cut = scanned.end < length;
    Ok(scanned)
}

/// The last part of a path.
pub(super) fn name(path: &Path) -> &str {
    path.file_name().and_then(|name| name.to_str()).unwrap_or("a file")
}

/// A recording that is shown.
pub(crate) struct Replay {
    path: PathBuf,
    file: File,
    frames: Vec<Placed>,
    is_cut: bool,
    known: Known,
    /// The frame that was read last. `None` before the first.
    position: Option<usize>,
}

impl Replay {
    pub(crate) fn open(path: &Path) -> Result<Self, Failure> {
        let opened = File::open(path);
        let mut file = opened.map_err(|error| Failure::unreadable(path.display(), error))?;
        let Scanned { frames, is_cut, .. } = scan(&mut file, path)?;
        if frames.is_empty() {
            let problem = format!("{}: a recording without a single reading", path.display());
            return Err(Failure::Senseless(problem));
        }
        let known = Known::default();
        Ok(Replay { path: path.to_owned(), file, frames, is_cut, known, position: None })
    }

    /// The file's name.
    pub(crate) fn name(&self) -> &str {
        name(&self.path)
    }

    /// True if the file ends within a frame.
    pub(crate) fn is_cut(&self) -> bool {
        self.is_cut
    }

    /// The place of the last reading.
    pub(crate) fn position(&self) -> usize {
        self.position.unwrap_or(0)
    }

    /// How far that is, of 100.
    pub(crate) fn percent(&self) -> u8 {
        let last = self.frames.len().saturating_sub(1).max(1);
        (self.position() * 100 / last).min(100) as u8
    }

    /// The time from the last reading to the next. `None` at the end.
    pub(crate) fn pause(&self) -> Option<Duration> {
        let now = self.frames.get(self.position?)?.head.at;
        let next = self.frames.get(self.position? + 1)?.head.at;
        Some(Duration::from_millis(next.saturating_sub(now)))
    }

    /// The next reading. `None` at the end.
    pub(crate) fn next(&mut self) -> Result<Option<Reading>, Failure> {
        let next = self.position.map_or(0, |position| position + 1);
        if next >= self.frames.len() {
            return Ok(None);
        }
        self.read(next).map(Some)
    }

    /// The readings of the minute before a place, and that one. It becomes the last.
    pub(crate) fn minute_before(&mut self, target: usize) -> Result<Vec<Reading>, Failure> {
        let target = target.min(self.frames.len() - 1);
        let end = self.frames[target].head.at;
        let is_near = |at: &usize| {
            let begin = self.frames[*at].head.at;
            begin <= end && end - begin <= MINUTE
        };
        let begin = (0..=target).rev().take_while(is_near).last().unwrap_or(target);
        // Frames build on those before, down to a key frame.
        let key = (0..=begin).rev().find(|at| self.frames[*at].head.is_key).unwrap_or(0);
        let mut readings = Vec::new();
        for at in key..=target {
            let reading = self.read(at)?;
            if at >= begin {
                readings.push(reading);
            }
        }
        Ok(readings)
    }

    /// The place so many minutes away from the last reading.
    pub(crate) fn minutes_away(&self, minutes: i64) -> usize {
        let now = self.frames[self.position().min(self.frames.len() - 1)].head.at;
        let wanted = now.saturating_add_signed(minutes * 60_000);
        self.place_of(wanted)
    }

    /// The place of the first reading at this time or later, or of the last one.
    fn place_of(&self, wanted: u64) -> usize {
        let place = self.frames.partition_point(|frame| frame.head.at < wanted);
        place.min(self.frames.len() - 1)
    }

    /// The place of the next time of this kind after `now`. If there is none: the first in the file, or
    /// the last reading.
    pub(crate) fn at_time_of_day(&self, now: Option<u64>, time: TimeOfDay) -> usize {
        let first = self.frames[0].head.at;
        for begin in now.map(|now| now.saturating_add(1)).into_iter().chain([first]) {
            let wanted = next(begin, time);
            let place = self.place_of(wanted);
            let at = self.frames[place].head.at;
            // After a gap, it may be long after.
            if at >= wanted && at - wanted < DAY / 2 {
                return place;
            }
        }
        self.frames.len() - 1
    }

    /// Reads a frame, for which the one before was read last, unless it is a key frame.
    fn read(&mut self, place: usize) -> Result<Reading, Failure> {
        let Placed { head, offset } = self.frames[place];
        let mut bytes = vec![0; head.length as usize];
        self.file
            .seek(SeekFrom::Start(offset))
            .and_then(|_| self.file.read_exact(&mut bytes))
            .map_err(|error| Failure::unreadable(self.path.display(), error))?;
        let bytes = decompress_to_vec_zlib_with_limit(&bytes, MOST).ok();
        let reading = bytes.and_then(|bytes| {
            if !head.is_key {
                return read_changes(&mut self.known, &bytes, head.at);
            }
            let (known, reading) = read_all(&bytes, head.at)?;
            self.known = known;
            Some(reading)
        });
        let reading = reading.ok_or_else(|| {
            let at = crate::top::time::stamp(head.at);
            Failure::Unreadable(anyhow!("{}: damaged at {at}", self.path.display()))
        })?;
        self.position = Some(place);
        Ok(reading)
    }
}
