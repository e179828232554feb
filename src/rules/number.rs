//! Numbers, and the range of each option.

use super::value_error::ValueError;

/// The range of an option, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Range {
    pub(super) least: u32,
    pub(super) most: u32,
}

const fn range(least: u32, most: u32) -> Range {
    Range { least, most }
}

/// A month of 31 days, in seconds: the longest timeout that ipvsadm 1.31 accepts.
const LONGEST_TIMEOUT: u32 = 31 * 24 * 60 * 60;

pub(super) const PORT: Range = range(0, 65535);
pub(super) const FIREWALL_MARK: Range = range(1, u32::MAX);
pub(super) const PERSISTENCE: Range = range(1, LONGEST_TIMEOUT);
pub(super) const TIMEOUT: Range = range(0, LONGEST_TIMEOUT);
/// Weights and thresholds, which the kernel stores as signed numbers.
pub(super) const COUNT: Range = range(0, i32::MAX as u32);
pub(super) const TUNNEL_PORT: Range = range(1, 65535);
pub(super) const SYNC_ID: Range = range(0, 255);
pub(super) const SYNC_LENGTH: Range = range(1, 65507);
pub(super) const MULTICAST_PORT: Range = range(1, 65535);
pub(super) const TTL: Range = range(1, 255);
pub(super) const STEPS: Range = range(1, i32::MAX as u32);
pub(super) const WAIT: Range = range(0, LONGEST_TIMEOUT);

/// A decimal number as `strtol` reads it: blanks and a sign may precede it, nothing may follow.
#[inline]
pub(super) fn integer(text: &[u8], range: Range) -> Result<u32, ValueError> {
    let (value, negative) = match decimal(text) {
        Some((value, negative, [])) => (value, negative),
        _ => return Err(ValueError::NotANumber { least: range.least, most: range.most }),
    };
    match u32::try_from(value) {
        Ok(value) if (range.least..=range.most).contains(&value) && (!negative || value == 0) => {
            Ok(value)
        }
        _ => Err(ValueError::OutOfRange { least: range.least, most: range.most }),
    }
}

/// Reads blanks, a sign and digits. Returns the absolute value, saturated; true for a minus sign;
/// and the rest.
#[inline]
pub(super) fn decimal(text: &[u8]) -> Option<(u64, bool, &[u8])> {
    let mut at = 0;
    while matches!(text.get(at), Some(b' ' | b'\t'..=b'\r')) {
        at += 1;
    }
    let negative = text.get(at) == Some(&b'-');
    if let Some(b'+' | b'-') = text.get(at) {
        at += 1;
    }
    let digits = at;
    let mut value = 0u64;
    while let Some(digit @ b'0'..=b'9') = text.get(at) {
        value = value.saturating_mul(10).saturating_add(u64::from(digit - b'0'));
        at += 1;
    }
    (at > digits).then(|| (value, negative, &text[at..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_taken_up_to_their_bounds_and_no_further() {
        for range in [
            PORT,
            FIREWALL_MARK,
            PERSISTENCE,
            TIMEOUT,
            COUNT,
            TUNNEL_PORT,
            SYNC_ID,
            SYNC_LENGTH,
            MULTICAST_PORT,
            TTL,
        ] {
            let Range { least, most } = range;
            let read = |text: String| integer(text.as_bytes(), range);
            assert_eq!(read(least.to_string()), Ok(least));
            assert_eq!(read(most.to_string()), Ok(most));
            let error = Err(ValueError::OutOfRange { least, most });
            assert_eq!(read((i64::from(least) - 1).to_string()), error);
            assert_eq!(read((i64::from(most) + 1).to_string()), error);
        }
    }

    #[test]
    fn numbers_are_read_as_strtol_reads_them() {
        for (text, want) in [
            ("+5", Some(5)),
            (" 5", Some(5)),
            ("\t5", Some(5)),
            ("\n5", Some(5)),
            ("010", Some(10)),
            ("-0", Some(0)),
            ("00000000000000000000000000005", Some(5)),
            ("5 ", None),
            ("0x10", None),
            ("5abc", None),
            ("", None),
            (" ", None),
            ("+ 5", None),
            ("+-5", None),
            ("-1", None),
            ("4294967297", None),
            ("18446744073709551617", None),
            ("99999999999999999999999999", None),
        ] {
            assert_eq!(integer(text.as_bytes(), COUNT).ok(), want, "{text:?}");
        }
    }
}
