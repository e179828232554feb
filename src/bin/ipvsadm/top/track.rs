//! Rates and history of one thing that has counters.

use super::reading::Counters;

/// The kernel copies its counters that often, so a difference over less says little
/// (`est_timer` in net/netfilter/ipvs/ip_vs_est.c). In milliseconds.
pub(crate) const STEP: u64 = 2000;

/// The steps of the last minute.
pub(crate) const STEPS: usize = 30;

/// The counters of one thing, followed over time.
#[derive(Debug, Clone)]
pub(crate) struct Track {
    /// The counters from which the next difference is taken, and their time.
    anchor: (u64, Counters),
    /// The last counters.
    latest: Counters,
    /// New connections a second, a step each, in a ring. NaN where nothing is known.
    points: [f32; STEPS],
    next: u8,
    /// The last two differences, the latest first.
    recent: [Option<Growth>; 2],
}

/// What counters have grown by.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Growth {
    milliseconds: u64,
    counters: Counters,
}

/// Averages a second, of the last few seconds.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Rates {
    pub(crate) connections: f64,
    pub(crate) bytes_in: f64,
    pub(crate) bytes_out: f64,
}

impl Track {
    pub(crate) fn begin(at: u64, counters: Counters) -> Self {
        Track {
            anchor: (at, counters),
            latest: counters,
            points: [f32::NAN; STEPS],
            next: 0,
            recent: [None; 2],
        }
    }

    /// Takes the next counters.
    pub(crate) fn update(&mut self, at: u64, counters: Counters) {
        let (since, before) = self.anchor;
        // Between two anchors, too, counters may fall and grow past the first again.
        let has_fallen = counters.since(&self.latest).is_none();
        self.latest = counters;
        let Some(milliseconds) = at.checked_sub(since).filter(|_| !has_fallen) else {
            // They were zeroed, or it is another thing of the same name: no rate, and no spike.
            self.anchor = (at, counters);
            self.recent = [None; 2];
            self.push(f32::NAN, 1);
            return;
        };
        if milliseconds < STEP {
            return;
        }
        if let Some(growth) = counters.since(&before) {
            let growth = Growth { milliseconds, counters: growth };
            self.recent = [Some(growth), self.recent[0]];
            let steps = (milliseconds + STEP / 2) / STEP;
            self.push(growth.connections() as f32, steps.min(STEPS as u64) as usize);
        }
        self.anchor = (at, counters);
    }

    fn push(&mut self, point: f32, times: usize) {
        for _ in 0..times {
            self.points[usize::from(self.next) % STEPS] = point;
            self.next = (self.next + 1) % STEPS as u8;
        }
    }

    /// The rates of the last two differences. `None` until there is one.
    pub(crate) fn rates(&self) -> Option<Rates> {
        self.recent[0]?;
        let mut sum = Counters::default();
        let mut milliseconds = 0;
        for Growth { milliseconds: length, counters } in self.recent.iter().flatten() {
            milliseconds += length;
            sum.connections += counters.connections;
            sum.bytes_in = sum.bytes_in.saturating_add(counters.bytes_in);
            sum.bytes_out = sum.bytes_out.saturating_add(counters.bytes_out);
        }
        let a_second = |sum: u64| sum as f64 * 1000.0 / milliseconds as f64;
        Some(Rates {
            connections: a_second(sum.connections),
            bytes_in: a_second(sum.bytes_in),
            bytes_out: a_second(sum.bytes_out),
        })
    }

    /// True if connections and packets came in, and nothing went out, in each of the last two
    /// differences.
    pub(crate) fn has_no_replies(&self) -> bool {
        self.recent.iter().all(|growth| {
            growth.is_some_and(|Growth { counters, .. }| {
                counters.connections > 0 && counters.bytes_in > 0 && counters.bytes_out == 0
            })
        })
    }

    /// The last counters.
    pub(crate) fn counters(&self) -> Counters {
        self.latest
    }

    /// New connections a second, step by step, the oldest first. NaN where nothing is known.
    fn points(&self) -> impl DoubleEndedIterator<Item = f32> + ExactSizeIterator {
        let next = usize::from(self.next);
        (0..STEPS).map(move |at| self.points[(next + at) % STEPS])
    }

