//! `ipvsadm-restore` leaves the same table as the reference's, and drops no service meanwhile.

use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use ipvs::Client;

use super::tables::large;
use super::{
    NO_OPTIONS, REFERENCE_RESTORE, assert_ended, load, restore, restore_program, saved, script,
};
use crate::harness::KernelTest;
use crate::netns::Netns;

pub(crate) fn tests() -> Vec<KernelTest> {
    crate::tests![
        restore_leaves_the_table_that_the_reference_leaves,
        an_invalid_line_leaves_the_table_unchanged,
        a_line_the_kernel_refuses_is_reported_and_the_rest_are_applied,
        atomic_undoes_everything_if_the_kernel_refuses_a_line,
        clear_works_like_the_reference,
        no_service_is_ever_missing,
        an_invalid_option_is_reported_before_input_is_read,
        the_scripts_work_in_another_namespace,
    ]
}

const TABLE: &str = "\
-A -t 10.0.0.1:80 -s wrr
-a -t 10.0.0.1:80 -r 10.9.0.1:80 -m -w 5
-a -t 10.0.0.1:80 -r 10.9.0.2:80 -m -w 7
-A -u 10.0.0.1:53 -s rr -p 60
-a -u 10.0.0.1:53 -r 10.9.0.3:53 -g -w 1
";

/// Files of rules, each with the lines that the kernel refuses and the messages.
const FILES: &[(&str, &[(usize, &str)])] = &[
    (TABLE, &[]),
    ("", &[]),
    ("# a comment\n\n-A -t 10.0.0.1:80 -s rr\n", &[]),
    // Edited and removed by later lines.
    (
        "-A -t 10.0.0.1:80 -s rr\n-E -t 10.0.0.1:80 -s lc\n-a -t 10.0.0.1:80 -r 10.9.0.1 -m\n\
         -e -t 10.0.0.1:80 -r 10.9.0.1 -m -w 9\n-A -f 3\n-D -f 3\n",
        &[],
    ),
    ("-A -f 1\n-C\n-A -f 2\n", &[]),
    // Duplicates, and things that do not exist.
    (
        "-A -f 1 -s rr\n-A -f 1 -s lc\n-a -f 1 -r 10.9.0.1 -m\n-a -f 1 -r 10.9.0.1 -g\n-D -f 7\n\
         -d -f 1 -r 10.9.0.7\n",
        &[
            (2, "Service already exists"),
            (4, "Destination already exists"),
            (5, "No such service"),
            (6, "No such destination"),
        ],
    ),
    // A new service with an unknown scheduler, and its server.
    (
        "-A -t 10.0.0.9:80 -s nonsense\n-a -t 10.0.0.9:80 -r 10.9.0.1 -m\n-A -f 1\n",
        &[(1, "Scheduler or persistence engine not found"), (2, "Service not defined")],
    ),
    // The same for a service that exists.
    (
        "-A -t 10.0.0.1:80 -s nonsense\n-a -t 10.0.0.1:80 -r 10.9.0.1:80 -m\n-A -f 1\n",
        &[(1, "Scheduler or persistence engine not found"), (2, "Service not defined")],
    ),
    // A refused edit leaves the service as an earlier line made it; later lines still count.
    (
        "-A -t 10.0.0.1:80 -s lc\n-E -t 10.0.0.1:80 -s nonsense\n\
         -a -t 10.0.0.1:80 -r 10.9.0.8:80 -m\n",
        &[(2, "Scheduler or persistence engine not found")],
    ),
    // Refused at first, then accepted.
    (
        "-A -f 1 -s nonsense\n-a -f 1 -r 10.9.0.1 -m -w 1\n\
         -A -f 1 -s rr\n-a -f 1 -r 10.9.0.1 -m -w 2\n",
        &[(1, "Scheduler or persistence engine not found"), (2, "Service not defined")],
    ),
    // Multicast addresses as servers, of a service that exists and of a new one.
    (
        "-A -t 10.0.0.1:80 -s wrr\n-a -t 10.0.0.1:80 -r 224.0.0.1:80 -m\n\
         -a -t 10.0.0.1:80 -r 10.9.0.2:80 -m\n\
         -A -f 4\n-a -f 4 -r 224.0.0.2 -m\n",
        &[
            (2, "Invalid operation.  Possibly wrong module version, address not unicast, ..."),
            (5, "Invalid operation.  Possibly wrong module version, address not unicast, ..."),
        ],
    ),
    // Lines after `-v` are ignored.
    ("-A -f 1\n-v\n-A -f 2\n", &[]),
];

