//! The cases are what popt does in ipvsadm 1.31.

use super::*;
use proptest::prelude::*;

/// Tokens as text: `weight=10`, `list`, `'word'`.
fn scan(words: &[&str]) -> String {
    spelt(Scanner::new(words.iter().map(|word| word.as_bytes())))
}

fn spelt<'a>(tokens: impl Iterator<Item = Result<Token<'a>, SyntaxError<'a>>>) -> String {
    let texts: Vec<String> = tokens
        .map(|token| match token {
            Ok(Token::Option { option, value: None }) => option.long().to_owned(),
            Ok(Token::Option { option, value: Some(value) }) => {
                format!("{}={}", option.long(), String::from_utf8_lossy(value))
            }
            Ok(Token::Word(word)) => format!("'{}'", String::from_utf8_lossy(word)),
            Err(SyntaxError::UnknownOption { word }) => {
                format!("unknown {}", String::from_utf8_lossy(word))
            }
            Err(SyntaxError::MissingValue { option }) => format!("missing {}", option.long()),
            Err(SyntaxError::UnwantedValue { option, .. }) => format!("unwanted {}", option.long()),
        })
        .collect();
    texts.join(" ")
}

#[test]
fn options_are_read_as_popt_reads_them() {
    for (words, want) in [
        (&["-Ln"][..], "list numeric"),
        (&["-lcn"], "list connection numeric"),
        (&["-At", "a"], "add-service tcp-service=a"),
        (&["-Ata"], "add-service tcp-service=a"),
        (&["-At=a"], "add-service tcp-service=a"),
        (&["-t==a"], "tcp-service==a"),
        (&["--tcp-service=a"], "tcp-service=a"),
        (&["--tcp-service==a"], "tcp-service==a"),
        (&["--tcp-service", "a"], "tcp-service=a"),
        (&["--tcp-service="], "tcp-service="),
        (&["--tcp-service"], "missing tcp-service"),
        (&["--tcp", "a"], "unknown --tcp"),
        (&["--tcp=a"], "unknown --tcp=a"),
        (&["-tcp-service", "a"], "tcp-service=cp-service 'a'"),
        (&["-s", "-x"], "scheduler=-x"),
        (&["-s", "--"], "scheduler=--"),
        (&["-s", ""], "scheduler="),
        (&["-s="], "scheduler="),
        (&["-Lcx"], "list connection missing u-threshold"),
        (&["-n5"], "numeric unknown -n5"),
        (&["-n=5"], "unwanted numeric"),
        (&["-n="], "unwanted numeric"),
        (&["--numeric=5"], "unwanted numeric"),
        (&["-p"], "persistent"),
        (&["-p", "600"], "persistent=600"),
        (&["-p600"], "persistent=600"),
        (&["-p=600"], "persistent=600"),
        (&["-p=", "x"], "persistent= 'x'"),
        (&["-p", ""], "persistent="),
        (&["-p", "-s", "rr"], "persistent scheduler=rr"),
        (&["-p", "-"], "persistent '-'"),
        (&["-p", "--", "600"], "persistent '600'"),
        (&["-p", "-1"], "persistent unknown -1"),
        (&["-opsrr"], "ops persistent=srr"),
        (&["--persistent", "600"], "persistent=600"),
        (&["--persistent="], "persistent="),
        (&["--persistent", "-s", "rr"], "persistent scheduler=rr"),
        (&["-A", "--", "-t", "--", "a"], "add-service '-t' '--' 'a'"),
        (&["--"], ""),
        (&["-"], "'-'"),
        (&[""], "''"),
        (&["--="], "unknown --="),
        (&["---"], "unknown ---"),
        (&["-="], "unknown -="),
        (&["-L", "-z", "-n"], "list unknown -z"),
        (&["--set", "1", "-n", "2", "3"], "set '1' numeric '2' '3'"),
        (&["--set=1", "2"], "unwanted set"),
        (&["--start-daemon", "--syncid", "1"], "start-daemon=--syncid '1'"),
    ] {
        assert_eq!(scan(words), want, "{words:?}");
    }
}

#[test]
fn a_comment_begins_where_no_value_is_expected() {
    for (line, want) in [
        ("-A -t a -p # -n", "add-service tcp-service=a persistent"),
        ("-A -t a -p #", "add-service tcp-service=a persistent"),
        ("-A -t a -p 60 # 5", "add-service tcp-service=a persistent=60"),
        ("-A -t a#b # c", "add-service tcp-service=a#b"),
        ("-A -s #x", "add-service scheduler=#x"),
        ("-A -s #x #y -z", "add-service scheduler=#x"),
        ("-A -s # -n", "add-service scheduler=# numeric"),
        ("-A -s#x --pe=#y", "add-service scheduler=#x pe=#y"),
        ("-p#5", "persistent=#5"),
        ("--mcast-interface #0 #-R", "mcast-interface=#0"),
        ("--set 1 2 3 # 4", "set '1' '2' '3'"),
        ("--set 1 2 #3 4", "set '1' '2'"),
        ("-A a -- -t # b", "add-service 'a' '-t'"),
        ("-A -- # b", "add-service"),
        ("-A\t#b\0\n", "add-service"),
        ("ipvsadm -C ipvsadm #", "clear"),
        ("# -C", ""),
    ] {
        assert_eq!(spelt(Scanner::of_line(line.as_bytes())), want, "{line}");
    }
    // The shell has taken comments away: what is left on a command line is meant.
    assert_eq!(scan(&["-C", "#", "-p", "#"]), "clear '#' persistent=#");
}

fn words(line: &[u8]) -> Vec<&[u8]> {
    LineWords::new(line).collect()
}

#[test]
fn lines_are_split_at_blanks() {
    let all: [&[u8]; 4] = [b"-A", b"-t", b"a", b"-p"];
    for line in [
        &b"-A -t a -p"[..],
        b"  -A\t-t a\t -p  \n",
        b"-A -t a -p\r\n",
        b"-A\r-t\ra\r-p",
        b"ipvsadm -A -t a -p",
        b"-A ipvsadm -t ipvsadm a ipvsadm ipvsadm -p ipvsadm",
        b"-A -t a\0-n -p",
    ] {
        assert_eq!(words(line), all, "{:?}", String::from_utf8_lossy(line));
    }
}

#[test]
fn what_is_no_blank_stays_in_its_word() {
    assert_eq!(
        words(b"a\x0bb\x0cc \xff\"d e\" f#g"),
        [&b"a\x0bb\x0cc"[..], b"\xff\"d", b"e\"", b"f#g"]
    );
    assert_eq!(words(b"/sbin/ipvsadm ipvsadm2"), [&b"/sbin/ipvsadm"[..], b"ipvsadm2"]);
}

#[test]
fn a_word_may_be_cut_to_nothing() {
    assert_eq!(words(b"\0-A -L"), [&b""[..], b"-L"]);
    assert_eq!(words(b"a\0 \0"), [&b"a"[..], b""]);
}

proptest! {
    #[test]
    fn any_bytes_are_split_and_scanned(line: Vec<u8>) {
        let tokens = Scanner::of_line(&line).count();
        prop_assert!(tokens <= line.len());
    }
}
