//! The help text.

use std::fmt::{self, Display};

use super::options::{Group, OPTIONS, OptionSpec, ValueKind};

/// How many columns help takes at most.
const WIDTH: usize = 80;
/// Where the explanation of an option begins.
const COLUMN: usize = 32;

/// How the program is used: every option, by groups, in at most 80 columns. It ends in a newline.
pub fn help() -> impl Display {
    Help
}

struct Help;

impl Display for Help {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Usage: ipvsadm COMMAND [OPTION]...\n")?;
        for group in Group::ALL {
            writeln!(f, "\n{}:", group.title())?;
            for row in OPTIONS.iter().filter(|row| row.group == *group) {
                option(f, row)?;
            }
        }
        f.write_str(
            "\nADDRESS is host[:port]: 192.0.2.1:80, [2001:db8::1]:80, www:http; without a\n\
             port, all ports. A value is the next word or glued on: -w 10, -w10, --weight=10.\n",
        )
    }
}

fn option(f: &mut fmt::Formatter<'_>, row: &OptionSpec) -> fmt::Result {
    let mut names = String::from("  ");
    for letter in row.short.into_iter().chain(row.short_alias) {
        names += &format!("-{letter}, ");
    }
    if row.short.is_none() {
        names += "    ";
    }
    names += &format!("--{}", row.long);
    names += &match row.value {
        ValueKind::None => String::new(),
        ValueKind::Required | ValueKind::Words(_) => format!(" {}", row.value_name),
        ValueKind::Optional => format!(" [{}]", row.value_name),
    };
    let mut line = names;
    if line.len() + 2 > COLUMN {
        writeln!(f, "{line}")?;
        line.clear();
    }
    line = format!("{line:COLUMN$}");
    for word in row.help.split(' ') {
        if line.len() + word.len() > WIDTH {
            writeln!(f, "{}", line.trim_end())?;
            line = " ".repeat(COLUMN);
        }
        line += word;
        line.push(' ');
    }
    writeln!(f, "{}", line.trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn help_names_every_option_and_fits_80_columns() {
        let text = help().to_string();
        for row in OPTIONS {
            assert!(text.contains(&format!("--{}", row.long)), "{}", row.id);
        }
        for line in text.lines() {
            assert!(line.len() <= WIDTH, "{line}");
            assert_eq!(line, line.trim_end());
        }
    }
}
