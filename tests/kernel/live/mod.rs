//! Changes to a live table on a real kernel: all or nothing, without losing a connection.
//!
//! Sizes are small by default, because user-mode Linux is slow. `IPVS_LIVE=full`, which `make live`
//! sets, runs the tests at the sizes that the documentation promises.

mod apply;
mod counted;
mod dry_run;
pub(crate) mod interrupted;
mod kernel_settings;
mod lock;
mod namespaces;
mod random;
mod restore;
mod save;
mod settings;
mod tables;
pub(crate) mod traffic;
mod whole;

use std::ffi::OsStr;
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::time::Duration;
use std::{env, fs};

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
        kernel_settings::tests(),
        namespaces::tests(),
        whole::tests(),
    ]
    .into_iter()
    .flatten()
    .map(|test| if full() { test.within(Duration::from_secs(1800)) } else { test })
    .collect()
}

/// The variable that makes the tests run at full size if it is `full`.
pub(crate) const SIZE: &str = "IPVS_LIVE";

/// `small` by default, `large` at full size.
pub(crate) fn size<T>(small: T, large: T) -> T {
    if full() { large } else { small }
}

fn full() -> bool {
    env::var_os(SIZE).is_some_and(|size| size == "full")
}

/// The kernel's table.
fn table(ns: &Netns) -> Table {
    ns.enter(|| Client::new()?.table()).expect("the table can be read")
}

/// The kernel's table as rules, saved by the reference and sorted.
fn saved(ns: &Netns) -> String {
    let text = ns.reference(["-S", "-n"]).success().stdout;
    let mut lines: Vec<&str> = text.lines().collect();
    lines.sort_unstable();
    lines.join("\n")
}

/// Loads rules with our `-R`, which must accept them all.
fn load(ns: &Netns, rules: &str) {
    let ran = ns.command(program::ipvsadm()).arg("-R").stdin(rules).run().success();
    assert_eq!(ran.stderr, "", "a rule was refused");
}

/// Runs `ipvsadm --apply` with these options and the rules on standard input.
fn apply<S: AsRef<OsStr>>(ns: &Netns, rules: &str, options: impl IntoIterator<Item = S>) -> Ran {
    ns.command(program::ipvsadm()).arg("--apply").args(options).stdin(rules).run()
}

/// Runs our `ipvsadm-restore` with these options and the rules on standard input.
fn restore<S: AsRef<OsStr>>(ns: &Netns, rules: &str, options: impl IntoIterator<Item = S>) -> Ran {
    ns.command(restore_program()).args(options).stdin(rules).run()
}

/// No options for [`apply`] and [`restore`].
const NO_OPTIONS: [&str; 0] = [];

/// The reference's `ipvsadm-restore`.
const REFERENCE_RESTORE: &str = "/usr/sbin/ipvsadm-restore";

/// Our `ipvsadm-restore`.
fn restore_program() -> PathBuf {
    script("ipvsadm-restore")
}

/// Our program under another name.
fn script(name: &str) -> PathBuf {
    // Every test runs in its own process, and they share this folder.
    let folder = PathBuf::from("/tmp/live-bin");
    let path = folder.join(name);
    if !path.exists() {
        fs::create_dir_all(&folder).expect("/tmp is writable");
        symlink(program::ipvsadm(), &path).expect("/tmp is writable");
    }
    path
}

/// Writes a file, and returns its path.
fn file(name: &str, text: &str) -> PathBuf {
    let path = PathBuf::from("/tmp").join(name);
    fs::write(&path, text).expect("/tmp is writable");
    path
}

/// Asserts the exit status and the whole of standard error.
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
