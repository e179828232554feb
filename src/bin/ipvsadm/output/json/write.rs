//! Writing the JSON. A large table is written piece by piece and never stands in memory whole.

use std::collections::BTreeMap;

use ipvs::rules::grammar::CountBy;
use ipvs::{Daemon, Destination, Info, Service, Setting, SettingValue, Timeouts};
use serde::Serialize;

use super::convert::{self, Detail};
use super::document;
use super::layout::{push_block, push_line};
use crate::output::connections::Connection;
use crate::output::counts::Row;
use crate::output::operation::Operation;
use crate::output::settings::Settings;
use crate::output::status::Status;
use crate::output::{Next, Printer};
use crate::process::Sink;
use crate::process::failure::Failure;

type Result<T = ()> = std::result::Result<T, Failure>;

/// Prints a value as an object on a line.
#[cfg(feature = "top")]
pub(crate) fn print_line(sink: &mut Sink, value: &impl Serialize) -> Result {
    push_line(sink.text(), value)?;
    sink.print("\n");
    Ok(())
}

/// Prints the table as one object.
pub(crate) struct Json<'s> {
    object: Object<'s>,
    detail: Detail,
    info: Option<Info>,
    settings: Option<Settings>,
}

impl<'s> Json<'s> {
    /// The listing (`-L`).
    pub(crate) fn listing(sink: &'s mut Sink, info: Info) -> Self {
        let object = Object::new(sink);
        Json { object, detail: Detail::All, info: Some(info), settings: None }
    }

    /// The configuration (`-S`), with these settings after the table (`--all`).
    pub(crate) fn configuration(sink: &'s mut Sink, settings: Option<Settings>) -> Self {
        let object = Object::new(sink);
        Json { object, detail: Detail::Configuration, info: None, settings }
    }
}

impl Printer for Json<'_> {
    fn begin(&mut self) -> Result {
        self.object.open();
        if let Some(info) = &self.info {
            self.object.field("info", &document::Info::from(info))?;
        }
        self.object.begin_list("services")
    }

    fn service(&mut self, service: &Service, destinations: &[Destination]) -> Result {
        if self.detail == Detail::Configuration {
            convert::check(service, destinations)?;
        }
        self.object.block(&convert::service(service, destinations, self.detail))
    }

    fn end(&mut self) -> Result<Next> {
        self.object.end_list();
        if let Some(Settings { settings, timeouts, daemons }) = self.settings.take() {
            self.object.settings("settings", &settings)?;
            self.object.timeouts(&timeouts)?;
            self.object.daemons(&daemons)?;
        }
        self.object.close();
        Ok(Next::Done)
    }
}

/// Prints the timeouts of connections.
pub(crate) fn print_timeouts(sink: &mut Sink, timeouts: &Timeouts) -> Result {
    let mut object = Object::new(sink);
    object.open();
    object.timeouts(timeouts)?;
    object.close();
    Ok(())
}

/// Prints the settings, and the kernel's defaults where they are known.
pub(crate) fn print_settings(
    sink: &mut Sink,
    settings: &BTreeMap<Setting, SettingValue>,
) -> Result {
    let defaults = settings.keys().filter_map(|it| Some((*it, it.kernel_default()?))).collect();
    let mut object = Object::new(sink);
    object.open();
    object.settings("settings", settings)?;
    object.settings("defaults", &defaults)?;
    object.close();
    Ok(())
}

/// Prints the sync daemons.
pub(crate) fn print_daemons(sink: &mut Sink, daemons: &[Daemon]) -> Result {
    let mut object = Object::new(sink);
    object.open();
    object.daemons(daemons)?;
    object.close();
    Ok(())
}

/// Prints a connection on a line of its own.
pub(crate) fn print_connection(sink: &mut Sink, connection: &Connection<'_>) -> Result {
    push_line(sink.text(), &document::Connection::from(connection))?;
    sink.print("\n");
    sink.pass().map_err(Failure::Output)
}

/// Prints counts of connections as one object.
pub(crate) fn print_counts(
    sink: &mut Sink,
    by: CountBy,
    total: u64,
    rows: impl Iterator<Item = Row>,
) -> Result {
    let mut object = Object::new(sink);
    object.open();
    object.field("by", &by.name())?;
    object.field("total", &total)?;
    object.begin_list("counts")?;
    for row in rows {
        object.line(&document::ConnectionCount::from(&row))?;
        object.sink.pass().map_err(Failure::Output)?;
    }
    object.end_list();
    object.close();
    Ok(())
}

