//! `-S`: the table as rules, or as JSON that `--apply` reads.

use std::collections::BTreeMap;
use std::io::ErrorKind;

use ipvs::rules::grammar::SaveOptions;
use ipvs::{Client, Error, Statistics};

use crate::kernel::table::{Selection, Services};
use crate::output::json::Json;
use crate::output::rules::Rules;
use crate::output::settings::Settings;
use crate::process::Sink;
use crate::process::failure::Failure;

/// Neither form says anything of statistics.
const EVERYTHING: Selection =
    Selection { only: None, search: None, statistics: Statistics::Skip, sorted: true };

/// Prints the table as rules or as JSON. Its end may still be in the sink.
pub(crate) fn save(
    client: &mut Client,
    options: &SaveOptions,
    sink: &mut Sink,
) -> Result<(), Failure> {
    let mut services = Services::find(client, EVERYTHING)?;
    let settings = options.all.then(|| read_settings(client, &services)).transpose()?;
    if options.json {
        return services.print(client, &mut Json::configuration(sink, settings));
    }
    let names = services.names(client, options.numeric)?;
    services.print(client, &mut Rules { sink, names: &names, settings })
}

fn read_settings(client: &mut Client, services: &Services) -> Result<Settings, Failure> {
    let mut settings = match client.changeable_settings() {
        Err(Error::Settings(_, error)) if error.kind() == ErrorKind::NotFound => BTreeMap::new(),
        settings => settings?,
    };
    // Whoever restores the table without the scheduler would not have the setting.
    settings
        .retain(|setting, _| setting.scheduler().is_none_or(|name| services.use_scheduler(name)));
    Ok(Settings { settings, timeouts: client.timeouts()?, daemons: client.daemons()? })
}
