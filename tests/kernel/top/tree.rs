//! The tree: filter, order, pause, sizes, and what it looks like without colours or Unicode.

use std::thread::sleep;
use std::time::Duration;

use super::terminal::{Terminal, cell};
use crate::harness::KernelTest;
use crate::netns::Netns;

pub(crate) fn tests() -> Vec<KernelTest> {
    crate::tests![
        the_tree_is_filtered_sorted_and_paused,
        the_doctor_examines_what_is_chosen,
        any_size_and_any_terminal_will_do,
        nothing_can_be_changed_where_it_is_only_read,
    ]
}

const RULES: &str = "\
-A -t 10.0.0.1:80 -s wrr
-a -t 10.0.0.1:80 -r 10.1.0.1:80 -m -w 1
-a -t 10.0.0.1:80 -r 10.1.0.2:80 -m -w 7 -x 100 -y 50
-A -u 10.0.0.2:53 -s rr
-a -u 10.0.0.2:53 -r 10.1.0.3:53 -g -w 2
-a -u 10.0.0.2:53 -r 10.1.0.4:53 -i -w 0
-A -f 7 -6 -s sh
-A -t [2001:db8::1]:443 -s wlc -p 60
-a -t [2001:db8::1]:443 -r [2001:db8:1::1]:443 -m -w 100
";

fn table() -> Netns {
    let ns = Netns::new();
    ns.command(crate::program::ipvsadm()).arg("-R").stdin(RULES).run().success();
    ns
}

/// The order in which these texts stand on the screen.
fn order<'t>(screen: &str, texts: &[&'t str]) -> Vec<&'t str> {
    let mut places: Vec<(usize, &str)> =
        texts.iter().filter_map(|text| Some((screen.find(text)?, *text))).collect();
    places.sort_unstable();
    places.into_iter().map(|(_, text)| text).collect()
}

fn the_tree_is_filtered_sorted_and_paused() {
    let ns = table();
    let terminal = Terminal::top(&ns, "--interval 0.2", (100, 30));
    let screen = terminal.wait_for("10.1.0.4:53");
    assert_eq!(cell(&screen, "10.1.0.3:53", "OUT/s").as_deref(), Some("–"), "{screen}");
    assert_eq!(cell(&screen, "10.1.0.4:53", "STATE").as_deref(), Some("drained"), "{screen}");
    assert_eq!(cell(&screen, "FWM 7 IPv6", "STATE").as_deref(), Some("down"), "{screen}");

    // The filter works as it is typed.
    terminal.press_for(&["/"], "filter:");
    terminal.press(&["1.0.3"]);
    let screen = terminal.wait("two rows", |screen| !screen.contains("10.0.0.1:80"));
    assert!(screen.contains("10.1.0.3:53") && !screen.contains("10.1.0.4:53"), "{screen}");
    terminal.press(&["Enter"]);
    terminal.press_for(&["Escape"], "10.1.0.1:80");
    terminal.press_for(&["/"], "filter:");
    terminal.press(&["nothing"]);
    terminal.wait_for("Nothing has this text.");
    terminal.press_for(&["Escape"], "10.1.0.1:80");

    // By weight: the heaviest first.
    let services = ["TCP 10.0.0.1:80", "UDP 10.0.0.2:53", "TCP [2001:db8::1]:443"];
    let [web, dns, secure] = services;
    let screen = terminal.wait_for("sort SERVICE / SERVER");
    assert_eq!(order(&screen, &services), [web, dns, secure], "{screen}");
    for title in ["CPS", "ACT", "INACT", "PERS", "IN/s", "OUT/s", "WGT"] {
        terminal.press_for(&["s"], &format!("sort {title}"));
    }
    let screen = terminal.wait_for("sort WGT ↓");
    assert_eq!(order(&screen, &services), [secure, web, dns], "{screen}");
    assert_eq!(order(&screen, &["10.1.0.1:80", "10.1.0.2:80"]), ["10.1.0.2:80", "10.1.0.1:80"]);
    let screen = terminal.press_for(&["r"], "sort WGT ↑");
    assert_eq!(order(&screen, &services), [dns, web, secure], "{screen}");

    // The servers of one, and of all.
    terminal.press(&["Home", "*"]);
    terminal.wait("no server", |screen| !screen.contains("10.1.0.1:80"));
    terminal.press_for(&["End", "Enter"], "[2001:db8:1::1]:443");
    terminal.press_for(&["*"], "10.1.0.1:80");

    // While it is paused, nothing moves, though some readings would be due.
    terminal.press_for(&["Space"], "PAUSED");
    ns.ipvsadm(["-D", "-t", "10.0.0.1:80"]).success();
    sleep(Duration::from_millis(600));
    let screen = terminal.press_for(&["n"], "10.1.0.1:80");
    assert!(screen.contains("PAUSED"), "{screen}");
    terminal.press(&["n", "Space"]);
    terminal.wait("the service to be gone", |screen| !screen.contains("10.1.0.1:80"));

    // Help says what the keys are.
    let screen = terminal.press_for(&["?"], "drain the server");
    assert!(screen.contains("Keys") && screen.contains("filter") || screen.contains("show only"));
    terminal.press_for(&["Escape"], "SERVICE / SERVER");
}

