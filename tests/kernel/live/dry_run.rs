//! `--dry-run` with every command that writes: it shows the changes and makes none.

use super::{load, restore, saved};
use crate::harness::KernelTest;
use crate::netns::{Netns, Ran};
use crate::program;

pub(crate) fn tests() -> Vec<KernelTest> {
    crate::tests![
        a_dry_run_of_any_command_shows_the_change_and_makes_none,
        a_dry_run_of_rules_shows_the_effect_of_each_line,
        a_dry_run_of_restore_shows_the_difference,
    ]
}

const TABLE: &str = "\
-A -t 10.0.0.1:80 -s wrr
-a -t 10.0.0.1:80 -r 10.9.0.1:80 -m -w 5
-A -f 9 -s rr -p 60
";

/// A namespace with [`TABLE`], a sync daemon, and timeouts.
fn loaded() -> Netns {
    let ns = Netns::new();
    load(
        &ns,
        &format!("{TABLE}--start-daemon backup --mcast-interface lo --syncid 3\n--set 100 20 30\n"),
    );
    ns
}

/// The table, the timeouts and the sync daemons.
fn everything(ns: &Netns) -> String {
    let list = |option: &str| ns.reference(["-L", option]).success().stdout;
    [saved(ns), list("--timeout"), list("--daemon")].concat()
}

#[track_caller]
fn assert_shown(ran: &Ran, status: i32, shown: &str, errors: &str) {
    let shown = shown.trim().lines().map(|line| format!("{line}\n")).collect::<String>();
    assert_eq!(
        (ran.code(), ran.stdout.as_str(), ran.stderr.trim_end()),
        (Some(status), shown.as_str(), errors),
        "{}",
        ran.command
    );
}

fn a_dry_run_of_any_command_shows_the_change_and_makes_none() {
    let ns = loaded();
    let before = everything(&ns);
    for (command, status, shown, errors) in [
        ("-A -t 10.0.0.2:80 -s rr", 1, "-A -t 10.0.0.2:80 -s rr", ""),
        ("-A -t 10.0.0.1:80", 255, "", "Service already exists"),
        ("-E -t 10.0.0.1:80 -s rr", 1, "-E -t 10.0.0.1:80 -s rr", ""),
        ("-E -t 10.0.0.1:80 -s wrr", 0, "", ""),
        ("-E -t 10.0.0.2:80 -s wrr", 255, "", "No such service"),
        ("-D -f 9", 1, "-D -f 9", ""),
        ("-D -f 8", 255, "", "No such service"),
        ("-a -t 10.0.0.1:80 -r 10.9.0.2 -m", 1, "-a -t 10.0.0.1:80 -r 10.9.0.2:80 -m -w 1", ""),
        ("-a -t 10.0.0.1:80 -r 10.9.0.1 -m", 255, "", "Destination already exists"),
        ("-a -t 10.0.0.2:80 -r 10.9.0.1 -m", 255, "", "Service not defined"),
        (
            "-e -t 10.0.0.1:80 -r 10.9.0.1 -m -w 6",
            1,
            "-e -t 10.0.0.1:80 -r 10.9.0.1:80 -m -w 6",
            "",
        ),
        ("-e -t 10.0.0.1:80 -r 10.9.0.1 -m -w 5", 0, "", ""),
        ("-e -t 10.0.0.1:80 -r 10.9.0.3 -m", 255, "", "No such destination"),
        ("-d -t 10.0.0.1:80 -r 10.9.0.1", 1, "-d -t 10.0.0.1:80 -r 10.9.0.1:80", ""),
        ("-d -t 10.0.0.1:80 -r 10.9.0.3", 255, "", "No such destination"),
        ("-C", 1, "-C", ""),
        ("-Z", 1, "-Z", ""),
        ("-Z -f 9", 1, "-Z -f 9", ""),
        ("-Z -f 8", 255, "", "No such service"),
        ("--set 100 20 31", 1, "--set 100 20 31", ""),
        ("--set 100 0 30", 0, "", ""),
        ("--start-daemon backup --mcast-interface lo", 255, "", "Daemon has already run"),
        ("--stop-daemon backup", 1, "--stop-daemon backup", ""),
        ("--stop-daemon master", 255, "", "No daemon is running"),
        (
            "--start-daemon master --mcast-interface lo --syncid 7",
            1,
            "--start-daemon master --mcast-interface lo --syncid 7",
            "",
        ),
    ] {
        let ran = ns.ipvsadm(command.split(' ').chain(["--dry-run"]));
        assert_shown(&ran, status, shown, errors);
        assert_eq!(everything(&ns), before, "{command}");
        if status == 255 {
            // The kernel refuses the command itself with the same message.
            let ran = ns.ipvsadm(command.split(' '));
            assert_shown(&ran, status, shown, errors);
        }
    }
    let ran = ns.ipvsadm(["-A", "-t", "nonsense", "--dry-run"]);
    assert_eq!((ran.code(), ran.stdout.as_str()), (Some(2), ""));
    let empty = Netns::new();
    assert_shown(&empty.ipvsadm(["-C", "--dry-run"]), 0, "", "");
}

