//! `--ramp`: changes the weight of a real server in steps.

use std::time::{Duration, Instant};

use ipvs::rules::Line;
use ipvs::rules::grammar::{RampOptions, WeightUse, weight_use};
use ipvs::{Change, Client, DestinationConfig, Error, Name, RefusalKind, Statistics};

use crate::commands::dry_run::rule;
use crate::kernel::home::{Home, lost};
use crate::output::json;
use crate::output::ramp::{Outcome, Ramp};
use crate::process::Sink;
use crate::process::failure::{Failure, status};
use crate::process::notice::say;
use crate::process::progress::StatusLine;
use crate::process::signals::Signals;

/// Changes the weight, and prints the outcome.
pub(crate) fn ramp(
    client: &mut Client,
    options: &RampOptions,
    home: &Home<'_>,
    sink: &mut Sink,
) -> Result<(), Failure> {
    let scheduler = client.service(&options.service)?.config.scheduler;
    check_scheduler(options, scheduler)?;
    let before = find(client, options)?;
    let start = options.start(before.as_ref())?;
    let schedule = Schedule::new(options, start.weight);
    let first = match before {
        Some(before) if before == start => None,
        Some(_) => Some(Change::EditDestination(options.service, options.server, start)),
        None => Some(Change::AddDestination(options.service, options.server, start)),
    };
    if options.dry_run {
        return dry_run(options, &start, &schedule, first.as_ref(), sink);
    }
    let mut ramp = Ramp {
        service: options.service,
        server: options.server,
        was: before.map(|before| before.weight),
        wanted: options.weight,
        weight: start.weight,
        steps: schedule.steps,
        done: 0,
        outcome: Outcome::Done,
    };
    if schedule.steps == 0 && first.is_none() {
        ramp.outcome = Outcome::NothingToDo;
        return print(&ramp, options, sink);
    }
    if schedule.steps > 0
        && let Some(warning) = warning(scheduler)
    {
        say(format_args!("warning: {}: {warning}", options.service));
    }
    let signals = Signals::watch();
    if let Some(first) = first {
        client.change(&first).map_err(|error| Failure::of_change(&first, error))?;
    }
    let ended = climb(client, options, &schedule, home, &signals, &mut ramp);
    ramp.outcome = match &ended {
        Ok(()) => Outcome::Done,
        Err(Failure::Signal(_)) => Outcome::Interrupted,
        Err(_) => Outcome::Stopped,
    };
    if ended.is_ok() || options.json {
        print(&ramp, options, sink)?;
    }
    if let Err(Failure::Signal(_)) = ended {
        say(format_args!(
            "Interrupted: {} has weight {}, on the way to {}. To go on:\n  {}",
            ramp.server,
            ramp.weight,
            ramp.wanted,
            continuation(options, &schedule, ramp.done, home)
        ));
    }
    ended
}

/// Refuses a scheduler for which the first step would be all there is.
fn check_scheduler(options: &RampOptions, scheduler: Name) -> Result<(), Failure> {
    match weight_use(scheduler.as_str()) {
        Some(WeightUse::Nothing) => Err(Failure::Senseless(format!(
            "{}: its scheduler, {scheduler}, ignores weights other than 0, so the first step would \
             be the whole; wrr and wlc follow them",
            options.service
        ))),
        _ => Ok(()),
    }
}

/// What people should know before they ramp under this scheduler.
fn warning(scheduler: Name) -> Option<String> {
    match weight_use(scheduler.as_str()) {
        Some(WeightUse::Hash) => {
            Some(format!("with {scheduler}, each step moves some clients to another server"))
        }
        Some(WeightUse::Rank) => Some(format!(
            "with {scheduler}, the server with the highest weight comes first, so shares do not \
             follow the weights"
        )),
        Some(WeightUse::Share | WeightUse::Nothing) | None => None,
    }
}

