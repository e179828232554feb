//! Many changes over few system calls.

use super::Client;
#[cfg(doc)]
use crate::error::Error;
use crate::error::{Refusal, Result};
use crate::model::Change;
use crate::netlink::socket::{KernelSocket, Transport};
use crate::plan::check_netmask_family;

/// Many changes over few system calls.
///
/// Changes are carried out in the order in which they were pushed. They are sent together, with
/// one acknowledgement for all. A change the kernel refuses is reported with its `Tag`, and does
/// not keep the next ones from being carried out.
///
/// End a batch with [`finish`](Self::finish), which sends what is left and returns the refusals.
/// A batch that is dropped sends what is left as well, but then nobody learns what was refused.
///
/// ```no_run
/// # fn rules() -> Vec<ipvs::Change> { Vec::new() }
/// let mut client = ipvs::Client::new()?;
/// let mut batch = client.batch();
/// for (number, change) in rules().iter().enumerate() {
///     batch.push(number, change)?;
/// }
/// for refused in batch.finish()? {
///     eprintln!("change {}: {}", refused.tag, refused.refusal);
/// }
/// # Ok::<(), ipvs::Error>(())
/// ```
#[derive(Debug)]
#[must_use = "`finish` sends the changes that are left and returns what was refused"]
pub struct Batch<'c, Tag, T: Transport = KernelSocket> {
    client: &'c mut Client<T>,
    /// The tags of the changes that wait to be sent, in order.
    tags: Vec<Tag>,
    refused: Vec<Refused<Tag>>,
    window: usize,
}

/// A change that the kernel refused.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Refused<Tag> {
    /// The value pushed with the change.
    pub tag: Tag,
    /// Why the kernel refused it.
    pub refusal: Refusal,
}

/// The most changes in one datagram. More of them save no more time.
const MOST_CHANGES: usize = 256;

/// The length from which a datagram is sent, in bytes. The kernel takes 212,960 by default; the
/// longest change is under 300.
const MOST_BYTES: usize = 128 * 1024;

/// The length of most changes, in bytes.
const USUAL_BYTES: usize = 192;

impl<'c, Tag, T: Transport> Batch<'c, Tag, T> {
    pub(super) fn new(client: &'c mut Client<T>) -> Self {
        let window = client.connection.reply_window().clamp(1, MOST_CHANGES);
        client.connection.clear();
        // Untouched memory costs nothing, but growing copies.
        client.connection.reserve(window * USUAL_BYTES);
        Batch { client, tags: Vec::with_capacity(window), refused: Vec::new(), window }
    }

    /// Adds a change; `tag` comes back with a refusal. Sends the changes gathered so far when
    /// there are enough of them.
    ///
    /// # Errors
    /// [`Error::Config`], with nothing added; and those of [`flush`](Self::flush).
    pub fn push(&mut self, tag: Tag, change: &Change) -> Result<()> {
        check_netmask_family(change)?;
        self.client.connection.enqueue_change(change);
        self.tags.push(tag);
        let (changes, bytes) = self.client.connection.waiting();
        if changes >= self.window || bytes >= MOST_BYTES { self.flush() } else { Ok(()) }
    }

    /// Sends the changes gathered so far, and waits until the kernel has carried out or refused
    /// each of them.
    ///
    /// # Errors
    /// [`Error::Socket`], [`Error::Malformed`] and [`Error::RepliesLost`], after which it is not
    /// known which changes were carried out; they are not sent again. A refusal is no error here:
    /// see [`take_refused`](Self::take_refused).
    pub fn flush(&mut self) -> Result<()> {
        let mut refusals = Vec::new();
        let outcome = self.client.connection.carry_out(|index, refusal| {
            refusals.push((index, refusal));
        });
        if refusals.is_empty() {
            self.tags.clear();
            return outcome;
        }
        // The kernel answers in order, and once.
        refusals.sort_by_key(|(index, _)| *index);
        refusals.dedup_by_key(|(index, _)| *index);
        let mut refusals = refusals.into_iter().peekable();
        for (index, tag) in self.tags.drain(..).enumerate() {
            if let Some((_, refusal)) = refusals.next_if(|(refused, _)| *refused == index) {
                self.refused.push(Refused { tag, refusal });
            }
        }
        outcome
    }

    /// True if every change that was pushed has been sent.
    pub(super) fn is_flushed(&self) -> bool {
        self.tags.is_empty()
    }

    /// Takes the refusals that have come and were not taken yet, in the order in which the
    /// changes were pushed. Only a change that was sent can have been refused.
    pub fn take_refused(&mut self) -> Vec<Refused<Tag>> {
        std::mem::take(&mut self.refused)
    }

    /// Sends the changes that are left, and returns the refusals that were not taken yet.
    ///
    /// # Errors
    /// Those of [`flush`](Self::flush).
    pub fn finish(mut self) -> Result<Vec<Refused<Tag>>> {
        self.flush()?;
        Ok(self.take_refused())
    }
}

impl<Tag, T: Transport> Drop for Batch<'_, Tag, T> {
    /// Sends the changes that are left, unless this thread panics.
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.client.connection.clear();
        } else {
            // The caller chose not to hear of it.
            let _ = self.flush();
        }
    }
}
