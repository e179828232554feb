//! Commands that change a whole table run one at a time.

use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread::{JoinHandle, sleep, spawn};
use std::time::{Duration, Instant};

use super::tables::{described, large};
use super::{assert_ended, file, load, restore_program, saved, table};
use crate::harness::KernelTest;
use crate::netns::Netns;
use crate::program;

pub(crate) fn tests() -> Vec<KernelTest> {
    crate::tests![
        a_second_command_waits_for_the_first,
        wait_limits_the_time,
        a_killed_process_releases_the_lock,
        restore_without_input_releases_the_lock,
        apply_works_where_the_lock_file_cannot_be_written,
        concurrent_applies_leave_the_table_of_one,
    ]
}

/// A running `ipvsadm -R` that keeps the lock, because it is sent an empty line now and then.
struct Holder {
    child: Child,
    input: Option<(Sender<()>, JoinHandle<()>)>,
}

/// Starts `ipvsadm -R`, which then waits for rules.
fn start(ns: &Netns) -> Child {
    let mut child = ns
        .enter(|| {
            Command::new(program::ipvsadm())
                .arg("-R")
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .spawn()
        })
        .expect("the child starts");
    // Its answer shows that it holds the lock.
    let input = child.stdin.as_mut().expect("the stream is a pipe");
    input.write_all(b"-L -n\n").expect("the child reads");
    let output = child.stdout.as_mut().expect("the stream is a pipe");
    let mut line = String::new();
    BufReader::new(output).read_line(&mut line).expect("the child writes");
    assert!(line.starts_with("IP Virtual Server"), "{line}");
    child
}

impl Holder {
    fn start(ns: &Netns) -> Holder {
        let mut child = start(ns);
        let mut input = child.stdin.take().expect("the stream is a pipe");
        let (end, ended) = mpsc::channel();
        let writer = spawn(move || {
            // Writing fails once the child has been killed.
            while ended.recv_timeout(Duration::from_millis(200)) == Err(RecvTimeoutError::Timeout)
                && input.write_all(b"\n").is_ok()
            {}
        });
        Holder { child, input: Some((end, writer)) }
    }

    /// The description of this process in others' messages.
    fn described(&self) -> String {
        let (process, program) = (self.child.id(), program::ipvsadm());
        let program = program.display();
        format!("another ipvsadm that is changing this table: process {process} ({program} -R)")
    }

    /// Ends its input, and waits for it to end.
    fn end(mut self) {
        self.close();
        let status = self.child.wait().expect("the child ends");
        assert!(status.success(), "{status}");
    }

    fn close(&mut self) {
        if let Some((end, writer)) = self.input.take() {
            drop(end);
            writer.join().expect("the writer does not panic");
        }
    }
}

impl Drop for Holder {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        self.close();
    }
}

/// Every command that takes the lock, with its standard input.
fn lockers() -> [(PathBuf, &'static str, &'static str); 5] {
    let ours = program::ipvsadm;
    [
        (ours(), "--apply", "-A -f 1\n"),
        (ours(), "-R", "-A -f 1\n"),
        (ours(), "-C", ""),
        (restore_program(), "", "-A -f 1\n"),
        (restore_program(), "--clear", "-A -f 1\n"),
    ]
}

fn a_second_command_waits_for_the_first() {
    let ns = Netns::new();
    for (program, option, input) in lockers() {
        load(&ns, "-C\n-A -f 9\n");
        let before = saved(&ns);
        let holder = Holder::start(&ns);
        let mut second = ns
            .enter(|| {
                let options = option.split_whitespace();
                let mut command = Command::new(&program);
                command.args(options).stdin(Stdio::piped()).stderr(Stdio::piped()).spawn()
            })
            .expect("the child starts");
        let mut pipe = second.stdin.take().expect("the stream is a pipe");
        pipe.write_all(input.as_bytes()).expect("the child reads");
        drop(pipe);
        // It reports that it waits.
        let mut line = String::new();
        let errors = second.stderr.take().expect("the stream is a pipe");
        BufReader::new(errors).read_line(&mut line).expect("the child writes");
        assert_eq!(line, format!("waiting for {}\n", holder.described()), "{option}");
        assert_eq!(saved(&ns), before, "{option}");
        assert!(second.try_wait().expect("the child's status is known").is_none(), "{option}");
        // Reading, changing one thing, and changing another namespace need no lock.
        ns.ipvsadm(["-L", "-n"]).success();
        ns.ipvsadm(["-A", "-f", "8"]).success();
        Netns::new().ipvsadm(["-C", "--wait", "0"]).success();
        holder.end();
        let status = second.wait().expect("the child ends");
        assert!(status.success(), "{option}: {status}");
        assert_ne!(saved(&ns), before, "{option}");
    }
}

