//! Rows laid out as a table, or as one page of a long one.

use tabled::builder::Builder;
use tabled::grid::util::string::get_string_width;
use tabled::settings::object::{Columns, Object, Rows};
use tabled::settings::style::HorizontalLine;
use tabled::settings::width::WidthList;
use tabled::settings::{Alignment, Color, Padding, Style, Theme, Width};

use super::cells::Heads;
use crate::process::terminal::Capabilities;

/// The number of blanks between columns.
const GAP: usize = 2;

/// The column of settings, the only one whose text may be wrapped.
const SETTINGS: usize = 1;

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

/// The widths of columns, without the gaps between them.
#[derive(Debug, Clone)]
pub(super) struct Widths(Vec<usize>);

impl Widths {
    pub(super) fn of(heads: &Heads) -> Self {
        Widths(heads.texts.iter().chain(heads.numbers).map(|head| get_string_width(head)).collect())
    }

    /// Widens the columns to what these cells need.
    pub(super) fn include(&mut self, cells: &[String]) {
        for (width, cell) in self.0.iter_mut().zip(cells) {
            *width = get_string_width(cell).max(*width);
        }
    }

    fn total(&self) -> usize {
        self.0.iter().sum::<usize>() + GAP * self.0.len().saturating_sub(1)
    }

    fn with_gaps(self) -> Vec<usize> {
        let last = self.0.len().saturating_sub(1);
        let gap = |index| if index == last { 0 } else { GAP };
        self.0.into_iter().enumerate().map(|(index, width)| width + gap(index)).collect()
    }
}

/// Rows that are laid out together.
#[derive(Debug, Default)]
pub(super) struct Page {
    rows: Vec<Row>,
    cells: Vec<Vec<String>>,
}

/// Which part of a table a page is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    Whole,
    First,
    Later,
}

impl Page {
    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }

    pub(super) fn push(&mut self, row: Row, cells: Vec<String>) {
        self.rows.push(row);
        self.cells.push(cells);
    }

    /// Appends the rows, under the heads unless this is a later part. The columns have these widths
    /// at least, and more where a row needs it.
    pub(super) fn print(
        self,
        text: &mut Vec<u8>,
        heads: &Heads,
        widths: &Widths,
        part: Part,
        capabilities: Capabilities,
    ) {
        let table = self.lay_out(heads, widths.clone(), part, capabilities).to_string();
        for line in table.lines() {
            text.extend_from_slice(line.trim_end_matches(' ').as_bytes());
            text.push(b'\n');
        }
    }

    fn lay_out(
        self,
        heads: &Heads,
        mut widths: Widths,
        part: Part,
        capabilities: Capabilities,
    ) -> tabled::Table {
        let mut builder = Builder::default();
        let mut theme = Theme::from_style(Style::empty());
        let line = HorizontalLine::new(if capabilities.unicode { '─' } else { '-' });
        // The record of the first row.
        let first = match part {
            Part::Whole | Part::First => {
                builder.push_record(heads.texts.iter().chain(heads.numbers).copied());
                theme.insert_horizontal_line(1, line);
                1
            }
            Part::Later => 0,
        };
        for (index, row) in self.rows.iter().enumerate() {
            if *row == Row::Service {
                theme.insert_horizontal_line(first + index, line);
            }
        }
        for cells in self.cells {
            widths.include(&cells);
            builder.push_record(cells);
        }
        let mut table = builder.build();
        table
            .with(theme)
            .with(Padding::new(0, GAP, 0, 0))
            .modify(Columns::last(), Padding::zero())
            .modify(Columns::new(heads.texts.len()..), Alignment::right());
        if capabilities.colour {
            if first > 0 {
                table.modify(Rows::first(), Color::DIMMED);
            }
            for (index, row) in self.rows.iter().enumerate() {
                let at = Rows::one(first + index);
                match row {
                    Row::Service => _ = table.modify(at.intersect(Columns::first()), Color::BOLD),
                    Row::Drained => _ = table.modify(at, Color::FG_YELLOW),
                    Row::Server => {}
                }
            }
        }
        let excess = capabilities.width.map_or(0, |width| widths.total().saturating_sub(width));
        if excess > 0 {
            // Addresses and numbers stay whole: they are what one copies.
            let settings = widths.0[SETTINGS].saturating_sub(excess).max(NARROWEST);
            widths.0[SETTINGS] = settings;
            table.modify(Columns::one(SETTINGS), Width::wrap(settings).keep_words(true));
        }
        if part != Part::Whole {
            table.with(WidthList::new(widths.with_gaps()));
        }
        table
    }
}
