//! Questions to rtnetlink and their answers, over a socket of this thread's network namespace.

use std::io;

use netlink_packet_core::{
    NLM_F_DUMP, NLM_F_REQUEST, NetlinkBuffer, NetlinkHeader, NetlinkMessage, NetlinkPayload,
};
use netlink_packet_route::RouteNetlinkMessage as Message;
use netlink_sys::Socket;
use netlink_sys::protocols::NETLINK_ROUTE;

/// The kernel makes a dump's pieces as long as this.
const PIECE: usize = 32 * 1024;

/// How many questions are sent at once. All of their answers fit into a receive buffer of the default
/// size.
const AT_ONCE: usize = 64;

pub(super) struct Conversation {
    socket: Socket,
    sequence: u32,
    buffer: Vec<u8>,
}

/// An answer: a message, or the kernel's refusal.
pub(super) type Answer = Result<Message, io::Error>;

impl Conversation {
    pub(super) fn open() -> io::Result<Self> {
        let socket = Socket::new(NETLINK_ROUTE)?;
        Ok(Conversation { socket, sequence: 0, buffer: Vec::with_capacity(PIECE) })
    }

    /// Hands over every entry of a list. One that cannot be decoded is left out.
    pub(super) fn dump(
        &mut self,
        question: Message,
        mut each: impl FnMut(Message),
    ) -> io::Result<()> {
        self.sequence += 1;
        let mut datagram = Vec::new();
        append(question, NLM_F_REQUEST | NLM_F_DUMP, self.sequence, &mut datagram);
        self.send(&datagram)?;
        let (expected, mut ended) = (self.sequence, None);
        while ended.is_none() {
            self.receive(|sequence, payload| match payload {
                _ if sequence != expected => {}
                Some(NetlinkPayload::InnerMessage(message)) => each(message),
                Some(NetlinkPayload::Done(done)) => ended = Some(done.code),
                Some(NetlinkPayload::Error(error)) => ended = Some(error.raw_code()),
                _ => {}
            })?;
        }
        match ended {
            Some(code) if code < 0 => Err(io::Error::from_raw_os_error(-code)),
            _ => Ok(()),
        }
    }

    /// Asks many questions, each of which has one answer, and hands over the answers with the numbers
    /// of their questions.
    pub(super) fn ask(
        &mut self,
        questions: impl IntoIterator<Item = Message>,
        mut each: impl FnMut(usize, Answer),
    ) -> io::Result<()> {
        let mut questions = questions.into_iter().peekable();
        let mut number = 0;
        while questions.peek().is_some() {
            let first = self.sequence + 1;
            let mut datagram = Vec::new();
            for question in questions.by_ref().take(AT_ONCE) {
                self.sequence += 1;
                append(question, NLM_F_REQUEST, self.sequence, &mut datagram);
            }
            self.send(&datagram)?;
            let asked = (self.sequence + 1 - first) as usize;
            let mut answered = 0;
            while answered < asked {
                self.receive(|sequence, payload| {
                    let place = sequence.wrapping_sub(first) as usize;
                    if place >= asked {
                        return;
                    }
                    answered += 1;
                    match payload {
                        Some(NetlinkPayload::InnerMessage(it)) => each(number + place, Ok(it)),
                        Some(NetlinkPayload::Error(it)) => each(number + place, Err(it.to_io())),
                        _ => {}
                    }
                })?;
            }
            number += asked;
        }
        Ok(())
    }

    fn send(&self, datagram: &[u8]) -> io::Result<()> {
        self.socket.send(datagram, 0).map(drop)
    }

    /// Receives a datagram and hands over its messages: their sequence numbers, and what they say, if
    /// it can be decoded.
    fn receive(
        &mut self,
        mut each: impl FnMut(u32, Option<NetlinkPayload<Message>>),
    ) -> io::Result<()> {
        self.buffer.clear();
        self.socket.recv(&mut self.buffer, 0)?;
        let mut rest = &self.buffer[..];
        while let Ok(message) = NetlinkBuffer::new_checked(&rest) {
            let (length, sequence) = (message.length() as usize, message.sequence_number());
            let decoded = rest.get(..length).map(NetlinkMessage::<Message>::deserialize);
            each(sequence, decoded.and_then(Result::ok).map(|message| message.payload));
            rest = rest.get(length.next_multiple_of(4)..).unwrap_or_default();
        }
        Ok(())
    }
}

fn append(question: Message, flags: u16, sequence: u32, datagram: &mut Vec<u8>) {
    let mut header = NetlinkHeader::default();
    header.flags = flags;
    header.sequence_number = sequence;
    let mut message = NetlinkMessage::new(header, NetlinkPayload::InnerMessage(question));
    message.finalize();
    let start = datagram.len();
    datagram.resize(start + message.buffer_len(), 0);
    message.serialize(&mut datagram[start..]);
}
