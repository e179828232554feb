//! `--diff`: prints what has changed since a file. As with diff(1), the status is 0 if there is
//! nothing, and 1 if there is something.

use std::io::{self, IsTerminal};

use ipvs::rules::grammar::{DiffOptions, OptionId};
use ipvs::{Change, Client, Plan, PlanOptions, State};

use crate::commands::dry_run::rule;
use crate::commands::transition;
use crate::desired::{Checked, Desired, read_all};
use crate::output::json;
use crate::process::Sink;
use crate::process::failure::{Failure, status};
use crate::process::notice::say;

/// Prints the changes that lead from what the file describes to the kernel's state.
pub(crate) fn diff(
    client: &mut Client,
    options: &DiffOptions,
    sink: &mut Sink,
) -> Result<(), Failure> {
    let file = options.file.as_deref();
    let mut desired = Desired::read_to_compare(&read_all(file)?, file)?;
    desired.check_settings(client)?;
    let mistakes = desired.all_mistakes(OptionId::Diff);
    if !mistakes.is_empty() {
        transition::report(&mistakes);
        return Err(Failure::Reported(status::SENSELESS));
    }
    let kernel = client.state_for(desired.state())?;
    let checked = desired.checked(&kernel);
    let plan = difference(&checked.state, &kernel);
    match options.json {
        true => json::print_difference(sink, plan.steps(), checked.left_to_health_checks())?,
        false => plan.changes().for_each(|change| sink.print(format!("{}\n", rule(change)))),
    }
    // Before anything on standard error, and before a status that a failure to print would change.
    sink.flush().map_err(Failure::Output)?;
    say_checks(&checked);
    if io::stderr().is_terminal() {
        match plan.is_empty() {
            true => say("no difference"),
            false => say(plan.summary()),
        }
    }
    if plan.is_empty() { Ok(()) } else { Err(Failure::Reported(status::DIFFERENT)) }
}

/// The changes from what a file describes to the kernel's state, in that of which it speaks.
///
/// The plan in the other direction knows what makes no difference: what the file leaves open, and
/// what the kernel reports in another way than it was set. So that says what differs.
fn difference(described: &State, kernel: &State) -> Plan {
    let mut now = described.clone();
    let back = Plan::between(kernel, described, PlanOptions::default());
    // A daemon that is started again is stopped first.
    for step in back.steps().iter().rev() {
        step.undo().iter().for_each(|change| set(&mut now, change));
    }
    Plan::between(described, &now, PlanOptions::default())
}

/// Makes a state what it is after a change, whether or not the kernel would accept that.
fn set(state: &mut State, change: &Change) {
    let table = &mut state.table;
    match *change {
        Change::AddService(key, config) | Change::EditService(key, config) => {
            table.insert(key, config);
        }
        Change::DeleteService(key) => {
            table.remove(&key);
        }
        Change::AddDestination(service, key, config)
        | Change::EditDestination(service, key, config) => {
            if let Some(service_config) = table.service(&service).map(|entry| *entry.config()) {
                table.insert(service, service_config).insert(key, config);
            }
        }
        Change::DeleteDestination(service, key) => {
            if let Some(service_config) = table.service(&service).map(|entry| *entry.config()) {
                table.insert(service, service_config).remove(&key);
            }
        }
        Change::SetSetting(setting, value) => {
            state.settings.insert(setting, value);
        }
        Change::SetTimeouts(timeouts) => state.timeouts = timeouts,
        Change::StartDaemon(role, config) => {
            state.set_daemon(role, Some(ipvs::DaemonState::Running(config)));
        }
        Change::StopDaemon(role) => state.set_daemon(role, Some(ipvs::DaemonState::Stopped)),
        Change::Flush | Change::ZeroAll | Change::ZeroService(_) => {}
    }
}

