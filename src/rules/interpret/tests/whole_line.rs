//! The line as a whole: its command, and which options go with it.

use super::*;

#[test]
fn the_command_comes_first() {
    for text in [
        "-n",
        "-n -L",
        "-nL",
        "-6 -L",
        "-t 1.2.3.4:80",
        "--stats",
        "--zzz",
        "-z -L",
        "foo",
        "",
        "-",
        "-- -L",
        "--list=1.2.3.4",
        "--set=1 2 3",
        "--add",
        "--start-daemon",
        "--sort -L",
    ] {
        let error = line(text).expect_err(text);
        assert_eq!((exit_status(&error), error.stops_restore()), (255, true), "{text}");
    }
    assert_eq!(status("foo -L"), 2);
    assert_eq!(status(" -L"), 2);
}

#[test]
fn help_and_version_do_not_mind_the_rest() {
    for text in ["-h", "-h -n", "-h foo", "-h -z", "-h -L", "--help"] {
        assert_eq!(line(text), Ok(Command::Help), "{text}");
    }
    for text in ["-v", "-vn", "-v foo", "-v --zzz", "--version"] {
        assert_eq!(line(text), Ok(Command::Version), "{text}");
    }
    assert_eq!(status("-L -h"), 2);
    assert_eq!(status("-A -v"), 2);
}

#[test]
fn unknown_options_and_missing_values_are_255() {
    for text in [
        "-L --zzz",
        "-L -z",
        "-L -n5",
        "-L --num",
        "-L --numeric=5",
        "-L -n=5",
        "-C -z",
        "-A -t 1.2.3.4:80 -s",
        "-At",
        "-Lcx",
        "-L foo --zzz",
        "-A -t 1.2.3.4 -z",
        "--set -1 1 1",
        "-A -t 1.2.3.4:80 -p -1",
        "-L --timeout --stats -z",
        "--set bad 1 1 -z",
        "-A -t 1.2.3.4:80 -b bogus -z",
    ] {
        assert_eq!(status(text), 255, "{text}");
    }
}

#[test]
fn of_several_mistakes_the_first_decides() {
    for text in [
        "-A -t bad -z",
        "-A -t 1.2.3.4:80 -D -z",
        "-A -t 1.2.3.4:80 -t 1.2.3.4:80 -z",
        "-A -t 1.2.3.4:80 -p 0 -z",
        "-A -t 1.2.3.4:80 -M bad -z",
        "-a -t 1.2.3.4:80 -r bad -z",
        "-a -t 1.2.3.4:80 -r 10.1 -w bad -z",
        "-a -t 1.2.3.4:80 -r 10.1 --tun-type bad -z",
        "-a -t 1.2.3.4:80 -r 10.1 --tun-port bad -z",
        "-a -t 1.2.3.4:80 -g -m -z",
        "--start-daemon bad -z",
        "--stop-daemon bad -z",
        "--start-daemon master --syncid bad -z",
        "--start-daemon master --mcast-group bad -z",
        "-A -t 1.2.3.4:80 -6 -z",
        "-L -f bad -z",
    ] {
        assert_eq!(status(text), 2, "{text}");
    }
}

#[test]
fn what_is_given_twice_is_refused() {
    for text in [
        "-L -n -n",
        "-L -nn",
        "-L --exact -X",
        "-L --stats --stats",
        "-L --nosort --nosort",
        "-A -t 1.2.3.4:80 -s rr -s wrr",
        "-A -t 1.2.3.4:80 -t 1.2.3.5:80",
        "-A -t 1.2.3.4:80 -u 1.2.3.5:80",
        "-A -t 1.2.3.4:80 -f 1",
        "-A -f 1 -f 2",
        "-A -t 1.2.3.4:80 -p -p",
        "-a -t 1.2.3.4:80 -r 10.1 -g -m",
        "-a -t 1.2.3.4:80 -r 10.1 -g -g",
        "-a -t 1.2.3.4:80 -r 10.1 -r 10.2",
        "-a -t 1.2.3.4:80 -r 10.1 -w 1 -w 1",
        "-A -t 1.2.3.4:80 --pe sip --pe sip",
        "-A -t 1.2.3.4:80 -b flag-1 -b flag-2",
        "--start-daemon master --syncid 1 --syncid 2",
        "-C -C",
        "-L -l",
        "-AA",
        "-LA",
        "--set 1 --set 2 3",
    ] {
        assert_eq!(status(text), 2, "{text}");
    }
    for text in ["-A -f 1 -6 -6", "-L --sort --sort", "-L --sort --nosort", "-L --stats --rate"] {
        assert_eq!(status(text), 0, "{text}");
    }
}

