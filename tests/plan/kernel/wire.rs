//! Bytes, by neli, which shares no code with the library's encoder and decoder. For the same reason
//! the numbers of `<linux/ip_vs.h>` are written down again here.

use std::io::Cursor;

use neli::consts::nl::NlmF;
use neli::genl::{AttrTypeBuilder, Genlmsghdr, GenlmsghdrBuilder, Nlattr, NlattrBuilder};
use neli::nl::{NlPayload, Nlmsghdr, NlmsghdrBuilder};
use neli::types::{Buffer, GenlBuffer};
use neli::{FromBytes, ToBytes};

pub(crate) const CONTROLLER: u16 = 16;
const NLMSG_MIN_TYPE: u16 = 16;
pub(crate) const NLMSG_ERROR: u16 = 2;
pub(crate) const NLMSG_DONE: u16 = 3;
const NLM_F_CAPPED: u16 = 0x100;

/// A list of attributes, as in a message.
pub(crate) type Attributes = GenlBuffer<u16, Buffer>;

/// A request, decoded down to its outermost attributes. A control message has none.
pub(crate) struct Request {
    pub(crate) family: u16,
    pub(crate) flags: NlmF,
    pub(crate) sequence: u32,
    pub(crate) command: u8,
    pub(crate) version: u8,
    pub(crate) attributes: Attributes,
}

impl Request {
    pub(crate) fn dumps(&self) -> bool {
        self.flags.contains(NlmF::DUMP)
    }

    /// True for a message that no family sees (`netlink_rcv_skb` in `net/netlink/af_netlink.c`).
    pub(crate) fn is_control(&self) -> bool {
        self.family < NLMSG_MIN_TYPE
    }

    pub(crate) fn wants_acknowledgement(&self) -> bool {
        self.flags.contains(NlmF::ACK)
    }
}

/// The requests of a datagram. Panics, and so fails the test, if neli cannot read them.
pub(crate) fn requests(datagram: &[u8]) -> Vec<Request> {
    let mut cursor = Cursor::new(datagram);
    let mut requests = Vec::new();
    while (cursor.position() as usize) < datagram.len() {
        let start = cursor.position() as usize;
        if u16_of(&datagram[start + 4..start + 6]) < NLMSG_MIN_TYPE {
            requests.push(control(&mut cursor));
            continue;
        }
        let message = Nlmsghdr::<u16, Genlmsghdr<u8, u16>>::from_bytes(&mut cursor)
            .expect("a message that neli can read");
        assert!(message.nl_flags().contains(NlmF::REQUEST), "a request is marked as one");
        let payload = message.get_payload().expect("a generic netlink message");
        requests.push(Request {
            family: *message.nl_type(),
            flags: *message.nl_flags(),
            sequence: *message.nl_seq(),
            command: *payload.cmd(),
            version: *payload.version(),
            attributes: payload.attrs().clone(),
        });
    }
    requests
}

fn control(cursor: &mut Cursor<&[u8]>) -> Request {
    let message = Nlmsghdr::<u16, Buffer>::from_bytes(cursor).expect("a control message");
    Request {
        family: *message.nl_type(),
        flags: *message.nl_flags(),
        sequence: *message.nl_seq(),
        command: 0,
        version: 0,
        attributes: Attributes::new(),
    }
}

/// The value of the attribute of this kind.
pub(crate) fn find(attributes: &Attributes, kind: u16) -> Option<&[u8]> {
    attributes
        .iter()
        .find(|attribute| *attribute.nla_type().nla_type() == kind)
        .map(|attribute| attribute.nla_payload().as_ref())
}

/// The attributes inside the attribute of this kind.
pub(crate) fn nested(attributes: &Attributes, kind: u16) -> Option<Attributes> {
    let handle = attributes.get_attr_handle();
    let inner = handle.get_nested_attributes::<u16>(kind).ok()?;
    Some(inner.get_attrs().iter().cloned().collect())
}

pub(crate) fn u16_of(value: &[u8]) -> u16 {
    u16::from_ne_bytes(value.try_into().expect("two bytes"))
}

pub(crate) fn u32_of(value: &[u8]) -> u32 {
    u32::from_ne_bytes(value.try_into().expect("four bytes"))
}

pub(crate) fn attribute(kind: u16, value: &[u8]) -> Nlattr<u16, Buffer> {
    build_attribute(kind, value)
}

pub(crate) fn nest(kind: u16, inner: &[Nlattr<u16, Buffer>]) -> Nlattr<u16, Buffer> {
    let mut cursor = Cursor::new(Vec::new());
    for attribute in inner {
        attribute.to_bytes(&mut cursor).expect("bytes");
    }
    build_attribute(kind, cursor.get_ref())
}

fn build_attribute(kind: u16, value: &[u8]) -> Nlattr<u16, Buffer> {
    let kind = AttrTypeBuilder::default().nla_type(kind).build().expect("a type");
    NlattrBuilder::default()
        .nla_type(kind)
        .nla_payload(Buffer::from(value))
        .build()
        .expect("an attribute")
}

/// A message of a generic netlink family.
pub(crate) fn reply(
    family: u16,
    sequence: u32,
    multi: bool,
    command: u8,
    attributes: Vec<Nlattr<u16, Buffer>>,
) -> Vec<u8> {
    let payload = GenlmsghdrBuilder::<u8, u16>::default()
        .cmd(command)
        .version(1)
        .attrs(attributes.into_iter().collect())
        .build()
        .expect("a generic netlink message");
    let flags = if multi { NlmF::MULTI } else { NlmF::empty() };
    bytes(family, flags, sequence, payload)
}

/// An acknowledgement (0) or a refusal, which echoes only the header of the request.
pub(crate) fn error(request: &Request, errno: i32) -> Vec<u8> {
    let mut payload = (-errno).to_ne_bytes().to_vec();
    payload.extend(16_u32.to_ne_bytes());
    payload.extend(request.family.to_ne_bytes());
    payload.extend(request.flags.bits().to_ne_bytes());
    payload.extend(request.sequence.to_ne_bytes());
    payload.extend(0_u32.to_ne_bytes());
    let flags = NlmF::from_bits_retain(NLM_F_CAPPED);
    bytes(NLMSG_ERROR, flags, request.sequence, Buffer::from(payload))
}

/// The end of a dump.
pub(crate) fn done(sequence: u32) -> Vec<u8> {
    bytes(NLMSG_DONE, NlmF::MULTI, sequence, Buffer::from(0_i32.to_ne_bytes().to_vec()))
}

fn bytes<P: neli::Size + ToBytes>(kind: u16, flags: NlmF, sequence: u32, payload: P) -> Vec<u8> {
    let message = NlmsghdrBuilder::default()
        .nl_type(kind)
        .nl_flags(flags)
        .nl_seq(sequence)
        .nl_payload(NlPayload::Payload(payload))
        .build()
        .expect("a message");
    let mut cursor = Cursor::new(Vec::new());
    message.to_bytes(&mut cursor).expect("bytes");
    cursor.into_inner()
}
