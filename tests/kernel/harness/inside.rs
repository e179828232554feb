//! The first process inside: prepares the system, then runs the tests or the session.
//!
//! In user-mode Linux it is `init`, with this machine's `/` as its read-only root. On this
//! machine's own kernel it is the first process of new namespaces. The two differ in how file
//! systems are mounted and in how it ends.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, ExitStatus};
use std::time::{Duration, Instant};
use std::{env, thread};

use rustix::mount::{MountFlags, mount, mount_bind};
use rustix::process::{Pid, Resource, Rlimit, Signal, WaitOptions, kill_process_group, setrlimit};
use rustix::system::{RebootCommand, reboot, sethostname};
use rustix::termios::{OptionalActions, OutputModes, tcdrain, tcgetattr, tcsetattr};

use super::kernel::FRAME;
use super::stage::{JOB, Job, KEEP, PLACE, SCRATCH, SCRATCH_INSIDE, SIZE, STAGE, Stage, TEST};
use crate::netns;

/// The folder for `modprobe -d` with the modules of user-mode Linux.
const MODULES_ROOT: &str = "/run/uml";

type Result<T> = std::result::Result<T, String>;

/// Does all of it, and then powers the machine off.
pub(crate) fn run() -> ExitCode {
    let uml = env::var_os(PLACE).is_some();
    let (input, mut output) = match console(uml) {
        Ok(console) => console,
        Err(error) => {
            eprintln!("{error}");
            return end(uml);
        }
    };
    let prepared = prepare(uml);
    match prepared {
        Ok(job) if job.get(JOB).is_some_and(|name| name == "tests") => {
            run_tests(&job, &input, &mut output);
        }
        Ok(job) => run_session(&job, uml, input, &output),
        Err(error) => {
            eprintln!("{error}");
            frame(&mut output, "broken", error.as_bytes());
        }
    }
    // Waits until the output has been transmitted.
    let _ = tcdrain(&output);
    end(uml)
}

/// The console, which leads to the process outside: in raw mode, without echo or carriage returns.
fn console(uml: bool) -> Result<(File, File)> {
    if !uml {
        let open = |path: &str| File::options().read(true).write(true).open(path);
        let input = File::open("/dev/stdin").map_err(|error| format!("stdin: {error}"))?;
        let output = open("/dev/stdout").map_err(|error| format!("stdout: {error}"))?;
        return Ok((input, output));
    }
    let path = "/dev/tty0";
    let open = || -> io::Result<(File, File)> {
        let output = OpenOptions::new().read(true).write(true).open(path)?;
        let mut modes = tcgetattr(&output)?;
        modes.make_raw();
        tcsetattr(&output, OptionalActions::Now, &modes)?;
        Ok((output.try_clone()?, output))
    };
    open().map_err(|error| format!("{path}: {error}"))
}

/// Prepares file systems, loopback, limits and modules. Returns the job, with the environment of
/// every process inside.
fn prepare(uml: bool) -> Result<Job> {
    let scratch = env::var_os(SCRATCH).map(PathBuf::from);
    let scratch = scratch.ok_or_else(|| format!("{SCRATCH} is not set"))?;
    let mut job = Job::read(&scratch).map_err(|error| format!("{}: {error}", scratch.display()))?;

    if uml {
        mount_new("proc", "/proc", "")?;
        mount_new("sysfs", "/sys", "")?;
        fs::create_dir_all("/dev/pts").map_err(|error| format!("/dev/pts: {error}"))?;
        mount_new("devpts", "/dev/pts", "ptmxmode=0666")?;
        for (name, target) in
            [("fd", "fd"), ("stdin", "fd/0"), ("stdout", "fd/1"), ("stderr", "fd/2")]
        {
            let _ = symlink(format!("/proc/self/{target}"), format!("/dev/{name}"));
        }
    } else {
        mount_new("proc", "/proc", "")?;
        // It shows the network namespace of the process that mounted it.
        mount_new("sysfs", "/sys", "")?;
    }
    hide_temporary_folders(uml, &scratch, &job.keep())?;
    for folder in ["/run/netns", "/run/lock", "/tmp/home"] {
        fs::create_dir_all(folder).map_err(|error| format!("{folder}: {error}"))?;
    }
    job.environment.insert("HOME".into(), "/tmp/home".into());

    let files = Rlimit { current: Some(65536), maximum: Some(65536) };
    // A container may refuse more. Then a test that needs a thousand connections fails.
    let _ = setrlimit(Resource::Nofile, files);
    let _ = sethostname(b"director");
    if uml {
        modules(&mut job)?;
    }
    let mut loopback = Command::new("ip");
    loopback.args(["link", "set", "lo", "up"]);
    succeed(loopback.envs(&job.environment))?;
    let mut module = Command::new("modprobe");
    module.arg("ip_vs");
    if !Path::new("/proc/net/ip_vs").exists() {
        succeed(module.envs(&job.environment))?;
    }
    Ok(job)
}

