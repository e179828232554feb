//! The state of IPVS as a whole, from wherever the kernel shows a part of it.

use std::fs;

use ipvs::{Client, SettingValue, Statistics};

use super::connections;
use crate::output::status::{Defence, DefenceMode, Estimator, HashTable, Status, TableUse};
use crate::process::failure::Failure;

/// Sizes and how full they are (`ip_vs_status_show` in net/netfilter/ipvs/ip_vs_ctl.c), from Linux
/// 7.1 on.
const FILE: &str = "/proc/thread-self/net/ip_vs_status";

/// The strategies against a shortage of memory, by the names of their settings.
const DEFENCES: [&str; 3] = ["drop_entry", "drop_packet", "secure_tcp"];

pub(crate) fn read(client: &mut Client) -> Result<Status, Failure> {
    let info = client.info()?;
    let file = fs::read_to_string(FILE).map(|text| Figures::parse(&text)).unwrap_or_default();
    let connections = match file.connections {
        Some(count) => Some(count),
        None => connections::count().ok(),
    };
    let services = match file.services {
        Some(count) => count,
        None => {
            let mut count = 0;
            client.each_service(Statistics::Skip, |_| count += 1)?;
            count
        }
    };
    let fixed = HashTable { buckets: info.connection_table_size, usage: None };
    Ok(Status {
        info,
        connections,
        connection_limit: integer(client, "conn_max"),
        connection_table: file.connection_table.table.unwrap_or(fixed),
        services,
        service_table: file.service_table.table,
        defences: defences(client).collect(),
        memory_threshold: integer(client, "amemthresh"),
        estimator: Estimator {
            // Older kernels cannot stop it.
            is_running: integer(client, "run_estimation") != Some(0),
            threads: file.threads,
            most_threads: file.most_threads,
            cpus: setting(client, "est_cpulist").map(|cpus| cpus.to_string()),
            nice: integer(client, "est_nice"),
        },
        daemons: client.daemons()?,
    })
}

/// The table of connections, as Linux 7.1 and later show it.
pub(crate) fn connection_table() -> Option<HashTable> {
    Figures::parse(&fs::read_to_string(FILE).ok()?).connection_table.table
}

/// The number of connections, as Linux 7.1 and later show it, which is cheap.
#[cfg(feature = "top")]
pub(crate) fn connections() -> Option<u64> {
    Figures::parse(&fs::read_to_string(FILE).ok()?).connections
}

/// A setting. `None` if the kernel does not have it or does not show it.
fn setting(client: &mut Client, name: &str) -> Option<SettingValue> {
    client.setting(name.parse().ok()?).ok().flatten()
}

/// A setting that is a whole number of this type.
fn integer<N: TryFrom<i64>>(client: &mut Client, name: &str) -> Option<N> {
    match setting(client, name)? {
        SettingValue::Number(number) => number.try_into().ok(),
        _ => None,
    }
}

/// The strategies that this kernel has.
pub(crate) fn defences(client: &mut Client) -> impl Iterator<Item = Defence> {
    DEFENCES.into_iter().filter_map(|name| defence(client, name))
}

fn defence(client: &mut Client, name: &'static str) -> Option<Defence> {
    let mode = match integer(client, name)? {
        0 => DefenceMode::Off,
        // The kernel itself changes between these two, once a second (`update_defense_level`).
        1 => DefenceMode::Idle,
        2 => DefenceMode::AtWork,
        3 => DefenceMode::Always,
        _ => return None,
    };
    Some(Defence { name, mode })
}

/// What the file says.
#[derive(Debug, Default, PartialEq, Eq)]
struct Figures {
    connections: Option<u64>,
    connection_table: Parts,
    services: Option<u64>,
    service_table: Parts,
    threads: Option<u64>,
    most_threads: Option<u64>,
}

/// A hash table in the making: lines about its use follow the one with its size.
#[derive(Debug, Default, PartialEq, Eq)]
struct Parts {
    table: Option<HashTable>,
}

