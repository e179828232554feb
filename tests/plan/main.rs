//! Plans against a model of the kernel in memory: what holds after one, at each moment of one,
//! and when something goes wrong.

mod apply;
mod failure;
mod kernel;
mod large;
mod order;
mod rehearsal;
mod strategy;

use ipvs::{Plan, PlanOptions, Table};
use proptest::test_runner::Config;

use kernel::{Faults, MemoryKernel};

/// Thousands of cases where a case is cheap; no file is written for a failed one.
fn cases(cases: u32) -> Config {
    Config { cases, failure_persistence: None, ..Config::default() }
}

fn plan(from: &Table, to: &Table) -> Plan {
    Plan::between(from, to, PlanOptions::default())
}

/// A kernel that holds this table, and takes `window` changes in a datagram.
fn kernel_with(table: &Table, window: usize) -> MemoryKernel {
    let kernel = MemoryKernel::new(window);
    let filling = plan(&Table::new(), table);
    kernel.client().apply(&filling).expect("a kernel takes the table");
    kernel.set_faults(Faults::default());
    kernel
}

/// What the kernel holds.
fn table_of(kernel: &MemoryKernel) -> Table {
    kernel.client().table().expect("the table can be read")
}
