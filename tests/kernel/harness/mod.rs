//! Finds or boots a kernel with IPVS and runs tests and sessions in it.
//!
//! One program has every role. Outside, `cargo test` starts it: it chooses a kernel ([`place`]),
//! starts that under a [`supervisor`] that cleans up after it, and sends it the tests one by one
//! ([`kernel`], [`outside`]). Inside, it is the kernel's first process ([`inside`]), which starts
//! the program again for each test. The environment says which role a process has ([`stage`]).

mod inside;
mod kernel;
mod outside;
mod place;
mod session;
mod stage;
mod supervisor;
mod terminal;
mod test;
mod uml;

pub(crate) use outside::{run_session, run_tests};
pub(crate) use session::Session;
pub(crate) use stage::{COLOURS, forget_role};
pub(crate) use test::KernelTest;

use std::process::ExitCode;

use stage::Stage;

/// Performs the role that this process was started for, if that is inside or beside a kernel.
/// `None` outside, where the caller continues with [`run_tests`] or [`run_session`].
pub(crate) fn perform_role(tests: &[KernelTest], sessions: &[Session]) -> Option<ExitCode> {
    match Stage::of_this_process()? {
        Stage::Supervisor => Some(supervisor::run()),
        Stage::Init => Some(inside::run()),
        Stage::Test => Some(test::run_in_this_process(tests)),
        Stage::Session => Some(session::run_in_this_process(sessions)),
    }
}
