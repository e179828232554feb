//! Standard output, or a file, written in large pieces.

use std::io::{self, Write};

/// Standard output, or a file, written in large pieces. Text gathers here: call
/// [`pass`](Self::pass) now and then, and [`flush`](Self::flush) at the end.
pub(crate) struct Sink {
    /// Not written yet.
    pub(crate) text: Vec<u8>,
    writer: Box<dyn Write>,
}

/// The least that is worth a system call. Larger pieces touch more memory, which costs more than
/// the calls they save.
const PIECE: usize = 32 * 1024;

/// Headroom past PIECE, so the buffer rarely grows between checks.
const HEADROOM: usize = 4 * 1024;

impl Sink {
    pub(crate) fn stdout() -> Self {
        Sink::to(io::stdout().lock())
    }

    pub(crate) fn to(writer: impl Write + 'static) -> Self {
        // Memory that is never written to is never touched, so a short run pays for little of it.
        Sink { text: Vec::with_capacity(PIECE + HEADROOM), writer: Box::new(writer) }
    }

    /// Adds text.
    pub(crate) fn print(&mut self, text: impl AsRef<[u8]>) {
        self.text.extend_from_slice(text.as_ref());
    }

    /// The text not written yet, to append to.
    pub(crate) fn text(&mut self) -> &mut Vec<u8> {
        &mut self.text
    }

    /// Writes the text if there is much of it.
    pub(crate) fn pass(&mut self) -> io::Result<()> {
        if self.text.len() >= PIECE { self.flush() } else { Ok(()) }
    }

    /// Writes the text.
    pub(crate) fn flush(&mut self) -> io::Result<()> {
        if !self.text.is_empty() {
            self.writer.write_all(&self.text)?;
            self.text.clear();
        }
        self.writer.flush()
    }
}

/// Everything that `print` prints.
#[cfg(test)]
pub(crate) fn printed(print: impl FnOnce(&mut Sink)) -> String {
    use std::cell::RefCell;
    use std::rc::Rc;

    struct Memory(Rc<RefCell<Vec<u8>>>);

    impl Write for Memory {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.borrow_mut().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    let memory = Rc::default();
    let mut sink = Sink::to(Memory(Rc::clone(&memory)));
    print(&mut sink);
    sink.flush().expect("memory takes everything");
    String::from_utf8(memory.take()).expect("text")
}
