//! Times of recordings and of the screen, in UTC.

use std::time::{Duration, UNIX_EPOCH};

use ipvs::rules::grammar::TimeOfDay;

/// A day, in milliseconds.
pub(crate) const DAY: u64 = 24 * 60 * 60 * 1000;

/// `2026-11-26 03:00:00 UTC`
pub(crate) fn stamp(at: u64) -> String {
    let time = UNIX_EPOCH + Duration::from_millis(at);
    let text = humantime::format_rfc3339_seconds(time).to_string();
    text.replace('T', " ").replace('Z', " UTC")
}

/// `2026-11-26T03:00:00.000Z`
pub(crate) fn precise(at: u64) -> String {
    humantime::format_rfc3339_millis(UNIX_EPOCH + Duration::from_millis(at)).to_string()
}

/// The next moment with this time of day, which may be this very moment.
pub(crate) fn next(after: u64, wanted: TimeOfDay) -> u64 {
    let midnight = after - after % DAY;
    let today = midnight + u64::from(wanted.seconds) * 1000;
    if today >= after { today } else { today + DAY }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_time_of_day_may_be_tomorrow() {
        let three = TimeOfDay::parse(b"03:00").expect("a time");
        let at = 1_795_662_000_000;
        assert_eq!(stamp(at), "2026-11-26 03:00:00 UTC");
        assert_eq!(precise(at + 5), "2026-11-26T03:00:00.005Z");
        assert_eq!(next(at, three), at);
        assert_eq!(next(at + 1, three), at + DAY);
        assert_eq!(next(at - 1, three), at);
    }
}
