//! `--apply` and `ipvsadm-restore` when killed, interrupted, or overtaken by another program.

use std::ffi::OsString;
use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};

use super::tables::{described, large};
use super::{NO_OPTIONS, apply, assert_ended, load, restore_program, saved, size, table};
use crate::harness::KernelTest;
use crate::netns::{Netns, Ran};
use crate::{preload, program};

pub(crate) fn tests() -> Vec<KernelTest> {
    crate::tests![
        apply_repairs_the_table_after_a_kill_before_any_datagram,
        an_overtaken_plan_is_made_again,
        a_plan_overtaken_three_times_is_undone,
        a_signal_undoes_the_changes_and_ends_the_program,
        a_second_signal_ends_the_program_at_once,
        an_ignored_signal_stays_ignored,
    ]
}

/// Two tables that share half of their services and servers, all of which are edited.
fn pair() -> [String; 2] {
    let services = size(400, 1000);
    let rules = large(services, 4, |_| 1);
    let other = large(services, 4, |number| 2 + number % 2).replace("wrr", "wlc");
    let keep = |rules: &str, part: usize| -> String {
        let of_part = |line: &&str| {
            let address = line.split_whitespace().nth(2).unwrap_or_default();
            address.bytes().map(usize::from).sum::<usize>() % 3 != part
        };
        rules.lines().filter(of_part).flat_map(|line| [line, "\n"]).collect()
    };
    [keep(&rules, 0), keep(&other, 1)]
}

/// Builds the library to preload for [`apply_between`].
pub(crate) fn library() -> PathBuf {
    preload::build("between", include_str!("between.c"))
}

/// Runs `ipvsadm --apply`, and the command `then` before each datagram after the first `datagrams`.
fn apply_between(ns: &Netns, library: &Path, rules: &str, datagrams: usize, then: &str) -> Ran {
    let apply = [program::ipvsadm().into_os_string(), "--apply".into()];
    run_between(ns, library, &apply, rules, datagrams, then)
}

/// Like [`apply_between`], with any command.
pub(crate) fn run_between(
    ns: &Netns,
    library: &Path,
    command: &[OsString],
    rules: &str,
    datagrams: usize,
    then: &str,
) -> Ran {
    ns.command(&command[0])
        .args(&command[1..])
        .stdin(rules)
        .env("LD_PRELOAD", library)
        .env("DATAGRAMS", datagrams.to_string())
        .env("THEN", then)
        .run()
}

/// The kernel finishes a datagram before it handles a signal, so there are no other moments.
fn apply_repairs_the_table_after_a_kill_before_any_datagram() {
    let library = library();
    let [before, after] = pair();
    let tables = [&before, &after].map(|rules| described(rules));
    for datagrams in 0.. {
        let ns = Netns::new();
        load(&ns, &before);
        let ran = apply_between(&ns, &library, &after, datagrams, "kill -KILL $PPID");
        if ran.status.signal().is_none() {
            ran.success();
            assert_eq!(table(&ns), tables[1]);
            println!("{datagrams} datagrams");
            assert!(datagrams > 3, "too few datagrams to be killed between");
            break;
        }
        let halfway = !tables.contains(&table(&ns));
        assert_eq!(halfway, datagrams > 0, "killed before datagram {datagrams}");
        let ran = apply(&ns, &after, NO_OPTIONS).success();
        assert_eq!(table(&ns), tables[1], "{}", ran.stderr);
    }
}

fn an_overtaken_plan_is_made_again() {
    let library = library();
    let ours = program::ipvsadm();
    let rules = "-A -f 1 -s rr\n-a -f 1 -r 10.9.0.1 -m -w 3\n-A -f 2 -s rr\n";
    for (before, meanwhile) in [
        ("", "-A -f 1 -s lc"),
        ("-A -f 1 -s lc\n", "-D -f 1"),
        ("-A -f 1 -s rr\n", "-a -f 1 -r 10.9.0.1 -m"),
        ("-A -f 1 -s rr\n-a -f 1 -r 10.9.0.1 -m\n", "-d -f 1 -r 10.9.0.1"),
        ("-A -f 1 -s rr\n-a -f 1 -r 10.9.0.2 -m\n", "-d -f 1 -r 10.9.0.2"),
        ("-A -f 3 -s rr\n", "-D -f 3"),
    ] {
        let ns = Netns::new();
        load(&ns, before);
        let other = format!("{} {meanwhile}", ours.display());
        let ran = apply_between(&ns, &library, rules, 0, &other).success();
        assert_eq!(table(&ns), described(rules), "{meanwhile}: {}", ran.stderr);
    }
}

