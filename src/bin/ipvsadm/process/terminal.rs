//! The capabilities of the terminal on standard output.

use std::env;
use std::io::{self, IsTerminal};

/// The capabilities of standard output. The default suits any file.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Capabilities {
    pub(crate) colour: bool,
    /// Box-drawing characters.
    pub(crate) unicode: bool,
    /// The number of columns. `None`: as many as it takes.
    pub(crate) width: Option<usize>,
}

impl Capabilities {
    /// By the terminal and the environment.
    pub(crate) fn of_stdout() -> Self {
        let terminal = io::stdout().is_terminal();
        let width = rustix::termios::tcgetwinsize(io::stdout()).ok();
        Capabilities {
            colour: terminal && colour_wanted(|name| env::var(name).ok()),
            unicode: unicode(|name| env::var(name).ok()),
            width: width.map(|size| usize::from(size.ws_col)).filter(|columns| *columns > 0),
        }
    }
}

/// True if a terminal should show colours, by <https://no-color.org> and `TERM`.
fn colour_wanted(variable: impl Fn(&str) -> Option<String>) -> bool {
    variable("NO_COLOR").is_none_or(|value| value.is_empty())
        && variable("TERM").is_some_and(|term| !term.is_empty() && term != "dumb")
}

/// True if the locale uses UTF-8, by the first of its variables that is set.
fn unicode(variable: impl Fn(&str) -> Option<String>) -> bool {
    ["LC_ALL", "LC_CTYPE", "LANG"]
        .into_iter()
        .filter_map(variable)
        .find(|value| !value.is_empty())
        .is_some_and(|value| {
            let value = value.to_ascii_lowercase();
            value.contains("utf-8") || value.contains("utf8")
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set<'a>(variables: &'a [(&str, &str)]) -> impl Fn(&str) -> Option<String> + 'a {
        move |name| {
            variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
        }
    }

    #[test]
    fn colour_is_off_where_it_is_unwanted() {
        for (variables, want) in [
            (&[("TERM", "xterm")][..], true),
            (&[("TERM", "xterm"), ("NO_COLOR", "")], true),
            (&[("TERM", "xterm"), ("NO_COLOR", "1")], false),
            (&[("TERM", "dumb")], false),
            (&[], false),
        ] {
            assert_eq!(colour_wanted(set(variables)), want, "{variables:?}");
        }
    }

    #[test]
    fn the_locale_decides_on_box_drawing() {
        for (variables, want) in [
            (&[("LANG", "de_DE.UTF-8")][..], true),
            (&[("LANG", "C.utf8"), ("LC_CTYPE", "")], true),
            (&[("LANG", "de_DE.UTF-8"), ("LC_ALL", "C")], false),
            (&[("LANG", "de_DE.ISO-8859-1")], false),
            (&[], false),
        ] {
            assert_eq!(unicode(set(variables)), want, "{variables:?}");
        }
    }
}
