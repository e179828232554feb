//! From one state to another: the difference, the order of changes, and the way back.

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
/// [`between`](Self::between) makes a plan from two states, and
/// [`Client::apply`](crate::Client::apply) carries it out, all or nothing. A plan changes only what
/// differs, so everything else keeps its connections and counters.
///
/// ```
/// use ipvs::{DestinationConfig, Plan, PlanOptions, ServiceConfig, ServiceKey, State, Table};
///
/// let mut table = Table::new();
/// let web = table.insert(ServiceKey::tcp(([192, 0, 2, 1], 80)), ServiceConfig::default());
/// web.insert("10.0.0.1:80".parse()?, DestinationConfig::default());
///
/// let plan = Plan::between(&State::default(), &table.into(), PlanOptions::default());
/// assert_eq!(plan.len(), 2);
/// assert_eq!(plan.summary().to_string(), "1 service added, 1 server added");
/// # Ok::<(), ipvs::ParseError>(())
/// ```
///
/// # Order
///
/// 1. Settings, by name, but for those of a scheduler.
/// 2. Additions: each new service, directly followed by its servers, and new servers of existing
///    services.
/// 3. Edits: services, and servers whose weight rises or stays the same.
/// 4. Settings of schedulers, which the kernel loads with the first service that uses one; timeouts
///    and sync daemons. A daemon with other settings is stopped and started again.
/// 5. Edits of servers whose weight falls, or whose upper threshold falls at the same weight.
/// 6. Removals: servers first, then whole services, each in one step with its servers.
///
/// [`Client::apply`](crate::Client::apply) does not begin with 5 until the kernel has accepted all
/// of 1 to 4.
///
/// Settings come first, so that all that follows happens under them: connections to a new service
/// find `conntrack` as it is wanted, a daemon starts with the wanted `sync_ports`, and
/// `expire_nodest_conn` decides what becomes of the connections of a removed server. And a setting
/// that the kernel refuses is refused before anything else has changed.
///
/// At every moment, therefore, a service that is in both tables has at least the servers that both
/// tables give it; each of these has at least the lower of its two weights; and if both tables give
/// the service a server with a weight above 0, it always has one. A service or server whose
/// configuration differs is edited, never replaced.
///
/// There is one gap that the kernel does not let anyone close: a server can only be added to a
/// service that exists, so a new service is without servers until the next request of the same
/// datagram. This matters if the new service takes over traffic from another one, as a service for
/// one port does from one for all ports, or one for a firewall mark from one for an address.
///
/// The kernel does not allow a sync daemon together with a server of another family than its
/// service's. If one replaces the other, the daemon stops before 2 or starts after 6.
///
/// # Equality
///
/// Old kernels report [`Forwarding::Local`](crate::Forwarding::Local) for a server on the director
/// itself, whatever was set. It counts as equal to any forwarding method, or plans would never
/// become empty. The settings `drop_entry`, `drop_packet` and `secure_tcp` count as equal if both are
/// 1 or 2, between which the kernel itself changes them. A running sync daemon counts as equal to a wanted one if it has all settings that
/// the wanted one names, within the limits of the kernel.
///
/// # What others have changed
///
/// The kernel announces no changes. A controller reads the state again and again, and the plan from one
/// reading to the next is what has changed in between, by whichever program:
///
/// ```no_run
/// use std::{thread, time::Duration};
///
/// use ipvs::{Client, Plan, PlanOptions};
/// use ipvs::rules::Line;
///
/// let mut client = Client::new()?;
/// let mut before = client.state()?;
/// loop {
///     thread::sleep(Duration::from_secs(1));
///     let now = client.state()?;
///     for step in Plan::between(&before, &now, PlanOptions::default()).steps() {
///         println!("{}", Line::new(step.change())?);
///         for before in step.undo() {
///             println!("  before: {}", Line::new(&before)?);
///         }
///     }
///     before = now;
/// }
/// # #[allow(unreachable_code)]
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Interruption
///
/// A plan does not record how far it got. A program that is killed while it applies one leaves a
/// table between the two, for which the above holds. A new plan, from the state that the kernel
/// then has, leads to the wanted state.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Plan {
    steps: Vec<Step>,
    /// The index of the first step that removes or lessens something.
    first_loss: usize,
    summary: Summary,
}

/// Options for [`Plan::between`]. With the default the result is exactly the wanted state.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PlanOptions {
    /// Keep the current weight of a server that is in both tables, for example because a health
    /// checker sets it. New servers get the weight that they have in the wanted table.
    pub keep_weights: bool,
}

impl Plan {
    /// The plan from the current state `from` to the wanted state `to`. Whatever `to` leaves open
    /// stays as it is: see [`State`].
    pub fn between(from: &State, to: &State, options: PlanOptions) -> Self {
        difference::plan(from, to, options)
    }

    /// True if there is nothing to change.
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

    /// The changes, in order, each with the changes that undo it.
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// The index of the first step that removes or lessens something. No datagram may have steps
    /// from both sides of it: the kernel would carry out the later ones even if it refused an
    /// earlier one.
    pub(crate) fn first_loss(&self) -> usize {
        self.first_loss
    }

    /// The numbers of services, servers, settings and daemons that the plan adds, edits, removes and leaves
    /// as they are.
    pub fn summary(&self) -> Summary {
        self.summary
    }
}
