//! `ipvsadm-save FILE`: the file is replaced as a whole, or stays as it was.

use super::{load, script};
use crate::harness::KernelTest;
use crate::netns::{Netns, Ran};
use crate::{preload, program};

pub(crate) fn tests() -> Vec<KernelTest> {
    crate::tests![
        a_saved_file_is_replaced_and_keeps_its_owner,
        a_full_disk_leaves_the_previous_file,
        a_directory_that_cannot_be_written_leaves_the_previous_file,
        pipes_and_standard_output_are_written_as_they_are,
        a_signal_leaves_the_previous_file,
    ]
}

/// More than 16 KiB of rules.
fn with_services() -> Netns {
    let ns = Netns::new();
    let rules: String = (1..=1000).map(|port| format!("-A -t 10.0.0.1:{port} -s rr\n")).collect();
    load(&ns, &rules);
    ns
}

/// Runs a script with a file system of its own, as large as `size` says, as its directory.
fn run(ns: &Netns, size: &str, commands: &str) -> Ran {
    let save = script("ipvsadm-save");
    let ipvsadm = program::ipvsadm();
    let commands = format!(
        "mount -t tmpfs -o size={size} tmpfs /mnt && cd /mnt || exit 99\n\
         SAVE={}\nsave() {{ $SAVE \"$@\"; }}\nipvsadm() {{ {} \"$@\"; }}\n{commands}",
        save.display(),
        ipvsadm.display()
    );
    ns.command("unshare").args(["-m", "sh", "-c", &commands]).run()
}

fn a_saved_file_is_replaced_and_keeps_its_owner() {
    let ns = with_services();
    let ran = run(
        &ns,
        "1m",
        "echo old >rules; chown 7:8 rules; chmod 640 rules; ln -s rules link
         ipvsadm -Sn >expected
         save -n link && cmp expected rules && stat -c '%u:%g %a' rules && stat -c %F link
         umask 027; save -n new && cmp expected new && stat -c %a new
         save -n - | cmp expected -; echo $?
         ls -A",
    );
    assert_eq!(
        ran.success().stdout,
        "7:8 640\nsymbolic link\n640\n0\nexpected\nlink\nnew\nrules\n"
    );
}

fn a_full_disk_leaves_the_previous_file() {
    let ns = with_services();
    let ran = run(&ns, "16k", "echo old >rules; save -n rules; echo $?; cat rules; ls -A");
    assert_eq!(ran.stderr, "cannot write rules: No space left on device\n");
    assert_eq!(ran.stdout, "5\nold\nrules\n");
}

fn a_directory_that_cannot_be_written_leaves_the_previous_file() {
    let ns = with_services();
    let ran = run(
        &ns,
        "1m",
        "echo old >rules; mount -o remount,ro /mnt; save rules; echo $?; cat rules; ls -A
         save nowhere/rules; echo $?",
    );
    assert_eq!(
        ran.stderr,
        "cannot write rules: Read-only file system\n\
         cannot write nowhere/rules: No such file or directory\n"
    );
    assert_eq!(ran.stdout, "5\nold\nrules\n5\n");
}

fn pipes_and_standard_output_are_written_as_they_are() {
    let ns = with_services();
    let ran = run(
        &ns,
        "1m",
        "ipvsadm -Sn >expected
         mkfifo pipe; cat pipe >read & save -n pipe; wait; cmp expected read; echo $?
         save -n /dev/stdout | cmp expected -; echo $?
         { echo before; save -n /dev/stdout; } >file; { echo before; cat expected; } | cmp - file
         save /dev/full; echo $?
         save -n /dev/null; ls -A; test -c /dev/null && test -p pipe; echo $?",
    );
    assert_eq!(ran.stderr, "cannot write /dev/full: No space left on device\n");
    assert_eq!(ran.stdout, "0\n0\n5\nexpected\nfile\npipe\nread\n0\n");
}

fn a_signal_leaves_the_previous_file() {
    let ns = with_services();
    let library = preload::build("terminated", include_str!("terminated.c"));
    let commands = format!(
        "echo old >rules; LD_PRELOAD={} $SAVE -n rules; echo $?; cat rules; ls -A
         save -n rules && head -1 rules",
        library.display()
    );
    let ran = run(&ns, "1m", &commands);
    assert_eq!(ran.stdout, "143\nold\nrules\n-A -t 10.0.0.1:1 -s rr\n", "{}", ran.stderr);
}
