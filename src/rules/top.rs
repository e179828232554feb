//! `--top`: the balancer, live.

use std::path::PathBuf;
use std::time::Duration;

/// The options of `--top`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopOptions {
    /// `--interval`: the time between two readings.
    pub interval: Duration,
    /// `--read-only`: change nothing.
    pub read_only: bool,
    /// `--ascii`: draw with ASCII alone, whatever the locale says.
    pub ascii: bool,
    /// `--record`: the file that all readings are written to.
    pub record: Option<PathBuf>,
    /// `--replay`: the file that readings come from, instead of the kernel.
    pub replay: Option<PathBuf>,
    /// With `--replay`: the time of day to begin at.
    pub begin: Option<TimeOfDay>,
    /// `--batch`: print instead of drawing.
    pub batch: bool,
    /// With `--batch`: end after this many readings. `None`: never.
    pub count: Option<u32>,
    /// With `--batch`: as JSON, one object a line.
    pub json: bool,
}

impl Default for TopOptions {
    fn default() -> Self {
        TopOptions {
            // The kernel copies its counters that often (`est_timer` in
            // net/netfilter/ipvs/ip_vs_est.c).
            interval: Duration::from_secs(2),
            read_only: false,
            ascii: false,
            record: None,
            replay: None,
            begin: None,
            batch: false,
            count: None,
            json: false,
        }
    }
}

/// A time of day, in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct TimeOfDay {
    /// The seconds since midnight.
    pub seconds: u32,
}

impl TimeOfDay {
    /// Reads `HH:MM` or `HH:MM:SS`.
    pub fn parse(text: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(text).ok()?;
        let mut parts = text.split(':');
        let mut part = |bound: u32| {
            let digits = parts.next()?;
            let plain = matches!(digits.len(), 1 | 2) && digits.bytes().all(|b| b.is_ascii_digit());
            plain.then_some(())?;
            digits.parse::<u32>().ok().filter(|number| *number < bound)
        };
        let (hours, minutes) = (part(24)?, part(60)?);
        let seconds = if text.matches(':').count() == 2 { part(60)? } else { 0 };
        parts
            .next()
            .is_none()
            .then_some(TimeOfDay { seconds: (hours * 60 + minutes) * 60 + seconds })
    }
}

/// `03:00:00`
impl std::fmt::Display for TimeOfDay {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let TimeOfDay { seconds } = self;
        write!(f, "{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_of_day_are_read_as_people_write_them() {
        for (text, want) in [
            ("03:00", Some("03:00:00")),
            ("3:00", Some("03:00:00")),
            ("23:59:59", Some("23:59:59")),
            ("24:00", None),
            ("12:60", None),
            ("12", None),
            ("12:00:", None),
            ("12:00:00:00", None),
            ("+1:00", None),
            ("", None),
        ] {
            let read = TimeOfDay::parse(text.as_bytes()).map(|time| time.to_string());
            assert_eq!(read.as_deref(), want, "{text}");
        }
    }
}
