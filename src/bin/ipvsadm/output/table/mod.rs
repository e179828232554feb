//! The table for people (`--format table`).

mod cells;
mod human;
mod page;

use ipvs::{Destination, Service};

pub(crate) use self::cells::Cells;
use self::cells::heads;
use self::page::{Page, Row};
use super::{Next, Printer};
use crate::process::Sink;
use crate::process::failure::Failure;
use crate::process::terminal::Capabilities;

/// Prints the table for people.
pub(crate) struct TableListing<'s> {
    sink: &'s mut Sink,
    cells: Cells<'s>,
    capabilities: Capabilities,
    page: Page,
    services: usize,
    servers: usize,
}

impl<'s> TableListing<'s> {
    pub(crate) fn new(sink: &'s mut Sink, cells: Cells<'s>, capabilities: Capabilities) -> Self {
        TableListing { sink, cells, capabilities, page: Page::default(), services: 0, servers: 0 }
    }
}

impl Printer for TableListing<'_> {
    fn service(&mut self, service: &Service, destinations: &[Destination]) -> Result<(), Failure> {
        self.page.push(Row::Service, self.cells.service(service, destinations));
        for server in destinations {
            let row = if server.config.weight == 0 { Row::Drained } else { Row::Server };
            self.page.push(row, self.cells.server(&service.key, server));
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
        let page = std::mem::take(&mut self.page);
        page.print(self.sink.text(), &heads(self.cells.view), self.capabilities);
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
