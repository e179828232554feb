//! The command line, which clap reads into the same tokens as rule lines; [`interpret`] gives both
//! their meaning.
//!
//! Of several mistakes, the first decides the exit status, but clap reports the first one it cannot
//! parse and nothing about the words before. So when clap refuses a command line, the scanner of
//! rule lines reads it again and says what is wrong. The scanner also reads the few command lines
//! that clap and popt parse differently, since scripts were written for popt.

use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt;

use clap::{Arg, ArgAction, ArgMatches, Command};
use ipvs::rules::grammar::{
    CommandSet, Group, Invocation, OPTIONS, OptionId, OptionSpec, Resolve, Scanner, SyntaxError,
    Token, UsageError, ValueKind, interpret,
};

/// Clap's name for the words that belong to no option.
const WORDS: &str = "words";

/// Stands for the missing value of an option. It can be no word of a command line, which ends at a
/// NUL.
const BARE: &str = "\0";

/// Parses a command line without the name of the program.
pub(crate) fn parse<R: Resolve + ?Sized>(
    words: &[OsString],
    names: &mut R,
) -> Result<Invocation, UsageError> {
    if words.is_empty() {
        return Ok(Invocation::default());
    }
    let mut command = command(Purpose::Parsing);
    let matches = command.try_get_matches_from_mut(words);
    // The program ends soon, and freeing some seventy arguments takes 3 % of a short run.
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

/// The use that the clap command is built for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// Parsing. Texts are left out: every run would pay for them.
    Parsing,
    /// Help and completions.
    Describing,
}

/// The clap command, with an argument for each row of the option table.
pub(crate) fn command(purpose: Purpose) -> Command {
    let words = Arg::new(WORDS).num_args(0..).action(ArgAction::Append).value_parser(any());
    let command = Command::new("ipvsadm")
        .no_binary_name(true)
        // The option table has both.
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
ADDRESS is host[:port], such as 192.0.2.1:80, [2001:db8::1]:80 or www:http. \
A service without a port is for all ports. A value is the next word or part of \
the option: -w 10, -w10, --weight=10.";

fn argument(row: &OptionSpec) -> Arg {
    // Everything may be repeated here: the interpreter refuses what must not be.
    let mut arg = Arg::new(row.long).long(row.long).action(ArgAction::Append);
    if let Some(letter) = row.short {
        arg = arg.short(letter);
    }
    if let Some(letter) = row.short_alias {
        arg = arg.short_alias(letter);
    }
    arg = match row.value {
        // The stand-in for a value gives the option an index, and so its place in the order.
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
        ValueKind::AnyWords => arg.num_args(0..=1).value_name(row.value_name),
        // In one pair of brackets: with more, clap would put each text of the group on its own line.
        ValueKind::Words(_) => arg.num_args(1).value_name(row.value_name),
    }
}

fn any() -> clap::builder::ValueParser {
    clap::builder::ValueParser::os_string()
}

/// The tokens in the order of the words. `None` if popt would parse the words differently.
fn tokens(matches: &ArgMatches) -> Option<Vec<Token<'_>>> {
    let mut placed = Vec::new();
    let given = |option: &OptionSpec| matches.contains_id(option.long);
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
                // To popt, a lone dash belongs to no option.
                Some((_, ValueKind::Optional)) if value == b"-" => return None,
                Some((option, _)) if value == BARE.as_bytes() => {
                    Token::Option { option, value: None }
                }
                // With this command it has none, and clap does not say whether the value was
                // attached.
                Some((option, ValueKind::Optional))
                    if option.spec().valued != CommandSet::ALL
                        && !OPTIONS
                            .iter()
                            .any(|row| option.spec().valued.contains(row.id) && given(row)) =>
                {
                    return None;
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
