//! `--diff`: what has changed since a file, also since one that keepalived or ldirectord set up.

use std::fs;
use std::path::PathBuf;
use std::thread;
use std::time::Duration;

use crate::harness::KernelTest;
use crate::netns::{Netns, Ran, Running};
use crate::program;
use crate::schema::{assert_fits, parsed};

pub(crate) fn tests() -> Vec<KernelTest> {
    crate::tests![
        an_ldirectord_cf_is_what_ldirectord_sets_up,
        a_keepalived_conf_is_what_keepalived_sets_up,
        changes_since_a_file_are_rules,
        beside_the_table_only_what_the_file_speaks_of_counts,
        a_file_that_makes_no_sense_is_refused,
    ]
}

const TABLE: &str = "\
-A -t 10.1.0.1:80 -s wrr -p 600
-a -t 10.1.0.1:80 -r 10.2.0.1:8080 -m -w 3 -x 100 -y 50
-a -t 10.1.0.1:80 -r 10.2.0.2:80 -i -w 1 --tun-type gue --tun-port 6080
-a -t 10.1.0.1:80 -r 127.0.0.1:80 -g -w 1
-A -f 7 -6 -s sh -b sh-port
-a -f 7 -6 -r [::1]:0 -g -w 4
-A -u 10.1.0.2:53 -s rr -o
";

const CHANGES: &str = "\
-e -t 10.1.0.1:80 -r 10.2.0.1:8080 -m -w 0 -x 100 -y 50
-d -t 10.1.0.1:80 -r 10.2.0.2:80
-a -t 10.1.0.1:80 -r 10.2.0.3:80 -g -w 1
-E -f 7 -6 -s sh -b sh-fallback
-D -u 10.1.0.2:53
-A -t 10.1.0.3:443 -s rr
-a -t 10.1.0.3:443 -r 10.2.0.1:443 -m -w 1
";

/// The same changes as `--diff` prints them.
const DIFFERENCE: &str = "\
-a -t 10.1.0.1:80 -r 10.2.0.3:80 -g -w 1
-A -t 10.1.0.3:443 -s rr
-a -t 10.1.0.3:443 -r 10.2.0.1:443 -m -w 1
-E -f 7 -6 -s sh -b sh-fallback
-e -t 10.1.0.1:80 -r 10.2.0.1:8080 -m -w 0 -x 100 -y 50
-d -t 10.1.0.1:80 -r 10.2.0.2:80
-D -u 10.1.0.2:53
";

/// A namespace in which all of 10.0.0.0/8 can be reached, as far as routes go.
fn director() -> Netns {
    let ns = Netns::new();
    ns.ip("link add eth0 type dummy\naddress add 10.0.0.254/8 dev eth0\nlink set eth0 up\n");
    ns
}

fn restore(ns: &Netns, rules: &str) {
    ns.command(program::ipvsadm()).arg("-R").stdin(rules).run().success();
}