fn wait_limits_the_time() {
    let ns = Netns::new();
    load(&ns, "-A -f 9\n");
    let before = saved(&ns);
    let holder = Holder::start(&ns);
    let other = holder.described();
    for (seconds, announced) in [("0", String::new()), ("1", format!("waiting for {other}\n"))] {
        for (program, option, input) in lockers() {
            let start = Instant::now();
            let options = option.split_whitespace().chain(["--wait", seconds]);
            let ran = ns.command(&program).args(options).stdin(input).run();
            let waited = start.elapsed();
            let error = ran.stderr.strip_prefix(&announced).unwrap_or(&ran.stderr);
            let expected = format!(
                "gave up after {seconds} s waiting for {other}; --wait SECONDS waits longer\n"
            );
            assert_eq!((ran.code(), error), (Some(4), expected.as_str()), "{}", ran.command);
            assert!(
                waited >= Duration::from_secs(seconds.parse().expect("a number")),
                "{waited:?}"
            );
            assert_eq!(saved(&ns), before, "{option}");
        }
    }
    holder.end();
    ns.ipvsadm(["-C", "--wait", "0"]).success();
}

fn a_killed_process_releases_the_lock() {
    let ns = Netns::new();
    load(&ns, "-A -f 9\n");
    let mut holder = Holder::start(&ns);
    assert_eq!(ns.ipvsadm(["-C", "--wait", "0"]).code(), Some(4));
    holder.child.kill().expect("the child can be killed");
    holder.child.wait().expect("the child ends");
    ns.ipvsadm(["-C", "--wait", "0"]).success();
    assert_eq!(saved(&ns), "");
}

fn restore_without_input_releases_the_lock() {
    let ns = Netns::new();
    let mut open = start(&ns);
    let mut input = open.stdin.take().expect("the stream is a pipe");
    let mut send = |rules: &str| input.write_all(rules.as_bytes()).expect("the child reads");
    send("-A -f 1\n");
    ns.ipvsadm(["-C", "--wait", "30"]).success();
    assert_eq!(saved(&ns), "");
    // With more rules to carry out, it has to wait in turn.
    let holder = Holder::start(&ns);
    send("-A -f 2\n");
    sleep(Duration::from_millis(500));
    assert_eq!(saved(&ns), "");
    holder.end();
    drop(input);
    assert!(open.wait().expect("the child ends").success());
    assert_eq!(saved(&ns), "-A -f 2 -s wlc");
}

fn apply_works_where_the_lock_file_cannot_be_written() {
    let ns = Netns::new();
    let path = file("one", "-A -f 1 -s rr\n");
    let script = format!(
        "mount --bind /run /run && mount -o remount,bind,ro /run && ! touch /run/x 2>&- &&
         exec {} --apply {} --wait 0",
        program::ipvsadm().display(),
        path.display()
    );
    let ran = ns.command("unshare").args(["-m", "sh", "-c", &script]).run();
    assert_ended(&ran, 0, "1 service added");
    assert_eq!(saved(&ns), "-A -f 1 -s rr");
}

fn concurrent_applies_leave_the_table_of_one() {
    let ns = Netns::new();
    let rules: Vec<String> =
        (1..=4).map(|weight| large(20 + 10 * weight, 3, |number| weight + number % 2)).collect();
    let files: Vec<PathBuf> = rules
        .iter()
        .enumerate()
        .map(|(number, rules)| file(&format!("at-once-{number}"), rules))
        .collect();
    for _ in 0..5 {
        let children: Vec<Child> = files
            .iter()
            .map(|path| {
                let start = || {
                    let mut command = Command::new(program::ipvsadm());
                    command.arg("--apply").arg(path).stderr(Stdio::piped()).spawn()
                };
                ns.enter(start).expect("the child starts")
            })
            .collect();
        for child in children {
            let output = child.wait_with_output().expect("the child ends");
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        }
        let now = table(&ns);
        assert!(rules.iter().any(|rules| described(rules) == now), "a mixture of several tables");
        sleep(Duration::from_millis(10));
    }
}