fn the_doctor_examines_what_is_chosen() {
    const RULES: &str = "\
-A -t 10.0.0.3:80 -s sh
-a -t 10.0.0.3:80 -r 10.1.0.6:80 -m -w 1
-a -t 10.0.0.3:80 -r 10.1.0.7:80 -m -w 0
-a -t 10.0.0.3:80 -r 10.1.0.8:80 -m -w 0
-A -t 10.0.0.4:80
";
    let ns = Netns::new();
    ns.command(crate::program::ipvsadm()).arg("-R").stdin(RULES).run().success();
    let terminal = Terminal::top(&ns, "", (90, 70));
    terminal.wait_for("10.1.0.7:80");
    // A service: what `--doctor` finds, and nothing about another one.
    terminal.press_for(&["D"], "TCP 10.0.0.3:80: examining");
    let doctor = ns.ipvsadm(["--doctor", "-t", "10.0.0.3:80", "--for", "1"]).stdout;
    let is_finding = |line: &&str| line.starts_with("  error: ") || line.starts_with("  warning: ");
    let findings: Vec<&str> = doctor.lines().filter(is_finding).collect();
    let refuses = ["10.1.0.7:80", "10.1.0.8:80"]
        .map(|server| format!("  warning: hash-refuses, real server {server}"));
    assert!(refuses.iter().all(|line| findings.contains(&line.as_str())), "{doctor}");
    let screen = terminal.wait_for("TCP 10.0.0.3:80: what the doctor says");
    let shown: Vec<&str> = screen.lines().filter(is_finding).collect();
    assert_eq!(shown, findings, "{screen}");
    assert!(screen.contains("check") && !screen.contains("10.0.0.4"), "{screen}");
    // One of its servers: all of that but what is about the other.
    terminal.press_for(&["Escape"], "SERVICE / SERVER");
    terminal.press_for(&["Down", "Down", "D"], "10.1.0.7:80 of TCP 10.0.0.3:80: examining");
    let screen = terminal.wait_for("10.1.0.7:80 of TCP 10.0.0.3:80: what the doctor says");
    let shown: Vec<&str> = screen.lines().filter(is_finding).collect();
    let findings: Vec<&str> = findings.into_iter().filter(|line| *line != refuses[1]).collect();
    assert_eq!(shown, findings, "{screen}");
}

fn any_size_and_any_terminal_will_do() {
    let ns = table();
    let terminal = Terminal::top(&ns, "--interval 1", (80, 24));
    let screen = terminal.wait_for("q quit");
    assert!(screen.lines().all(|line| line.chars().count() <= 80), "{screen}");
    terminal.resize(300, 80);
    let screen = terminal.wait_for("LAST MINUTE");
    assert!(screen.lines().any(|line| line.chars().count() == 300), "{screen}");
    terminal.resize(40, 8);
    terminal
        .wait("a small screen", |screen| !screen.contains("services") && screen.contains("CPS"));
    terminal.resize(3, 2);
    terminal.wait("hardly anything", |screen| screen.lines().all(|line| line.chars().count() <= 3));
    terminal.resize(80, 24);
    terminal.wait_for("10.1.0.4:53");
    assert!(terminal.coloured().contains("\x1b[3"), "there are colours");
    drop(terminal);

    // The locale and the environment decide.
    let terminal = Terminal::run(
        &ns,
        &format!("LC_ALL=C NO_COLOR=1 exec '{}' --top", crate::program::ipvsadm().display()),
        (140, 24),
    );
    let screen = terminal.wait_for("10.1.0.4:53");
    assert!(screen.is_ascii(), "{screen}");
    let coloured = terminal.coloured();
    for colour in ["\x1b[31", "\x1b[32", "\x1b[33", "\x1b[36", "\x1b[38", "\x1b[90"] {
        assert!(!coloured.contains(colour), "{coloured:?}");
    }
}

fn nothing_can_be_changed_where_it_is_only_read() {
    let ns = table();
    let before = ns.ipvsadm(["-S", "-n"]).success().stdout;
    let terminal = Terminal::top(&ns, "--read-only --ascii --interval 0.5", (100, 40));
    let screen = terminal.wait_for("READ ONLY");
    assert!(!screen.contains("d drain") && screen.is_ascii(), "{screen}");
    terminal.press(&["Down", "d", "y", "e", "y", "+", "y", "-", "y", "z", "y"]);
    let screen = terminal.press_for(&["?"], "Keys");
    assert!(!screen.contains("drain the server"), "{screen}");
    assert_eq!(ns.ipvsadm(["-S", "-n"]).success().stdout, before);
}
