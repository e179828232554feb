//! `--doctor`.

use std::path::PathBuf;
use std::time::Duration;

use super::*;
use crate::rules::command::DoctorOptions;

fn doctor(text: &str) -> DoctorOptions {
    match line(text) {
        Ok(Command::Doctor(options)) => options,
        other => panic!("{text}: {other:?}"),
    }
}

/// What `--doctor` alone means.
fn alone() -> DoctorOptions {
    DoctorOptions {
        service: None,
        server_side: None,
        director: None,
        watch: Duration::from_secs(3),
        probe: false,
        facts: None,
        save_facts: None,
        json: false,
    }
}

fn web() -> Option<ServiceKey> {
    Some(ServiceKey::tcp(([192, 0, 2, 1], 80)))
}

#[test]
fn a_director_is_examined_whole_or_for_one_service() {
    assert_eq!(doctor("--doctor"), alone());
    let text = "--netns blue --no-load --doctor -t 192.0.2.1:80 --probe --for 0.5 --json \
                --save-facts director.json";
    let options = DoctorOptions {
        service: web(),
        watch: Duration::from_millis(500),
        probe: true,
        save_facts: Some(PathBuf::from("director.json")),
        json: true,
        ..alone()
    };
    assert_eq!(doctor(text), options);
    let invocation = invocation(text).expect(text);
    assert_eq!((invocation.namespace.as_deref(), invocation.load_module), (Some("blue"), false));
    let mark = doctor("--doctor -f 7 -6").service;
    assert_eq!(mark.map(|key| key.to_string()).as_deref(), Some("FWM 7 IPv6"));
    assert!(doctor("--doctor --format json").json);
}

#[test]
fn a_real_server_is_examined_for_a_service_and_a_method() {
    for (method, forwarding) in [
        ("-g", Forwarding::DirectRoute),
        ("-i", Forwarding::Tunnel(Tunnel::default())),
        ("-m", Forwarding::Masquerade),
    ] {
        let options = doctor(&format!("--doctor --server-side -t 192.0.2.1:80 {method}"));
        let wanted = DoctorOptions { service: web(), server_side: Some(forwarding), ..alone() };
        assert_eq!(options, wanted, "{method}");
    }
    let text = "--doctor --server-side -t 192.0.2.1:80 -m --director 10.0.0.1";
    assert_eq!(doctor(text).director, Some([10, 0, 0, 1].into()));
    let text = "--doctor --server-side -t [2001:db8::1]:80 -g --director fe80::1";
    assert_eq!(doctor(text).director.map(|it| it.to_string()).as_deref(), Some("fe80::1"));
}

#[test]
fn facts_come_from_a_file() {
    let options = doctor("--doctor -t 192.0.2.1:80 --facts director.json --save-facts - --json");
    let wanted = DoctorOptions {
        service: web(),
        facts: Some(PathBuf::from("director.json")),
        save_facts: Some(PathBuf::from("-")),
        json: true,
        ..alone()
    };
    assert_eq!(options, wanted);
    assert_eq!(doctor("--doctor --facts -").facts, Some(PathBuf::from("-")));
}

#[test]
fn what_the_doctor_does_not_take_is_refused() {
    const SERVER: &str = "--doctor --server-side -t 192.0.2.1:80";
    for (text, want) in [
        (SERVER, "--server-side: needs the forwarding method: -g, -i or -m"),
        (
            "--doctor --server-side -m",
            "--server-side: needs a virtual service: -t, -u or --sctp-service ADDRESS, or -f MARK",
        ),
        ("--doctor -g", "--gatewaying: only valid with --server-side"),
        ("--doctor --director 10.0.0.1", "--director: only valid with --server-side"),
        ("--doctor --for 0", "--for: `0` is not a number of seconds from 0.1 to 2678400"),
        ("--doctor --facts - --for 1", "--for: not valid with --facts"),
        ("--doctor --facts - --probe", "--probe: not valid with --facts"),
        ("--doctor --facts - --netns blue", "--netns: not valid with --facts"),
        ("--doctor --facts - --no-load", "--no-load: not valid with --facts"),
        (&format!("{SERVER} -g --facts -"), "--server-side: not valid with --facts"),
        (&format!("{SERVER} -g -r 10.0.0.1"), "--real-server: not an option of --doctor"),
        (&format!("{SERVER} -i --tun-type gre"), "--tun-type: not an option of --doctor"),
        ("--doctor -n", "--numeric: not an option of --doctor"),
        ("--doctor --dry-run", "--dry-run: not an option of --doctor"),
        ("--doctor word", "unexpected argument word"),
        (
            "--doctor --format table",
            "--format: --doctor has no format table, only classic and json",
        ),
        ("-L --probe", "--probe: not an option of --list"),
        ("--monitor --save-facts file", "--save-facts: not an option of --monitor"),
    ] {
        let error = line(text).expect_err(text);
        assert_eq!((error.to_string().as_str(), exit_status(&error)), (want, 2), "{text}");
    }
    for text in ["--facts", "--save-facts", "--director", "--for"] {
        assert_eq!(status(&format!("--doctor {text}")), 255, "{text}");
    }
    let rule = crate::rules::lines::parse_command(b"--doctor", &mut NumericOnly);
    assert_eq!(rule, Err(UsageError::Nested(OptionId::Doctor)));
}
