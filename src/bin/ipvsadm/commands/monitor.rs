//! `--monitor`: prints what changes, by reading the state again and again. The kernel tells nobody.

use std::io;
use std::time::{Instant, SystemTime};

use ipvs::rules::grammar::MonitorOptions;
use ipvs::{Client, Error, Plan, PlanOptions, State, Statistics, Step};

use crate::kernel::home::{Home, lost};
use crate::kernel::reading::{Reading, growth};
use crate::output::changes::{self, Growth, time};
use crate::output::json;
use crate::process::Sink;
use crate::process::failure::Failure;
use crate::process::notice::say;
use crate::process::reader;

/// The number of readings in a row that fail because the table keeps changing, after which to say
/// so.
const PATIENCE: u32 = 5;

/// Prints changes until the time is over. Signals have their default effect: there is nothing to
/// undo, and everything is printed as soon as it is known.
pub(crate) fn monitor(
    client: &mut Client,
    options: &MonitorOptions,
    home: &Home<'_>,
    sink: &mut Sink,
) -> Result<(), Failure> {
    let statistics = match options.counters {
        true => Statistics::Read,
        false => Statistics::Skip,
    };
    let begun = Instant::now();
    let end = options.length.and_then(|length| begun.checked_add(length));
    let (mut before, mut now) = (Reading::default(), Reading::default());
    // The state of the reading before, if a difference has been looked for.
    let mut known: Option<State> = None;
    let mut counters = None;
    let mut is_first = true;
    let mut failed_readings = 0;
    let mut due = begun;
    loop {
        let reading_begun = Instant::now();
        let is_last = end.is_some_and(|end| end <= reading_begun);
        // A failed reading must not make anything wait longer, and old counters are worth nothing.
        let is_whole = is_first || is_last || failed_readings > 0 || options.counters;
        let read = match is_whole {
            true => now.read_whole(client, statistics),
            false => now.read_after(&before, client),
        };
        match read {
            Ok(()) => {
                failed_readings = 0;
                let moment = time(SystemTime::now());
                let mut printer = Printer { sink, json: options.json, moment: &moment };
                // The first reading is what changes are from.
                if !is_first && !now.looks_like(&before) {
                    let from = known.take().unwrap_or_else(|| before.state());
                    let to = now.state();
                    let plan = Plan::between(&from, &to, PlanOptions::default());
                    plan.steps().iter().try_for_each(|step| printer.change(step))?;
                    known = Some(to);
                }
                if options.counters {
                    let read = now.counters();
                    if let Some(before) = &counters {
                        growth(before, &read).iter().try_for_each(|it| printer.growth(it))?;
                    }
                    counters = Some(read);
                }
                sink.flush().map_err(Failure::Output)?;
                is_first = false;
                std::mem::swap(&mut before, &mut now);
            }
            // The next reading may succeed, and has these changes too.
            Err(Error::Changing { .. }) => {
                failed_readings += 1;
                if failed_readings == PATIENCE {
                    say("the table changes too fast to be read whole: trying again");
                }
            }
            Err(error) => return Err(lost(error)),
        }
        let read = Instant::now();
        if is_last {
            return Ok(());
        }
        // However large the table, half of the time is left to others.
        due = (due + options.interval).max(read + (read - reading_begun));
        let until = end.map_or(due, |end| end.min(due));
        if reader::leaves_before(until) {
            return Err(Failure::Output(io::ErrorKind::BrokenPipe.into()));
        }
        home.check()?;
    }
}

/// Prints what differs between two readings.
struct Printer<'a> {
    sink: &'a mut Sink,
    json: bool,
    /// The time of the second reading.
    moment: &'a str,
}

impl Printer<'_> {
    fn change(&mut self, step: &Step) -> Result<(), Failure> {
        match self.json {
            true => json::print_change(self.sink, step, self.moment)?,
            false => changes::print_change(self.sink, step, self.moment),
        }
        self.sink.pass().map_err(Failure::Output)
    }

    fn growth(&mut self, growth: &Growth) -> Result<(), Failure> {
        match self.json {
            true => json::print_growth(self.sink, growth, self.moment)?,
            false => changes::print_growth(self.sink, growth, self.moment),
        }
        self.sink.pass().map_err(Failure::Output)
    }
}
