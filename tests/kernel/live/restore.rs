//! `ipvsadm-restore`: the table that the reference's would leave, without the gap.

use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use ipvs::Client;

use super::tables::large;
use super::{REFERENCE_RESTORE, assert_ended, load, restore, restore_program, saved, script};
use crate::harness::KernelTest;
use crate::netns::Netns;

pub(crate) fn tests() -> Vec<KernelTest> {
    crate::tests![
        it_leaves_the_table_that_the_reference_leaves,
        a_line_that_makes_no_sense_leaves_the_table_untouched,
        a_line_that_the_kernel_refuses_is_told_and_the_rest_goes_on,
        atomic_undoes_all_if_the_kernel_refuses_a_line,
        clear_does_it_the_old_way,
        no_service_is_ever_missing,
        a_wrong_word_is_told_before_anything_is_read,
        the_scripts_work_in_another_namespace,
    ]
}

const NO_MORE: [&str; 0] = [];

const TABLE: &str = "\
-A -t 10.0.0.1:80 -s wrr
-a -t 10.0.0.1:80 -r 10.9.0.1:80 -m -w 5
-a -t 10.0.0.1:80 -r 10.9.0.2:80 -m -w 7
-A -u 10.0.0.1:53 -s rr -p 60
-a -u 10.0.0.1:53 -r 10.9.0.3:53 -g -w 1
";

/// Rules that are good, or that the kernel refuses in part: in each, the words that a line is told
/// with, by its number.
const FILES: &[(&str, &[(usize, &str)])] = &[
    (TABLE, &[]),
    ("", &[]),
    ("# a comment\n\n-A -t 10.0.0.1:80 -s rr\n", &[]),
    // Edited and removed again on the way.
    (
        "-A -t 10.0.0.1:80 -s rr\n-E -t 10.0.0.1:80 -s lc\n-a -t 10.0.0.1:80 -r 10.9.0.1 -m\n\
         -e -t 10.0.0.1:80 -r 10.9.0.1 -m -w 9\n-A -f 3\n-D -f 3\n",
        &[],
    ),
    ("-A -f 1\n-C\n-A -f 2\n", &[]),
    // Twice the same, and what is not there.
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
    // Of a scheduler that no kernel has: a new service, with its server.
    (
        "-A -t 10.0.0.9:80 -s nonsense\n-a -t 10.0.0.9:80 -r 10.9.0.1 -m\n-A -f 1\n",
        &[(1, "Scheduler or persistence engine not found"), (2, "Service not defined")],
    ),
    // The same for a service that is there.
    (
        "-A -t 10.0.0.1:80 -s nonsense\n-a -t 10.0.0.1:80 -r 10.9.0.1:80 -m\n-A -f 1\n",
        &[(1, "Scheduler or persistence engine not found"), (2, "Service not defined")],
    ),
    // An edit that is refused leaves what the line before it made, and what comes behind it is
    // taken.
    (
        "-A -t 10.0.0.1:80 -s lc\n-E -t 10.0.0.1:80 -s nonsense\n\
         -a -t 10.0.0.1:80 -r 10.9.0.8:80 -m\n",
        &[(2, "Scheduler or persistence engine not found")],
    ),
    // Refused first, and then in order.
    (
        "-A -f 1 -s nonsense\n-a -f 1 -r 10.9.0.1 -m -w 1\n\
         -A -f 1 -s rr\n-a -f 1 -r 10.9.0.1 -m -w 2\n",
        &[(1, "Scheduler or persistence engine not found"), (2, "Service not defined")],
    ),
    // Servers that are none, of a new service and of one that is there.
    (
        "-A -t 10.0.0.1:80 -s wrr\n-a -t 10.0.0.1:80 -r 224.0.0.1:80 -m\n\
         -a -t 10.0.0.1:80 -r 10.9.0.2:80 -m\n\
         -A -f 4\n-a -f 4 -r 224.0.0.2 -m\n",
        &[
            (2, "Invalid operation.  Possibly wrong module version, address not unicast, ..."),
            (5, "Invalid operation.  Possibly wrong module version, address not unicast, ..."),
        ],
    ),
    // Nothing counts behind this one.
    ("-A -f 1\n-v\n-A -f 2\n", &[]),
];

fn it_leaves_the_table_that_the_reference_leaves() {
    let (ours, theirs) = (Netns::new(), Netns::new());
    for (rules, refused) in FILES {
        for ns in [&ours, &theirs] {
            ns.ipvsadm(["-C"]).success();
            load(ns, TABLE);
        }
        theirs.command(REFERENCE_RESTORE).stdin(*rules).run();
        let ran = restore(&ours, rules, NO_MORE);
        assert_eq!(saved(&ours), saved(&theirs), "after\n{rules}\n{}", ran.stderr);
        let status = if refused.is_empty() { 0 } else { 255 };
        let told = refused.iter().map(|(line, words)| format!("line {line}: {words}\n"));
        assert_ended(&ran, status, &told.collect::<String>());
    }
}

