//! `ipvsadm-save` and `ipvsadm-restore`: this program under other names.
//!
//! Both are shell scripts in ipvsadm 1.31, and existing callers rely on what these silently accept:
//! `ipvsadm-restore` ignores its arguments.

mod refused;

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::error::ErrorKind;
use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};
use ipvs::Client;
use ipvs::rules::grammar::{Execution, SaveOptions};

use crate::commands::replace::{ReplaceOptions, Strategy, replace};
use crate::commands::save;
use crate::kernel::connect::{Loading, connect};
use crate::process::Sink;
use crate::process::failure::{self, Failure, status};
use crate::process::notice::say;
use crate::process::replace_file::OutputFile;
use crate::process::signals::Signals;

/// The width of the help texts.
const WIDTH: usize = 80;

/// A place after all other options in help.
const LAST: usize = 100;

/// `ipvsadm-save`: prints the table as rules.
pub(crate) fn save(arguments: &[OsString], sink: &mut Sink) -> Result<(), Failure> {
    // Like ipvsadm-save 1.31, for which -h is wrong usage: rules alone go to standard output.
    let matches = save_command().try_get_matches_from(arguments).map_err(|error| {
        match error.kind() {
            ErrorKind::DisplayHelp => say(error.render().to_string().trim_end()),
            _ => say(refused::message(&error)),
        }
        Failure::Reported(status::SAVE_USAGE)
    })?;
    enter_namespace(&matches)?;
    let options = SaveOptions {
        numeric: matches.get_flag("numeric"),
        all: matches.get_flag("all"),
        json: matches.get_flag("json"),
    };
    let mut client = connect(Loading::IfMissing)?;
    match matches.get_one::<PathBuf>("file") {
        Some(path) if path.as_os_str() != "-" => save_to(path, &mut client, &options),
        _ => save::save(&mut client, &options, sink),
    }
}

/// Saves to a file, which is replaced only once everything is in the new one.
fn save_to(path: &Path, client: &mut Client, options: &SaveOptions) -> Result<(), Failure> {
    let unwritable = |error| {
        Failure::Other(failure::plain(error).context(format!("cannot write {}", path.display())))
    };
    let file = OutputFile::create(path).map_err(unwritable)?;
    // Or the new file would be left beside the previous one.
    let signals = file.is_replacement().then(Signals::watch);
    let mut sink = Sink::to(file.writer().map_err(unwritable)?);
    let saved = save::save(client, options, &mut sink);
    let flushed = saved.and_then(|()| sink.flush().map_err(Failure::Output));
    flushed.map_err(|failure| match failure {
        Failure::Output(error) => unwritable(error),
        failure => failure,
    })?;
    if let Some(signal) = signals.and_then(|signals| signals.arrived()) {
        return Err(Failure::Signal(signal));
    }
    file.finish().map_err(unwritable)
}

pub(crate) fn save_command() -> Command {
    base("ipvsadm-save")
        .about("Print the IPVS table as rules, which ipvsadm-restore reads.")
        .override_usage("ipvsadm-save [OPTION]... [FILE]")
        .args([
            flag("numeric", "print addresses and ports as numbers, not names").short('n'),
            flag("all", "save timeouts, settings and sync daemons too").long("all"),
            flag("json", "print JSON, which `ipvsadm --apply` reads").long("json"),
            netns(),
            Arg::new("file")
                .value_name("FILE")
                .value_parser(value_parser!(PathBuf))
                .help("write to this file, which is replaced only once everything is saved"),
        ])
}

/// `ipvsadm-restore`: puts the rules on standard input in place of the table.
pub(crate) fn restore(arguments: &[OsString], sink: &mut Sink) -> Result<(), Failure> {
    let matches = match restore_command().try_get_matches_from(arguments) {
        Ok(matches) => matches,
        Err(error) if error.kind() == ErrorKind::DisplayHelp => {
            sink.text.extend_from_slice(error.render().to_string().as_bytes());
            return Ok(());
        }
        Err(error) => {
            say(refused::message(&error));
            return Err(Failure::Reported(status::SENSELESS));
        }
    };
    enter_namespace(&matches)?;
    let strategy = match (matches.get_flag("atomic"), matches.get_flag("clear")) {
        (true, _) => Strategy::Atomic,
        (_, true) => Strategy::Clear,
        _ => Strategy::BestEffort,
    };
    let options = ReplaceOptions { strategy, keep_weights: matches.get_flag("keep-weights") };
    let execution = Execution {
        dry_run: matches.get_flag("dry-run"),
        wait: matches.get_one::<u32>("wait").copied(),
    };
    replace(&mut connect(Loading::IfMissing)?, options, execution, sink)
}

