//! Netlink messages by neli: the requests of a datagram, and the datagrams of an answer.

use std::collections::BTreeMap;
use std::io::Cursor;

use neli::attr::Attribute as _;
use neli::consts::genl::NlAttrType;
use neli::consts::nl::{NlmF, NlmsgerrAttr};
use neli::err::{NlmsgerrBuilder, NlmsghdrAckBuilder, NlmsghdrErrBuilder};
use neli::genl::{AttrTypeBuilder, Genlmsghdr, GenlmsghdrBuilder, Nlattr, NlattrBuilder};
use neli::nl::{NlPayload, Nlmsghdr, NlmsghdrBuilder};
use neli::types::{Buffer, GenlBuffer};
use neli::{FromBytes, ToBytes};

type Generic = Genlmsghdr<u8, u16>;

const NLMSG_NOOP: u16 = 1;
const NLMSG_ERROR: u16 = 2;
const NLMSG_DONE: u16 = 3;
const NLMSG_MIN_TYPE: u16 = 16;

/// A request of the library, as neli decodes it.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    pub(crate) family: u16,
    pub(crate) flags: NlmF,
    pub(crate) sequence: u32,
    pub(crate) command: u8,
    pub(crate) version: u8,
    pub(crate) attributes: Nest,
    bytes: Vec<u8>,
}

/// The requests of a datagram.
pub(crate) fn requests(datagram: &[u8]) -> Vec<Request> {
    let mut cursor = Cursor::new(datagram);
    let mut requests = Vec::new();
    while (cursor.position() as usize) < datagram.len() {
        let start = cursor.position() as usize;
        let header = Nlmsghdr::<u16, Buffer>::from_bytes(&mut cursor.clone()).expect("a message");
        if *header.nl_type() < NLMSG_MIN_TYPE {
            assert_eq!((*header.nl_type(), *header.nl_len()), (NLMSG_NOOP, 16), "only a receipt");
            cursor.set_position(cursor.position() + 16);
            requests.push(Request {
                family: NLMSG_NOOP,
                flags: *header.nl_flags(),
                sequence: *header.nl_seq(),
                command: 0,
                version: 0,
                attributes: Nest::default(),
                bytes: datagram[start..start + 16].to_vec(),
            });
            continue;
        }
        let message = Nlmsghdr::<u16, Generic>::from_bytes(&mut cursor).expect("a message");
        let end = cursor.position() as usize;
        let content = message.get_payload().expect("a generic netlink message");
        requests.push(Request {
            family: *message.nl_type(),
            flags: *message.nl_flags(),
            sequence: *message.nl_seq(),
            command: *content.cmd(),
            version: *content.version(),
            attributes: Nest::of(content.attrs()),
            bytes: datagram[start..end].to_vec(),
        });
    }
    requests
}

/// Attributes of one level: number, the flag for nested attributes, and value.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Nest(BTreeMap<u16, (bool, Vec<u8>)>);

impl Nest {
    fn of(attributes: &GenlBuffer<u16, Buffer>) -> Nest {
        let mut nest = Nest::default();
        for attribute in attributes.iter() {
            let number = *attribute.nla_type().nla_type();
            let value = (*attribute.nla_type().nla_nested(), attribute.payload().as_ref().to_vec());
            assert_eq!(nest.0.insert(number, value), None, "attribute {number} stands twice");
        }
        nest
    }

    /// Takes out the bytes of a value.
    pub(crate) fn bytes(&mut self, number: u16) -> Option<Vec<u8>> {
        self.0.remove(&number).map(|(_, value)| value)
    }

    /// Takes out a number of exactly the type's size.
    pub(crate) fn number<N: FromBytes>(&mut self, number: u16) -> Option<N> {
        let bytes = self.bytes(number)?;
        assert_eq!(bytes.len(), size_of::<N>(), "the size of attribute {number}");
        Some(N::from_bytes(&mut Cursor::new(bytes)).expect("a number"))
    }

    /// Takes out text that ends with one NUL.
    pub(crate) fn text(&mut self, number: u16) -> Option<String> {
        let mut bytes = self.bytes(number)?;
        assert_eq!(bytes.pop(), Some(0), "attribute {number} is closed by a NUL");
        Some(String::from_utf8(bytes).expect("text"))
    }

