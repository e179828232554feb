//! Netlink messages from the kernel: the framing of a datagram, not its meaning.

use netlink_packet_core::NetlinkBuffer;
use netlink_packet_generic::constants::GENL_HDRLEN;

use super::attribute;
use super::uapi::ext_ack;
use crate::error::Malformed;

// From <linux/netlink.h>
const NLMSG_NOOP: u16 = 1;
const NLMSG_ERROR: u16 = 2;
const NLMSG_DONE: u16 = 3;
const NLMSG_OVERRUN: u16 = 4;
const NLM_F_CAPPED: u16 = 0x100;
const NLM_F_ACK_TLVS: u16 = 0x200;
pub(super) const NLMSG_HDRLEN: usize = 16;

/// One message of a datagram.
#[derive(Debug)]
pub(crate) struct Message<'a> {
    /// The sequence number of the request that it answers.
    pub(crate) sequence: u32,
    pub(crate) content: Content<'a>,
}

#[derive(Debug)]
pub(crate) enum Content<'a> {
    /// An acknowledgement: the request was carried out.
    Acknowledged,
    /// A refusal: its error number, positive, and the kernel's explanation if there is one.
    Refused { errno: i32, text: Option<&'a str> },
    /// The end of a dump.
    Done,
    /// The attributes of a reply.
    Attributes(&'a [u8]),
    /// A message to ignore.
    Noop,
}

/// The messages of a datagram.
pub(crate) fn messages(datagram: &[u8]) -> Messages<'_> {
    Messages { rest: datagram }
}

#[derive(Debug)]
pub(crate) struct Messages<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Messages<'a> {
    type Item = Result<Message<'a>, Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let Ok(buffer) = NetlinkBuffer::new_checked(self.rest) else {
            self.rest = &[];
            return Some(Err(Malformed("a message's header")));
        };
        let length = buffer.length() as usize;
        let padded = length.next_multiple_of(4).min(self.rest.len());
        let body = &self.rest[NLMSG_HDRLEN..length];
        self.rest = &self.rest[padded..];
        Some(
            content(buffer.message_type(), buffer.flags(), body)
                .map(|content| Message { sequence: buffer.sequence_number(), content }),
        )
    }
}

fn content(kind: u16, flags: u16, body: &[u8]) -> Result<Content<'_>, Malformed> {
    match kind {
        NLMSG_NOOP => Ok(Content::Noop),
        NLMSG_OVERRUN => Err(Malformed("a message that says data was lost")),
        NLMSG_ERROR => {
            let code = body.first_chunk().ok_or(Malformed("an acknowledgement"))?;
            match i32::from_ne_bytes(*code) {
                0 => Ok(Content::Acknowledged),
                code => Ok(Content::Refused {
                    errno: code.saturating_neg(),
                    text: after_request(flags, &body[4..]).and_then(|rest| words(flags, rest)),
                }),
            }
        }
        NLMSG_DONE => {
            // Old kernels may send it without a code.
            let code = body.first_chunk().map_or(0, |code| i32::from_ne_bytes(*code));
            match code {
                0.. => Ok(Content::Done),
                code => Ok(Content::Refused {
                    errno: code.saturating_neg(),
                    text: body.get(4..).and_then(|rest| words(flags, rest)),
                }),
            }
        }
        _ => body
            .get(GENL_HDRLEN..)
            .map(Content::Attributes)
            .ok_or(Malformed("a generic netlink header")),
    }
}

/// The part of a refusal behind the request that it echoes. `rest` begins with the request's
/// header, followed by its body unless the refusal is capped.
fn after_request(flags: u16, rest: &[u8]) -> Option<&[u8]> {
    let length = if flags & NLM_F_CAPPED != 0 {
        NLMSG_HDRLEN
    } else {
        usize::try_from(u32::from_ne_bytes(*rest.first_chunk()?)).ok()?
    };
    rest.get(length.checked_next_multiple_of(4)?..)
}

/// The kernel's explanation in an extended acknowledgement with the attributes `rest`.
fn words(flags: u16, rest: &[u8]) -> Option<&str> {
    if flags & NLM_F_ACK_TLVS == 0 {
        return None;
    }
    let (_, text) =
        attribute::read(rest).map_while(Result::ok).find(|(kind, _)| *kind == ext_ack::MSG)?;
    std::str::from_utf8(text.strip_suffix(&[0]).unwrap_or(text)).ok()
}
