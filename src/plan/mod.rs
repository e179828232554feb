//! From one table to another: what differs, in which order to change it, and how to undo it.

mod difference;
mod rehearsal;
mod step;
mod summary;

pub use rehearsal::TableError;
pub use step::Step;
pub(crate) use step::{back_to_before, undo};
pub use summary::{Summary, Tally};

use crate::model::{Change, Table};

/// The changes that make one table into another, in an order that keeps every service serving.
///
/// A plan is made from two tables with [`between`](Self::between) and carried out, all or
/// nothing, with [`Client::apply`](crate::Client::apply). Only what differs is in it, so that
/// connections and counters of everything else stay as they are. This keeps the kernel to a file:
///
/// ```no_run
/// # use ipvs::Table;
/// # fn wanted() -> Result<Table, Box<dyn std::error::Error>> { Ok(Table::new()) }
/// use ipvs::{Client, Plan, PlanOptions};
///
/// let mut client = Client::new()?;
/// loop {
///     let wanted = wanted()?;
///     let plan = Plan::between(&client.table()?, &wanted, PlanOptions { keep_weights: true });
///     if !plan.is_empty() {
///         client.apply(&plan)?;
///         eprintln!("{}", plan.summary());
///     }
///     std::thread::sleep(std::time::Duration::from_secs(10));
/// }
/// # #[allow(unreachable_code)]
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Order
///
/// 1. What is new: each service, directly followed by its servers, and new servers of services
///    that are there.
/// 2. What is edited: services, and servers whose weight rises or stays.
/// 3. Servers whose weight falls (or, at the same weight, whose threshold does).
/// 4. What goes: servers first, then whole services, each at one stroke with its servers.
///
/// [`Client::apply`](crate::Client::apply) takes nothing away, which begins with 3, until the
/// kernel has accepted all of 1 and 2.
///
/// So at every moment each service that is in both tables has at least the servers that both
/// tables give it; each of those has at least the lower of its two weights; and if both tables
/// give the service a server with a weight above 0, it has one throughout. A service or server
/// whose configuration differs is edited, never replaced.
///
/// One gap is the kernel's own: it takes no server before its service, so a new service is
/// without servers until the next request of the same datagram. It matters where the new service
/// takes over traffic that another one serves, as a service for one port does from one for all
/// ports, and one for a firewall mark from one for an address.
///
/// # Equal as far as the kernel tells
///
/// Old kernels report [`Forwarding::Local`](crate::Forwarding::Local) for a
/// server on the director itself, whatever was set; it counts as equal to any forwarding method.
/// Otherwise there would be no end of edits.
///
/// # If it is interrupted
///
/// A plan says nothing about how far it got. A program that is killed while it applies one leaves
/// a table between the two, in which the above holds; a new plan from what the kernel then holds
/// ends in the wanted table.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Plan {
    steps: Vec<Step>,
    /// How many steps come before the first that takes something away.
    giving: usize,
    summary: Summary,
}

/// What a [`Plan`] heeds besides the two tables. The default heeds nothing else.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PlanOptions {
    /// Whether a server that is in both tables keeps the weight that it has: a health checker may
    /// have set it. New servers get the weight that the wanted table gives them.
    pub keep_weights: bool,
}

impl Plan {
    /// What makes `from`, which the kernel holds, into `to`.
    pub fn between(from: &Table, to: &Table, options: PlanOptions) -> Self {
        difference::plan(from, to, options)
    }

    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    /// How many changes there are.
    pub fn len(&self) -> usize {
        self.steps.len()
    }

    /// The changes, in order.
    pub fn changes(&self) -> impl ExactSizeIterator<Item = &Change> + DoubleEndedIterator {
        self.steps.iter().map(Step::change)
    }

    /// The changes, in order, each with what undoes it.
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// How many steps come before the first that takes something away. If one of these is
    /// refused, those that rely on it must not be carried out in the same datagram.
    pub(crate) fn giving(&self) -> usize {
        self.giving
    }

    /// How much is added, edited, removed and unchanged.
    pub fn summary(&self) -> Summary {
        self.summary
    }
}
