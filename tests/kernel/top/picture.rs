//! The pictures of `--top` in README.md: `make picture` makes them from a real run.

use std::ffi::OsString;
use std::process::ExitCode;
use std::thread::sleep;
use std::time::Duration;

use super::svg::{moving, still};
use super::terminal::{Terminal, cell};
use crate::harness::Session;
use crate::lab::Lab;
use crate::live::traffic::Load;

/// `--picture still` and `--picture moving` print an SVG.
pub(crate) const PICTURE: Session = Session { name: "picture", interactive: false, run };

const SIZE: (u16, u16) = (110, 22);

const RULES: &str = "\
-A -t 192.168.144.44:80 -s wrr
-a -t 192.168.144.44:80 -r 128.10.10.8 -m -w 1
-a -t 192.168.144.44:80 -r 128.10.10.9 -m -w 3 -x 60000
-A -t 192.168.144.44:443 -s wlc -p 300
-a -t 192.168.144.44:443 -r 128.10.10.8 -m -w 10
-a -t 192.168.144.44:443 -r 128.10.10.9 -m -w 0
-A -u 192.168.144.44:53 -s rr
-a -u 192.168.144.44:53 -r 128.10.10.8 -g
-A -f 7 -6 -s mh
";

/// Long enough for the history of a minute.
const MINUTE: Duration = Duration::from_secs(64);

fn run(arguments: &[OsString]) -> ExitCode {
    let lab = Lab::new();
    let director = &lab.network.director;
    director.sysctl("net.ipv4.ip_forward", "1");
    director.command(crate::program::ipvsadm()).arg("-R").stdin(RULES).run().success();
    director
        .ipvsadm("--start-daemon master --mcast-interface eth0 --syncid 5".split(' '))
        .success();
    let load = Load::start(&lab.network.client1, 2, "index.html");
    let terminal = Terminal::top(director, "", SIZE);
    terminal.wait_for("75%");
    let svg = match arguments.first().and_then(|word| word.to_str()) {
        Some("still") => {
            sleep(MINUTE);
            terminal.press(&["Down", "Down"]);
            sleep(Duration::from_secs(1));
            still(&terminal.coloured(), SIZE)
        }
        Some("moving") => moving(&film(&terminal), SIZE),
        _ => {
            eprintln!("--picture: still or moving");
            return ExitCode::from(2);
        }
    };
    load.stop();
    print!("{svg}");
    ExitCode::SUCCESS
}

/// A server is drained, and comes back.
fn film(terminal: &Terminal<'_>) -> Vec<(String, f64)> {
    let mut screens = Vec::new();
    let mut shoot = |seconds| screens.push((terminal.coloured(), seconds));
    sleep(MINUTE / 2);
    shoot(1.5);
    for _ in 0..2 {
        terminal.press(&["Down"]);
        sleep(Duration::from_millis(400));
        shoot(0.6);
    }
    terminal.press_for(&["d"], "--drain");
    shoot(2.0);
    terminal.press_for(&["y"], "set to 0");
    shoot(1.5);
    let drained = |screen: &str| cell(screen, "128.10.10.9:80", "CPS").as_deref() == Some("0");
    for _ in 0..6 {
        sleep(Duration::from_secs(2));
        shoot(1.0);
        if drained(&terminal.screen()) {
            break;
        }
    }
    terminal.press_for(&["e"], "--undrain");
    shoot(1.5);
    terminal.press_for(&["y"], "weight 3 again");
    shoot(1.0);
    for _ in 0..5 {
        sleep(Duration::from_secs(2));
        shoot(1.0);
    }
    terminal.press_for(&["?"], "Keys");
    shoot(2.5);
    screens
}
