//! Timeouts and sync daemons in an applied file.

use super::{NO_OPTIONS, apply, assert_ended, load, restore, saved, script};
use crate::harness::KernelTest;
use crate::netns::Netns;

pub(crate) fn tests() -> Vec<KernelTest> {
    crate::tests![
        only_settings_that_differ_are_changed,
        a_daemon_is_not_restarted_for_values_the_kernel_adjusted,
        a_refused_setting_undoes_everything,
        a_dry_run_shows_the_settings_that_differ,
        the_summary_names_timeouts_and_daemons,
        an_atomic_restore_undoes_the_table_when_a_setting_is_refused,
        a_whole_state_can_be_restored_over_itself,
        a_plan_swaps_daemons_and_servers_of_another_family,
    ]
}

const BACKUP: &str = "--start-daemon backup --mcast-interface lo --syncid 7\n";

fn timeouts(ns: &Netns) -> String {
    ns.reference(["-L", "--timeout"]).success().stdout
}

/// The daemons and the inodes of their sockets, which change when a daemon is restarted.
fn daemons(ns: &Netns) -> (String, Vec<String>) {
    let tables = ["udp", "udp6"].map(|name| {
        let path = format!("/proc/thread-self/net/{name}");
        ns.enter(|| std::fs::read_to_string(path)).expect("/proc is mounted")
    });
    // The tenth column is the inode.
    let sockets = tables.iter().flat_map(|table| table.lines().skip(1)).map(|line| {
        line.split_whitespace().nth(9).unwrap_or_else(|| panic!("no inode: {line}")).to_owned()
    });
    let mut sockets: Vec<String> = sockets.collect();
    sockets.sort_unstable();
    (ns.reference(["-L", "--daemon"]).success().stdout, sockets)
}

fn only_settings_that_differ_are_changed() {
    let ns = Netns::new();
    let rules = format!("-A -f 1 -s rr\n--set 100 0 30\n{BACKUP}");
    apply(&ns, &rules, NO_OPTIONS).success();
    assert!(timeouts(&ns).contains("100 120 30"), "{}", timeouts(&ns));
    let first = daemons(&ns);
    assert!(first.0.contains("backup sync daemon (mcast=lo, syncid=7"), "{}", first.0);
    assert!(!first.1.is_empty(), "the daemon's socket was not found");

    apply(&ns, &rules, NO_OPTIONS).success();
    assert_eq!(daemons(&ns), first, "the daemon was restarted");
    // Settings that the file does not mention stay.
    apply(&ns, "-A -f 1 -s rr\n", NO_OPTIONS).success();
    assert_eq!(daemons(&ns), first, "the daemon was changed");
    assert!(timeouts(&ns).contains("100 120 30"), "{}", timeouts(&ns));
    apply(&ns, &rules.replace("syncid 7", "syncid 8").replace("100", "90"), NO_OPTIONS).success();
    let second = daemons(&ns);
    assert!(second.0.contains("backup sync daemon (mcast=lo, syncid=8"), "{}", second.0);
    assert!(timeouts(&ns).contains("90 120 30"), "{}", timeouts(&ns));
    apply(&ns, "--stop-daemon backup\n", NO_OPTIONS).success();
    assert_eq!(daemons(&ns), (String::new(), Vec::new()));
    assert_eq!(saved(&ns), "");
    apply(&ns, "--stop-daemon backup\n", NO_OPTIONS).success();
}

/// The kernel has its own bounds for the length of a message.
fn a_daemon_is_not_restarted_for_values_the_kernel_adjusted() {
    let ns = Netns::new();
    ns.ip("link add d0 type dummy\nlink set d0 multicast on\nlink set d0 up\n\
           address add fd09::1/64 dev d0 nodad");
    let longest = "--mcast-interface d0 --mcast-group ff02::81 --sync-maxlen 65507";
    for (role, options, kept) in [
        ("backup", "--mcast-interface lo --sync-maxlen 500", "maxlen=1024"),
        ("backup", longest, "maxlen=65487"),
        ("master", longest, "maxlen=65487"),
    ] {
        let rules = format!("--start-daemon {role} {options}\n");
        apply(&ns, &rules, NO_OPTIONS).success();
        let first = daemons(&ns);
        assert!(first.0.contains(kept), "{}", first.0);
        apply(&ns, &rules, NO_OPTIONS).success();
        assert_eq!(daemons(&ns), first, "the daemon was restarted");
        apply(&ns, &format!("--stop-daemon {role}\n"), NO_OPTIONS).success();
    }
}