fn a_dry_run_of_rules_shows_the_effect_of_each_line() {
    let ns = loaded();
    let before = everything(&ns);
    let run =
        |rules: &str| ns.command(program::ipvsadm()).args(["-R", "--dry-run"]).stdin(rules).run();
    // Each line builds on those before it.
    let rules = "\
-A -t 10.0.0.2:80 -s rr
-a -t 10.0.0.2:80 -r 10.9.0.2:80 -g -w 1
-D -t 10.0.0.1:80
--stop-daemon backup
--start-daemon backup --mcast-interface lo --syncid 4
--set 1 2 3
";
    assert_shown(&run(rules), 1, rules, "");
    assert_shown(
        &run("-D -t 10.0.0.1:80\n-d -t 10.0.0.1:80 -r 10.9.0.1:80\n"),
        255,
        "-D -t 10.0.0.1:80",
        "line 2: Service not defined",
    );
    assert_shown(&run("-E -f 9 -s rr -p 60\n--set 100 20 30\n"), 0, "", "");
    let ran = run("-C\n-A -t nonsense\n-A -f 1\n");
    assert_eq!((ran.code(), ran.stdout.as_str()), (Some(2), "-C\n"), "{}", ran.stderr);
    assert!(ran.stderr.starts_with("line 2: "), "{}", ran.stderr);
    assert_eq!(everything(&ns), before);
}

fn a_dry_run_of_restore_shows_the_difference() {
    let ns = loaded();
    let before = everything(&ns);
    for options in [&["--dry-run"][..], &["--atomic", "--dry-run"]] {
        assert_shown(&restore(&ns, TABLE, options), 0, "", "");
        let rules = TABLE.replace("-w 5", "-w 4");
        let shown = "-e -t 10.0.0.1:80 -r 10.9.0.1:80 -m -w 4";
        assert_shown(&restore(&ns, &rules, options), 1, shown, "");
        let rules = format!("{TABLE}--set 100 20 33\n");
        assert_shown(&restore(&ns, &rules, options), 1, "--set 100 20 33", "");
        assert_eq!(everything(&ns), before);
    }
    // If the kernel would refuse a line, the others are shown.
    let rules = format!("{}-A -f 9\n", TABLE.replace("-w 5", "-w 4"));
    let shown = "-e -t 10.0.0.1:80 -r 10.9.0.1:80 -m -w 4";
    let ran = restore(&ns, &rules, ["--dry-run"]);
    assert_shown(&ran, 255, shown, "line 4: Service already exists");
    let ran = restore(&ns, &rules, ["--dry-run", "--atomic"]);
    assert_shown(&ran, 255, "", "line 4: Service already exists");
    let ran = restore(&ns, TABLE, ["--clear", "--dry-run"]);
    assert_shown(&ran, 1, &format!("-C\n{TABLE}"), "");
    assert_eq!(everything(&ns), before);
}
