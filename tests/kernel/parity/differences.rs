//! Where ours differs from the reference on purpose, each difference shown side by side.
//! docs/differences.md gives the reasons, under the same names.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use super::counters;
use super::mounts::{Mounts, quoted};
use super::pair::{Both, Line, Pair};
use crate::harness::KernelTest;
use crate::netns::{Netns, Ran};
use crate::program;

pub(crate) fn tests() -> Vec<KernelTest> {
    crate::tests![
        thresholds_are_saved,
        large_firewall_marks_are_what_they_are,
        the_order_is_that_of_unsigned_numbers,
        help_and_version_need_no_root,
        comments_are_no_rules,
        options_come_in_any_order,
        host_names_resolve_to_ipv6,
        messages_about_rules_name_the_line,
        an_ipv6_address_in_brackets_needs_no_port,
        listings_are_limited_to_an_address,
        output_that_cannot_be_written_is_an_error,
        closed_streams_are_like_dev_null,
        restored_daemons_are_what_the_lines_say,
        messages_hint_at_what_was_meant,
        a_list_of_no_flags_is_no_crash,
        the_third_flag_of_sh_and_mh_is_named,
        long_words_in_rules_are_kept_whole,
        a_prefix_length_does_not_wrap_around,
        names_in_rules_are_not_cut,
        odd_lines_among_connections_are_left_out,
        asking_restore_for_help_clears_nothing,
        restoring_nonsense_changes_nothing,
        save_writes_the_file_that_it_is_given,
        counters_of_servers_are_whole,
        commands_for_a_whole_table_wait_for_each_other,
        every_difference_is_in_the_documentation,
    ]
}

/// Runs the line with the reference and with ours.
fn both(pair: &Pair, line: &str) -> Both {
    pair.run(&Line::split(line))
}

fn outputs(both: &Both) -> (&str, &str) {
    (&both.reference.stdout, &both.ours.stdout)
}

fn codes(both: &Both) -> (Option<i32>, Option<i32>) {
    (both.reference.code(), both.ours.code())
}

/// Both restore these rules without an error.
fn restored(pair: &Pair, rules: &str) {
    let both = pair.run(&Line::restore(rules));
    assert_eq!(codes(&both), (Some(0), Some(0)), "{} {}", both.reference.stderr, both.ours.stderr);
}

fn thresholds_are_saved() {
    let pair = Pair::new();
    restored(&pair, "-A -t 1.1.1.1:80 -s rr\n-a -t 1.1.1.1:80 -r 10.1.0.1:80 -i -x 100 -y 50\n");
    let saved = both(&pair, "-S -n");
    let front = "-A -t 1.1.1.1:80 -s rr\n-a -t 1.1.1.1:80 -r 10.1.0.1:80 -i -w 1 --tun-type ipip";
    assert_eq!(saved.reference.stdout, format!("{front}\n"));
    assert_eq!(saved.ours.stdout, format!("{front} -x 100 -y 50\n"));
}

fn large_firewall_marks_are_what_they_are() {
    let pair = Pair::new();
    restored(&pair, "-A -f 4294967295 -s rr\n-A -f 2147483648 -6 -s rr\n");
    let saved = both(&pair, "-S -n");
    assert!(saved.reference.stdout.contains("-A -f -1 -s rr\n"), "{}", saved.reference.stdout);
    assert_eq!(saved.ours.stdout, "-A -f 2147483648 -6 -s rr\n-A -f 4294967295 -s rr\n");
    let listed = both(&pair, "-L -n");
    assert!(listed.reference.stdout.contains("FWM  -1 rr\n"), "{}", listed.reference.stdout);
    assert!(listed.ours.stdout.contains("FWM  4294967295 rr\n"), "{}", listed.ours.stdout);
    // And back: the reference cannot read its own output.
    let codes_of = |rules: &str| codes(&pair.run(&Line::restore(rules.to_owned())));
    let (reference, ours) = (saved.reference.stdout.clone(), saved.ours.stdout.clone());
    both(&pair, "-C");
    assert_eq!(codes_of(&reference).0, Some(2));
    both(&pair, "-C");
    assert_eq!(codes_of(&ours), (Some(0), Some(0)));
}

