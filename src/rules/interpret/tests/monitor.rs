//! `--monitor`.

use std::time::Duration;

use super::*;
use crate::rules::command::MonitorOptions;

#[test]
fn a_monitor_has_an_interval_and_perhaps_an_end() {
    let default = MonitorOptions::default();
    assert_eq!(line("--monitor"), Ok(Command::Monitor(default)));
    let text = "--netns blue --no-load --monitor --interval 0.1 --for 60 --counters --json";
    let options = MonitorOptions {
        interval: Duration::from_millis(100),
        length: Some(Duration::from_secs(60)),
        counters: true,
        json: true,
    };
    let invocation = invocation(text).expect(text);
    assert_eq!(invocation.command, Command::Monitor(options));
    assert_eq!((invocation.namespace.as_deref(), invocation.load_module), (Some("blue"), false));
}

#[test]
fn what_a_monitor_does_not_take_is_refused() {
    for (text, want) in [
        (
            "--monitor --interval 0.09",
            "--interval: `0.09` is not a number of seconds from 0.1 to 2678400",
        ),
        ("--monitor --for 0", "--for: `0` is not a number of seconds from 0.1 to 2678400"),
        ("--monitor -t 1.2.3.4:80", "--tcp-service: not an option of --monitor"),
        ("--monitor -n", "--numeric: not an option of --monitor"),
        ("--monitor --dry-run", "--dry-run: not an option of --monitor"),
        ("--monitor 1", "unexpected argument 1"),
        (
            "--monitor --format prometheus",
            "--format: --monitor has no format prometheus, only classic and json",
        ),
    ] {
        let error = line(text).expect_err(text);
        assert_eq!((error.to_string().as_str(), exit_status(&error)), (want, 2), "{text}");
    }
    assert_eq!(status("--monitor --interval"), 255);
}

#[test]
fn rules_neither_ramp_nor_monitor() {
    let rule = |text: &str| crate::rules::lines::parse_command(text.as_bytes(), &mut NumericOnly);
    for (text, command) in [
        ("--monitor", OptionId::Monitor),
        ("--ramp -t 1.2.3.4:80 -r 10.0.0.1 -w 1 --over 1", OptionId::Ramp),
    ] {
        assert_eq!(rule(text), Err(UsageError::Nested(command)), "{text}");
    }
}
