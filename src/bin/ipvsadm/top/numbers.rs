//! Numbers that fit into narrow columns.

/// Thousands and up.
const UNITS: [&str; 7] = ["", "k", "M", "G", "T", "P", "E"];

/// `0`, `0.5`, `12`, `1.2k`, `345M`: four places at most.
pub(crate) fn short(value: f64) -> String {
    let mut value = value.max(0.0);
    let mut unit = 0;
    // Nothing rounds up to 1000 of a unit.
    while value >= 999.5 && unit + 1 < UNITS.len() {
        value /= 1000.0;
        unit += 1;
    }
    let name = UNITS[unit];
    match value {
        // Not 0, and not 0.0.
        value if unit == 0 && value > 0.0 && value < 0.05 => "<0.1".to_owned(),
        value if value < 9.95 && (unit > 0 || value.fract() > 0.0) => format!("{value:.1}{name}"),
        value => format!("{value:.0}{name}"),
    }
}

/// As [`short`], but in full up to five digits.
pub(crate) fn count(value: u64) -> String {
    if value < 100_000 { value.to_string() } else { short(value as f64) }
}

/// `1.2 Mbit/s`
pub(crate) fn bits(bytes_a_second: f64) -> String {
    let text = short(bytes_a_second * 8.0);
    match text.find(|c: char| c.is_ascii_alphabetic()) {
        Some(unit) => format!("{} {}bit/s", &text[..unit], &text[unit..]),
        None => format!("{text} bit/s"),
    }
}

/// `25%`
pub(crate) fn percent(share: f64) -> String {
    format!("{:.0}%", share * 100.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_four_places_at_most() {
        for (value, want) in [
            (0.0, "0"),
            (0.01, "<0.1"),
            (0.05, "0.1"),
            (0.5, "0.5"),
            (9.94, "9.9"),
            (9.96, "10"),
            (7.0, "7"),
            (12.4, "12"),
            (999.4, "999"),
            (999.5, "1.0k"),
            (1234.0, "1.2k"),
            (99_960.0, "100k"),
            (999_499.0, "999k"),
            (999_500.0, "1.0M"),
            (-1.0, "0"),
            (1.8e19, "18E"),
        ] {
            let text = short(value);
            assert_eq!(text, want, "{value}");
            assert!(text.len() <= 4);
        }
        assert_eq!((count(99_999), count(100_000)), ("99999".to_owned(), "100k".to_owned()));
        assert_eq!(bits(0.0), "0 bit/s");
        assert_eq!(bits(154_321.0), "1.2 Mbit/s");
        assert_eq!(bits(25.0), "200 bit/s");
        assert_eq!((percent(0.254), percent(1.0)), ("25%".to_owned(), "100%".to_owned()));
    }
}
