//! The table as rules (`-S`), which `-R` and `--apply` read.

use ipvs::rules::grammar::push_line;
use ipvs::{Change, Destination, Service};

use super::settings::Settings;
use super::{Next, Printer};
use crate::names::ReverseNames;
use crate::process::Sink;
use crate::process::failure::Failure;

/// Prints rules. New words may stand only at the end of a line: programs match its front as text.
pub(crate) struct Rules<'s> {
    pub(crate) sink: &'s mut Sink,
    pub(crate) names: &'s ReverseNames,
    /// What comes after the table (`--all`).
    pub(crate) settings: Option<Settings>,
}

impl Rules<'_> {
    fn rule(&mut self, change: &Change) -> Result<(), Failure> {
        let text = self.sink.text();
        push_line(text, change, self.names)?;
        text.push(b'\n');
        Ok(())
    }
}

impl Printer for Rules<'_> {
    fn service(&mut self, service: &Service, destinations: &[Destination]) -> Result<(), Failure> {
        self.rule(&Change::AddService(service.key, service.config))?;
        for server in destinations {
            self.rule(&Change::AddDestination(service.key, server.key, server.config))?;
        }
        self.sink.pass().map_err(Failure::Output)
    }

    fn end(&mut self) -> Result<Next, Failure> {
        if let Some(Settings { settings, timeouts, daemons }) = self.settings.take() {
            self.rule(&Change::SetTimeouts(timeouts))?;
            // Before the daemons, which take some of them when they start.
            for (setting, value) in settings {
                self.rule(&Change::SetSetting(setting, value))?;
            }
            for daemon in daemons {
                self.rule(&Change::StartDaemon(daemon.role, daemon.config))?;
            }
        }
        Ok(Next::Done)
    }
}
