//! Standard output, written in large pieces.

use std::io::{self, Write};

/// Standard output, written in large pieces. What is printed is put into `text`; now and then, and
/// at the end, [`flush`](Sink::flush) must be called.
#[derive(Debug)]
pub(crate) struct Sink<W = io::StdoutLock<'static>> {
    /// What has not been written yet.
    pub(crate) text: Vec<u8>,
    writer: W,
}

/// From how many bytes on it is worth a system call. More would save less time than touching more
/// memory takes.
const PIECE: usize = 32 * 1024;

/// How much further what is printed goes, as a rule, before that is looked at.
const MORE: usize = 4 * 1024;

impl Sink {
    pub(crate) fn stdout() -> Self {
        // What is not written to is not touched.
        Sink { text: Vec::with_capacity(PIECE + MORE), writer: io::stdout().lock() }
    }
}

impl<W: Write> Sink<W> {
    /// What is printed goes to `writer`.
    #[cfg(test)]
    pub(crate) fn to(writer: W) -> Self {
        Sink { text: Vec::new(), writer }
    }

    /// What has been printed, and where to.
    #[cfg(test)]
    pub(crate) fn written(mut self) -> W {
        self.flush().expect("memory takes everything");
        self.writer
    }

    /// Writes what has gathered if it is much.
    pub(crate) fn pass(&mut self) -> io::Result<()> {
        if self.text.len() >= PIECE { self.flush() } else { Ok(()) }
    }

    /// Writes what has gathered.
    pub(crate) fn flush(&mut self) -> io::Result<()> {
        if !self.text.is_empty() {
            self.writer.write_all(&self.text)?;
            self.text.clear();
        }
        self.writer.flush()
    }
}
