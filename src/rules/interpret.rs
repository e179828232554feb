//! From tokens to a command.
//!
//! Each value is checked as it is read, so that the first of several mistakes is reported. Values
//! that depend on other options are put together at the end, so the order of options is free.

mod assemble;
mod doctor;
mod draft;
mod listing;
mod operation;
mod option_set;
mod server;
mod service;
mod top;

use super::command::{Command, Invocation, RuleCommand};
use super::error::UsageError;
use super::options::OptionId;
use super::resolve::Resolve;
use super::scanner::{SyntaxError, Token};
use draft::Draft;

/// Interprets a command line with at least one word. (Without any it means
/// [`Invocation::default`].) Names among the values are looked up in `names`.
///
/// # Errors
///
/// Reports the first of several mistakes in the order of words. Missing options, and options that
/// do not go together, come after all others.
pub fn interpret<'a, R: Resolve + ?Sized>(
    tokens: impl IntoIterator<Item = Result<Token<'a>, SyntaxError<'a>>>,
    names: &mut R,
) -> Result<Invocation, UsageError> {
    let mut draft = Draft::default();
    match draft.read(tokens, names)? {
        OptionId::Help => Ok(Command::Help.into()),
        OptionId::Version => Ok(Command::Version.into()),
        command => draft.invocation(command, names),
    }
}

/// Interprets a rule line with at least one word.
///
/// # Errors
///
/// As for [`interpret`], and for everything that is not valid in a rule.
pub(super) fn interpret_rule<'a, R: Resolve + ?Sized>(
    tokens: impl IntoIterator<Item = Result<Token<'a>, SyntaxError<'a>>>,
    names: &mut R,
) -> Result<RuleCommand, UsageError> {
    let mut draft = Draft::default();
    match draft.read(tokens, names)? {
        OptionId::Help => Ok(RuleCommand::Help),
        OptionId::Version => Ok(RuleCommand::Version),
        command @ (OptionId::Restore
        | OptionId::Apply
        | OptionId::Drain
        | OptionId::Undrain
        | OptionId::Kick
        | OptionId::Ramp
        | OptionId::Monitor
        | OptionId::Diff
        | OptionId::Doctor
        | OptionId::Top) => {
            draft.invocation(command, names)?;
            Err(UsageError::Nested(command))
        }
        command => {
            let rule = draft.rule(command, names)?;
            draft.check_rule().map(|()| rule)
        }
    }
}

#[cfg(test)]
mod tests;
