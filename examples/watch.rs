//! Reads the table again and again, and prints what changed in between: rules added, edited and
//! removed, by whichever program, and how fast each service that has traffic takes it.
//!
//! ```text
//! cargo build --example watch
//! sudo target/debug/examples/watch          every 5 seconds, until interrupted
//! sudo target/debug/examples/watch 2 10     every 2 seconds, 10 times
//! ```
//!
//! The kernel announces no changes, so a program has to poll. It copies its counters every two
//! seconds: rates over a shorter interval jump between 0 and too much.

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::thread;
use std::time::{Duration, Instant};

use ipvs::rules::Line;
use ipvs::{Client, Error, Plan, PlanOptions, ServiceKey, Snapshot, State, Stats};

fn main() -> ExitCode {
    let arguments: Option<Vec<u32>> =
        std::env::args().skip(1).map(|text| text.parse().ok().filter(|it| *it > 0)).collect();
    let (seconds, count) = match arguments.as_deref() {
        Some([]) => (5, None),
        Some([seconds]) => (*seconds, None),
        Some([seconds, count]) => (*seconds, Some(*count)),
        _ => {
            eprintln!("usage: watch [SECONDS [COUNT]]");
            return ExitCode::from(2);
        }
    };
    match watch(Duration::from_secs(seconds.into()), count) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("watch: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Prints what changed in each interval: `count` times, or for ever.
fn watch(interval: Duration, count: Option<u32>) -> Result<(), Error> {
    let mut client = Client::new()?;
    let (mut before, mut read_at) = (client.snapshot()?, Instant::now());
    let mut left = count;
    while left != Some(0) {
        thread::sleep(interval);
        let now = client.snapshot()?;
        let seconds = read_at.elapsed().as_secs_f64();
        read_at = Instant::now();
        print_changes(&before, &now);
        print_traffic(&before, &now, seconds);
        before = now;
        left = left.map(|left| left - 1);
    }
    Ok(())
}

/// Prints the rules that would have made the earlier table into the later one.
fn print_changes(before: &Snapshot, now: &Snapshot) {
    let [before, now] = [before, now].map(|snapshot| State::from(snapshot.table()));
    for change in Plan::between(&before, &now, PlanOptions::default()).changes() {
        match Line::new(change) {
            Ok(line) => println!("{line}"),
            // A value from a kernel that is newer than the library.
            Err(error) => println!("{change:?} ({error})"),
        }
    }
}

/// Prints the traffic of each service that had any.
fn print_traffic(before: &Snapshot, now: &Snapshot, seconds: f64) {
    let before: BTreeMap<ServiceKey, &Stats> = services(before).collect();
    for (key, now) in services(now) {
        // A service that was not there before has counted from 0.
        let before = before.get(&key).copied().copied().unwrap_or_default();
        // The counters begin again when they are zeroed, or when the service is replaced.
        let per_second = |now: u64, before: u64| match now.checked_sub(before) {
            Some(more) => more as f64 / seconds,
            None => now as f64 / seconds,
        };
        let connections = per_second(now.connections, before.connections);
        let packets = per_second(now.incoming_packets, before.incoming_packets);
        let bytes = per_second(now.incoming_bytes, before.incoming_bytes);
        if packets > 0.0 {
            println!("{key}: {connections:.1} conn/s, {packets:.1} packets/s, {bytes:.0} B/s");
        }
    }
}

fn services(snapshot: &Snapshot) -> impl Iterator<Item = (ServiceKey, &Stats)> {
    let entries = snapshot.entries.iter();
    entries.filter_map(|entry| Some((entry.service.key, entry.service.stats.as_deref()?)))
}
