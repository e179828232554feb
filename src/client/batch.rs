//! Many changes over few system calls.

use netlink_packet_core::NLM_F_ACK;

use super::{Client, check};
#[cfg(doc)]
use crate::error::Error;
use crate::error::{Operation, Refusal, Result};
use crate::model::Change;
use crate::netlink::message::{Content, messages};
use crate::netlink::request::{self, Envelope};
use crate::netlink::socket::{KernelSocket, Transport};

/// Many changes over few system calls.
///
/// Changes are carried out in the order in which they were pushed. They are sent together, with
/// one acknowledgement for all; a refused one is told by its `tag` and does not keep the next ones
/// from being carried out. What was pushed has been sent only after [`flush`](Self::flush).
///
/// ```no_run
/// # fn rules() -> Vec<ipvs::Change> { Vec::new() }
/// let mut client = ipvs::Client::new()?;
/// let mut batch = client.batch();
/// for (number, change) in rules().iter().enumerate() {
///     batch.push(number, change)?;
/// }
/// batch.flush()?;
/// for refused in batch.take_refused() {
///     eprintln!("change {}: {}", refused.tag, refused.refusal);
/// }
/// # Ok::<(), ipvs::Error>(())
/// ```
#[derive(Debug)]
pub struct Batch<'c, T = KernelSocket> {
    client: &'c mut Client<T>,
    /// Those in the client's send buffer, in order.
    queued: Vec<(Operation, usize)>,
    /// The sequence number of the first of them.
    first: u32,
    /// The last of them.
    last: Last,
    refused: Vec<Refused>,
    window: usize,
}

/// What it takes to have the last change of a datagram acknowledged.
#[derive(Debug, Clone, Copy, Default)]
struct Last {
    /// Where its request begins in the send buffer.
    start: usize,
    sequence: u32,
    /// Whether something else must be acknowledged in its stead.
    with_receipt: bool,
}

/// A change that the kernel refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// What was given with the change.
    pub tag: usize,
    /// Why it was refused.
    pub refusal: Refusal,
}

/// How many changes go into one datagram at most. More of them save no more time.
const MOST_CHANGES: usize = 256;

/// How long a datagram may become. The kernel takes 212,960 bytes by default; the longest change
/// is under 300.
const MOST_BYTES: usize = 128 * 1024;

/// How long most changes are at most.
const USUAL_BYTES: usize = 192;

impl<'c, T: Transport> Batch<'c, T> {
    pub(super) fn new(client: &'c mut Client<T>) -> Self {
        let window = client.transport.reply_window().clamp(1, MOST_CHANGES);
        client.send.clear();
        // Room that is not used is not touched, but what is copied from one place to the next is.
        client.send.reserve(window * USUAL_BYTES);
        let last = Last::default();
        let queued = Vec::with_capacity(window);
        Batch { client, queued, first: 0, last, refused: Vec::new(), window }
    }

    /// Adds a change. `tag` tells it from others if it is refused. Now and then this sends what
    /// has gathered.
    ///
    /// # Errors
    /// [`Error::NetmaskFamily`], with nothing added; and those of [`flush`](Self::flush).
    pub fn push(&mut self, tag: usize, change: &Change) -> Result<()> {
        check(change)?;
        let sequence = self.client.next_sequence();
        if self.queued.is_empty() {
            self.first = sequence;
        }
        self.last = Last {
            start: self.client.send.len(),
            sequence,
            with_receipt: request::may_be_unanswered(change),
        };
        let envelope = Envelope { family: self.client.family, sequence, flags: 0 };
        request::change(change, envelope, &mut self.client.send);
        self.queued.push((Operation::from(change), tag));
        if self.queued.len() >= self.window || self.client.send.len() >= MOST_BYTES {
            self.flush()?;
        }
        Ok(())
    }

    /// Sends what has gathered and waits until it has been carried out or refused.
    ///
    /// # Errors
    /// [`Error::Socket`], [`Error::Malformed`] and [`Error::RepliesLost`], after which it is not
    /// known what was carried out. What was sent is not sent again. That the kernel refuses a
    /// change is no error here: see [`take_refused`](Self::take_refused).
    pub fn flush(&mut self) -> Result<()> {
        if self.queued.is_empty() {
            return Ok(());
        }
        if self.last.with_receipt {
            request::receipt(self.last.sequence, &mut self.client.send);
        } else {
            request::set_flags(&mut self.client.send[self.last.start..], NLM_F_ACK);
        }
        let sent = self.client.transmit();
        self.client.send.clear();
        let outcome = sent.and_then(|()| self.acknowledgement());
        self.queued.clear();
        outcome
    }

    /// The changes that were refused so far, and not yet taken, in the order in which they were
    /// pushed. Only what was sent can have been refused: [`flush`](Self::flush) first.
    pub fn take_refused(&mut self) -> Vec<Refused> {
        std::mem::take(&mut self.refused)
    }

    /// Takes refusals until the last change has been answered.
    fn acknowledgement(&mut self) -> Result<()> {
        loop {
            self.client.receive()?;
            for message in messages(&self.client.receive) {
                let message = message?;
                let index = message.sequence.wrapping_sub(self.first) as usize;
                let Some(&(operation, tag)) = self.queued.get(index) else {
                    continue;
                };
                match message.content {
                    Content::Acknowledged => {}
                    Content::Refused { errno, text } => {
                        let kernel_text = text.map(str::to_owned);
                        let refusal = Refusal { operation, errno, kernel_text };
                        self.refused.push(Refused { tag, refusal });
                    }
                    Content::Noop | Content::Done | Content::Attributes(_) => continue,
                }
                if index + 1 == self.queued.len() {
                    return Ok(());
                }
            }
        }
    }
}

impl<T> Drop for Batch<'_, T> {
    /// What was pushed and not flushed is not sent.
    fn drop(&mut self) {
        self.client.send.clear();
    }
}
