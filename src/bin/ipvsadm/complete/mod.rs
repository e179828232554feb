//! Completion of command lines, for bash, zsh and fish.
//!
//! With [`VARIABLE`] in its environment, the program prints the script that a shell loads, and for
//! that script the words that may come next. Options come from the option table by way of clap's
//! command; services, servers and namespaces come from the kernel.

mod shells;
mod values;

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;

use clap::{Arg, Command, ValueHint};
use clap_complete::engine::ArgValueCandidates;
use clap_complete::env::EnvCompleter;
use ipvs::rules::grammar::{
    Group, OPTIONS, OptionId, OptionSpec, Repeat, Scanner, Token, ValueKind,
};

use crate::cli;
use crate::process::Sink;
use crate::process::failure::Failure;
use crate::scripts;
use values::{Typed, Values};

/// The variable that names the shell.
pub(crate) const VARIABLE: &str = "IPVSADM_COMPLETE";

/// The variable in which bash and zsh pass the number of the word to complete.
const INDEX: &str = "_CLAP_COMPLETE_INDEX";

/// Prints the script for a shell or, with `-- PROGRAM WORD...`, the completions of the last word.
pub(crate) fn complete(
    shell: &OsStr,
    program: &str,
    arguments: &[OsString],
    sink: &mut Sink,
) -> Result<(), Failure> {
    let shell = shells::named(shell)?;
    let words = match arguments {
        [] => return print_script(shell, program, sink),
        [dashes, words @ ..] if dashes == "--" => words,
        words => words,
    };
    let mut command = match program {
        "ipvsadm-save" => with_namespaces(scripts::save_command()),
        "ipvsadm-restore" => with_namespaces(scripts::restore_command()),
        _ => command(&words[1.min(words.len())..], current_word(words.len())),
    }
    .no_binary_name(false);
    let folder = std::env::current_dir().ok();
    shell
        .write_complete(&mut command, words.to_vec(), folder.as_deref(), sink.text())
        .map_err(Failure::Output)
}

fn print_script(shell: &dyn EnvCompleter, program: &str, sink: &mut Sink) -> Result<(), Failure> {
    shell
        .write_registration(VARIABLE, program, program, program, sink.text())
        .map_err(Failure::Output)
}

/// The index of the word to complete, among those after the name of the program.
fn current_word(words: usize) -> usize {
    let index = std::env::var(INDEX).ok().and_then(|index| index.parse::<usize>().ok());
    index.unwrap_or(words.saturating_sub(1)).saturating_sub(1)
}

/// The clap command of `ipvsadm` with the options that may follow these words. The word at `current`
/// is not finished.
fn command(words: &[OsString], current: usize) -> Command {
    let finished = words.iter().enumerate().filter(|(at, _)| *at != current);
    let finished: Vec<&[u8]> = finished.map(|(_, word)| word.as_bytes()).collect();
    let tokens: Vec<Token<'_>> =
        Scanner::new(finished.iter().copied()).map_while(Result::ok).collect();
    let options: Vec<OptionId> = tokens
        .iter()
        .filter_map(|token| match token {
            Token::Option { option, .. } => Some(*option),
            Token::Word(_) => None,
        })
        .collect();
    let typed = Typed::of(&tokens);
    let mut command = cli::bare();
    for row in OPTIONS {
        let is_used = options.contains(&row.id);
        let may_follow = may_follow(row, &options, typed.command);
        // Options with values must be known where they stand already.
        let is_value_wanted = last_wants_value(&finished, row);
        if may_follow || is_used || is_value_wanted {
            command = command.arg(argument(row, &typed).hide(!may_follow));
        }
    }
    match typed.command {
        Some(OptionId::Settings) => command.arg(words_argument(Values::Settings, &typed)),
        _ => command,
    }
}

/// True if the last word is this option, whose value is the word to complete.
fn last_wants_value(finished: &[&[u8]], row: &OptionSpec) -> bool {
    let Some(last) = finished.last() else { return false };
    match last.strip_prefix(b"--") {
        Some(long) => long == row.long.as_bytes(),
        None => match (last, row.short) {
            ([b'-', .., letter], Some(short)) => char::from(*letter) == short,
            _ => false,
        },
    }
}

/// True if an option may come after these.
fn may_follow(row: &OptionSpec, before: &[OptionId], command: Option<OptionId>) -> bool {
    match command {
        None => return row.is_command() || row.group == Group::Program,
        Some(command) if !row.commands.contains(command) => return false,
        Some(_) => {}
    }
    match row.repeat {
        Repeat::Freely => true,
        Repeat::Never => !before.contains(&row.id),
        Repeat::OneService | Repeat::OneForwarding => {
            before.iter().all(|other| other.spec().repeat != row.repeat)
        }
    }
}

fn argument(row: &OptionSpec, typed: &Typed) -> Arg {
    let arg = cli::argument(row).help(row.help);
    match row.value_with_command(typed.command) {
        // The words that follow stand for themselves.
        ValueKind::Words(_) | ValueKind::AnyWords | ValueKind::None => return arg.num_args(0),
        ValueKind::Required | ValueKind::Optional => {}
    }
    match Values::of(row) {
        Some(Values::Files) => arg.value_hint(ValueHint::AnyPath),
        Some(values) => {
            let typed = typed.clone();
            arg.add(ArgValueCandidates::new(move || values.candidates(&typed)))
        }
        None => arg.value_hint(ValueHint::Other),
    }
}

fn words_argument(values: Values, typed: &Typed) -> Arg {
    let typed = typed.clone();
    Arg::new("words")
        .num_args(0..)
        .hide(true)
        .add(ArgValueCandidates::new(move || values.candidates(&typed)))
}

fn with_namespaces(command: Command) -> Command {
    command.mut_arg("netns", |arg| {
        arg.add(ArgValueCandidates::new(|| Values::Namespaces.candidates(&Typed::default())))
    })
}

#[cfg(test)]
mod tests;
