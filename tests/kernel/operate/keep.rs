//! `-E … --keep` and `-e … --keep` leave everything that they do not name as it is.

use crate::harness::KernelTest;
use crate::netns::{Netns, Ran};
use crate::program;

pub(crate) fn tests() -> Vec<KernelTest> {
    crate::tests![
        an_edit_keeps_what_it_does_not_name,
        an_edit_of_something_missing_is_refused_in_the_kernels_words,
        a_dry_run_shows_the_whole_edit,
        rules_may_keep_too,
        a_person_hears_that_a_plain_edit_changed_the_method,
    ]
}

const TABLE: &str = "\
-A -t 192.0.2.1:80 -s sh -p 600 -M 255.255.255.0 -b sh-port
-a -t 192.0.2.1:80 -r 10.0.0.1:8080 -m -w 3 -x 100 -y 50
-a -t 192.0.2.1:80 -r 10.0.0.2:80 -i -w 2 --tun-type gue --tun-port 6080 --tun-nocsum
-A -f 7 -6 -s wrr
-a -f 7 -6 -r [2001:db8::2]:0 -m -w 4
";

fn loaded() -> Netns {
    let ns = Netns::new();
    ns.command(program::ipvsadm()).arg("-R").stdin(TABLE).run().success();
    ns
}

fn run(ns: &Netns, line: &str) -> Ran {
    ns.ipvsadm(line.split_whitespace())
}

fn saved(ns: &Netns) -> String {
    ns.ipvsadm(["-S", "-n"]).success().stdout
}

fn an_edit_keeps_what_it_does_not_name() {
    let ns = loaded();
    let mut rules = saved(&ns);
    for (line, before, after) in [
        ("-e -t 192.0.2.1:80 -r 10.0.0.1:8080 -w 9 --keep", "-m -w 3 -x", "-m -w 9 -x"),
        ("-e --keep -t 192.0.2.1:80 -r 10.0.0.2 -w 0", "-i -w 2 --tun-type", "-i -w 0 --tun-type"),
        (
            "-E -t 192.0.2.1:80 -s mh --keep",
            "sh -p 600 -M 255.255.255.0 -b sh-port",
            "mh -p 600 -M 255.255.255.0 -b mh-port",
        ),
        ("-E -t 192.0.2.1:80 -p 60 --keep", "-p 600", "-p 60"),
        (
            "-e -f 7 -6 -r 2001:db8::2 -w 5 --keep",
            "[2001:db8::2]:0 -m -w 4",
            "[2001:db8::2]:0 -m -w 5",
        ),
        // Nothing is named: nothing changes.
        ("-e -t 192.0.2.1:80 -r 10.0.0.1:8080 --keep", "", ""),
        ("-E -t 192.0.2.1:80 --keep", "", ""),
    ] {
        assert!(rules.contains(before), "{before} is not in\n{rules}");
        rules = rules.replace(before, after);
        run(&ns, line).success();
        assert_eq!(saved(&ns), rules, "after {line}");
    }
}

fn an_edit_of_something_missing_is_refused_in_the_kernels_words() {
    let ns = loaded();
    let before = saved(&ns);
    for line in [
        "-e -t 192.0.2.9:80 -r 10.0.0.1:80 -w 1",
        "-e -t 192.0.2.1:80 -r 10.0.0.9:80 -w 1",
        "-E -t 192.0.2.9:80 -s wrr",
    ] {
        let plain = ns.reference(line.split_whitespace());
        let kept = run(&ns, &format!("{line} --keep"));
        assert_eq!((kept.code(), &kept.stderr), (plain.code(), &plain.stderr), "{line}");
        assert_eq!(kept.code(), Some(255), "{line}");
    }
    // A mask without persistence has nothing to mask.
    let refused = run(&ns, "-E -f 7 -6 -M 64 --keep");
    assert_eq!(refused.code(), Some(2), "{}", refused.stderr);
    assert!(refused.stderr.starts_with("--netmask: "), "{}", refused.stderr);
    assert_eq!(saved(&ns), before);
}

fn a_dry_run_shows_the_whole_edit() {
    let ns = loaded();
    let before = saved(&ns);
    let ran = run(&ns, "-e -t 192.0.2.1:80 -r 10.0.0.1:8080 -w 9 --keep --dry-run");
    let whole = "-e -t 192.0.2.1:80 -r 10.0.0.1:8080 -m -w 9 -x 100 -y 50\n";
    assert_eq!((ran.code(), ran.stdout.as_str()), (Some(1), whole), "{}", ran.stderr);
    assert_eq!(saved(&ns), before);
}

fn rules_may_keep_too() {
    let lines = "-e -t 192.0.2.1:80 -r 10.0.0.1:8080 -w 8 --keep\n-E -f 7 -6 -s lc --keep\n";
    let expected = |ns: &Netns| saved(ns).contains("-m -w 8 -x 100") && saved(ns).contains("-s lc");
    let ns = loaded();
    let dry = ns.command(program::ipvsadm()).args(["-R", "--dry-run"]).stdin(lines).run();
    let whole = "-e -t 192.0.2.1:80 -r 10.0.0.1:8080 -m -w 8 -x 100 -y 50\n-E -f 7 -6 -s lc\n";
    assert_eq!((dry.code(), dry.stdout.as_str()), (Some(1), whole), "{}", dry.stderr);
    ns.command(program::ipvsadm()).arg("-R").stdin(lines).run().success();
    assert!(expected(&ns), "{}", saved(&ns));
    // In a file that describes a whole table they are about the lines before them.
    let ns = Netns::new();
    let file = format!("{TABLE}{lines}");
    ns.command(program::ipvsadm()).arg("--apply").stdin(file).run().success();
    assert!(expected(&ns), "{}", saved(&ns));
    let alone = ns.command(program::ipvsadm()).arg("--apply").stdin(lines).run();
    assert_eq!(alone.code(), Some(2), "{}", alone.stderr);
    assert!(alone.stderr.starts_with("line 1: "), "{}", alone.stderr);
}

/// ipvsadm 1.31 sets what is not named to its default too, and says nothing.
fn a_person_hears_that_a_plain_edit_changed_the_method() {
    let edit = "-e -t 192.0.2.1:80 -r 10.0.0.1:8080 -w 1";
    let at_a_terminal = |ns: &Netns, line: &str| {
        let command = format!("{} {line}", program::ipvsadm().display());
        ns.command("script").args(["-qec", &command, "/dev/null"]).run().success().stdout
    };
    // Without -m the port is the service's, so this server is not the one with port 8080.
    let ns = loaded();
    let edit_port = edit.replace(":8080", "");
    run(&ns, "-a -t 192.0.2.1:80 -r 10.0.0.1 -m -w 1").success();
    let said = at_a_terminal(&ns, &edit_port);
    let hint = "10.0.0.1:80: changed from masquerading to direct routing, because no forwarding \
                method was given";
    assert!(said.contains(hint) && said.contains("--keep"), "{said}");
    assert!(saved(&ns).contains("-r 10.0.0.1:80 -g -w 1"), "{}", saved(&ns));
    // Named, kept, or the same as before.
    for line in [edit_port.clone(), format!("{edit_port} -m"), format!("{edit_port} --keep")] {
        assert_eq!(at_a_terminal(&ns, &line), "", "{line}");
    }
    // Programs hear nothing.
    assert_eq!(run(&ns, &edit_port).success().stderr, "");
    // A method that is named is meant.
    assert_eq!(at_a_terminal(&ns, "-e -t 192.0.2.1:80 -r 10.0.0.2 -g"), "");
}
