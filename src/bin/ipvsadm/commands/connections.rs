//! `-L -c`: connections, or how many there are.

use ipvs::rules::grammar::{ConnectionListing, CountBy};
use ipvs::{Client, ServiceKey};

use crate::kernel::connections::counts::Counts;
use crate::kernel::connections::filter::Filter;
use crate::kernel::connections::services::Services;
use crate::kernel::connections::{Connections, List};
use crate::names::ReverseNames;
use crate::output::connections::{Columns, print, print_heading};
use crate::output::{counts, json};
use crate::process::Sink;
use crate::process::failure::Failure;
use crate::process::notice::say;

/// Prints the connections or their counts. The end may still be in the sink.
pub(crate) fn list(
    client: &mut Client,
    listing: &ConnectionListing,
    sink: &mut Sink,
) -> Result<(), Failure> {
    // The list itself would not tell that there is no permission to ask.
    client.info()?;
    let wanted = listing.filter;
    let services = match (wanted.service, listing.count_by) {
        (Some(ServiceKey::Address { .. }), _) | (_, Some(CountBy::Service)) => {
            Services::read(client, wanted.service)?
        }
        _ => Services::default(),
    };
    let list = Connections::open(if listing.origin { List::Origins } else { List::Usual })?;
    if let Some(ServiceKey::FirewallMark { mark, .. }) = wanted.service {
        say(format_args!(
            "The kernel does not record which connections have firewall mark {mark}: only its \
             persistence templates are shown. Select connections by server (-r) or by virtual \
             address (-t, -u, --sctp-service)."
        ));
    }
    let filter = Filter::new(wanted, &services);
    if let Some(by) = listing.count_by {
        let mut counts = Counts::new(by, &services);
        list.each(&filter, &mut ReverseNames::Numeric, |_, connection| {
            counts.add(connection);
            Ok(())
        })?;
        let total = counts.total();
        return match listing.json {
            true => json::print_counts(sink, by, total, counts.into_rows()),
            false => {
                let mut names = ReverseNames::new(listing.numeric);
                counts::print(sink, &mut names, by, total, counts.into_rows())
            }
        };
    }
    if listing.json {
        return list.each(&filter, &mut ReverseNames::Numeric, |_, connection| {
            json::print_connection(sink, connection)
        });
    }
    let columns = match (listing.persistence_engine, listing.origin) {
        (true, _) => Columns::Engine,
        (false, true) => Columns::Origin,
        (false, false) => Columns::Usual,
    };
    print_heading(sink, columns);
    list.each(&filter, &mut ReverseNames::new(listing.numeric), |names, connection| {
        print(sink, names, connection, columns)
    })
}
