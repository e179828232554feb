//! Counters in columns of nine: eight places after a blank, or before the letter of a unit.

use ipvs::rules::grammar::text::push_number;

use super::pad::pad_left;

/// The places of a counter, besides its blank or letter.
const PLACES: usize = 8;

/// The least value that is shortened to a unit, the unit, and its letter.
const UNITS: [(u64, u64, u8); 4] = [
    (100_000_000_000_000, 1_000_000_000_000, b'T'),
    (100_000_000_000, 1_000_000_000, b'G'),
    (1_000_000_000, 1_000_000, b'M'),
    (100_000_000, 1_000, b'K'),
];

/// Appends a counter in full, right-aligned. One of more than eight digits widens its column.
pub(super) fn push_exact(text: &mut Vec<u8>, value: u64) {
    text.push(b' ');
    let start = text.len();
    push_number(text, value);
    pad_left(text, start, PLACES);
}

/// Appends a counter, right-aligned, in thousands, millions and so on where it is large.
pub(super) fn push_short(text: &mut Vec<u8>, value: u64) {
    let Some((_, unit, letter)) = UNITS.iter().find(|(from, ..)| value >= *from) else {
        return push_exact(text, value);
    };
    let start = text.len();
    push_number(text, value / unit);
    pad_left(text, start, PLACES);
    text.push(*letter);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn short(value: u64) -> String {
        let mut text = Vec::new();
        push_short(&mut text, value);
        String::from_utf8(text).expect("text")
    }

    #[test]
    fn large_counters_are_shortened() {
        assert_eq!(short(0), "        0");
        assert_eq!(short(99_999_999), " 99999999");
        assert_eq!(short(100_000_000), "  100000K");
        assert_eq!(short(999_999_999), "  999999K");
        assert_eq!(short(1_000_000_000), "    1000M");
        assert_eq!(short(99_999_999_999), "   99999M");
        assert_eq!(short(100_000_000_000), "     100G");
        assert_eq!(short(99_999_999_999_999), "   99999G");
        assert_eq!(short(100_000_000_000_000), "     100T");
        assert_eq!(short(u64::MAX), "18446744T");
    }

    #[test]
    fn exact_counters_grow_out_of_their_column() {
        let mut text = Vec::new();
        push_exact(&mut text, u64::MAX);
        assert_eq!(text, b" 18446744073709551615");
    }
}
