//! What a `--kick` leaves that is killed before it can put things back.

use ipvs::{Change, Client};

use super::spelling::Spelling;
use crate::commands::dry_run::rule;
use crate::kernel::servers;
use crate::process::failure::Failure;
use crate::process::memory::Memory;
use crate::process::notice::say;

/// Reports what is left, with the commands that mend it, as often as it takes. It is not mended
/// here: whoever runs the next command, maybe much later, may want it as it is. What is mended
/// already is forgotten.
pub(super) fn report(
    client: &mut Client,
    memory: &Memory,
    spelling: &Spelling<'_>,
) -> Result<(), Failure> {
    for journal in memory.unfinished() {
        let mending = mending(client, &journal.changes)?;
        if mending.is_empty() {
            memory.forget_unfinished(&journal);
            continue;
        }
        say("An earlier ipvsadm --kick was killed before it had finished. To mend what it left:");
        mending.iter().for_each(|rule| say(format_args!("  {}", spelling.rule(rule))));
        say(format_args!(
            "If it is to stay as it is, delete {}: then this is not reported again.",
            journal.path.display()
        ));
    }
    Ok(())
}

/// The rules that mend what is left of making these changes.
pub(super) fn mending(client: &mut Client, changes: &[Change]) -> Result<Vec<String>, Failure> {
    let mut mending = Vec::new();
    for change in changes {
        match change {
            Change::SetSetting(setting, value) => {
                let now = client.setting(*setting)?;
                if now.is_some_and(|now| now != *value) {
                    mending.push(rule(change));
                }
            }
            Change::AddDestination(service, key, config) => {
                if servers::service(client, service)?.is_none() {
                    continue;
                }
                match servers::server(client, service, key)? {
                    None => mending.push(rule(change)),
                    // It was added again, but has not got its weight back yet.
                    Some(now) if now.config.weight == 0 && config.weight != 0 => {
                        mending.push(rule(&Change::EditDestination(*service, *key, *config)));
                    }
                    Some(_) => {}
                }
            }
            // There are no others.
            _ => {}
        }
    }
    Ok(mending)
}
