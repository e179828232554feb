//! Numbers and texts as bytes.

/// Appends a number: seven bits a byte, the lowest first; the highest bit says that more follow.
pub(super) fn push_number(bytes: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
}

/// Appends how far a number is from another, small differences of either sign as small numbers. It
/// wraps around, so that any two numbers have a difference.
pub(super) fn push_difference(bytes: &mut Vec<u8>, from: u64, to: u64) {
    let difference = to.wrapping_sub(from) as i64;
    push_number(bytes, (difference << 1 ^ difference >> 63) as u64);
}

pub(super) fn push_text(bytes: &mut Vec<u8>, text: &str) {
    push_number(bytes, text.len() as u64);
    bytes.extend_from_slice(text.as_bytes());
}

/// Bytes that are read from the beginning to the end. `None` where they do not make sense.
pub(super) struct Bytes<'b>(pub(super) &'b [u8]);

impl<'b> Bytes<'b> {
    pub(super) fn byte(&mut self) -> Option<u8> {
        let (byte, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*byte)
    }

    pub(super) fn take(&mut self, length: usize) -> Option<&'b [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }

    pub(super) fn number(&mut self) -> Option<u64> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            number |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Some(number);
            }
        }
        None
    }

    pub(super) fn small(&mut self) -> Option<u32> {
        self.number()?.try_into().ok()
    }

    pub(super) fn difference(&mut self, from: u64) -> Option<u64> {
        let coded = self.number()?;
        let difference = (coded >> 1) ^ (coded & 1).wrapping_neg();
        Some(from.wrapping_add(difference))
    }

    pub(super) fn text(&mut self) -> Option<&'b str> {
        let length = self.number()?.try_into().ok()?;
        std::str::from_utf8(self.take(length)?).ok()
    }

    /// How many of something follow. Each takes a byte at least, so a number that cannot be right is
    /// found before memory is taken for it.
    pub(super) fn count(&mut self) -> Option<usize> {
        let count = self.number()?.try_into().ok()?;
        (count <= self.0.len()).then_some(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_differences_come_back() {
        for number in [0, 1, 127, 128, 300, u64::from(u32::MAX), u64::MAX] {
            let mut bytes = Vec::new();
            push_number(&mut bytes, number);
            assert_eq!(Bytes(&bytes).number(), Some(number));
            for from in [0, 5, number, u64::MAX] {
                bytes.clear();
                push_difference(&mut bytes, from, number);
                assert_eq!(Bytes(&bytes).difference(from), Some(number));
            }
        }
        let mut bytes = Vec::new();
        push_difference(&mut bytes, 10, 7);
        assert_eq!(bytes, [5]);
        assert_eq!(Bytes(&[0x80; 12]).number(), None);
        assert_eq!(Bytes(&[0x80]).number(), None);
        assert_eq!(Bytes(&[3, b'a']).text(), None);
        assert_eq!(Bytes(&[200, 1]).count(), None);
    }
}