fn restore_leaves_the_table_that_the_reference_leaves() {
    let (ours, theirs) = (Netns::new(), Netns::new());
    for (rules, refused) in FILES {
        for ns in [&ours, &theirs] {
            ns.ipvsadm(["-C"]).success();
            load(ns, TABLE);
        }
        theirs.command(REFERENCE_RESTORE).stdin(*rules).run();
        let ran = restore(&ours, rules, NO_OPTIONS);
        assert_eq!(saved(&ours), saved(&theirs), "after\n{rules}\n{}", ran.stderr);
        let status = if refused.is_empty() { 0 } else { 255 };
        let errors = refused.iter().map(|(line, error)| format!("line {line}: {error}\n"));
        assert_ended(&ran, status, &errors.collect::<String>());
    }
}

fn an_invalid_line_leaves_the_table_unchanged() {
    let ns = Netns::new();
    load(&ns, TABLE);
    let before = saved(&ns);
    for options in [&[][..], &["--atomic"], &["--dry-run"]] {
        let ran = restore(&ns, "-A -f 1\n-A -f 0\n\n-A -t 10.0.0.1:80 --nonsense\n", options);
        let lines: Vec<&str> = ran.stderr.lines().collect();
        assert_eq!(lines.len(), 2, "{}", ran.stderr);
        assert!(lines[0].starts_with("line 2: --fwmark-service"), "{}", ran.stderr);
        assert!(lines[1].starts_with("line 4: --nonsense"), "{}", ran.stderr);
        assert_eq!(ran.code(), Some(2));
        assert_eq!(saved(&ns), before);
    }
}

fn a_line_the_kernel_refuses_is_reported_and_the_rest_are_applied() {
    let ns = Netns::new();
    let rules = format!("-A -t 10.0.0.9:80 -s nonsense\n{TABLE}-Z -f 77\n");
    let ran = restore(&ns, &rules, NO_OPTIONS);
    let errors = "line 1: Scheduler or persistence engine not found\nline 7: No such service";
    assert_ended(&ran, 255, errors);
    let other = Netns::new();
    load(&other, TABLE);
    assert_eq!(saved(&ns), saved(&other));
}

fn atomic_undoes_everything_if_the_kernel_refuses_a_line() {
    let ns = Netns::new();
    load(&ns, TABLE);
    let before = saved(&ns);
    let rules = "-A -f 1\n-A -t 10.0.0.1:80 -s lc\n-A -f 2 -s nonsense\n";
    let errors = "line 3: Scheduler or persistence engine not found\n\
                  Nothing was changed: the previous state is restored.";
    assert_ended(&restore(&ns, rules, ["--atomic"]), 255, errors);
    assert_eq!(saved(&ns), before);
    // A file that contradicts itself is not applied at all.
    let ran = restore(&ns, "-A -f 1\n-A -f 1\n", ["--atomic"]);
    assert_ended(&ran, 255, "line 2: Service already exists");
    assert_eq!(saved(&ns), before);
    restore(&ns, "-A -f 1\n", ["--atomic"]).success();
    assert_eq!(saved(&ns), "-A -f 1 -s wlc");
}

