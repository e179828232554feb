//! Outside: lists tests as `cargo test` does, and runs the selected ones inside kernels that it
//! boots.

use std::ffi::OsString;
use std::io::{self, IsTerminal, Read, Write};
use std::path::Path;
use std::process::ExitCode;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use std::{env, fs, process, thread};

use libtest_mimic::{Arguments, Trial};
use rustix::process::{Signal, set_parent_process_death_signal};

use super::kernel::Kernel;
use super::place::Place;
use super::session::Session;
use super::stage::{COLOURS, JOB, Job, KEEP, SIZE};
use super::terminal::{self, RawTerminal};
use super::test::KernelTest;

/// The most kernels. With more, booting would cost more than it saves.
const KERNELS: usize = 4;
/// After this many kernels that did not boot or died, the remaining tests fail without another.
const LOSSES: usize = 3;
/// The time that a session's kernel has to boot.
const BOOT: Duration = Duration::from_secs(90);

/// Runs the tests that the command line selects.
pub(crate) fn run_tests(tests: &[KernelTest]) -> ExitCode {
    die_with_parent();
    let mut arguments = Arguments::from_args();
    // One more than there are processors, as many tests watch and wait.
    let kernels = thread::available_parallelism().map_or(2, |cores| cores.get() + 1);
    let threads = arguments.test_threads.unwrap_or(kernels).clamp(1, KERNELS);
    arguments.test_threads = Some(threads);

    let kernels = Arc::new(Kernels::default());
    let trials = tests.iter().map(|test| {
        let (name, time, prepare) = (test.name.clone(), test.time, test.prepare);
        let kernels = Arc::clone(&kernels);
        Trial::test(test.name.clone(), move || {
            prepare().and_then(|()| kernels.run(&name, time)).map_err(Into::into)
        })
    });
    let conclusion = libtest_mimic::run(&arguments, trials.collect());
    // Ends them. This function returns the status instead of exiting, so that there is time for
    // that.
    drop(kernels);
    conclusion.exit_code()
}

/// The kernels that are booted and idle. A test takes one of them or boots another, so filters,
/// counts and threads are left to libtest-mimic.
#[derive(Default)]
struct Kernels(Mutex<Pool>);

#[derive(Default)]
struct Pool {
    place: Option<Result<Place, String>>,
    idle: Vec<Kernel>,
    losses: Vec<String>,
}

impl Kernels {
    fn run(&self, name: &str, time: Duration) -> Result<(), String> {
        let mut kernel = self.take()?;
        match kernel.run_test(name, time) {
            Ok(verdict) => {
                self.lock().idle.push(kernel);
                match verdict.passed {
                    true => Ok(()),
                    false => Err(verdict.output),
                }
            }
            Err(death) => {
                self.lock().losses.push(death.clone());
                Err(death)
            }
        }
    }

    fn take(&self) -> Result<Kernel, String> {
        let place = {
            let mut pool = self.lock();
            if let Some(kernel) = pool.idle.pop() {
                return Ok(kernel);
            }
            if let (Some(last), true) = (pool.losses.last(), pool.losses.len() >= LOSSES) {
                return Err(format!("no kernel to run on. {last}"));
            }
            pool.place.get_or_insert_with(Place::choose).clone()?
        };
        Kernel::for_tests(place, &job("tests")).inspect_err(|error| {
            self.lock().losses.push(error.clone());
        })
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Pool> {
        self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

/// Runs one session on a kernel of its own, and returns its status.
pub(crate) fn run_session(session: &Session, arguments: Vec<OsString>) -> ExitCode {
    die_with_parent();
    match try_session(session, arguments) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn try_session(session: &Session, arguments: Vec<OsString>) -> Result<ExitCode, String> {
    let place = Place::choose()?;
    if place == Place::UserModeLinux {
        eprintln!("Booting user-mode Linux, a kernel with IPVS in an ordinary process ...");
    }
    let mut job = job(session.name);
    job.arguments = arguments;
    if session.interactive {
        job.environment.insert(SIZE.into(), terminal::size().into());
    }
    if io::stdout().is_terminal() && env::var_os("NO_COLOR").is_none() {
        job.environment.insert(COLOURS.into(), "1".into());
    }
    let (kernel, console, output) = Kernel::for_session(place, &job)?;
    watch_boot(kernel.scratch());
    let raw = session.interactive.then(RawTerminal::new);
    let held = if session.interactive {
        terminal::relay_keyboard(console);
        None
    } else {
        Some(console)
    };
    copy(output);
    drop(raw);
    drop(held);
    let status = fs::read_to_string(kernel.scratch().join("status"));
    match status.ok().and_then(|status| status.parse::<u8>().ok()) {
        Some(code) => Ok(ExitCode::from(code)),
        None => Err(format!("the kernel ended before the session did\n{}", kernel.last_lines())),
    }
}

/// Copies the session's output as it comes.
fn copy(mut output: impl Read) {
    let mut bytes = [0; 4096];
    let mut screen = io::stdout();
    while let Ok(count @ 1..) = output.read(&mut bytes) {
        // Nobody reads it any more.
        if screen.write_all(&bytes[..count]).and_then(|()| screen.flush()).is_err() {
            return;
        }
    }
}

/// Ends this process, and with it the kernel, if the session has not started in time.
fn watch_boot(scratch: &Path) {
    let scratch = scratch.to_owned();
    thread::spawn(move || {
        thread::sleep(BOOT);
        if scratch.exists() && !scratch.join("started").exists() {
            eprintln!("the kernel did not boot within {} s", BOOT.as_secs());
            process::exit(1);
        }
    });
}

/// Ends this process when its parent ends, as `cargo` does not end it when a signal ends `cargo`.
/// The supervisor then ends the rest.
fn die_with_parent() {
    let _ = set_parent_process_death_signal(Some(Signal::TERM));
}

/// True for a variable that is passed on to the inside: settings for tests, except for those that
/// choose the kernel.
fn is_passed_on(name: &str) -> bool {
    let settings = ["IPVS", "PARITY_"];
    ["TERM", "RUST_BACKTRACE", "LANG"].contains(&name)
        || settings.iter().any(|prefix| name.starts_with(prefix))
            && !name.starts_with("IPVS_KERNEL")
}

/// The job of a kernel, with the environment that every kernel gets.
fn job(name: &str) -> Job {
    let ipvsadm = crate::program::ipvsadm();
    let mut path = OsString::new();
    if let Some(folder) = ipvsadm.parent() {
        path.push(folder);
    }
    path.push(":/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
    if let Some(more) = env::var_os("PATH") {
        path.push(":");
        path.push(more);
    }
    let mut job = Job::default();
    let mut set = |name: &str, value: OsString| job.environment.insert(name.into(), value);
    set("PATH", path);
    set(JOB, name.into());
    let kept = [Path::new(env!("CARGO_MANIFEST_DIR")), Path::new(env!("CARGO_TARGET_TMPDIR"))];
    let kept = kept.into_iter().chain(ipvsadm.parent());
    let own = env::current_exe().ok();
    let own = own.as_deref().and_then(Path::parent);
    let examples = crate::program::folder_of_examples();
    if let Ok(kept) = env::join_paths(kept.chain(own).chain(examples.as_deref())) {
        set(KEEP, kept);
    }
    for (name, value) in env::vars_os() {
        if name.to_str().is_some_and(is_passed_on) {
            job.environment.insert(name, value);
        }
    }
    job
}
