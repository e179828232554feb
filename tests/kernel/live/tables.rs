//! Large and random tables to change, as rules.

use std::fmt::Write;

use ipvs::rules::Lines;
use ipvs::{Rehearsal, Table};
use proptest::prelude::*;
use proptest::sample::select;

/// The rules of `services` TCP services with `servers` servers each. Servers are numbered across
/// services, and `weight` maps a number to a weight.
pub(super) fn large(
    services: usize,
    servers: usize,
    mut weight: impl FnMut(usize) -> usize,
) -> String {
    let mut rules = String::new();
    for service in 0..services {
        let address = format!("10.1.{}.{}:80", service / 250, service % 250 + 1);
        rules.push_str(&format!("-A -t {address} -s wrr\n"));
        for server in 0..servers {
            let number = service * servers + server;
            let _ = writeln!(
                rules,
                "-a -t {address} -r 10.{}.{}.{}:8080 -m -w {}",
                2 + server,
                service / 250,
                service % 250 + 1,
                weight(number)
            );
        }
    }
    rules
}

/// The table that rules describe. Panics on a mistake in them.
#[track_caller]
pub(super) fn described(rules: &str) -> Table {
    let mut rehearsal = Rehearsal::default();
    for line in Lines::new(rules.as_bytes()) {
        let line = line.expect("memory can be read");
        match line.change {
            Ok(change) => {
                let outcome = rehearsal.change(&change);
                outcome.unwrap_or_else(|error| panic!("line {}: {error}\n{rules}", line.number));
            }
            other => panic!("line {}: {other:?}\n{rules}", line.number),
        }
    }
    rehearsal.into_state().table
}

/// The options that identify a service, those that it needs, and the servers that it may have.
type Choice = (&'static str, &'static str, &'static [&'static str]);

// Without masquerading a server has its service's port, whatever a rule says, so no address may
// appear twice.
const V4: &[&str] = &["10.9.0.1:80", "10.9.0.2:80", "10.9.0.3:8080", "10.9.0.4:1", "192.168.9.1:1"];
const V6: &[&str] = &["[fd00::1]:80", "[fd00::2]:80", "[fd00::3]:8080", "[2001:db8::3]:1"];

const CHOICES: &[Choice] = &[
    ("-t 10.0.0.1:80", "", V4),
    ("-t 10.0.0.1:81", "", V4),
    ("-u 10.0.0.1:80", "", V4),
    ("--sctp-service 10.0.0.2:80", "", V4),
    ("-t 10.0.0.3:0", "-p 99", V4),
    ("-f 1", "", V4),
    ("-f 4294967295", "", V4),
    ("-t [fd00::9]:80", "", V6),
    ("-u [fd00::9]:53", "", V6),
    ("-f 1 -6", "", V6),
];

/// The rules of a random table: some of ten services, some servers for each, and configurations of
/// every kind.
pub(super) fn random() -> impl Strategy<Value = String> {
    let services: Vec<_> = CHOICES
        .iter()
        .map(|choice| {
            prop::option::weighted(0.6, service(*choice)).prop_map(Option::unwrap_or_default)
        })
        .collect();
    services.prop_map(|parts| parts.concat())
}

/// A service with its servers.
fn service((name, required, servers): Choice) -> impl Strategy<Value = String> {
    let servers: Vec<_> = servers
        .iter()
        .map(|address| {
            let line =
                server().prop_map(move |options| format!("-a {name} -r {address}{options}\n"));
            prop::option::of(line).prop_map(Option::unwrap_or_default)
        })
        .collect();
    (service_options(name, required), servers)
        .prop_map(move |(options, servers)| format!("-A {name}{options}\n{}", servers.concat()))
}

fn service_options(name: &'static str, required: &'static str) -> impl Strategy<Value = String> {
    let schedulers =
        ["rr", "wrr", "lc", "wlc", "sh -b sh-port", "mh -b mh-fallback,mh-port", "sed"];
    let is_ipv6 = name.contains('[') || name.ends_with("-6");
    let persistence = match (required, is_ipv6) {
        ("", false) => select(vec!["", "", " -p", " -p 7", " -p 100 -M 255.255.255.0"]),
        ("", true) => select(vec!["", "", " -p", " -p 7", " -p 100 -M 64"]),
        _ => select(vec![" -p 99", " -p 100 -M 255.255.0.0"]),
    };
    let allows_one_packet = name.starts_with("-u") || name.starts_with("-f");
    (select(schedulers.to_vec()), persistence, prop::bool::weighted(0.2)).prop_map(
        move |(scheduler, persistence, one_packet)| {
            let one_packet = if one_packet && allows_one_packet { " -o" } else { "" };
            format!(" -s {scheduler}{persistence}{one_packet}")
        },
    )
}

fn server() -> impl Strategy<Value = String> {
    let methods = vec![
        " -m",
        " -m",
        " -g",
        " -i",
        " -i --tun-type gue --tun-port 6080",
        " -i --tun-type gue --tun-port 6081 --tun-csum",
        " -i --tun-type gre --tun-csum",
    ];
    (select(methods), 0..4u32, select(vec!["", "", " -x 100", " -x 100 -y 20", " -x 7 -y 7"]))
        .prop_map(|(method, weight, thresholds)| format!("{method} -w {weight}{thresholds}"))
}
