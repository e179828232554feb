//! One at a time: commands that change a whole table wait for each other.

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
        whoever_comes_second_waits_for_the_first,
        wait_bounds_how_long,
        a_killed_holder_holds_no_longer,
        who_gets_no_more_rules_lets_others_go_first,
        without_a_place_for_the_lock_there_is_none,
        many_at_once_end_in_the_table_of_one,
    ]
}

/// An `ipvsadm -R` that has begun, and gets an empty line now and then until it is to end.
struct Holder {
    child: Child,
    input: Option<(Sender<()>, JoinHandle<()>)>,
}

/// `-R` that has begun and waits for more.
fn start(ns: &Netns) -> Child {
    let mut child = ns
        .enter(|| {
            Command::new(program::ipvsadm())
                .arg("-R")
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .spawn()
        })
        .expect("it starts");
    // Its answer tells that it is at work.
    let input = child.stdin.as_mut().expect("it is a pipe");
    input.write_all(b"-L -n\n").expect("it reads");
    let output = child.stdout.as_mut().expect("it is a pipe");
    let mut line = String::new();
    BufReader::new(output).read_line(&mut line).expect("it writes");
    assert!(line.starts_with("IP Virtual Server"), "{line}");
    child
}

impl Holder {
    fn start(ns: &Netns) -> Holder {
        let mut child = start(ns);
        let mut input = child.stdin.take().expect("it is a pipe");
        let (end, ended) = mpsc::channel();
        let writer = spawn(move || {
            // When it was killed it reads no more.
            while ended.recv_timeout(Duration::from_millis(200)) == Err(RecvTimeoutError::Timeout)
                && input.write_all(b"\n").is_ok()
            {}
        });
        Holder { child, input: Some((end, writer)) }
    }

    /// How others name it.
    fn described(&self) -> String {
        let (process, program) = (self.child.id(), program::ipvsadm());
        let program = program.display();
        format!("another ipvsadm that is changing this table: process {process} ({program} -R)")
    }

    /// Lets it come to its end.
    fn end(mut self) {
        self.close();
        let status = self.child.wait().expect("it ends");
        assert!(status.success(), "{status}");
    }

    fn close(&mut self) {
        if let Some((end, writer)) = self.input.take() {
            drop(end);
            writer.join().expect("it writes");
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

fn whoever_comes_second_waits_for_the_first() {
    let ns = Netns::new();
    for (program, word, input) in lockers() {
        load(&ns, "-C\n-A -f 9\n");
        let before = saved(&ns);
        let holder = Holder::start(&ns);
        let mut second = ns
            .enter(|| {
                let words = word.split_whitespace();
                let mut command = Command::new(&program);
                command.args(words).stdin(Stdio::piped()).stderr(Stdio::piped()).spawn()
            })
            .expect("it starts");
        let mut pipe = second.stdin.take().expect("it is a pipe");
        pipe.write_all(input.as_bytes()).expect("it takes it");
        drop(pipe);
        // It says that it waits.
        let mut line = String::new();
        let errors = second.stderr.take().expect("it is a pipe");
        BufReader::new(errors).read_line(&mut line).expect("it writes");
        assert_eq!(line, format!("waiting for {}\n", holder.described()), "{word}");
        assert_eq!(saved(&ns), before, "{word}");
        assert!(second.try_wait().expect("it is ours").is_none(), "{word}");
        // Others need not wait: who reads, who changes one thing, and who works elsewhere.
        ns.ipvsadm(["-L", "-n"]).success();
        ns.ipvsadm(["-A", "-f", "8"]).success();
        Netns::new().ipvsadm(["-C", "--wait", "0"]).success();
        holder.end();
        let status = second.wait().expect("it ends");
        assert!(status.success(), "{word}: {status}");
        assert_ne!(saved(&ns), before, "{word}");
    }
}

fn wait_bounds_how_long() {
    let ns = Netns::new();
    load(&ns, "-A -f 9\n");
    let before = saved(&ns);
    let holder = Holder::start(&ns);
    let other = holder.described();
    for (seconds, more) in [("0", String::new()), ("1", format!("waiting for {other}\n"))] {
        for (program, word, input) in lockers() {
            let start = Instant::now();
            let words = word.split_whitespace().chain(["--wait", seconds]);
            let ran = ns.command(&program).args(words).stdin(input).run();
            let waited = start.elapsed();
            let told = ran.stderr.strip_prefix(&more).unwrap_or(&ran.stderr);
            let expected = format!(
                "gave up after {seconds} s waiting for {other}; --wait SECONDS waits longer\n"
            );
            assert_eq!((ran.code(), told), (Some(4), expected.as_str()), "{}", ran.command);
            assert!(
                waited >= Duration::from_secs(seconds.parse().expect("a number")),
                "{waited:?}"
            );
            assert_eq!(saved(&ns), before, "{word}");
        }
    }
    holder.end();
    ns.ipvsadm(["-C", "--wait", "0"]).success();
}

fn a_killed_holder_holds_no_longer() {
    let ns = Netns::new();
    load(&ns, "-A -f 9\n");
    let mut holder = Holder::start(&ns);
    assert_eq!(ns.ipvsadm(["-C", "--wait", "0"]).code(), Some(4));
    holder.child.kill().expect("it is ours");
    holder.child.wait().expect("it is ours");
    ns.ipvsadm(["-C", "--wait", "0"]).success();
    assert_eq!(saved(&ns), "");
}

fn who_gets_no_more_rules_lets_others_go_first() {
    let ns = Netns::new();
    let mut open = start(&ns);
    let mut input = open.stdin.take().expect("it is a pipe");
    let mut more = |rules: &str| input.write_all(rules.as_bytes()).expect("it reads");
    more("-A -f 1\n");
    ns.ipvsadm(["-C", "--wait", "30"]).success();
    assert_eq!(saved(&ns), "");
    // When there is more to do, it is the one to wait.
    let holder = Holder::start(&ns);
    more("-A -f 2\n");
    sleep(Duration::from_millis(500));
    assert_eq!(saved(&ns), "");
    holder.end();
    drop(input);
    assert!(open.wait().expect("it ends").success());
    assert_eq!(saved(&ns), "-A -f 2 -s wlc");
}

fn without_a_place_for_the_lock_there_is_none() {
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

fn many_at_once_end_in_the_table_of_one() {
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
                ns.enter(start).expect("it starts")
            })
            .collect();
        for child in children {
            let output = child.wait_with_output().expect("it ends");
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        }
        let now = table(&ns);
        assert!(rules.iter().any(|rules| described(rules) == now), "a mixture");
        sleep(Duration::from_millis(10));
    }
}
