//! The table of colours. Without colour, what matters is bold, reversed or underlined instead.

use ratatui::style::{Color, Modifier, Style};

/// The roles of texts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    Plain,
    /// Names of figures, and what is not there.
    Faint,
    /// Figures of the header.
    Strong,
    Heading,
    /// The heading of the column that rows are sorted by.
    Sorted,
    Service,
    Chosen,
    Good,
    Busy,
    Bad,
    Spark,
    /// A key that can be pressed.
    Key,
    /// Something to be answered.
    Question,
}

/// A role, its colour, and how it looks in any case and without colour.
struct Row(Role, Color, Modifier, Modifier);

const NONE: Modifier = Modifier::empty();

/// Each role. Only the sixteen colours that the user's terminal defines.
const TABLE: &[Row] = &[
    Row(Role::Plain, Color::Reset, NONE, NONE),
    Row(Role::Faint, Color::DarkGray, NONE, NONE),
    Row(Role::Strong, Color::Reset, Modifier::BOLD, NONE),
    Row(Role::Heading, Color::Cyan, NONE, Modifier::UNDERLINED),
    Row(Role::Sorted, Color::Cyan, Modifier::BOLD, Modifier::UNDERLINED),
    Row(Role::Service, Color::Reset, Modifier::BOLD, NONE),
    Row(Role::Chosen, Color::Reset, Modifier::REVERSED, NONE),
    Row(Role::Good, Color::Green, NONE, NONE),
    Row(Role::Busy, Color::Yellow, NONE, NONE),
    Row(Role::Bad, Color::Red, Modifier::BOLD, Modifier::REVERSED),
    Row(Role::Spark, Color::Cyan, NONE, NONE),
    Row(Role::Key, Color::Cyan, NONE, Modifier::BOLD),
    Row(Role::Question, Color::Yellow, Modifier::BOLD, Modifier::REVERSED),
];

/// How roles look on this terminal.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Colours {
    pub(crate) colour: bool,
}

impl Colours {
    pub(crate) fn style(self, role: Role) -> Style {
        let row = TABLE.iter().find(|Row(known, ..)| *known == role);
        let Row(_, colour, always, without) = row.unwrap_or(&TABLE[0]);
        let style = Style::default().add_modifier(*always);
        match self.colour {
            true => style.fg(*colour),
            false => style.add_modifier(*without),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_role_has_one_row() {
        for role in 0..=Role::Question as usize {
            let rows = TABLE.iter().filter(|Row(known, ..)| *known as usize == role);
            assert_eq!(rows.count(), 1);
        }
    }

    #[test]
    fn without_colour_there_is_none() {
        for Row(role, ..) in TABLE {
            assert_eq!(Colours { colour: false }.style(*role).fg, None);
        }
    }
}
