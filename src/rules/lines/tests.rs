use proptest::prelude::*;

use super::*;

/// Each line's number and outcome: `ok` or the kind of mistake, and `!` where reading stops.
fn read(input: &[u8]) -> String {
    let lines = CommandLines::new(input, NumericOnly).map(|line| {
        let line = line.unwrap();
        let stops = if line.stops_restore() { "!" } else { "" };
        match &line.command {
            Ok(_) => format!("{}:ok{stops}", line.number),
            Err(error) => format!("{}:{:?}{stops}", line.number, error.mistake()),
        }
    });
    lines.collect::<Vec<_>>().join(" ")
}

#[test]
fn each_line_is_a_command() {
    for (input, want) in [
        (&b""[..], ""),
        (b"\n\n  \n\t\r\n", ""),
        (b"ipvsadm\n# a comment\n  # another\n", ""),
        (b"-A -t 1.2.3.4:80", "1:ok"),
        (b"\n-A -t 1.2.3.4:80\r\n\n-C # all of it\n-Z\n", "2:ok 4:ok 5:ok"),
        (b"-S -n\n-L\n", "1:ok 2:ok"),
    ] {
        assert_eq!(read(input), want, "{:?}", String::from_utf8_lossy(input));
    }
}

#[test]
fn some_errors_stop_a_restore_and_some_do_not() {
    for (line, want) in [
        // The option is not there, or not whole, after the command: the line is skipped.
        ("-A -t 1.2.3.4:80 -z", "Syntax"),
        ("-A -t 1.2.3.4:80 -s", "Syntax"),
        ("-A -t 1.2.3.4:80 -n=3", "Syntax"),
        // No command.
        ("foo", "Syntax!"),
        ("-z", "Syntax!"),
        ("--add=3", "Syntax!"),
        ("--", "Syntax!"),
        ("-n", "Syntax!"),
        // Rules that ask for rules.
        ("-R", "Syntax!"),
        // Wrong use.
        ("-A -t bad", "Meaning!"),
        ("/sbin/ipvsadm -A -t 1.2.3.4:80", "Meaning!"),
        ("-A -t \"1.2.3.4:80\"", "Meaning!"),
        ("-C -C", "Meaning!"),
        // These say what they have to say, and then it ends.
        ("-h", "ok!"),
        ("-v -A", "ok!"),
    ] {
        assert_eq!(read(line.as_bytes()), format!("1:{want}"), "{line:?}");
    }
}

#[test]
fn a_very_long_line_is_read() {
    let mut line = b"-A -t 1.2.3.4:80".to_vec();
    line.resize(1 << 20, b' ');
    line.extend_from_slice(b"-s rr\n");
    assert_eq!(read(&line), "1:ok");
    let mut line = b"-A -t 1.2.3.4:80 -s ".to_vec();
    line.resize(1 << 20, b'x');
    assert_eq!(read(&line), "1:ok");
    let mut line = b"-A -t 1.2.3.4:".to_vec();
    line.resize(1 << 20, b'7');
    assert_eq!(read(&line), "1:Meaning!");
}

proptest! {
    #[test]
    fn any_bytes_are_read(input: Vec<u8>) {
        read(&input);
    }

    #[test]
    fn any_values_are_read(
        command in "-[AEDaedLZ]|--set|--st(art|op)-daemon",
        options in prop::collection::vec(
            ("-[tufspMbrwxyX6gimocn]|--(pe|syncid|tun-type|tun-port|mcast-group|sctp-service)",
             prop_oneof![".{0,8}", "[0-9:.%\\[\\]xa-f+ -]{0,12}"]),
            0..5,
        ),
    ) {
        let mut line = command;
        for (option, value) in options {
            line += &format!(" {option} {value}");
        }
        read(line.as_bytes());
    }
}

#[test]
fn rules_cannot_say_how_they_are_carried_out() {
    for line in [
        "-C --dry-run",
        "-C --wait 5",
        "-L --netns blue",
        "-L --no-load",
        "--apply",
        "--apply rules",
    ] {
        let error = parse_command(line.as_bytes(), &mut NumericOnly).expect_err(line);
        assert!(error.stops_restore(), "{line}");
    }
}

#[test]
fn the_library_reads_changes_only() {
    assert_eq!(Line::parse(b"-C # all"), Ok(Some(Change::Flush)));
    assert_eq!(Line::parse(b" # nothing"), Ok(None));
    for line in ["-L", "-S", "-h", "-v", "-R", "--apply", "-A -t www:80", "foo"] {
        assert!(Line::parse(line.as_bytes()).is_err(), "{line}");
    }
    let lines: Vec<_> = Lines::new(&b"-C\n-L\n-Z"[..]).map(Result::unwrap).collect();
    assert_eq!(lines[0].change, Ok(Change::Flush));
    assert!(lines[1].change.is_err());
    assert_eq!((lines[2].number, &lines[2].change), (3, &Ok(Change::ZeroAll)));
}
