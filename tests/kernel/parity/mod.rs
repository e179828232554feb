//! Whether anyone can tell our program from Debian's: both are given the same command lines on one kernel.

/// Makes the list of a module's tests that compare hundreds of lines.
macro_rules! long_tests {
    ($($function:ident),* $(,)?) => {
        vec![$(
            $crate::harness::KernelTest::new(module_path!(), stringify!($function), $function)
                .within(std::time::Duration::from_secs(200))
        ),*]
    };
}
pub(crate) use long_tests;

mod connections;
mod counters;
mod differences;
mod messages;
mod mounts;
mod names;
mod options;
mod pair;
mod random;
mod restore;
mod scripts;
mod session;
mod systematic;
mod values;

use crate::harness::KernelTest;

pub(crate) fn tests() -> Vec<KernelTest> {
    [
        random::tests(),
        systematic::tests(),
        values::tests(),
        scripts::tests(),
        counters::tests(),
        connections::tests(),
        differences::tests(),
        names::tests(),
        restore::tests(),
        messages::tests(),
    ]
    .into_iter()
    .flatten()
    .collect()
}
