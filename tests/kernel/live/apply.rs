//! `--apply`: its messages, its exit status, and the parts of the table it leaves alone.

use std::net::UdpSocket;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use ipvs::Client;

use super::tables::described;
use super::{NO_OPTIONS, apply, assert_ended, file, load, saved, table};
use crate::harness::KernelTest;
use crate::netns::Netns;
use crate::program;

pub(crate) fn tests() -> Vec<KernelTest> {
    crate::tests![
        every_mistake_is_reported_with_its_line_and_nothing_is_changed,
        the_file_is_an_argument_or_standard_input,
        the_summary_counts_the_changes,
        keep_weights_keeps_the_weights_in_the_kernel,
        a_refused_change_is_reported_with_its_line_and_undoes_the_rest,
        services_that_stay_keep_their_counters,
        a_closed_standard_error_does_not_prevent_the_undo,
        an_input_without_rules_empties_the_table_only_with_allow_empty,
        a_file_of_another_kind_is_recognized_and_nothing_is_changed,
        a_failed_read_or_write_has_another_status_than_a_difference,
    ]
}

const TABLE: &str = "\
-A -t 10.0.0.1:80 -s wrr
-a -t 10.0.0.1:80 -r 10.9.0.1:80 -m -w 5
-a -t 10.0.0.1:80 -r 10.9.0.2:80 -m -w 7 -x 100 -y 50
-A -u 10.0.0.1:53 -s rr -p 60
-a -u 10.0.0.1:53 -r 10.9.0.3:53 -g -w 1
-A -f 9 -s sh
-a -f 9 -r 10.9.0.1:0 -i -w 2
";

/// A namespace with [`TABLE`].
fn loaded() -> Netns {
    let ns = Netns::new();
    load(&ns, TABLE);
    ns
}

fn every_mistake_is_reported_with_its_line_and_nothing_is_changed() {
    let ns = loaded();
    let before = saved(&ns);
    let rules = "\
# valid lines
-A -t 10.0.0.5:80 -s rr
-a -t 10.0.0.5:80 -r 10.9.0.1:80 -m

-a -t 10.0.0.5:80 -r 10.9.0.1:80 -m
-A -t 10.0.0.1:99999
-A -t 10.0.0.6:80 -s rr --nonsense
-a -t 10.0.0.7:80 -r 10.9.0.1:80
-L
-Z
-A -t 10.0.0.6:80 -s rr";
    let ran = apply(&ns, rules, NO_OPTIONS);
    let lines: Vec<&str> = ran.stderr.lines().collect();
    let starts = [
        "line 5: Destination already exists",
        "line 6: --tcp-service: ",
        "line 7: --nonsense",
        "line 8: Service not defined",
        "line 9: not part of a table",
        "line 10: not part of a table",
    ];
    assert_eq!(lines.len(), starts.len(), "{}", ran.stderr);
    for (line, start) in lines.iter().zip(starts) {
        assert!(line.starts_with(start), "{line:?} instead of {start:?}");
    }
    assert_eq!((ran.code(), ran.stdout.as_str()), (Some(2), ""));
    assert_eq!(saved(&ns), before);
    let dry = apply(&ns, rules, ["--dry-run"]);
    assert_eq!((dry.code(), dry.stdout, dry.stderr), (Some(2), ran.stdout, ran.stderr));
}

fn the_file_is_an_argument_or_standard_input() {
    let path = file("rules", TABLE);
    let path = path.to_str().expect("the path is UTF-8");
    let glued = format!("--apply={path}");
    let wanted = {
        let ns = loaded();
        saved(&ns)
    };
    for arguments in [&["--apply", path][..], &[&glued], &["--apply"], &["--apply", "-"]] {
        let ns = Netns::new();
        ns.command(program::ipvsadm()).args(arguments).stdin(TABLE).run().success();
        assert_eq!(saved(&ns), wanted, "{arguments:?}");
    }
    let ns = loaded();
    let ran = ns.ipvsadm(["--apply", "/no/such/file"]);
    assert_ended(&ran, 5, "/no/such/file: No such file or directory");
    assert_eq!(saved(&ns), wanted);
}

fn the_summary_counts_the_changes() {
    let ns = Netns::new();
    for (rules, summary) in [
        (TABLE.to_owned(), "3 services added, 4 servers added"),
        (TABLE.to_owned(), "3 services unchanged, 4 servers unchanged"),
        (TABLE.replace("-w 5", "-w 6"), "1 server edited, 3 unchanged"),
        (TABLE.replace("-s wrr", "-s wlc"), "1 service edited, 1 server edited, 3 unchanged"),
        (
            TABLE.replace("10.9.0.1:80", "10.9.0.9:80"),
            "1 service edited, 1 server added, 1 removed, 3 unchanged",
        ),
        ("-C\n".to_owned(), "3 services removed, 4 servers removed"),
        ("-C\n".to_owned(), "nothing to change"),
    ] {
        assert_ended(&apply(&ns, &rules, NO_OPTIONS), 0, summary);
    }
}