fn a_plan_overtaken_three_times_is_undone() {
    let ns = Netns::new();
    let ours = program::ipvsadm();
    let toggle = format!("{0} -A -f 1 -s lc 2>&- || {0} -D -f 1", ours.display());
    let ran = apply_between(&ns, &library(), "-A -f 1 -s rr\n", 0, &toggle);
    assert_ended(
        &ran,
        255,
        "line 1: Service already exists\nNothing was changed: the previous state is restored.",
    );
    assert_eq!(saved(&ns), "-A -f 1 -s lc");
}

/// A shell command that sends a signal to its parent, once.
fn once(signal: &str) -> String {
    let _ = fs::remove_file("/tmp/signalled");
    format!("[ -e /tmp/signalled ] || {{ : > /tmp/signalled; kill -{signal} $PPID; }}")
}

/// Interrupts each command before each of its datagrams in turn.
fn a_signal_undoes_the_changes_and_ends_the_program() {
    let library = library();
    let [before, after] = pair();
    let settings = "--set 100 20 30\n--start-daemon backup --mcast-interface lo --syncid 7\n";
    let after = format!("{after}{settings}");
    let command_line = |program: PathBuf, options: &[&str]| -> Vec<OsString> {
        let options = options.iter().map(OsString::from);
        std::iter::once(program.into_os_string()).chain(options).collect()
    };
    for (command, signal, number) in [
        (command_line(program::ipvsadm(), &["--apply"]), "INT", 2),
        (command_line(restore_program(), &["--atomic"]), "TERM", 15),
        (command_line(restore_program(), &[]), "HUP", 1),
    ] {
        let mut interrupted = 0;
        for datagrams in 0.. {
            let ns = Netns::new();
            load(&ns, &before);
            let old = ns.enter(|| ipvs::Client::new()?.state()).expect("the state can be read");
            let ran = run_between(&ns, &library, &command, &after, datagrams, &once(signal));
            let new = ns.enter(|| ipvs::Client::new()?.state()).expect("the state can be read");
            if ran.status.success() {
                // No datagram is left to stop, or the signal arrived with the last one.
                assert_ne!(new, old);
                break;
            }
            assert_eq!(ran.status.signal(), Some(number), "{command:?}: {}", ran.stderr);
            let report = "Interrupted: nothing was changed, the previous state is restored.\n";
            assert_eq!(ran.stderr, report);
            assert_eq!(new, old, "after datagram {datagrams}");
            interrupted += 1;
        }
        assert!(interrupted > 2, "{command:?} was interrupted only {interrupted} times");
    }
    // A shell reports 128 plus the signal's number.
    let ns = Netns::new();
    load(&ns, &before);
    let script = format!("'{}' --apply; echo $?", program::ipvsadm().display());
    let shell: Vec<OsString> = vec!["bash".into(), "-c".into(), script.into()];
    let ran = run_between(&ns, &library, &shell, &after, 1, &once("TERM"));
    assert_eq!(ran.stdout.lines().last(), Some("143"), "{}", ran.stderr);
}

fn a_second_signal_ends_the_program_at_once() {
    let library = library();
    let [before, after] = pair();
    let ns = Netns::new();
    load(&ns, &before);
    // The second signal arrives when undoing begins.
    let ran = apply_between(&ns, &library, &after, 1, "kill -TERM $PPID");
    assert_eq!(ran.status.signal(), Some(15), "{}", ran.stderr);
    assert_eq!(ran.stderr, "");
    apply(&ns, &after, NO_OPTIONS).success();
    assert_eq!(table(&ns), described(&after));
}

fn an_ignored_signal_stays_ignored() {
    let library = library();
    let [before, after] = pair();
    let ns = Netns::new();
    load(&ns, &before);
    let script = format!("trap '' TERM; exec '{}' --apply", program::ipvsadm().display());
    let shell: Vec<OsString> = vec!["sh".into(), "-c".into(), script.into()];
    run_between(&ns, &library, &shell, &after, 0, "kill -TERM $PPID").success();
    assert_eq!(table(&ns), described(&after));
}
