//! IPv4 addresses in every form that the C library's `inet_aton` takes.

use std::net::Ipv4Addr;

/// Reads one to four numbers, decimal, octal or hexadecimal, of which the last fills the remaining
/// bytes. Everything after a blank is ignored.
pub(super) fn inet_aton(text: &[u8]) -> Option<Ipv4Addr> {
    let mut address = 0u32;
    let mut rest = text;
    for part in 0..4 {
        let (value, after) = c_number(rest)?;
        let ends = match after {
            [] => true,
            [byte, ..] => byte.is_ascii_whitespace() || *byte == 0x0b,
        };
        if ends {
            let room = u32::MAX >> (8 * part);
            return (value <= room).then(|| Ipv4Addr::from(address | value));
        }
        let [b'.', after @ ..] = after else { return None };
        if value > 0xff || part == 3 {
            return None;
        }
        address |= value << (24 - 8 * part);
        rest = after;
    }
    None
}

/// Reads a number as in C: hexadecimal after `0x`, octal after `0`, otherwise decimal.
fn c_number(text: &[u8]) -> Option<(u32, &[u8])> {
    if !text.first()?.is_ascii_digit() {
        return None;
    }
    let (radix, digits) = match text {
        [b'0', b'x' | b'X', digits @ ..] if digits.first()?.is_ascii_hexdigit() => (16, digits),
        [b'0', ..] => (8, text),
        _ => (10, text),
    };
    let mut value = 0u32;
    let mut count = 0;
    while let Some(digit) = digits.get(count).and_then(|byte| char::from(*byte).to_digit(radix)) {
        value = value.checked_mul(radix)?.checked_add(digit)?;
        count += 1;
    }
    Some((value, &digits[count..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_number_fills_the_bytes_that_are_left() {
        for (text, want) in [
            ("1.2.3.4", Some([1, 2, 3, 4])),
            ("10.1", Some([10, 0, 0, 1])),
            ("10.1.258", Some([10, 1, 1, 2])),
            ("0x7f000001", Some([127, 0, 0, 1])),
            ("010.1", Some([8, 0, 0, 1])),
            ("1.2.3.4 and more", Some([1, 2, 3, 4])),
            ("4294967295", Some([255; 4])),
            ("4294967296", None),
            ("1.16777216", None),
            ("1.2.3.256", None),
            ("1.2.3.4.5", None),
            ("08.1", None),
            ("1.", None),
            ("", None),
            ("x", None),
        ] {
            assert_eq!(inet_aton(text.as_bytes()), want.map(Ipv4Addr::from), "{text:?}");
        }
    }
}
