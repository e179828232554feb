//! `--top`.

use std::path::PathBuf;
use std::time::Duration;

use super::*;
use crate::rules::top::{TimeOfDay, TopOptions};

fn top(text: &str) -> TopOptions {
    match line(text) {
        Ok(Command::Top(options)) => options,
        other => panic!("{text}: {other:?}"),
    }
}

#[test]
fn a_view_is_live_or_a_recording_on_screen_or_printed() {
    let default = TopOptions::default();
    assert_eq!(top("--top"), default);
    let file = |name: &str| Some(PathBuf::from(name));
    for (text, want) in [
        (
            "--top --read-only --ascii --interval 5 --record night",
            TopOptions {
                read_only: true,
                ascii: true,
                interval: Duration::from_secs(5),
                record: file("night"),
                ..default.clone()
            },
        ),
        ("--top --replay night", TopOptions { replay: file("night"), ..default.clone() }),
        (
            "--top --replay night 03:00",
            TopOptions {
                replay: file("night"),
                begin: Some(TimeOfDay { seconds: 3 * 3600 }),
                ..default.clone()
            },
        ),
        ("--top --batch", TopOptions { batch: true, ..default.clone() }),
        (
            "--top --batch -n 5 --json",
            TopOptions { batch: true, count: Some(5), json: true, ..default.clone() },
        ),
        ("--top --batch 7", TopOptions { batch: true, count: Some(7), ..default.clone() }),
        (
            "--top --replay night --batch 7 03:00",
            TopOptions {
                replay: file("night"),
                begin: Some(TimeOfDay { seconds: 3 * 3600 }),
                batch: true,
                count: Some(7),
                ..default.clone()
            },
        ),
    ] {
        assert_eq!(top(text), want, "{text}");
    }
    let invocation = invocation("--netns blue --no-load --top").expect("it is valid");
    assert_eq!((invocation.namespace.as_deref(), invocation.load_module), (Some("blue"), false));
}

#[test]
fn what_makes_no_sense_is_refused() {
    for (text, want) in [
        ("--top --json", "--json: only valid with --batch"),
        ("--top -n", "--numeric: only valid with --batch"),
        ("--top 3", "unexpected argument 3"),
        ("--top 03:00", "unexpected argument 03:00"),
        ("--top --replay night 25:00", "unexpected argument 25:00"),
        ("--top --replay night --netns x", "--netns: not valid with --replay"),
        ("--top --replay night --record x", "--record: not valid with --replay"),
        ("--top --batch x", "--batch: "),
        ("--top --batch 1 2", "unexpected argument 2"),
        ("--top -t 1.2.3.4:80", "--tcp-service: not an option of --top"),
        ("--monitor --batch", "--batch: not an option of --monitor"),
        ("--top --batch --format prometheus", "--format: --top has no format prometheus"),
    ] {
        let error = line(text).expect_err(text);
        let message = error.to_string();
        println!("{text}: {message}");
        assert_eq!(exit_status(&error), 2, "{text}: {message}");
        assert!(message.starts_with(want), "{text}: {message}");
    }
}

#[test]
fn rules_have_no_live_view() {
    let rule = crate::rules::lines::parse_command(b"--top", &mut NumericOnly);
    assert_eq!(rule, Err(UsageError::Nested(OptionId::Top)));
}
