//! `-S`: the table as rules.

use ipvs::rules::{SaveOptions, push_line};
use ipvs::{Change, Client, Destination, Service};

use crate::failure::Failure;
use crate::list;
use crate::names::Names;
use crate::output::Sink;

/// Prints the table as rules. What was printed may still be in the sink.
pub(crate) fn save(
    client: &mut Client,
    options: &SaveOptions,
    sink: &mut Sink,
) -> Result<(), Failure> {
    let mut services = client.services()?;
    services.sort_unstable_by_key(|service| service.key);
    let mut names = Names::new(options.numeric);
    if let Names::Named { .. } = names {
        let ready = list::with_destinations(client, &services, true)?;
        names.learn(list::addresses(&ready));
        return ready
            .iter()
            .try_for_each(|entry| rules(sink, &entry.service, &entry.destinations, &names));
    }
    // One service's servers at a time, so that a large table needs little memory.
    let mut destinations = Vec::new();
    for service in &services {
        list::read_destinations(client, &service.key, true, &mut destinations)?;
        rules(sink, service, &destinations, &names)?;
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
        push_line(&mut sink.text, &change, names)
            .map_err(|error| Failure::Other(anyhow::Error::new(error)))?;
        sink.text.push(b'\n');
    }
    sink.pass().map_err(Failure::Output)
}
