//! Timeouts and sync daemons, in the classic form (`-L --timeout`, `-L --daemon`).

use ipvs::{Daemon, Timeouts};

use crate::process::Sink;

/// What `-S --all` saves besides the table.
#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) timeouts: Timeouts,
    pub(crate) daemons: Vec<Daemon>,
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