fn the_order_is_that_of_unsigned_numbers() {
    let pair = Pair::new();
    let addresses = ["1.2.3.4", "10.0.0.1", "127.0.0.1", "128.0.0.1", "192.168.0.1", "200.0.0.1"];
    let mut rules: Vec<String> =
        addresses.iter().map(|address| format!("-A -t {address}:80 -s wlc\n")).collect();
    rules.extend(
        [
            "-A -t [::1]:80 -s wlc\n",
            "-A -t [2001:db8::1]:80 -s wlc\n",
            "-A -t [ff00::1]:80 -s wlc\n",
        ]
        .map(str::to_owned),
    );
    rules.extend(["-A -f 1 -s wlc\n", "-A -f 2 -s wlc\n"].map(str::to_owned));
    let sorted = rules.concat();
    rules.reverse();
    restored(&pair, &rules.concat());
    let saved = both(&pair, "-S -n");
    let (reference, ours) = outputs(&saved);
    assert_eq!(ours, sorted);
    assert_ne!(reference, sorted);
    let lines = |text: &str| {
        let mut lines: Vec<_> = text.lines().map(str::to_owned).collect();
        lines.sort();
        lines
    };
    assert_eq!(lines(reference), lines(ours));
}

fn help_and_version_need_no_root() {
    let pair = Pair::new();
    let [ns, _] = pair.namespaces();
    // A copy that any user may run.
    let folder = Path::new("/tmp/everyone");
    std::fs::create_dir_all(folder).expect("/tmp is writable");
    let ours = folder.join("ipvsadm");
    std::fs::copy(program::ipvsadm(), &ours).expect("the program can be copied");
    let as_nobody = |program: &Path, word: &str| {
        ns.command("setpriv")
            .args(["--reuid", "65534", "--clear-groups"])
            .arg(program)
            .arg(word)
            .run()
    };
    for word in ["-h", "-v", "--help", "--version"] {
        let reference = as_nobody(&program::reference(), word);
        assert_eq!(reference.code(), Some(2), "{}", reference.stderr);
        let ours = as_nobody(&ours, word).success();
        assert!(ours.stdout.starts_with("ipvsadm v1.31 "), "{}", ours.stdout);
        assert_eq!(ours.stderr, "");
    }
    // Everything else is refused alike, in the words that programs look for.
    for word in ["-L", "-S", "-C", "-Z"] {
        let (reference, ours) = (as_nobody(&program::reference(), word), as_nobody(&ours, word));
        assert_eq!(reference.code(), ours.code(), "{word} {}", ours.stderr);
        assert_eq!(reference.stderr, ours.stderr, "{word}");
        assert_eq!(ours.stdout, "");
    }
    // Ours finds a usage error without the kernel; the reference asks the kernel first.
    assert_eq!(as_nobody(&program::reference(), "--zzz").code(), Some(2));
    assert_eq!(as_nobody(&ours, "--zzz").code(), Some(255));
    let _ = std::fs::remove_dir_all(folder);
}

fn comments_are_no_rules() {
    let pair = Pair::new();
    let rules = "# web\n-A -t 1.1.1.1:80 # the shop\n#-A -t 1.1.1.2:80\n-A -t 1.1.1.3:80\n";
    let ran = pair.run(&Line::restore(rules));
    assert_eq!(codes(&ran), (Some(255), Some(0)));
    let saved = both(&pair, "-S -n");
    assert_eq!(outputs(&saved), ("", "-A -t 1.1.1.1:80 -s wlc\n-A -t 1.1.1.3:80 -s wlc\n"));
    // A value may begin with # in both: here an interface of that name.
    for ns in pair.namespaces() {
        // Not in a batch, where `ip` has comments too.
        ns.command("ip").args(["link", "add", "#0", "type", "dummy"]).run().success();
        ns.command("ip").args(["link", "set", "#0", "up"]).run().success();
    }
    restored(&pair, "--start-daemon backup --mcast-interface #0 --syncid 3\n");
    let daemons = both(&pair, "-L --daemon");
    assert_eq!(daemons.reference.stdout, daemons.ours.stdout);
    assert!(daemons.ours.stdout.contains("mcast=#0"), "{}", daemons.ours.stdout);
    let refused = pair.run(&Line::restore("-A -t 1.1.1.5:80 -s #x\n"));
    let text = "Scheduler or persistence engine not found";
    assert_eq!(codes(&refused), (Some(255), Some(255)));
    assert!(refused.reference.stderr.contains(text) && refused.ours.stderr.contains(text));
    both(&pair, "--stop-daemon backup");
}

