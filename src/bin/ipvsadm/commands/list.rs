//! `-L`: services, connections, timeouts and sync daemons; and `--settings`, the settings.

use ipvs::rules::grammar::{Format, Listing, ServiceListing, View};
use ipvs::{Client, Statistics};

use super::{connections, status};
use crate::kernel::table::{Selection, Services};
use crate::kernel::totals;
use crate::output::classic::{Classic, Lines};
use crate::output::json::{self, Json};
use crate::output::prometheus::{Namespace, Prometheus};
use crate::output::settings;
use crate::output::table::{Cells, TableListing};
use crate::process::Sink;
use crate::process::failure::Failure;
use crate::process::terminal::Capabilities;

/// Prints the listing. Its end may still be in the sink.
pub(crate) fn list(client: &mut Client, listing: &Listing, sink: &mut Sink) -> Result<(), Failure> {
    match listing {
        Listing::Services(listing) => list_services(client, listing, sink),
        Listing::Connections(listing) => connections::list(client, listing, sink),
        Listing::Timeouts { json } => {
            let timeouts = client.timeouts()?;
            if *json {
                return json::print_timeouts(sink, &timeouts);
            }
            settings::print_timeouts(sink, &timeouts);
            Ok(())
        }
        Listing::Settings { json } => {
            let found = client.settings()?;
            if *json {
                return json::print_settings(sink, &found);
            }
            settings::print_settings(sink, &found);
            Ok(())
        }
        Listing::Status { json } => status::list(client, *json, sink),
        Listing::Daemons { json } => {
            let daemons = client.daemons()?;
            if *json {
                return json::print_daemons(sink, &daemons);
            }
            settings::print_daemons(sink, &daemons);
            Ok(())
        }
    }
}

fn list_services(
    client: &mut Client,
    listing: &ServiceListing,
    sink: &mut Sink,
) -> Result<(), Failure> {
    let ServiceListing { only, search, view, exact, sorted, .. } = *listing;
    let statistics = match (listing.format, view) {
        (Format::Classic, View::Stats | View::Rate) => Statistics::Read,
        (Format::Classic, _) => Statistics::Skip,
        _ => Statistics::Read,
    };
    let mut services = Services::find(client, Selection { only, search, statistics, sorted })?;
    match listing.format {
        Format::Classic => {
            let info = only.is_none().then(|| client.info()).transpose()?;
            let names = services.names(client, listing.numeric)?;
            let lines = Lines { view, exact, names: &names };
            services.print(client, &mut Classic { sink, info, lines })
        }
        Format::Json => {
            let info = client.info()?;
            services.print(client, &mut Json::listing(sink, info))
        }
        Format::Prometheus => {
            let namespace = match (only, search) {
                (None, None) => Some(Namespace { info: client.info()?, totals: totals::read() }),
                _ => None,
            };
            services.print(client, &mut Prometheus::new(sink, namespace))
        }
        Format::Table => {
            let names = services.names(client, listing.numeric)?;
            let cells = Cells { view, exact, names: &names };
            let capabilities = Capabilities::of_stdout();
            services.print(client, &mut TableListing::new(sink, cells, capabilities))
        }
    }
}
