//! The command line: the words after `ipvsadm`, through clap, into the events that rule lines come
//! in too. Their meaning is found in one place for both, [`rules::interpret`].
//!
//! Clap stops at the first thing that it does not understand and tells nothing of what came
//! before, while of several mistakes the first one decides the exit status. So when clap refuses,
//! the scanner of rule lines reads the words again and says what is wrong. It also reads the few
//! lines that clap takes and popt, on which scripts were written, understands otherwise.

use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt;

use clap::{Arg, ArgAction, ArgMatches};
use ipvs::rules::{self, Event, OptionId, OptionSpec, Resolve, Scanner, ValueKind};
use ipvs::rules::{SyntaxError, UsageError};

/// What clap calls the words that belong to no option.
const WORDS: &str = "words";

/// Reads a command line, the name of the program not among its words.
pub(crate) fn parse<R: Resolve + ?Sized>(
    words: &[OsString],
    names: &mut R,
) -> Result<rules::Invocation, UsageError> {
    if words.is_empty() {
        return Ok(rules::Invocation::default());
    }
    let matches = command(used(words)).try_get_matches_from(words);
    match matches.as_ref().ok().and_then(events) {
        Some(events) => rules::interpret(events.into_iter().map(Ok), names),
        None => rules::interpret(scan(words), names),
    }
}

/// The options of these words. Making an argument is most of what clap costs, so it knows no others.
fn used(words: &[OsString]) -> impl Iterator<Item = &'static OptionSpec> {
    let mut options: Vec<OptionId> = scan(words)
        .filter_map(|event| match event {
            Ok(Event::Option { option, .. }) => Some(option),
            _ => None,
        })
        .collect();
    options.sort_unstable();
    options.dedup();
    options.into_iter().map(OptionId::spec)
}

/// The words as the scanner of rule lines reads them.
fn scan(words: &[OsString]) -> impl Iterator<Item = Result<Event<'_>, SyntaxError<'_>>> {
    Scanner::new(words.iter().map(|word| word.as_bytes()))
}

/// The clap command, with an argument for each of these rows of the option table.
pub(crate) fn command<'a>(rows: impl IntoIterator<Item = &'a OptionSpec>) -> clap::Command {
    clap::Command::new("ipvsadm")
        .no_binary_name(true)
        // Both are rows of the table.
        .disable_help_flag(true)
        .disable_version_flag(true)
        .args(rows.into_iter().map(argument))
        .arg(Arg::new(WORDS).num_args(0..).action(ArgAction::Append).value_parser(any()))
}

fn argument(row: &OptionSpec) -> Arg {
    // Everything may come more than once here: the interpreter says what must not.
    let mut arg = Arg::new(row.long).long(row.long).action(ArgAction::Append);
    if let Some(letter) = row.short {
        arg = arg.short(letter);
    }
    if let Some(letter) = row.short_alias {
        arg = arg.short_alias(letter);
    }
    arg = match row.value {
        // The missing value marks the place among the other options.
        ValueKind::None | ValueKind::Words(_) => arg.num_args(0).default_missing_value(""),
        ValueKind::Required => arg.num_args(1).allow_hyphen_values(true),
        ValueKind::Optional => arg.num_args(0..=1).default_missing_value(BARE),
    };
    arg.value_parser(any())
}

/// Stands for the value of an option that has been given none. No word of a command line can be
/// this, as words end at a NUL.
const BARE: &str = "\0";

fn any() -> clap::builder::ValueParser {
    clap::builder::ValueParser::os_string()
}

/// The events in the order of the words. `None` where popt reads the words otherwise.
fn events(matches: &ArgMatches) -> Option<Vec<Event<'_>>> {
    let mut placed = Vec::new();
    for id in matches.ids() {
        let option = OptionId::by_long(id.as_str().as_bytes());
        let (Some(places), Some(values)) =
            (matches.indices_of(id.as_str()), matches.get_raw(id.as_str()))
        else {
            continue;
        };
        for (place, value) in places.zip(values) {
            let value = value.as_bytes();
            let event = match option.map(|option| (option, option.spec().value)) {
                None => Event::Word(value),
                Some((option, ValueKind::None | ValueKind::Words(_))) => {
                    Event::Option { option, value: None }
                }
                // popt leaves a lone dash to the words.
                Some((_, ValueKind::Optional)) if value == b"-" => return None,
                Some((option, _)) if value == BARE.as_bytes() => {
                    Event::Option { option, value: None }
                }
                Some((option, _)) => Event::Option { option, value: Some(value) },
            };
            placed.push((place, event));
        }
    }
    placed.sort_unstable_by_key(|(place, _)| *place);
    Some(placed.into_iter().map(|(_, event)| event).collect())
}

#[cfg(test)]
#[path = "cli_tests.rs"]
mod tests;
