//! Programs and scripts that run `ipvsadm`, with ours in place of the reference.

use std::path::Path;

use super::mounts::{Mounts, quoted};
use super::restore::RICH;
use crate::harness::KernelTest;
use crate::netns::{Netns, Ran};
use crate::program;

pub(crate) fn tests() -> Vec<KernelTest> {
    crate::tests![
        save_and_restore_do_as_the_scripts_did,
        debians_init_script_drives_ours,
        a_systemd_units_commands_drive_ours,
    ]
}

/// The mounts that put our program in place of each of the reference's, or none.
fn places(ours: bool) -> Mounts {
    let mut mounts = Mounts::new();
    if ours {
        for target in ["/usr/sbin/ipvsadm", "/usr/sbin/ipvsadm-save", "/usr/sbin/ipvsadm-restore"] {
            mounts.put(&program::ipvsadm(), target);
        }
    }
    mounts
}

/// Runs the script with the reference and with ours, each in a new namespace. Returns the outcomes,
/// with what the reference then saves there.
fn both_ways(script: &str, prepare: impl Fn(&mut Mounts)) -> [(Ran, String); 2] {
    [false, true].map(|ours| {
        let ns = Netns::new();
        ns.ip("link add d0 type dummy\nlink set d0 up\naddress add 10.9.0.1/16 dev d0\n\
               route add 224.0.0.0/4 dev d0");
        let mut mounts = places(ours);
        prepare(&mut mounts);
        let ran = mounts.run(&ns, script);
        let saved = ns.reference(["-S", "-n"]).success().stdout;
        let daemons = ns.reference(["-L", "--daemon"]).success().stdout;
        (ran, saved + &daemons)
    })
}

fn save_and_restore_do_as_the_scripts_did() {
    let rules = "# kept in a file\n-A -t 1.1.1.1:80 -s rr\n#-A -t 2.2.2.2:80\n\
                 -a -t 1.1.1.1:80 -r 10.1.0.1 -m";
    for script in [
        "ipvsadm -A -t 9.9.9.9:9; ipvsadm-restore < RULES",
        "ipvsadm -A -t 9.9.9.9:9; /sbin/ipvsadm-restore < RULES; ipvsadm-save -n",
        "ipvsadm -A -t 9.9.9.9:9; ipvsadm-restore foo < RULES",
        "ipvsadm -A -t 9.9.9.9:9; ipvsadm-restore < /dev/null",
        "ipvsadm -A -t 9.9.9.9:9; \
         printf '%s\\n' '-A -t 1.1.1.1:80' '-A -t 1.1.1.1:80' | ipvsadm-restore",
        "ipvsadm -A -t 9.9.9.9:9; ipvsadm-save",
        "ipvsadm -A -t 9.9.9.9:80; ipvsadm-save -n -n",
        "ipvsadm -A -t 9.9.9.9:80; ipvsadm-save --numeric",
        "ipvsadm -A -t 9.9.9.9:80; ipvsadm-save -h",
        "ipvsadm-restore < RICH; ipvsadm-save -n",
        "ipvsadm-restore < RICH; ipvsadm-save -n | ipvsadm-restore; ipvsadm-save -n",
    ] {
        let [(reference, before), (ours, after)] = both_ways(script, |mounts| {
            let rules = mounts.file(rules);
            let rich = mounts.file(RICH);
            mounts.prepare(&format!("RULES={} RICH={}", quoted(&rules), quoted(&rich)));
            mounts.prepare("exec 3<$RULES 4<$RICH");
            mounts.prepare("cd $(dirname $RULES); ln -sf $RULES RULES; ln -sf $RICH RICH");
        });
        assert_eq!(before, after, "{script}\n{}\n{}", reference.stderr, ours.stderr);
        assert_eq!(reference.stdout, ours.stdout, "{script}");
        assert_eq!(
            reference.code(),
            ours.code(),
            "{script}\n{}\n{}",
            reference.stderr,
            ours.stderr
        );
        assert_eq!(reference.stderr.is_empty(), ours.stderr.is_empty(), "{script}");
    }
}

fn debians_init_script_drives_ours() {
    const SCRIPT: &str = "/etc/init.d/ipvsadm";
    assert!(Path::new(SCRIPT).exists(), "{SCRIPT}: install the package ipvsadm");
    for (daemon, script) in [
        ("none", "start"),
        ("none", "load; rate; save; cat-rules; load; status; stop"),
        ("both", "start"),
        ("both", "start; status; reload; force-reload; restart; stop; status; stop"),
        ("master", "start; start; restart; stop"),
    ] {
        let commands: String = script
            .split("; ")
            .map(|action| match action {
                "cat-rules" => "cat /etc/ipvsadm.rules\n".to_owned(),
                // A daemon must have begun to run before it can be stopped.
                action => format!("{SCRIPT} {action}; echo status $?; sleep 0.05\n"),
            })
            .collect();
        let [(reference, before), (ours, after)] = both_ways(&commands, |mounts| {
            mounts.writable_etc();
            let config =
                format!("AUTO=\"true\"\nDAEMON=\"{daemon}\"\nIFACE=\"d0\"\nSYNCID=\"5\"\n");
            mounts.put_text(config, "/etc/default/ipvsadm");
            let rules = mounts.file(
                "# ipvsadm.rules\n-A -t 1.1.1.1:80 -s rr\n\
                 -a -t 1.1.1.1:80 -r 10.1.0.1:80 -m -w 1\n",
            );
            mounts.prepare(&format!(
                "rm -f /etc/ipvsadm.rules; cp {} /etc/ipvsadm.rules",
                quoted(&rules)
            ));
        });
        let what = format!("{daemon}: {script}\n{}\n{}", reference.stderr, ours.stderr);
        assert_eq!(reference.stdout, ours.stdout, "{what}");
        assert_eq!(reference.code(), ours.code(), "{what}");
        assert_eq!(before, after, "{what}");
        if script == "start" {
            assert!(after.contains("-A -t 1.1.1.1:80 -s rr\n"), "{what}{after}");
            assert_eq!(
                after.contains("master sync daemon (mcast=d0, syncid=5"),
                daemon != "none",
                "{after}"
            );
        }
    }
}

/// The commands of `ipvsadm.service` in distributions with /etc/sysconfig.
const START: &str = r#"/bin/bash -c "exec /sbin/ipvsadm-restore < /etc/sysconfig/ipvsadm""#;
const STOP: &str = r#"/bin/bash -c "exec /sbin/ipvsadm-save -n > /etc/sysconfig/ipvsadm""#;
const STOP_POST: &str = r#"/bin/bash -c "exec /sbin/ipvsadm -C""#;

fn a_systemd_units_commands_drive_ours() {
    let script = format!(
        "{START}; echo $?; {START}; echo $?; {STOP}; echo $?; cat /etc/sysconfig/ipvsadm; \
         {STOP_POST}; echo $?"
    );
    let without_stop = START.to_owned();
    for script in [script, without_stop] {
        let [(reference, before), (ours, after)] = both_ways(&script, |mounts| {
            mounts.writable_etc();
            mounts.prepare("rm -f /etc/sysconfig; mkdir /etc/sysconfig");
            let rules = mounts.file(RICH);
            mounts.prepare(&format!("cp {} /etc/sysconfig/ipvsadm", quoted(&rules)));
        });
        assert_eq!(reference.stdout, ours.stdout, "{}", ours.stderr);
        assert_eq!(before, after);
        assert_eq!(reference.code(), ours.code());
        assert_eq!(ours.stderr, "");
    }
}
