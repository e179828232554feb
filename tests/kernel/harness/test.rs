//! Kernel tests, each of which runs inside in a process of its own.

use std::env;
use std::process::{ExitCode, Termination};
use std::time::Duration;

use super::stage::TEST;

/// The time after which a test that hangs is killed. None needs as much, even on a busy machine.
const TIME: Duration = Duration::from_secs(600);

/// A test that needs a kernel with IPVS. The macro `tests!` makes them.
pub(crate) struct KernelTest {
    /// Its module and function, such as `client::services::services_are_kept`.
    pub(crate) name: String,
    /// The time after which it is killed, and has failed.
    pub(crate) time: Duration,
    /// Runs before the test, outside its kernel, where files can be written.
    pub(crate) prepare: fn() -> Result<(), String>,
    run: Box<dyn Fn() -> ExitCode + Send + Sync>,
}

impl KernelTest {
    /// `module` is the caller's `module_path!()`.
    pub(crate) fn new<R: Termination>(
        module: &str,
        function: &str,
        run: impl Fn() -> R + Send + Sync + 'static,
    ) -> KernelTest {
        // The first part of the path is this program.
        let module = module.split_once("::").map_or("", |(_, rest)| rest);
        KernelTest {
            name: format!("{module}::{function}"),
            time: TIME,
            prepare: || Ok(()),
            run: Box::new(move || run().report()),
        }
    }

    /// Sets the time of a test that takes longer than others on request.
    pub(crate) fn within(mut self, time: Duration) -> KernelTest {
        self.time = time;
        self
    }

    /// For a test that needs something built first. A failure to build it is the test's.
    pub(crate) fn after(mut self, prepare: fn() -> Result<(), String>) -> KernelTest {
        self.prepare = prepare;
        self
    }
}

/// Runs the test that the environment names. Its panic or error goes to standard error. `init` puts
/// both of its outputs into one file.
pub(crate) fn run_in_this_process(tests: &[KernelTest]) -> ExitCode {
    let name = env::var(TEST).unwrap_or_default();
    match tests.iter().find(|test| test.name == name) {
        Some(test) => (test.run)(),
        None => {
            eprintln!("there is no test {name:?}");
            ExitCode::FAILURE
        }
    }
}
