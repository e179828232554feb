//! Real traffic: the tutorial's weights of 1 and 3.

use super::terminal::{Terminal, cell};
use crate::harness::KernelTest;
use crate::lab::Lab;
use crate::live::traffic::Load;

pub(crate) fn tests() -> Vec<KernelTest> {
    crate::tests![shares_are_those_of_the_weights_and_another_server_takes_over]
}

const SERVICE: &str = "192.168.144.44:80";
const ONE: &str = "128.10.10.8:80";
const OTHER: &str = "128.10.10.9:80";

/// A share in percent, as the screen has it.
fn share(screen: &str, server: &str) -> Option<i32> {
    cell(screen, server, "REAL")?.strip_suffix('%')?.parse().ok()
}

fn shares_are_those_of_the_weights_and_another_server_takes_over() {
    let lab = Lab::new();
    let director = &lab.network.director;
    director.sysctl("net.ipv4.ip_forward", "1");
    let run = |line: &str| director.ipvsadm(line.split(' ')).success().stdout;
    run(&format!("-A -t {SERVICE} -s wrr"));
    run(&format!("-a -t {SERVICE} -r {ONE} -m -w 1"));
    run(&format!("-a -t {SERVICE} -r {OTHER} -m -w 3"));
    let load = Load::start(&lab.network.client1, 4, "index.html");
    let terminal = Terminal::top(director, "", (100, 24));
    let screen = terminal.wait("shares of 25 and 75", |screen| {
        let near =
            |server, wanted: i32| share(screen, server).is_some_and(|it| (it - wanted).abs() <= 2);
        near(ONE, 25) && near(OTHER, 75)
    });
    assert_eq!(cell(&screen, ONE, "WANT").as_deref(), Some("25%"), "{screen}");
    assert_eq!(cell(&screen, OTHER, "WANT").as_deref(), Some("75%"), "{screen}");
    assert_eq!(cell(&screen, ONE, "STATE").as_deref(), Some("up"), "{screen}");
    assert_ne!(cell(&screen, ONE, "OUT/s").as_deref(), Some("–"), "{screen}");

    // The connections of one.
    let screen = terminal.press_for(&["Down", "Down", "c"], "CLIENT");
    assert!(screen.contains("TIME_WAIT") && screen.contains("192.168.144.10:"), "{screen}");
    assert!(screen.contains(&format!("{OTHER} of TCP {SERVICE}")), "{screen}");
    let screen = terminal.press_for(&["Escape"], "SERVICE / SERVER");
    assert!(screen.contains(ONE), "{screen}");

    // Drain it by key: the rule is shown and asked about, and any key but y leaves it alone.
    let rule = format!("ipvsadm --drain -t {SERVICE} -r {OTHER}");
    terminal.press_for(&["d"], &rule);
    terminal.press_for(&["n"], "nothing was changed");
    let weights = || run("-S -n");
    assert!(weights().contains(&format!("-r {OTHER} -m -w 3")), "{}", weights());
    terminal.press_for(&["d"], &rule);
    terminal.press_for(&["y"], "weight 3 set to 0; e gives it back");
    assert!(weights().contains(&format!("-r {OTHER} -m -w 0")), "{}", weights());
    terminal.wait("the other server to take over", |screen| {
        let state = cell(screen, OTHER, "STATE");
        cell(screen, OTHER, "CPS").as_deref() == Some("0")
            && cell(screen, ONE, "CPS").is_some_and(|rate| !["0", "–"].contains(&rate.as_str()))
            && state.is_some_and(|state| state.starts_with("drain"))
    });
    // It would be the last one.
    let screen = terminal.press_for(&["Up", "d"], "Do this all the same?");
    assert!(screen.contains("the last server of this service that has a weight"), "{screen}");
    terminal.press_for(&["Escape"], "nothing was changed");
    terminal.press_for(&["Down", "e"], &format!("ipvsadm --undrain -t {SERVICE} -r {OTHER}"));
    terminal.press_for(&["y"], "weight 3 again");
    assert!(weights().contains(&format!("-r {OTHER} -m -w 3")), "{}", weights());

    // A weight, in two steps before it is confirmed.
    terminal.press_for(&["+"], "-w 4 --keep");
    terminal.press_for(&["+"], "-w 5 --keep");
    terminal.press_for(&["y"], "weight 5 instead of 3");
    assert!(weights().contains(&format!("-r {OTHER} -m -w 5")), "{}", weights());

    // Counters begin anew, and there is no spike: no more than all the load before.
    let before = rate(&terminal.screen(), ONE);
    terminal.press_for(&["z"], &format!("ipvsadm -Z -t {SERVICE}"));
    terminal.press_for(&["y"], "zeroed");
    let is_known = |screen: &str| cell(screen, ONE, "CPS").is_some_and(|it| it != "–");
    let wait = |what: &str, wanted: bool| {
        terminal.wait(what, |screen| {
            let now = rate(screen, ONE);
            assert!(now <= before * 20.0 + 1000.0, "{now} after {before}:\n{screen}");
            is_known(screen) == wanted
        })
    };
    wait("counters that have fallen", false);
    wait("the next rate", true);
    load.stop();
}

/// Connections a second, as the screen has it; 0 where it is not known.
fn rate(screen: &str, server: &str) -> f64 {
    let text = cell(screen, server, "CPS").unwrap_or_default();
    match text.strip_suffix('k') {
        Some(thousands) => thousands.parse().unwrap_or(0.0) * 1000.0,
        None => text.parse().unwrap_or(0.0),
    }
}
