//! Guesses at what was meant by a wrong command line, for error messages.

use super::address::Endpoint;
use super::options::{CommandSet, Group, OPTIONS, OptionId, OptionSpec};

/// For an option without a command: the commands that it belongs to, and an example.
pub(super) fn missing_command(option: OptionId) -> String {
    let row = option.spec();
    let names: Vec<String> =
        OPTIONS.iter().filter(|it| row.commands.contains(it.id)).map(shortest).collect();
    let is_subject = matches!(row.group, Group::Service | Group::Server);
    let lists = row.commands.contains(OptionId::List) && !is_subject;
    let command = match names.first() {
        Some(first) if !lists => first.as_str(),
        _ => "-L",
    };
    let example = format!("as in `ipvsadm {command} {option}`");
    let takers = match names.as_slice() {
        // Nearly every command takes it.
        _ if row.commands == CommandSet::ALL => None,
        [.., _] if row.group == Group::Program && names.len() > 5 => None,
        [] => None,
        [only] => Some(only.clone()),
        [before @ .., last] => Some(format!("{} and {last}", before.join(", "))),
    };
    match (row.group, takers) {
        // These need not follow the command, but need one.
        (Group::Program, Some(takers)) => {
            format!("the command is missing; an option of {takers}, {example}")
        }
        (Group::Program, None) => format!("the command is missing, {example}"),
        (_, Some(takers)) => {
            format!("an option of {takers}; the command must come first, {example}")
        }
        (_, None) => format!("the command must come first, {example}"),
    }
}

/// `-L`, or `--apply` for a command without a letter.
fn shortest(command: &OptionSpec) -> String {
    match command.short {
        Some(letter) => format!("-{letter}"),
        None => format!("--{}", command.long),
    }
}

/// What to write instead of a word that belongs to no option; nothing if there is no guess.
pub(super) fn stray_word(word: &str, command: OptionId) -> String {
    if command == OptionId::Restore {
        return format!("; rules come on standard input: ipvsadm -R < {word}");
    }
    let takes_service = OptionId::TcpService.spec().commands.contains(command);
    let is_address = |endpoint: &Endpoint<'_>| endpoint.has_address();
    if takes_service && Endpoint::parse(word.as_bytes()).as_ref().is_ok_and(is_address) {
        return "; an option must say what the address is: -t, -u, --sctp-service or -r".to_owned();
    }
    String::new()
}

/// `; did you mean --stats?` for a misspelt long option; otherwise nothing.
pub(super) fn meant_option(word: &str) -> String {
    match likely_option(word) {
        Some(option) => format!("; did you mean {option}?"),
        None => String::new(),
    }
}

fn likely_option(word: &str) -> Option<OptionId> {
    let typed = word.trim_start_matches('-').split('=').next().filter(|typed| typed.len() > 2)?;
    let named = |long: &str| OptionId::by_long(long.as_bytes());
    // A single dash before a long option is a slip of its own.
    if !word.starts_with("--") {
        return named(typed);
    }
    let mut begun = OPTIONS.iter().filter(|row| row.long.starts_with(typed));
    if let (Some(only), None) = (begun.next(), begun.next()) {
        return Some(only.id);
    }
    likely(typed, OPTIONS.iter().map(|row| row.long)).and_then(named)
}

/// The word that was probably meant: the first that differs in the fewest letters, if those are
/// few.
pub fn likely<'a>(typed: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let (distance, nearest) = known
        .map(|known| (strsim::osa_distance(typed, known), known))
        .min_by_key(|found| found.0)?;
    (distance <= (nearest.len() / 3).max(1)).then_some(nearest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn misspelt_options_are_recognized() {
        for (word, want) in [
            ("--stat", Some(OptionId::Stats)),
            ("--sats", Some(OptionId::Stats)),
            ("--wieght=5", Some(OptionId::Weight)),
            ("--num", Some(OptionId::Numeric)),
            ("--ad-service", Some(OptionId::AddService)),
            ("-json", Some(OptionId::Json)),
            ("--persistant", Some(OptionId::Persistent)),
            // More than one begins so, and none is near.
            ("--mcast", None),
            ("--zzz", None),
            ("-z", None),
            ("--", None),
            ("-Lz", None),
        ] {
            assert_eq!(likely_option(word), want, "{word}");
        }
    }

    #[test]
    fn options_before_a_command_name_theirs() {
        for (option, want) in [
            (
                OptionId::Stats,
                "--stats: an option of -L; the command must come first, as in `ipvsadm -L --stats`",
            ),
            (
                OptionId::Numeric,
                "--numeric: an option of -S and -L; the command must come first, as in `ipvsadm \
                 -L --numeric`",
            ),
            (OptionId::Sort, "--sort: the command must come first, as in `ipvsadm -L --sort`"),
            (
                OptionId::Weight,
                "--weight: an option of -a, -e and --ramp; the command must come first, as in \
                 `ipvsadm -a --weight`",
            ),
            (
                OptionId::RealServer,
                "--real-server: an option of -a, -e, -d, -L, --drain, --undrain, --kick and --ramp; \
                 the command must come first, as in `ipvsadm -a --real-server`",
            ),
            (
                OptionId::TcpService,
                "--tcp-service: an option of -A, -E, -D, -a, -e, -d, -L, -Z, --drain, --undrain, \
                 --kick, --ramp and --doctor; the command must come first, as in `ipvsadm -A \
                 --tcp-service`",
            ),
            (
                OptionId::NoLoad,
                "--no-load: the command is missing; an option of -S, -L, --monitor, --diff \
                 and --doctor, as in `ipvsadm -L --no-load`",
            ),
            (
                OptionId::AllowEmpty,
                "--allow-empty: the command is missing; an option of --apply, as in `ipvsadm \
                 --apply --allow-empty`",
            ),
            (OptionId::Netns, "--netns: the command is missing, as in `ipvsadm -L --netns`"),
        ] {
            assert_eq!(format!("{option}: {}", missing_command(option)), want);
        }
    }

    #[test]
    fn a_stray_word_comes_with_a_guess_at_its_place() {
        let address = "; an option must say what the address is: -t, -u, --sctp-service or -r";
        for (word, command, want) in [
            ("rules", OptionId::Restore, "; rules come on standard input: ipvsadm -R < rules"),
            ("10.0.0.1:80", OptionId::AddService, address),
            ("[2001:db8::1]:80", OptionId::AddServer, address),
            ("2001:db8::1", OptionId::List, address),
            ("foo", OptionId::List, ""),
            ("tcp", OptionId::AddService, ""),
            ("10.0.0.1", OptionId::Clear, ""),
        ] {
            assert_eq!(stray_word(word, command), want, "{word}");
        }
    }
}
