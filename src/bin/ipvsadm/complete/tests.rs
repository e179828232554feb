use super::*;

/// The completions of the last word, as zsh gets them without their texts.
fn offered(words: &[&str]) -> Vec<String> {
    let words: Vec<OsString> = words.iter().map(OsString::from).collect();
    let mut line = vec![OsString::from("ipvsadm")];
    line.extend(words.iter().cloned());
    let current = words.len() - 1;
    let mut command = command(&words, current).no_binary_name(false);
    let offered = clap_complete::engine::complete(&mut command, line, current + 1, None);
    let offered = offered.expect("a completion").into_iter();
    offered.map(|candidate| candidate.get_value().to_string_lossy().into_owned()).collect()
}

fn assert_offers(words: &[&str], wanted: &[&str], unwanted: &[&str]) {
    let offered = offered(words);
    for word in wanted {
        assert!(offered.iter().any(|offered| offered == word), "{words:?}: {word}: {offered:?}");
    }
    for word in unwanted {
        assert!(!offered.iter().any(|offered| offered == word), "{words:?}: {word}: {offered:?}");
    }
}

#[test]
fn commands_come_first() {
    assert_offers(&["--"], &["--apply", "--doctor", "--netns"], &["--weight", "--scheduler"]);
    assert_offers(&["-"], &["-A", "-L", "-h"], &["-w", "-t"]);
}

#[test]
fn only_options_that_go_with_the_command_follow() {
    assert_offers(&["-A", "--"], &["--scheduler", "--dry-run"], &["--weight", "--apply"]);
    assert_offers(&["-a", "--"], &["--weight", "--real-server"], &["--scheduler", "--all"]);
    assert_offers(&["-S", "--"], &["--all", "--json"], &["--tcp-service"]);
}

#[test]
fn what_is_there_is_not_offered_again() {
    assert_offers(
        &["-a", "-t", "192.0.2.1:80", "-m", "--"],
        &["--weight", "--real-server"],
        &["--udp-service", "--gatewaying"],
    );
    assert_offers(&["-a", "-w", "5", "--"], &["--real-server"], &["--weight"]);
}

#[test]
fn values_are_offered_where_they_are_known() {
    assert_offers(&["-A", "-t", "192.0.2.1:80", "-s", ""], &["wrr", "mh"], &["--dry-run"]);
    assert_offers(&["-A", "-s", "w"], &["wrr", "wlc"], &["rr"]);
    assert_offers(&["-A", "-s", "mh", "-b", ""], &["mh-port"], &["sh-port"]);
    assert_offers(&["--drain", "--until", ""], &["active", "all"], &["--force"]);
    assert_offers(&["--start-daemon", ""], &["master", "backup"], &[]);
    assert_offers(&["--settings", "expire_n"], &["expire_nodest_conn="], &[]);
    assert_offers(&["-L", "--format", ""], &["json", "prometheus"], &[]);
    assert_offers(&["-Lc", "--state", "EST"], &["ESTABLISHED"], &[]);
}

#[test]
fn every_option_can_be_completed() {
    for row in OPTIONS {
        let before = match row.is_command() {
            true => None,
            false => OPTIONS.iter().find(|command| row.commands.contains(command.id)),
        };
        let word = format!("--{}", row.long);
        let mut words = Vec::new();
        if let Some(command) = before {
            words.push(format!("--{}", command.long));
            if command.value == ValueKind::Required {
                words.push("master".to_owned());
            }
        }
        words.push(word.clone());
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        assert_offers(&words, &[&word], &[]);
    }
}