impl Figures {
    /// Lines of a name, a colon, a tab and numbers between words. Lines that are not known are
    /// skipped, as later kernels may add some.
    fn parse(text: &str) -> Self {
        let mut figures = Figures::default();
        for line in text.lines() {
            let Some((name, value)) = line.split_once(':') else {
                continue;
            };
            let numbers: Vec<i64> = value
                .split(|c: char| !c.is_ascii_digit() && c != '-')
                .filter_map(|word| word.parse().ok())
                .collect();
            let unsigned = |at: usize| numbers.get(at).and_then(|n| u64::try_from(*n).ok());
            match name {
                "Conns" => figures.connections = unsigned(0),
                "Services" => figures.services = unsigned(0),
                "Stats thread slots" => {
                    (figures.threads, figures.most_threads) = (unsigned(0), unsigned(1));
                }
                _ => {
                    if let Some(rest) = name.strip_prefix("Conn buckets") {
                        figures.connection_table.add(rest, &numbers);
                    } else if let Some(rest) = name.strip_prefix("Service buckets") {
                        figures.service_table.add(rest, &numbers);
                    }
                }
            }
        }
        figures
    }
}

impl Parts {
    /// Takes a line: `name` is what follows `buckets`.
    fn add(&mut self, name: &str, numbers: &[i64]) {
        let small = |at: usize| numbers.get(at).and_then(|n| u32::try_from(*n).ok());
        if name.is_empty() {
            let (Some(buckets), Some(bits), Some(load_factor)) =
                (small(0), small(1), numbers.get(2).and_then(|n| i32::try_from(*n).ok()))
            else {
                return;
            };
            let usage = TableUse { bits, load_factor, empty: None, chains: Vec::new() };
            self.table = Some(HashTable { buckets, usage: Some(usage) });
            return;
        }
        let Some(usage) = self.table.as_mut().and_then(|table| table.usage.as_mut()) else {
            return;
        };
        let Some(buckets) = small(0) else {
            return;
        };
        match name.trim_start() {
            "empty" => usage.empty = Some(buckets),
            other => {
                let length = other.strip_prefix("len-").and_then(|length| length.parse().ok());
                usage.chains.extend(length.map(|length: u32| (length, buckets)));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_read_as_linux_7_2_writes_them() {
        let text = "\
Conns:\t300
Conn buckets:\t4096 (12 bits, lfactor -4)
Conn buckets empty:\t3806 (92%)
Conn buckets len-1:\t281 (96%)
Conn buckets len-2:\t8 (2%)
Conn buckets len-7:\t1 (0%)
Services:\t2
Service buckets:\t16 (4 bits, lfactor -3)
Service buckets empty:\t14 (87%)
Service buckets len-1:\t2 (100%)
Stats thread slots:\t1 (max 4)
Stats chain max len:\t1696
Stats thread ests:\t4070400
";
        let usage = |bits, load_factor, empty, chains: &[(u32, u32)]| {
            Some(TableUse { bits, load_factor, empty: Some(empty), chains: chains.to_vec() })
        };
        assert_eq!(
            Figures::parse(text),
            Figures {
                connections: Some(300),
                connection_table: Parts {
                    table: Some(HashTable {
                        buckets: 4096,
                        usage: usage(12, -4, 3806, &[(1, 281), (2, 8), (7, 1)]),
                    })
                },
                services: Some(2),
                service_table: Parts {
                    table: Some(HashTable { buckets: 16, usage: usage(4, -3, 14, &[(1, 2)]) })
                },
                threads: Some(1),
                most_threads: Some(4),
            }
        );
    }

    #[test]
    fn without_connections_nothing_is_known_of_chains() {
        let figures = Figures::parse("Conns:\t0\nConn buckets:\t256 (8 bits, lfactor -4)\n");
        let table = figures.connection_table.table.expect("a table");
        let usage = table.usage.expect("its use");
        assert_eq!((figures.connections, table.buckets), (Some(0), 256));
        assert_eq!((usage.empty, usage.chains), (None, Vec::new()));
    }

    #[test]
    fn odd_lines_are_skipped() {
        let text = "\nConns\nConns: many\nConn buckets: 9\nConn buckets len-1: 3\nServices: -1\n\
                    Service buckets: 1 2 3\nService buckets len-x: 5\nService buckets empty:\n";
        let figures = Figures::parse(text);
        assert_eq!((figures.connections, figures.services), (None, None));
        assert_eq!(figures.connection_table, Parts::default());
        let usage = figures.service_table.table.and_then(|table| table.usage);
        assert!(usage.is_some_and(|usage| usage.chains.is_empty() && usage.empty.is_none()));
        assert_eq!(Figures::parse(""), Figures::default());
    }
}
