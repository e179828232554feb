//! The state of IPVS as a whole, for people (`-L --status`).

use std::fmt::Write;

use ipvs::{Daemon, Info};

use super::settings::daemon_line;
use crate::process::Sink;

/// The state. What this kernel does not show is `None`.
#[derive(Debug)]
pub(crate) struct Status {
    pub(crate) info: Info,
    pub(crate) connections: Option<u64>,
    pub(crate) connection_limit: Option<u64>,
    pub(crate) connection_table: HashTable,
    pub(crate) services: u64,
    pub(crate) service_table: Option<HashTable>,
    pub(crate) defences: Vec<Defence>,
    /// In pages.
    pub(crate) memory_threshold: Option<u64>,
    pub(crate) estimator: Estimator,
    pub(crate) daemons: Vec<Daemon>,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) struct HashTable {
    pub(crate) buckets: u32,
    pub(crate) usage: Option<TableUse>,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) struct TableUse {
    pub(crate) bits: u32,
    pub(crate) load_factor: i32,
    /// Buckets with nothing in them. `None` if nothing is in the table.
    pub(crate) empty: Option<u32>,
    /// How many buckets hold so many entries, by this many entries. The kernel counts longer ones
    /// as [`LONGEST`].
    pub(crate) chains: Vec<(u32, u32)>,
}

/// The length that stands for itself and everything above.
const LONGEST: u32 = 7;

/// A strategy against a shortage of memory.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Defence {
    pub(crate) name: &'static str,
    pub(crate) mode: DefenceMode,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DefenceMode {
    Off,
    /// To be used when memory is short, which it is not.
    Idle,
    /// Used because memory is short.
    AtWork,
    Always,
}

/// What keeps the averages per second.
#[derive(Debug)]
pub(crate) struct Estimator {
    pub(crate) is_running: bool,
    pub(crate) threads: Option<u64>,
    pub(crate) most_threads: Option<u64>,
    pub(crate) cpus: Option<String>,
    pub(crate) nice: Option<i32>,
}

/// Prints the state, a line for each part.
pub(crate) fn print(sink: &mut Sink, status: &Status) {
    let mut line = |name: &str, value: &str| sink.print(format!("{name:<19} {value}\n"));
    line("version", &status.info.version.to_string());
    match status.connections {
        Some(count) => line("connections", &count.to_string()),
        None => line("connections", "unknown"),
    }
    if let Some(limit) = status.connection_limit {
        line("connection limit", &limit.to_string());
    }
    line("connection table", &table(&status.connection_table));
    line("services", &status.services.to_string());
    if let Some(services) = &status.service_table {
        line("service table", &table(services));
    }
    for defence in &status.defences {
        line(defence.name, mode(defence.mode));
    }
    if let Some(pages) = status.memory_threshold {
        line("memory threshold", &format!("{pages} pages"));
    }
    line("estimator", &estimator(&status.estimator));
    if status.daemons.is_empty() {
        line("sync daemons", "none");
    }
    for daemon in &status.daemons {
        line("sync daemon", daemon_line(daemon).trim_end());
    }
}

/// `4096 buckets (12 bits, load factor -4): 3806 empty, 281 with 1 entry, 8 with 2`
fn table(table: &HashTable) -> String {
    let mut text = format!("{} buckets", table.buckets);
    // From Linux 7.1 on there is no table before the first entry.
    let Some(usage) = table.usage.as_ref().filter(|_| table.buckets > 0) else {
        return text;
    };
    // Writing to a text cannot fail.
    let _ = write!(text, " ({} bits, load factor {})", usage.bits, usage.load_factor);
    let Some(empty) = usage.empty else {
        return text;
    };
    let _ = write!(text, ": {empty} empty");
    for (length, buckets) in &usage.chains {
        let entries = match *length {
            1 => "1 entry".to_owned(),
            LONGEST => format!("{LONGEST} or more"),
            length => length.to_string(),
        };
        let _ = write!(text, ", {buckets} with {entries}");
    }
    text
}

