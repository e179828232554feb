//! What has changed, as JSON: an object a line.

use ipvs::rules::Line;
use ipvs::{Change, Destination, Service, Step};

use super::convert::{self, Detail};
use super::document::{self, Configuration};
use super::layout::{push_block, push_line};
use crate::output::changes::Growth;
use crate::output::ramp::{Outcome, Ramp};
use crate::process::Sink;
use crate::process::failure::Failure;

/// Prints a step from one reading to the next.
pub(crate) fn print_change(sink: &mut Sink, step: &Step, time: &str) -> Result<(), Failure> {
    push_line(sink.text(), &change(step, &step.undo(), Some(time)))?;
    sink.print("\n");
    Ok(())
}

/// Prints the steps from what a file describes to the kernel's state, as one object.
pub(crate) fn print_difference(
    sink: &mut Sink,
    steps: &[Step],
    left_to_health_checks: usize,
) -> Result<(), Failure> {
    let undos: Vec<Vec<Change>> = steps.iter().map(Step::undo).collect();
    let changes = steps.iter().zip(&undos).map(|(step, undo)| change(step, undo, None)).collect();
    push_block(sink.text(), 0, &document::Difference { changes, left_to_health_checks })?;
    sink.print("\n");
    Ok(())
}

/// A step, with the changes that undo it.
fn change<'a>(step: &'a Step, undo: &'a [Change], time: Option<&'a str>) -> document::Change<'a> {
    let (kind, to) = after(step.change());
    let (service, destination) = match step.change() {
        Change::AddService(service, _)
        | Change::EditService(service, _)
        | Change::DeleteService(service)
        | Change::ZeroService(service) => (Some(service), None),
        Change::AddDestination(service, server, _)
        | Change::EditDestination(service, server, _)
        | Change::DeleteDestination(service, server) => (Some(service), Some(server)),
        _ => (None, None),
    };
    let setting = match step.change() {
        Change::SetSetting(setting, _) => Some(setting.name()),
        _ => None,
    };
    document::Change {
        time,
        change: kind,
        service: service.map(Into::into),
        destination: destination.map(Into::into),
        setting,
        from: before(undo),
        to,
        rule: Line::new(step.change()).ok().map(|line| line.to_string()),
    }
}

/// The name of a change, and what it leads to.
fn after(change: &Change) -> (&'static str, Option<Configuration<'_>>) {
    let to = configured(change);
    let name = match change {
        Change::AddService(..) => "add_service",
        Change::EditService(..) => "edit_service",
        Change::DeleteService(_) => "delete_service",
        Change::AddDestination(..) => "add_destination",
        Change::EditDestination(..) => "edit_destination",
        Change::DeleteDestination(..) => "delete_destination",
        Change::SetTimeouts(_) => "set_timeouts",
        Change::SetSetting(..) => "set_setting",
        Change::StartDaemon(..) => "start_daemon",
        Change::StopDaemon(_) => "stop_daemon",
        // No difference between two states.
        Change::Flush => "clear",
        Change::ZeroAll | Change::ZeroService(_) => "zero",
    };
    (name, to)
}

/// What was there before a change that these changes undo.
fn before(undo: &[Change]) -> Option<Configuration<'_>> {
    let (first, rest) = undo.split_first()?;
    let Change::AddService(key, config) = first else { return configured(first) };
    let servers: Vec<Destination> = rest
        .iter()
        .filter_map(|change| match change {
            Change::AddDestination(_, key, config) => Some(Destination::new(*key, *config)),
            _ => None,
        })
        .collect();
    let service = Service::new(*key, *config);
    let whole = convert::service(&service, &servers, Detail::Configuration);
    Some(Configuration::Service(Box::new(whole)))
}

/// What a change sets. `None` if it removes.
fn configured(change: &Change) -> Option<Configuration<'_>> {
    Some(match change {
        Change::AddService(key, config) | Change::EditService(key, config) => {
            Configuration::Service(Box::new(convert::service_alone(*key, *config)))
        }
        Change::AddDestination(_, key, config) | Change::EditDestination(_, key, config) => {
            let server = convert::destination(&Destination::new(*key, *config), false);
            Configuration::Destination(Box::new(server))
        }
        Change::SetTimeouts(timeouts) => Configuration::Timeouts(timeouts.into()),
        Change::SetSetting(_, value) => Configuration::Setting(value.into()),
        Change::StartDaemon(role, config) => {
            Configuration::Daemon((&ipvs::Daemon::new(*role, *config)).into())
        }
        _ => return None,
    })
}

/// Prints what counters have grown by.
pub(crate) fn print_growth(sink: &mut Sink, growth: &Growth, time: &str) -> Result<(), Failure> {
    let [connections, incoming_packets, outgoing_packets, incoming_bytes, outgoing_bytes] =
        growth.counters.0;
    let line = document::Growth {
        time,
        change: "counters",
        service: (&growth.service).into(),
        destination: growth.server.as_ref().map(Into::into),
        reset: growth.is_reset,
        counters: document::Counters {
            connections,
            incoming_packets,
            outgoing_packets,
            incoming_bytes,
            outgoing_bytes,
        },
    };
    push_line(sink.text(), &line)?;
    sink.print("\n");
    Ok(())
}

/// Prints the outcome of `--ramp`.
pub(crate) fn print_ramp(sink: &mut Sink, ramp: &Ramp) -> Result<(), Failure> {
    let document = document::Ramp {
        service: (&ramp.service).into(),
        destination: (&ramp.server).into(),
        outcome: match ramp.outcome {
            Outcome::Done => "done",
            Outcome::NothingToDo => "nothing_to_do",
            Outcome::Interrupted => "interrupted",
            Outcome::Stopped => "stopped",
        },
        weight_before: ramp.was,
        weight: ramp.weight,
        weight_wanted: ramp.wanted,
        steps: ramp.steps,
        steps_taken: ramp.done,
    };
    push_block(sink.text(), 0, &document)?;
    sink.print("\n");
    Ok(())
}
