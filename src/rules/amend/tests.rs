use super::*;
use crate::RefusalKind;
use crate::rules::command::RuleCommand;
use crate::rules::grammar::parse_command;
use crate::rules::resolve::NumericOnly;
use crate::rules::{Line, Lines};

/// The table that these rules make.
fn table(rules: &str) -> Table {
    let mut rehearsal = crate::Rehearsal::default();
    for line in Lines::new(rules.as_bytes()) {
        let change = line.expect("it is in memory").change.expect("a rule");
        rehearsal.change(&change).expect("it fits the others");
    }
    rehearsal.state().table.clone()
}

/// The whole edit that a line with `--keep` makes of these rules.
fn completed(rules: &str, line: &str) -> Result<String, String> {
    let command = parse_command(line.as_bytes(), &mut NumericOnly).expect("a command");
    let Some(RuleCommand::Amend(amendment)) = command else { panic!("{line}: {command:?}") };
    let change = amendment.complete(&table(rules)).map_err(|error| error.to_string())?;
    Ok(Line::new(&change).expect("it can be written").to_string())
}

#[test]
fn a_server_keeps_what_is_not_named() {
    let rules = "\
-A -t 192.0.2.1:80 -s wrr
-a -t 192.0.2.1:80 -r 10.0.0.1:8080 -m -w 3 -x 100 -y 50
-a -t 192.0.2.1:80 -r 10.0.0.2 -i -w 2 --tun-type gue --tun-port 6080 --tun-csum";
    for (line, whole) in [
        ("-r 10.0.0.1:8080 -w 5", "-r 10.0.0.1:8080 -m -w 5 -x 100 -y 50"),
        ("-r 10.0.0.1:8080", "-r 10.0.0.1:8080 -m -w 3 -x 100 -y 50"),
        ("-r 10.0.0.1:8080 -x 0 -y 0", "-r 10.0.0.1:8080 -m -w 3"),
        ("-r 10.0.0.2 -w 0", "-r 10.0.0.2:80 -i -w 0 --tun-type gue --tun-port 6080 --tun-csum"),
        // The method alone keeps the tunnel; the tunnel's options make another.
        ("-r 10.0.0.2 -i", "-r 10.0.0.2:80 -i -w 2 --tun-type gue --tun-port 6080 --tun-csum"),
        ("-r 10.0.0.2 -i --tun-type gre", "-r 10.0.0.2:80 -i -w 2 --tun-type gre --tun-nocsum"),
        ("-r 10.0.0.2 -g", "-r 10.0.0.2:80 -g -w 2"),
    ] {
        let line = format!("-e -t 192.0.2.1:80 {line} --keep");
        let whole = format!("-e -t 192.0.2.1:80 {whole}");
        assert_eq!(completed(rules, &line), Ok(whole), "{line}");
    }
}

#[test]
fn a_service_keeps_what_is_not_named() {
    let rules = "\
-A -t 192.0.2.1:80 -s sh -b sh-port
-A -t 192.0.2.2:80 -s wrr -p 600 -M 255.255.255.0
-A -u 192.0.2.3:53 -s wrr --ops
-A -t 192.0.2.4:5060 -s rr -p 60 --pe sip";
    for (line, whole) in [
        ("-t 192.0.2.1:80 -p 60", "-t 192.0.2.1:80 -s sh -p 60 -b sh-port"),
        ("-t 192.0.2.1:80 -s mh", "-t 192.0.2.1:80 -s mh -b mh-port"),
        ("-t 192.0.2.1:80 -b ,", "-t 192.0.2.1:80 -s sh"),
        ("-t 192.0.2.1:80 -b sh-fallback", "-t 192.0.2.1:80 -s sh -b sh-fallback"),
        ("-t 192.0.2.2:80 -s rr", "-t 192.0.2.2:80 -s rr -p 600 -M 255.255.255.0"),
        ("-t 192.0.2.2:80 -p 60", "-t 192.0.2.2:80 -s wrr -p 60 -M 255.255.255.0"),
        ("-t 192.0.2.2:80 -M 255.255.0.0", "-t 192.0.2.2:80 -s wrr -p 600 -M 255.255.0.0"),
        ("-u 192.0.2.3:53 -s rr", "-u 192.0.2.3:53 -s rr -o"),
        ("-t 192.0.2.4:5060 -s wrr", "-t 192.0.2.4:5060 -s wrr -p 60 --pe sip"),
    ] {
        let (line, whole) = (format!("-E {line} --keep"), format!("-E {whole}"));
        assert_eq!(completed(rules, &line), Ok(whole), "{line}");
    }
}

#[test]
fn an_edit_that_makes_no_sense_names_the_option() {
    let rules = "-A -t 192.0.2.1:80 -s rr\n-A -t 192.0.2.2:0 -s rr -p 60\n";
    for (line, start) in [
        ("-t 192.0.2.1:80 -M 255.255.0.0", "--netmask: "),
        ("-t 192.0.2.1:80 -o", "--ops: "),
        ("-t 192.0.2.1:80 -b sh-port", "--sched-flags: "),
    ] {
        let line = format!("-E {line} --keep");
        let error = completed(rules, &line).expect_err(&line);
        assert!(error.starts_with(start), "{error}");
    }
}

#[test]
fn a_complete_edit_kept_is_the_edit() {
    let rules = "-A -t 192.0.2.1:80 -s rr\n-a -t 192.0.2.1:80 -r 10.0.0.1 -m -w 3\n";
    let line = "-e -t 192.0.2.1:80 -r 10.0.0.1:80 -i -w 9 --tun-type ipip -x 8 -y 7";
    assert_eq!(completed(rules, &format!("{line} --keep")), Ok(line.to_owned()));
}

#[test]
fn what_is_not_there_is_an_edit_that_the_kernel_refuses() {
    let rules = "-A -t 192.0.2.1:80 -s rr\n";
    for (line, want) in [
        ("-e -t 192.0.2.1:80 -r 10.0.0.1 -w 3 --keep", RefusalKind::NoSuchDestination),
        ("-e -t 192.0.2.9:80 -r 10.0.0.1 -w 3 --keep", RefusalKind::ServiceNotDefined),
        ("-E -t 192.0.2.9:80 -s wrr --keep", RefusalKind::NoSuchService),
        // Settings that only make sense for what is there.
        ("-E -t 192.0.2.9 -s wrr --keep", RefusalKind::NoSuchService),
        ("-E -t 192.0.2.9:80 -M 255.255.0.0 --keep", RefusalKind::NoSuchService),
    ] {
        let change = match parse_command(line.as_bytes(), &mut NumericOnly) {
            Ok(Some(RuleCommand::Amend(amendment))) => amendment.complete(&table(rules)),
            other => panic!("{line}: {other:?}"),
        };
        let mut rehearsal = crate::Rehearsal::new(crate::State::from(table(rules)));
        let refusal = rehearsal.change(&change.expect(line)).expect_err(line);
        assert_eq!(refusal.refusal_kind(), Some(want), "{line}");
    }
}
