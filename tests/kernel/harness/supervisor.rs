//! Starts a kernel, and ends it with everything in it as soon as the one outside is gone, however
//! that ended.
//!
//! User-mode Linux is several processes of this machine, and it holds most of them by ptrace: were
//! only the first one killed, the others would run on, loose. So it gets a process group of its
//! own, which also keeps the terminal's Ctrl-C away from it, and this process waits for one of two
//! things: the kernel ends, or its own standard input does, which is the pipe from the one outside.
//! Either way it kills the whole group and removes the scratch folder. Nothing of this depends on
//! the one outside being able to say goodbye.

use std::io::{Read, Write};
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode, Stdio};
use std::{env, fs, io, thread};

use rustix::process::{
    Pid, Resource, Rlimit, Signal, WaitOptions, getpid, getppid, kill_process_group,
    set_child_subreaper, setrlimit,
};

use super::stage::{SCRATCH, STAGE};

/// The arguments are the command that starts the kernel.
pub(crate) fn run() -> ExitCode {
    let mut arguments = env::args_os().skip(1);
    let Some(program) = arguments.next() else {
        return ExitCode::FAILURE;
    };
    // What the kernel's own helpers leave behind becomes ours to wait for. Not having it costs
    // nothing but zombies.
    let _ = set_child_subreaper(Some(getpid()));
    // A kernel that panics would leave a core file of the size of its memory.
    let none = Rlimit { current: Some(0), maximum: Some(0) };
    let _ = setrlimit(Resource::Core, none);

    let outside = getppid();
    let scratch = env::var_os(SCRATCH);
    let started = Command::new(&program)
        .args(arguments)
        .env_remove(STAGE)
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
    // The one outside removes the folder itself, having read it, if it is still there to do so.
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

/// Passes our standard input on, byte by byte as it comes, until it ends.
fn relay(mut console: impl Write) {
    let mut input = io::stdin().lock();
    let mut bytes = [0; 4096];
    loop {
        match input.read(&mut bytes) {
            Ok(0) => return,
            Ok(count) => {
                // A kernel that ended takes no more input. The end of ours is still worth waiting
                // for.
                let _ = console.write_all(&bytes[..count]).and_then(|()| console.flush());
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => return,
        }
    }
}