/// Prints the state of IPVS as a whole.
pub(crate) fn print_status(sink: &mut Sink, status: &Status) -> Result {
    let mut object = Object::new(sink);
    object.open();
    object.field("info", &document::Info::from(&status.info))?;
    object.field("connection_count", &status.connections)?;
    object.field("connection_limit", &status.connection_limit)?;
    object.field("connection_table", &document::HashTable::from(&status.connection_table))?;
    object.field("service_count", &status.services)?;
    let services = status.service_table.as_ref().map(document::HashTable::from);
    object.field("service_table", &services)?;
    object.begin_list("defences")?;
    for defence in &status.defences {
        object.line(&document::Defence::from(defence))?;
    }
    object.end_list();
    object.field("memory_threshold_pages", &status.memory_threshold)?;
    object.field("estimator", &document::Estimator::from(&status.estimator))?;
    object.daemons(&status.daemons)?;
    object.close();
    Ok(())
}

/// Prints the outcome of a command that operates a balancer.
pub(crate) fn print_operation(sink: &mut Sink, operation: &Operation) -> Result {
    let mut object = Object::new(sink);
    object.open();
    object.field("outcome", &operation.outcome.name())?;
    // In thousandths.
    object.field("seconds", &(operation.took.as_millis() as f64 / 1000.0))?;
    object.begin_list("servers")?;
    for server in &operation.servers {
        object.line(&document::OperatedServer::from(server))?;
    }
    object.end_list();
    object.close();
    Ok(())
}

/// One JSON object, written a field at a time.
struct Object<'s> {
    sink: &'s mut Sink,
    is_first_field: bool,
    is_first_item: bool,
}

impl<'s> Object<'s> {
    fn new(sink: &'s mut Sink) -> Self {
        Object { sink, is_first_field: true, is_first_item: true }
    }

    fn open(&mut self) {
        self.sink.print("{");
    }

    fn close(&mut self) {
        self.sink.print("\n}\n");
    }

    fn begin_field(&mut self, name: &str) -> Result {
        let first = std::mem::replace(&mut self.is_first_field, false);
        self.sink.print(if first { "\n  " } else { ",\n  " });
        push_line(self.sink.text(), &name)?;
        self.sink.print(": ");
        Ok(())
    }

    fn field<T: Serialize>(&mut self, name: &str, value: &T) -> Result {
        self.begin_field(name)?;
        Ok(push_line(self.sink.text(), value)?)
    }

    fn begin_list(&mut self, name: &str) -> Result {
        self.begin_field(name)?;
        self.sink.print("[");
        self.is_first_item = true;
        Ok(())
    }

    fn begin_item(&mut self) {
        let first = std::mem::replace(&mut self.is_first_item, false);
        self.sink.print(if first { "\n    " } else { ",\n    " });
    }

    /// An item on one line.
    fn line<T: Serialize>(&mut self, value: &T) -> Result {
        self.begin_item();
        Ok(push_line(self.sink.text(), value)?)
    }

    /// An item on several lines.
    fn block<T: Serialize>(&mut self, value: &T) -> Result {
        self.begin_item();
        push_block(self.sink.text(), 4, value)?;
        self.sink.pass().map_err(Failure::Output)
    }

    fn end_list(&mut self) {
        self.sink.print(if self.is_first_item { "]" } else { "\n  ]" });
    }

    fn timeouts(&mut self, timeouts: &Timeouts) -> Result {
        self.field("timeouts", &document::Timeouts::from(timeouts))
    }

    /// Each on a line of its own.
    fn settings(&mut self, name: &str, settings: &BTreeMap<Setting, SettingValue>) -> Result {
        self.begin_field(name)?;
        self.sink.print("{");
        for (index, (setting, value)) in settings.iter().enumerate() {
            self.sink.print(if index == 0 { "\n    " } else { ",\n    " });
            push_line(self.sink.text(), &setting.name())?;
            self.sink.print(": ");
            push_line(self.sink.text(), &document::SettingValue::from(value))?;
        }
        self.sink.print(if settings.is_empty() { "}" } else { "\n  }" });
        Ok(())
    }

    fn daemons(&mut self, daemons: &[Daemon]) -> Result {
        self.begin_list("daemons")?;
        for daemon in daemons {
            self.line(&document::Daemon::from(daemon))?;
        }
        self.end_list();
        Ok(())
    }
}