fn a_refused_setting_undoes_everything() {
    let ns = Netns::new();
    load(&ns, &format!("-A -f 1 -s rr\n-a -f 1 -r 10.9.0.1 -m -w 3\n--set 100 20 30\n{BACKUP}"));
    let before = (saved(&ns), timeouts(&ns), daemons(&ns).0);
    let rules = format!(
        "-A -f 2 -s lc\n-A -f 1 -s wlc\n-a -f 1 -r 10.9.0.2 -m\n--set 1 2 3\n{}\
         --start-daemon master --mcast-interface none\n",
        BACKUP.replace('7', "9")
    );
    let ran = apply(&ns, &rules, NO_OPTIONS);
    let errors = "line 6: No such device\nNothing was changed: the previous state is restored.";
    assert_ended(&ran, 255, errors);
    assert_eq!((saved(&ns), timeouts(&ns), daemons(&ns).0), before);
}

fn a_dry_run_shows_the_settings_that_differ() {
    let ns = Netns::new();
    load(&ns, &format!("--set 100 20 30\n{BACKUP}"));
    let dry = |rules: &str| {
        let ran = apply(&ns, rules, ["--dry-run"]);
        assert_eq!(ran.stderr, "");
        (ran.code(), ran.stdout)
    };
    assert_eq!(dry(&format!("--set 100 20 30\n{BACKUP}")), (Some(0), String::new()));
    let other = BACKUP.replace('7', "9");
    let rules = format!("-A -f 1 -s rr\n--set 100 20 31\n{other}");
    let shown = format!("-A -f 1 -s rr\n--set 100 20 31\n--stop-daemon backup\n{other}");
    assert_eq!(dry(&rules), (Some(1), shown.clone()));
    // Carrying out these rules leaves nothing to do.
    load(&ns, &shown);
    assert_eq!(dry(&rules), (Some(0), String::new()));
}

fn the_summary_names_timeouts_and_daemons() {
    let ns = Netns::new();
    let rules = format!("-A -f 1 -s rr\n--set 100 20 30\n{BACKUP}");
    for (rules, summary) in [
        (rules.clone(), "1 service added, timeouts changed, 1 sync daemon started"),
        (rules.clone(), "1 service unchanged"),
        (rules.replace("100", "90"), "timeouts changed"),
        (rules.replace("100", "90").replace('7', "8"), "1 sync daemon restarted"),
        ("-A -f 1 -s rr\n--stop-daemon backup\n".to_owned(), "1 sync daemon stopped"),
    ] {
        assert_ended(&apply(&ns, &rules, NO_OPTIONS), 0, summary);
    }
}

fn an_atomic_restore_undoes_the_table_when_a_setting_is_refused() {
    let ns = Netns::new();
    load(&ns, &format!("-A -f 1 -s rr\n-a -f 1 -r 10.9.0.1 -m -w 3\n--set 100 20 30\n{BACKUP}"));
    let before = (saved(&ns), timeouts(&ns), daemons(&ns).0);
    for refused in [
        "--start-daemon master --mcast-interface none\n",
        "--start-daemon backup --mcast-interface none\n",
    ] {
        let rules = format!("-A -f 2 -s lc\n--set 1 2 3\n--stop-daemon master\n{refused}");
        let ran = restore(&ns, &rules, ["--atomic"]);
        assert_eq!(ran.code(), Some(255), "{refused}{}", ran.stderr);
        assert!(ran.stderr.starts_with("line 4: "), "{}", ran.stderr);
        assert!(ran.stderr.ends_with("the previous state is restored.\n"), "{}", ran.stderr);
        assert_eq!((saved(&ns), timeouts(&ns), daemons(&ns).0), before, "{refused}");
        // Without --atomic the other lines are carried out, and the old daemon runs again.
        let ran = restore(&ns, &rules, NO_OPTIONS);
        assert_eq!(ran.code(), Some(255), "{refused}{}", ran.stderr);
        assert_eq!(saved(&ns), "-A -f 2 -s lc", "{refused}");
        assert_eq!(daemons(&ns).0, before.2, "{refused}");
        restore(&ns, "-A -f 1 -s rr\n-a -f 1 -r 10.9.0.1 -m -w 3\n--set 100 20 30\n", NO_OPTIONS)
            .success();
    }
}

