//! The report as JSON, the file of facts, and the exit statuses.

use std::fs;

use super::network::{Nat, rules};
use crate::harness::KernelTest;
use crate::netns::Netns;
use crate::program;
use crate::schema::{assert_fits, parsed};
use crate::unloaded::Unloaded;

pub(super) fn tests() -> Vec<KernelTest> {
    crate::tests![schema, facts_as_a_file, files_that_are_not_facts]
}

fn schema() {
    let ns = &Netns::new();
    let unloaded = Unloaded::new();
    let ran = unloaded.run(ns, &program::ipvsadm(), &["--doctor", "--json", "--for", "1"]);
    let report = parsed(&ran.stdout);
    assert_fits(Some("report"), &report);
    for list in ["findings", "not_checked"] {
        assert!(!report[list].as_array().expect("a list").is_empty(), "{list}: {report:#}");
    }
    assert_eq!(ran.code(), Some(1));
}

fn facts_as_a_file() {
    const FILE: &str = "/run/facts.json";
    let Nat { director, .. } = &Nat::new();
    // About a service, about one of its servers, and about none.
    rules(director, "-e -t 192.0.2.1:80 -r 10.0.0.2:80 -m -w 0\n-A -t 192.0.2.1:81 -s rr\n");
    let there = director.ipvsadm(["--doctor", "--json", "--for", "1", "--save-facts", FILE]);
    assert_eq!((there.code(), &*there.stderr), (Some(1), ""), "{}", there.stdout);
    assert!(there.stdout.contains("\"no-destination\""), "{}", there.stdout);
    assert_fits(Some("report"), &parsed(&there.stdout));
    // Another host knows nothing else.
    let elsewhere = Netns::new();
    let here = elsewhere.ipvsadm(["--doctor", "--json", "--facts", FILE]);
    assert_eq!((here.code(), here.stdout), (Some(1), there.stdout));
    let one = elsewhere.ipvsadm(["--doctor", "--json", "--facts", FILE, "-t", "192.0.2.1:81"]);
    let findings = parsed(&one.stdout)["findings"].as_array().expect("a list").len();
    assert_eq!(findings, 1, "{}", one.stdout);
    let none = elsewhere.ipvsadm(["--doctor", "--facts", FILE, "-t", "192.0.2.1:82"]);
    assert_eq!((none.code(), &*none.stdout, &*none.stderr), (Some(1), "", "No such service\n"));
    // What is written is what was read.
    let facts = fs::read_to_string(FILE).expect("the facts");
    let again = elsewhere.ipvsadm(["--doctor", "--facts", FILE, "--save-facts", "-"]).success();
    assert_eq!(again.stdout, facts);
    let input = elsewhere.command(program::ipvsadm()).args(["--doctor", "--facts", "-"]);
    let text = input.stdin(facts).run();
    assert!(text.stdout.contains("error: no-destination"), "{}", text.stdout);
    assert_eq!(text.code(), Some(1));
}

fn files_that_are_not_facts() {
    let ns = &Netns::new();
    let read = |text: &str| {
        ns.command(program::ipvsadm()).args(["--doctor", "--facts", "-"]).stdin(text).run()
    };
    let ran = read("-A -t 192.0.2.1:80\n");
    assert_eq!(ran.code(), Some(2), "{}", ran.stderr);
    let words = "standard input: not what --save-facts writes: ";
    assert!(ran.stderr.starts_with(words), "{}", ran.stderr);
    let ran = ns.ipvsadm(["--doctor", "--facts", "/run/nothing"]);
    assert_eq!(ran.code(), Some(5), "{}", ran.stderr);
    let ran = ns.ipvsadm(["--doctor", "--for", "1", "--save-facts", "/nowhere/facts"]);
    assert_eq!(ran.code(), Some(5), "{}", ran.stderr);
    // Facts of nothing: no check passes for want of facts.
    let report = parsed(&{
        let empty = ns.command(program::ipvsadm()).args(["--doctor", "--json", "--facts", "-"]);
        empty.stdin("{}").run().stdout
    });
    assert_fits(Some("report"), &report);
    assert!(!report["not_checked"].as_array().expect("a list").is_empty(), "{report:#}");
}
