//! Finds or boots a kernel with IPVS and runs tests and sessions in it.
//!
//! One program plays every part. Outside, it is what `cargo test` starts: it chooses a kernel
//! ([`place`]), starts it under a [`supervisor`] that outlives it by a moment to clean up, and
//! hands it the tests one by one ([`kernel`], [`outside`]). Inside, it is that kernel's first
//! process ([`inside`]), which starts it once more for each test. [`stage`] tells the parts apart.

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
pub(crate) use stage::{COLOURS, forget_part};
pub(crate) use test::KernelTest;

use std::process::ExitCode;

use stage::Stage;

/// Plays the part that this process was started for, if it is one of those inside or beside the
/// kernel. `None` outside, where the caller goes on with [`run_tests`] or [`run_session`].
pub(crate) fn play_part(tests: &[KernelTest], sessions: &[Session]) -> Option<ExitCode> {
    match Stage::of_this_process()? {
        Stage::Supervisor => Some(supervisor::run()),
        Stage::Init => Some(inside::run()),
        Stage::Test => Some(test::run_in_this_process(tests)),
        Stage::Session => Some(session::run_in_this_process(sessions)),
    }
}
