//! Times of recordings and of the screen, in UTC.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use ipvs::rules::grammar::TimeOfDay;

/// A day, in milliseconds.
pub(crate) const DAY: u64 = 24 * 60 * 60 * 1000;

/// The end of the year 9999, which is the last that can be written.
const LAST: u64 = 253_402_300_799_000;

fn time(at: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_millis(at.min(LAST))
}

/// `2026-11-26 03:00:00 UTC`
pub(crate) fn stamp(at: u64) -> String {
    let text = humantime::format_rfc3339_seconds(time(at)).to_string();
    text.replace('T', " ").replace('Z', " UTC")
}

/// `2026-11-26T03:00:00.000Z`
pub(crate) fn precise(at: u64) -> String {
    humantime::format_rfc3339_millis(time(at)).to_string()
}

/// The next moment with this time of day, which may be this very moment.
pub(crate) fn next(after: u64, wanted: TimeOfDay) -> u64 {
    let midnight = after - after % DAY;
    let today = midnight.saturating_add(u64::from(wanted.seconds) * 1000);
    if today >= after { today } else { today.saturating_add(DAY) }
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
        // A damaged file may have any time.
        assert_eq!(stamp(u64::MAX), "9999-12-31 23:59:59 UTC");
        assert!(next(u64::MAX, three) > at);
        assert_eq!(next(at + 1, three), at + DAY);
        assert_eq!(next(at - 1, three), at);
    }
}
