//! Network namespaces. Each has its own IPVS table, and each test creates its own namespaces.

#![allow(dead_code, reason = "an interface for tests, complete even where none uses it yet")]

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use nix::sched::{CloneFlags, unshare};
use rustix::mount::{UnmountFlags, mount_bind, unmount};
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use crate::{loopback, program};

/// A network namespace with `lo` up, removed when dropped.
///
/// Its methods panic on errors, which a test could not handle anyway.
pub(crate) struct Netns {
    name: String,
    file: File,
}

impl Netns {
    /// Creates a namespace with a unique name.
    pub(crate) fn new() -> Netns {
        static NUMBER: AtomicUsize = AtomicUsize::new(1);
        Netns::named(&format!("test{}", NUMBER.fetch_add(1, Ordering::Relaxed)))
    }

    /// Creates a namespace with this name, as `ip netns add` does.
    pub(crate) fn named(name: &str) -> Netns {
        let path = path(name);
        File::create(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        // A thread's namespace. No program is started for it, as that is slow in user-mode Linux.
        let make = || -> io::Result<()> {
            unshare(CloneFlags::CLONE_NEWNET)?;
            loopback::bring_up()?;
            mount_bind("/proc/thread-self/ns/net", &path)?;
            Ok(())
        };
        let made = thread::scope(|scope| scope.spawn(make).join().expect("no panic"));
        made.unwrap_or_else(|error| panic!("cannot create the network namespace {name}: {error}"));
        let file = File::open(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        Netns { name: name.to_owned(), file }
    }

    /// Its name, for `ip netns` too.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Runs `work` in the namespace, on a thread of its own: sockets opened there and processes
    /// started there belong to it. A panic is passed on.
    pub(crate) fn enter<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        let caller = thread::current();
        let name = caller.name().unwrap_or("test").to_owned();
        thread::scope(|scope| {
            let thread = thread::Builder::new().name(name).spawn_scoped(scope, || {
                let kind = Some(LinkNameSpaceType::Network);
                move_into_link_name_space(self.file.as_fd(), kind).unwrap_or_else(|error| {
                    panic!("cannot enter the network namespace {}: {error}", self.name)
                });
                work()
            });
            let thread = thread.expect("a thread starts");
            match thread.join() {
                Ok(value) => value,
                Err(panic) => std::panic::resume_unwind(panic),
            }
        })
    }

    /// A command to run in the namespace.
    pub(crate) fn command(&self, program: impl AsRef<OsStr>) -> NsCommand<'_> {
        NsCommand { netns: self, command: Command::new(program), input: Vec::new() }
    }

    /// Runs our `ipvsadm` in the namespace.
    pub(crate) fn ipvsadm<I, S>(&self, arguments: I) -> Ran
    where
        I: IntoIterator<Item = S>,
        S: AsRef<OsStr>,
    {
        self.command(program::ipvsadm()).args(arguments).run()
    }

    /// Runs Debian's `ipvsadm` in the namespace.
    pub(crate) fn reference<I, S>(&self, arguments: I) -> Ran
    where
        I: IntoIterator<Item = S>,
        S: AsRef<OsStr>,
    {
        self.command(program::reference()).args(arguments).run()
    }

    /// Runs `ip` with these commands, one per line, such as `address add 10.0.0.1/24 dev lo`.
    pub(crate) fn ip(&self, commands: &str) {
        self.command("ip").args(["-batch", "-"]).stdin(commands).run().success();
    }

    /// Sets a kernel parameter such as `net.ipv4.ip_forward`.
    pub(crate) fn sysctl(&self, name: &str, value: &str) {
        let path = format!("/proc/sys/{}", name.replace('.', "/"));
        self.enter(|| fs::write(&path, value)).unwrap_or_else(|error| panic!("{path}: {error}"));
    }

