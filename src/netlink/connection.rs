//! One conversation with the kernel: requests out, replies in.
//!
//! Requests gather in a datagram, are sent together and answered in order. This is the only place
//! that matches replies with requests; it knows nothing of what either means.

use netlink_packet_core::{NLM_F_ACK, NLM_F_DUMP};

use super::message::{Content, messages};
use super::reply;
use super::request::{self, Envelope, Query};
use super::socket::Transport;
use super::uapi::errno;
use crate::error::{Error, Malformed, Operation, Refusal, Result};
use crate::model::Change;

/// A transport, the IPVS family's number, and the requests that wait to be sent.
#[derive(Debug)]
pub(crate) struct Connection<T> {
    transport: T,
    /// The family's number: another one each time the module is loaded.
    family: u16,
    sequence: u32,
    /// The datagram that is being put together, and the last one received.
    send: Vec<u8>,
    receive: Vec<u8>,
    /// What each request in `send` asks for.
    queued: Vec<Operation>,
    /// The sequence number of the first of them.
    first: u32,
    last: LastRequest,
}

/// What it takes to have the last request of a datagram acknowledged.
#[derive(Debug, Clone, Copy, Default)]
struct LastRequest {
    /// Where it begins in the datagram.
    start: usize,
    sequence: u32,
    /// Whether a receipt must be acknowledged in its stead: see [`request::may_be_unanswered`].
    needs_receipt: bool,
}

/// An answer to one of the requests of a datagram.
enum Answer<'a> {
    Attributes(&'a [u8]),
    Refused(Refusal),
}

/// What ends the wait for the answers to a datagram, unless its last request is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ending {
    /// The first reply with content.
    Content,
    /// An acknowledgement, or the message that ends a dump.
    Message,
}

/// How much of a query's answer there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answers {
    /// One reply.
    One,
    /// A list (`NLM_F_DUMP`), of any length.
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
}

impl<T: Transport> Connection<T> {
    /// Asks for the family's number.
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

    /// Asks for something, and hands over the attributes of each reply.
    ///
    /// What `take` cannot read does not end the wait, so that no reply is left over.
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

    /// The number of requests that wait to be sent, and their length in bytes.
    pub(crate) fn waiting(&self) -> (usize, usize) {
        (self.queued.len(), self.send.len())
    }

    /// Makes room for so many bytes of requests.
    pub(crate) fn reserve(&mut self, bytes: usize) {
        self.send.reserve(bytes);
    }

    /// Has the kernel cut lists at other places than so far, if that is possible.
    pub(crate) fn cut_elsewhere(&mut self) {
        self.transport.cut_elsewhere();
    }

    /// How many refusals may wait to be received without one being lost.
    pub(crate) fn reply_window(&mut self) -> usize {
        self.transport.reply_window()
    }

    /// Forgets the requests that wait to be sent.
    pub(crate) fn clear(&mut self) {
        self.send.clear();
        self.queued.clear();
    }

    /// Sends the changes that wait, and hands over each refusal with its change's place among
    /// them. Returns when the kernel is done with the last one.
    ///
    /// After an error it is not known what was carried out.
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

    /// Sends the one query that waits.
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

    /// Sends the datagram, and takes the answers to its requests until the last one has its own.
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
                // Replies to earlier requests, which were given up, may still come.
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