fn options_come_in_any_order() {
    let pair = Pair::new();
    for (line, reference, ours) in [
        ("-A -6 -f 5", "", "-A -f 5 -6 -s wlc\n"),
        (
            "-A -M 64 -p 9 -t [::1]:80",
            "-A -t [::1]:80 -s wlc -p 9\n",
            "-A -t [::1]:80 -s wlc -p 9 -M 64\n",
        ),
        ("-A -f 5 -p 9 -M 64 -6", "-A -f 5 -6 -s wlc -p 9\n", "-A -f 5 -6 -s wlc -p 9 -M 64\n"),
    ] {
        both(&pair, "-C");
        both(&pair, line);
        assert_eq!(outputs(&both(&pair, "-S -n")), (reference, ours), "{line}");
    }
    both(&pair, "-C");
    restored(&pair, "-A -t 1.2.3.4:80 -s rr\n-a -r 10.1.0.1 -t 1.2.3.4:80 -m\n");
    let saved = both(&pair, "-S -n");
    assert!(saved.reference.stdout.contains(" -r 10.1.0.1:0 -m "), "{}", saved.reference.stdout);
    assert!(saved.ours.stdout.contains(" -r 10.1.0.1:80 -m "), "{}", saved.ours.stdout);
}

fn host_names_resolve_to_ipv6() {
    let [reference, ours] = with_hosts("2001:db8::7 six.example\n", "-A -t six.example:80 -s rr");
    assert_eq!((reference.0, ours.0), (Some(2), Some(0)));
    assert_eq!((reference.1.as_str(), ours.1.as_str()), ("", "-A -t [2001:db8::7]:80 -s rr\n"));
}

/// The status of a command with this `/etc/hosts`, and the table it leaves, for each program.
fn with_hosts(hosts: &str, arguments: &str) -> [(Option<i32>, String); 2] {
    [program::reference(), program::ipvsadm()].map(|program| {
        let ns = Netns::new();
        let mut mounts = Mounts::new();
        mounts.put_text(hosts, "/etc/hosts");
        let ran = mounts.run(&ns, &format!("{} {arguments}", quoted(&program)));
        (ran.code(), ns.reference(["-S", "-n"]).success().stdout)
    })
}

fn messages_about_rules_name_the_line() {
    let pair = Pair::new();
    let ran = pair.run(&Line::restore("-A -t 1.1.1.1:80\n-A -t 1.1.1.1:80\n"));
    assert_eq!(ran.reference.stderr, "Service already exists\n");
    assert_eq!(ran.ours.stderr, "line 2: Service already exists\n");
}

fn an_ipv6_address_in_brackets_needs_no_port() {
    let pair = Pair::new();
    assert_eq!(codes(&both(&pair, "-A -t [2001:db8::1] -p 9")), (Some(2), Some(0)));
    assert_eq!(outputs(&both(&pair, "-S -n")), ("", "-A -t [2001:db8::1]:0 -s wlc -p 9\n"));
}

fn listings_are_limited_to_an_address() {
    let pair = Pair::new();
    both(&pair, "-A -t 1.1.1.1:80 -s rr");
    both(&pair, "-a -t 1.1.1.1:80 -r 10.0.0.1 -m");
    for line in [
        "-L -n 1.1.1.1",
        "-L -n 10.0.0.1:80",
        "-L -n -r 10.0.0.1",
        "-L -c -n -t 1.1.1.1:80",
        "-L -c -n -f 5",
        "-L -c -n -r 10.0.0.1",
        "-L -c -n 10.0.0.1",
    ] {
        let ran = both(&pair, line);
        assert_eq!(codes(&ran), (Some(2), Some(0)), "{line}");
    }
    for line in ["-L -n foo", "-L -n -c foo", "-L -n 80", "-L -n --timeout 1.1.1.1"] {
        let ran = both(&pair, line);
        assert_eq!(codes(&ran), (Some(2), Some(2)), "{line}");
        assert!(ran.ours.stderr.starts_with("unexpected argument"), "{}", ran.ours.stderr);
    }
}

