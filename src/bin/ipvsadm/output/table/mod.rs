//! The table for people (`--format table`).

mod cells;
mod human;
mod page;

use ipvs::{Destination, Service};

pub(crate) use self::cells::Cells;
use self::cells::{Heads, heads};
use self::page::{Page, Part, Row, Widths};
use super::{Next, Printer};
use crate::process::Sink;
use crate::process::failure::Failure;
use crate::process::terminal::Capabilities;

/// The number of rows that are laid out at a time.
const PAGE: usize = 512;

/// Prints the table for people.
///
/// A table of one page is printed from memory. A longer one is measured in a first reading and
/// printed page by page in a second one, so that it takes no more memory than a page. Counters grow
/// between the two: where a cell has become too wide for its column, its page gets a wider one.
pub(crate) struct TableListing<'s> {
    sink: &'s mut Sink,
    cells: Cells<'s>,
    capabilities: Capabilities,
    heads: Heads,
    widths: Widths,
    page: Page,
    stage: Stage,
    services: usize,
    servers: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// All rows are on the page so far.
    OnePage,
    /// There are too many for one: their widths are all that is kept.
    Measuring,
    /// The second reading. The next page is this part of the table.
    Printing(Part),
}

impl<'s> TableListing<'s> {
    pub(crate) fn new(sink: &'s mut Sink, cells: Cells<'s>, capabilities: Capabilities) -> Self {
        let heads = heads(cells.view);
        TableListing {
            sink,
            cells,
            capabilities,
            widths: Widths::of(&heads),
            heads,
            page: Page::default(),
            stage: Stage::OnePage,
            services: 0,
            servers: 0,
        }
    }

    fn row(&mut self, row: Row, cells: Vec<String>) -> Result<(), Failure> {
        match self.stage {
            Stage::OnePage => {
                self.widths.include(&cells);
                self.page.push(row, cells);
                if self.page.len() > PAGE {
                    self.page = Page::default();
                    self.stage = Stage::Measuring;
                }
            }
            Stage::Measuring => self.widths.include(&cells),
            Stage::Printing(part) => {
                self.page.push(row, cells);
                if self.page.len() == PAGE {
                    self.print_page(part)?;
                    self.stage = Stage::Printing(Part::Later);
                }
            }
        }
        Ok(())
    }

    fn print_page(&mut self, part: Part) -> Result<(), Failure> {
        let page = std::mem::take(&mut self.page);
        page.print(self.sink.text(), &self.heads, &self.widths, part, self.capabilities);
        self.sink.pass().map_err(Failure::Output)
    }
}

impl Printer for TableListing<'_> {
    fn begin(&mut self) -> Result<(), Failure> {
        (self.services, self.servers) = (0, 0);
        Ok(())
    }

    fn service(&mut self, service: &Service, destinations: &[Destination]) -> Result<(), Failure> {
        self.row(Row::Service, self.cells.service(service, destinations))?;
        for server in destinations {
            let row = if server.config.weight == 0 { Row::Drained } else { Row::Server };
            self.row(row, self.cells.server(&service.key, server))?;
        }
        self.services += 1;
        self.servers += destinations.len();
        Ok(())
    }

    fn end(&mut self) -> Result<Next, Failure> {
        if self.services == 0 {
            self.sink.print("no services\n");
            return Ok(Next::Done);
        }
        match self.stage {
            Stage::Measuring => {
                self.stage = Stage::Printing(Part::First);
                return Ok(Next::ReadAgain);
            }
            Stage::OnePage => self.print_page(Part::Whole)?,
            Stage::Printing(part) if self.page.len() > 0 => self.print_page(part)?,
            Stage::Printing(_) => {}
        }
        let services = counted(self.services, "service");
        let servers = counted(self.servers, "server");
        self.sink.print(format!("\n{services}, {servers}\n"));
        Ok(Next::Done)
    }
}

/// `1 server`, `2 servers`
fn counted(number: usize, thing: &str) -> String {
    format!("{number} {thing}{}", if number == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests;
