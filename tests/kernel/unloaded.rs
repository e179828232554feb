//! A kernel without IPVS: its module unloaded, or hidden where it may be in use.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread::sleep;
use std::time::Duration;

use crate::netns::{Netns, Ran};
use crate::preload;

/// While this is there, programs find no IPVS and cannot load it.
///
/// In user-mode Linux the module is unloaded. A machine's own kernel may be balancing something:
/// its module stays where it is, and the programs are kept from seeing it.
pub(crate) struct Unloaded {
    helper: Option<Helper>,
    hider: PathBuf,
}

impl Unloaded {
    pub(crate) fn new() -> Unloaded {
        let processor = fs::read_to_string("/proc/cpuinfo").expect("the processor");
        let is_ours = processor.contains("User Mode Linux");
        let helper = is_ours.then(Helper::without);
        let hider = match is_ours {
            true => {
                unload();
                PathBuf::new()
            }
            false => preload::build("no-ipvs", include_str!("no-ipvs.c")),
        };
        Unloaded { helper, hider }
    }

    /// Runs a program that finds no IPVS.
    pub(crate) fn run(&self, ns: &Netns, program: &Path, arguments: &[&str]) -> Ran {
        let command = match self.helper {
            Some(_) => ns.command(program),
            None => {
                let without_proc = "mount -t tmpfs none /proc && exec env LD_PRELOAD=\"$0\" \"$@\"";
                let command = ns.command("unshare").args(["--mount", "sh", "-c", without_proc]);
                command.arg(&self.hider).arg(program)
            }
        };
        // modprobe looks where there is nothing.
        let ran = command.args(arguments).env("MODPROBE_OPTIONS", "-d /nonexistent").run();
        if self.helper.is_some() {
            let modules = fs::read_to_string("/proc/modules").expect("the modules");
            assert!(!modules.contains("ip_vs "), "{}: {modules}", ran.command);
        }
        ran
    }
}

/// The program the kernel runs to load a module, set back when dropped.
struct Helper(String);

const HELPER: &str = "/proc/sys/kernel/modprobe";

impl Helper {
    fn without() -> Helper {
        let before = fs::read_to_string(HELPER).expect("the kernel's helper");
        fs::write(HELPER, "/bin/false").expect("another helper");
        Helper(before)
    }
}

impl Drop for Helper {
    fn drop(&mut self) {
        let _ = fs::write(HELPER, self.0.trim());
    }
}

/// Unloads IPVS, once the kernel has cleared the tables of earlier tests.
fn unload() {
    let mut attempts = 0..100;
    loop {
        let unloaded = Command::new("rmmod").args(modules()).output().expect("rmmod");
        if unloaded.status.success() {
            return;
        }
        assert!(attempts.next().is_some(), "{unloaded:?}");
        sleep(Duration::from_millis(100));
    }
}

/// IPVS and the modules that use it, these first.
fn modules() -> Vec<String> {
    let modules = fs::read_to_string("/proc/modules").expect("the modules");
    let names = modules.lines().filter_map(|line| line.split(' ').next());
    let mut names: Vec<_> =
        names.filter(|name| name.starts_with("ip_vs")).map(str::to_owned).collect();
    names.sort_by_key(|name| name == "ip_vs");
    names
}
