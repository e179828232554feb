//! The command line: the words after `ipvsadm`, read by clap into the same tokens as rule lines.
//! [`interpret`] finds the meaning of both.
//!
//! Clap stops at the first thing that it does not understand and says nothing of what came before,
//! while of several mistakes the first decides the exit status. So where clap refuses, the scanner
//! of rule lines reads the words again and says what is wrong. It also reads the few lines that
//! clap understands otherwise than popt, for which scripts were written.

use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt;

use clap::{Arg, ArgAction, ArgMatches, Command};
use ipvs::rules::grammar::{
    Group, Invocation, OPTIONS, OptionId, OptionSpec, Resolve, Scanner, SyntaxError, Token,
    UsageError, ValueKind, interpret,
};

/// What clap calls the words that belong to no option.
const WORDS: &str = "words";

/// Stands for the value of an option that was given none. No word of a command line can be this,
/// as words end at a NUL.
const BARE: &str = "\0";

/// Reads a command line, the name of the program not among its words.
pub(crate) fn parse<R: Resolve + ?Sized>(
    words: &[OsString],
    names: &mut R,
) -> Result<Invocation, UsageError> {
    if words.is_empty() {
        return Ok(Invocation::default());
    }
    let mut command = command(Purpose::Parsing);
    let matches = command.try_get_matches_from_mut(words);
    // The program ends soon. Taking some seventy arguments apart would cost a start 3 %.
    std::mem::forget(command);
    match matches.as_ref().ok().and_then(tokens) {
        Some(tokens) => interpret(tokens.into_iter().map(Ok), names),
        None => interpret(scan(words), names),
    }
}

/// The words as the scanner of rule lines reads them.
fn scan(words: &[OsString]) -> impl Iterator<Item = Result<Token<'_>, SyntaxError<'_>>> {
    Scanner::new(words.iter().map(|word| word.as_bytes()))
}

/// The help text.
pub(crate) fn help() -> String {
    command(Purpose::Describing).render_help().to_string()
}

/// What the clap command is built for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// Reading words. Texts are left out, as every start would pay for them.
    Parsing,
    /// Help and completions.
    Describing,
}

/// The clap command, with an argument for each row of the option table.
pub(crate) fn command(purpose: Purpose) -> Command {
    let words = Arg::new(WORDS).num_args(0..).action(ArgAction::Append).value_parser(any());
    let command = Command::new("ipvsadm")
        .no_binary_name(true)
        // Both are rows of the table.
        .disable_help_flag(true)
        .disable_version_flag(true);
    match purpose {
        Purpose::Parsing => command.args(OPTIONS.iter().map(argument)).arg(words),
        Purpose::Describing => {
            let mut command = command
                .override_usage("ipvsadm COMMAND [OPTION]...")
                .help_template("{usage-heading} {usage}\n\n{all-args}{after-help}\n")
                .after_help(AFTER_HELP)
                .term_width(HELP_WIDTH);
            for group in Group::ALL {
                let rows = OPTIONS.iter().filter(|row| row.group == *group);
                command = command.next_help_heading(group.title()).args(rows.map(described));
            }
            command.arg(words.hide(true))
        }
    }
}

const HELP_WIDTH: usize = 80;

const AFTER_HELP: &str = "\
ADDRESS is host[:port], such as 192.0.2.1:80, [2001:db8::1]:80 or www:http; \
without a port it means all ports. Give a value as the next word or attached \
to the option: -w 10, -w10, --weight=10.";

fn argument(row: &OptionSpec) -> Arg {
    // Anything may be repeated here: the interpreter says what must not.
    let mut arg = Arg::new(row.long).long(row.long).action(ArgAction::Append);
    if let Some(letter) = row.short {
        arg = arg.short(letter);
    }
    if let Some(letter) = row.short_alias {
        arg = arg.short_alias(letter);
    }
    arg = match row.value {
        // The missing value marks the place among the other options.
        ValueKind::None | ValueKind::Words(_) | ValueKind::AnyWords => {
            arg.num_args(0).default_missing_value("")
        }
        ValueKind::Required => arg.num_args(1).allow_hyphen_values(true),
        ValueKind::Optional => arg.num_args(0..=1).default_missing_value(BARE),
    };
    arg.value_parser(any())
}

/// The argument with the texts of its row.
fn described(row: &OptionSpec) -> Arg {
    let mut arg = argument(row).help(row.help);
    if let Some(letter) = row.short_alias {
        arg = arg.visible_short_alias(letter);
    }
    match row.value {
        ValueKind::None => arg,
        ValueKind::Required | ValueKind::Optional => arg.value_name(row.value_name),
        ValueKind::AnyWords => arg.num_args(0..).value_name(row.value_name),
        ValueKind::Words(count) => arg.num_args(count).value_names(row.value_name.split(' ')),
    }
}

fn any() -> clap::builder::ValueParser {
    clap::builder::ValueParser::os_string()
}

/// The tokens in the order of the words. `None` where popt reads the words otherwise.
fn tokens(matches: &ArgMatches) -> Option<Vec<Token<'_>>> {
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
            let token = match option.map(|option| (option, option.spec().value)) {
                None => Token::Word(value),
                Some((option, ValueKind::None | ValueKind::Words(_) | ValueKind::AnyWords)) => {
                    Token::Option { option, value: None }
                }
                // popt leaves a lone dash to the words.
                Some((_, ValueKind::Optional)) if value == b"-" => return None,
                Some((option, _)) if value == BARE.as_bytes() => {
                    Token::Option { option, value: None }
                }
                Some((option, _)) => Token::Option { option, value: Some(value) },
            };
            placed.push((place, token));
        }
    }
    placed.sort_unstable_by_key(|(place, _)| *place);
    Some(placed.into_iter().map(|(_, token)| token).collect())
}

#[cfg(test)]
mod tests;
