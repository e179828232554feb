//! The report: tables in Markdown.

use std::fmt::{self, Write as _};
use std::fs;
use std::process::Command;

use super::inside::{LISTINGS, LONG};
use super::record::Records;
use super::work::{Program, Quantity, Size, Work};

/// The conditions of the measurements.
pub(crate) struct Circumstances {
    pub(crate) kernel: String,
    processor: String,
    compiler: String,
    picture: String,
    rounds: String,
}

impl Circumstances {
    pub(crate) fn of_this_machine(kernel: String, name: &str, rounds: String) -> Circumstances {
        let information = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let model = information.lines().find_map(|line| line.strip_prefix("model name\t: "));
        let compiler = Command::new("rustc").arg("--version").output();
        Circumstances {
            kernel,
            processor: model.unwrap_or("an unknown processor").to_owned(),
            compiler: compiler.map_or_else(
                |_| "an unknown compiler".to_owned(),
                |output| String::from_utf8_lossy(&output.stdout).trim().to_owned(),
            ),
            picture: format!("{name}.svg"),
            rounds,
        }
    }
}

/// The whole report.
pub(crate) fn markdown(circumstances: &Circumstances, records: &Records) -> String {
    let mut text = String::new();
    // Writing to a string cannot fail.
    let _ = write(&mut text, circumstances, records);
    text
}

fn write(text: &mut String, circumstances: &Circumstances, records: &Records) -> fmt::Result {
    let Circumstances { kernel, processor, compiler, picture, rounds } = circumstances;
    writeln!(text, "# Measured on Linux {kernel}\n")?;
    writeln!(text, "Written by `make bench`; [performance.md](../performance.md) explains it.\n")?;
    writeln!(
        text,
        "{processor}; {compiler}. The best of {rounds} rounds, each with {LISTINGS} lists; above \
         {} rules one `-R` of the reference.\n",
        grouped(LONG.into())
    )?;
    writeln!(text, "![Time against the number of rules]({picture})\n")?;

    writeln!(text, "## Time\n")?;
    head(text, &["work", "ours", "reference", "floor", "reference ÷ ours", "ours ÷ floor"])?;
    for size in Size::TABLES {
        for work in [Work::Restore, Work::List, Work::Save] {
            times(text, records, work, size)?;
        }
    }
    times(text, records, Work::Connections, Size::CONNECTIONS)?;

    writeln!(text, "\n## Time against the number of rules\n")?;
    head(text, &["work, rules", "ours", "reference", "floor", "reference ÷ ours", "ours ÷ floor"])?;
    for work in [Work::Restore, Work::List] {
        for size in Size::CURVE {
            times(text, records, work, size)?;
        }
    }

    writeln!(text, "\n## A whole process that does little\n")?;
    head(text, &["work", "ours", "reference", "floor", "ours ÷ reference"])?;
    for quantity in [Quantity::Instructions, Quantity::SystemCalls] {
        for work in [Work::List, Work::Add] {
            counts(text, records, quantity, work, Size::EMPTY)?;
        }
    }

    writeln!(text, "\n## A small table\n")?;
    head(text, &["work", "ours", "reference", "floor", "ours ÷ reference"])?;
    for quantity in [Quantity::Instructions, Quantity::SystemCalls] {
        for work in [Work::Restore, Work::List, Work::Save] {
            counts(text, records, quantity, work, Size::SMALL)?;
        }
    }

    writeln!(text, "\n## Memory at the peak\n")?;
    head(text, &["work", "ours", "reference", "floor", "ours ÷ reference"])?;
    for size in Size::TABLES {
        for work in [Work::Restore, Work::List, Work::Save] {
            counts(text, records, Quantity::Memory, work, size)?;
        }
    }
    counts(text, records, Quantity::Memory, Work::Connections, Size::CONNECTIONS)
}

fn head(text: &mut String, columns: &[&str]) -> fmt::Result {
    writeln!(text, "| {} |", columns.join(" | "))?;
    writeln!(text, "|---|{}", "--:|".repeat(columns.len() - 1))
}

fn times(text: &mut String, records: &Records, work: Work, size: Size) -> fmt::Result {
    let ours = records.seconds(Program::Ours, work, size);
    let reference = records.seconds(Program::Reference, work, size);
    // The floor prints nothing, so saving would cost it what listing does.
    let floor_work = if work == Work::Save { Work::List } else { work };
    let floor = records.seconds(Program::Floor, floor_work, size);
    let ratio = |over: Option<f64>, under: Option<f64>| {
        over.zip(under).map_or("–".to_owned(), |(over, under)| format!("{:.2}", over / under))
    };
    let seconds =
        |time: Option<f64>| time.map_or("–".to_owned(), |time| format!("{:.1} ms", time * 1e3));
    writeln!(
        text,
        "| {} | {} | {} | {} | {} | {} |",
        title(work, size),
        seconds(ours),
        seconds(reference),
        seconds(floor),
        ratio(reference, ours),
        ratio(ours, floor),
    )
}

fn counts(
    text: &mut String,
    records: &Records,
    quantity: Quantity,
    work: Work,
    size: Size,
) -> fmt::Result {
    let [ours, floor, reference] =
        Program::ALL.map(|program| records.best(quantity, program, work, size));
    let number = |value: Option<u64>| value.map_or("–".to_owned(), grouped);
    let ratio = ours.zip(reference).map_or("–".to_owned(), |(ours, reference)| {
        format!("{:.2}", ours as f64 / reference as f64)
    });
    let unit = match quantity {
        Quantity::Time => " (ns)",
        Quantity::SystemCalls => " (system calls)",
        Quantity::Memory => " (KiB)",
        Quantity::Instructions => " (instructions)",
    };
    writeln!(
        text,
        "| {}{unit} | {} | {} | {} | {ratio} |",
        title(work, size),
        number(ours),
        number(reference),
        number(floor),
    )
}

fn title(work: Work, size: Size) -> String {
    match (work, size) {
        (Work::Add, _) => "one `-A`".to_owned(),
        (_, Size::EMPTY) => format!("`{work}`, empty table"),
        (Work::Connections, size) => {
            format!("`{work}`, {} connections", grouped(size.services.into()))
        }
        (_, size) => {
            format!("`{work}`, {} × {}", grouped(size.services.into()), size.servers)
        }
    }
}

/// `1,234,567`
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
