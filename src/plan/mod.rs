//! From one state to another: the difference, the order in which to change it, and the way back.

mod daemons;
mod difference;
mod rehearsal;
mod step;
mod summary;

pub use rehearsal::Rehearsal;
pub(crate) use rehearsal::check_netmask_family;
pub use step::Step;
pub(crate) use step::{back_to_before, undo};
pub use summary::{Summary, Tally};

use crate::model::{Change, State};

/// The changes that make one state into another, in an order that keeps every service serving.
///
/// A plan is made from two states with [`between`](Self::between) and carried out, all or
/// nothing, with [`Client::apply`](crate::Client::apply). It holds only what differs, so the
/// connections and counters of everything else stay as they are. This keeps the kernel to a file:
///
/// ```no_run
/// # use ipvs::State;
/// # fn wanted() -> Result<State, Box<dyn std::error::Error>> { Ok(State::default()) }
/// use ipvs::{Client, Plan, PlanOptions};
///
/// let mut client = Client::new()?;
/// loop {
///     let options = PlanOptions { keep_weights: true };
///     let plan = Plan::between(&client.state()?, &wanted()?, options);
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
/// 1. Additions: each new service directly followed by its servers, and new servers of existing
///    services.
/// 2. Edits: services, and servers whose weight rises or stays.
/// 3. Timeouts and sync daemons; a daemon that runs otherwise is stopped and started.
/// 4. Servers whose weight falls (or, at the same weight, whose threshold does).
/// 5. Removals: servers first, then whole services, each in one step with its servers.
///
/// [`Client::apply`](crate::Client::apply) takes nothing away, which begins with 4, until the
/// kernel has accepted all of 1 to 3.
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
/// A table with servers of another family than their service's and a sync daemon exclude each
/// other in the kernel. Where one makes room for the other, the daemon stops before 1 or starts
/// after 5.
///
/// # Equal as far as the kernel tells
///
/// Old kernels report [`Forwarding::Local`](crate::Forwarding::Local) for a
/// server on the director itself, whatever was set; it counts as equal to any forwarding method.
/// Otherwise there would be no end of edits. A sync daemon counts as equal if it has what the
/// wanted one names, as the kernel bounds it.
///
/// # If it is interrupted
///
/// A plan does not remember how far it got. A program that is killed while it applies one leaves
/// a table between the two, in which the above holds; a new plan from what the kernel then holds
/// ends in the wanted state.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Plan {
    steps: Vec<Step>,
    /// The index of the first step that takes something away.
    first_loss: usize,
    summary: Summary,
}

/// How a [`Plan`] is made. The default makes the state exactly the wanted one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PlanOptions {
    /// Leave the weight of a server that is in both tables as it is: a health checker may have set
    /// it. New servers get the weight that the wanted table gives them.
    pub keep_weights: bool,
}

impl Plan {
    /// The plan that makes `from`, the kernel's state, into `to`. What `to` leaves open stays as it
    /// is: see [`State`].
    pub fn between(from: &State, to: &State, options: PlanOptions) -> Self {
        difference::plan(from, to, options)
    }

    /// True if there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    /// The number of changes.
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

    /// The index of the first step that takes something away. No datagram may hold steps from both
    /// sides of it: the kernel would carry out the later ones though an earlier one is refused.
    pub(crate) fn first_loss(&self) -> usize {
        self.first_loss
    }

    /// The numbers of services, servers and daemons that are added, edited, removed and unchanged.
    pub fn summary(&self) -> Summary {
        self.summary
    }
}
