//! Clap and the scanner must read every command line alike.

use std::os::unix::ffi::OsStringExt;

use ipvs::rules::grammar::NumericOnly;
use proptest::prelude::*;

use super::*;
use crate::process::failure::Failure;

/// The options of a line in any order, and its other words in theirs.
type Parts = (Vec<String>, Vec<Vec<u8>>);

fn parts<'a>(tokens: impl IntoIterator<Item = Token<'a>>) -> Parts {
    let (mut options, mut words) = Parts::default();
    for token in tokens {
        match token {
            Token::Word(word) => words.push(word.to_vec()),
            option => options.push(format!("{option:?}")),
        }
    }
    options.sort();
    (options, words)
}

/// What clap makes of the words. `None` where it refuses, or where its answer is not used.
fn by_clap(words: &[OsString]) -> Option<Parts> {
    let matches = command(Purpose::Parsing).try_get_matches_from(words).ok()?;
    tokens(&matches).map(parts)
}

/// What the scanner makes of them. `None` where it refuses.
fn by_scanner(words: &[OsString]) -> Option<Parts> {
    let tokens: Result<Vec<_>, _> = scan(words).collect();
    tokens.ok().map(parts)
}

fn os(words: &[&str]) -> Vec<OsString> {
    words.iter().map(OsString::from).collect()
}

/// What an option's value may look like, right or wrong.
fn value() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => prop::sample::select(vec![
            "1.2.3.4:80", "[::1]:80", "10.0.0.1", "0", "1", "600", "rr", "master", "flag-1", "gue",
            "255.255.255.0", "lo", "224.0.0.1",
        ]).prop_map(String::from),
        1 => prop::sample::select(vec!["", "-", "--", "-1", "-n", "--stats", "=", "=5", "bad"])
            .prop_map(String::from),
        1 => "[ -~]{0,4}",
    ]
}

/// One or two words around an option of the table, spelled in any way, or a word that is none.
fn piece() -> impl Strategy<Value = Vec<String>> {
    let row = || prop::sample::select(OPTIONS);
    let short = |row: OptionSpec| row.short.map_or(format!("--{}", row.long), |c| format!("-{c}"));
    prop_oneof![
        4 => (row(), value()).prop_map(move |(row, value)| vec![short(row), value]),
        4 => row().prop_map(move |row| vec![short(row)]),
        2 => (row(), value()).prop_map(|(row, value)| vec![format!("--{}", row.long), value]),
        2 => row().prop_map(|row| vec![format!("--{}", row.long)]),
        1 => (row(), value()).prop_map(|(row, value)| vec![format!("--{}={value}", row.long)]),
        1 => (row(), value()).prop_map(move |(row, value)| vec![format!("{}{value}", short(row))]),
        1 => (row(), value()).prop_map(move |(row, value)| vec![format!("{}={value}", short(row))]),
        1 => "-[AEDCRSaedLlZhvtuf6spMobrgimwxycXn]{1,4}".prop_map(|word| vec![word]),
        1 => value().prop_map(|value| vec![value]),
        1 => "-{0,3}[a-zA-Z0-9=]{0,3}".prop_map(|word| vec![word]),
    ]
}

fn line() -> impl Strategy<Value = Vec<OsString>> {
    prop::collection::vec(piece(), 0..6)
        .prop_map(|pieces| pieces.into_iter().flatten().map(OsString::from).collect())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn clap_and_the_scanner_see_the_same_tokens(words in line()) {
        if let Some(clap) = by_clap(&words) {
            prop_assert_eq!(Some(clap), by_scanner(&words));
        } else if let Some(scanner) = by_scanner(&words) {
            // Clap's answer is left aside for popt's only where a lone dash follows -p.
            prop_assert!(words.iter().any(|word| word == "-" || word.as_bytes().ends_with(b"-")),
                "only clap refuses {:?}: {:?}", words, scanner);
        }
    }

    #[test]
    fn both_ways_in_give_the_same_answer(words in line()) {
        prop_assume!(!words.is_empty());
        let command = parse(&words, &mut NumericOnly);
        prop_assert_eq!(command, interpret(scan(&words), &mut NumericOnly));
    }

    #[test]
    fn any_bytes_get_an_answer(words: Vec<Vec<u8>>) {
        let words: Vec<_> = words.into_iter().map(OsString::from_vec).collect();
        let _ = parse(&words, &mut NumericOnly);
    }
}

#[test]
fn a_command_line_that_clap_takes_is_read_by_clap() {
    for words in [
        &["-Ln"][..],
        &["-L", "-n", "-n"],
        &["-At", "1.2.3.4:80", "-p", "-s", "rr"],
        &["-At", "1.2.3.4:80", "-p600", "--pe=sip"],
        &["-A", "-t", "-n", "-p", "--", "x"],
        &["--set", "1", "-n", "2", "3"],
        &["--settings"],
        &["--settings", "--json"],
        &["--settings", "conn_reuse_mode=1", "--dry-run", "a=1", "b=2", "c=3", "d=4", "e=5"],
        &["-l", "--sort", "--sort"],
        &["--stop-daemon=master"],
        &[],
    ] {
        let words = os(words);
        assert!(by_clap(&words).is_some(), "{words:?}");
        assert_eq!(by_clap(&words), by_scanner(&words));
    }
}

#[test]
fn no_word_lists_the_table() {
    assert_eq!(parse(&[], &mut NumericOnly), Ok(Invocation::default()));
    assert_eq!(parse(&os(&["--"]), &mut NumericOnly), Err(UsageError::NoCommand));
}

#[test]
fn words_that_are_not_utf8_are_answered() {
    let word = |bytes: &[u8]| OsString::from_vec(bytes.to_vec());
    let status = |words: &[OsString]| {
        parse(words, &mut NumericOnly).map_or_else(|error| Failure::Usage(error).status(), |_| 0)
    };
    assert_eq!(status(&[word(b"-L"), word(b"\xff")]), 2);
    assert_eq!(status(&[word(b"-L"), word(b"-\xff")]), 255);
    assert_eq!(status(&[word(b"-L"), word(b"--\xff")]), 255);
    assert_eq!(status(&[word(b"-L"), word(b"-n\xff")]), 255);
    assert_eq!(status(&[word(b"-A"), word(b"-t1.2.3.4:80"), word(b"-s"), word(b"\xff")]), 0);
}

#[test]
fn the_clap_command_is_sound() {
    command(Purpose::Parsing).debug_assert();
    command(Purpose::Describing).debug_assert();
}

#[test]
fn help_names_every_option_and_fits_80_columns() {
    let text = help();
    for row in OPTIONS {
        assert!(text.contains(&format!("--{}", row.long)), "{}", row.id);
    }
    for group in Group::ALL {
        assert!(text.contains(&format!("\n{}:\n", group.title())), "{text}");
    }
    for line in text.lines() {
        assert!(line.len() <= HELP_WIDTH, "{line}");
        assert_eq!(line, line.trim_end());
    }
}
