//! `--netns`: any command works in another network namespace.

use std::process::{Command, Stdio};

use super::{assert_ended, load, saved};
use crate::harness::KernelTest;
use crate::netns::Netns;
use crate::program;

pub(crate) fn tests() -> Vec<KernelTest> {
    crate::tests![
        every_command_works_in_a_namespace_by_its_name,
        a_namespace_may_be_a_path_or_a_process,
        a_namespace_that_is_none_is_told,
        the_loopback_that_is_down_is_that_of_the_namespace,
    ]
}

fn every_command_works_in_a_namespace_by_its_name() {
    let (here, there) = (Netns::new(), Netns::new());
    load(&here, "-A -f 99 -s rr\n");
    let elsewhere = |words: &str, input: &str| {
        let command = here.command(program::ipvsadm()).args(words.split(' '));
        let ran = command.args(["--netns", there.name()]).stdin(input).run();
        assert_eq!(
            ran.stderr.lines().filter(|line| !line.contains("added")).count(),
            0,
            "{}",
            ran.stderr
        );
        ran
    };
    // Each command, and what the other namespace holds after it.
    let service = "-A -t 10.0.0.1:80 -s";
    let server = "-a -t 10.0.0.1:80 -r 10.9.0.1:80 -m -w";
    for (words, input, after) in [
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
        elsewhere(words, input).success();
        assert_eq!(saved(&there), after, "{words}");
        assert_eq!(saved(&here), "-A -f 99 -s rr", "{words}");
    }
    for words in ["-L -n", "-S -n", "-L --timeout", "-L --daemon", "-L -n -c", "-L -n --stats"] {
        let through = elsewhere(words, "").success();
        let inside = there.ipvsadm(words.split(' ')).success();
        assert_eq!(through.stdout, inside.stdout, "{words}");
    }
    let timeouts = elsewhere("-L --timeout", "").stdout;
    assert!(timeouts.contains("7 8 9"), "{timeouts}");
    assert!(!here.ipvsadm(["-L", "--timeout"]).success().stdout.contains("7 8 9"));
    let dry = here.ipvsadm(["-C", "--dry-run", "--netns", there.name()]);
    assert_eq!((dry.code(), dry.stdout.as_str()), (Some(1), "-C\n"), "{}", dry.stderr);
    elsewhere("--stop-daemon master", "").success();
    assert_eq!(there.reference(["-L", "--daemon"]).success().stdout, "");
}

fn a_namespace_may_be_a_path_or_a_process() {
    let (here, there) = (Netns::new(), Netns::new());
    let mut process = there
        .enter(|| Command::new("sleep").arg("60").stdin(Stdio::null()).spawn())
        .expect("it starts");
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

fn a_namespace_that_is_none_is_told() {
    let here = Netns::new();
    let searched = "not found in /run/netns or /run/docker/netns";
    for (namespace, why) in [
        ("nowhere", searched),
        ("/run/netns/nowhere", "No such file or directory"),
        ("4194999", &format!("{searched}, and there is no such process")),
        ("/etc/passwd", "not a network namespace"),
    ] {
        for words in [&["-L", "-n"][..], &["-A", "-f", "1"], &["--apply"], &["-C", "--dry-run"]] {
            let ran = here.ipvsadm(words.iter().chain(&["--netns", namespace]));
            let expected = format!("network namespace {namespace}: {why}");
            assert_eq!(ran.stdout, "");
            assert_ended(&ran, 255, &expected);
        }
    }
    assert_eq!(saved(&here), "");
}

fn the_loopback_that_is_down_is_that_of_the_namespace() {
    let here = Netns::new();
    // As `ip` makes it: nobody has brought its loopback up yet.
    here.ip("netns add bare");
    let rules = "-A -f 1 -s rr\n-a -f 1 -r 10.9.0.1 -m\n";
    let bare = |words: &str, input: &str| {
        let command = here.command(program::ipvsadm()).args(words.split(' '));
        command.args(["--netns", "bare"]).stdin(input).run()
    };
    let ran = bare("--apply", rules);
    assert_eq!(ran.code(), Some(255));
    assert!(ran.stderr.starts_with("line 2: Invalid operation."), "{}", ran.stderr);
    let advice = "The loopback interface of this network namespace is down, so the kernel \
                  refuses every real server: ip link set lo up\n";
    assert!(ran.stderr.contains(advice), "{}", ran.stderr);
    assert_eq!(bare("-S -n", "").success().stdout, "");
    // Once for all servers.
    let ran = bare("-R", &format!("{rules}-a -f 1 -r 10.9.0.2 -m\n-a -f 1 -r 10.9.0.3 -m\n"));
    assert_eq!(ran.stderr.matches("Invalid operation.").count(), 3, "{}", ran.stderr);
    assert_eq!(ran.stderr.matches(advice).count(), 1, "{}", ran.stderr);
    assert!(ran.stderr.ends_with(advice), "{}", ran.stderr);
    let ran = bare("-a -f 1 -r 10.9.0.1 -m", "");
    assert!(ran.stderr.ends_with(advice), "{}", ran.stderr);
}