fn mode(mode: DefenceMode) -> &'static str {
    match mode {
        DefenceMode::Off => "off",
        DefenceMode::Idle => "automatic, idle",
        DefenceMode::AtWork => "automatic, at work: memory is short",
        DefenceMode::Always => "always at work",
    }
}

fn estimator(estimator: &Estimator) -> String {
    let mut text = match estimator.is_running {
        true => "running".to_owned(),
        false => "stopped: counters and rates stand still".to_owned(),
    };
    // The limit is unknown until the kernel has measured how much a thread can do.
    if let (Some(threads), Some(most @ 1..)) = (estimator.threads, estimator.most_threads) {
        let _ = write!(text, ", threads {threads} of {most}");
    }
    if let Some(cpus) = estimator.cpus.as_ref().filter(|cpus| !cpus.is_empty()) {
        let _ = write!(text, ", CPUs {cpus}");
    }
    if let Some(nice) = estimator.nice {
        let _ = write!(text, ", nice {nice}");
    }
    text
}

/// Everything that a kernel may show.
#[cfg(test)]
pub(crate) fn full() -> Status {
    use ipvs::{DaemonConfig, DaemonRole, Version};

    Status {
        info: Info::new(Version::from_code(0x010201), 4096),
        connections: Some(300),
        connection_limit: Some(1 << 30),
        connection_table: HashTable {
            buckets: 4096,
            usage: Some(TableUse {
                bits: 12,
                load_factor: -4,
                empty: Some(3806),
                chains: vec![(1, 281), (2, 8), (7, 1)],
            }),
        },
        services: 2,
        service_table: Some(HashTable {
            buckets: 16,
            usage: Some(TableUse { bits: 4, load_factor: -3, empty: None, chains: Vec::new() }),
        }),
        defences: vec![
            Defence { name: "drop_entry", mode: DefenceMode::Idle },
            Defence { name: "drop_packet", mode: DefenceMode::AtWork },
            Defence { name: "secure_tcp", mode: DefenceMode::Always },
        ],
        memory_threshold: Some(1024),
        estimator: Estimator {
            is_running: true,
            threads: Some(1),
            most_threads: Some(4),
            cpus: Some("0-1".to_owned()),
            nice: Some(-5),
        },
        daemons: vec![Daemon::new(
            DaemonRole::Master,
            DaemonConfig::new("eth0".parse().expect("a name")),
        )],
    }
}

/// What Linux 6.1 shows.
#[cfg(test)]
pub(crate) fn little() -> Status {
    Status {
        connections: None,
        connection_limit: None,
        connection_table: HashTable { buckets: 4096, usage: None },
        service_table: None,
        defences: vec![Defence { name: "drop_entry", mode: DefenceMode::Off }],
        estimator: Estimator {
            is_running: false,
            threads: None,
            most_threads: None,
            cpus: None,
            nice: None,
        },
        daemons: Vec::new(),
        ..full()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::process::printed;

    #[test]
    fn each_part_has_a_line() {
        assert_eq!(
            printed(|sink| print(sink, &full())),
            "\
version             1.2.1
connections         300
connection limit    1073741824
connection table    4096 buckets (12 bits, load factor -4): 3806 empty, 281 with 1 entry, 8 with 2, 1 with 7 or more
services            2
service table       16 buckets (4 bits, load factor -3)
drop_entry          automatic, idle
drop_packet         automatic, at work: memory is short
secure_tcp          always at work
memory threshold    1024 pages
estimator           running, threads 1 of 4, CPUs 0-1, nice -5
sync daemon         master sync daemon (mcast=eth0, syncid=0)
"
        );
        assert_eq!(
            printed(|sink| print(sink, &little())),
            "\
version             1.2.1
connections         unknown
connection table    4096 buckets
services            2
drop_entry          off
memory threshold    1024 pages
estimator           stopped: counters and rates stand still
sync daemons        none
"
        );
    }
}
