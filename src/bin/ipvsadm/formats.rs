//! `-L` in the forms that `ipvsadm` has not always had: JSON, a table for people, Prometheus.

use ipvs::rules::{Format, ServiceListing};
use ipvs::{Client, Statistics};

use crate::failure::Failure;
use crate::json::{Detail, Writer};
use crate::list::{self, Kept, Reading};
use crate::names::Names;
use crate::output::table::People;
use crate::output::{Look, Sink, prometheus};

/// Prints services in the form that is asked for. What was printed may still be in the sink.
pub(crate) fn services(
    client: &mut Client,
    listing: &ServiceListing,
    sink: &mut Sink,
) -> Result<(), Failure> {
    let reading = Reading { statistics: Statistics::Read, sorted: listing.sorted };
    let services = list::find(client, listing.only, reading)?;
    match listing.format {
        Format::Json => json(client, &services, reading, sink),
        Format::Prometheus => {
            let entries = list::with_destinations(client, &services, reading)?;
            if listing.only.is_none() {
                // A kernel need not have the file.
                let totals = std::fs::read_to_string(prometheus::TOTALS_FILE);
                let totals = totals.ok().and_then(|file| prometheus::totals(&file));
                prometheus::whole(&mut sink.text, &client.info()?, totals.as_ref());
            }
            prometheus::table(sink, &entries).map_err(Failure::Output)
        }
        Format::Classic | Format::Table => {
            let entries = list::with_destinations(client, &services, reading)?;
            let mut names = Names::new(listing.numeric);
            names.learn(list::addresses(&entries));
            let look = Look::of_stdout();
            let people = People { view: listing.view, exact: listing.exact, names: &names, look };
            people.print(&mut sink.text, &entries);
            Ok(())
        }
    }
}

/// One service's servers at a time, so that a large table needs little memory.
fn json(
    client: &mut Client,
    services: &[Kept],
    reading: Reading,
    sink: &mut Sink,
) -> Result<(), Failure> {
    let info = client.info()?;
    let mut json = Writer::begin(&mut sink.text);
    json.info(&mut sink.text, &info)?;
    json.begin_services(&mut sink.text)?;
    let mut destinations = Vec::new();
    for kept in services {
        list::read_destinations(client, &kept.key, reading, &mut destinations)?;
        json.service(&mut sink.text, &kept.service(), &destinations, Detail::All)?;
        sink.pass().map_err(Failure::Output)?;
    }
    json.end_services(&mut sink.text)?;
    json.end(&mut sink.text);
    Ok(())
}
