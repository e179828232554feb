//! Inside: measures, and prints one record a line.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use super::record::Record;
use super::work::{Program, Quantity, Size, Work};
use crate::netns::Netns;
use crate::program;

/// The number of lists in each round.
pub(super) const LISTINGS: usize = 3;

/// The number of rules above which the reference runs only once.
pub(super) const LONG: u32 = 11_000;

/// A shell command that makes `$@` see made-up connections instead of the kernel's.
const WITH_CONNECTIONS: &str = "\
    mount -t tmpfs none /proc && mkdir -p /proc/net /proc/thread-self && \
    ln -s ../net /proc/thread-self/net && ln -s /tmp/connections /proc/net/ip_vs_conn && \
    exec \"$@\"";

/// The arguments are the number of rounds, and the path of the floor, if there is one.
pub(crate) fn run(arguments: &[OsString]) -> ExitCode {
    let rounds = arguments.first().and_then(|rounds| rounds.to_str()?.parse().ok());
    let Some(rounds) = rounds else {
        eprintln!("how many rounds?");
        return ExitCode::FAILURE;
    };
    let floor = arguments.get(1).map(PathBuf::from);
    let bench = Bench { rounds, floor, still_there: services() };
    match bench.everything() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

type Result<T> = std::result::Result<T, String>;

struct Bench {
    /// The number of times that each size is measured.
    rounds: u32,
    floor: Option<PathBuf>,
    /// The number of services in namespaces that are not the benchmark's.
    still_there: u64,
}

impl Bench {
    fn everything(&self) -> Result<()> {
        println!("kernel\t{}", rustix::system::uname().release().to_string_lossy());
        self.whole_process()?;
        self.small_table()?;
        for size in Size::TABLES.iter().chain(&Size::CURVE[..Size::CURVE.len() - 1]) {
            self.times(*size)?;
        }
        for size in Size::TABLES {
            self.memory(size)?;
        }
        self.connections()
    }

    /// The cost of a start: one small command, from the first instruction to the last.
    fn whole_process(&self) -> Result<()> {
        for (program, path) in self.programs() {
            let netns = Netns::new();
            for work in [Work::List, Work::Add] {
                self.count(&netns, Quantity::SystemCalls, program, &path, work, Size::EMPTY)?;
                self.empty(&netns)?;
                self.count(&netns, Quantity::Instructions, program, &path, work, Size::EMPTY)?;
                self.empty(&netns)?;
            }
        }
        Ok(())
    }

    /// Exact counts, with a table that is large enough for rules to matter, and small enough for
    /// the programs that count.
    fn small_table(&self) -> Result<()> {
        let size = Size::SMALL;
        write("/tmp/rules", size.text())?;
        for (program, path) in self.programs() {
            let netns = Netns::new();
            for work in [Work::Restore, Work::List, Work::Save] {
                self.count(&netns, Quantity::SystemCalls, program, &path, work, size)?;
            }
            self.empty(&netns)?;
            for work in [Work::Restore, Work::List, Work::Save] {
                self.count(&netns, Quantity::Instructions, program, &path, work, size)?;
            }
        }
        self.settle();
        Ok(())
    }

    fn times(&self, size: Size) -> Result<()> {
        write("/tmp/rules", size.text())?;
        for round in 0..self.rounds {
            for (program, path) in self.programs() {
                let netns = Netns::new();
                if program == Program::Reference && size.rules() > LONG && round > 0 {
                    self.fill(&netns)?;
                } else {
                    self.time(&netns, program, &path, Work::Restore, size)?;
                }
                for work in [[Work::List, Work::Save]; LISTINGS].concat() {
                    self.time(&netns, program, &path, work, size)?;
                }
                drop(netns);
                self.settle();
            }
        }
        Ok(())
    }

    fn memory(&self, size: Size) -> Result<()> {
        write("/tmp/rules", size.text())?;
        for (program, path) in self.programs() {
            let netns = Netns::new();
            if program == Program::Reference && size.rules() > LONG {
                self.fill(&netns)?;
            } else {
                self.count(&netns, Quantity::Memory, program, &path, Work::Restore, size)?;
            }
            for work in [Work::List, Work::Save] {
                self.count(&netns, Quantity::Memory, program, &path, work, size)?;
            }
            drop(netns);
            self.settle();
        }
        Ok(())
    }

    /// Listing a million connections, which are made up.
    fn connections(&self) -> Result<()> {
        let netns = Netns::new();
        write("/tmp/connections", Size::CONNECTIONS.connections())?;
        for round in 0..self.rounds {
            for (program, path) in self.programs() {
                self.time(&netns, program, &path, Work::Connections, Size::CONNECTIONS)?;
                if round == 0 {
                    let size = Size::CONNECTIONS;
                    self.count(&netns, Quantity::Memory, program, &path, Work::Connections, size)?;
                }
            }
        }
        Ok(())
    }

    fn programs(&self) -> impl Iterator<Item = (Program, PathBuf)> {
        Program::ALL.into_iter().filter_map(|program| {
            let path = match program {
                Program::Ours => Some(program::ipvsadm()),
                Program::Reference => Some(program::reference()),
                Program::Floor => self.floor.clone(),
            };
            Some((program, path.filter(|path| path.exists())?))
        })
    }

    fn time(
        &self,
        netns: &Netns,
        program: Program,
        path: &Path,
        work: Work,
        size: Size,
    ) -> Result<()> {
        let Some(arguments) = program.arguments(work) else {
            return Ok(());
        };
        let mut command = command(&[], path, arguments, work)?;
        let started = Instant::now();
        succeed(netns, &mut command)?;
        // Enough for 500 years
        let value = started.elapsed().as_nanos() as u64;
        println!("{}", Record { quantity: Quantity::Time, program, work, size, value });
        Ok(())
    }

    /// Counts with a program that watches another one, if it is installed.
    fn count(
        &self,
        netns: &Netns,
        quantity: Quantity,
        program: Program,
        path: &Path,
        work: Work,
        size: Size,
    ) -> Result<()> {
        let watcher: &[&str] = match quantity {
            Quantity::Time => return Err("time is not counted".to_owned()),
            Quantity::SystemCalls => &["/usr/bin/strace", "-f", "-c", "-o", "/tmp/count"],
            Quantity::Memory => &["/usr/bin/time", "-f", "%M", "-o", "/tmp/count"],
            Quantity::Instructions => {
                &["/usr/bin/valgrind", "--tool=callgrind", "--callgrind-out-file=/tmp/count"]
            }
        };
        let Some(arguments) = program.arguments(work) else {
            return Ok(());
        };
        if !Path::new(watcher[0]).exists() {
            return Ok(());
        }
        succeed(netns, &mut command(watcher, path, arguments, work)?)?;
        let text = fs::read_to_string("/tmp/count").map_err(|error| error.to_string())?;
        let value = match quantity {
            // The fourth column of the last line. The column for errors is empty if there are none.
            Quantity::SystemCalls => text.lines().last().and_then(|line| {
                let word = line.split_whitespace().nth(3)?;
                word.parse().ok()
            }),
            Quantity::Instructions => text.lines().find_map(|line| {
                line.strip_prefix("totals: ").or(line.strip_prefix("summary: "))?.parse().ok()
            }),
            _ => text.trim().parse().ok(),
        };
        let value = value.ok_or_else(|| format!("{} counted nothing:\n{text}", watcher[0]))?;
        println!("{}", Record { quantity, program, work, size, value });
        Ok(())
    }

    /// Makes the table of `/tmp/rules` without measuring.
    fn fill(&self, netns: &Netns) -> Result<()> {
        succeed(netns, &mut command(&[], &program::ipvsadm(), &["-R"], Work::Restore)?)
    }

    fn empty(&self, netns: &Netns) -> Result<()> {
        succeed(netns, &mut command(&[], &program::ipvsadm(), &["-C"], Work::List)?)
    }

    /// Waits until the services of removed namespaces are gone. The kernel removes them later, and
    /// until then they slow new ones down.
    fn settle(&self) {
        while services() > self.still_there {
            thread::sleep(Duration::from_millis(20));
        }
    }
}

/// The number of services in all namespaces: each of the benchmark's uses this scheduler.
fn services() -> u64 {
    let count = fs::read_to_string("/sys/module/ip_vs_rr/refcnt");
    count.ok().and_then(|count| count.trim().parse().ok()).unwrap_or(0)
}

/// Discards the output, since writing it is no difference between the programs.
fn command(watcher: &[&str], path: &Path, arguments: &[&str], work: Work) -> Result<Command> {
    let mut words: Vec<&OsStr> = watcher.iter().map(OsStr::new).collect();
    if work == Work::Connections {
        words.extend(["unshare", "--mount", "sh", "-c", WITH_CONNECTIONS, "sh"].map(OsStr::new));
    }
    words.push(path.as_os_str());
    words.extend(arguments.iter().map(OsStr::new));
    let mut command = Command::new(words[0]);
    command.args(&words[1..]).stdout(Stdio::null()).stderr(Stdio::piped());
    command.stdin(match work {
        Work::Restore => File::open("/tmp/rules").map_err(|error| error.to_string())?.into(),
        _ => Stdio::null(),
    });
    Ok(command)
}

fn succeed(netns: &Netns, command: &mut Command) -> Result<()> {
    let output = netns.enter(|| command.spawn()?.wait_with_output());
    let failed = |why: String| format!("{command:?}: {why}");
    match output {
        Ok(output) if output.status.success() => Ok(()),
        Ok(output) => {
            Err(failed(format!("{}\n{}", output.status, String::from_utf8_lossy(&output.stderr))))
        }
        Err(error) => Err(failed(error.to_string())),
    }
}

fn write(path: &str, text: String) -> Result<()> {
    fs::write(path, text).map_err(|error| format!("{path}: {error}"))
}
