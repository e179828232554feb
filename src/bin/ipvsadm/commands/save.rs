//! `-S`: the table as rules, or as JSON that `--apply` reads.

use ipvs::rules::grammar::SaveOptions;
use ipvs::{Client, Statistics};

use crate::kernel::table::{Selection, Services};
use crate::output::json::Json;
use crate::output::rules::Rules;
use crate::output::settings::Settings;
use crate::process::Sink;
use crate::process::failure::Failure;

/// Neither form says anything of statistics.
const EVERYTHING: Selection = Selection { only: None, statistics: Statistics::Skip, sorted: true };

/// Prints the table as rules or as JSON. Its end may still be in the sink.
pub(crate) fn save(
    client: &mut Client,
    options: &SaveOptions,
    sink: &mut Sink,
) -> Result<(), Failure> {
    let mut services = Services::find(client, EVERYTHING)?;
    let settings = options.all.then(|| read_settings(client)).transpose()?;
    if options.json {
        return services.print(client, &mut Json::configuration(sink, settings));
    }
    let names = services.names(client, options.numeric)?;
    services.print(client, &mut Rules { sink, names: &names, settings })
}

fn read_settings(client: &mut Client) -> Result<Settings, Failure> {
    Ok(Settings {
        settings: client.changeable_settings()?,
        timeouts: client.timeouts()?,
        daemons: client.daemons()?,
    })
}