fn file(name: &str, text: &str) -> PathBuf {
    let path = PathBuf::from("/tmp").join(name);
    fs::write(&path, text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    path
}

fn diff(ns: &Netns, text: &str) -> Ran {
    ns.command(program::ipvsadm()).arg("--diff").stdin(text).run()
}

/// Expects a status, standard output, and standard error.
#[track_caller]
fn assert_ran(ran: &Ran, code: i32, stdout: &str, stderr: &str) {
    let got = (ran.code(), ran.stdout.as_str(), ran.stderr.as_str());
    assert_eq!(got, (Some(code), stdout, stderr), "{}", ran.command);
}

fn changes_since_a_file_are_rules() {
    let ns = director();
    restore(&ns, TABLE);
    let saved = ns.ipvsadm(["-S", "-n"]).success().stdout;
    let json = ns.ipvsadm(["-S", "--json"]).success().stdout;
    let listed = ns.ipvsadm(["-L", "--json"]).success().stdout;
    for text in [TABLE, &saved, &json, &listed] {
        assert_ran(&diff(&ns, text), 0, "", "");
    }
    let none = ns.command(program::ipvsadm()).args(["--diff", "--json"]).stdin(TABLE).run();
    assert_eq!(none.code(), Some(0));
    let none = parsed(&none.stdout);
    assert_fits(Some("difference"), &none);
    assert_eq!(none["changes"].as_array().map(Vec::len), Some(0));

    restore(&ns, CHANGES);
    for text in [TABLE, &saved, &json] {
        assert_ran(&diff(&ns, text), 1, DIFFERENCE, "");
    }
    // From a file, and with a terminal, which hears how much it is.
    let path = file("table", TABLE).display().to_string();
    assert_ran(&ns.ipvsadm(["--diff", &path]), 1, DIFFERENCE, "");
    let command = format!("{} --diff {path}", program::ipvsadm().display());
    let said = ns.command("script").args(["-qec", &command, "/dev/null"]).run();
    let summary = "1 service added, 1 edited, 1 removed, 2 servers added, 1 edited, 1 removed";
    assert!(said.code() == Some(1) && said.stdout.contains(summary), "{said:?}");
    let whole = ns.ipvsadm(["--diff", &path, "--json"]);
    let whole = parsed(&whole.stdout);
    assert_fits(Some("difference"), &whole);
    let rules: Vec<&str> = whole["changes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it["rule"].as_str().unwrap())
        .collect();
    assert_eq!(rules.join("\n") + "\n", DIFFERENCE);
    assert_eq!(whole["changes"][4]["from"]["weight"], 3);
    // The rules lead from the file to the table, and --apply leads back.
    let other = director();
    restore(&other, TABLE);
    restore(&other, DIFFERENCE);
    let now = ns.ipvsadm(["-S", "-n"]).success().stdout;
    assert_eq!(other.ipvsadm(["-S", "-n"]).success().stdout, now);
    ns.ipvsadm(["--apply", &path]).success();
    assert_ran(&diff(&ns, TABLE), 0, "", "");
    // An empty file is what -S prints of an empty table.
    assert_ran(&diff(&Netns::new(), ""), 0, "", "");
}

fn beside_the_table_only_what_the_file_speaks_of_counts() {
    let ns = director();
    restore(&ns, TABLE);
    let all = ns.ipvsadm(["-S", "-n", "--all"]).success().stdout;
    assert_ran(&diff(&ns, &all), 0, "", "");
    ns.sysctl("net.ipv4.vs.drop_entry", "1");
    ns.ipvsadm(["--set", "100", "0", "0"]).success();
    let start = ["--start-daemon", "backup", "--mcast-interface", "lo", "--syncid", "3"];
    ns.ipvsadm(start).success();
    assert_ran(&diff(&ns, TABLE), 0, "", "");
    assert_ran(&diff(&ns, &all), 1, "--settings drop_entry=1\n--set 100 120 300\n", "");
    let wanted = format!(
        "{TABLE}--settings drop_entry=0\n--set 0 120 0\n\
         --start-daemon backup --mcast-interface lo --syncid 4\n"
    );
    let ran = diff(&ns, &wanted);
    let lines: Vec<&str> = ran.stdout.lines().collect();
    let [first, stop, start] = lines[..] else { panic!("{ran:?}") };
    assert_eq!((first, stop), ("--settings drop_entry=1", "--stop-daemon backup"));
    assert!(start.starts_with("--start-daemon backup --mcast-interface lo --syncid 3"), "{start}");
    let unknown = diff(&ns, "--settings drop_entri=1\n");
    assert_eq!(unknown.code(), Some(2));
    assert!(unknown.stderr.contains("line 1: drop_entri: no such setting; did you mean"));
}

fn a_file_that_makes_no_sense_is_refused() {
    let ns = director();
    let takes = "it takes rules, JSON, keepalived.conf or ldirectord.cf";
    for (text, want) in [
        ("Dear Sir,\nplease find\n", "no file to compare with: line 1 is no rule: "),
        ("\x1f\u{8b}", "no file to compare with: "),
        ("IP Virtual Server version 1.2.1", "no file to compare with: it is a listing; "),
        ("\u{feff}-A -f 1", "no file to compare with: it is UTF-8 text with a byte order mark"),
    ] {
        let ran = diff(&ns, text);
        assert_eq!((ran.code(), ran.stdout.as_str()), (Some(2), ""), "{text}");
        assert!(ran.stderr.starts_with(want) && ran.stderr.contains(takes), "{}", ran.stderr);
    }
    for (text, want) in [
        ("-A -f 1\n-a -f 1 -r 10.0.0.1 -w x\n", "line 2: "),
        ("-A -f 1\n-A -f 1\n", "line 2: Service already exists"),
        ("-A -f 1\n-L\n", "line 2: not part of a table; --diff takes only lines that describe one"),
        ("{\"services\": [{}]}", "line 1, column 15: services[0]: needs protocol"),
        ("virtual_server 10.0.0.1 80 {\n lb_algo x\n}\n", "line 2: lb_algo: `x`: not a scheduler"),
        ("virtual=10.0.0.1:80\n\treal=x\n", "line 2: real: gate, masq or ipip is missing"),
    ] {
        let ran = diff(&ns, text);
        assert_eq!((ran.code(), ran.stdout.as_str()), (Some(2), ""), "{text}");
        assert!(ran.stderr.starts_with(want), "{}", ran.stderr);
    }
    let missing = ns.ipvsadm(["--diff", "/tmp/none"]);
    assert_ran(&missing, 5, "", "/tmp/none: No such file or directory\n");
    // --apply says where these belong, and changes nothing.
    for (text, name) in [("global_defs {\n}\n", "keepalived"), ("quiescent=no\n", "ldirectord")] {
        let ran = ns.command(program::ipvsadm()).arg("--apply").stdin(text).run();
        let want = format!(
            "neither rules nor JSON, but the file of {name}; ipvsadm --diff FILE shows what \
             differs from it\n"
        );
        assert_ran(&ran, 2, "", &want);
    }
}

/// Waits until the table has all of these.
#[track_caller]
fn wait_for(ns: &Netns, wanted: &[&str]) {
    let mut saved = String::new();
    for _ in 0..120 {
        saved = ns.ipvsadm(["-S", "-n"]).success().stdout;
        if wanted.iter().all(|line| saved.contains(line)) {
            return;
        }
        thread::sleep(Duration::from_millis(250));
    }
    panic!("{wanted:?} never came:\n{saved}");
}

/// Starts keepalived, which looks after IPVS only.
fn keepalived(ns: &Netns, path: &str) -> Running {
    let options = ["--dont-fork", "--log-console", "--no-syslog", "--check", "--use-file", path];
    let pids = ["--pid=/tmp/keepalived.pid", "--checkers_pid=/tmp/checkers.pid"];
    ns.command("/usr/sbin/keepalived").args(options).args(pids).start()
}

const KEEPALIVED: &str = "\
! Configuration File for keepalived
global_defs {
    router_id director
    lvs_timeouts tcp 1000
    lvs_sync_daemon eth0 id 5
}
include services/*.conf
$NET=10.2.0
virtual_server_group web {
    10.1.0.1-2 80
    10.1.0.4/31 8080
    fwmark 9
}
virtual_server group web { # all of them
    lvs_sched wrr
    lvs_method NAT
    protocol TCP
    persistence_timeout 50
    real_server ${NET}.1 8080 {
        weight 3
        uthreshold 100
    }
    real_server ${NET}.2 {
        weight 2
    }
}
virtual_server 10.1.0.7 {
    lb_algo sh
    sh-port
    lb_kind TUN
    persistence_granularity 255.255.255.0
    real_server ${NET}.1 53 {
        lvs_method TUN type gue port 6080
    }
}
";

/// The server of the first service is down: nothing listens. The second service has none that is
/// up, so its sorry server is in.
const SERVICES: &str = "\
virtual_server 10.1.0.8 443 {
    delay_loop 1
    protocol TCP
    lvs_method DR
    alpha
    real_server 10.2.0.1 443 {
        weight 4
    }
    real_server 127.0.0.1 443 {
        TCP_CHECK {
            connect_timeout 1
            retry 0
        }
    }
}
virtual_server 10.1.0.9 443 {
    delay_loop 1
    protocol TCP
    alpha
    sorry_server 10.2.0.9 444
    real_server 127.0.0.1 443 {
        inhibit_on_failure
        TCP_CHECK {
            connect_timeout 1
            retry 0
        }
    }
}
";

fn a_keepalived_conf_is_what_keepalived_sets_up() {
    let ns = director();
    fs::create_dir("/tmp/services").expect("a folder");
    file("services/tls.conf", SERVICES);
    let path = file("keepalived.conf", KEEPALIVED).display().to_string();
    let before = ns.ipvsadm(["--diff", &path]);
    assert_eq!(before.code(), Some(1));
    assert_eq!(before.stdout.lines().filter(|line| line.starts_with("-D ")).count(), 8);
    let _keepalived = keepalived(&ns, &path);
    wait_for(&ns, &["-f 9 -r 10.2.0.2:0", "-r 10.2.0.1:0 -i -w 1 --tun-type gue", "10.2.0.9:444"]);
    let left =
        "2 real servers of the file are out, 1 fallback server is in: left to health checks\n";
    assert_ran(&ns.ipvsadm(["--diff", &path]), 0, "", left);
    let json = parsed(&ns.ipvsadm(["--diff", &path, "--json"]).stdout);
    assert_fits(Some("difference"), &json);
    assert_eq!(json["left_to_health_checks"], 3);
    let changes = "\
-E -f 9 -s wlc -p 60
-a -t 10.1.0.8:443 -r 10.2.0.3:443 -g -w 1
-e -t 10.1.0.1:80 -r 10.2.0.1:8080 -m -w 0 -x 100 -y 0
-e -t 10.1.0.9:443 -r 10.2.0.9:444 -m -w 7
-d -t 10.1.0.8:443 -r 10.2.0.1:443
-D -t 10.1.0.2:80
--set 999 0 0
";
    restore(&ns, changes);
    let want = "\
-a -t 10.1.0.8:443 -r 10.2.0.3:443 -g -w 1
-e -t 10.1.0.9:443 -r 10.2.0.9:444 -m -w 7
-E -f 9 -s wlc -p 60
--set 999 0 0
-e -t 10.1.0.1:80 -r 10.2.0.1:8080 -m -w 0 -x 100
-d -t 10.1.0.8:443 -r 10.2.0.1:443
-D -t 10.1.0.2:80
";
    assert_ran(&ns.ipvsadm(["--diff", &path]), 1, want, left);
}

const LDIRECTORD: &str = "\
# Global Directives
checktimeout=1
checkinterval=1
logfile=\"/tmp/ldirectord.log\"

virtual=10.1.0.1:80
\treal=10.2.0.1->10.2.0.2:8080 masq 5
\treal=10.2.0.3:8080 gate
\tscheduler=wlc
\tpersistent=600
\tnetmask=255.255.255.0
\tchecktype=on
virtual=8
\treal=10.2.0.1 ipip 3
\tchecktype=on
virtual=10.1.0.2:443
\tquiescent=yes
\treal=127.0.0.1:443 gate 3
\tfallback=10.2.0.9:444 gate
\tchecktype=connect
";

fn an_ldirectord_cf_is_what_ldirectord_sets_up() {
    let ns = director();
    let path = file("ldirectord.cf", LDIRECTORD).display().to_string();
    let command = ns.command("/usr/sbin/ldirectord").args(["-d", &path, "start"]);
    let _ldirectord = command.start();
    let up = ["-r 10.2.0.2:8080 -m -w 5", "-r 10.2.0.3:80 -g -w 1", "-f 8 -r 10.2.0.1:0 -i -w 3"];
    wait_for(&ns, &up);
    wait_for(&ns, &["-r 127.0.0.1:443 -g -w 0", "-r 10.2.0.9:443 -g -w 1"]);
    let left = "1 real server of the file is out, 1 fallback server is in: left to health checks\n";
    assert_ran(&ns.ipvsadm(["--diff", &path]), 0, "", left);
    let changes = "\
-e -t 10.1.0.1:80 -r 10.2.0.1:8080 -m -w 4
-d -f 8 -r 10.2.0.1:0
-A -t 10.1.0.3:80 -s rr
";
    restore(&ns, changes);
    let want = "\
-A -t 10.1.0.3:80 -s rr
-e -t 10.1.0.1:80 -r 10.2.0.1:8080 -m -w 4
-d -f 8 -r 10.2.0.1:0
";
    assert_ran(&ns.ipvsadm(["--diff", &path]), 1, want, left);
}
