//! `ipvsadm-save` and `ipvsadm-restore`, which are this program under other names.

use std::ffi::OsString;

use anyhow::anyhow;
use ipvs::Change;
use ipvs::rules::{Command, SaveOptions};

use crate::failure::Failure;
use crate::output::Sink;
use crate::{kernel, restore, run};

/// `ipvsadm-save [-n]`: the table as rules.
pub(crate) fn save(arguments: &[OsString], sink: &mut Sink) -> Result<(), Failure> {
    let mut numeric = false;
    for argument in arguments {
        match argument.to_str() {
            Some("-n") => numeric = true,
            // A word that is no option was never minded.
            Some(word) if !word.starts_with('-') => {}
            _ => {
                return Err(Failure::Other(anyhow!(
                    "usage: ipvsadm-save [-n]\n\
                     Prints the IPVS table as rules that ipvsadm-restore reads.\n\
                     -n  addresses and ports as numbers, not as names"
                )));
            }
        }
    }
    run::carry_out(&Command::Save(SaveOptions { numeric, ..SaveOptions::default() }), None, sink)
}

/// `ipvsadm-restore`: puts the rules on standard input into the place of the table.
pub(crate) fn restore(arguments: &[OsString], sink: &mut Sink) -> Result<(), Failure> {
    if arguments.iter().any(|argument| argument == "-h" || argument == "--help") {
        sink.text.extend_from_slice(
            b"usage: ipvsadm-restore < RULES\n\
              Puts the rules on standard input into the place of the IPVS table.\n",
        );
        return Ok(());
    }
    let mut client = kernel::connect()?;
    client.change(&Change::Flush)?;
    restore::restore(&mut client, std::io::stdin().lock(), sink)
}