/// Says what is not as the file describes it, and yet no difference.
fn say_checks(checked: &Checked) {
    let servers = |count: usize| match count {
        1 => "1 real server of the file".to_owned(),
        _ => format!("{count} real servers of the file"),
    };
    let is = if checked.down == 1 { "is" } else { "are" };
    match (checked.down, checked.fallbacks) {
        (0, 0) => {}
        (0, fallbacks) => say(format_args!("{}: left to health checks", in_place(fallbacks))),
        (down, 0) => say(format_args!("{} {is} out: left to health checks", servers(down))),
        (down, fallbacks) => say(format_args!(
            "{} {is} out, {}: left to health checks",
            servers(down),
            in_place(fallbacks)
        )),
    }
    match checked.weighed {
        0 => {}
        1 => say(format_args!("{} has another weight: left to health checks", servers(1))),
        count => say(format_args!("{} have other weights: left to health checks", servers(count))),
    }
}

fn in_place(fallbacks: usize) -> String {
    match fallbacks {
        1 => "1 fallback server is in".to_owned(),
        _ => format!("{fallbacks} fallback servers are in"),
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU16;

    use ipvs::{
        DaemonConfig, DaemonState, DestinationConfig, Forwarding, ServiceConfig, Table, Timeouts,
    };

    use super::*;

    fn rules(described: &State, kernel: &State) -> Vec<String> {
        difference(described, kernel).changes().map(rule).collect()
    }

    fn with_server(config: DestinationConfig) -> State {
        let mut table = Table::new();
        let entry = table.insert("TCP 192.0.2.1:80".parse().unwrap(), ServiceConfig::default());
        entry.insert("127.0.0.1:80".parse().unwrap(), config);
        State::from(table)
    }

    #[test]
    fn what_the_kernel_calls_local_is_no_difference() {
        let described = with_server(DestinationConfig {
            forwarding: Forwarding::Masquerade,
            ..DestinationConfig::default()
        });
        let local = DestinationConfig { forwarding: Forwarding::Local, ..Default::default() };
        assert_eq!(rules(&described, &with_server(local)), [""; 0]);
        let drained = DestinationConfig { weight: 0, ..local };
        assert_eq!(
            rules(&described, &with_server(drained)),
            ["-e -t 192.0.2.1:80 -r 127.0.0.1:80 -g -w 0"]
        );
    }

    #[test]
    fn what_a_file_leaves_open_is_no_difference() {
        let timeouts =
            |tcp, fin, udp| Timeouts { tcp_seconds: tcp, tcp_fin_seconds: fin, udp_seconds: udp };
        let daemon = DaemonConfig::new("eth0".parse().unwrap());
        let mut kernel = State::default();
        kernel.timeouts = timeouts(900, 120, 300);
        let setting: ipvs::Setting = "drop_entry".parse().unwrap();
        kernel.settings.insert(setting, setting.value("1").unwrap());
        kernel.master =
            Some(DaemonState::Running(DaemonConfig { port: NonZeroU16::new(8848), ..daemon }));
        kernel.backup = Some(DaemonState::Stopped);
        let mut described = State::default();
        assert_eq!(rules(&described, &kernel), [""; 0]);
        described.timeouts = timeouts(0, 120, 0);
        described.master = Some(DaemonState::Running(daemon));
        assert_eq!(rules(&described, &kernel), [""; 0]);
        described.timeouts = timeouts(100, 120, 0);
        described.master =
            Some(DaemonState::Running(DaemonConfig { port: NonZeroU16::new(99), ..daemon }));
        assert_eq!(
            rules(&described, &kernel),
            [
                "--set 900 120 0",
                "--stop-daemon master",
                "--start-daemon master --mcast-interface eth0 --syncid 0 --mcast-port 8848",
            ]
        );
        described.master = None;
        described.backup = Some(DaemonState::Running(daemon));
        assert_eq!(rules(&described, &kernel)[1..], ["--stop-daemon backup"]);
    }
}
