//! Lines of rules from standard input, each as soon as it arrives.

use std::io;
use std::os::fd::BorrowedFd;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::retry_on_intr;

use crate::process::failure::Failure;
use crate::process::lock::Lock;

/// The sizes of the buffer at first and at most. Most inputs are short, and untouched memory costs
/// nothing, so it starts small and doubles up to where more saves no time.
const FIRST_CHUNK: usize = 4 * 1024;
const CHUNK: usize = 32 * 1024;

/// Splits input into lines, without waiting for more than has arrived.
#[derive(Debug)]
pub(crate) struct Input<R> {
    source: R,
    /// `start..end` has arrived and not been taken; the rest is free.
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    /// The number of lines taken.
    lines: u64,
    ended: bool,
}

impl<R: Source> Input<R> {
    pub(crate) fn new(source: R) -> Self {
        let mut buffer = Vec::with_capacity(CHUNK);
        buffer.resize(FIRST_CHUNK, 0);
        Input { source, buffer, start: 0, end: 0, lines: 0, ended: false }
    }

    /// The next line with its number, if it has arrived whole.
    pub(crate) fn line(&mut self) -> Option<(u64, &[u8])> {
        let rest = &self.buffer[self.start..self.end];
        let length = match memchr::memchr(b'\n', rest) {
            Some(newline) => newline + 1,
            // The last line may lack its newline.
            None if self.ended && !rest.is_empty() => rest.len(),
            None => return None,
        };
        self.start += length;
        self.lines += 1;
        Some((self.lines, &rest[..length]))
    }

    /// Waits for more. Returns `false` at the end.
    pub(crate) fn fill(&mut self) -> Result<bool, Failure> {
        if self.ended {
            return Ok(false);
        }
        let filled = self.end == self.buffer.len();
        self.buffer.copy_within(self.start..self.end, 0);
        self.end -= self.start;
        self.start = 0;
        // A line may be longer than the buffer.
        if filled && (self.end == self.buffer.len() || self.buffer.len() < CHUNK) {
            self.buffer.resize(2 * self.buffer.len(), 0);
        }
        let read = self.source.read(&mut self.buffer[self.end..])?;
        self.end += read;
        self.ended = read == 0;
        Ok(true)
    }
}

/// An origin of rules.
pub(crate) trait Source {
    /// Waits for more and reads it into `buffer`. Returns the number of bytes, 0 at the end.
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Failure>;
}

impl Source for &[u8] {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Failure> {
        io::Read::read(self, buffer).map_err(unreadable)
    }
}

/// Standard input of a command that changes the whole table, with the lock that keeps others from
/// doing so at the same time.
///
/// The input may never end, so the lock is released while none arrives for a while.
#[derive(Debug)]
pub(crate) struct LockedInput {
    input: BorrowedFd<'static>,
    lock: Option<Lock>,
    wait: Option<u32>,
}

/// The pause in the input after which the lock is released: longer than any program takes between
/// two rules.
const SILENCE: Timespec = Timespec { tv_sec: 2, tv_nsec: 0 };

impl LockedInput {
    /// Takes the lock, waiting at most `wait` seconds if there is a limit.
    pub(crate) fn acquire(wait: Option<u32>) -> Result<LockedInput, Failure> {
        let lock = Lock::acquire(wait)?;
        Ok(LockedInput { input: rustix::stdio::stdin(), lock, wait })
    }

    /// Waits for input or its end; `false` if neither arrives in time.
    fn arrives_in_time(&self) -> bool {
        let mut input = [PollFd::new(&self.input, PollFlags::IN)];
        // After an error in `poll`, reading reports the cause.
        retry_on_intr(|| poll(&mut input, Some(&SILENCE))) != Ok(0)
    }
}

impl Source for LockedInput {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Failure> {
        let held = self.lock.is_some();
        if held && !self.arrives_in_time() {
            self.lock = None;
        }
        let read = retry_on_intr(|| rustix::io::read(self.input, &mut *buffer))
            .map_err(|error| unreadable(error.into()))?;
        if held && self.lock.is_none() && read > 0 {
            self.lock = Lock::acquire(self.wait)?;
        }
        Ok(read)
    }
}

fn unreadable(error: io::Error) -> Failure {
    Failure::unreadable("standard input", error)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(pieces: &[&[u8]]) -> Vec<(u64, Vec<u8>)> {
        /// Delivers one piece at a time, as a pipe does.
        struct Pieces<'a>(Vec<&'a [u8]>);
        impl Source for Pieces<'_> {
            fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Failure> {
                let Some(piece) = self.0.pop() else { return Ok(0) };
                let (now, later) = piece.split_at(piece.len().min(buffer.len()));
                buffer[..now.len()].copy_from_slice(now);
                if !later.is_empty() {
                    self.0.push(later);
                }
                Ok(now.len())
            }
        }
        let mut input = Input::new(Pieces(pieces.iter().rev().copied().collect()));
        let mut found = Vec::new();
        loop {
            while let Some((number, line)) = input.line() {
                found.push((number, line.to_vec()));
            }
            if !input.fill().expect("the pieces can be read") {
                return found;
            }
        }
    }

    #[test]
    fn lines_cut_anywhere_arrive_whole() {
        let want = vec![(1, b"one\n".to_vec()), (2, b"\n".to_vec()), (3, b"three".to_vec())];
        assert_eq!(lines(&[b"one\n\nthree"]), want);
        assert_eq!(lines(&[b"o", b"ne", b"\n", b"\nth", b"ree"]), want);
        assert_eq!(lines(&[]), vec![]);
        assert_eq!(lines(&[b"x\n"]), vec![(1, b"x\n".to_vec())]);
    }

    #[test]
    fn lines_may_be_longer_than_the_buffer() {
        let long = [vec![b'x'; 3 * CHUNK], b"\n".to_vec()].concat();
        let want = vec![(1, b"one\n".to_vec()), (2, long.clone())];
        assert_eq!(lines(&[b"one\n", &long]), want);
    }
}