    /// Takes out the attributes in another one, which must have the flag for nested attributes.
    pub(crate) fn nested(&mut self, number: u16) -> Option<Nest> {
        let (says_so, bytes) = self.0.remove(&number)?;
        assert!(says_so, "attribute {number} has NLA_F_NESTED");
        Some(Self::parse(&bytes))
    }

    fn parse(bytes: &[u8]) -> Nest {
        use neli::FromBytesWithInput;
        let attributes = GenlBuffer::from_bytes_with_input(&mut Cursor::new(bytes), bytes.len());
        Nest::of(&attributes.expect("attributes"))
    }

    /// Panics if an attribute was not taken out.
    #[track_caller]
    pub(crate) fn end(self) {
        assert!(self.0.is_empty(), "more attributes than were asked for: {self:?}");
    }

    /// Each value by its path of attribute numbers, down to `depth`.
    pub(crate) fn flat(&self, depth: usize) -> BTreeMap<Vec<u16>, Vec<u8>> {
        let mut flat = BTreeMap::new();
        for (&number, (_, value)) in &self.0 {
            if depth == 1 {
                flat.insert(vec![number], value.clone());
                continue;
            }
            for (path, value) in Self::parse(value).flat(depth - 1) {
                flat.insert([vec![number], path].concat(), value);
            }
        }
        flat
    }
}

/// An attribute of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Attribute {
    Leaf(u16, Vec<u8>),
    Nest(u16, Vec<Attribute>),
}

impl Attribute {
    pub(crate) fn leaf(number: u16, value: impl ToBytes) -> Attribute {
        let mut cursor = Cursor::new(Vec::new());
        value.to_bytes(&mut cursor).expect("it is written to memory");
        Attribute::Leaf(number, cursor.into_inner())
    }

    pub(crate) fn text(number: u16, text: &str) -> Attribute {
        Attribute::leaf(number, format!("{text}\0"))
    }

    pub(crate) fn number(&self) -> u16 {
        match self {
            Attribute::Leaf(number, _) | Attribute::Nest(number, _) => *number,
        }
    }

    fn encode(&self) -> Nlattr<u16, Buffer> {
        let payload = match self {
            Attribute::Leaf(_, value) => value.clone(),
            // Without NLA_F_NESTED, as IPVS does it
            Attribute::Nest(_, inner) => {
                let mut cursor = Cursor::new(Vec::new());
                for attribute in inner {
                    attribute.encode().to_bytes(&mut cursor).expect("it is written to memory");
                }
                cursor.into_inner()
            }
        };
        attribute(self.number(), payload)
    }
}

impl Request {
    /// True for a control message, which is not for any family.
    pub(crate) fn is_receipt(&self) -> bool {
        self.family == NLMSG_NOOP
    }

    /// The whole message.
    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// A message with content, of a dump or a single answer.
    pub(crate) fn answer(&self, command: u8, attributes: &[Attribute]) -> Vec<u8> {
        let content = GenlmsghdrBuilder::default()
            .cmd(command)
            .version(1)
            .attrs(attributes.iter().map(Attribute::encode).collect())
            .build()
            .expect("a generic netlink message");
        self.message(self.family, NlmF::MULTI, NlPayload::Payload(content))
    }

    /// An acknowledgement: the request was carried out.
    pub(crate) fn acknowledged(&self) -> Vec<u8> {
        let header = NlmsghdrAckBuilder::default()
            .nl_len(self.bytes.len() as u32)
            .nl_type(self.family)
            .nl_flags(self.flags)
            .nl_seq(self.sequence)
            .nl_pid(0)
            .build()
            .expect("the request's header");
        let content = NlmsgerrBuilder::default().nlmsg(header).build().expect("no error");
        self.message(NLMSG_ERROR, NlmF::CAPPED, NlPayload::<u16, Buffer>::Ack(content))
    }