/// By every command that restores, over the same table and over an empty one.
fn a_whole_state_can_be_restored_over_itself() {
    let rules = format!("-A -f 1 -s rr\n-a -f 1 -r 10.9.0.1 -m -w 3\n--set 100 20 30\n{BACKUP}");
    let ns = Netns::new();
    load(&ns, &rules);
    let whole = ns.ipvsadm(["-S", "-n", "--all"]).success().stdout;
    let json = ns.ipvsadm(["-S", "--all", "--json"]).success().stdout;
    let before = (saved(&ns), timeouts(&ns), daemons(&ns));
    for options in [&[][..], &["--atomic"], &["--clear"]] {
        for input in [&whole, &json] {
            if options == ["--clear"] && input == &json {
                continue;
            }
            let dry = restore(&ns, input, [options, &["--dry-run"]].concat());
            let expected = if options == ["--clear"] { Some(1) } else { Some(0) };
            assert_eq!(dry.code(), expected, "{options:?}: {}{}", dry.stdout, dry.stderr);
            assert!(!dry.stdout.contains("daemon"), "{}", dry.stdout);
            restore(&ns, input, options).success();
            assert_eq!((saved(&ns), timeouts(&ns), daemons(&ns)), before, "{options:?}");
            let empty = Netns::new();
            restore(&empty, input, options).success();
            let restored = (saved(&empty), timeouts(&empty), daemons(&empty).0);
            assert_eq!(restored, (before.0.clone(), before.1.clone(), before.2.0.clone()));
        }
    }
    for input in [&whole, &json] {
        apply(&ns, input, NO_OPTIONS).success();
        assert_eq!((saved(&ns), timeouts(&ns), daemons(&ns)), before);
    }
    // A daemon with another configuration is replaced.
    for options in [&[][..], &["--clear"]] {
        let other = whole.replace("--syncid 7", "--syncid 9");
        restore(&ns, &other, options).success();
        assert!(daemons(&ns).0.contains("syncid=9"), "{}", daemons(&ns).0);
        restore(&ns, &whole, options).success();
        assert_eq!(daemons(&ns).0, before.2.0);
    }
    // `-R` carries out the line as it is.
    let ran = ns.command(script("ipvsadm")).arg("-R").stdin(BACKUP).run();
    assert_ended(&ran, 255, "line 1: Daemon has already run");
}

/// The kernel allows either sync daemons or servers of another family than their service's.
fn a_plan_swaps_daemons_and_servers_of_another_family() {
    let ns = Netns::new();
    let mixed = "-A -t 10.0.0.1:80 -s rr\n-a -t 10.0.0.1:80 -r [fd09::1]:80 -i -w 1\n";
    let plain = format!("-A -t 10.0.0.1:80 -s rr\n{BACKUP}");
    for _ in 0..2 {
        apply(&ns, &plain, NO_OPTIONS).success();
        apply(&ns, &format!("{mixed}--stop-daemon backup\n"), NO_OPTIONS).success();
        assert_eq!(daemons(&ns).0, "");
    }
    apply(&ns, &plain, NO_OPTIONS).success();
    assert!(daemons(&ns).0.contains("backup"), "{}", daemons(&ns).0);
}
