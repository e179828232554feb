//! Rows laid out as a table.

use tabled::builder::Builder;
use tabled::settings::object::{Columns, Object, Rows};
use tabled::settings::style::HorizontalLine;
use tabled::settings::{Alignment, Color, Padding, Style, Theme, Width};

use super::cells::Heads;
use crate::process::terminal::Capabilities;

/// The number of blanks between columns.
const GAP: usize = 2;

/// The least width of the column of settings on a narrow terminal.
const NARROWEST: usize = 12;

/// What a row is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Row {
    Service,
    Server,
    /// A server that gets no new connections.
    Drained,
}

/// Rows that are laid out together.
#[derive(Debug, Default)]
pub(super) struct Page {
    rows: Vec<Row>,
    cells: Vec<Vec<String>>,
    /// The width of the widest settings.
    settings: usize,
}

impl Page {
    pub(super) fn push(&mut self, row: Row, cells: Vec<String>) {
        if let (Row::Service, Some(settings)) = (row, cells.get(1)) {
            self.settings = self.settings.max(settings.len());
        }
        self.rows.push(row);
        self.cells.push(cells);
    }

    /// Appends the rows under their heads.
    pub(super) fn print(self, text: &mut Vec<u8>, heads: &Heads, capabilities: Capabilities) {
        let table = self.lay_out(heads, capabilities).to_string();
        for line in table.lines() {
            text.extend_from_slice(line.trim_end_matches(' ').as_bytes());
            text.push(b'\n');
        }
    }

    fn lay_out(self, heads: &Heads, capabilities: Capabilities) -> tabled::Table {
        let line = HorizontalLine::new(if capabilities.unicode { '─' } else { '-' });
        let mut theme = Theme::from_style(Style::empty());
        theme.insert_horizontal_line(1, line);
        for (index, row) in self.rows.iter().enumerate().skip(1) {
            if *row == Row::Service {
                theme.insert_horizontal_line(index + 1, line);
            }
        }
        let mut builder = Builder::default();
        builder.push_record(heads.texts.iter().chain(heads.numbers).copied());
        for cells in self.cells {
            builder.push_record(cells);
        }
        let mut table = builder.build();
        table
            .with(theme)
            .with(Padding::new(0, GAP, 0, 0))
            .modify(Columns::last(), Padding::zero())
            .modify(Columns::new(heads.texts.len()..), Alignment::right());
        if capabilities.colour {
            table.modify(Rows::first(), Color::DIMMED);
            for (index, row) in self.rows.iter().enumerate() {
                let at = Rows::one(index + 1);
                match row {
                    Row::Service => _ = table.modify(at.intersect(Columns::first()), Color::BOLD),
                    Row::Drained => _ = table.modify(at, Color::FG_YELLOW),
                    Row::Server => {}
                }
            }
        }
        let excess =
            capabilities.width.map_or(0, |width| table.total_width().saturating_sub(width));
        if excess > 0 {
            // Addresses and numbers stay whole: they are what one copies.
            let settings = self.settings.max(heads.texts[1].len());
            let wide = settings.saturating_sub(excess).max(NARROWEST);
            table.modify(Columns::one(1), Width::wrap(wide).keep_words(true));
        }
        table
    }
}
