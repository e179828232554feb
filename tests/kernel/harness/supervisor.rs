//! Starts a kernel, and ends it with everything in it as soon as the process outside is gone,
//! however that ended.
//!
//! User-mode Linux is several processes of this machine, most of which it controls by ptrace: if
//! only the first one were killed, the others would keep running. So it gets its own process group,
//! which also keeps the terminal's Ctrl-C away from it. The supervisor waits for the kernel to end,
//! or for its own standard input to end, which is a pipe from the process outside. In both cases it
//! kills the whole group and removes the scratch folder. It needs no message for that, so it also
//! works if the process outside was killed.

use std::io::{Read, Write};
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode, Stdio};
use std::{env, fs, io, thread};

use rustix::process::{
    Pid, Resource, Rlimit, Signal, WaitOptions, getpid, getppid, kill_process_group,
    set_child_subreaper, setrlimit,
};
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

use super::stage::{SCRATCH, SEAT, STAGE};

/// The arguments are the command that starts the kernel.
pub(crate) fn run() -> ExitCode {
    let mut arguments = env::args_os().skip(1);
    let Some(program) = arguments.next() else {
        return ExitCode::FAILURE;
    };
    // Waits for processes that the kernel's helpers leave behind, too. Without this they would only
    // stay as zombies.
    let _ = set_child_subreaper(Some(getpid()));
    // A kernel that panics would leave a core file as large as its memory.
    let none = Rlimit { current: Some(0), maximum: Some(0) };
    let _ = setrlimit(Resource::Core, none);

    if let Some(seat) = env::var(SEAT).ok().and_then(|seat| seat.parse().ok()) {
        stay_on_one_core(seat);
    }

    let outside = getppid();
    let scratch = env::var_os(SCRATCH);
    let started = Command::new(&program)
        .args(arguments)
        .env_remove(STAGE)
        .env_remove(SEAT)
        .stdin(Stdio::piped())
        .process_group(0)
        .spawn();
    let mut kernel = match started {
        Ok(kernel) => kernel,
        Err(error) => {
            eprintln!("{}: {error}", program.to_string_lossy());
            return ExitCode::FAILURE;
        }
    };
    let group = i32::try_from(kernel.id()).ok().and_then(Pid::from_raw);
    let kill = move || {
        if let Some(group) = group {
            let _ = kill_process_group(group, Signal::KILL);
        }
    };
    if let Some(console) = kernel.stdin.take() {
        thread::spawn(move || {
            relay(console);
            kill();
        });
    }
    let status = kernel.wait();
    kill();
    while let Ok(Some(_)) = rustix::process::wait(WaitOptions::empty()) {}
    // If the process outside still runs, it reads the folder and then removes it.
    if getppid() != outside
        && let Some(scratch) = scratch
    {
        let _ = fs::remove_dir_all(scratch);
    }
    match status {
        Ok(status) if status.success() => ExitCode::SUCCESS,
        _ => ExitCode::FAILURE,
    }
}

/// Keeps this process, and what it starts, on one of the cores that it may use.
///
/// User-mode Linux has one processor. It traces its programs from another process, which has nothing
/// to do meanwhile: on two cores each page fault and system call would wait for one of them to wake
/// up. On one core its programs start in two thirds of the time.
fn stay_on_one_core(seat: usize) {
    let Ok(allowed) = sched_getaffinity(None) else { return };
    let cores: Vec<_> = (0..CpuSet::MAX_CPU).filter(|core| allowed.is_set(*core)).collect();
    let Some(core) = cores.get(seat % cores.len().max(1)) else { return };
    let mut one = CpuSet::new();
    one.set(*core);
    // Without it everything works, only slower.
    let _ = sched_setaffinity(None, &one);
}

/// Copies standard input to the kernel's console until it ends.
fn relay(mut console: impl Write) {
    let mut input = io::stdin().lock();
    let mut bytes = [0; 4096];
    loop {
        match input.read(&mut bytes) {
            Ok(0) => return,
            Ok(count) => {
                // A kernel that has ended accepts no input, but the end of ours still matters.
                let _ = console.write_all(&bytes[..count]).and_then(|()| console.flush());
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => return,
        }
    }
}
