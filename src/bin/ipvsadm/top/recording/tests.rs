use std::fs;
use std::io::Write;
use std::path::PathBuf;

use ipvs::rules::grammar::TimeOfDay;
use ipvs::{DestinationKey, ServiceKey};
use proptest::prelude::*;
use tempfile::TempDir;

use super::*;
use crate::top::reading::{Counters, Host, Method, Reading, ServerReading, ServiceReading};

/// 2026-11-26 00:00:00 UTC
const MIDNIGHT: u64 = 1_795_651_200_000;

fn file() -> (TempDir, PathBuf) {
    let folder = TempDir::new().expect("a folder");
    let file = folder.path().join("recording");
    (folder, file)
}

/// A table of so many services with so many servers each, of which those with `turn` are read.
fn reading(at: u64, services: u32, servers: u32, numbers: u64, turn: Option<u32>) -> Reading {
    let counters = |seed: u64| Counters {
        connections: numbers * (seed % 7),
        bytes_in: numbers * seed,
        bytes_out: numbers * (seed % 3) * 1500,
    };
    let server = |service: u32, number: u32| ServerReading {
        key: DestinationKey::from((std::net::Ipv4Addr::from_bits(0x0a00_0000 + number), 80)),
        method: [Method::Masquerade, Method::Direct, Method::Tunnel, Method::Local]
            [number as usize % 4],
        weight: number,
        upper_threshold: 100,
        lower_threshold: 0,
        active: (numbers % 100) as u32,
        inactive: service,
        persistent: 0,
        counters: counters(u64::from(number)),
    };
    let service = |number: u32| ServiceReading {
        key: ServiceKey::tcp((std::net::Ipv4Addr::from_bits(0xc000_0000 + number), 80)),
        scheduler: "wlc".parse().expect("a name"),
        counters: counters(u64::from(number)),
        servers: turn
            .is_none_or(|turn| number % 5 == turn % 5)
            .then(|| (0..servers).map(|it| server(number, it)).collect()),
    };
    Reading {
        at,
        host: Host {
            version: "1.2.1".to_owned(),
            table_size: 4096,
            connections: Some(numbers),
            totals: Some(counters(1)),
            defences: vec!["drop_entry".to_owned()],
            daemons: vec!["master eth0 (1)".to_owned()],
        },
        services: (0..services).map(service).collect(),
    }
}

fn record(path: &std::path::Path, readings: &[Reading]) {
    let mut recorder = Recorder::open(path).expect("it can be written");
    readings.iter().for_each(|reading| recorder.write(reading).expect("written"));
}

fn replayed(path: &std::path::Path) -> Vec<Reading> {
    let mut replay = Replay::open(path).expect("a recording");
    std::iter::from_fn(|| replay.next().expect("a reading")).collect()
}

/// So many readings, two seconds apart.
fn readings(count: u64) -> Vec<Reading> {
    let one = |it: u64| reading(MIDNIGHT + it * 2000, 6, 3, it * it, Some(it as u32));
    (0..count).map(one).collect()
}

#[test]
fn readings_come_back() {
    let (_folder, path) = file();
    let mut all = readings(20);
    // The table changes.
    all.push(reading(MIDNIGHT + 40_000, 7, 2, 5, None));
    all.push(reading(MIDNIGHT + 42_000, 0, 0, 5, None));
    all.push(Reading { at: MIDNIGHT + 44_000, ..Reading::default() });
    record(&path, &all);
    assert_eq!(replayed(&path), all);
}

#[test]
fn a_recording_that_is_cut_anywhere_is_whole_up_to_there_and_can_be_continued() {
    let (_folder, path) = file();
    let all = readings(6);
    record(&path, &all);
    let whole = fs::read(&path).expect("bytes");
    let mut least = 0;
    for length in (MARK.len()..whole.len()).step_by(7) {
        fs::write(&path, &whole[..length]).expect("written");
        let Ok(mut replay) = Replay::open(&path) else {
            assert_eq!(least, 0, "{length}");
            continue;
        };
        let found: Vec<Reading> =
            std::iter::from_fn(|| replay.next().expect("a reading")).collect();
        assert!(found.len() >= least && found.len() < all.len(), "{length}");
        assert_eq!(found, all[..found.len()], "{length}");
        least = found.len();
        record(&path, &all[..2]);
        let continued = replayed(&path);
        assert_eq!(continued[..found.len()], found);
        assert_eq!(continued[found.len()..], all[..2]);
    }
    assert_eq!(least, all.len() - 1);
}

#[test]
fn files_of_others_are_left_alone() {
    let (_folder, path) = file();
    fs::write(&path, "something else").expect("written");
    let problem = |error: crate::process::failure::Failure| error.to_string();
    let want = format!("{}: not what --top --record writes", path.display());
    assert_eq!(Recorder::open(&path).err().map(problem), Some(want.clone()));
    assert_eq!(Replay::open(&path).err().map(problem), Some(want));
    assert_eq!(fs::read(&path).expect("bytes"), b"something else");
}

