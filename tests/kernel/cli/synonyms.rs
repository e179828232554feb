//! Two ways to say one thing print and do the same.

use super::{OTHER_WEIGHT, TABLE, loaded, saved, shell};
use crate::harness::KernelTest;

pub(crate) fn tests() -> Vec<KernelTest> {
    crate::tests![
        format_json_is_json,
        save_has_the_options_of_the_command,
        restore_keeps_weights_when_asked_to,
    ]
}

fn format_json_is_json() {
    let ns = loaded();
    for (short, long) in [
        ("ipvsadm -S --json", "ipvsadm -S --format json"),
        ("ipvsadm -S --json --all", "ipvsadm -S --all --format=json"),
        ("ipvsadm -L --json", "ipvsadm -L --format json"),
        ("ipvsadm -S --json", "ipvsadm-save --json"),
        ("ipvsadm -L -n", "ipvsadm -L -n --format classic"),
        ("ipvsadm -S -n", "ipvsadm -S -n --format classic"),
    ] {
        let [short, long] = [short, long].map(|line| shell(&ns, line).success().stdout);
        assert!(!short.is_empty());
        assert_eq!(short, long);
    }
    let ran = ns.ipvsadm(["-S", "--format", "table"]);
    let refused = "--format: --save has no format table, only classic and json\n";
    assert_eq!((ran.code(), ran.stderr.as_str()), (Some(2), refused));
}

fn save_has_the_options_of_the_command() {
    let ns = loaded();
    ns.ipvsadm(["--set", "100", "0", "0"]).success();
    ns.ipvsadm(["--start-daemon", "backup", "--mcast-interface", "lo"]).success();
    for (script, command) in [
        ("ipvsadm-save -n", "ipvsadm -S -n"),
        ("ipvsadm-save --all -n", "ipvsadm -S -n --all"),
        ("ipvsadm-save -n --all", "ipvsadm -S -n --all"),
        ("ipvsadm-save --all --json", "ipvsadm -S --json --all"),
    ] {
        let [script, command] = [script, command].map(|line| shell(&ns, line).success().stdout);
        assert_eq!(script, command);
    }
    let all = shell(&ns, "ipvsadm-save -n --all").success().stdout;
    assert!(all.contains("--set 100 "), "{all}");
    assert!(all.contains("--start-daemon backup"), "{all}");
    // Either form goes back in.
    for line in [
        "ipvsadm-save -n --all | ipvsadm-restore --dry-run",
        "ipvsadm-save --json --all | ipvsadm --apply --dry-run",
    ] {
        let ran = shell(&ns, line);
        assert_eq!((ran.code(), ran.stdout.as_str(), ran.stderr.as_str()), (Some(0), "", ""));
    }
}

fn restore_keeps_weights_when_asked_to() {
    let ns = loaded();
    for options in ["", "--atomic "] {
        let line = format!("printf %s '{OTHER_WEIGHT}' | ipvsadm-restore {options}--keep-weights");
        shell(&ns, &line).success();
        assert_eq!(saved(&ns), TABLE, "{line}");
    }
    shell(&ns, &format!("printf %s '{OTHER_WEIGHT}' | ipvsadm-restore")).success();
    assert_eq!(saved(&ns), OTHER_WEIGHT);
    // Clearing first leaves no weights to keep.
    let ran = shell(&ns, "ipvsadm-restore --clear --keep-weights");
    assert_eq!(ran.code(), Some(2), "{}", ran.stderr);
    assert_eq!(saved(&ns), OTHER_WEIGHT);
}