/// A generator that failed, a closed standard input, a file of comments.
fn an_input_without_rules_empties_the_table_only_with_allow_empty() {
    let ns = loaded();
    let before = saved(&ns);
    let program = program::ipvsadm();
    for input in ["", "\n", "# nothing\n\n"] {
        for options in [&[][..], &["--dry-run"]] {
            let ran = apply(&ns, input, options);
            assert_eq!(ran.code(), Some(2), "{input:?} {options:?}");
            assert!(ran.stderr.contains("--allow-empty"), "{}", ran.stderr);
        }
    }
    let ran = ns.command("sh").args(["-c", "exec \"$0\" --apply <&-"]).arg(&program).run();
    assert_eq!(ran.code(), Some(2), "{}", ran.stderr);
    let ran = ns.command("sh").args(["-c", "false | \"$0\" --apply"]).arg(&program).run();
    assert_eq!(ran.code(), Some(2), "{}", ran.stderr);
    assert_eq!(saved(&ns), before);

    let removed = "3 services removed, 4 servers removed";
    assert_ended(&apply(&ns, "# nothing\n", ["--allow-empty"]), 0, removed);
    assert_eq!(saved(&ns), "");
    load(&ns, TABLE);
    assert_ended(&apply(&ns, "{\"services\": []}", NO_OPTIONS), 0, removed);
    assert_eq!(saved(&ns), "");
}

fn a_file_of_another_kind_is_recognized_and_nothing_is_changed() {
    let ns = loaded();
    let before = saved(&ns);
    let listing = ns.ipvsadm(["-L", "-n"]).success().stdout;
    let utf16: Vec<u8> = TABLE.encode_utf16().flat_map(u16::to_le_bytes).collect();
    for (kind, bytes) in [
        ("gzip data", b"\x1f\x8b\x08\x00rest\n\n\n".to_vec()),
        ("UTF-16 text", [b"\xff\xfe".to_vec(), utf16.clone()].concat()),
        ("UTF-16 text", utf16),
        ("a listing", listing.into_bytes()),
        ("a JSON list", b"[{\"protocol\": \"tcp\"}]".to_vec()),
    ] {
        for program in [program::ipvsadm(), super::restore_program()] {
            let options: &[&str] = if program == program::ipvsadm() { &["--apply"] } else { &[] };
            let ran = ns.command(&program).args(options).stdin(bytes.clone()).run();
            assert_eq!(ran.code(), Some(2), "{kind}: {}", ran.stderr);
            assert_eq!(ran.stderr.lines().count(), 1, "{}", ran.stderr);
            let start = format!("neither rules nor JSON, but {kind}");
            assert!(ran.stderr.starts_with(&start), "{}", ran.stderr);
            assert_eq!(saved(&ns), before);
        }
    }
}

fn a_failed_read_or_write_has_another_status_than_a_difference() {
    let ns = loaded();
    let path = file("other", "-A -f 1 -s rr\n");
    let path = path.to_str().expect("the path is UTF-8");
    let ours = program::ipvsadm();
    let run = |script: &str| ns.command("sh").args(["-c", script]).arg(&ours).arg(path).run();
    assert_ended(&run("\"$0\" --apply \"$1\" --dry-run > /dev/null"), 1, "");
    let full = run("\"$0\" --apply \"$1\" --dry-run > /dev/full");
    assert_ended(&full, 5, "standard output: No space left on device");
    let full = run("\"$0\" -C --dry-run > /dev/full");
    assert_ended(&full, 5, "standard output: No space left on device");
    let missing = run("\"$0\" --apply /no/such/file --dry-run");
    assert_ended(&missing, 5, "/no/such/file: No such file or directory");
}

fn keep_weights_keeps_the_weights_in_the_kernel() {
    let ns = loaded();
    // As a health checker does.
    ns.ipvsadm(["-e", "-t", "10.0.0.1:80", "-r", "10.9.0.1:80", "-m", "-w", "0"]).success();
    let rules = format!(
        "{}-a -t 10.0.0.1:80 -r 10.9.0.4:80 -m -w 9\n",
        TABLE.replace("-x 100 -y 50", "-x 200 -y 50").replace("-w 7", "-w 8")
    );
    let ran = apply(&ns, &rules, ["--keep-weights"]);
    assert_ended(&ran, 0, "1 server added, 1 edited, 3 unchanged");
    // Compare tables, because the reference saves no thresholds.
    let kept = rules.replace("10.9.0.1:80 -m -w 5", "10.9.0.1:80 -m -w 0").replace("-w 8", "-w 7");
    assert_eq!(table(&ns), described(&kept));
    let ran = apply(&ns, &rules, NO_OPTIONS);
    assert_ended(&ran, 0, "2 servers edited, 3 unchanged");
}

