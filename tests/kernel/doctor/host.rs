//! The kernel's modules, and other programs.

use serde_json::Value;

use super::network::{Nat, fails, rules, works};
use super::patient::Patient;
use crate::harness::KernelTest;
use crate::netns::Netns;
use crate::program;
use crate::unloaded::Unloaded;

pub(super) fn tests() -> Vec<KernelTest> {
    crate::tests![
        no_module,
        scheduler_missing,
        other_manager,
        advice_without_module,
        progress_at_a_terminal,
    ]
}

fn no_module() {
    let ns = &Netns::new();
    let unloaded = Unloaded::new();
    let ran = unloaded.run(ns, &program::ipvsadm(), &["--doctor", "--json", "--for", "1"]);
    let report: Value = serde_json::from_str(&ran.stdout)
        .unwrap_or_else(|error| panic!("{error}: {} {}", ran.stdout, ran.stderr));
    let findings = report["findings"].as_array().expect("a list");
    let ids: Vec<_> = findings.iter().map(|it| it["id"].as_str().expect("a name")).collect();
    assert_eq!(ids, ["no-module"], "{report:#}");
    let fix = findings[0]["fix"].to_string();
    assert!(fix.contains("modprobe ip_vs"), "{fix}");
    drop(unloaded);
    let ran = ns.ipvsadm(["--doctor", "--for", "1"]);
    assert!(!ran.stdout.contains("no-module"), "{}", ran.stdout);
}

fn scheduler_missing() {
    let Nat { client, director, .. } = &Nat::new();
    let doctor = Patient::new(director);
    works(client, Nat::VIP);
    doctor.is_well();
    rules(director, "-E -t 192.0.2.1:80 -s none\n");
    fails(client, Nat::VIP);
    let finding = doctor.has("scheduler-missing");
    doctor.mend(&finding);
    works(client, Nat::VIP);
    doctor.is_well();
}

fn other_manager() {
    let Nat { director, .. } = &Nat::new();
    let elsewhere = Netns::new();
    // A process by that name is enough, and in another namespace it is none of this host's.
    let start =
        |host: &Netns| host.command("bash").args(["-c", "exec -a keepalived sleep 30"]).start();
    let doctor = Patient::new(director);
    let other = start(&elsewhere);
    assert!(doctor.findings().is_empty());
    let own = start(director);
    doctor.has("other-manager");
    drop((own, other));
}

/// At a terminal, a command that finds no IPVS says the same.
fn advice_without_module() {
    let ns = &Netns::new();
    let unloaded = Unloaded::new();
    let program = program::ipvsadm().display().to_string();
    let listing = format!("{program} -L -n");
    let ran = unloaded.run(ns, "script".as_ref(), &["-qec", &listing, "/dev/null"]);
    let said = ran.stdout.replace("\r\n", "\n");
    assert_eq!(ran.code(), Some(2), "{said}");
    assert!(said.contains("Can't initialize ipvs: "), "{said}");
    assert!(said.contains(", so the kernel has no IPVS, and every command"), "{said}");
    assert!(said.ends_with("modprobe ip_vs\n"), "{said}");
}

/// What the doctor prints while it watches is for a person, and is gone at the end.
fn progress_at_a_terminal() {
    let Nat { client, director, .. } = &Nat::new();
    works(client, Nat::VIP);
    let doctor = format!("{} --doctor --for 1", program::ipvsadm().display());
    let ran = director.command("script").args(["-qec", &doctor, "/dev/null"]).run().success();
    let (progress, report) = ran.stdout.rsplit_once("\r\x1b[K").expect("erased");
    assert!(progress.contains("watching connections and counters, 1 s left"), "{progress}");
    assert!(report.contains("nothing is wrong") && !report.contains("watching"), "{report}");
    // Elsewhere there is none.
    let piped = director.ipvsadm(["--doctor", "--for", "1"]).success();
    assert_eq!(piped.stderr, "");
    assert!(!piped.stdout.contains("watching"), "{}", piped.stdout);
    let json = format!("{doctor} --json 2>/dev/null");
    let ran = director.command("script").args(["-qec", &json, "/dev/null"]).run().success();
    assert!(!ran.stdout.contains("watching"), "{}", ran.stdout);
}
