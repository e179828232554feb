//! Every command with every option, every pair of options, and every spelling.

use ipvs::rules::grammar::{Group, OptionId, OptionSpec, Repeat, ValueKind};

use super::options::{
    commands, complete, given, lists_more_here, long, sample, shared, table, with,
};
use super::pair::{Differences, Line, Pair};
use crate::harness::KernelTest;

pub(crate) fn tests() -> Vec<KernelTest> {
    crate::tests![
        every_command_takes_and_refuses_the_same_options,
        every_pair_of_options_goes_together_or_not_alike,
        every_spelling_of_an_option_reads_alike,
    ]
}

/// The way lines reach the programs.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// Each line starts them.
    Arguments,
    /// One line in five starts them; the others are rules, where a rule can say them. A start takes
    /// a tenth of a second on an emulated kernel.
    Sampled,
    /// As rules, where a rule can say the line.
    Rules,
}

/// Compares these lines, each on the same table.
pub(crate) fn compare_all(way: Way, lines: impl IntoIterator<Item = Line>, at_least: usize) {
    let mut pair = Pair::new();
    let table = table();
    let mut differences = Differences::default();
    for (place, line) in lines.into_iter().filter(|line| !lists_more_here(line)).enumerate() {
        pair.reset(&table);
        let starts = match way {
            Way::Arguments => true,
            Way::Sampled => place.is_multiple_of(5),
            Way::Rules => false,
        };
        let both = differences.note(match starts {
            true => pair.compare(&line),
            false => pair.compare_as_rule(&line),
        });
        // Now and then by the reference's own listing, as the library might not see everything.
        if both.is_some() && differences.compared().is_multiple_of(100) {
            let listings = pair.compare_listings();
            differences.note(listings.map_err(|error| format!("{line}\n{error}")));
        }
    }
    differences.none_of(at_least);
}

fn every_command_takes_and_refuses_the_same_options() {
    let mut lines = Vec::new();
    for command in commands() {
        let line = complete(command);
        lines.push(line.clone());
        // With everything the command needs, and with none of it.
        let bare: Vec<_> = match command.spec().value {
            ValueKind::None => vec![line.words[0].clone()],
            _ => line.words[..2].to_vec(),
        };
        let bare = Line { words: bare, input: Vec::new() };
        for option in shared() {
            lines.push(with(&line, given(option)));
            if bare.words != line.words && is_needed(option) && option.commands.contains(command) {
                lines.push(with(&bare, given(option)));
            }
        }
        lines.push(with(&line, ["word"]));
        lines.push(with(&line, ["--zzz"]));
        lines.push(bare);
    }
    compare_all(Way::Sampled, lines, 14 * 45);
}

/// True if a command may need the option.
fn is_needed(option: &OptionSpec) -> bool {
    option.group == Group::Service || option.id == OptionId::RealServer
}

fn every_pair_of_options_goes_together_or_not_alike() {
    let mut lines = Vec::new();
    for command in [
        OptionId::AddService,
        OptionId::AddServer,
        OptionId::List,
        OptionId::StartDaemon,
        OptionId::Save,
    ] {
        let (line, bases): (Line, &[&str]) = match command {
            // Any service or server will do; the pair follows it.
            OptionId::AddServer => (complete(command), &["", "-i"]),
            OptionId::StartDaemon => (Line::split("--start-daemon master"), &[""]),
            OptionId::AddService => (Line::split("-A"), &["-t 10.0.0.2:80", "-f 9"]),
            _ => (Line::split(&format!("--{}", command.long())), &[""]),
        };
        let legal: Vec<_> = shared()
            .filter(|option| option.commands.contains(command))
            .filter(|option| option.id != OptionId::Sort)
            .filter(|option| command == OptionId::List || option.repeat != Repeat::OneService)
            .filter(|option| option.id != OptionId::RealServer && option.id != OptionId::Ipv6)
            .collect();
        for base in bases {
            let line = with(&line, base.split(' ').filter(|word| !word.is_empty()));
            for (index, first) in legal.iter().enumerate() {
                for second in &legal[index..] {
                    lines.push(with(&line, given(first).into_iter().chain(given(second))));
                }
            }
        }
    }
    compare_all(Way::Rules, lines, 300);
}

