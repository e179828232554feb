//! Attributes, written and read: what requests and replies are made of.
//!
//! A listing of 60,000 rules is two million of them. So each is written once, into its place, and
//! read where it lies.

use netlink_packet_core::{NLA_F_NESTED, NLA_HEADER_SIZE, NLA_TYPE_MASK};

use crate::error::Malformed;

/// Writes attributes behind what a buffer holds, each once: the length of one that holds others is
/// filled in when they have been written.
pub(super) struct Attributes<'b> {
    buffer: &'b mut Vec<u8>,
}

impl<'b> Attributes<'b> {
    pub(super) fn new(buffer: &'b mut Vec<u8>) -> Self {
        Attributes { buffer }
    }

    pub(super) fn u8(&mut self, kind: u16, value: u8) {
        // With what fills it up to four bytes
        self.put(kind, 1, [value, 0, 0, 0]);
    }

    pub(super) fn u16(&mut self, kind: u16, value: u16) {
        let [a, b] = value.to_ne_bytes();
        self.put(kind, 2, [a, b, 0, 0]);
    }

    /// A port: big endian
    pub(super) fn port(&mut self, kind: u16, value: u16) {
        self.u16(kind, value.to_be());
    }

    pub(super) fn u32(&mut self, kind: u16, value: u32) {
        self.put(kind, 4, value.to_ne_bytes());
    }

    /// Bytes as they are: an address in network order, or a pair of flags and mask
    pub(super) fn bytes<const N: usize>(&mut self, kind: u16, value: [u8; N]) {
        const { assert!(N.is_multiple_of(4)) };
        self.put(kind, N, value);
    }

    /// Text, which gets a closing NUL
    pub(super) fn text(&mut self, kind: u16, value: &[u8]) {
        self.put(kind, value.len() + 1, []);
        self.buffer.extend_from_slice(value);
        // The NUL, and what fills the attribute up to a multiple of four bytes
        let end = self.buffer.len() + 4 - value.len() % 4;
        self.buffer.resize(end, 0);
    }

    /// An attribute that holds others.
    pub(super) fn nested(&mut self, kind: u16, write: impl FnOnce(&mut Self)) {
        let start = self.buffer.len();
        self.put(kind | NLA_F_NESTED, 0, []);
        write(self);
        // No request is anywhere near 64 KiB.
        let length = (self.buffer.len() - start) as u16;
        self.buffer[start..start + 2].copy_from_slice(&length.to_ne_bytes());
    }

    /// The header of an attribute whose value has `length` bytes, and `padded`, which is the value
    /// or the part of it that is known, filled up to a multiple of four bytes.
    #[inline]
    fn put<const N: usize>(&mut self, kind: u16, length: usize, padded: [u8; N]) {
        // No value is longer than an address or a name.
        let length = (NLA_HEADER_SIZE + length) as u16;
        let ([a, b], [c, d]) = (length.to_ne_bytes(), kind.to_ne_bytes());
        self.buffer.extend_from_slice(&[a, b, c, d]);
        self.buffer.extend_from_slice(&padded);
    }
}

/// The attributes in `bytes`, each by its number and value. They end after an error.
pub(super) fn read(bytes: &[u8]) -> Reader<'_> {
    Reader { rest: bytes }
}

pub(super) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Reader<'a> {
    type Item = Result<(u16, &'a [u8]), Malformed>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let bytes = std::mem::take(&mut self.rest);
        let Some(&[a, b, c, d]) = bytes.first_chunk::<NLA_HEADER_SIZE>() else {
            return Some(Err(Malformed("an attribute's header")));
        };
        let length = usize::from(u16::from_ne_bytes([a, b]));
        let Some(value) = bytes.get(NLA_HEADER_SIZE..length) else {
            return Some(Err(Malformed("an attribute's length")));
        };
        // The next one begins at a multiple of four bytes. The last one may end before that.
        self.rest = bytes.get((length + 3) & !3..).unwrap_or_default();
        Some(Ok((u16::from_ne_bytes([c, d]) & NLA_TYPE_MASK, value)))
    }
}
