//! From a command to what it does.

use ipvs::Client;
use ipvs::rules::{Command, help};

use crate::failure::Failure;
use crate::output::Sink;
use crate::{kernel, list, restore, save};

/// What `-v` prints. Programs read the second word.
const VERSION: &str =
    concat!("ipvsadm v1.31 compatible (ipvsadm ", env!("CARGO_PKG_VERSION"), " in Rust)\n");

/// Carries out a command, over `client` if there is a connection already. What it prints may
/// still be in the sink.
pub(crate) fn carry_out(
    command: &Command,
    client: Option<&mut Client>,
    sink: &mut Sink,
) -> Result<(), Failure> {
    // These work without root and without the module.
    match command {
        Command::Help => {
            sink.text.extend_from_slice(VERSION.as_bytes());
            sink.text.extend_from_slice(help().to_string().as_bytes());
            return Ok(());
        }
        Command::Version => {
            sink.text.extend_from_slice(VERSION.as_bytes());
            return Ok(());
        }
        _ => {}
    }
    let mut own;
    let client = match client {
        Some(client) => client,
        None => {
            own = kernel::connect()?;
            &mut own
        }
    };
    match command {
        Command::Change(change) => Ok(client.change(change)?),
        Command::List(listing) => list::list(client, listing, sink),
        Command::Save(options) => save::save(client, options, sink),
        Command::Restore => {
            // Without the right to change anything this says so once, not for every line.
            client.info()?;
            restore::restore(client, std::io::stdin().lock(), sink)
        }
        other => Err(Failure::Other(anyhow::anyhow!("not carried out: {other:?}"))),
    }
}
