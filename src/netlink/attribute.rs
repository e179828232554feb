//! Attributes on their way to the kernel.

use netlink_packet_core::{Emitable, NLA_F_NESTED, Nla};

use crate::model::Name;

/// One attribute: its number and its value.
#[derive(Debug, Clone, Copy)]
pub(super) struct Attribute<'a> {
    kind: u16,
    value: Value<'a>,
}

#[derive(Debug, Clone, Copy)]
enum Value<'a> {
    U8(u8),
    U16([u8; 2]),
    U32([u8; 4]),
    /// An address, or a pair of flags and mask
    Bytes(&'a [u8]),
    /// Text with a closing NUL
    Name(&'a Name),
    Nested(&'a [Attribute<'a>]),
}

impl<'a> Attribute<'a> {
    pub(super) const fn u8(kind: u16, value: u8) -> Self {
        Attribute { kind, value: Value::U8(value) }
    }

    pub(super) const fn u16(kind: u16, value: u16) -> Self {
        Attribute { kind, value: Value::U16(value.to_ne_bytes()) }
    }

    /// A port: big endian
    pub(super) const fn port(kind: u16, value: u16) -> Self {
        Attribute { kind, value: Value::U16(value.to_be_bytes()) }
    }

    pub(super) const fn u32(kind: u16, value: u32) -> Self {
        Attribute { kind, value: Value::U32(value.to_ne_bytes()) }
    }

    /// Four bytes that are in network order already
    pub(super) const fn be32(kind: u16, value: [u8; 4]) -> Self {
        Attribute { kind, value: Value::U32(value) }
    }

    pub(super) const fn bytes(kind: u16, value: &'a [u8]) -> Self {
        Attribute { kind, value: Value::Bytes(value) }
    }

    pub(super) const fn name(kind: u16, value: &'a Name) -> Self {
        Attribute { kind, value: Value::Name(value) }
    }

    pub(super) const fn nested(kind: u16, value: &'a [Attribute<'a>]) -> Self {
        Attribute { kind: kind | NLA_F_NESTED, value: Value::Nested(value) }
    }
}

impl Nla for Attribute<'_> {
    fn kind(&self) -> u16 {
        self.kind
    }

    fn value_len(&self) -> usize {
        match self.value {
            Value::U8(_) => 1,
            Value::U16(_) => 2,
            Value::U32(_) => 4,
            Value::Bytes(bytes) => bytes.len(),
            Value::Name(name) => name.as_bytes().len() + 1,
            Value::Nested(attributes) => attributes.buffer_len(),
        }
    }

    fn emit_value(&self, buffer: &mut [u8]) {
        match self.value {
            Value::U8(value) => buffer[0] = value,
            Value::U16(value) => buffer.copy_from_slice(&value),
            Value::U32(value) => buffer.copy_from_slice(&value),
            Value::Bytes(bytes) => buffer.copy_from_slice(bytes),
            Value::Name(name) => {
                let (text, nul) = buffer.split_at_mut(name.as_bytes().len());
                text.copy_from_slice(name.as_bytes());
                nul.fill(0);
            }
            Value::Nested(attributes) => attributes.emit(buffer),
        }
    }
}

/// A list of at most `N` attributes, kept on the stack.
pub(super) struct List<'a, const N: usize> {
    items: [Attribute<'a>; N],
    len: usize,
}

impl<'a, const N: usize> List<'a, N> {
    pub(super) const fn new() -> Self {
        List { items: [Attribute::u8(0, 0); N], len: 0 }
    }

    pub(super) fn push(&mut self, attribute: Attribute<'a>) {
        self.items[self.len] = attribute;
        self.len += 1;
    }

    pub(super) fn as_slice(&self) -> &[Attribute<'a>] {
        &self.items[..self.len]
    }
}