fn a_refused_change_is_reported_with_its_line_and_undoes_the_rest() {
    let ns = loaded();
    let before = saved(&ns);
    for (rules, errors) in [
        // A new service with an unknown scheduler, after changes of every kind.
        (
            "-A -t 10.0.0.1:80 -s wlc\n\
             -a -t 10.0.0.1:80 -r 10.9.0.1:80 -m -w 1\n\
             -a -t 10.0.0.1:80 -r 10.9.0.5:80 -m -w 7\n\
             -A -t 10.0.0.9:80 -s nonsense\n",
            "line 4: Scheduler or persistence engine not found\n",
        ),
        // An edit.
        (
            "# first\n-A -t 10.0.0.1:80 -s nonsense\n",
            "line 2: Scheduler or persistence engine not found\n",
        ),
        // A service with servers, which are refused along with it.
        (
            "-A -t 10.0.0.2:80 -s nonsense\n-a -t 10.0.0.2:80 -r 10.9.0.1:80 -m\n",
            "line 1: Scheduler or persistence engine not found\nline 2: Service not defined\n",
        ),
        // A multicast address as a server.
        (
            "-A -t 10.0.0.2:80 -s rr\n\n-a -t 10.0.0.2:80 -r 224.0.0.1:80 -m\n",
            "line 3: Invalid operation.  Possibly wrong module version, address not unicast, ...\n",
        ),
    ] {
        let ran = apply(&ns, rules, NO_OPTIONS);
        let errors = format!("{errors}Nothing was changed: the previous state is restored.");
        assert_ended(&ran, 255, &errors);
        assert_eq!(saved(&ns), before, "after\n{rules}");
    }
}

/// A UDP echo server behind a service, and the counters of one client's connection.
fn services_that_stay_keep_their_counters() {
    let ns = Netns::new();
    ns.ip("address add 10.0.0.1/32 dev lo\naddress add 10.0.0.2/32 dev lo");
    let rules = "-A -u 10.0.0.1:1007 -s rr\n-a -u 10.0.0.1:1007 -r 10.0.0.2:7 -m -w 1\n";
    load(&ns, rules);
    let echo = ns.enter(|| UdpSocket::bind("10.0.0.2:7")).expect("the server's address is free");
    let client = ns.enter(|| UdpSocket::bind("10.0.0.1:0")).expect("the client's address is free");
    client.connect("10.0.0.1:1007").expect("the service's address is local");
    let talk = || {
        client.send(b"ping").expect("the request is sent");
        let mut buffer = [0; 10];
        let (length, _) = echo.recv_from(&mut buffer).expect("the request arrives");
        assert_eq!(&buffer[..length], b"ping");
    };
    talk();
    talk();
    for (rules, before) in [
        (rules.replace("-w 1", "-w 2 -x 9"), 2),
        (rules.replace("-s rr", "-s wlc"), 3),
        (format!("{rules}-A -t 10.0.0.1:9 -s rr\n"), 4),
        (rules.to_owned(), 5),
    ] {
        let ran = apply(&ns, &rules, NO_OPTIONS).success();
        assert!(!ran.stderr.contains("services unchanged"), "unchanged by\n{rules}");
        talk();
        let counters = counted(&ns, before + 1);
        assert_eq!(counters, (1, before + 1), "after\n{rules}");
    }
}

/// The connections and incoming packets of the service on port 1007, once it has counted `packets`.
/// The kernel's counters lag by up to two seconds.
fn counted(ns: &Netns, packets: u64) -> (u64, u64) {
    let mut client = ns.enter(Client::new).expect("the kernel has IPVS");
    let end = Instant::now() + Duration::from_secs(15);
    loop {
        let services = client.services().expect("the services are listed");
        let service = services.into_iter().find(|service| service.key.port() == 1007);
        let stats = service
            .and_then(|service| service.stats)
            .expect("the service is listed with statistics");
        if stats.incoming_packets >= packets || Instant::now() > end {
            return (stats.connections, stats.incoming_packets);
        }
        std::thread::sleep(Duration::from_millis(100));
    }
}

fn a_closed_standard_error_does_not_prevent_the_undo() {
    let ns = loaded();
    let before = saved(&ns);
    // The table is changed before the interface turns out to be missing.
    let path =
        file("refused", "-A -t 10.0.0.9:80 -s rr\n--start-daemon master --mcast-interface none\n");
    let mut child = ns
        .enter(|| {
            let mut command = Command::new(program::ipvsadm());
            command.arg("--apply").arg(path).stderr(Stdio::piped()).spawn()
        })
        .expect("the child starts");
    drop(child.stderr.take());
    let status = child.wait().expect("the child ends");
    assert_eq!(status.code(), Some(255), "{status}");
    assert_eq!(saved(&ns), before);
}
