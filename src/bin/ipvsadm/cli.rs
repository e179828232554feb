//! The command line, which clap reads into the same tokens as rule lines; [`interpret`] gives both
//! their meaning.
//!
//! Of several mistakes, the first decides the exit status, but clap reports the first one it cannot
//! parse and nothing about the words before. So when clap or the interpreter refuses a command line,
//! the scanner of rule lines reads it again, word by word, and finds the first mistake. The scanner
//! also reads the few command lines that clap and popt parse differently, since scripts were written
//! for popt.

use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt;

use clap::{Arg, ArgAction, ArgMatches, Command};
use ipvs::rules::grammar::{
    Group, Invocation, OPTIONS, OptionId, OptionSpec, Resolve, Scanner, SyntaxError, Token,
    UsageError, ValueKind, interpret,
};

/// Clap's name for the words that belong to no option.
const WORDS: &str = "words";

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
    let tokens = matches.as_ref().ok().and_then(tokens);
    let read = match tokens.map(|tokens| interpret(tokens.into_iter().map(Ok), names)) {
        Some(Ok(invocation)) => Ok(invocation),
        Some(Err(_)) | None => interpret(scan(words), names),
    };
    // The program ends soon, and freeing a hundred arguments takes 4 % of a short run.
    std::mem::forget((command, matches));
    read
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
    /// Help.
    Describing,
}

/// The clap command, with an argument for each row of the option table.
pub(crate) fn command(purpose: Purpose) -> Command {
    let words = Arg::new(WORDS).num_args(0..).action(ArgAction::Append).value_parser(any());
    let command = bare();
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

/// A clap command without arguments.
pub(crate) fn bare() -> Command {
    Command::new("ipvsadm")
        .no_binary_name(true)
        // The option table has both.
        .disable_help_flag(true)
        .disable_version_flag(true)
}

const HELP_WIDTH: usize = 80;

const AFTER_HELP: &str = "\
ADDRESS is host[:port], such as 192.0.2.1:80, [2001:db8::1]:80 or www:http. \
A service without a port is for all ports. A value is the next word or part of \
the option: -w 10, -w10, --weight=10.";

/// The argument of a row, without texts.
pub(crate) fn argument(row: &OptionSpec) -> Arg {
    // Everything may be repeated here: the interpreter refuses what must not be.
    let mut arg = Arg::new(row.long).long(row.long).action(ArgAction::Append);
    if let Some(letter) = row.short {
        arg = arg.short(letter);
    }
    if let Some(letter) = row.short_alias {
        arg = arg.short_alias(letter);
    }
    match row.value {
        ValueKind::None | ValueKind::Words(_) | ValueKind::AnyWords => arg.num_args(0),
        ValueKind::Required => arg.num_args(1).allow_hyphen_values(true).value_parser(any()),
        ValueKind::Optional => arg.num_args(0..=1).value_parser(any()),
    }
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

/// The tokens, where each option stands at its first place: clap does not say where the others were,
/// which matters only to a line with a mistake. `None` if popt would parse the words differently.
fn tokens(matches: &ArgMatches) -> Option<Vec<Token<'_>>> {
    let mut tokens = Vec::new();
    for id in matches.ids() {
        let option = OptionId::by_long(id.as_str().as_bytes());
        for mut values in matches.get_raw_occurrences(id.as_str())? {
            let value = values.next().map(OsStrExt::as_bytes);
            match (option, value) {
                (Some(option), Some(b"-")) if option.spec().value == ValueKind::Optional => {
                    // To popt, a lone dash belongs to no option.
                    return None;
                }
                // Clap does not say whether the value was attached.
                (Some(option), Some(_)) if is_flag(option, &tokens) => return None,
                (Some(option), value) => tokens.push(Token::Option { option, value }),
                (None, Some(word)) => {
                    tokens.push(Token::Word(word));
                    tokens.extend(values.map(|word| Token::Word(word.as_bytes())));
                }
                (None, None) => {}
            }
        }
    }
    Some(tokens)
}

/// True for an option that has no value with the command, which is among these tokens.
fn is_flag(option: OptionId, before: &[Token<'_>]) -> bool {
    let command = before.iter().find_map(|token| match token {
        Token::Option { option, .. } if option.is_command() => Some(*option),
        _ => None,
    });
    option.spec().value_with_command(command) == ValueKind::None
}

#[cfg(test)]
mod tests;
