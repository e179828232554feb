//! Help, version, and messages: what is wrong, and what to do about it.

use super::mounts::{Mounts, quoted};
use super::options::{commands, shared};
use crate::harness::KernelTest;
use crate::netns::Netns;
use crate::program;
use crate::unloaded::Unloaded;

pub(crate) fn tests() -> Vec<KernelTest> {
    crate::tests![
        help_is_complete_grouped_and_80_columns_wide,
        version_says_1_31_in_its_second_word,
        usage_errors_name_the_option_and_a_right_form,
        a_missing_module_is_reported,
        a_user_namespace_without_rights_is_refused,
        a_reader_that_goes_away_is_not_complained_about,
    ]
}

fn help_is_complete_grouped_and_80_columns_wide() {
    let ns = Netns::new();
    let help = ns.ipvsadm(["-h"]).success().stdout;
    assert_eq!(help, ns.ipvsadm(["--help"]).success().stdout);
    for line in help.lines() {
        assert!(line.chars().count() <= 80, "{line}");
    }
    for option in shared() {
        let line = help
            .lines()
            .find(|line| line.split([' ', ',']).any(|word| word == format!("--{}", option.long)));
        let line = line.unwrap_or_else(|| panic!("{} is not in the help", option.id));
        if let Some(letter) = option.short {
            assert!(line.contains(&format!("-{letter},")), "{line}");
        }
    }
    // The reference's own list of options is a subset.
    let reference = ns.reference(["-h"]).success().stdout;
    let words = reference.split([' ', '|', '\n']).filter(|word| word.starts_with("--"));
    for word in words {
        assert!(help.contains(word), "{word}");
    }
    let headings =
        help.lines().filter(|line| line.ends_with(':') && !line.starts_with(' ')).count();
    assert!(headings >= 7, "{help}");
}

fn version_says_1_31_in_its_second_word() {
    let ns = Netns::new();
    let (reference, ours) = (ns.reference(["-v"]).success(), ns.ipvsadm(["--version"]).success());
    let words = |text: &str| text.split(' ').take(2).map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(words(&reference.stdout), words(&ours.stdout));
    assert!(ours.stdout.contains(env!("CARGO_PKG_VERSION")), "{}", ours.stdout);
    assert_eq!(ours.stdout.lines().count(), 1);
}

fn usage_errors_name_the_option_and_a_right_form() {
    let ns = Netns::new();
    for (line, parts) in [
        ("-A -t 1.2.3.4", &["--tcp-service", "-p"][..]),
        ("-A", &["--add-service", "-t", "-f"]),
        ("-a -t 1.2.3.4:80", &["--add-server", "-r ADDRESS"]),
        ("-A -t 1.2.3.4:80 -w 5", &["--weight", "--add-service"]),
        ("-a -t 1.2.3.4:80 -r 10.0.0.1 -w -1", &["--weight", "0 to 2147483647"]),
        ("-a -t 1.2.3.4:80 -r 10.0.0.1 -w x", &["--weight", "0 to 2147483647"]),
        ("-A -t 1.2.3.4:80 -p 0", &["--persistent", "1 to 2678400"]),
        ("-A -f 0", &["--fwmark-service", "1 to 4294967295"]),
        ("-A -t 1.2.3.4.5.6:80", &["--tcp-service", "1.2.3.4.5.6"]),
        ("-A -t nosuch.invalid:80", &["--tcp-service", "nosuch.invalid"]),
        ("-a -t 1.2.3.4:80 -r 10.0.0.1 -i --tun-type x", &["--tun-type", "ipip, gue or gre"]),
        ("-a -t 1.2.3.4:80 -r 10.0.0.1 -i --tun-type gue", &["gue", "--tun-port PORT"]),
        ("-a -t 1.2.3.4:80 -r 10.0.0.1 -m --tun-type gue", &["--tun-type", "--ipip"]),
        ("-A -t 1.2.3.4:80 -o", &["--ops", "UDP"]),
        ("-A -t 1.2.3.4:80 -b nosuch", &["--sched-flags", "nosuch", "flag-1"]),
        ("-A -t 1.2.3.4:80 -b sh-port", &["--sched-flags", "sh-port", "scheduler sh"]),
        ("--start-daemon foo", &["--start-daemon", "master"]),
        ("--start-daemon master --mcast-group 10.0.0.1", &["--mcast-group", "multicast"]),
        ("--set 1 2", &["--set TCP TCPFIN UDP"]),
        ("-L -A", &["--add-service", "--list"]),
        ("-L -n -n", &["--numeric", "twice"]),
        ("-L foo", &["foo"]),
        ("-L --timeout --stats", &["--timeout", "--stats"]),
        ("-A -t", &["--tcp-service", "ADDRESS"]),
        ("-L --zzz", &["--zzz", "unknown option"]),
        ("foo", &["command", "-h"]),
    ] {
        let ran = ns.ipvsadm(line.split(' '));
        assert_ne!(ran.code(), Some(0), "{line}");
        assert_eq!(ran.stdout, "", "{line}");
        for part in parts {
            assert!(ran.stderr.contains(part), "{line}: {}", ran.stderr);
        }
    }
    assert_eq!(commands().count(), 14);
}