    /// Reads a kernel parameter such as `net.ipv4.ip_forward`.
    pub(crate) fn read_sysctl(&self, name: &str) -> String {
        let path = format!("/proc/sys/{}", name.replace('.', "/"));
        let text = self.enter(|| fs::read_to_string(&path));
        let text = text.unwrap_or_else(|error| panic!("{path}: {error}"));
        text.trim().to_owned()
    }

    /// Connects this namespace with another by a pair of devices, `here` in this one and `there` in
    /// the other.
    pub(crate) fn connect(&self, here: &str, other: &Netns, there: &str) {
        self.ip(&format!(
            "link add {here} type veth peer name {there} netns {}\nlink set {here} up",
            other.name
        ));
        other.ip(&format!("link set {there} up"));
    }
}

impl Drop for Netns {
    fn drop(&mut self) {
        remove(&path(&self.name));
    }
}

/// The folder of named namespaces.
const FOLDER: &str = "/run/netns";

fn path(name: &str) -> PathBuf {
    Path::new(FOLDER).join(name)
}

fn remove(path: &Path) {
    let _ = unmount(path, UnmountFlags::DETACH);
    let _ = fs::remove_file(path);
}

/// Removes every namespace, after a test that was killed.
pub(crate) fn remove_all() {
    for entry in fs::read_dir(FOLDER).into_iter().flatten().flatten() {
        remove(&entry.path());
    }
}

/// A command in a namespace.
pub(crate) struct NsCommand<'ns> {
    netns: &'ns Netns,
    command: Command,
    input: Vec<u8>,
}

impl NsCommand<'_> {
    pub(crate) fn arg(mut self, argument: impl AsRef<OsStr>) -> Self {
        self.command.arg(argument);
        self
    }

    pub(crate) fn args<I, S>(mut self, arguments: I) -> Self
    where
        I: IntoIterator<Item = S>,
        S: AsRef<OsStr>,
    {
        self.command.args(arguments);
        self
    }

    /// Sets an environment variable.
    pub(crate) fn env(mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    /// Sets its standard input, which is empty otherwise.
    pub(crate) fn stdin(mut self, input: impl Into<Vec<u8>>) -> Self {
        self.input = input.into();
        self
    }

    /// Runs the command to its end. Panics if it cannot be started.
    pub(crate) fn run(self) -> Ran {
        let command = format!("{:?}", self.command).replace('"', "");
        let output = self.try_run();
        let output = output.unwrap_or_else(|error| panic!("{command}: {error}"));
        Ran {
            command,
            status: output.status,
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    fn try_run(mut self) -> io::Result<std::process::Output> {
        if self.input.is_empty() {
            self.command.stdin(Stdio::null());
        } else {
            self.command.stdin(Stdio::piped());
        }
        self.command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = self.netns.enter(|| self.command.spawn())?;
        let Some(mut stdin) = child.stdin.take() else {
            return child.wait_with_output();
        };
        thread::scope(|scope| {
            scope.spawn(|| {
                // An error only means that the program stopped reading.
                let _ = stdin.write_all(&self.input);
                drop(stdin);
            });
            child.wait_with_output()
        })
    }

    /// Starts the command, which runs until the value is dropped and shares the test's output.
    pub(crate) fn start(mut self) -> Running {
        self.command.stdin(Stdio::null());
        let child = self.netns.enter(|| self.command.spawn());
        Running(child.unwrap_or_else(|error| panic!("{:?}: {error}", self.command)))
    }
}

/// A finished command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Ran {
    /// The command, for messages.
    pub(crate) command: String,
    pub(crate) status: ExitStatus,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ran {
    /// The exit status as a number, or `None` if a signal ended the command.
    pub(crate) fn code(&self) -> Option<i32> {
        self.status.code()
    }

    /// Panics unless the command succeeded.
    #[track_caller]
    pub(crate) fn success(self) -> Ran {
        assert!(
            self.status.success(),
            "{}: {}\n{}{}",
            self.command,
            self.status,
            self.stdout,
            self.stderr
        );
        self
    }
}

/// A command that runs in the background, killed when dropped.
pub(crate) struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
