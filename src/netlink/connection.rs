//! One conversation with the kernel: requests out, replies in.
//!
//! Requests are collected in a datagram, sent together, and answered in order. Only this module
//! matches replies to requests. It does not know what either means.

use netlink_packet_core::{NLM_F_ACK, NLM_F_DUMP};

use super::message::{Content, messages};
use super::reply;
use super::request::{self, Envelope, Query};
use super::socket::Transport;
use super::uapi::errno;
use crate::error::{Error, Malformed, Operation, Refusal, Result};
use crate::model::Change;

/// A transport, the number of the IPVS family, and the requests that wait to be sent.
#[derive(Debug)]
pub(crate) struct Connection<T> {
    transport: T,
    /// The number of the IPVS family, which changes whenever the module is loaded.
    family: u16,
    sequence: u32,
    /// The datagram being put together, and the last one received.
    send: Vec<u8>,
    receive: Vec<u8>,
    /// The operation of each request in `send`.
    queued: Vec<Operation>,
    /// The sequence number of the first of them.
    first: u32,
    last: LastRequest,
}

/// The last request of a datagram: the one that is to be acknowledged.
#[derive(Debug, Clone, Copy, Default)]
struct LastRequest {
    /// Where it begins in the datagram.
    start: usize,
    sequence: u32,
    /// True if a receipt must be acknowledged in its place: see [`request::may_be_unanswered`].
    needs_receipt: bool,
}

/// An answer to one of the requests of a datagram.
enum Answer<'a> {
    Attributes(&'a [u8]),
    Refused(Refusal),
}

/// The message that ends the wait for the answers to a datagram. A refusal of the last request ends
/// it too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ending {
    /// The first reply with content to the last request.
    Content,
    /// An acknowledgement, or the message that ends a dump.
    Message,
}

/// The number of replies to a query.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answers {
    /// One.
    One,
    /// A list (`NLM_F_DUMP`) of any length.
    List,
}

/// How the kernel handed over the answer to a query.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Delivery {
    /// The number of datagrams with content.
    pub(crate) pieces: usize,
    /// The length of the longest of these, in bytes.
    pub(crate) longest: usize,
}

impl<T> Connection<T> {
    pub(crate) fn transport(&self) -> &T {
        &self.transport
    }

    pub(crate) fn transport_mut(&mut self) -> &mut T {
        &mut self.transport
    }
}

impl<T: Transport> Connection<T> {
    /// Asks the kernel for the number of the IPVS family.
    pub(crate) fn open(transport: T) -> Result<Self> {
        let mut connection = Connection {
            transport,
            family: 0,
            sequence: 0,
            send: Vec::new(),
            receive: Vec::new(),
            queued: Vec::new(),
            first: 0,
            last: LastRequest::default(),
        };
        connection.enqueue(Operation::Read, |envelope, buffer| {
            request::family_number(envelope.sequence, buffer);
        });
        let mut family = None;
        match connection.ask(Ending::Content, |attributes| {
            family = Some(reply::family_number(attributes)?);
            Ok(())
        }) {
            Err(Error::Refused(refusal)) if refusal.errno == errno::ENOENT => {
                return Err(Error::NotAvailable);
            }
            result => _ = result?,
        }
        connection.family = family.ok_or(Malformed("no answer about the IPVS family"))?;
        Ok(connection)
    }

    /// Sends a query, and passes the attributes of each reply to `take`.
    ///
    /// An error from `take` is returned once all replies have come, so that none is left over.
    pub(crate) fn query(
        &mut self,
        query: Query<'_>,
        operation: Operation,
        answers: Answers,
        take: impl FnMut(&[u8]) -> Result<(), Malformed>,
    ) -> Result<Delivery> {
        let (flags, ending) = match answers {
            Answers::One => (0, Ending::Content),
            Answers::List => (NLM_F_DUMP, Ending::Message),
        };
        self.enqueue(operation, |envelope, buffer| {
            request::query(query, Envelope { flags, ..envelope }, buffer);
        });
        self.ask(ending, take)
    }

    /// Carries out one change.
    pub(crate) fn change(&mut self, change: &Change) -> Result<()> {
        self.enqueue_change(change);
        let mut refused = None;
        self.carry_out(|_, refusal| refused = Some(refusal))?;
        refused.map_or(Ok(()), |refusal| Err(refusal.into()))
    }

    /// Appends a change to the datagram.
    pub(crate) fn enqueue_change(&mut self, change: &Change) {
        self.enqueue(Operation::from(change), |envelope, buffer| {
            request::change(change, envelope, buffer);
        });
        self.last.needs_receipt = request::may_be_unanswered(change);
    }

