//! `-S`: the table as rules, or as JSON that `--apply` reads.

use ipvs::rules::Unwritable;
use ipvs::rules::grammar::{SaveOptions, push_line};
use ipvs::{Change, Client, Destination, Service, Statistics};

use crate::kernel::table::{Reading, Services};
use crate::names::Names;
use crate::output::json::{self, Detail, Writer};
use crate::process::Sink;
use crate::process::failure::Failure;

/// Rules say nothing of statistics.
const READING: Reading = Reading { only: None, statistics: Statistics::Skip, sorted: true };

/// Prints the table as rules or as JSON. What was printed may still be in the sink.
pub(crate) fn save(
    client: &mut Client,
    options: &SaveOptions,
    sink: &mut Sink,
) -> Result<(), Failure> {
    let services = Services::find(client, READING)?;
    if options.json {
        return save_json(client, options, &services, sink);
    }
    let mut names = Names::new(options.numeric);
    services.each_named(client, &mut names, |names, service, destinations| {
        rules(sink, service, destinations, names)
    })?;
    if options.all {
        let timeouts = Change::SetTimeouts(client.timeouts()?);
        rule(sink, &timeouts, &names)?;
        for daemon in client.daemons()? {
            rule(sink, &Change::StartDaemon(daemon.role, daemon.config), &names)?;
        }
    }
    Ok(())
}

/// The rules that make a service and its servers.
fn rules(
    sink: &mut Sink,
    service: &Service,
    destinations: &[Destination],
    names: &Names,
) -> Result<(), Failure> {
    let add = Change::AddService(service.key, service.config);
    let servers = destinations
        .iter()
        .map(|server| Change::AddDestination(service.key, server.key, server.config));
    for change in std::iter::once(add).chain(servers) {
        rule(sink, &change, names)?;
    }
    sink.pass().map_err(Failure::Output)
}

fn rule(sink: &mut Sink, change: &Change, names: &Names) -> Result<(), Failure> {
    push_line(&mut sink.text, change, names).map_err(unwritable)?;
    sink.text.push(b'\n');
    Ok(())
}

fn unwritable(error: Unwritable) -> Failure {
    Failure::Other(anyhow::Error::new(error))
}

fn save_json(
    client: &mut Client,
    options: &SaveOptions,
    services: &Services,
    sink: &mut Sink,
) -> Result<(), Failure> {
    let mut json = Writer::begin(&mut sink.text);
    json.begin_services(&mut sink.text)?;
    services.each(client, |service, destinations| {
        json::check(service, destinations).map_err(unwritable)?;
        json.service(&mut sink.text, service, destinations, Detail::Configuration)?;
        sink.pass().map_err(Failure::Output)
    })?;
    json.end_services(&mut sink.text)?;
    if options.all {
        json.timeouts(&mut sink.text, &client.timeouts()?)?;
        json.daemons(&mut sink.text, &client.daemons()?)?;
    }
    json.end(&mut sink.text);
    Ok(())
}
