//! Loads rules from standard input, many with each system call. A rule the kernel refuses is
//! reported with the number of its line, and the others are applied: as at boot, when one bad
//! service should not keep all the others from serving.
//!
//! ```text
//! cargo build --example load
//! sudo ipvsadm -S -n >rules
//! sudo target/debug/examples/load <rules
//! ```
//!
//! A line that is not a rule ends the program before anything has been changed. The status is 0 if
//! the kernel accepted every rule, 1 if it refused one, and 2 after any other error.

use std::error::Error;
use std::io;
use std::process::ExitCode;
use std::time::Instant;

use ipvs::rules::{Line, Lines};
use ipvs::{Change, Client};

fn main() -> ExitCode {
    match run() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("load: {error}");
            ExitCode::from(2)
        }
    }
}

/// Returns true if the kernel accepted every rule.
fn run() -> Result<bool, Box<dyn Error>> {
    let rules = read_rules()?;
    let mut client = Client::new()?;

    let start = Instant::now();
    let mut batch = client.batch();
    for (line, change) in &rules {
        // The tag comes back with a refusal, and says which change it was.
        batch.push((*line, change), change)?;
    }
    // Without this the last refusals would be lost.
    let refused = batch.finish()?;
    let seconds = start.elapsed().as_secs_f64();

    for ((line, change), refusal) in &refused {
        // The text is that of `ipvsadm`. A program would match on `refusal.kind()`.
        eprintln!("line {line}: {}: {}", Line::new(change)?, refusal);
    }
    let accepted = rules.len() - refused.len();
    println!("{accepted} of {} rules applied in {seconds:.3} s", rules.len());
    Ok(refused.is_empty())
}

/// The rules with the numbers of their lines.
fn read_rules() -> Result<Vec<(u64, Change)>, Box<dyn Error>> {
    let mut rules = Vec::new();
    for line in Lines::new(io::stdin().lock()) {
        let line = line.map_err(|error| format!("standard input: {error}"))?;
        let change = line.change.map_err(|error| format!("line {}: {error}", line.number))?;
        rules.push((line.number, change));
    }
    Ok(rules)
}