/// Mounts an empty `/tmp` and `/run`, in which only the scratch folder and the folders of the build
/// are visible.
fn hide_temporary_folders(uml: bool, scratch: &Path, keep: &[PathBuf]) -> Result<()> {
    let error = |path: &Path, error: io::Error| format!("{}: {error}", path.display());
    let hidden = |path: &Path| path.starts_with("/tmp") || path.starts_with("/run");
    let keep: Vec<&Path> = keep.iter().map(PathBuf::as_path).filter(|path| hidden(path)).collect();
    if uml {
        mount_new("tmpfs", "/tmp", "mode=1777")?;
        mount_new("tmpfs", "/run", "mode=755")?;
        for (from, to) in
            keep.iter().map(|path| (*path, *path)).chain([(scratch, Path::new(SCRATCH_INSIDE))])
        {
            fs::create_dir_all(to).map_err(|why| error(to, why))?;
            mount_new("hostfs", to, &from.to_string_lossy())?;
        }
        return Ok(());
    }
    // By way of another folder, since the new file systems hide the old ones.
    let aside = Path::new("/mnt");
    mount_new("tmpfs", aside, "mode=755")?;
    let mut kept = Vec::new();
    for (number, (from, to)) in keep
        .iter()
        .map(|path| (*path, *path))
        .chain([(scratch, Path::new(SCRATCH_INSIDE))])
        .enumerate()
    {
        let held = aside.join(number.to_string());
        fs::create_dir(&held).map_err(|why| error(&held, why))?;
        mount_bind(from, &held).map_err(|why| error(from, why.into()))?;
        kept.push((held, to));
    }
    mount_new("tmpfs", "/tmp", "mode=1777")?;
    mount_new("tmpfs", "/run", "mode=755")?;
    for (held, to) in kept {
        fs::create_dir_all(to).map_err(|why| error(to, why))?;
        mount_bind(&held, to).map_err(|why| error(to, why.into()))?;
    }
    Ok(())
}

fn mount_new(kind: &str, target: impl AsRef<Path>, options: &str) -> Result<()> {
    let target = target.as_ref();
    let failed = |error: io::Error| format!("cannot mount {kind} on {}: {error}", target.display());
    let options = std::ffi::CString::new(options).map_err(|error| failed(error.into()))?;
    mount(kind, target, kind, MountFlags::empty(), options.as_c_str())
        .map_err(|error| failed(error.into()))
}

/// Makes `modprobe` find the kernel's modules, whether a program or the kernel calls it.
///
/// The usual folder, `/lib/modules`, may not exist, and cannot be made on a read-only root.
fn modules(job: &mut Job) -> Result<()> {
    let release = rustix::system::uname().release().to_string_lossy().into_owned();
    let make = || -> io::Result<()> {
        let folder = Path::new(MODULES_ROOT).join("lib/modules");
        fs::create_dir_all(&folder)?;
        symlink(format!("/usr/lib/uml/modules/{release}"), folder.join(&release))?;
        let helper = Path::new(MODULES_ROOT).join("modprobe");
        fs::write(&helper, format!("#!/bin/sh\nexec /sbin/modprobe -d {MODULES_ROOT} \"$@\"\n"))?;
        fs::set_permissions(&helper, fs::Permissions::from_mode(0o755))?;
        fs::write("/proc/sys/kernel/modprobe", helper.as_os_str().as_encoded_bytes())
    };
    make().map_err(|error| format!("{MODULES_ROOT}: {error}"))?;
    job.environment.insert("MODPROBE_OPTIONS".into(), format!("-d {MODULES_ROOT}").into());
    Ok(())
}

fn succeed(command: &mut Command) -> Result<()> {
    match command.output() {
        Ok(output) if output.status.success() => Ok(()),
        Ok(output) => Err(format!(
            "{command:?}: {}{}",
            output.status,
            String::from_utf8_lossy(&output.stderr)
        )),
        Err(error) => Err(format!("{command:?}: {error}")),
    }
}

/// A command that runs this program as `stage`.
fn again(job: &Job, stage: Stage) -> Result<Command> {
    let program = env::current_exe()
        .map_err(|error| format!("cannot find this program's own file: {error}"))?;
    let mut command = Command::new(program);
    command
        .env_clear()
        .envs(&job.environment)
        .env_remove(KEEP)
        .env(STAGE, stage.name())
        .current_dir("/tmp");
    Ok(command)
}

/// Runs tests as their names come, until the input ends.
fn run_tests(job: &Job, input: &File, output: &mut File) {
    frame(output, "ready", b"");
    for line in BufReader::new(input).lines() {
        let Ok(line) = line else { return };
        let Some((seconds, name)) = line.split_once(' ') else {
            return;
        };
        let time = Duration::from_secs(seconds.parse().unwrap_or(0));
        match run_test(job, name, time) {
            Ok((true, text)) => frame(output, "pass", &text),
            Ok((false, text)) => frame(output, "fail", &text),
            Err(error) => frame(output, "fail", error.as_bytes()),
        }
    }
}