fn output_that_cannot_be_written_is_an_error() {
    let pair = Pair::new();
    let [ns, _] = pair.namespaces();
    let shell = |script: &str, program: &Path| {
        ns.command("sh").args(["-c", &script.replace("PROGRAM", &quoted(program))]).run()
    };
    let (reference, ours) = (program::reference(), program::ipvsadm());
    ns.reference(["-A", "-t", "1.1.1.1:80"]).success();
    for command in ["-S -n", "-L -n", "-L -n --stats"] {
        let script = format!("PROGRAM {command} > /dev/full");
        assert_eq!(shell(&script, &reference).code(), Some(0));
        let full = shell(&script, &ours);
        assert_eq!(full.code(), Some(5), "{command}");
        assert!(full.stderr.contains("No space left on device"), "{}", full.stderr);
    }
    // A reader that goes away is not reported.
    let script = "PROGRAM -L -n | true; { PROGRAM -S -n; echo $? >&2; } | head -c 1 >/dev/null";
    for program in [&reference, &ours] {
        let ran = shell(script, program);
        assert!(!ran.stderr.contains("pipe"), "{}", ran.stderr);
        assert!(ran.stderr.lines().count() <= 1, "{}", ran.stderr);
    }
}

fn closed_streams_are_like_dev_null() {
    let pair = Pair::new();
    let [ns, _] = pair.namespaces();
    ns.reference(["-A", "-t", "1.1.1.1:80"]).success();
    let run = |line: &str, program: &Path| {
        let line = line.replace("PROGRAM", &quoted(program));
        ns.command("sh").args(["-c", &line]).run().code()
    };
    // With /dev/null the two are alike.
    for line in ["PROGRAM -S -n >&-", "PROGRAM -L -n >&- 2>&-", "PROGRAM -R <&-"] {
        let codes = [program::reference(), program::ipvsadm()].map(|program| run(line, &program));
        assert_eq!(codes, [Some(0); 2], "{line}");
    }
    // Without it, ours is ended by SIGABRT, which a shell reports as 134.
    let without = "mount -t tmpfs none /dev && PROGRAM -S -n >&-; echo $? >/dev/status; \
                   cat /dev/status";
    let status = |program: &Path| {
        let line = without.replace("PROGRAM", &quoted(program));
        let ran = ns.command("unshare").args(["--mount", "sh", "-c", &line]).run();
        ran.stdout.trim().to_owned()
    };
    assert_eq!(status(&program::reference()), "0");
    assert_eq!(status(&program::ipvsadm()), "134");
}

fn restored_daemons_are_what_the_lines_say() {
    let rules = "--start-daemon master --mcast-interface lo --syncid 7\n";
    for (ours, status, id) in [(false, 255, "3"), (true, 0, "7")] {
        let ns = Netns::new();
        let start = "--start-daemon master --mcast-interface lo --syncid 3";
        ns.reference(start.split(' ')).success();
        let mut mounts = Mounts::new();
        if ours {
            mounts.put(&program::ipvsadm(), "/usr/sbin/ipvsadm-restore");
        }
        let rules = mounts.file(rules);
        let ran = mounts.run(&ns, &format!("ipvsadm-restore < {}", quoted(&rules)));
        assert_eq!(ran.code(), Some(status), "{}", ran.stderr);
        let listed = ns.reference(["-L", "--daemon"]).success().stdout;
        assert!(listed.contains(&format!("syncid={id}")), "{listed}");
    }
}

fn messages_hint_at_what_was_meant() {
    let pair = Pair::new();
    for (line, hint) in [
        ("-A -t 2001:db8::1:80", "did you mean [2001:db8::1]:80?"),
        ("-A -t 1.1.1.1:50000-60000", "use a firewall mark (-f)"),
        ("-A -t 1.1.1.1:80 --schedular rr", "did you mean --scheduler?"),
        ("-A 1.1.1.1:80", "-t, -u, --sctp-service or -r"),
        ("-n", "as in `ipvsadm -L --numeric`"),
    ] {
        let ran = both(&pair, line);
        assert_eq!(ran.reference.code(), ran.ours.code(), "{line}");
        assert!(!ran.reference.stderr.contains(hint), "{}", ran.reference.stderr);
        assert!(ran.ours.stderr.contains(hint), "{line}: {}", ran.ours.stderr);
    }
}

fn a_list_of_no_flags_is_no_crash() {
    let pair = Pair::new();
    let ran = both(&pair, "-A -t 1.1.1.1:80 -b ,");
    assert_eq!(ran.reference.code(), None, "the reference crashes no more");
    assert_eq!(ran.ours.code(), Some(0));
    assert_eq!(outputs(&both(&pair, "-S -n")), ("", "-A -t 1.1.1.1:80 -s wlc\n"));
}

