//! Timeouts and sync daemons, in the classic form (`-L --timeout`, `-L --daemon`), and the settings
//! of the kernel (`--settings`).

use std::collections::BTreeMap;
use std::fmt::Write;

use ipvs::{Daemon, Setting, SettingValue, Timeouts};

use crate::process::Sink;

/// What `-S --all` saves besides the table.
#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) settings: BTreeMap<Setting, SettingValue>,
    pub(crate) timeouts: Timeouts,
    pub(crate) daemons: Vec<Daemon>,
}

/// Prints the settings, one a line: a star if its value is not the kernel's default, its name, its
/// value, the default, and what it does.
pub(crate) fn print_settings(sink: &mut Sink, settings: &BTreeMap<Setting, SettingValue>) {
    let rows: Vec<[String; 5]> = settings
        .iter()
        .map(|(setting, value)| {
            let default = setting.kernel_default();
            let star = if default.is_some_and(|default| default != *value) { "*" } else { "" };
            let default = default.map_or_else(|| "-".to_owned(), |default| default.to_string());
            // An empty list of CPUs would leave a hole in the line.
            let value = Some(value.to_string()).filter(|value| !value.is_empty());
            let value = value.unwrap_or_else(|| "(empty)".to_owned());
            let does = setting.description().unwrap_or("").to_owned();
            [star.to_owned(), setting.to_string(), value, default, does]
        })
        .collect();
    let heading = ["", "Setting", "Value", "Default", "What it does"].map(str::to_owned);
    let widths: [usize; 5] = std::array::from_fn(|column| {
        rows.iter().chain([&heading]).map(|row| row[column].len()).max().unwrap_or(0)
    });
    for row in [&heading].into_iter().chain(&rows) {
        let [star, name, value, default, does] = row;
        let [_, names, values, defaults, _] = widths;
        let mut line = String::new();
        // Writing to a string does not fail.
        let _ =
            write!(line, "{star:1} {name:names$}  {value:values$}  {default:defaults$}  {does}");
        sink.print(format!("{}\n", line.trim_end()));
    }
}

/// Prints the timeouts.
pub(crate) fn print_timeouts(sink: &mut Sink, timeouts: &Timeouts) {
    let (tcp, tcp_fin, udp) =
        (timeouts.tcp_seconds, timeouts.tcp_fin_seconds, timeouts.udp_seconds);
    sink.print(format!("Timeout (tcp tcpfin udp): {tcp} {tcp_fin} {udp}\n"));
}

/// Prints the sync daemons, one a line.
pub(crate) fn print_daemons(sink: &mut Sink, daemons: &[Daemon]) {
    for daemon in daemons {
        sink.print(daemon_line(daemon));
    }
}

/// A sync daemon, as a line.
pub(super) fn daemon_line(daemon: &Daemon) -> String {
    let config = &daemon.config;
    let mut line = format!(
        "{} sync daemon (mcast={}, syncid={}",
        daemon.role, config.interface, config.sync_id
    );
    // Kernels before 4.3 report none of these.
    if let Some(length) = config.max_length_bytes {
        line += &format!(", maxlen={length}");
    }
    if let Some(group) = config.group {
        line += &format!(", group={group}");
    }
    if let Some(port) = config.port {
        line += &format!(", port={port}");
    }
    if let Some(ttl) = config.ttl {
        line += &format!(", ttl={ttl}");
    }
    line + ")\n"
}
