//! `ipvsadm`: set up, maintain and inspect the IPVS table of the kernel.
#![forbid(unsafe_code)]

mod cli;
mod commands;
mod complete;
mod desired;
mod doctor;
mod kernel;
mod names;
mod output;
mod process;
mod run;
mod scripts;
#[cfg(feature = "top")]
mod top;

use std::ffi::OsString;
use std::path::Path;
use std::process::ExitCode;

use doctor::advice::Advice;
use process::Sink;
use process::failure::Failure;
use process::{notice, signals};

fn main() -> ExitCode {
    let mut arguments = std::env::args_os();
    let program = arguments.next().unwrap_or_default();
    let mut sink = Sink::stdout();
    let outcome = start(&program, arguments.collect(), &mut sink);
    // Output from before a failure is still wanted.
    let flushed = sink.flush().map_err(Failure::Output);
    match outcome.and(flushed) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            if !failure.is_silent() {
                notice::say(&failure);
            }
            Advice::on(&failure).give();
            if let Failure::Signal(signal) = failure {
                signals::end_by(signal);
            }
            ExitCode::from(failure.status())
        }
    }
}

/// Runs as the program whose name it was called by.
fn start(program: &OsString, arguments: Vec<OsString>, sink: &mut Sink) -> Result<(), Failure> {
    let name = Path::new(program).file_name().and_then(|name| name.to_str());
    if let Some(shell) = std::env::var_os(complete::VARIABLE) {
        return complete::complete(&shell, name.unwrap_or("ipvsadm"), &arguments, sink);
    }
    match name {
        Some("ipvsadm-save") => scripts::save(&arguments, sink),
        Some("ipvsadm-restore") => scripts::restore(&arguments, sink),
        _ => {
            let invocation = cli::parse(&arguments, &mut names::Resolver::default())?;
            run::start(&invocation, sink)
        }
    }
}