fn the_third_flag_of_sh_and_mh_is_named() {
    let pair = Pair::new();
    restored(&pair, "-A -t 1.1.1.1:80 -s sh -b flag-3\n-A -t 1.1.1.2:80 -s mh -b mh-port,flag-3\n");
    let saved = both(&pair, "-S -n");
    let (reference, ours) = outputs(&saved);
    assert_eq!(reference, "-A -t 1.1.1.1:80 -s sh -b \n-A -t 1.1.1.2:80 -s mh -b mh-port\n");
    assert_eq!(
        ours,
        "-A -t 1.1.1.1:80 -s sh -b flag-3\n-A -t 1.1.1.2:80 -s mh -b mh-port,flag-3\n"
    );
    // The listing is the reference's.
    let listed = both(&pair, "-L -n");
    let (reference, ours) = outputs(&listed);
    assert_eq!(reference, ours);
}

fn long_words_in_rules_are_kept_whole() {
    let pair = Pair::new();
    let ran = pair.run(&Line::restore(format!("-A -f {}5\n", "0".repeat(5000))));
    assert_eq!(codes(&ran), (Some(2), Some(0)), "{}", ran.ours.stderr);
    assert_eq!(outputs(&both(&pair, "-S -n")), ("", "-A -f 5 -s wlc\n"));
}

fn a_prefix_length_does_not_wrap_around() {
    let pair = Pair::new();
    assert_eq!(codes(&both(&pair, "-A -f 9 -6 -p -M 4294967297")), (Some(0), Some(2)));
    assert_eq!(outputs(&both(&pair, "-S -n")), ("-A -f 9 -6 -s wlc -p 360 -M 1\n", ""));
}

fn names_in_rules_are_not_cut() {
    let host = "this-is-a-very-long-host-name-of-a-server.example.com";
    let ns = Netns::new();
    ns.reference(["-A", "-t", "10.0.0.1:81"]).success();
    let mut mounts = Mounts::new();
    mounts.put_text(format!("10.0.0.1 {host}\n"), "/etc/hosts");
    mounts.put_text("verylongservicename 81/tcp\n", "/etc/services");
    let save =
        |program: &Path| mounts.run(&ns, &format!("{} -S", quoted(program))).success().stdout;
    let whole = format!("-A -t {host}:verylongservicename -s wlc\n");
    assert_eq!(save(&program::ipvsadm()), whole);
    let cut = save(&program::reference());
    assert_eq!(cut, format!("-A -t {host}:veryl -s wlc\n"));
}

fn odd_lines_among_connections_are_left_out() {
    let good = "TCP 0A000001 C350 01020304 0050 0A000002 1E61 NONE  7\n";
    let file = format!("heading\n{good}garbage\n\n{good}");
    let ns = Netns::new();
    let mut mounts = Mounts::new();
    let file = mounts.file(&file);
    super::connections::list(&mut mounts, &file);
    let run = |program: &Path| mounts.run(&ns, &format!("{} -L -c -n", quoted(program)));
    let lines = |ran: &Ran| ran.stdout.lines().skip(2).map(str::to_owned).collect::<Vec<_>>();
    let (reference, ours) = (run(&program::reference()), run(&program::ipvsadm()));
    let line = "TCP 00:07  NONE        10.0.0.1:50000     1.2.3.4:80         10.0.0.2:7777";
    assert_eq!((ours.code(), lines(&ours)), (Some(0), vec![line.to_owned(); 2]));
    assert_eq!(reference.code(), Some(1));
    assert_eq!(lines(&reference).len(), 2);
    assert!(lines(&reference)[1].starts_with("garbage"), "{}", reference.stdout);
}

fn asking_restore_for_help_clears_nothing() {
    for (ours, left) in [(false, ""), (true, "-A -t 1.1.1.1:80 -s wlc\n")] {
        let ns = Netns::new();
        ns.reference(["-A", "-t", "1.1.1.1:80"]).success();
        let mut mounts = Mounts::new();
        if ours {
            mounts.put(&program::ipvsadm(), "/usr/sbin/ipvsadm-restore");
        }
        let ran = mounts.run(&ns, "ipvsadm-restore -h < /dev/null").success();
        assert_eq!(ran.stdout.is_empty(), !ours);
        assert_eq!(ns.reference(["-S", "-n"]).success().stdout, left);
    }
}