    /// A refusal that echoes the whole request, as kernels send it unless asked not to.
    pub(crate) fn refused(&self, errno: i32, text: Option<&str>) -> Vec<u8> {
        let echo = NlmsghdrErrBuilder::default()
            .nl_type(self.family)
            .nl_flags(self.flags)
            .nl_seq(self.sequence)
            .nl_pid(0)
            .nl_payload(Buffer::from(self.bytes[16..].to_vec()))
            .build()
            .expect("the request");
        let words = text.map(|text| {
            // Other attributes may come before the explanation: here, the offset of the mistake.
            [(NlmsgerrAttr::Offset, vec![20, 0, 0, 0]), (NlmsgerrAttr::Msg, c_string(text))]
        });
        let content = NlmsgerrBuilder::default()
            .error(-errno)
            .nlmsg(echo)
            .ext_ack(
                words.into_iter().flatten().map(|(kind, value)| attribute(kind, value)).collect(),
            )
            .build()
            .expect("an error");
        let flags = if text.is_some() { NlmF::ACK_TLVS } else { NlmF::empty() };
        self.message(NLMSG_ERROR, flags, NlPayload::<u16, Buffer>::Err(content))
    }

    /// A refusal that echoes only the request's header, as `NETLINK_CAP_ACK` asks for. The header
    /// has the length of the whole request, which neli cannot encode, so this is written by hand.
    pub(crate) fn refused_capped(&self, errno: i32, text: Option<&str>) -> Vec<u8> {
        let flags = NlmF::CAPPED | if text.is_some() { NlmF::ACK_TLVS } else { NlmF::empty() };
        let mut content = (-errno).to_ne_bytes().to_vec();
        content.extend_from_slice(&self.bytes[..16]);
        if let Some(text) = text {
            let words = Attribute::Leaf(1, c_string(text)).encode();
            let mut cursor = Cursor::new(Vec::new());
            words.to_bytes(&mut cursor).expect("it is written to memory");
            content.extend(cursor.into_inner());
        }
        self.message::<Buffer>(NLMSG_ERROR, flags, NlPayload::Payload(content.into()))
    }

    /// The end of a dump, with 0 or an error number, and an explanation.
    pub(crate) fn done(&self, errno: i32, text: Option<&str>) -> Vec<u8> {
        let words = text.map(|text| (NlmsgerrAttr::Msg, c_string(text)));
        let flags = if text.is_some() { NlmF::ACK_TLVS } else { NlmF::empty() };
        let content = NlmsgerrBuilder::default()
            .error(-errno)
            .nlmsg(())
            .ext_ack(words.into_iter().map(|(kind, value)| attribute(kind, value)).collect())
            .build()
            .expect("an end");
        let payload = NlPayload::<u16, Buffer>::DumpExtAck(content);
        self.message(NLMSG_DONE, NlmF::MULTI | flags, payload)
    }

    /// The end of a dump without content, as old kernels sent it.
    pub(crate) fn done_empty(&self) -> Vec<u8> {
        self.message(NLMSG_DONE, NlmF::MULTI, NlPayload::<u16, Buffer>::Empty)
    }

    /// A message without meaning.
    pub(crate) fn noop(&self) -> Vec<u8> {
        self.message(NLMSG_NOOP, NlmF::empty(), NlPayload::<u16, Buffer>::Empty)
    }

    fn message<P>(&self, kind: u16, flags: NlmF, payload: NlPayload<u16, P>) -> Vec<u8>
    where
        P: neli::Size + ToBytes,
    {
        let message = NlmsghdrBuilder::default()
            .nl_type(kind)
            .nl_flags(flags)
            .nl_seq(self.sequence)
            .nl_pid(4711)
            .nl_payload(payload)
            .build()
            .expect("a message");
        let mut cursor = Cursor::new(Vec::new());
        message.to_bytes(&mut cursor).expect("it is written to memory");
        cursor.into_inner()
    }
}

fn attribute<K: NlAttrType>(kind: K, value: Vec<u8>) -> Nlattr<K, Buffer> {
    let kind = AttrTypeBuilder::default().nla_type(kind).build().expect("a type");
    let value = Buffer::from(value);
    NlattrBuilder::default().nla_type(kind).nla_payload(value).build().expect("an attribute")
}

fn c_string(text: &str) -> Vec<u8> {
    [text.as_bytes(), &[0]].concat()
}