    /// The number of requests that wait to be sent, and their total length in bytes.
    pub(crate) fn waiting(&self) -> (usize, usize) {
        (self.queued.len(), self.send.len())
    }

    /// Makes room for this many bytes of requests.
    pub(crate) fn reserve(&mut self, bytes: usize) {
        self.send.reserve(bytes);
    }

    /// Makes the kernel cut lists at other places than before, if possible.
    pub(crate) fn cut_elsewhere(&mut self) {
        self.transport.cut_elsewhere();
    }

    /// The number of refusals that can wait to be received without one being lost.
    pub(crate) fn reply_window(&mut self) -> usize {
        self.transport.reply_window()
    }

    /// Drops the requests that wait to be sent.
    pub(crate) fn clear(&mut self) {
        self.send.clear();
        self.queued.clear();
    }

    /// Sends the changes that wait, and passes each refusal to `refused`, with the index of its
    /// change. Returns when the kernel is done with the last one.
    ///
    /// After an error it is not known which changes were carried out.
    pub(crate) fn carry_out(&mut self, mut refused: impl FnMut(usize, Refusal)) -> Result<()> {
        if self.queued.is_empty() {
            return Ok(());
        }
        if self.last.needs_receipt {
            request::receipt(self.last.sequence, &mut self.send);
        } else {
            request::set_flags(&mut self.send[self.last.start..], NLM_F_ACK);
        }
        self.exchange(Ending::Message, |index, answer| {
            if let Answer::Refused(refusal) = answer {
                refused(index, refusal);
            }
            Ok(())
        })?;
        Ok(())
    }

    fn enqueue(&mut self, operation: Operation, write: impl FnOnce(Envelope, &mut Vec<u8>)) {
        self.sequence = self.sequence.wrapping_add(1);
        let sequence = self.sequence;
        if self.queued.is_empty() {
            self.first = sequence;
        }
        self.last = LastRequest { start: self.send.len(), sequence, needs_receipt: false };
        write(Envelope { family: self.family, sequence, flags: 0 }, &mut self.send);
        self.queued.push(operation);
    }

    /// Sends the query that waits.
    fn ask(
        &mut self,
        ending: Ending,
        mut take: impl FnMut(&[u8]) -> Result<(), Malformed>,
    ) -> Result<Delivery> {
        let mut refused = None;
        let delivery = self.exchange(ending, |_, answer| match answer {
            Answer::Attributes(attributes) => take(attributes),
            Answer::Refused(refusal) => {
                refused = Some(refusal);
                Ok(())
            }
        })?;
        refused.map_or(Ok(delivery), |refusal| Err(refusal.into()))
    }

    /// Sends the datagram, and receives answers until its last request has been answered.
    fn exchange(
        &mut self,
        ending: Ending,
        take: impl FnMut(usize, Answer<'_>) -> Result<(), Malformed>,
    ) -> Result<Delivery> {
        let sent = self.transport.send(&self.send).map_err(Error::Socket);
        self.send.clear();
        let outcome = sent.and_then(|()| self.answers(ending, take));
        self.queued.clear();
        outcome
    }

    fn answers(
        &mut self,
        ending: Ending,
        mut take: impl FnMut(usize, Answer<'_>) -> Result<(), Malformed>,
    ) -> Result<Delivery> {
        let mut outcome = Ok(());
        let mut delivery = Delivery::default();
        loop {
            self.transport.receive(&mut self.receive).map_err(|error| {
                match error.raw_os_error() {
                    Some(errno::ENOBUFS) => Error::RepliesLost,
                    _ => Error::Socket(error),
                }
            })?;
            let mut has_content = false;
            for message in messages(&self.receive) {
                let message = message?;
                // Replies to earlier requests, which were abandoned, may still come.
                let index = message.sequence.wrapping_sub(self.first) as usize;
                let Some(&operation) = self.queued.get(index) else {
                    continue;
                };
                let is_last = index + 1 == self.queued.len();
                let ends = match message.content {
                    Content::Noop => false,
                    Content::Done | Content::Acknowledged => true,
                    Content::Refused { errno, text } => {
                        let kernel_text = text.map(str::to_owned);
                        let refusal = Refusal { operation, errno, kernel_text };
                        outcome = outcome.and(take(index, Answer::Refused(refusal)));
                        true
                    }
                    Content::Attributes(attributes) => {
                        if !has_content {
                            has_content = true;
                            delivery.pieces += 1;
                            delivery.longest = delivery.longest.max(self.receive.len());
                        }
                        if outcome.is_ok() {
                            outcome = take(index, Answer::Attributes(attributes));
                        }
                        ending == Ending::Content
                    }
                };
                if ends && is_last {
                    return outcome.map(|()| delivery).map_err(Error::from);
                }
            }
        }
    }
}
