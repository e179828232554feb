//! Attributes, which requests and replies are made of: written and read.
//!
//! A listing of 60,000 rules has two million of them, so each is written once, in place, and read
//! without being copied.

use netlink_packet_core::{NLA_F_NESTED, NLA_HEADER_SIZE, NLA_TYPE_MASK};

use crate::error::Malformed;

/// Appends attributes to a buffer. The length of a nested one is filled in once its content has
/// been written.
pub(super) struct Attributes<'b> {
    buffer: &'b mut Vec<u8>,
}

impl<'b> Attributes<'b> {
    pub(super) fn new(buffer: &'b mut Vec<u8>) -> Self {
        Attributes { buffer }
    }

    pub(super) fn u8(&mut self, kind: u16, value: u8) {
        // Padded to four bytes, as is every attribute
        self.put(kind, 1, [value, 0, 0, 0]);
    }

    pub(super) fn u16(&mut self, kind: u16, value: u16) {
        let [a, b] = value.to_ne_bytes();
        self.put(kind, 2, [a, b, 0, 0]);
    }

    /// A port, which the kernel takes in big endian
    pub(super) fn port(&mut self, kind: u16, value: u16) {
        self.u16(kind, value.to_be());
    }

    pub(super) fn u32(&mut self, kind: u16, value: u32) {
        self.put(kind, 4, value.to_ne_bytes());
    }

    /// Bytes as they are: an address in network byte order, or a pair of flags and mask
    pub(super) fn bytes<const N: usize>(&mut self, kind: u16, value: [u8; N]) {
        const { assert!(N.is_multiple_of(4)) };
        self.put(kind, N, value);
    }

    /// Text, to which a closing NUL is added
    pub(super) fn text(&mut self, kind: u16, value: &[u8]) {
        self.put(kind, value.len() + 1, []);
        self.buffer.extend_from_slice(value);
        // The NUL, and padding to a multiple of four bytes
        let end = self.buffer.len() + 4 - value.len() % 4;
        self.buffer.resize(end, 0);
    }

    /// An attribute that contains others
    pub(super) fn nested(&mut self, kind: u16, write: impl FnOnce(&mut Self)) {
        let start = self.buffer.len();
        self.put(kind | NLA_F_NESTED, 0, []);
        write(self);
        // No request is anywhere near 64 KiB.
        let length = (self.buffer.len() - start) as u16;
        self.buffer[start..start + 2].copy_from_slice(&length.to_ne_bytes());
    }

    /// Writes the header of an attribute whose value is `length` bytes long, and `padded`: the
    /// value, or as much of it as is known, padded to a multiple of four bytes.
    #[inline]
    fn put<const N: usize>(&mut self, kind: u16, length: usize, padded: [u8; N]) {
        // No value is longer than an address or a name.
        let length = (NLA_HEADER_SIZE + length) as u16;
        let ([a, b], [c, d]) = (length.to_ne_bytes(), kind.to_ne_bytes());
        self.buffer.extend_from_slice(&[a, b, c, d]);
        self.buffer.extend_from_slice(&padded);
    }
}

/// The attributes in `bytes`, each with its number and value. Nothing comes after an error.
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
        // The next one begins at a multiple of four bytes. The last one need not be padded.
        self.rest = bytes.get((length + 3) & !3..).unwrap_or_default();
        Some(Ok((u16::from_ne_bytes([c, d]) & NLA_TYPE_MASK, value)))
    }
}