fn restoring_nonsense_changes_nothing() {
    let rules = "-A -t 2.2.2.2:80\n-A -t 3.3.3.3:80 -p 0\n-A -t 4.4.4.4:80\n";
    let before = "-A -t 1.1.1.1:80 -s wlc\n";
    let as_far_as_it_went = "-A -t 2.2.2.2:80 -s wlc\n";
    for (ours, options, left) in
        [(false, "", as_far_as_it_went), (true, "", before), (true, "--clear", as_far_as_it_went)]
    {
        let ns = Netns::new();
        ns.reference(["-A", "-t", "1.1.1.1:80"]).success();
        let mut mounts = Mounts::new();
        if ours {
            mounts.put(&program::ipvsadm(), "/usr/sbin/ipvsadm-restore");
        }
        let rules = mounts.file(rules);
        let ran = mounts.run(&ns, &format!("ipvsadm-restore {options} < {}", quoted(&rules)));
        assert_eq!(ran.code(), Some(2), "{}", ran.stderr);
        assert_eq!(ns.reference(["-S", "-n"]).success().stdout, left, "{ours} {options}");
    }
}

fn counters_of_servers_are_whole() {
    let ns = counters::service();
    let library = counters::library();
    let counter = (1 << 32) + 5;
    for (view, theirs, whole) in [
        (
            &["-L", "-n", "--stats"][..],
            "        5        5        5    4294M    4294M",
            "    4294M    4294M    4294M    4294M    4294M",
        ),
        (
            &["-L", "-n", "--rate"],
            "        5        5        5        5        5",
            " 4294967301 4294967301 4294967301    4294M    4294M",
        ),
    ] {
        let [reference, ours] = counters::listed(&ns, &library, counter, view);
        let line = |counters| format!("{:33}{counters}", "  -> 127.0.0.1:9090");
        assert_eq!(reference.lines().last(), Some(line(theirs).as_str()));
        assert_eq!(ours.lines().last(), Some(line(whole).as_str()));
    }
}

fn commands_for_a_whole_table_wait_for_each_other() {
    for (program, waits) in [(program::reference(), false), (program::ipvsadm(), true)] {
        let ns = Netns::new();
        let mut command = Command::new(&program);
        command.arg("-R").stdin(Stdio::piped()).stderr(Stdio::piped());
        let mut restoring = ns.enter(|| command.spawn()).expect("the program starts");
        let mut input = restoring.stdin.take().expect("the stream is a pipe");
        let mut errors = BufReader::new(restoring.stderr.take().expect("the stream is a pipe"));
        input.write_all(b"-A -t 1.1.1.1:80\n-L --zzz\n").expect("the program reads its input");
        // The complaint shows that the line before it has been carried out.
        let mut complaint = String::new();
        errors.read_line(&mut complaint).expect("standard error is readable");
        let clear = |options: &[&str]| ns.command(&program).arg("-C").args(options).run().code();
        let saved = || ns.reference(["-S", "-n"]).success().stdout;
        if waits {
            assert_eq!(clear(&["--wait", "0"]), Some(4));
            assert_eq!(saved(), "-A -t 1.1.1.1:80 -s wlc\n");
            // A change of one service does not wait.
            ns.ipvsadm(["-A", "-t", "2.2.2.2:80"]).success();
        }
        // When nothing more arrives for a while, others may go first.
        assert_eq!(clear(&[]), Some(0), "{program:?}");
        assert_eq!(saved(), "", "{program:?}");
        drop(input);
        restoring.wait().expect("the program ends");
    }
}

fn save_writes_the_file_that_it_is_given() {
    for (ours, expected) in [(false, "-A -t 9.9.9.9:80 -s wlc\n"), (true, "")] {
        let ns = Netns::new();
        let mut mounts = Mounts::new();
        if ours {
            mounts.put(&program::ipvsadm(), "/usr/sbin/ipvsadm-save");
        }
        let script = "ipvsadm -A -t 9.9.9.9:80; cd $(mktemp -d); ipvsadm-save -n file; cat * >&2";
        let ran = mounts.run(&ns, script);
        assert_eq!(ran.stdout, expected, "{}", ran.stderr);
        assert_eq!(ran.stderr.contains("-A -t 9.9.9.9:80 -s wlc\n"), ours, "{}", ran.stderr);
    }
}

fn every_difference_is_in_the_documentation() {
    let text = include_str!("../../../docs/differences.md");
    for test in tests() {
        let name = test.name.rsplit("::").next().expect("the name has segments");
        assert!(
            text.contains(&format!("`{name}`"))
                || name == "every_difference_is_in_the_documentation",
            "docs/differences.md does not name `{name}`"
        );
    }
}
