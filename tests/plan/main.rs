//! Plans carried out on a model of the kernel in memory: properties that hold after a plan, at each
//! moment of one, and when something goes wrong.

mod apply;
mod failure;
mod kernel;
mod large;
mod order;
mod outcome;
mod rehearsal;
mod states;
mod stop;
mod tables;

use ipvs::{DaemonRole, Plan, PlanOptions, State, Table};
use proptest::test_runner::Config;

use kernel::{Faults, MemoryKernel};

const ROLES: [DaemonRole; 2] = [DaemonRole::Master, DaemonRole::Backup];

/// Thousands of cases, as each is cheap. No file is written for a failed one.
fn cases(cases: u32) -> Config {
    Config { cases, failure_persistence: None, ..Config::default() }
}

fn plan(from: &State, to: &State) -> Plan {
    Plan::between(from, to, PlanOptions::default())
}

/// A kernel in this state, which accepts `window` changes in a datagram.
fn kernel_with(state: &State, window: usize) -> MemoryKernel {
    let kernel = MemoryKernel::new(window);
    let filling = plan(&state_of(&kernel), state);
    kernel.client().apply(&filling).expect("a kernel takes the state");
    kernel.set_faults(Faults::default());
    kernel
}

/// The kernel's state.
fn state_of(kernel: &MemoryKernel) -> State {
    kernel.client().state().expect("the state can be read")
}

/// A kernel with this table, and its state.
fn kernel_with_table(table: &Table, window: usize) -> (MemoryKernel, State) {
    let kernel = kernel_with(&table.clone().into(), window);
    let state = state_of(&kernel);
    (kernel, state)
}

/// True if a service has a server of the other family, which no kernel allows with a sync daemon.
fn mixes_families(table: &Table) -> bool {
    table.services().any(|(service, entry)| {
        entry.destinations().any(|(server, _)| server.family() != service.family())
    })
}
