//! Standard streams that are closed, full or gone.

use super::{TABLE, assert_plain, loaded, saved, shell};
use crate::harness::KernelTest;

pub(crate) fn tests() -> Vec<KernelTest> {
    crate::tests![
        closed_streams_are_like_dev_null,
        output_that_does_not_fit_is_told_from_a_difference,
    ]
}

/// Rust's standard library opens closed streams on `/dev/null` before the program begins.
fn closed_streams_are_like_dev_null() {
    let ns = loaded();
    for (line, status) in [
        ("ipvsadm -S -n >&-", 0),
        ("ipvsadm -L -n >&-", 0),
        ("ipvsadm -L -n >&- 2>&- <&-", 0),
        ("ipvsadm -L --zzz 2>&-", 255),
        ("ipvsadm -R <&-", 0),
        ("ipvsadm --apply <&-", 2),
        ("ipvsadm --apply <&- >&- 2>&-", 2),
        ("ipvsadm --apply --dry-run --allow-empty <&- >&-", 1),
    ] {
        let ran = shell(&ns, line);
        assert_plain(&ran);
        assert_eq!((ran.code(), ran.stdout.as_str()), (Some(status), ""), "{line}: {}", ran.stderr);
        assert_eq!(saved(&ns), TABLE, "{line}");
    }
}

fn output_that_does_not_fit_is_told_from_a_difference() {
    let ns = loaded();
    let full = "standard output: No space left on device\n";
    for line in [
        "ipvsadm -L -n >/dev/full",
        "ipvsadm -S --json >/dev/full",
        "ipvsadm -v >/dev/full",
        "ipvsadm --apply --allow-empty --dry-run >/dev/full",
        "ipvsadm-restore --dry-run >/dev/full",
        "ipvsadm -C --dry-run >/dev/full",
    ] {
        let ran = shell(&ns, line);
        assert_eq!((ran.code(), ran.stderr.as_str()), (Some(5), full), "{line}");
    }
    // A reader that goes away is nothing to complain about.
    let line = "ipvsadm -S -n | true; echo \"${PIPESTATUS[0]}\"; ipvsadm -S -n >&-; echo $?";
    let ran = shell(&ns, line).success();
    assert_eq!(ran.stderr, "");
    assert_eq!(saved(&ns), TABLE);
}
