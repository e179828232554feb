//! Changing a live table on the real kernel: all or nothing, without losing a connection.
//!
//! Sizes are small by default, as user-mode Linux is slow. `IPVS_LIVE=full`, or `make live`, has
//! them as large as the promise is.

mod apply;
mod counted;
mod dry_run;
mod interrupted;
mod lock;
mod namespaces;
mod random;
mod restore;
mod save;
mod settings;
mod tables;
mod traffic;
mod whole;

use std::ffi::OsStr;
use std::path::PathBuf;
use std::time::Duration;
use std::{env, fs, os::unix::fs::symlink};

use ipvs::{Client, Table};

use crate::harness::KernelTest;
use crate::netns::{Netns, Ran};
use crate::program;

pub(crate) fn tests() -> Vec<KernelTest> {
    [
        traffic::tests(),
        interrupted::tests(),
        random::tests(),
        counted::tests(),
        restore::tests(),
        lock::tests(),
        apply::tests(),
        dry_run::tests(),
        save::tests(),
        settings::tests(),
        namespaces::tests(),
        whole::tests(),
    ]
    .into_iter()
    .flatten()
    .map(|test| if full() { test.within(Duration::from_secs(1800)) } else { test })
    .collect()
}

/// Set to `full`, has the tests run at full size.
pub(crate) const SIZE: &str = "IPVS_LIVE";

/// The first by default, the second at full size.
fn size<T>(small: T, large: T) -> T {
    if full() { large } else { small }
}

fn full() -> bool {
    env::var_os(SIZE).is_some_and(|size| size == "full")
}

/// What the kernel holds.
fn table(ns: &Netns) -> Table {
    ns.enter(|| Client::new()?.table()).expect("the table can be read")
}

/// What the kernel holds, as the reference saves it, sorted by line.
fn saved(ns: &Netns) -> String {
    let text = ns.reference(["-S", "-n"]).success().stdout;
    let mut lines: Vec<&str> = text.lines().collect();
    lines.sort_unstable();
    lines.join("\n")
}

/// Loads rules with our `-R`, all of which must be good.
fn load(ns: &Netns, rules: &str) {
    let ran = ns.command(program::ipvsadm()).arg("-R").stdin(rules).run().success();
    assert_eq!(ran.stderr, "", "a rule was refused");
}

/// Runs `ipvsadm --apply` with more arguments on standard input.
fn apply<S: AsRef<OsStr>>(ns: &Netns, rules: &str, more: impl IntoIterator<Item = S>) -> Ran {
    ns.command(program::ipvsadm()).arg("--apply").args(more).stdin(rules).run()
}

/// Runs `ipvsadm-restore`, ours.
fn restore<S: AsRef<OsStr>>(ns: &Netns, rules: &str, more: impl IntoIterator<Item = S>) -> Ran {
    ns.command(restore_program()).args(more).stdin(rules).run()
}

/// The reference's `ipvsadm-restore`.
const REFERENCE_RESTORE: &str = "/usr/sbin/ipvsadm-restore";

/// Our program under its other names.
fn restore_program() -> PathBuf {
    script("ipvsadm-restore")
}

fn script(name: &str) -> PathBuf {
    // Each test is a process, and all share this folder.
    let folder = PathBuf::from("/tmp/live-bin");
    let path = folder.join(name);
    if !path.exists() {
        fs::create_dir_all(&folder).expect("/tmp is ours");
        symlink(program::ipvsadm(), &path).expect("/tmp is ours");
    }
    path
}

/// Writes a file, and returns its path.
fn file(name: &str, text: &str) -> PathBuf {
    let path = PathBuf::from("/tmp").join(name);
    fs::write(&path, text).expect("/tmp is ours");
    path
}

/// It ended with this status, and said this on standard error.
#[track_caller]
fn assert_ended(ran: &Ran, status: i32, errors: &str) {
    assert_eq!(
        (ran.code(), ran.stderr.trim_end()),
        (Some(status), errors.trim_end()),
        "{}\n{}",
        ran.command,
        ran.stdout
    );
}
