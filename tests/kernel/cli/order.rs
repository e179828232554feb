//! Options stand before or after the command and its FILE, in any order.

use std::fs;

use super::{OTHER_WEIGHT, TABLE, loaded, saved, shell};
use crate::harness::KernelTest;
use crate::netns::Netns;
use crate::program;

pub(crate) fn tests() -> Vec<KernelTest> {
    crate::tests![
        options_of_apply_come_in_any_order,
        restore_takes_its_options_in_any_order,
        the_namespace_may_stand_anywhere,
        an_empty_file_empties_the_table_only_with_allow_empty,
    ]
}

/// Words in each order.
fn permutations(words: &[&'static str]) -> Vec<Vec<&'static str>> {
    if words.len() < 2 {
        return vec![words.to_vec()];
    }
    let mut orders = Vec::new();
    for (at, first) in words.iter().enumerate() {
        let rest: Vec<_> = words[..at].iter().chain(&words[at + 1..]).copied().collect();
        for mut order in permutations(&rest) {
            order.insert(0, first);
            orders.push(order);
        }
    }
    orders
}

fn options_of_apply_come_in_any_order() {
    let ns = loaded();
    fs::write("/tmp/rules", OTHER_WEIGHT).expect("/tmp is writable");
    let edit = "-e -t 10.0.0.1:80 -r 10.1.0.1:80 -m -w 5\n";
    for (options, shown, status) in [
        (&["--dry-run", "--wait 3"][..], edit, 1),
        (&["--dry-run", "--wait=3", "--allow-empty"], edit, 1),
        (&["--dry-run", "--keep-weights"], "", 0),
    ] {
        for file in ["--apply /tmp/rules", "--apply=/tmp/rules", "--apply - < /tmp/rules"] {
            let words: Vec<_> = [&[file][..], options].concat();
            for order in permutations(&words) {
                let ran = shell(&ns, &format!("ipvsadm {}", order.join(" ")));
                assert_eq!(
                    (ran.code(), ran.stdout.as_str(), ran.stderr.as_str()),
                    (Some(status), shown, ""),
                    "{order:?}"
                );
            }
        }
        // Between the command and its file.
        for order in permutations(options) {
            let ran = shell(&ns, &format!("ipvsadm --apply {} /tmp/rules", order.join(" ")));
            assert_eq!((ran.code(), ran.stdout.as_str()), (Some(status), shown), "{order:?}");
        }
    }
    assert_eq!(saved(&ns), TABLE);
    let applied = ns.ipvsadm(["--apply", "--wait", "3", "/tmp/rules"]).success();
    assert_eq!(applied.stderr, "1 server edited\n");
    assert_eq!(saved(&ns), OTHER_WEIGHT);
    // Each still belongs to its own commands.
    for (line, text) in [
        ("--apply /tmp/rules --json", "--json: not an option of --apply\n"),
        ("--keep-weights -C", "--keep-weights: not an option of --clear\n"),
        ("-L --allow-empty", "--allow-empty: not an option of --list\n"),
        ("--apply /tmp/rules /tmp/rules", "unexpected argument /tmp/rules\n"),
    ] {
        let ran = ns.ipvsadm(line.split(' '));
        assert_eq!((ran.code(), ran.stderr.as_str()), (Some(2), text), "{line}");
    }
}

fn restore_takes_its_options_in_any_order() {
    let ns = loaded();
    fs::write("/tmp/rules", OTHER_WEIGHT).expect("/tmp is writable");
    for options in [
        &["--dry-run", "--keep-weights", "--wait 3", "--atomic"][..],
        &["--dry-run", "--keep-weights", "--wait=3", "ignored"],
        &["--dry-run", "--keep-weights", "-n"],
    ] {
        for order in permutations(options) {
            let ran = shell(&ns, &format!("ipvsadm-restore {} < /tmp/rules", order.join(" ")));
            assert_eq!(
                (ran.code(), ran.stdout.as_str()),
                (Some(0), ""),
                "{order:?} {}",
                ran.stderr
            );
        }
    }
    let shown = shell(&ns, "ipvsadm-restore --wait 3 --dry-run < /tmp/rules");
    assert_eq!(shown.stdout, "-e -t 10.0.0.1:80 -r 10.1.0.1:80 -m -w 5\n");
    assert_eq!(shown.code(), Some(1));
    assert_eq!(saved(&ns), TABLE);
}

fn the_namespace_may_stand_anywhere() {
    let (here, there) = (Netns::new(), loaded());
    fs::write("/tmp/rules", TABLE).expect("/tmp is writable");
    let listed = there.ipvsadm(["-L", "-n"]).success().stdout;
    for (words, want) in [
        (&["-L", "-n"][..], listed.as_str()),
        (&["-S", "-n"], TABLE),
        (&["--apply", "--dry-run"], ""),
    ] {
        let name = format!("--netns={}", there.name());
        for at in 0..=words.len() {
            let mut words: Vec<&str> = words.to_vec();
            words.insert(at, &name);
            let ran = here.command(program::ipvsadm()).args(&words).stdin(TABLE).run().success();
            assert_eq!(ran.stdout, want, "{words:?}");
        }
        let mut split: Vec<&str> = vec!["--netns", there.name()];
        split.extend(words);
        let ran = here.command(program::ipvsadm()).args(&split).stdin(TABLE).run().success();
        assert_eq!(ran.stdout, want, "{split:?}");
    }
}

fn an_empty_file_empties_the_table_only_with_allow_empty() {
    let ns = loaded();
    fs::write("/tmp/empty", "# nothing\n\n").expect("/tmp is writable");
    let refused = "no rules: nothing was changed. To empty the table, pass --allow-empty, or the \
                   JSON {\"services\": []}\n";
    for words in ["--apply /tmp/empty", "--apply --dry-run /tmp/empty", "--wait 3 --apply"] {
        let ran = ns.ipvsadm(words.split(' '));
        assert_eq!((ran.code(), ran.stderr.as_str()), (Some(2), refused), "{words}");
    }
    for words in [
        "--apply --allow-empty --dry-run /tmp/empty",
        "--allow-empty --dry-run --apply /tmp/empty",
        "--apply /tmp/empty --dry-run --allow-empty",
        "--dry-run --apply --allow-empty",
    ] {
        let ran = ns.ipvsadm(words.split(' '));
        let want = (Some(1), "-D -t 10.0.0.1:80\n", "");
        assert_eq!((ran.code(), ran.stdout.as_str(), ran.stderr.as_str()), want, "{words}");
    }
    assert_eq!(saved(&ns), TABLE);
    ns.ipvsadm(["--apply", "/tmp/empty", "--allow-empty"]).success();
    assert_eq!(saved(&ns), "");
}