/// The configuration of the server. `None` if there is no such server.
fn find(client: &mut Client, options: &RampOptions) -> Result<Option<DestinationConfig>, Error> {
    let mut found = None;
    client.each_destination(&options.service, Statistics::Skip, |server| {
        if server.key == options.server {
            found = Some(server.config);
        }
    })?;
    Ok(found)
}

/// Shows each step as a rule, with its time as a comment.
fn dry_run(
    options: &RampOptions,
    start: &DestinationConfig,
    schedule: &Schedule,
    first: Option<&Change>,
    sink: &mut Sink,
) -> Result<(), Failure> {
    if let Some(first) = first {
        sink.print(format!("{}  # at once\n", rule(first)));
    }
    for step in 1..=schedule.steps {
        let config = DestinationConfig { weight: schedule.weight(step), ..*start };
        let change = Change::EditDestination(options.service, options.server, config);
        let after = seconds(schedule.due(step));
        sink.print(format!("{}  # after {after} s\n", rule(&change)));
        sink.pass().map_err(Failure::Output)?;
    }
    sink.flush().map_err(Failure::Output)?;
    match first.is_some() || schedule.steps > 0 {
        true => Err(Failure::Reported(status::DIFFERENT)),
        false => Ok(()),
    }
}

fn print(ramp: &Ramp, options: &RampOptions, sink: &mut Sink) -> Result<(), Failure> {
    match options.json {
        true => json::print_ramp(sink, ramp),
        false => {
            sink.print(format!("{ramp}\n"));
            Ok(())
        }
    }
}

/// Takes all steps, each at its time.
fn climb(
    client: &mut Client,
    options: &RampOptions,
    schedule: &Schedule,
    home: &Home<'_>,
    signals: &Signals,
    ramp: &mut Ramp,
) -> Result<(), Failure> {
    let begun = Instant::now();
    // If the program was kept from running, what is left takes its time all the same: the weight
    // must not jump.
    let mut late = Duration::ZERO;
    let mut line = StatusLine::new();
    for step in 1..=schedule.steps {
        let due = begun + schedule.due(step) + late;
        loop {
            let now = Instant::now();
            let until = match line.is_watched() {
                true => due.min(now + Duration::from_secs(1)),
                false => due,
            };
            let end = begun + schedule.due(schedule.steps) + late;
            let left = end.saturating_duration_since(now);
            line.show(format_args!(
                "{}: weight {} of {}, {} s left",
                ramp.server,
                ramp.weight,
                ramp.wanted,
                left.as_secs_f64().ceil()
            ));
            if let Some(signal) = signals.wait(until) {
                return Err(Failure::Signal(signal));
            }
            if until == due {
                break;
            }
        }
        let overdue = due.elapsed();
        if overdue > schedule.due(1) {
            late += overdue;
        }
        home.check()?;
        take_step(client, options, ramp, schedule.weight(step))?;
        (ramp.weight, ramp.done) = (schedule.weight(step), step);
    }
    Ok(())
}

/// Sets the weight, and keeps everything else as it is now.
fn take_step(
    client: &mut Client,
    options: &RampOptions,
    ramp: &Ramp,
    weight: u32,
) -> Result<(), Failure> {
    let service = &options.service;
    let stopped = |what: String| {
        let Ramp { weight, wanted, .. } = ramp;
        Failure::Overtaken(format!("stopped at weight {weight} on the way to {wanted}: {what}"))
    };
    let no_service = || stopped(format!("somebody else has removed {service}"));
    let no_server =
        || stopped(format!("somebody else has removed {} from {service}", options.server));
    match client.service(service) {
        Ok(now) if weight_use(now.config.scheduler.as_str()) == Some(WeightUse::Nothing) => {
            return Err(stopped(format!(
                "somebody else has given {service} the scheduler {}, which ignores weights",
                now.config.scheduler
            )));
        }
        Ok(_) => {}
        Err(error) if error.refusal_kind() == Some(RefusalKind::NoSuchService) => {
            return Err(no_service());
        }
        Err(error) => return Err(lost(error)),
    }
    let now = find(client, options).map_err(lost)?.ok_or_else(no_server)?;
    if now.weight != ramp.weight {
        return Err(stopped(format!(
            "somebody else has set the weight of {} to {}",
            options.server, now.weight
        )));
    }
    let config = DestinationConfig { weight, ..now };
    match client.edit_destination(service, &options.server, &config) {
        Ok(()) => Ok(()),
        Err(error) => Err(match error.refusal_kind() {
            Some(RefusalKind::NoSuchDestination) => no_server(),
            Some(RefusalKind::ServiceNotDefined) => no_service(),
            _ => lost(error),
        }),
    }
}

