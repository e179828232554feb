//! `ipvsadm-save` and `ipvsadm-restore`, which are this program under other names.

use std::ffi::OsString;

use anyhow::anyhow;
use ipvs::rules::SaveOptions;

use crate::apply::{self, How, OnRefusal};
use crate::failure::Failure;
use crate::lock::Lock;
use crate::output::Sink;
use crate::wanted::read_all;
use crate::{kernel, restore, save};

const SAVE_USAGE: &str = "\
usage: ipvsadm-save [-n]
Prints the IPVS table as rules that ipvsadm-restore reads.
  -n  addresses and ports as numbers, not as names";

const RESTORE_USAGE: &str = "\
usage: ipvsadm-restore [OPTION]... < RULES
Puts the rules on standard input into the place of the IPVS table. Only what
differs is changed, so that all other connections go on. If a rule makes no sense
nothing is changed; a rule that the kernel refuses is told, and the rest goes on.
  --atomic        if the kernel refuses a rule, undo all the others
  --clear         remove all services first and then add line by line, as
                  ipvsadm-restore 1.31 did
  --dry-run       show the rules that would be carried out, and do nothing
  --wait SECONDS  wait so long at most for another that changes the table
  -h, --help      show this
";

/// `ipvsadm-save [-n]`: the table as rules.
pub(crate) fn save(arguments: &[OsString], sink: &mut Sink) -> Result<(), Failure> {
    let mut numeric = false;
    for argument in arguments {
        match argument.to_str() {
            Some("-n") => numeric = true,
            // A word that is no option was never minded.
            Some(word) if !word.starts_with('-') => {}
            _ => return Err(Failure::Other(anyhow!("{SAVE_USAGE}"))),
        }
    }
    let options = SaveOptions { numeric, ..SaveOptions::default() };
    save::save(&mut kernel::connect()?, &options, sink)
}

/// `ipvsadm-restore`: puts the rules on standard input into the place of the table.
pub(crate) fn restore(arguments: &[OsString], sink: &mut Sink) -> Result<(), Failure> {
    let mut how = How::default();
    let mut on_refusal = OnRefusal::GoOn;
    let mut clear = false;
    let mut words = arguments.iter();
    while let Some(word) = words.next() {
        match word.to_str() {
            Some("-h" | "--help") => {
                sink.text.extend_from_slice(RESTORE_USAGE.as_bytes());
                return Ok(());
            }
            Some("--atomic") => on_refusal = OnRefusal::Undo,
            Some("--clear") => clear = true,
            Some("--dry-run") => how.dry_run = true,
            Some("--wait") => how.wait = Some(seconds(words.next())?),
            // ipvsadm-restore 1.31 minded no word at all, and somebody may have relied on it. But
            // a long option can only be meant for this one.
            Some(long) if long.starts_with("--") => {
                return Err(wrong(&format!("{long}: unknown option")));
            }
            _ => {}
        }
    }
    let mut client = kernel::connect()?;
    // Without the right to change anything nothing is read.
    client.info()?;
    if !clear {
        return apply::restore(&mut client, on_refusal, how, sink);
    }
    // All of it is read before the table is cleared: the rules may come from an ipvsadm-save that
    // is reading the table still.
    let rules = read_all(None)?;
    let _lock = Lock::acquire(how.wait)?;
    client.flush()?;
    restore::restore(&mut client, &rules[..], sink)
}

fn seconds(word: Option<&OsString>) -> Result<u32, Failure> {
    word.and_then(|word| word.to_str()?.parse().ok())
        .ok_or_else(|| wrong("--wait: needs a number of seconds"))
}

fn wrong(what: &str) -> Failure {
    eprintln!("{what}\n{}", RESTORE_USAGE.trim_end());
    Failure::Reported(2)
}