#[test]
fn words_that_belong_to_no_option_are_refused() {
    for text in [
        "-L foo",
        "-L foo -n",
        "-L 80",
        "-L -c foo",
        "-L 1.2.3.4 foo",
        "-L -t 1.2.3.4:80 foo",
        "-L -r 1.2.3.4:80 foo",
        "-L --timeout 1.2.3.4",
        "-L --daemon 1.2.3.4",
        "-L --status 1.2.3.4",
        "-L -",
        "-L ",
        "-L -- -n",
        "-C foo",
        "-R foo",
        "-Z foo",
        "-S foo",
        "-A -t 1.2.3.4:80 -p 600 700",
        "-A -t 1.2.3.4:80 -p -",
        "--set 1 2 3 4",
        "--start-daemon master backup",
    ] {
        assert!(matches!(line(text), Err(UsageError::UnexpectedWord { .. })), "{text}");
        assert_eq!(status(text), 2, "{text}");
    }
    assert_eq!(status("-L --"), 0);
}

/// For each option, a value that it takes.
fn sample(option: OptionId) -> &'static str {
    use OptionId::*;
    match option {
        TcpService | UdpService | SctpService => "1.2.3.4:80",
        RealServer => "10.0.0.1",
        Netmask => "255.255.255.0",
        Scheduler => "rr",
        Pe => "sip",
        SchedFlags => "flag-1",
        TunType => "ipip",
        McastInterface => "eth0",
        McastGroup => "224.0.0.81",
        Client | Director => "10.0.0.1",
        OptionId::State => "NONE",
        By => "state",
        OptionId::Format => "json",
        OptionId::Until => "all",
        OptionId::Then => "keep",
        StartDaemon | StopDaemon => "master",
        _ => "7",
    }
}

#[test]
fn each_command_takes_its_options_and_no_others() {
    use OptionId::*;
    for command in OPTIONS.iter().filter(|row| row.id.is_command()) {
        if matches!(command.id, Help | Version) {
            continue;
        }
        for row in OPTIONS.iter().filter(|row| !row.id.is_command()) {
            let mut words = vec![format!("--{}", command.long)];
            match command.id {
                StartDaemon | StopDaemon => words.push("master".into()),
                Set => words.extend(["1", "2", "3"].map(String::from)),
                _ => {}
            }
            words.push(format!("--{}", row.long));
            if row.value_with_command(Some(command.id)) != ValueKind::None {
                words.push(sample(row.id).into());
            }
            let words: Vec<_> = words.iter().map(String::as_str).collect();
            let refused = matches!(read(&words), Err(UsageError::NotForCommand { .. }));
            assert_eq!(refused, !row.commands.contains(command.id), "{words:?}");
        }
    }
}

#[test]
fn commands_say_what_they_need() {
    for text in
        ["-A", "-A -s rr", "-E", "-D", "-a", "-e -w 1", "-d", "-a -r 10.0.0.1", "-d -r 10.1"]
    {
        assert!(matches!(line(text), Err(UsageError::MissingService(_))), "{text}");
    }
    for text in ["-a -t 1.2.3.4:80", "-e -f 1", "-d -t 1.2.3.4:80"] {
        assert!(matches!(line(text), Err(UsageError::MissingServer(_))), "{text}");
    }
    for text in ["--set", "--set 1", "--set 1 b"] {
        assert_eq!(line(text), Err(UsageError::MissingTimeouts), "{text}");
    }
}

