//! Numbers of three digits with a unit.

/// Connections and packets: thousands.
const PLAIN: [&str; 7] = ["", "k", "M", "G", "T", "P", "E"];
/// Bytes: each unit is 1024 of the one before.
const BYTES: [&str; 7] = [" B", " KiB", " MiB", " GiB", " TiB", " PiB", " EiB"];

/// `999`, `1.23k`, `12.3M`
pub(super) fn count(value: u64) -> String {
    scaled(value, 1000, &PLAIN)
}

/// `999 B`, `1.23 KiB`, `12.3 MiB`
pub(super) fn bytes(value: u64) -> String {
    scaled(value, 1024, &BYTES)
}

fn scaled(value: u64, step: u128, units: &[&str; 7]) -> String {
    let mut unit = 1u128;
    let mut power = 0;
    let value = u128::from(value);
    // No more than three digits, even in steps of 1024: 1000 KiB are shown as 0.97 MiB.
    while value >= unit * 1000 && power + 1 < units.len() {
        unit *= step;
        power += 1;
    }
    let name = units[power];
    // Rounded down, so that nothing shows as more than it is.
    let hundredths = value * 100 / unit;
    let (whole, part) = (hundredths / 100, hundredths % 100);
    match (power, whole) {
        (0, _) | (_, 100..) => format!("{whole}{name}"),
        (_, 10..) => format!("{whole}.{}{name}", part / 10),
        _ => format!("{whole}.{part:02}{name}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_digits_and_a_unit() {
        for (value, want) in [
            (0, "0"),
            (999, "999"),
            (1000, "1.00k"),
            (1239, "1.23k"),
            (99_999, "99.9k"),
            (999_999, "999k"),
            (1_000_000, "1.00M"),
            (u64::MAX, "18.4E"),
        ] {
            assert_eq!(count(value), want, "{value}");
        }
        for (value, want) in [
            (0, "0 B"),
            (999, "999 B"),
            (1000, "0.97 KiB"),
            (1024, "1.00 KiB"),
            (1536 * 1024, "1.50 MiB"),
            (1023 * 1024, "0.99 MiB"),
            (u64::MAX, "15.9 EiB"),
        ] {
            assert_eq!(bytes(value), want, "{value}");
        }
    }
}
