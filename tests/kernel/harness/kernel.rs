//! A running kernel, whose console takes tests and returns verdicts.
//!
//! A test is started by the line `SECONDS NAME`. The answers are frames: a line of the byte 2, a
//! word and a length, followed by that many bytes. The words are `ready`, `pass`, `fail`, and
//! `broken` for a kernel that cannot run tests at all.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use std::{env, thread};

use tempfile::TempDir;

use super::place::Place;
use super::stage::{Job, SCRATCH, STAGE, Stage};

/// The time that a kernel has to boot. It takes 2 to 3 s on an idle machine.
const BOOT: Duration = Duration::from_secs(90);
/// The time that a kernel has to report a test that took too long.
const GRACE: Duration = Duration::from_secs(30);
/// The first byte of a frame.
pub(crate) const FRAME: u8 = 2;
/// The number of the kernel's last lines that are kept for the message about its death.
const LOG_LINES: usize = 12;

/// A running kernel. It is ended on drop, with everything in it.
pub(crate) struct Kernel {
    supervisor: Child,
    console: Option<ChildStdin>,
    frames: Receiver<Frame>,
    log: Log,
    scratch: TempDir,
}

/// The result of one test.
pub(crate) struct Verdict {
    pub(crate) passed: bool,
    pub(crate) output: String,
}

struct Frame {
    word: String,
    text: String,
}

/// The output of a kernel: its last lines, and the reasons of its death, which a long trace would
/// push out.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<LogLines>>);

#[derive(Default)]
struct LogLines {
    reasons: Vec<String>,
    last: VecDeque<String>,
}

impl Kernel {
    /// Starts a kernel for `job` under a supervisor. Nothing reads its output yet.
    fn start(place: Place, job: &Job) -> Result<Kernel, String> {
        let scratch = tempfile::Builder::new()
            .prefix("ipvs-lab-")
            .tempdir()
            .map_err(|error| format!("cannot make a temporary folder: {error}"))?;
        job.write(scratch.path())
            .map_err(|error| format!("{}: {error}", scratch.path().display()))?;
        let mut supervisor = supervised(&place.command(scratch.path())?, scratch.path())?
            .spawn()
            .map_err(|error| format!("cannot start a supervisor: {error}"))?;
        let log = Log::default();
        if let Some(errors) = supervisor.stderr.take() {
            let log = log.clone();
            thread::spawn(move || log.follow(errors));
        }
        let (_, frames) = mpsc::channel();
        Ok(Kernel { console: supervisor.stdin.take(), supervisor, frames, log, scratch })
    }

    /// Boots a kernel for tests.
    pub(crate) fn for_tests(place: Place, job: &Job) -> Result<Kernel, String> {
        let mut kernel = Kernel::start(place, job)?;
        let (sender, frames) = mpsc::channel();
        kernel.frames = frames;
        if let Some(output) = kernel.supervisor.stdout.take() {
            let log = kernel.log.clone();
            thread::spawn(move || read_frames(BufReader::new(output), &sender, &log));
        }
        match kernel.frames.recv_timeout(BOOT) {
            Ok(frame) if frame.word == "ready" => Ok(kernel),
            Ok(frame) => Err(format!(
                "the kernel cannot run the tests: {}\n{}",
                frame.text,
                kernel.last_lines()
            )),
            Err(RecvTimeoutError::Timeout) => Err(format!(
                "the kernel did not boot within {} s\n{}",
                BOOT.as_secs(),
                kernel.last_lines()
            )),
            Err(RecvTimeoutError::Disconnected) => {
                Err(format!("the kernel died while booting\n{}", kernel.last_lines()))
            }
        }
    }

    /// Boots a kernel for one session. Returns it with the input and the output of its console.
    pub(crate) fn for_session(
        place: Place,
        job: &Job,
    ) -> Result<(Kernel, ChildStdin, impl Read + Send + 'static), String> {
        let mut kernel = Kernel::start(place, job)?;
        let console = kernel.console.take().ok_or("the kernel has no console")?;
        let output = kernel.supervisor.stdout.take();
        let output = output.ok_or("the kernel has no console")?;
        Ok((kernel, console, output))
    }