fn a_missing_module_is_reported() {
    let unloaded = Unloaded::new();
    let ns = Netns::new();
    for command in ["-L", "-C"] {
        let [reference, ours] = [program::reference(), program::ipvsadm()]
            .map(|program| unloaded.run(&ns, &program, &[command]));
        assert_eq!((reference.code(), ours.code()), (Some(2), Some(2)), "{}", ours.stderr);
        let own_lines = |text: &str| {
            let lines = text.lines().filter(|line| !line.starts_with("modprobe: "));
            lines.map(str::to_owned).collect::<Vec<_>>()
        };
        assert_eq!(own_lines(&reference.stderr), own_lines(&ours.stderr));
        let words = "Can't initialize ipvs: Protocol not available\n";
        assert!(ours.stderr.contains(words), "{}", ours.stderr);
        assert!(ours.stderr.contains("modprobe: "), "{}", ours.stderr);
    }
    unloaded.run(&ns, &program::ipvsadm(), &["-h"]).success();
    drop(unloaded);
    // With modprobe in order, the module is loaded.
    let listed = ns.ipvsadm(["-L", "-n"]).success();
    assert!(listed.stdout.starts_with("IP Virtual Server version 1.2.1"), "{}", listed.stdout);
    assert_eq!(listed.stderr, "");
}

fn a_user_namespace_without_rights_is_refused() {
    let ns = Netns::new();
    for arguments in [["-L"], ["-C"], ["-R"]] {
        let [reference, ours] = [program::reference(), program::ipvsadm()].map(|program| {
            // Root inside, but without rights over the network namespace outside.
            let command = ns.command("unshare").args(["--user", "--map-root-user"]).arg(program);
            command.args(arguments).stdin("-C\n-C\n").run()
        });
        assert_eq!(reference.code(), Some(2), "{}", reference.stderr);
        assert_eq!(ours.code(), Some(2), "{}", ours.stderr);
        assert_eq!(reference.stderr, ours.stderr);
        assert!(ours.stderr.contains("you must be root"), "{}", ours.stderr);
    }
}

fn a_reader_that_goes_away_is_not_complained_about() {
    let ns = Netns::new();
    let mut rules = String::new();
    for mark in 1..=3000 {
        rules += &format!("-A -f {mark} -s rr\n");
    }
    ns.command(program::ipvsadm()).arg("-R").stdin(rules).run().success();
    let mounts = Mounts::new();
    for command in ["-L -n", "-S -n", "-L -n --stats"] {
        let script = format!("{} {command} | head -n 1", quoted(&program::ipvsadm()));
        let ran = mounts.run(&ns, &script).success();
        assert_eq!(ran.stdout.lines().count(), 1);
        assert_eq!(ran.stderr, "");
    }
}
