//! The manual page keeps up with the option table.

use ipvs::rules::grammar::OPTIONS;

const PAGE: &str = include_str!("../docs/ipvsadm.8");

/// The words of the page, without what roff puts around them.
fn words() -> Vec<&'static str> {
    // Lists and displays have options of their own.
    let lines = PAGE.lines().filter(|line| !line.starts_with(".B"));
    lines.flat_map(|line| line.split(|c: char| c.is_whitespace() || c == ',')).collect()
}

#[test]
fn the_manual_names_every_option() {
    let words = words();
    for row in OPTIONS {
        // roff's macro for options writes the first dash.
        let long = format!("-{}", row.long);
        assert!(words.contains(&long.as_str()), "--{} is not in the manual", row.long);
        if let Some(letter) = row.short {
            let letter = letter.to_string();
            assert!(words.contains(&letter.as_str()), "-{letter} is not in the manual");
        }
    }
}

#[test]
fn the_manual_names_no_option_that_is_not_there() {
    for word in words() {
        // Two dashes are another program's, in an example.
        let Some(long) = word.strip_prefix('-').filter(|word| !word.starts_with('-')) else {
            continue;
        };
        if long.len() > 1 && long.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-') {
            assert!(OPTIONS.iter().any(|row| row.long == long), "there is no --{long}");
        }
    }
}
