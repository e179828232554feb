//! However it ends, the terminal is as it was; and what vanishes meanwhile may come back.

use std::fs;
use std::path::Path;

use super::terminal::Terminal;
use crate::harness::KernelTest;
use crate::netns::Netns;
use crate::unloaded::Unloaded;
use crate::{preload, program};

pub(crate) fn tests() -> Vec<KernelTest> {
    crate::tests![
        // First: services that others have left keep the module where it is.
        it_goes_on_when_the_module_is_back,
        the_terminal_is_restored_however_it_ends,
        it_goes_on_when_the_namespace_is_back,
        it_goes_on_when_the_right_is_back,
        it_says_where_it_cannot_be_shown,
    ]
}

/// Runs it in a shell that tells the settings of the terminal before and after, and ends it. Returns
/// what the shell has told, and its status.
fn ended(ns: &Netns, environment: &str, end: impl Fn(&Terminal<'_>)) -> (String, String, String) {
    let script = format!(
        "stty -a > /tmp/before; {environment} '{}' --top 2> /tmp/errors; echo \"ended $?\"; \
         stty -a > /tmp/after; exec cat",
        program::ipvsadm().display()
    );
    let terminal = Terminal::run(ns, &script, (80, 24));
    terminal.wait_for("10.0.0.1:80");
    assert_eq!(terminal.property("#{alternate_on} #{mouse_any_flag}"), "1 1");
    end(&terminal);
    let screen = terminal.wait_for("ended ");
    assert_eq!(terminal.property("#{alternate_on} #{cursor_flag} #{mouse_any_flag}"), "0 1 0");
    let read = |name: &str| std::fs::read_to_string(name).expect("it is there");
    terminal.wait("the settings", |_| {
        Path::new("/tmp/after").exists() && !read("/tmp/after").is_empty()
    });
    assert_eq!(read("/tmp/before"), read("/tmp/after"));
    let status = screen.lines().find_map(|line| line.strip_prefix("ended "));
    std::fs::remove_file("/tmp/after").expect("removed");
    (status.unwrap_or_default().trim().to_owned(), read("/tmp/errors"), screen)
}

fn kill(signal: &str) -> impl Fn(&Terminal<'_>) + '_ {
    move |terminal| {
        let id = terminal.process().to_string();
        let sent = std::process::Command::new("kill").args([&format!("-{signal}"), &id]).status();
        assert!(sent.is_ok_and(|status| status.success()));
    }
}

fn the_terminal_is_restored_however_it_ends() {
    let ns = Netns::new();
    ns.ipvsadm(["-A", "-t", "10.0.0.1:80"]).success();
    let press = |key: &'static str| move |terminal: &Terminal<'_>| terminal.press(&[key]);
    let (status, errors, screen) = ended(&ns, "", press("q"));
    assert_eq!((status.as_str(), errors.as_str()), ("0", ""), "{screen}");
    let (status, errors, _) = ended(&ns, "", kill("TERM"));
    assert_eq!((status.as_str(), errors.as_str()), ("143", ""));
    // A panic says what it is about, on a screen where that can be read.
    let (status, errors, _) = ended(&ns, "IPVSADM_TOP_CRASH=1", press("x"));
    let is_optimized = std::env::var_os(program::OVERRIDE).is_some();
    assert!(status == "101" || is_optimized, "{status}");
    assert!(errors.contains("asked to crash") || is_optimized, "{errors}");
}

fn it_goes_on_when_the_namespace_is_back() {
    // The namespace, and another one of the same name.
    let around = Netns::new();
    let ns = Netns::named("blue");
    ns.ipvsadm(["-A", "-t", "10.0.0.1:80"]).success();
    let terminal = Terminal::top(&around, "--netns blue --interval 0.5", (80, 24));
    terminal.wait_for("TCP 10.0.0.1:80");
    drop(ns);
    let screen = terminal.wait_for("the network namespace blue is gone; trying again");
    assert!(screen.contains("TCP 10.0.0.1:80"), "{screen}");
    let ns = Netns::named("blue");
    ns.ipvsadm(["-A", "-t", "10.0.0.9:80"]).success();
    let screen = terminal.wait_for("TCP 10.0.0.9:80");
    assert!(!screen.contains("is gone"), "{screen}");
    assert!(!screen.contains("TCP 10.0.0.1:80"), "{screen}");
    drop(terminal);
}

fn it_goes_on_when_the_right_is_back() {
    let ns = Netns::new();
    ns.ipvsadm(["-A", "-t", "10.0.0.1:80", "-s", "rr"]).success();
    let library = preload::build("no-right", include_str!("no-right.c"));
    let program = program::ipvsadm();
    let command = format!(
        "LD_PRELOAD='{}' exec '{}' --top --interval 0.2",
        library.display(),
        program.display()
    );
    let terminal = Terminal::run(&ns, &command, (80, 24));
    terminal.wait_for("TCP 10.0.0.1:80");
    fs::write("/tmp/no-right", "").expect("written");
    let screen = terminal.wait_for("Permission denied (you must be root); trying again");
    assert!(screen.contains("TCP 10.0.0.1:80"), "{screen}");
    ns.ipvsadm(["-A", "-t", "10.0.0.2:80"]).success();
    assert!(!terminal.screen().contains("10.0.0.2:80"));
    fs::remove_file("/tmp/no-right").expect("removed");
    let screen = terminal.wait_for("TCP 10.0.0.2:80");
    assert!(!screen.contains("trying again"), "{screen}");
}

fn it_goes_on_when_the_module_is_back() {
    // Only a kernel of our own may lose it.
    let ns = Netns::new();
    let terminal = Terminal::top(&ns, "--interval 0.5", (80, 24));
    terminal.wait_for("There is no service.");
    let unloaded = Unloaded::new();
    if !Path::new("/proc/net/ip_vs").exists() {
        terminal.wait_for("IPVS is gone: its module has been removed");
        drop(unloaded);
        ns.ipvsadm(["-A", "-t", "10.0.0.8:80"]).success();
        let screen = terminal.wait_for("TCP 10.0.0.8:80");
        assert!(!screen.contains("is gone"), "{screen}");
    }
}

fn it_says_where_it_cannot_be_shown() {
    let ns = Netns::new();
    let ran = ns.ipvsadm(["--top"]);
    assert_eq!(ran.code(), Some(2), "{}", ran.stderr);
    assert_eq!(ran.stderr, "--top: needs a terminal; --batch prints instead of drawing\n");
    let ran = ns.ipvsadm(["--top", "--replay", "/nonexistent"]);
    assert_eq!(ran.code(), Some(5), "{}", ran.stderr);
    assert!(ran.stderr.starts_with("/nonexistent: "), "{}", ran.stderr);
}
