//! `-L` in the forms that `ipvsadm` has not always had: JSON, a table for people, Prometheus.

use ipvs::rules::grammar::{Format, ServiceListing};
use ipvs::{Client, Statistics};

use crate::kernel::table::{self, Reading, Services};
use crate::names::Names;
use crate::output::json::{Detail, Writer};
use crate::output::prometheus;
use crate::output::table::People;
use crate::process::Sink;
use crate::process::failure::Failure;
use crate::process::terminal::Look;

/// Prints services in the form that is asked for. What was printed may still be in the sink.
pub(crate) fn services(
    client: &mut Client,
    listing: &ServiceListing,
    sink: &mut Sink,
) -> Result<(), Failure> {
    let reading =
        Reading { only: listing.only, statistics: Statistics::Read, sorted: listing.sorted };
    let services = Services::find(client, reading)?;
    match listing.format {
        Format::Json => json(client, &services, sink),
        Format::Prometheus => {
            let entries = services.entries(client)?;
            if listing.only.is_none() {
                // A kernel need not have the file.
                let totals = std::fs::read_to_string(prometheus::TOTALS_FILE);
                let totals = totals.ok().and_then(|file| prometheus::totals(&file));
                prometheus::whole(&mut sink.text, &client.info()?, totals.as_ref());
            }
            prometheus::table(sink, &entries).map_err(Failure::Output)
        }
        Format::Classic | Format::Table => {
            let entries = services.entries(client)?;
            let mut names = Names::new(listing.numeric);
            names.learn(table::addresses(&entries));
            let look = Look::of_stdout();
            let people = People { view: listing.view, exact: listing.exact, names: &names, look };
            people.print(&mut sink.text, &entries);
            Ok(())
        }
    }
}

fn json(client: &mut Client, services: &Services, sink: &mut Sink) -> Result<(), Failure> {
    let info = client.info()?;
    let mut json = Writer::begin(&mut sink.text);
    json.info(&mut sink.text, &info)?;
    json.begin_services(&mut sink.text)?;
    services.each(client, |service, destinations| {
        json.service(&mut sink.text, service, destinations, Detail::All)?;
        sink.pass().map_err(Failure::Output)
    })?;
    json.end_services(&mut sink.text)?;
    json.end(&mut sink.text);
    Ok(())
}
