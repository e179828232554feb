//! Many changes in few datagrams.

use super::Client;
use crate::error::{Error, Refusal, Result};
use crate::model::Change;
use crate::netlink::socket::{KernelSocket, Transport};
use crate::plan::check_netmask_family;

/// Many changes in few datagrams, each with one acknowledgement for all.
///
/// The kernel carries the changes out in the order in which they were pushed. A setting is set at
/// once, after the changes before it have been sent. A change it refuses
/// is reported with its `Tag`, any value that the caller chose for it, and does not keep later
/// changes from being carried out. For all or nothing, use a [`Plan`](crate::Plan).
///
/// End a batch with [`finish`](Self::finish), which sends the remaining changes and returns the
/// refusals. A batch that is dropped sends them too, but its refusals are lost.
///
/// ```no_run
/// # fn rules() -> Vec<ipvs::Change> { Vec::new() }
/// let mut client = ipvs::Client::new()?;
/// let mut batch = client.batch();
/// for (number, change) in rules().iter().enumerate() {
///     batch.push(number, change)?;
/// }
/// for (number, refusal) in batch.finish()? {
///     eprintln!("change {number}: {refusal}");
/// }
/// # Ok::<(), ipvs::Error>(())
/// ```
#[derive(Debug)]
#[must_use = "`finish` sends the remaining changes and returns the refusals"]
pub struct Batch<'c, Tag, T: Transport = KernelSocket> {
    client: &'c mut Client<T>,
    /// The tags of the changes that wait to be sent, in the same order.
    tags: Vec<Tag>,
    refused: Vec<(Tag, Refusal)>,
    window: usize,
}

/// The most changes in one datagram. More would save no more time.
const MOST_CHANGES: usize = 256;

/// The length at which a datagram is sent, in bytes. The kernel accepts 212,960 by default, and the
/// longest change is shorter than 300.
const MOST_BYTES: usize = 128 * 1024;

/// The length of an ordinary change, in bytes.
const USUAL_BYTES: usize = 192;

impl<'c, Tag, T: Transport> Batch<'c, Tag, T> {
    pub(super) fn new(client: &'c mut Client<T>) -> Self {
        let window = client.connection.reply_window().clamp(1, MOST_CHANGES);
        client.connection.clear();
        // Memory costs nothing until it is written to, but growing means copying.
        client.connection.reserve(window * USUAL_BYTES);
        Batch { client, tags: Vec::with_capacity(window), refused: Vec::new(), window }
    }

    /// Adds a change, with a tag that comes back if it is refused. Sends the changes added so far
    /// once there are enough of them to fill a datagram.
    ///
    /// # Errors
    /// [`Error::Config`], and then the change has not been added; and those of
    /// [`flush`](Self::flush).
    pub fn push(&mut self, tag: Tag, change: &Change) -> Result<()> {
        check_netmask_family(change)?;
        if let Change::SetSetting(setting, value) = change {
            // A file: it cannot wait with the others, and must not overtake them.
            self.flush()?;
            return match self.client.set_setting(*setting, value) {
                Err(Error::Refused(refusal)) => {
                    self.refused.push((tag, refusal));
                    Ok(())
                }
                result => result,
            };
        }
        self.client.connection.enqueue_change(change);
        self.tags.push(tag);
        let (changes, bytes) = self.client.connection.waiting();
        if changes >= self.window || bytes >= MOST_BYTES { self.flush() } else { Ok(()) }
    }

    /// Sends the changes added so far, and waits until the kernel has carried out or refused each
    /// of them.
    ///
    /// # Errors
    /// [`Error::Socket`], [`Error::Malformed`] and [`Error::RepliesLost`]. It is then not known
    /// which changes were carried out, and they are not sent again. A refusal is not an error here:
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
        // The kernel answers each change once, in order. Other transports might not.
        refusals.sort_by_key(|(index, _)| *index);
        refusals.dedup_by_key(|(index, _)| *index);
        let mut refusals = refusals.into_iter().peekable();
        for (index, tag) in self.tags.drain(..).enumerate() {
            if let Some((_, refusal)) = refusals.next_if(|(refused, _)| *refused == index) {
                self.refused.push((tag, refusal));
            }
        }
        outcome
    }

    /// True if no change waits to be sent.
    pub(super) fn is_flushed(&self) -> bool {
        self.tags.is_empty()
    }

    /// Takes the refusals received since the last call, each with the tag of its change, in the order
    /// in which the changes were pushed. A change that still waits to be sent cannot be among them.
    pub fn take_refused(&mut self) -> Vec<(Tag, Refusal)> {
        std::mem::take(&mut self.refused)
    }

    /// Sends the remaining changes, and returns the refusals that have not been taken, each with the
    /// tag of its change.
    ///
    /// # Errors
    /// Those of [`flush`](Self::flush).
    pub fn finish(mut self) -> Result<Vec<(Tag, Refusal)>> {
        self.flush()?;
        Ok(self.take_refused())
    }
}

impl<Tag, T: Transport> Drop for Batch<'_, Tag, T> {
    /// Sends the remaining changes, unless the thread is panicking.
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.client.connection.clear();
        } else {
            // Nobody is left to report an error to.
            let _ = self.flush();
        }
    }
}
