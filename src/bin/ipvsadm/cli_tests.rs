//! Clap and the scanner must read every command line alike.

use super::*;

fn os(words: &[&str]) -> Vec<OsString> {
    words.iter().map(OsString::from).collect()
}

fn debug(words: &[OsString]) {
    let m = command(Texts::Without).try_get_matches_from(words);
    match m {
        Ok(m) => println!("{words:?} {:?}", events(&m)),
        Err(e) => println!("{words:?} ERR {:?}", e.kind()),
    }
    println!("    scan {:?}", scan(words).collect::<Vec<_>>());
}

#[test]
fn show() {
    for words in [
        &["-Ln"][..],
        &["-L", "-n", "-n"],
        &["-A", "-t", "-n", "-p", "--", "x"],
        &["-A", "-t", "--", "-p", "-", "-s="],
        &["-A", "-p=", "-p", "", "--persistent=", "-p5", "foo", "-p", "6", "7", "--sort"],
        &["-n=5"],
        &["-Lcx"],
        &["--set", "1", "-n", "2"],
        &["-l", "--list="],
        &["-", "-L"],
        &["", "-L", "--", "-n"],
    ] {
        debug(&os(words));
    }
}
