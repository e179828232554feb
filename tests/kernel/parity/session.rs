//! An `-R` that gets one rule at a time, which is much faster than starting a program for each.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, ChildStderr, ChildStdin, Command, ExitStatus, Stdio};

use super::pair::Line;
use crate::netns::{Netns, Ran};

/// Makes the C library write each line at once, even to a file (coreutils' `stdbuf`).
const STDBUF: [(&str, &str); 2] =
    [("LD_PRELOAD", "/usr/libexec/coreutils/libstdbuf.so"), ("_STDBUF_O", "L")];

/// A running `ipvsadm -R`.
pub(crate) struct Session {
    child: Child,
    input: ChildStdin,
    errors: BufReader<ChildStderr>,
    output: File,
    rules: usize,
}

impl Session {
    pub(crate) fn start(netns: &Netns, program: &Path) -> Session {
        let file = tempfile::tempfile().expect("/tmp is writable");
        let output = file.try_clone().expect("the file can be opened twice");
        let mut command = Command::new(program);
        command.arg("-R").envs(STDBUF).stdin(Stdio::piped()).stdout(file).stderr(Stdio::piped());
        let mut child = netns.enter(|| command.spawn()).expect("the program starts");
        let input = child.stdin.take().expect("a pipe");
        let errors = BufReader::new(child.stderr.take().expect("a pipe"));
        Session { child, input, errors, output, rules: 0 }
    }

    /// Carries out a rule. Returns the outcome, and whether it ended the session.
    ///
    /// A session that is still running has no exit status; a complaint stands for a failure.
    pub(crate) fn carry_out(&mut self, line: &Line, rule: &[u8]) -> (Ran, bool) {
        self.rules += 1;
        // This rule causes a complaint without ending the session. Once that has arrived,
        // everything before it has.
        let mark = format!("--zzz{}", self.rules);
        let complaint = format!("{mark}: unknown option\n");
        let start = self.output.stream_position().expect("a file has a position");
        let rules = [rule, b"\n-C ", mark.as_bytes(), b"\n"].concat();
        // A program that has ended does not read this.
        let _ = self.input.write_all(&rules);
        let mut stderr = String::new();
        let ended = loop {
            let before = stderr.len();
            let read = self.errors.read_line(&mut stderr).expect("standard error");
            if read == 0 {
                break true;
            }
            if stderr[before..].ends_with(&complaint) {
                stderr.truncate(before);
                break false;
            }
        };
        let status = match (ended, stderr.is_empty()) {
            (true, _) => self.child.wait().expect("an exit status"),
            (false, true) => ExitStatus::from_raw(0),
            (false, false) => ExitStatus::from_raw(255 << 8),
        };
        // The program shares the position in the file, which has moved.
        let mut stdout = Vec::new();
        self.output.seek(SeekFrom::Start(start)).expect("a file has a position");
        self.output.read_to_end(&mut stdout).expect("the output can be read");
        let stdout = String::from_utf8_lossy(&stdout).into_owned();
        (Ran { command: line.to_string(), status, stdout, stderr }, ended)
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The line as a rule, if a rule can say it.
pub(crate) fn rule(line: &Line) -> Option<Vec<u8>> {
    let fits = |word: &&[u8]| {
        let blank = |byte: &u8| b" \t\r\n\0".contains(byte);
        !word.is_empty()
            && !word.starts_with(b"#")
            && *word != b"ipvsadm"
            && !word.iter().any(blank)
    };
    let words: Vec<&[u8]> = line.words.iter().map(|word| word.as_bytes()).collect();
    let can_be = !words.is_empty() && line.input.is_empty() && words.iter().all(fits);
    can_be.then(|| words.join(&b' '))
}
