//! `--netns`: any command works in another network namespace.

use std::process::{Command, Stdio};

use super::{assert_ended, load, saved};
use crate::harness::KernelTest;
use crate::netns::Netns;
use crate::program;

pub(crate) fn tests() -> Vec<KernelTest> {
    crate::tests![
        every_command_works_in_a_named_namespace,
        a_namespace_can_be_a_path_or_a_process,
        an_unknown_namespace_is_reported,
        advice_concerns_the_loopback_of_the_chosen_namespace,
    ]
}

fn every_command_works_in_a_named_namespace() {
    let (here, there) = (Netns::new(), Netns::new());
    load(&here, "-A -f 99 -s rr\n");
    let elsewhere = |options: &str, input: &str| {
        let command = here.command(program::ipvsadm()).args(options.split(' '));
        let ran = command.args(["--netns", there.name()]).stdin(input).run();
        assert_eq!(
            ran.stderr.lines().filter(|line| !line.contains("added")).count(),
            0,
            "{}",
            ran.stderr
        );
        ran
    };
    // Each command with its input, and the other namespace's table after it.
    let service = "-A -t 10.0.0.1:80 -s";
    let server = "-a -t 10.0.0.1:80 -r 10.9.0.1:80 -m -w";
    for (options, input, after) in [
        ("-A -t 10.0.0.1:80 -s rr", "", format!("{service} rr")),
        ("-E -t 10.0.0.1:80 -s lc", "", format!("{service} lc")),
        ("-a -t 10.0.0.1:80 -r 10.9.0.1 -m", "", format!("{service} lc\n{server} 1")),
        ("-e -t 10.0.0.1:80 -r 10.9.0.1 -m -w 3", "", format!("{service} lc\n{server} 3")),
        ("-Z", "", format!("{service} lc\n{server} 3")),
        ("-d -t 10.0.0.1:80 -r 10.9.0.1", "", format!("{service} lc")),
        ("-D -t 10.0.0.1:80", "", String::new()),
        ("-R", "-A -f 1 -s rr\n", "-A -f 1 -s rr".to_owned()),
        ("-C", "", String::new()),
        ("--apply", "-A -f 2 -s rr\n", "-A -f 2 -s rr".to_owned()),
        ("--set 7 8 9", "", "-A -f 2 -s rr".to_owned()),
        ("--start-daemon master --mcast-interface lo", "", "-A -f 2 -s rr".to_owned()),
    ] {
        elsewhere(options, input).success();
        assert_eq!(saved(&there), after, "{options}");
        assert_eq!(saved(&here), "-A -f 99 -s rr", "{options}");
    }
    for options in ["-L -n", "-S -n", "-L --timeout", "-L --daemon", "-L -n -c", "-L -n --stats"] {
        let through = elsewhere(options, "").success();
        let inside = there.ipvsadm(options.split(' ')).success();
        assert_eq!(through.stdout, inside.stdout, "{options}");
    }
    let timeouts = elsewhere("-L --timeout", "").stdout;
    assert!(timeouts.contains("7 8 9"), "{timeouts}");
    assert!(!here.ipvsadm(["-L", "--timeout"]).success().stdout.contains("7 8 9"));
    let dry = here.ipvsadm(["-C", "--dry-run", "--netns", there.name()]);
    assert_eq!((dry.code(), dry.stdout.as_str()), (Some(1), "-C\n"), "{}", dry.stderr);
    elsewhere("--stop-daemon master", "").success();
    assert_eq!(there.reference(["-L", "--daemon"]).success().stdout, "");
}

fn a_namespace_can_be_a_path_or_a_process() {
    let (here, there) = (Netns::new(), Netns::new());
    let mut process = there
        .enter(|| Command::new("sleep").arg("60").stdin(Stdio::null()).spawn())
        .expect("the child starts");
    let number = process.id().to_string();
    let path = format!("/run/netns/{}", there.name());
    let of_process = format!("/proc/{number}/ns/net");
    for (mark, namespace) in ["1", "2", "3"].into_iter().zip([&path, &of_process, &number]) {
        here.ipvsadm(["-A", "-f", mark, "-s", "rr", "--netns", namespace]).success();
        assert!(saved(&there).contains(&format!("-A -f {mark} -s rr")), "{namespace}");
    }
    assert_eq!(saved(&here), "");
    let _ = process.kill();
    let _ = process.wait();
}

fn an_unknown_namespace_is_reported() {
    let here = Netns::new();
    let searched = "not found in /run/netns or /run/docker/netns";
    for (namespace, reason) in [
        ("nowhere", searched),
        ("/run/netns/nowhere", "No such file or directory"),
        ("4194999", &format!("{searched}, and there is no such process")),
        ("/etc/passwd", "not a network namespace"),
    ] {
        for options in [&["-L", "-n"][..], &["-A", "-f", "1"], &["--apply"], &["-C", "--dry-run"]] {
            let ran = here.ipvsadm(options.iter().chain(&["--netns", namespace]));
            let expected = format!("network namespace {namespace}: {reason}");
            assert_eq!(ran.stdout, "");
            assert_ended(&ran, 255, &expected);
        }
    }
    assert_eq!(saved(&here), "");
}

fn advice_concerns_the_loopback_of_the_chosen_namespace() {
    let here = Netns::new();
    // Unlike `Netns::new`, this leaves the loopback interface down.
    here.ip("netns add bare");
    let rules = "-A -f 1 -s rr\n-a -f 1 -r 10.9.0.1 -m\n";
    let bare = |options: &str, input: &str| {
        let command = here.command(program::ipvsadm()).args(options.split(' '));
        command.args(["--netns", "bare"]).stdin(input).run()
    };
    let ran = bare("--apply", rules);
    assert_eq!(ran.code(), Some(255));
    assert!(ran.stderr.starts_with("line 2: Invalid operation."), "{}", ran.stderr);
    let advice = "The loopback interface of this network namespace is down, so the kernel \
                  refuses every real server. Bring it up: ip link set lo up\n";
    assert!(ran.stderr.contains(advice), "{}", ran.stderr);
    assert_eq!(bare("-S -n", "").success().stdout, "");
    // The advice is given once, whatever the number of servers.
    let ran = bare("-R", &format!("{rules}-a -f 1 -r 10.9.0.2 -m\n-a -f 1 -r 10.9.0.3 -m\n"));
    assert_eq!(ran.stderr.matches("Invalid operation.").count(), 3, "{}", ran.stderr);
    assert_eq!(ran.stderr.matches(advice).count(), 1, "{}", ran.stderr);
    assert!(ran.stderr.ends_with(advice), "{}", ran.stderr);
    let ran = bare("-a -f 1 -r 10.9.0.1 -m", "");
    assert!(ran.stderr.ends_with(advice), "{}", ran.stderr);
}
