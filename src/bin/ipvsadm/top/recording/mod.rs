//! Recordings: readings in a file, as `docs/top.md` describes it.
//!
//! A file is a mark and then frames. A frame is a kind, a time, a length and compressed bytes. One that
//! is cut off is no frame, so a file that ends anywhere is whole up to its last frame. A key frame has
//! everything; the others have what has changed since the frame before.

mod bytes;
mod frame;
mod recorder;
mod replay;

pub(crate) use self::recorder::Recorder;
pub(crate) use self::replay::Replay;

/// What a file begins with. Another form would have another number.
const MARK: &[u8; 8] = b"IPVSTOP1";

/// The length of what comes before a frame's bytes.
const HEAD: usize = 13;

/// The kinds of frames.
const KEY: u8 = b'K';
const CHANGE: u8 = b'C';

/// The head of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Head {
    is_key: bool,
    /// In milliseconds since 1970.
    at: u64,
    /// The number of bytes that follow.
    length: u32,
}

impl Head {
    fn write(&self) -> [u8; HEAD] {
        let mut bytes = [0; HEAD];
        bytes[0] = if self.is_key { KEY } else { CHANGE };
        bytes[1..9].copy_from_slice(&self.at.to_le_bytes());
        bytes[9..].copy_from_slice(&self.length.to_le_bytes());
        bytes
    }

    fn read(bytes: &[u8; HEAD]) -> Option<Self> {
        let is_key = match bytes[0] {
            KEY => true,
            CHANGE => false,
            _ => return None,
        };
        let (at, length) = bytes[1..].split_first_chunk::<8>()?;
        let length = length.first_chunk::<4>()?;
        Some(Head { is_key, at: u64::from_le_bytes(*at), length: u32::from_le_bytes(*length) })
    }
}

#[cfg(test)]
mod tests;
