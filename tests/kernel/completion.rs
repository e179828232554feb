//! Completion of command lines, typed into real shells.

use std::env;

use crate::harness::KernelTest;
use crate::netns::{Netns, Ran};
use crate::program;

pub(crate) fn tests() -> Vec<KernelTest> {
    crate::tests![
        bash_completes_what_the_kernel_has,
        fish_completes_what_the_kernel_has,
        nothing_is_loaded_or_said_without_ipvs_or_permission,
        other_shells_are_refused,
        zsh_completes_what_the_kernel_has,
    ]
}

const RULES: &str = "-A -t 192.0.2.1:80 -s wrr\n\
    -a -t 192.0.2.1:80 -r 10.0.0.1:8080 -m -w 1\n\
    -A -t [2001:db8::1]:443 -s rr\n\
    -A -u 192.0.2.1:53 -s rr\n\
    -a -u 192.0.2.1:53 -r 10.0.0.9:53 -m -w 1\n\
    -A -f 4711 -s rr\n";

type Line = (&'static str, &'static str);

/// What a user types up to the Tab, and what the line is afterwards.
const LINES: &[Line] = &[
    ("ipvsadm -D -t 1", "ipvsadm -D -t 192.0.2.1:80"),
    ("ipvsadm -D -t 192.0.2.1:8", "ipvsadm -D -t 192.0.2.1:80"),
    ("ipvsadm -D -t [", "ipvsadm -D -t [2001:db8::1]:443"),
    ("ipvsadm -D --tcp-service=192.0.2.1:8", "ipvsadm -D --tcp-service=192.0.2.1:80"),
    ("ipvsadm -D -u ", "ipvsadm -D -u 192.0.2.1:53"),
    ("ipvsadm -D -f ", "ipvsadm -D -f 4711"),
    ("ipvsadm -d -t 192.0.2.1:80 -r ", "ipvsadm -d -t 192.0.2.1:80 -r 10.0.0.1:8080"),
    ("ipvsadm --drain -r 10.0.0.9", "ipvsadm --drain -r 10.0.0.9:53"),
    ("ipvsadm -a -t 192.0.2.1:80 -r ", "ipvsadm -a -t 192.0.2.1:80 -r 10.0.0.9:53"),
    ("ipvsadm -A -t 192.0.2.7:80 -s wr", "ipvsadm -A -t 192.0.2.7:80 -s wrr"),
    ("ipvsadm -L --netns gre", "ipvsadm -L --netns green"),
    ("ipvsadm -D --netns green -u ", "ipvsadm -D --netns green -u 192.0.2.3:53"),
    ("ipvsadm --settings expire_n", "ipvsadm --settings expire_nodest_conn="),
    ("ipvsadm --doc", "ipvsadm --doctor"),
    ("ipvsadm -A --schedu", "ipvsadm -A --scheduler"),
    ("ipvsadm-save --netns gre", "ipvsadm-save --netns green"),
    ("ipvsadm-restore --at", "ipvsadm-restore --atomic"),
];

/// Two namespaces with tables, the second of which is named `green`.
fn namespaces() -> (Netns, Netns) {
    let (here, green) = (Netns::new(), Netns::named("green"));
    let green_rules = "-A -u 192.0.2.3:53 -s rr\n";
    for (ns, rules) in [(&here, RULES), (&green, green_rules)] {
        ns.command(program::ipvsadm()).arg("-R").stdin(rules).run().success();
    }
    (here, green)
}

/// A folder with the program under its three names, at the front of the path.
fn path() -> String {
    let folder = "/tmp/programs";
    std::fs::create_dir_all(folder).unwrap();
    for name in ["ipvsadm", "ipvsadm-save", "ipvsadm-restore"] {
        let _ = std::os::unix::fs::symlink(program::ipvsadm(), format!("{folder}/{name}"));
    }
    format!("{folder}:{}", env::var("PATH").unwrap_or_default())
}