fn clear_works_like_the_reference() {
    let (ours, theirs) = (Netns::new(), Netns::new());
    // A line that makes no sense ends the run.
    for rules in [TABLE, "-A -f 1\n-A -f 1\n-A -f 2\n", "-A -f 1\n-A -f 0\n-A -f 2\n"] {
        for ns in [&ours, &theirs] {
            load(ns, "-C\n-A -f 5\n");
        }
        let reference = theirs.command(REFERENCE_RESTORE).stdin(rules).run();
        let ran = restore(&ours, rules, ["--clear"]);
        assert_eq!(saved(&ours), saved(&theirs), "after\n{rules}\n{}", ran.stderr);
        assert_eq!(ran.code(), reference.code(), "after\n{rules}\n{}", ran.stderr);
    }
}

/// While tables are restored, a client that reads all the time finds every service in both tables,
/// with its servers.
fn no_service_is_ever_missing() {
    let ns = Netns::new();
    let tables = [large(60, 3, |_| 1), large(60, 3, |number| 1 + number % 3).replace("wrr", "wlc")];
    load(&ns, &tables[0]);
    let key = ipvs::ServiceKey::tcp(([10, 1, 0, 30], 80));
    let stop = AtomicBool::new(false);
    let readings = thread::scope(|scope| {
        let watcher = scope.spawn(|| {
            let mut client = ns.enter(Client::new).expect("the kernel has IPVS");
            let mut readings = 0;
            while !stop.load(Ordering::Relaxed) {
                let all = client.services().expect("the services are listed").len();
                assert_eq!(all, 60, "a service is missing");
                let servers = client.destinations(&key).expect("the servers are listed").len();
                assert_eq!(servers, 3, "a server is missing");
                readings += 1;
            }
            readings
        });
        let statuses: Vec<_> =
            (1..=10).map(|round| restore(&ns, &tables[round % 2], NO_OPTIONS).code()).collect();
        stop.store(true, Ordering::Relaxed);
        assert_eq!(statuses, [Some(0); 10]);
        watcher.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    });
    println!("{readings} readings");
    assert!(readings > 10, "only {readings} readings");
}

fn an_invalid_option_is_reported_before_input_is_read() {
    let ns = Netns::new();
    load(&ns, TABLE);
    let before = saved(&ns);
    for options in [
        &["--nonsense"][..],
        &["--wait"],
        &["--wait", "soon"],
        &["--netns"],
        &["--atomic=1"],
        &["--atomic", "--clear"],
    ] {
        // Standard input stays open, so the program must not wait for its end.
        let mut child = ns
            .enter(|| {
                let mut command = Command::new(restore_program());
                command.args(options).stdin(Stdio::piped()).stderr(Stdio::null()).spawn()
            })
            .expect("the child starts");
        let input = child.stdin.take();
        let status = child.wait().expect("the child ends");
        assert_eq!(status.code(), Some(2), "{options:?}");
        drop(input);
        assert_eq!(saved(&ns), before);
    }
    // The reference ignores any other argument.
    restore(&ns, TABLE, ["-n", "words"]).success();
    let help = restore(&ns, "", ["--help"]).success();
    assert!(help.stdout.contains("Usage: ipvsadm-restore [OPTION]"), "{}", help.stdout);
    assert_eq!(saved(&ns), before);
}

fn the_scripts_work_in_another_namespace() {
    let (here, there) = (Netns::new(), Netns::new());
    for options in [
        vec!["--netns".to_owned(), there.name().to_owned()],
        vec![format!("--netns={}", there.name())],
    ] {
        restore(&here, TABLE, &options).success();
        let save = here.command(script("ipvsadm-save")).arg("-n").args(&options).run().success();
        let mut lines: Vec<&str> = save.stdout.lines().collect();
        lines.sort_unstable();
        assert_eq!(lines.join("\n"), saved(&there));
        assert_eq!(saved(&here), "");
        there.ipvsadm(["-C"]).success();
    }
}
