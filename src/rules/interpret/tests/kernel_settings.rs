//! `--settings`.

use super::*;
use crate::rules::value;

#[test]
fn settings_are_listed_or_set() {
    let assignment = |text: &str| value::setting(text.as_bytes()).expect(text);
    assert_eq!(line("--settings"), Ok(Command::List(Listing::Settings { json: false })));
    for text in ["--settings --json", "--settings --format json", "--json --settings"] {
        let want = match text {
            "--json --settings" => Err(UsageError::BeforeCommand(OptionId::Json)),
            _ => Ok(Command::List(Listing::Settings { json: true })),
        };
        assert_eq!(line(text), want, "{text}");
    }
    let six = "a=1 b=2 c=3 d=4 e=5 f=6";
    let settings: Vec<_> = six.split(' ').map(assignment).collect();
    let execution = Execution { dry_run: true, wait: None };
    assert_eq!(
        line(&format!("--settings {six} --dry-run")),
        Ok(Command::Settings(settings, execution))
    );
    for (text, want) in [
        ("--settings a", "--settings: `a` is not NAME=VALUE, as in conn_reuse_mode=1"),
        ("--settings =1", "--settings: `=1` is not NAME=VALUE, as in conn_reuse_mode=1"),
        ("--settings a.b=1", "--settings: `a.b=1` is not NAME=VALUE, as in conn_reuse_mode=1"),
        (
            "--settings sync_retries=no",
            "--settings: sync_retries=no: sync_retries is a whole number from 0 to 3",
        ),
        ("--settings a=1 b=2 a=3", "--settings: a is given twice"),
        (
            "--settings a=1 --json",
            "--json: only where --settings lists them all, without NAME=VALUE",
        ),
        (
            "--settings --dry-run",
            "--dry-run: only where --settings sets something: --settings NAME=VALUE",
        ),
        (
            "--settings --format table",
            "--format: --settings has no format table, only classic and json",
        ),
        ("--settings -n", "--numeric: not an option of --settings"),
        ("-L --settings", "--settings: only one command at a time; --list came first"),
    ] {
        let error = line(text).expect_err(text);
        assert_eq!((error.to_string().as_str(), exit_status(&error)), (want, 2), "{text}");
    }
    assert_eq!(status("--settings=a=1"), 255);
}

#[test]
fn a_rule_sets_one_setting() {
    use crate::rules::lines::parse_command;

    let rule = |text: &str| parse_command(text.as_bytes(), &mut NumericOnly);
    let (setting, value) = value::setting(b"conn_reuse_mode=0").unwrap();
    assert_eq!(
        rule("--settings conn_reuse_mode=0 # no"),
        Ok(Some(RuleCommand::Change(Change::SetSetting(setting, value))))
    );
    assert_eq!(rule("--settings"), Ok(Some(RuleCommand::List(Listing::Settings { json: false }))));
    assert_eq!(rule("--settings a=1 b=2"), Err(UsageError::SeveralSettings));
    assert_eq!(rule("--settings a=1 --dry-run"), Err(UsageError::NotInRules(OptionId::DryRun)));
}