#[test]
fn program_options_may_come_before_the_command() {
    let all = invocation("-C --dry-run --wait 5 --netns blue").expect("legal");
    let execution = Execution { dry_run: true, wait: Some(5) };
    assert_eq!(all.command, Command::Change(Change::Flush, execution));
    assert_eq!(all.namespace.as_deref(), Some("blue"));
    assert_eq!(invocation("--netns blue --wait 5 --dry-run -C"), Ok(all));
    let missing = UsageError::BeforeCommand(OptionId::Netns);
    assert_eq!(invocation("--netns blue"), Err(missing));
    let early = UsageError::BeforeCommand(OptionId::Numeric);
    assert_eq!(invocation("--netns blue -n -L"), Err(early));
    let plain = Command::Change(Change::Flush, Execution::default());
    assert_eq!(invocation("-C"), Ok(plain.into()));
    for (text, status) in [
        ("-L --dry-run", 2),
        ("-L --wait 5", 2),
        ("-h --netns x", 0),
        ("-C --wait -1", 2),
        ("-C --wait x", 2),
        ("-C --netns", 255),
        ("-C --netns=", 2),
        ("-C --no-load", 2),
    ] {
        let got = invocation(text).map_or_else(|error| exit_status(&error), |_| 0);
        assert_eq!(got, status, "{text}");
    }
}

#[test]
fn the_module_is_loaded_unless_told_otherwise() {
    let loads = |text| invocation(text).expect(text).load_module;
    assert!(loads("-L") && loads("-S -n") && Invocation::default().load_module);
    assert!(!loads("-L --no-load") && !loads("--no-load -S"));
}

#[test]
fn a_table_is_applied_from_a_file_or_standard_input() {
    let apply = |text| match invocation(text).map(|found| found.command) {
        Ok(Command::Apply(options)) => Ok(options),
        Ok(other) => panic!("{text}: {other:?}"),
        Err(error) => Err(error),
    };
    let stdin = ApplyOptions::default();
    let file = ApplyOptions { file: Some("rules".into()), ..stdin.clone() };
    let kept = ApplyOptions { keep_weights: true, ..file.clone() };
    let empty = ApplyOptions { allow_empty: true, ..file.clone() };
    let execution = |dry_run, wait| Execution { dry_run, wait };
    let dry = ApplyOptions { execution: execution(true, None), ..file.clone() };
    let waiting = ApplyOptions { execution: execution(false, Some(3)), ..file.clone() };
    for (text, want) in [
        ("--apply", &stdin),
        ("--apply -", &stdin),
        ("--apply=-", &stdin),
        ("--apply rules", &file),
        ("--apply=rules", &file),
        ("--apply -- rules", &file),
        ("--apply rules --dry-run", &dry),
        ("--apply=rules --dry-run", &dry),
        ("--apply --dry-run rules", &dry),
        ("--dry-run --apply rules", &dry),
        ("rules --apply --dry-run", &dry),
        ("--apply --keep-weights rules", &kept),
        ("--apply rules --keep-weights", &kept),
        ("--apply --allow-empty rules", &empty),
        ("--apply --wait 3 rules", &waiting),
        ("--wait 3 --apply rules", &waiting),
    ] {
        assert_eq!(apply(text).as_ref(), Ok(want), "{text}");
    }
    for text in [
        "--apply rules more",
        "--apply=rules more",
        "--apply --dry-run rules more",
        "--apply rules -",
        "--apply -t 1.2.3.4:80",
        "-R --allow-empty",
    ] {
        assert_eq!(exit_status(&invocation(text).expect_err(text)), 2, "{text}");
    }
}

#[test]
fn a_file_is_compared() {
    let diff = |text| match invocation(text).map(|found| found.command) {
        Ok(Command::Diff(options)) => Ok(options),
        Ok(other) => panic!("{text}: {other:?}"),
        Err(error) => Err(error),
    };
    let stdin = DiffOptions::default();
    let file = DiffOptions { file: Some("rules".into()), json: false };
    let json = DiffOptions { json: true, ..file.clone() };
    for (text, want) in [
        ("--diff", &stdin),
        ("--diff -", &stdin),
        ("--diff=-", &stdin),
        ("--diff rules", &file),
        ("--diff=rules", &file),
        ("--diff rules --no-load --netns blue", &file),
        ("--diff rules --json", &json),
        ("--diff --format json rules", &json),
    ] {
        assert_eq!(diff(text).as_ref(), Ok(want), "{text}");
    }
    assert!(!invocation("--diff --no-load").expect("a command").load_module);
    for text in [
        "--diff rules more",
        "--diff rules --dry-run",
        "--diff rules --wait 3",
        "--diff rules --keep-weights",
        "--diff rules --format table",
        "--diff rules -t 1.2.3.4:80",
        "--diff rules -n",
    ] {
        assert_eq!(exit_status(&invocation(text).expect_err(text)), 2, "{text}");
    }
}
