//! Commands that operate a balancer.

use super::*;
use crate::rules::lines::parse_command;
use crate::rules::operation::{DrainOptions, KickOptions, Target, Then, UndrainOptions, Until};

fn web() -> ServiceKey {
    ServiceKey::tcp(([192, 0, 2, 1], 80))
}

fn server(port: u16) -> DestinationKey {
    DestinationKey::from(([10, 0, 0, 1], port))
}

#[test]
fn a_drain_is_of_one_service_or_of_every_one_with_the_server() {
    let everywhere =
        |port| Target::Everywhere(EndpointFilter { address: [10, 0, 0, 1].into(), port });
    let mark = ServiceKey::firewall_mark(NonZeroU32::new(7).expect("not 0"), AddressFamily::V6);
    let v6 = DestinationKey::from(("2001:db8::1".parse::<std::net::Ipv6Addr>().unwrap(), 0));
    for (text, target) in [
        ("--drain -t 192.0.2.1:80 -r 10.0.0.1", Target::In(web(), server(80))),
        ("--drain -r 10.0.0.1:8080 -t 192.0.2.1:80", Target::In(web(), server(8080))),
        ("--drain -f 7 -6 -r 2001:db8::1", Target::In(mark, v6)),
        ("--drain -r 10.0.0.1", everywhere(None)),
        ("--drain -r 10.0.0.1:80", everywhere(Some(80))),
    ] {
        assert_eq!(line(text), Ok(Command::Drain(DrainOptions::of(target))), "{text}");
        let undrain = text.replace("--drain", "--undrain");
        let execution = Execution::default();
        let options = UndrainOptions { target, force: false, json: false, execution };
        assert_eq!(line(&undrain), Ok(Command::Undrain(options)), "{undrain}");
    }
}

#[test]
fn a_drain_takes_its_options_in_any_order_and_spelling() {
    let whole = DrainOptions {
        until: Some(Until::All),
        timeout_seconds: Some(30),
        then: Then::Kick,
        force: true,
        execution: Execution { dry_run: true, wait: Some(5) },
        ..DrainOptions::of(Target::In(web(), server(80)))
    };
    for text in [
        "--drain -t 192.0.2.1:80 -r 10.0.0.1 --until all --timeout 30 --then kick --force --dry-run \
         --wait 5",
        "--wait 5 --dry-run --drain --force --then=kick --timeout=30 --until=all -r 10.0.0.1 -t \
         192.0.2.1:80",
    ] {
        assert_eq!(line(text), Ok(Command::Drain(whole)), "{text}");
    }
    let json = DrainOptions {
        json: true,
        timeout_seconds: Some(0),
        until: Some(Until::Active),
        then: Then::Remove,
        ..DrainOptions::of(Target::In(web(), server(80)))
    };
    let text =
        "--drain --json --timeout 0 --until active --then remove -t 192.0.2.1:80 -r 10.0.0.1";
    assert_eq!(line(text), Ok(Command::Drain(json)));
}

#[test]
fn a_kick_is_of_one_server_of_one_service() {
    let kick = KickOptions {
        service: web(),
        server: server(8080),
        remove: false,
        timeout_seconds: None,
        force: false,
        json: false,
        execution: Execution::default(),
    };
    for (text, options) in [
        ("--kick -t 192.0.2.1:80 -r 10.0.0.1:8080", kick),
        ("--kick -t 192.0.2.1:80 -r 10.0.0.1:8080 --then keep", kick),
        (
            "--kick --then remove --timeout=3 -t 192.0.2.1:80 -r 10.0.0.1:8080 --json",
            KickOptions { remove: true, timeout_seconds: Some(3), json: true, ..kick },
        ),
        ("--kick -t 192.0.2.1:80 -r 10.0.0.1:8080 --force", KickOptions { force: true, ..kick }),
    ] {
        assert_eq!(line(text), Ok(Command::Kick(options)), "{text}");
    }
}

#[test]
fn mistakes_have_their_status() {
    for (text, expected) in [
        ("--drain", 2),
        ("--drain -t 192.0.2.1:80", 2),
        ("--undrain -t 192.0.2.1:80", 2),
        ("--kick -r 10.0.0.1", 2),
        ("--kick -t 192.0.2.1:80", 2),
        ("--drain -6 -r ::1", 2),
        ("--drain -r 10.0.0.1 word", 2),
        ("--drain -r 10.0.0.1 --until never", 2),
        ("--drain -r 10.0.0.1 --then", 255),
        ("--drain -r 10.0.0.1 --then leave", 2),
        ("--drain -r 10.0.0.1 --timeout", 255),
        ("--drain -r 10.0.0.1 --timeout --force", 255),
        ("--drain -r 10.0.0.1 --timeout x", 2),
        ("--drain -r 10.0.0.1 --timeout=-1", 2),
        ("--drain -r 10.0.0.1 --timeout 2678401", 2),
        ("--drain -r 10.0.0.1 --timeout 1 --timeout 2", 2),
        ("--drain -r 10.0.0.1 --json --dry-run", 2),
        ("--drain -r 10.0.0.1 --format json", 2),
        ("--drain -r 10.0.0.1 -w 3", 2),
        ("--drain -r 10.0.0.1 --undrain", 2),
        ("--undrain -r 10.0.0.1 --timeout 3", 2),
        ("--undrain -r 10.0.0.1 --until all", 2),
        ("--undrain -r 10.0.0.1 --then keep", 2),
        ("--kick -t 192.0.2.1:80 -r 10.0.0.1 --until all", 2),
        ("--kick -t 192.0.2.1:80 -r 10.0.0.1 --then kick", 2),
        ("-L --force", 2),
        ("-a -t 192.0.2.1:80 -r 10.0.0.1 --until all", 2),
    ] {
        assert_eq!(status(text), expected, "{text}: {:?}", line(text));
    }
}

#[test]
fn the_timeout_of_a_listing_has_no_value() {
    for (text, expected) in [
        ("-L --timeout", 0),
        ("-L --timeout -n", 0),
        ("--list --timeout", 0),
        ("-L --timeout 5", 2),
        ("-L --timeout=5", 255),
        ("--list --timeout=5", 255),
        ("--timeout=5 -L", 255),
        ("-A --timeout=5", 255),
        ("-A -t 192.0.2.1:80 --timeout 5", 2),
    ] {
        assert_eq!(status(text), expected, "{text}: {:?}", line(text));
    }
}

#[test]
fn no_rule_operates() {
    for text in [
        "--drain -r 10.0.0.1",
        "--undrain -t 192.0.2.1:80 -r 10.0.0.1",
        "--kick -t 192.0.2.1:80 -r 10.0.0.1",
    ] {
        let refused = parse_command(text.as_bytes(), &mut NumericOnly);
        assert!(matches!(refused, Err(UsageError::Nested(_))), "{text}: {refused:?}");
    }
}