/// Runs one test in its own process, so that a crash or a hang affects nothing else.
fn run_test(job: &Job, name: &str, time: Duration) -> Result<(bool, Vec<u8>)> {
    let file = Path::new("/tmp/output");
    let failed = |error: io::Error| format!("{}: {error}", file.display());
    let output = File::create(file).map_err(failed)?;
    let errors = output.try_clone().map_err(failed)?;
    let mut child = again(job, Stage::Test)?
        .env(TEST, name)
        .stdin(std::process::Stdio::null())
        .stdout(output)
        .stderr(errors)
        .process_group(0)
        .spawn()
        .map_err(|error| format!("cannot start the test: {error}"))?;
    let status = wait(&mut child, time);
    kill_group(&child);
    if status.is_none() {
        child.wait().map_err(failed)?;
    }
    // The first process has to wait for the processes that the test left behind.
    while let Ok(Some(_)) = rustix::process::wait(WaitOptions::NOHANG) {}
    netns::remove_all();

    let mut text = fs::read(file).map_err(failed)?;
    let cause = match status {
        Some(status) if status.success() => return Ok((true, text)),
        // The output has the panic's message, or the error.
        Some(status) if status.code().is_some() => String::new(),
        Some(status) => format!("\nthe test ended by {status}"),
        None => format!("\nkilled: it took longer than {} s", time.as_secs()),
    };
    text.extend_from_slice(cause.as_bytes());
    Ok((false, text))
}

/// Waits for a child for this long at most.
fn wait(child: &mut Child, time: Duration) -> Option<ExitStatus> {
    let end = Instant::now() + time;
    let mut pause = Duration::from_millis(1);
    while Instant::now() < end {
        if let Ok(Some(status)) = child.try_wait() {
            return Some(status);
        }
        thread::sleep(pause);
        pause = (pause * 2).min(Duration::from_millis(20));
    }
    None
}

fn kill_group(child: &Child) {
    if let Some(group) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) {
        let _ = kill_process_group(group, Signal::KILL);
    }
}

/// Runs the session on the console, and writes its status into the scratch folder.
fn run_session(job: &Job, uml: bool, input: File, output: &File) {
    let status_file = Path::new(SCRATCH_INSIDE).join("status");
    let _ = fs::write(Path::new(SCRATCH_INSIDE).join("started"), "");
    let session = || -> Result<ExitStatus> {
        let interactive = job.get(SIZE).is_some();
        let mut command = again(job, Stage::Session)?;
        if interactive && uml {
            make_terminal(output).map_err(|error| format!("/dev/tty0: {error}"))?;
        } else if interactive {
            // The console is a pipe here. `script` gives the session a terminal.
            let program = command.get_program().to_owned();
            let mut script = Command::new("script");
            script
                .args(["--quiet", "--return", "--flush", "--command"])
                .arg(format!("exec '{}'", program.to_string_lossy()))
                .arg("/dev/null")
                .env_clear()
                .envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))))
                .current_dir("/tmp");
            command = script;
        }
        let outputs = || output.try_clone().map_err(|error| error.to_string());
        command.stdin(input.try_clone().map_err(|error| error.to_string())?);
        command.stdout(outputs()?).stderr(outputs()?);
        command.status().map_err(|error| format!("cannot start the session: {error}"))
    };
    let code = match session() {
        Ok(status) => status.code().unwrap_or(1),
        Err(error) => {
            eprintln!("{error}");
            1
        }
    };
    let _ = fs::write(&status_file, code.to_string());
}

/// Sets the console up for a shell.
fn make_terminal(console: &File) -> io::Result<()> {
    use rustix::termios::{ControlModes, InputModes, LocalModes};
    let mut modes = tcgetattr(console)?;
    modes.input_modes |= InputModes::ICRNL | InputModes::IXON;
    modes.output_modes |= OutputModes::OPOST | OutputModes::ONLCR;
    modes.control_modes |= ControlModes::CREAD;
    modes.local_modes |= LocalModes::ISIG
        | LocalModes::ICANON
        | LocalModes::ECHO
        | LocalModes::ECHOE
        | LocalModes::ECHOK
        | LocalModes::ECHOCTL
        | LocalModes::IEXTEN;
    tcsetattr(console, OptionalActions::Now, &modes)?;
    Ok(())
}

fn frame(output: &mut File, word: &str, text: &[u8]) {
    let head = format!("{}{word} {}\n", char::from(FRAME), text.len());
    let _ = output.write_all(head.as_bytes()).and_then(|()| output.write_all(text));
}

fn end(uml: bool) -> ExitCode {
    if uml {
        let _ = reboot(RebootCommand::PowerOff);
    }
    ExitCode::SUCCESS
}