fn every_spelling_of_an_option_reads_alike() {
    let mut lines = Vec::new();
    for option in shared().filter(|option| !option.id.is_command()) {
        let Some(command) = commands().find(|command| option.commands.contains(*command)) else {
            panic!("{} belongs to no command", option.id);
        };
        let base = match (option.repeat, command) {
            (Repeat::OneService, _) | (_, OptionId::List) => {
                Line::split(&format!("--{}", command.long()))
            }
            (_, OptionId::AddServer) if option.id == OptionId::RealServer => {
                Line::split("-a -t 10.0.0.1:80")
            }
            (_, OptionId::AddServer) if option.long.starts_with("tun-") => {
                Line::split("-a -t 10.0.0.1:80 -r 10.1.0.3:80 -i")
            }
            (_, OptionId::StartDaemon) => Line::split("--start-daemon master"),
            _ => complete(command),
        };
        let value = sample(option).unwrap_or("5");
        let long = long(option);
        let mut spellings = vec![
            vec![long.clone(), value.to_owned()],
            vec![long.clone()],
            vec![format!("{long}={value}")],
            vec![format!("{long}=")],
            vec![long[..long.len() - 1].to_owned(), value.to_owned()],
            vec![format!("{long}x"), value.to_owned()],
            vec![long.clone(), String::new()],
            vec![long.clone(), "-n".to_owned()],
            vec![long.clone(), "-".to_owned()],
            vec![long.clone(), "--".to_owned(), value.to_owned()],
            vec![long.to_uppercase(), value.to_owned()],
        ];
        for letter in option.short.into_iter().chain(option.short_alias) {
            let short = format!("-{letter}");
            spellings.extend([
                vec![short.clone(), value.to_owned()],
                vec![format!("{short}{value}")],
                vec![format!("{short}={value}")],
                vec![format!("{short}=")],
                vec![format!("{short}-n")],
                vec![format!("-{short}"), value.to_owned()],
            ]);
            // The command and the option in one word.
            if let (Some(first), [_]) = (command.spec().short, base.words.as_slice()) {
                lines.push(Line::of([format!("-{first}{letter}"), value.to_owned()]));
                lines.push(Line::of([format!("-{first}{letter}{value}")]));
                lines.push(Line::of([format!("-{first}{letter}={value}")]));
                lines.push(Line::of([format!("-{first}{letter}")]));
                lines.push(Line::of([format!("-{first}n{letter}"), value.to_owned()]));
            }
        }
        lines.extend(spellings.into_iter().map(|words| with(&base, words)));
    }
    for command in commands() {
        let base = complete(command);
        let rest: Vec<_> = base.words[1..].to_vec();
        let row = command.spec();
        let mut names = vec![
            format!("--{}", row.long),
            format!("--{}=", row.long),
            format!("--{}=x", row.long),
        ];
        names.extend(row.short.into_iter().chain(row.short_alias).flat_map(|letter| {
            [format!("-{letter}"), format!("-{letter}{letter}"), format!("-{letter}=")]
        }));
        names.push(format!("-{}", row.long));
        names.push(format!("--{}", &row.long[..row.long.len() - 1]));
        for name in names {
            let mut line = Line::of([name]);
            line.words.extend(rest.clone());
            lines.push(line);
        }
    }
    for line in [
        "-Ln", "-lcn", "-lnc", "-ln", "-LnX", "-LXn", "-LnZ", "-Sn", "-SnX", "-nL", "-Lq", "-Lnq",
        "-Lqn",
    ] {
        lines.push(Line::split(line));
    }
    compare_all(Way::Rules, lines, 400);
}
