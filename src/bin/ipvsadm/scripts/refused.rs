//! What clap refuses, in one line, as `ipvsadm` itself would say it.

use clap::Error;
use clap::error::{ContextKind, ContextValue, ErrorKind};

/// The message for words that clap does not take.
pub(super) fn message(error: &Error) -> String {
    let subject = option(text(error, ContextKind::InvalidArg));
    match error.kind() {
        ErrorKind::UnknownArgument => match text(error, ContextKind::SuggestedArg) {
            Some(near) => format!("{subject}: unknown option; did you mean {near}?"),
            None => format!("{subject}: unknown option; --help lists them all"),
        },
        ErrorKind::ArgumentConflict => {
            let other = option(text(error, ContextKind::PriorArg));
            format!("{subject}: not valid with {other}")
        }
        ErrorKind::InvalidValue => {
            let usage = text(error, ContextKind::InvalidArg).unwrap_or_default();
            format!("{subject}: its value is missing: {}", usage.replace(['<', '>'], ""))
        }
        ErrorKind::ValueValidation => {
            let value = text(error, ContextKind::InvalidValue).unwrap_or_default();
            format!("{subject}: `{value}` is not a number from 0 to {}", u32::MAX)
        }
        ErrorKind::TooManyValues => format!("{subject}: takes no value"),
        _ => {
            let rendered = error.render().to_string();
            let first = rendered.lines().next().unwrap_or_default();
            first.trim_start_matches("error: ").to_owned()
        }
    }
}

/// `--wait` of `--wait <SECONDS>`.
fn option(usage: Option<&str>) -> &str {
    usage.and_then(|usage| usage.split([' ', '=']).next()).unwrap_or_default()
}

fn text(error: &Error, kind: ContextKind) -> Option<&str> {
    match error.get(kind)? {
        ContextValue::String(text) => Some(text),
        ContextValue::Strings(texts) => texts.first().map(String::as_str),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::{restore_command, save_command};
    use super::*;

    #[test]
    fn each_refusal_is_one_line_that_names_the_option() {
        for (words, want) in [
            ("--atmic", "--atmic: unknown option; did you mean --atomic?"),
            ("--keep-weight", "--keep-weight: unknown option; did you mean --keep-weights?"),
            ("--zzz", "--zzz: unknown option; --help lists them all"),
            ("--atomic=5", "--atomic: takes no value"),
            ("--atomic --clear", "--atomic: not valid with --clear"),
            ("--clear --keep-weights", "--clear: not valid with --keep-weights"),
            ("--wait", "--wait: its value is missing: --wait SECONDS"),
            ("--netns", "--netns: its value is missing: --netns NAMESPACE"),
            ("--wait soon", "--wait: `soon` is not a number from 0 to 4294967295"),
            ("--wait=-1", "--wait: `-1` is not a number from 0 to 4294967295"),
        ] {
            let error = restore_command().try_get_matches_from(words.split(' '));
            assert_eq!(message(&error.expect_err(words)), want, "{words}");
        }
        for (words, want) in [
            ("--al", "--al: unknown option; did you mean --all?"),
            ("-x", "-x: unknown option; --help lists them all"),
        ] {
            let error = save_command().try_get_matches_from(words.split(' '));
            assert_eq!(message(&error.expect_err(words)), want, "{words}");
        }
    }
}
