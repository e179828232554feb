//! `--ramp`.

use std::time::Duration;

use super::*;
use crate::rules::ramp::RampOptions;

fn ramp(text: &str) -> RampOptions {
    match line(text) {
        Ok(Command::Ramp(options)) => options,
        other => panic!("{text}: {other:?}"),
    }
}

const RAMP: &str = "--ramp -t 192.0.2.1:80 -r 10.0.0.1:8080 -w 5 --over 2.5";

#[test]
fn a_ramp_names_a_server_a_weight_and_a_time() {
    let options = ramp(&format!("{RAMP} --steps 3 --json"));
    assert_eq!(options.service, ServiceKey::tcp(([192, 0, 2, 1], 80)));
    assert_eq!(options.server, DestinationKey::from(([10, 0, 0, 1], 8080)));
    assert_eq!((options.weight, options.over), (5, Duration::from_millis(2500)));
    assert_eq!(options.steps, NonZeroU32::new(3));
    assert!(options.json && !options.dry_run);
    let options = ramp("--dry-run --ramp -f 7 -6 -r 2001:db8::1 -w 0 --over 1 --netns blue");
    assert_eq!(options.service.family(), AddressFamily::V6);
    assert_eq!((options.server.port, options.steps), (0, None));
    assert!(options.dry_run);
    // Without a port, that of the service.
    assert_eq!(ramp("--ramp -t 1.2.3.4:80 -r 10.0.0.1 -w 1 --over 1").server.port, 80);
}

#[test]
fn what_is_missing_or_wrong_is_named() {
    for (text, want) in [
        ("--ramp", "--ramp: needs a virtual service: -t, -u or --sctp-service ADDRESS, or -f MARK"),
        ("--ramp -t 1.2.3.4:80", "--ramp: needs a real server: -r ADDRESS"),
        ("--ramp -t 1.2.3.4:80 -r 10.0.0.1 --over 1", "--ramp: needs --weight WEIGHT"),
        ("--ramp -t 1.2.3.4:80 -r 10.0.0.1 -w 1", "--ramp: needs --over SECONDS"),
        (&format!("{RAMP} --steps 0"), "--steps: 0 is out of range: 1 to 2147483647"),
        (&format!("{RAMP} --steps 26"), "--steps: at most ten steps a second"),
        (&format!("{RAMP} --steps 2147483647"), "--steps: at most ten steps a second"),
        (&format!("{RAMP} --json --dry-run"), "--json: not valid with --dry-run"),
        (&format!("{RAMP} --json --format table"), "--format: not valid with --json"),
        (
            &format!("{RAMP} --format table"),
            "--format: --ramp has no format table, only classic and json",
        ),
        (&format!("{RAMP} --tun-csum"), "--tun-csum: only valid with --ipip"),
        (&format!("{RAMP} word"), "unexpected argument word"),
        (&format!("{RAMP} -s rr"), "--scheduler: not an option of --ramp"),
        (&format!("{RAMP} --interval 1"), "--interval: not an option of --ramp"),
        (&format!("{RAMP} --wait 1"), "--wait: not an option of --ramp"),
        (
            "--ramp -t 1.2.3.4:80 -r 10.0.0.1 -w 1 --over 0",
            "--over: `0` is not a number of seconds from 0.1 to 2678400",
        ),
        ("-e -t 1.2.3.4:80 -r 10.0.0.1 --over 1", "--over: not an option of --edit-server"),
    ] {
        let error = line(text).expect_err(text);
        assert_eq!((error.to_string().as_str(), exit_status(&error)), (want, 2), "{text}");
    }
    assert!(line(&format!("{RAMP} --steps 25")).is_ok());
    assert_eq!(status("--ramp -t 1.2.3.4:80 -r 10.0.0.1 -w 1 --over"), 255);
}

#[test]
fn a_ramp_begins_at_the_present_weight_with_the_given_settings() {
    let masqueraded = DestinationConfig {
        forwarding: Forwarding::Masquerade,
        weight: 3,
        upper_threshold: 9,
        ..Default::default()
    };
    let start = |text: &str, now| ramp(text).start(now);
    assert_eq!(start(RAMP, Some(&masqueraded)), Ok(masqueraded));
    let limited = DestinationConfig { upper_threshold: 50, ..masqueraded };
    assert_eq!(start(&format!("{RAMP} -x 50"), Some(&masqueraded)), Ok(limited));
    let new = DestinationConfig { weight: 0, upper_threshold: 0, ..masqueraded };
    assert_eq!(start(&format!("{RAMP} -m"), None), Ok(new));
    let routed = DestinationConfig { weight: 0, ..DestinationConfig::default() };
    assert_eq!(start(&RAMP.replace(":8080", ""), None), Ok(routed));
    assert_eq!(start("--ramp -f 7 -r 10.0.0.1:8080 -w 1 --over 1", None), Ok(routed));
    // `-a` would add the server with the service's port.
    for method in ["", " -g", " -i"] {
        let refused = start(&format!("{RAMP}{method}"), None);
        assert!(matches!(refused, Err(UsageError::NewServerPort(_))), "{method}: {refused:?}");
    }
    let other_family = start("--ramp -t 1.2.3.4:80 -r 2001:db8::1 -w 1 --over 1 -m", None);
    assert!(matches!(other_family, Err(UsageError::Config { .. })), "{other_family:?}");
}