pub(crate) fn restore_command() -> Command {
    base("ipvsadm-restore")
        .about(
            "Replace the IPVS table with the rules on standard input. Only what differs is \
             changed, so everything else keeps its connections. If a rule makes no sense, nothing \
             is changed; a rule the kernel refuses is reported, and the rest are applied.",
        )
        .override_usage("ipvsadm-restore [OPTION]... < RULES")
        .args([
            flag("atomic", "undo everything if the kernel refuses a rule").long("atomic"),
            flag(
                "clear",
                "clear the table first, then run the rules one by one, as ipvsadm-restore 1.31 does",
            )
            .long("clear")
            .conflicts_with_all(["atomic", "keep-weights"]),
            flag("keep-weights", "keep the weights of existing real servers").long("keep-weights"),
            flag("dry-run", "print the changes as rules without making them")
                .long("dry-run"),
            Arg::new("wait")
                .long("wait")
                .value_name("SECONDS")
                .value_parser(value_parser!(u32))
                .help("wait at most this long for another command that is changing the table (default: no limit)"),
            netns(),
            // Ignored, as in 1.31. An unknown long option is an error: it must be meant for us.
            flag("letters", "").short('a').short_aliases(other_letters()).hide(true),
            Arg::new("words")
                .hide(true)
                .action(ArgAction::Append)
                .value_parser(value_parser!(OsString)),
        ])
}

/// Every possible short option except those with a meaning.
fn other_letters() -> impl IntoIterator<Item = char> {
    ('!'..='~').filter(|letter| !matches!(letter, '-' | 'a' | 'h'))
}

fn base(name: &'static str) -> Command {
    Command::new(name)
        .no_binary_name(true)
        // Every option may be repeated.
        .args_override_self(true)
        .term_width(WIDTH)
        .disable_help_flag(true)
        .arg(
            Arg::new("help")
                .short('h')
                .long("help")
                .action(ArgAction::Help)
                .help("show this help")
                .display_order(LAST),
        )
}

fn flag(name: &'static str, help: &'static str) -> Arg {
    Arg::new(name).action(ArgAction::SetTrue).help(help)
}

fn netns() -> Arg {
    Arg::new("netns")
        .long("netns")
        .value_name("NAMESPACE")
        .help("work in this network namespace: a name, a path or a process ID")
}

/// To be called before any other thread starts, since it moves only this thread.
fn enter_namespace(matches: &ArgMatches) -> Result<(), Failure> {
    match matches.get_one::<String>("netns") {
        Some(namespace) => Ok(ipvs::Namespace::find(namespace)?.enter()?),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn restore_takes(words: &str) -> Result<ArgMatches, ErrorKind> {
        let words = words.split_whitespace();
        restore_command().try_get_matches_from(words).map_err(|error| error.kind())
    }

    #[test]
    fn the_clap_commands_are_sound() {
        save_command().debug_assert();
        restore_command().debug_assert();
    }

    #[test]
    fn the_manual_pages_name_every_option() {
        let pages = [
            (save_command(), include_str!("../../../docs/ipvsadm-save.8")),
            (restore_command(), include_str!("../../../docs/ipvsadm-restore.8")),
        ];
        for (command, page) in pages {
            for arg in command.get_arguments().filter(|arg| !arg.is_hide_set()) {
                let Some(long) = arg.get_long() else { continue };
                let item = page.lines().any(|line| {
                    line.starts_with(".It Fl")
                        && line.split(' ').any(|word| word == format!("-{long}"))
                });
                assert!(item, "--{long} is not in the manual of {}", command.get_name());
            }
        }
    }

    #[test]
    fn restore_ignores_what_it_does_not_know_unless_it_is_a_long_option() {
        for words in ["foo", "-", "-n", "-x5 -n=3 -abc", "-4", "foo bar -q baz", "-n -n", "-- --x"]
        {
            assert!(restore_takes(words).is_ok(), "{words}");
        }
        let matches = restore_takes("foo -n --atomic bar -q --wait=5").expect("both are known");
        assert!(matches.get_flag("atomic"));
        assert_eq!(matches.get_one::<u32>("wait"), Some(&5));
        for words in
            ["--numeric", "--atomic=5", "--atomic --clear", "--wait", "--wait x", "--wait -1"]
        {
            assert!(restore_takes(words).is_err(), "{words}");
        }
        for words in ["-h", "--help", "foo -n --help"] {
            assert_eq!(restore_takes(words).err(), Some(ErrorKind::DisplayHelp), "{words}");
        }
    }
}
