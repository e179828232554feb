//! The command line as administrators type it: options in any order, names that mean the same,
//! messages that help, and statuses that tell what went wrong.

mod messages;
mod module;
mod order;
mod streams;
mod synonyms;

use crate::harness::KernelTest;
use crate::netns::{Netns, Ran};
use crate::program;

pub(crate) fn tests() -> Vec<KernelTest> {
    [messages::tests(), module::tests(), order::tests(), streams::tests(), synonyms::tests()]
        .into_iter()
        .flatten()
        .collect()
}

/// Rules that leave one service with one real server.
const TABLE: &str = "-A -t 10.0.0.1:80 -s rr\n-a -t 10.0.0.1:80 -r 10.1.0.1:80 -m -w 2\n";

/// The same with another weight.
const OTHER_WEIGHT: &str = "-A -t 10.0.0.1:80 -s rr\n-a -t 10.0.0.1:80 -r 10.1.0.1:80 -m -w 5\n";

/// A namespace with [`TABLE`].
fn loaded() -> Netns {
    let ns = Netns::new();
    ns.command(program::ipvsadm()).arg("-R").stdin(TABLE).run().success();
    ns
}

/// The table as the reference saves it.
fn saved(ns: &Netns) -> String {
    ns.reference(["-S", "-n"]).success().stdout
}

/// Runs a line of shell, in which `ipvsadm` and its other names are ours.
fn shell(ns: &Netns, line: &str) -> Ran {
    let functions = "\
        ipvsadm() { \"$OURS\" \"$@\"; }\n\
        ipvsadm_save() { bash -c 'exec -a ipvsadm-save \"$OURS\" \"$@\"' save \"$@\"; }\n\
        ipvsadm_restore() { bash -c 'exec -a ipvsadm-restore \"$OURS\" \"$@\"' restore \"$@\"; }\n";
    let line = line.replace("ipvsadm-save", "ipvsadm_save");
    let line = line.replace("ipvsadm-restore", "ipvsadm_restore");
    let script = format!("{functions}{line}");
    ns.command("bash").args(["-c", &script]).env("OURS", program::ipvsadm()).run()
}

/// The system's error numbers are for programs.
#[track_caller]
fn assert_plain(ran: &Ran) {
    assert!(!ran.stderr.contains("os error"), "{}: {}", ran.command, ran.stderr);
}