fn a_line_that_makes_no_sense_leaves_the_table_untouched() {
    let ns = Netns::new();
    load(&ns, TABLE);
    let before = saved(&ns);
    for more in [&[][..], &["--atomic"], &["--dry-run"]] {
        let ran = restore(&ns, "-A -f 1\n-A -f 0\n\n-A -t 10.0.0.1:80 --nonsense\n", more);
        let lines: Vec<&str> = ran.stderr.lines().collect();
        assert!(
            matches!(lines[..], [two, four] if two.starts_with("line 2: --fwmark-service")
                && four.starts_with("line 4: --nonsense")),
            "{}",
            ran.stderr
        );
        assert_eq!(ran.code(), Some(2));
        assert_eq!(saved(&ns), before);
    }
}

fn a_line_that_the_kernel_refuses_is_told_and_the_rest_goes_on() {
    let ns = Netns::new();
    let rules = format!("-A -t 10.0.0.9:80 -s nonsense\n{TABLE}-Z -f 77\n");
    let ran = restore(&ns, &rules, NO_MORE);
    let errors = "line 1: Scheduler or persistence engine not found\nline 7: No such service";
    assert_ended(&ran, 255, errors);
    let other = Netns::new();
    load(&other, TABLE);
    assert_eq!(saved(&ns), saved(&other));
}

fn atomic_undoes_all_if_the_kernel_refuses_a_line() {
    let ns = Netns::new();
    load(&ns, TABLE);
    let before = saved(&ns);
    let rules = "-A -f 1\n-A -t 10.0.0.1:80 -s lc\n-A -f 2 -s nonsense\n";
    let errors = "line 3: Scheduler or persistence engine not found\n\
                  Nothing was changed: the previous state is restored.";
    assert_ended(&restore(&ns, rules, ["--atomic"]), 255, errors);
    assert_eq!(saved(&ns), before);
    // What contradicts itself is not even begun.
    let ran = restore(&ns, "-A -f 1\n-A -f 1\n", ["--atomic"]);
    assert_ended(&ran, 255, "line 2: Service already exists");
    assert_eq!(saved(&ns), before);
    restore(&ns, "-A -f 1\n", ["--atomic"]).success();
    assert_eq!(saved(&ns), "-A -f 1 -s wlc");
}

fn clear_does_it_the_old_way() {
    let (ours, theirs) = (Netns::new(), Netns::new());
    // As far as to a line that makes no sense, which ends it there.
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

/// While tables are restored, somebody who asks all the time finds every service that is in both,
/// with servers.
fn no_service_is_ever_missing() {
    let ns = Netns::new();
    let tables = [large(60, 3, |_| 1), large(60, 3, |number| 1 + number % 3).replace("wrr", "wlc")];
    load(&ns, &tables[0]);
    let key = ipvs::ServiceKey::tcp(([10, 1, 0, 30], 80));
    let stop = AtomicBool::new(false);
    let looked = thread::scope(|scope| {
        let watcher = scope.spawn(|| {
            let mut client = ns.enter(Client::new).expect("IPVS is there");
            let mut looked = 0;
            while !stop.load(Ordering::Relaxed) {
                let all = client.services().expect("a list").len();
                assert_eq!(all, 60, "a service is missing");
                let servers = client.destinations(&key).expect("a list").len();
                assert_eq!(servers, 3, "a server is missing");
                looked += 1;
            }
            looked
        });
        let statuses: Vec<_> =
            (1..=10).map(|round| restore(&ns, &tables[round % 2], NO_MORE).code()).collect();
        stop.store(true, Ordering::Relaxed);
        assert_eq!(statuses, [Some(0); 10]);
        watcher.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    });
    println!("looked {looked} times");
    assert!(looked > 10, "looked only {looked} times");
}

fn a_wrong_word_is_told_before_anything_is_read() {
    let ns = Netns::new();
    load(&ns, TABLE);
    let before = saved(&ns);
    for words in [
        &["--nonsense"][..],
        &["--wait"],
        &["--wait", "soon"],
        &["--netns"],
        &["--atomic=1"],
        &["--atomic", "--clear"],
    ] {
        // Its standard input stays open.
        let mut child = ns
            .enter(|| {
                let mut command = Command::new(restore_program());
                command.args(words).stdin(Stdio::piped()).stderr(Stdio::null()).spawn()
            })
            .expect("it starts");
        let input = child.stdin.take();
        let status = child.wait().expect("it ends");
        assert_eq!(status.code(), Some(2), "{words:?}");
        drop(input);
        assert_eq!(saved(&ns), before);
    }
    // The reference minds no word.
    restore(&ns, TABLE, ["-n", "words"]).success();
    let help = restore(&ns, "", ["--help"]).success();
    assert!(help.stdout.contains("\nUsage: ipvsadm-restore "), "{}", help.stdout);
    assert_eq!(saved(&ns), before);
}

fn the_scripts_work_in_another_namespace() {
    let (here, there) = (Netns::new(), Netns::new());
    for words in [
        vec!["--netns".to_owned(), there.name().to_owned()],
        vec![format!("--netns={}", there.name())],
    ] {
        restore(&here, TABLE, &words).success();
        let save = here.command(script("ipvsadm-save")).arg("-n").args(&words).run().success();
        let mut lines: Vec<&str> = save.stdout.lines().collect();
        lines.sort_unstable();
        assert_eq!(lines.join("\n"), saved(&there));
        assert_eq!(saved(&here), "");
        there.ipvsadm(["-C"]).success();
    }
}
