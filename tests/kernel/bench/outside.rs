//! Outside: starts a kernel that measures, and writes the report.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::{env, fs};

use super::picture;
use super::record::{Record, Records};
use super::report::{self, Circumstances};
use super::work::{Quantity, Size, Work};

/// The variable with the path of the floor.
const FLOOR: &str = "FLOOR";
const NAME: &str = "BENCH_NAME";
const ROUNDS: &str = "BENCH_ROUNDS";
const FOLDER: &str = "BENCH_FOLDER";

type Result<T> = std::result::Result<T, String>;

/// Measures, and writes the report.
pub(crate) fn run() -> ExitCode {
    match try_run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn try_run() -> Result<()> {
    let rounds = env::var(ROUNDS).unwrap_or_else(|_| "5".to_owned());
    let (kernel, records) = measure(&rounds)?;
    let own = rustix::system::uname().release().to_string_lossy() == kernel;
    let place = if own { "this-kernel" } else { "user-mode-linux" };
    let name = env::var(NAME).unwrap_or_else(|_| place.to_owned());
    let folder = env::var_os(FOLDER).map(PathBuf::from);
    let folder = folder.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/bench"));

    let circumstances = Circumstances::of_this_machine(kernel, &name, rounds);
    let report = report::markdown(&circumstances, &records);
    println!("\n{report}");
    let picture = picture::svg(&circumstances.kernel, &records);
    fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    for (ending, text) in [("md", report), ("svg", picture)] {
        let path = folder.join(format!("{name}.{ending}"));
        fs::write(&path, text).map_err(|error| format!("{}: {error}", path.display()))?;
        println!("{}", path.display());
    }
    Ok(())
}

/// The kernel's release, and everything measured on it.
fn measure(rounds: &str) -> Result<(String, Records)> {
    let own = env::current_exe().map_err(|error| format!("this program's own file: {error}"))?;
    let mut child = Command::new(own)
        .args(["--measure", rounds])
        .args(visible_floor()?)
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|error| format!("cannot measure: {error}"))?;
    let output = child.stdout.take().ok_or("there is no output")?;
    let mut kernel = String::new();
    let mut records = Records::default();
    for line in BufReader::new(output).lines() {
        let line = line.map_err(|error| error.to_string())?;
        if let Some(release) = line.strip_prefix("kernel\t") {
            kernel = release.trim_end().to_owned();
        } else if let Ok(record) = line.parse::<Record>() {
            eprintln!("{}", sentence(&record));
            records.0.push(record);
        } else {
            eprintln!("{line}");
        }
    }
    match child.wait() {
        Ok(status) if status.success() => Ok((kernel, records)),
        Ok(status) => Err(format!("measuring ended: {status}")),
        Err(error) => Err(error.to_string()),
    }
}

/// The floor, copied into a folder that is visible inside too, where `/tmp` is another one.
fn visible_floor() -> Result<Option<PathBuf>> {
    let Some(floor) = env::var_os(FLOOR).filter(|floor| !floor.is_empty()).map(PathBuf::from)
    else {
        return Ok(None);
    };
    let copy = Path::new(env!("CARGO_TARGET_TMPDIR")).join("floor");
    if floor.canonicalize().ok() != copy.canonicalize().ok() {
        fs::copy(&floor, &copy).map_err(|error| format!("{}: {error}", floor.display()))?;
    }
    Ok(Some(copy))
}

fn sentence(record: &Record) -> String {
    let Record { quantity, program, work, size, value } = record;
    let what = match (work, *size) {
        (_, Size::EMPTY) => format!("{work}, empty table"),
        (Work::Connections, size) => format!("{work}, {} connections", size.services),
        (_, size) => format!("{work}, {} services with {} servers", size.services, size.servers),
    };
    let value = match quantity {
        Quantity::Time => format!("{:.3} s", *value as f64 / 1e9),
        Quantity::SystemCalls => format!("{value} system calls"),
        Quantity::Memory => format!("{value} KiB"),
        Quantity::Instructions => format!("{value} instructions"),
    };
    format!("{program:10} {value:>24}  {what}")
}
