//! Waiting for the connections of a real server to end.

use std::collections::VecDeque;
use std::time::Duration;

/// A real server that gets no new connections, and what is left of those it has.
///
/// To take a server out without hurting a client, set its weight to 0, and wait until its
/// connections have ended before removing it. This does the counting, and neither reads nor sleeps:
/// [`observe`](Self::observe) takes what the kernel reports, whenever the caller asks for it.
///
/// ```
/// use std::time::Duration;
///
/// use ipvs::Drain;
///
/// let mut drain = Drain::of_active();
/// for (second, active) in [(0, 30), (1, 27), (2, 24)] {
///     assert!(!drain.observe(Duration::from_secs(second), active, 0));
/// }
/// assert_eq!(drain.remaining(), Some(Duration::from_secs(8)));
/// assert!(drain.observe(Duration::from_secs(9), 0, 0));
/// ```
///
/// The kernel counts a UDP connection as inactive as long as it remembers it, and a TCP connection
/// only until it is established and after it was closed: [`of_active`](Self::of_active) suits TCP and
/// SCTP, [`of_all`](Self::of_all) UDP. Neither counts persistence templates.
#[derive(Debug, Clone)]
pub struct Drain {
    counts_inactive: bool,
    /// The number left at some moments, the oldest first.
    observed: VecDeque<(Duration, u64)>,
    /// Since when none was left.
    none_since: Option<Duration>,
    left: u64,
}

/// The time over which the rate is measured.
const WINDOW: Duration = Duration::from_secs(30);

/// The least time between two moments that are kept.
const STEP: Duration = Duration::from_millis(250);

/// The time for which there must be no active connection, if there are inactive ones: one of these
/// may be about to be established. It is long enough for a lost packet to be sent again.
const CALM: Duration = Duration::from_secs(2);

impl Drain {
    /// Until no active connection is left.
    pub const fn of_active() -> Self {
        Self::new(false)
    }

    /// Until no connection is left, active or inactive.
    pub const fn of_all() -> Self {
        Self::new(true)
    }

    const fn new(counts_inactive: bool) -> Self {
        Drain { counts_inactive, observed: VecDeque::new(), none_since: None, left: 0 }
    }

    /// Takes the numbers of connections at a moment, which is given as the time since any fixed
    /// one. Returns true once the server is drained.
    ///
    /// It is drained when no connection is left. While there are inactive ones, which may become
    /// active yet, [`of_active`](Self::of_active) waits until that has been so for two seconds.
    pub fn observe(&mut self, at: Duration, active: u32, inactive: u32) -> bool {
        let counted = if self.counts_inactive { inactive } else { 0 };
        self.left = u64::from(active) + u64::from(counted);
        if self.observed.back().is_none_or(|(last, _)| at.saturating_sub(*last) >= STEP) {
            self.observed.push_back((at, self.left));
        }
        while self.observed.front().is_some_and(|(first, _)| at.saturating_sub(*first) > WINDOW) {
            self.observed.pop_front();
        }
        if self.left > 0 {
            self.none_since = None;
            return false;
        }
        let since = *self.none_since.get_or_insert(at);
        self.counts_inactive || inactive == 0 || at.saturating_sub(since) >= CALM
    }

    /// The connections left, of those that count.
    pub fn left(&self) -> u64 {
        self.left
    }

    /// The rate at which they have ended during the last 30 seconds; 0 if there are not fewer.
    pub fn ended_per_second(&self) -> f64 {
        let (Some((first, before)), Some((last, after))) =
            (self.observed.front(), self.observed.back())
        else {
            return 0.0;
        };
        let seconds = last.saturating_sub(*first).as_secs_f64();
        // Far below 2^53.
        let ended = before.saturating_sub(*after) as f64;
        if seconds > 0.0 { ended / seconds } else { 0.0 }
    }

    /// The time until none is left, if they go on ending at this rate. `None` if none has ended.
    pub fn remaining(&self) -> Option<Duration> {
        let rate = self.ended_per_second();
        if rate <= 0.0 {
            return (self.left == 0).then_some(Duration::ZERO);
        }
        Duration::try_from_secs_f64(self.left as f64 / rate).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(seconds: f64) -> Duration {
        Duration::from_secs_f64(seconds)
    }

    #[test]
    fn a_server_without_connections_is_drained_at_once() {
        assert!(Drain::of_active().observe(Duration::ZERO, 0, 0));
        assert!(Drain::of_all().observe(Duration::ZERO, 0, 0));
    }

    #[test]
    fn active_connections_are_waited_for_and_inactive_ones_only_if_they_count() {
        let mut active = Drain::of_active();
        let mut all = Drain::of_all();
        for (at, numbers, drained) in [
            (0.0, (5, 7), [false, false]),
            (1.0, (0, 12), [false, false]),
            (2.9, (0, 9), [false, false]),
            (3.0, (0, 9), [true, false]),
            (4.0, (0, 0), [true, true]),
        ] {
            let observed =
                [&mut active, &mut all].map(|it| it.observe(seconds(at), numbers.0, numbers.1));
            assert_eq!(observed, drained, "at {at}");
        }
    }

    #[test]
    fn a_connection_that_becomes_active_starts_the_calm_again() {
        let mut drain = Drain::of_active();
        for (at, active, drained) in
            [(0.0, 0, false), (1.9, 0, false), (2.0, 1, false), (2.1, 0, false), (4.0, 0, false)]
        {
            assert_eq!(drain.observe(seconds(at), active, 3), drained, "at {at}");
        }
        assert!(drain.observe(seconds(4.1), 0, 3));
    }

    #[test]
    fn the_rate_is_that_of_the_last_half_minute() {
        let mut drain = Drain::of_active();
        assert_eq!((drain.ended_per_second(), drain.remaining()), (0.0, Some(Duration::ZERO)));
        drain.observe(seconds(0.0), 1000, 0);
        assert_eq!((drain.ended_per_second(), drain.remaining()), (0.0, None));
        for second in 1..=100 {
            let left = if second <= 50 { 1000 - 10 * second } else { 550 - second };
            drain.observe(seconds(f64::from(second)), left, 0);
        }
        assert_eq!((drain.left(), drain.ended_per_second()), (450, 1.0));
        assert_eq!(drain.remaining(), Some(seconds(450.0)));
    }

    #[test]
    fn connections_that_increase_have_no_rate_and_no_end() {
        let mut drain = Drain::of_all();
        drain.observe(seconds(0.0), 1, 1);
        drain.observe(seconds(5.0), 1, 4);
        assert_eq!((drain.left(), drain.ended_per_second(), drain.remaining()), (5, 0.0, None));
    }

    #[test]
    fn frequent_observations_are_not_all_kept_and_time_may_stand_still() {
        let mut drain = Drain::of_all();
        for millisecond in 0..100_000 {
            drain.observe(Duration::from_millis(millisecond), u32::MAX, u32::MAX);
            assert!(drain.observed.len() <= 122);
        }
        assert_eq!(drain.left(), 2 * u64::from(u32::MAX));
        drain.observe(Duration::ZERO, 0, 1);
        assert_eq!(drain.left(), 1);
    }
}
