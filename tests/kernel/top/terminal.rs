//! A terminal that can be typed on and looked at: tmux.

use std::fs;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::netns::{Netns, NsCommand};
use crate::program;

/// Longer than anything takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(40);

/// A terminal with a program in it, ended when dropped.
pub(super) struct Terminal<'ns> {
    ns: &'ns Netns,
    socket: String,
}

impl<'ns> Terminal<'ns> {
    /// Runs `ipvsadm --top` with these options in a terminal of this size.
    pub(super) fn top(ns: &'ns Netns, options: &str, (width, height): (u16, u16)) -> Self {
        let program = program::ipvsadm();
        Self::run(ns, &format!("exec '{}' --top {options}", program.display()), (width, height))
    }

    /// Runs a command of the shell.
    pub(super) fn run(ns: &'ns Netns, command: &str, (width, height): (u16, u16)) -> Self {
        static NUMBER: AtomicUsize = AtomicUsize::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let terminal = Terminal { ns, socket: format!("top-{}-{number}", std::process::id()) };
        let (width, height) = (width.to_string(), height.to_string());
        let size = ["-x", &width, "-y", &height];
        terminal
            .tmux(["-f", "/dev/null", "new-session", "-d"].iter().chain(&size))
            .arg(command)
            .run()
            .success();
        terminal
    }

    fn tmux<'a>(&self, arguments: impl IntoIterator<Item = &'a &'a str>) -> NsCommand<'ns> {
        self.ns
            .command("tmux")
            .args(["-L", &self.socket])
            .args(arguments)
            .env("LC_ALL", "C.UTF-8")
            .env("TERM", "xterm-256color")
    }

    /// Presses keys, by tmux's names.
    pub(super) fn press(&self, keys: &[&str]) {
        self.tmux(&["send-keys"]).args(keys).run().success();
    }

    pub(super) fn resize(&self, width: u16, height: u16) {
        let (width, height) = (width.to_string(), height.to_string());
        self.tmux(&["resize-window", "-x", &width, "-y", &height]).run().success();
    }

    /// What is on the screen.
    pub(super) fn screen(&self) -> String {
        self.tmux(&["capture-pane", "-p"]).run().stdout
    }

    /// What is on the screen, with colours as a terminal is sent them.
    pub(super) fn coloured(&self) -> String {
        self.tmux(&["capture-pane", "-p", "-e"]).run().success().stdout
    }

    /// A property of the terminal, in tmux's language.
    pub(super) fn property(&self, format: &str) -> String {
        self.tmux(&["display-message", "-p", format]).run().stdout.trim().to_owned()
    }

    /// The process of the program: that of the terminal, or a child of its shell. Another one may still
    /// be about to end.
    pub(super) fn process(&self) -> u32 {
        let own: u32 = self.property("#{pane_pid}").parse().expect("a number");
        let path = program::ipvsadm();
        let found = fs::read_dir("/proc").expect("processes").flatten().find_map(|entry| {
            let id: u32 = entry.file_name().to_str()?.parse().ok()?;
            let line = fs::read(entry.path().join("cmdline")).ok()?;
            let stat = fs::read_to_string(entry.path().join("stat")).ok()?;
            let parent = stat.rsplit_once(") ")?.1.split(' ').nth(1)?.parse();
            let is_here = id == own || parent == Ok(own);
            (is_here && line.starts_with(path.as_os_str().as_encoded_bytes())).then_some(id)
        });
        found.expect("it runs")
    }

    /// Waits until the screen is as it should be. Returns what it looks like.
    #[track_caller]
    pub(super) fn wait(&self, what: &str, is_there: impl Fn(&str) -> bool) -> String {
        let end = Instant::now() + PATIENCE;
        loop {
            let screen = self.screen();
            if is_there(&screen) {
                return screen;
            }
            assert!(Instant::now() < end, "waited in vain for {what}:\n{screen}");
            sleep(Duration::from_millis(50));
        }
    }

    /// Waits for a text.
    #[track_caller]
    pub(super) fn wait_for(&self, text: &str) -> String {
        self.wait(text, |screen| screen.contains(text))
    }

    /// Presses keys, and waits for a text.
    #[track_caller]
    pub(super) fn press_for(&self, keys: &[&str], text: &str) -> String {
        self.press(keys);
        self.wait_for(text)
    }
}

impl Drop for Terminal<'_> {
    fn drop(&mut self) {
        let _ = self.tmux(&["kill-server"]).run();
    }
}

/// The cells of the row that begins with this name, by the titles of their columns.
pub(super) fn cell(screen: &str, name: &str, title: &str) -> Option<String> {
    let heading = screen.lines().find(|line| line.starts_with("SERVICE / SERVER"))?;
    let heading: Vec<char> = heading.chars().collect();
    let row = screen.lines().find(|line| {
        let text = line.trim_start_matches(['▾', '▸', '-', '+', ' ']);
        text.strip_prefix(name).is_some_and(|rest| rest.starts_with(' '))
    })?;
    let row: Vec<char> = row.chars().collect();
    let title: Vec<char> = title.chars().collect();
    let at = heading.windows(title.len()).position(|part| part == title)?;
    // Numbers end where their title does, other cells begin where it does.
    let end = at + title.len();
    let begin = match row.get(at) {
        Some(letter) if *letter != ' ' && (at == 0 || row[at - 1] == ' ') => at,
        _ => (0..end.min(row.len())).rev().find(|at| row[*at] == ' ').map_or(0, |at| at + 1),
    };
    let text: String = row[begin..].iter().take_while(|letter| **letter != ' ').collect();
    Some(text)
}