/// The command that takes the steps which are left.
fn continuation(options: &RampOptions, schedule: &Schedule, done: u32, home: &Home<'_>) -> String {
    let change = Change::DeleteDestination(options.service, options.server);
    let server = match Line::new(&change) {
        Ok(line) => line.to_string(),
        Err(_) => String::new(),
    };
    let left = schedule.due(schedule.steps) - schedule.due(done);
    let netns = home.name().map(|name| format!(" --netns {name}")).unwrap_or_default();
    format!(
        "ipvsadm --ramp{} -w {} --over {} --steps {}{netns}",
        server.trim_start_matches("-d"),
        options.weight,
        seconds(left.max(Duration::from_millis(100))),
        schedule.steps - done,
    )
}

/// `10`, `0.5`, `2.333`.
fn seconds(time: Duration) -> String {
    let text = format!("{:.3}", time.as_secs_f64());
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// The weights on the way, and their times.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Schedule {
    from: u32,
    to: u32,
    steps: u32,
    over: Duration,
}

impl Schedule {
    /// Without a number of steps, one for each unit of weight, but at most one a second.
    fn new(options: &RampOptions, from: u32) -> Schedule {
        let RampOptions { weight: to, over, .. } = *options;
        let most = match options.steps {
            Some(steps) => steps.get(),
            None => u32::try_from(over.as_secs().max(1)).unwrap_or(u32::MAX),
        };
        Schedule { from, to, steps: from.abs_diff(to).min(most), over }
    }

    /// The weight after this step, of which the first is 1.
    fn weight(&self, step: u32) -> u32 {
        let way = u64::from(self.from.abs_diff(self.to)) * u64::from(step);
        let way = way / u64::from(self.steps.max(1));
        // No more than the whole way, which fits.
        let way = u32::try_from(way).unwrap_or(u32::MAX);
        match self.from <= self.to {
            true => self.from.saturating_add(way),
            false => self.from.saturating_sub(way),
        }
    }

    /// The time of this step after the beginning.
    fn due(&self, step: u32) -> Duration {
        let nanoseconds = self.over.as_nanos() * u128::from(step) / u128::from(self.steps.max(1));
        Duration::from_nanos(u64::try_from(nanoseconds).unwrap_or(u64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schedule(from: u32, to: u32, steps: u32, over: f64) -> Schedule {
        Schedule { from, to, steps, over: Duration::from_secs_f64(over) }
    }

    #[test]
    fn steps_are_even_in_weight_and_time() {
        let weights = |from, to, steps| -> Vec<u32> {
            let schedule = schedule(from, to, steps, 9.0);
            (1..=steps).map(|step| schedule.weight(step)).collect()
        };
        assert_eq!(weights(0, 10, 10), Vec::from_iter(1..=10));
        assert_eq!(weights(0, 10, 4), [2, 5, 7, 10]);
        assert_eq!(weights(10, 0, 4), [8, 5, 3, 0]);
        assert_eq!(weights(7, 8, 1), [8]);
        assert_eq!(weights(0, i32::MAX as u32, 2), [1073741823, 2147483647]);
        let ramp = schedule(0, 10, 4, 10.0);
        let times: Vec<_> = (1..=4).map(|step| seconds(ramp.due(step))).collect();
        assert_eq!(times, ["2.5", "5", "7.5", "10"]);
        assert_eq!(schedule(0, 3, 3, 1.0).due(1), Duration::from_nanos(333_333_333));
    }
}
