//! User-mode Linux: a whole kernel with IPVS as an ordinary program, which needs neither root nor
//! KVM nor a disk image.
//!
//! Its root is this machine's `/`, read-only, so the program just built, nginx and `ab` are there.
//! Its console 0 is a pipe to the process outside. Kernel messages go to console 1, which is
//! standard error.

use std::io::Write;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::{env, fs, process};

use super::stage::{PLACE, SCRATCH, SEAT, STAGE, Stage};

/// The variable with the size of its memory, in its own notation.
const MEMORY: &str = "IPVS_KERNEL_MEMORY";
const DEFAULT_MEMORY: &str = "1G";

/// A library that older versions need on newer processors.
const XSTATE_SOURCE: &str = include_str!("uml-xstate.c");

/// The command that boots it with `program` as its first process.
pub(crate) fn command(program: &Path, scratch: &Path) -> Result<Command, String> {
    let linux = find().ok_or(
        "this machine's kernel has no IPVS that the tests can use, and there is no user-mode Linux \
         (linux.uml).\nInstall it: `make deps`, or `apt-get install user-mode-linux`",
    )?;
    // Blanks separate the words of its command line, so the path of init must not have any.
    let init = scratch.join("init");
    symlink(program, &init).map_err(|error| format!("{}: {error}", init.display()))?;

    let memory = env::var(MEMORY).unwrap_or_else(|_| DEFAULT_MEMORY.to_owned());
    let mut command = Command::new(linux);
    command
        .arg(format!("mem={memory}"))
        .args(["rootfstype=hostfs", "rootflags=/", "ro", "quiet"])
        .args(["con=null", "con0=fd:0,fd:1", "con1=null,fd:2"])
        .args(["console=tty1", "panic=-1"])
        .arg(format!("uml_dir={}", scratch.display()))
        .arg(format!("init={}", init.display()))
        .arg(format!("{STAGE}={}", Stage::Init.name()))
        .arg(format!("{SCRATCH}={}", scratch.display()))
        .arg(format!("{PLACE}=uml"))
        .env(SEAT, seat().to_string())
        .env("HOME", scratch)
        .env("TMPDIR", memory_folder(&memory, scratch))
        .current_dir(scratch);
    if let Some(xstate) = build_xstate(scratch) {
        command.env("LD_PRELOAD", xstate);
    }
    Ok(command)
}

/// A number for the core that it runs on: kernels of one run get different ones.
fn seat() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    (process::id() as usize).wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed))
}

fn find() -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    env::split_paths(&path)
        .chain([PathBuf::from("/usr/bin")])
        .map(|folder| folder.join("linux.uml"))
        .find(|file| file.is_file())
}

/// The folder for the file that serves as its memory. `/dev/shm` is faster, but often too small in
/// a container.
fn memory_folder(memory: &str, scratch: &Path) -> PathBuf {
    let shared = Path::new("/dev/shm");
    let wanted = bytes(memory).unwrap_or(u64::MAX);
    let free = rustix::fs::statvfs(shared).map(|stat| stat.f_bavail.saturating_mul(stat.f_frsize));
    if free.is_ok_and(|free| free / 2 >= wanted) { shared.to_owned() } else { scratch.to_owned() }
}

fn bytes(memory: &str) -> Option<u64> {
    let digits = memory.trim_end_matches(|letter: char| letter.is_ascii_alphabetic());
    let unit = match &memory[digits.len()..] {
        "" => 1,
        "K" | "k" => 1 << 10,
        "M" | "m" => 1 << 20,
        "G" | "g" => 1 << 30,
        _ => return None,
    };
    digits.parse::<u64>().ok()?.checked_mul(unit)
}

/// Builds `uml-xstate.c`. `None` without a compiler: most machines do not need it.
fn build_xstate(scratch: &Path) -> Option<PathBuf> {
    let library = scratch.join("uml-xstate.so");
    let mut compiler = Command::new("cc")
        .args(["-shared", "-fPIC", "-O2", "-x", "c", "-", "-ldl", "-o"])
        .arg(&library)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .ok()?;
    let written = compiler.stdin.take()?.write_all(XSTATE_SOURCE.as_bytes()).is_ok();
    let built = compiler.wait().ok()?.success();
    (written && built && fs::exists(&library).unwrap_or(false)).then_some(library)
}