/// Types lines into a shell at a terminal: each up to a Tab, and then `echo ` before it.
fn type_into(ns: &Netns, shell: &str, setup: &str, lines: &[Line]) -> Ran {
    let mut keys = format!("{setup}\n");
    for (line, _) in lines {
        keys.push_str(&format!("{line}\t\x01echo \n"));
    }
    keys.push_str("exit\n");
    let session = ns.command("script").args(["-qec", shell, "/dev/null"]).stdin(keys);
    session.env("PATH", path()).env("HOME", "/tmp").env("TERM", "dumb").run()
}

#[track_caller]
fn assert_completes(ns: &Netns, shell: &str, setup: &str, lines: &[Line]) {
    let session = type_into(ns, shell, setup, lines);
    let printed: Vec<&str> = session.stdout.lines().map(str::trim_end).collect();
    for (typed, wanted) in lines {
        assert!(printed.contains(wanted), "{typed:?} should be {wanted:?}:\n{}", session.stdout);
    }
}

fn bash_completes_what_the_kernel_has() {
    let (ns, _green) = namespaces();
    let setup = "PS1='$ '; for program in ipvsadm ipvsadm-save ipvsadm-restore; do \
        source <(IPVSADM_COMPLETE=bash $program); done";
    assert_completes(&ns, "bash --norc --noprofile -i", setup, LINES);
}

fn zsh_completes_what_the_kernel_has() {
    let (ns, _green) = namespaces();
    // From files in its path for functions, as a package installs them.
    let setup = "mkdir -p /tmp/functions; for program in ipvsadm ipvsadm-save ipvsadm-restore; do \
        IPVSADM_COMPLETE=zsh $program >/tmp/functions/_$program; done; \
        fpath=(/tmp/functions $fpath); bindkey -e; setopt no_nomatch; PS1='$ '; \
        autoload -Uz compinit; compinit -u -D";
    // To zsh, a bracket begins a pattern, unless it is quoted.
    let lines: Vec<Line> =
        LINES.iter().copied().filter(|(_, wanted)| !wanted.contains('[')).collect();
    assert_completes(&ns, "zsh -f -i", setup, &lines);
}

fn fish_completes_what_the_kernel_has() {
    let (ns, _green) = namespaces();
    for (typed, wanted) in LINES {
        let program = typed.split(' ').next().unwrap();
        let script = format!("IPVSADM_COMPLETE=fish {program} | source; complete -C '{typed}'");
        let fish = ns.command("fish").args(["--no-config", "-c", &script]);
        let fish = fish.env("PATH", path()).env("HOME", "/tmp").run().success();
        let word = wanted.rsplit(' ').next().unwrap();
        let mut words = fish.stdout.lines().map(|line| line.split('\t').next().unwrap());
        assert!(words.any(|offered| offered == word), "{typed:?}, {wanted:?}: {fish:?}");
    }
}

fn nothing_is_loaded_or_said_without_ipvs_or_permission() {
    let (ns, _green) = namespaces();
    let complete = |words: &[&str]| {
        let words = ["--", "ipvsadm"].iter().chain(words);
        let command = ns.command("setpriv").args(["--bounding-set=-all", "--reuid=65534"]);
        command.arg(program::ipvsadm()).args(words).env("IPVSADM_COMPLETE", "fish").run().success()
    };
    for words in [&["-D", "-t", ""][..], &["-L", "-r", ""], &["-L", "--netns", "gr"]] {
        let ran = complete(words);
        assert!(ran.stderr.is_empty() && !ran.stdout.contains("192.0.2"), "{ran:?}");
    }
}

fn other_shells_are_refused() {
    let ns = Netns::new();
    let ran = ns.command(program::ipvsadm()).env("IPVSADM_COMPLETE", "tcsh").run();
    let text = "there are completions for bash, zsh and fish, not for `tcsh`\n";
    assert!(ran.code() == Some(5) && ran.stderr.ends_with(text), "{ran:?}");
}