#[test]
fn a_time_of_day_is_found_on_each_day() {
    let (_folder, path) = file();
    let day = crate::top::time::DAY;
    let hours = [1, 2, 3, 4, 23, 24 + 2, 24 + 3, 24 + 5];
    let all: Vec<Reading> =
        hours.iter().map(|hour| reading(MIDNIGHT + hour * day / 24, 1, 1, *hour, None)).collect();
    record(&path, &all);
    let mut replay = Replay::open(&path).expect("a recording");
    let three = TimeOfDay::parse(b"03:00").expect("a time");
    assert_eq!(replay.at_time_of_day(None, three), 2);
    assert_eq!(replay.at_time_of_day(Some(all[2].at), three), 6);
    // There is no third day: the first again.
    assert_eq!(replay.at_time_of_day(Some(all[6].at), three), 2);
    let two_and_a_half = TimeOfDay::parse(b"02:30:00").expect("a time");
    assert_eq!(replay.at_time_of_day(None, two_and_a_half), 2);
    let minute = replay.minute_before(2).expect("readings");
    assert_eq!(minute, [all[2].clone()]);
    assert_eq!(replay.position(), 2);
    assert_eq!(replay.pause(), Some(std::time::Duration::from_secs(3600)));
}

#[test]
fn seeking_gives_what_playing_gives() {
    let (_folder, path) = file();
    // Long enough for several key frames.
    let all = readings(400);
    record(&path, &all);
    let mut replay = Replay::open(&path).expect("a recording");
    for target in [0, 1, 30, 31, 149, 150, 151, 399, 200, 9999] {
        let found = replay.minute_before(target).expect("readings");
        let target = target.min(399);
        assert_eq!(found, all[target.saturating_sub(31)..=target], "{target}");
        assert_eq!(replay.position(), target);
    }
    assert_eq!(replay.minutes_away(-1), 399 - 30);
    assert_eq!(replay.next().expect("the end"), None);
    assert_eq!(replay.percent(), 100);
}

/// An hour of 1,000 services with 10 servers each, as `App` records it, with traffic like that of the
/// world: few have most of it.
#[test]
fn an_hour_of_a_large_table_is_small() {
    let (_folder, path) = file();
    let mut recorder = Recorder::open(&path).expect("it can be written");
    let mut random = 1u64;
    let mut next = move |bound: u64| {
        random = random.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (random >> 33) % bound.max(1)
    };
    const TURNS: u64 = crate::top::app::TURNS as u64;
    // A tenth of the hour, which has its share of key frames.
    let part = 10;
    let mut now = reading(MIDNIGHT, 1000, 10, 1000, None);
    for step in 0..1800 / part {
        now.at = MIDNIGHT + step * 2000;
        for (rank, service) in now.services.iter_mut().enumerate() {
            // New connections in two seconds: 2000 at the most, 2 at the least.
            let busy = 4000 / (rank as u64 + 1) + 3;
            for server in service.servers.iter_mut().flatten() {
                let connections = next(busy / 5);
                server.counters.connections += connections;
                server.counters.bytes_in += connections * (400 + next(200));
                server.counters.bytes_out += connections * (4000 + next(9000));
                server.active = (connections * 3 + next(5)) as u32;
                server.inactive = (connections * 20 + next(9)) as u32;
                service.counters.connections += connections;
                service.counters.bytes_in += connections * 500;
                service.counters.bytes_out += connections * (4000 + next(9000));
            }
        }
        let mut recorded = now.clone();
        for (at, service) in recorded.services.iter_mut().enumerate() {
            if step > 0 && at as u64 % TURNS != step % TURNS {
                service.servers = None;
            }
        }
        recorder.write(&recorded).expect("written");
    }
    let length = fs::metadata(&path).expect("a file").len() * part;
    println!("an hour of 1,000 x 10: {:.1} MB", length as f64 / 1e6);
    assert!(length < 20_000_000, "{length} bytes");
}

proptest! {
    #[test]
    fn damaged_bytes_are_an_error_or_other_readings_and_nothing_worse(
        at in 8usize..2000,
        bytes in prop::collection::vec(any::<u8>(), 1..20),
    ) {
        let (_folder, path) = file();
        record(&path, &readings(5));
        let mut whole = fs::read(&path).expect("bytes");
        let at = at % whole.len();
        let end = (at + bytes.len()).min(whole.len());
        whole[at..end].copy_from_slice(&bytes[..end - at]);
        fs::File::create(&path).and_then(|mut file| file.write_all(&whole)).expect("written");
        if let Ok(mut replay) = Replay::open(&path) {
            while let Ok(Some(_)) = replay.next() {}
        }
    }

    #[test]
    fn bytes_of_any_kind_make_no_frame_crash(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = frame::read_all(&bytes, 0);
        let mut known = frame::Known::default();
        known.take(&readings(1)[0]);
        let _ = frame::read_changes(&mut known, &bytes, 0);
    }
}
