//! `ipvsadm-save` and `ipvsadm-restore`, which are this program under other names.

use std::ffi::OsString;

use anyhow::anyhow;
use ipvs::rules::SaveOptions;

use crate::commands::Conditions;
use crate::commands::replace::{ReplaceOptions, Strategy, replace};
use crate::commands::save;
use crate::kernel;
use crate::process::Sink;
use crate::process::failure::Failure;
use crate::process::notice::say;

const SAVE_USAGE: &str = "\
usage: ipvsadm-save [-n] [--netns NAMESPACE]
Prints the IPVS table as rules that ipvsadm-restore reads.
  -n                 addresses and ports as numbers, not as names
  --netns NAMESPACE  that of another network namespace: its name, path or a process in it";

const RESTORE_USAGE: &str = "\
usage: ipvsadm-restore [OPTION]... < RULES
Puts the rules on standard input into the place of the IPVS table. Only what
differs is changed, so that all other connections go on. If a rule makes no sense
nothing is changed; a rule that the kernel refuses is told, and the rest goes on.
  --atomic           if the kernel refuses a rule, undo all the others
  --clear            remove all services first and then add line by line, as
                     ipvsadm-restore 1.31 did
  --dry-run          show the rules that would be carried out, and do nothing
  --netns NAMESPACE  in another network namespace: its name, path or a process in it
  --wait SECONDS     wait so long at most for another that changes the table
  -h, --help         show this
";

/// `ipvsadm-save`: the table as rules.
pub(crate) fn save(arguments: &[OsString], sink: &mut Sink) -> Result<(), Failure> {
    let usage = || Failure::Other(anyhow!("{SAVE_USAGE}"));
    let mut numeric = false;
    let mut words = Words(arguments.iter());
    while let Some((word, value)) = words.next() {
        match word {
            "-n" => numeric = true,
            "--netns" => {
                let namespace = words.value(value).ok_or_else(usage)?;
                ipvs::Namespace::find(namespace)?.enter()?;
            }
            // A word that is no option was never minded.
            word if !word.starts_with('-') => {}
            _ => return Err(usage()),
        }
    }
    let options = SaveOptions { numeric, ..SaveOptions::default() };
    save::save(&mut kernel::connect::connect()?, &options, sink)
}

/// What `ipvsadm-restore` was asked for.
#[derive(Default)]
struct Restore<'a> {
    atomic: bool,
    clear: bool,
    conditions: Conditions,
    namespace: Option<&'a str>,
}

/// `ipvsadm-restore`: puts the rules on standard input into the place of the table.
pub(crate) fn restore(arguments: &[OsString], sink: &mut Sink) -> Result<(), Failure> {
    let mut options = Restore::default();
    let mut words = Words(arguments.iter());
    while let Some((word, value)) = words.next() {
        match word {
            flag if value.is_some() && !["--wait", "--netns"].contains(&flag) => {
                return Err(wrong(&format!("{flag}: unknown option, or one that takes no value")));
            }
            "-h" | "--help" => {
                sink.text.extend_from_slice(RESTORE_USAGE.as_bytes());
                return Ok(());
            }
            "--atomic" => options.atomic = true,
            "--clear" => options.clear = true,
            "--dry-run" => options.conditions.dry_run = true,
            "--wait" => {
                let seconds = words.value(value).and_then(|word| word.parse().ok());
                let problem = "--wait: needs a number of seconds";
                options.conditions.wait = Some(seconds.ok_or_else(|| wrong(problem))?);
            }
            "--netns" => {
                let namespace = words.value(value);
                let problem = "--netns: needs a network namespace";
                options.namespace = Some(namespace.ok_or_else(|| wrong(problem))?);
            }
            // ipvsadm-restore 1.31 minded no word at all, and somebody may have relied on it. But
            // a long option can only be meant for this one.
            long if long.starts_with("--") => {
                return Err(wrong(&format!("{long}: unknown option")));
            }
            _ => {}
        }
    }
    if options.atomic && options.clear {
        return Err(wrong("--atomic: cannot go with --clear, which cannot be undone"));
    }
    carry_out(&options, sink)
}

fn carry_out(options: &Restore<'_>, sink: &mut Sink) -> Result<(), Failure> {
    if let Some(namespace) = options.namespace {
        ipvs::Namespace::find(namespace)?.enter()?;
    }
    let mut client = kernel::connect::connect()?;
    let strategy = match (options.atomic, options.clear) {
        (true, _) => Strategy::Atomic,
        (_, true) => Strategy::Clear,
        _ => Strategy::BestEffort,
    };
    let replaced = ReplaceOptions { strategy, ..ReplaceOptions::default() };
    replace(&mut client, replaced, options.conditions, sink)
}

/// The words of a command line: each with what stands behind its `=`, if it is a long option.
struct Words<'a>(std::slice::Iter<'a, OsString>);

impl<'a> Words<'a> {
    /// The value of an option: what is glued to it, or else the next word.
    fn value(&mut self, glued: Option<&'a str>) -> Option<&'a str> {
        glued.or_else(|| self.0.next()?.to_str())
    }
}

impl<'a> Iterator for Words<'a> {
    type Item = (&'a str, Option<&'a str>);

    fn next(&mut self) -> Option<Self::Item> {
        // No option is other than UTF-8.
        let word = self.0.next()?.to_str().unwrap_or_default();
        match word.split_once('=').filter(|_| word.starts_with("--")) {
            Some((option, value)) => Some((option, Some(value))),
            None => Some((word, None)),
        }
    }
}

fn wrong(what: &str) -> Failure {
    say(format_args!("{what}\n{}", RESTORE_USAGE.trim_end()));
    Failure::Reported(2)
}