    /// As a line to draw: each point with its neighbours. A reading may come just before the kernel
    /// copies its counters or just after, so that one step has nothing of it and the next all of two.
    pub(crate) fn history(&self) -> impl DoubleEndedIterator<Item = f32> + ExactSizeIterator {
        let points: Vec<f32> = self.points().collect();
        (0..STEPS).map(move |at| {
            if points[at].is_nan() {
                return f32::NAN;
            }
            let near = &points[at.saturating_sub(1)..(at + 2).min(STEPS)];
            let known = near.iter().copied().filter(|point| !point.is_nan());
            known.clone().sum::<f32>() / known.count() as f32
        })
    }

    /// The new connections of the last minute.
    pub(crate) fn minute(&self) -> f64 {
        let known = self.points.iter().filter(|point| !point.is_nan());
        known.map(|point| f64::from(*point)).sum::<f64>() * STEP as f64 / 1000.0
    }
}

impl Growth {
    fn connections(&self) -> f64 {
        self.counters.connections as f64 * 1000.0 / self.milliseconds as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counters(connections: u64) -> Counters {
        Counters { connections, bytes_in: connections * 100, bytes_out: connections * 1000 }
    }

    fn followed(readings: &[(u64, u64)]) -> Track {
        let (at, connections) = readings[0];
        let mut track = Track::begin(at, counters(connections));
        for (at, connections) in &readings[1..] {
            track.update(*at, counters(*connections));
        }
        track
    }

    fn history(track: &Track) -> Vec<f32> {
        track.points().skip_while(|point| point.is_nan()).collect()
    }

    #[test]
    fn rates_are_differences_over_at_least_two_seconds() {
        assert_eq!(followed(&[(0, 0)]).rates(), None);
        assert_eq!(followed(&[(0, 0), (1999, 100)]).rates(), None);
        let track = followed(&[(0, 0), (1000, 10), (2000, 40)]);
        let rates = Rates { connections: 20.0, bytes_in: 2000.0, bytes_out: 20000.0 };
        assert_eq!(track.rates(), Some(rates));
        // The last two differences.
        let track = followed(&[(0, 0), (2000, 40), (4000, 40), (6000, 60)]);
        assert_eq!(track.rates().map(|rates| rates.connections), Some(5.0));
        assert_eq!(history(&track), [20.0, 0.0, 10.0]);
        assert_eq!(track.minute(), 60.0);
    }

    #[test]
    fn a_counter_that_falls_is_a_reset_and_no_spike() {
        let mut track = followed(&[(0, 1000), (2000, 1100), (4000, 7)]);
        assert_eq!(track.rates(), None);
        track.update(6000, counters(27));
        assert_eq!(track.rates().map(|rates| rates.connections), Some(10.0));
        let history: Vec<f32> = track.points().filter(|point| !point.is_nan()).collect();
        assert_eq!(history, [50.0, 10.0]);
        // One falls between two anchors, and is above the first again.
        let track = followed(&[(0, 1000), (500, 3000), (1000, 10), (2000, 3000)]);
        assert_eq!(track.rates(), None);
        // The clock goes back: a recording that was added to.
        let track = followed(&[(9000, 10), (1000, 20)]);
        assert_eq!(track.rates(), None);
    }

    #[test]
    fn what_was_not_read_for_a_while_has_its_average() {
        let track = followed(&[(0, 0), (10_000, 100)]);
        assert_eq!(history(&track), [10.0; 5]);
        let track = followed(&[(0, 0), (600_000, 6000)]);
        assert_eq!(history(&track), [10.0; STEPS]);
        assert_eq!(track.minute(), 600.0);
    }

    #[test]
    fn a_line_hides_when_the_kernel_copied_its_counters() {
        let readings: Vec<_> = [0, 20, 40, 40, 80, 100, 120].into_iter().zip(0u64..).collect();
        let readings: Vec<_> = readings.iter().map(|(sum, step)| (step * 2000, *sum)).collect();
        let track = followed(&readings);
        assert_eq!(history(&track), [10.0, 10.0, 0.0, 20.0, 10.0, 10.0]);
        let line: Vec<f32> = track.history().filter(|point| !point.is_nan()).collect();
        assert!(line.iter().all(|point| (6.0..14.0).contains(point)), "{line:?}");
    }

    #[test]
    fn replies_are_missed_only_where_there_are_connections() {
        let silent = |connections| Counters { bytes_out: 0, ..counters(connections) };
        let mut track = Track::begin(0, silent(0));
        track.update(2000, silent(5));
        assert!(!track.has_no_replies());
        track.update(4000, silent(9));
        assert!(track.has_no_replies());
        track.update(6000, silent(9));
        assert!(!track.has_no_replies());
    }
}