    /// Runs one test. After an error the kernel is of no more use.
    pub(crate) fn run_test(&mut self, name: &str, time: Duration) -> Result<Verdict, String> {
        let line = format!("{} {name}\n", time.as_secs());
        // If the kernel has ended, the error comes below.
        if let Some(console) = &mut self.console {
            let _ = console.write_all(line.as_bytes()).and_then(|()| console.flush());
        }
        match self.frames.recv_timeout(time + GRACE) {
            Ok(frame) => Ok(Verdict { passed: frame.word == "pass", output: frame.text }),
            Err(RecvTimeoutError::Timeout) => Err(format!(
                "no answer from the kernel within {} s: it hangs\n{}",
                (time + GRACE).as_secs(),
                self.last_lines()
            )),
            Err(RecvTimeoutError::Disconnected) => {
                Err(format!("the kernel died during this test\n{}", self.last_lines()))
            }
        }
    }

    /// The folder that it shares with this process.
    pub(crate) fn scratch(&self) -> &Path {
        self.scratch.path()
    }

    /// Its last lines, for a message.
    pub(crate) fn last_lines(&self) -> String {
        // Death is noticed on one pipe, and the reason comes on another: wait for it a moment.
        thread::sleep(Duration::from_millis(200));
        let lines = self.log.lines();
        if lines.is_empty() {
            return "It printed nothing.".to_owned();
        }
        let mut text = format!("Its last lines:\n  {}", lines.join("\n  "));
        if text.contains("set fp regs failed") {
            text.push_str(
                "\nThis processor needs uml-xstate.c built. Is there a C compiler, `cc`?",
            );
        }
        text
    }
}

impl Drop for Kernel {
    fn drop(&mut self) {
        // The end of its input makes the supervisor end everything.
        self.console = None;
        let _ = self.supervisor.wait();
    }
}

/// The same command, under a supervisor, with pipes to it.
fn supervised(command: &Command, scratch: &Path) -> Result<Command, String> {
    use std::os::unix::process::CommandExt;
    let program = env::current_exe()
        .map_err(|error| format!("cannot find this program's own file: {error}"))?;
    let mut supervised = Command::new(program);
    supervised
        .arg(command.get_program())
        .args(command.get_args())
        .process_group(0)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    if let Some(folder) = command.get_current_dir() {
        supervised.current_dir(folder);
    }
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => supervised.env(name, value),
            None => supervised.env_remove(name),
        };
    }
    supervised.env(STAGE, Stage::Supervisor.name()).env(SCRATCH, scratch);
    Ok(supervised)
}

/// Reads frames until the console closes. All other lines belong to the log.
fn read_frames(mut console: impl BufRead, frames: &mpsc::Sender<Frame>, log: &Log) {
    loop {
        let mut line = Vec::new();
        match console.read_until(b'\n', &mut line) {
            Ok(0) | Err(_) => return,
            Ok(_) => {}
        }
        let line = String::from_utf8_lossy(&line);
        let head = line.strip_prefix(char::from(FRAME)).map(str::trim_end);
        let Some((word, length)) = head.and_then(|head| head.split_once(' ')) else {
            log.add(line.trim_end());
            continue;
        };
        let mut text = vec![0; length.parse().unwrap_or(0)];
        if console.read_exact(&mut text).is_err() {
            return;
        }
        let frame =
            Frame { word: word.to_owned(), text: String::from_utf8_lossy(&text).into_owned() };
        if frames.send(frame).is_err() {
            return;
        }
    }
}

impl Log {
    fn follow(&self, output: impl Read) {
        for line in BufReader::new(output).split(b'\n') {
            let Ok(line) = line else { return };
            self.add(String::from_utf8_lossy(&line).trim_end());
        }
    }

    fn add(&self, line: &str) {
        let Ok(mut log) = self.0.lock() else { return };
        let is_reason = ["panic", "regs failed", "out of memory"]
            .iter()
            .any(|word| line.to_lowercase().contains(word));
        if is_reason && log.reasons.len() < LOG_LINES {
            log.reasons.push(line.to_owned());
            return;
        }
        if log.last.len() == LOG_LINES {
            log.last.pop_front();
        }
        log.last.push_back(line.to_owned());
    }

    fn lines(&self) -> Vec<String> {
        match self.0.lock() {
            Ok(log) => log.reasons.iter().chain(&log.last).cloned().collect(),
            Err(_) => Vec::new(),
        }
    }
}
