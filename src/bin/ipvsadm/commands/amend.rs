//! `-E … --keep` and `-e … --keep`: edits that leave everything they do not name as it is.

use std::io::{self, IsTerminal};

use ipvs::rules::grammar::Amendment;
use ipvs::{
    Change, Client, Destination, Forwarding, RefusalKind, Rehearsal, State, Statistics, Table,
};

use crate::process::failure::Failure;
use crate::process::notice::say;

/// The whole edit, completed from the kernel's table. A service or server that is not there is
/// refused here, in the kernel's words.
pub(crate) fn complete(client: &mut Client, amendment: &Amendment) -> Result<Change, Failure> {
    let table = read(client, amendment)?;
    let change = amendment.complete(&table)?;
    // By the time the kernel saw it, a server added meanwhile would get default values.
    Rehearsal::new(State::from(table)).change(&change)?;
    Ok(change)
}

/// The part of the table that an amendment is about.
fn read(client: &mut Client, amendment: &Amendment) -> Result<Table, Failure> {
    let mut table = Table::new();
    let key = *amendment.service();
    let service = match client.service(&key) {
        Ok(service) => service,
        Err(error) if error.refusal_kind() == Some(RefusalKind::NoSuchService) => return Ok(table),
        Err(error) => return Err(error.into()),
    };
    let entry = table.insert(key, service.config);
    if let Amendment::Destination(..) = amendment {
        client.each_destination(&key, Statistics::Skip, |server| {
            entry.insert(server.key, server.config);
        })?;
    }
    Ok(table)
}

/// Carries out an `-e` that names no forwarding method, and so sets direct routing. A person at a
/// terminal hears of it if the server had another method: few mean to change that.
pub(crate) fn edit_server(client: &mut Client, change: &Change) -> Result<(), Failure> {
    let before = if io::stderr().is_terminal() { server(client, change)? } else { None };
    client.change(change)?;
    if let Some(before) = before {
        let was = match before.config.forwarding {
            Forwarding::Masquerade => "masquerading",
            Forwarding::Tunnel(_) => "tunneling",
            _ => return Ok(()),
        };
        say(format_args!(
            "{}: changed from {was} to direct routing, because no forwarding method was given; with \
             --keep, -e keeps every setting that is not given",
            before.key
        ));
    }
    Ok(())
}

/// The server that a change edits, as the kernel has it.
fn server(client: &mut Client, change: &Change) -> Result<Option<Destination>, Failure> {
    let Change::EditDestination(service, key, _) = change else { return Ok(None) };
    let servers = client.destinations(service)?;
    Ok(servers.into_iter().find(|server| server.key == *key))
}
