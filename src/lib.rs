//! A typed library for IPVS (Linux Virtual Server), the load balancer in the Linux kernel.
//!
//! IPVS accepts the connections that clients make to a *virtual service* (a protocol, address and
//! port, or a firewall mark) and sends each of them to one of the *real servers* behind it, which a
//! *scheduler* chooses. All this happens in the kernel, packet by packet, according to a table, of
//! which every network namespace has its own. This crate reads and writes that table over netlink,
//! as the program `ipvsadm` does, and runs no other program.
//!
//! # A reconciler
//!
//! This keeps the kernel at the wanted [`State`], whatever else changes it, and without touching
//! what is already right:
//!
//! ```no_run
//! use std::{error::Error, thread, time::Duration};
//!
//! use ipvs::{Client, Plan, PlanOptions, State};
//!
//! fn reconcile(wanted: impl Fn() -> State) -> Result<(), Box<dyn Error>> {
//!     let mut client = Client::new()?;
//!     loop {
//!         let plan = Plan::between(&client.state()?, &wanted(), PlanOptions::default());
//!         if !plan.is_empty() {
//!             client.apply(&plan)?; // all or nothing
//!             println!("{}", plan.summary());
//!         }
//!         thread::sleep(Duration::from_secs(10));
//!     }
//! }
//! ```
//!
//! The wanted state is a value that the program builds:
//!
//! ```
//! use ipvs::{DestinationConfig, Forwarding, ServiceConfig, ServiceKey, State, Table};
//!
//! let mut table = Table::new();
//! let web = table.insert("TCP 192.0.2.1:80".parse()?, ServiceConfig::new("wrr".parse()?));
//! for (server, weight) in [("10.0.0.1:8080", 1), ("10.0.0.2:8080", 3)] {
//!     let forwarding = Forwarding::Masquerade;
//!     web.insert(server.parse()?, DestinationConfig { forwarding, weight, ..Default::default() });
//! }
//! let wanted = State::from(table);
//! # Ok::<(), ipvs::ParseError>(())
//! ```
//!
//! [`Plan::between`] finds what differs, in an order in which every service keeps serving, and
//! [`Client::apply`] carries it out: all of it or, if the kernel refuses a change, nothing, by
//! undoing what was done. The folder `examples/` of the repository has whole programs: `reconcile`,
//! `load`, `list` and `watch`.
//!
//! # One change at a time
//!
//! ```no_run
//! use ipvs::{Client, RefusalKind, ServiceConfig, ServiceKey};
//!
//! let mut client = Client::new()?;
//! let dns = ServiceKey::udp(([192, 0, 2, 1], 53));
//! match client.add_service(&dns, &ServiceConfig::default()) {
//!     Err(error) if error.refusal_kind() == Some(RefusalKind::ServiceExists) => {}
//!     result => result?,
//! }
//! for entry in client.snapshot()?.entries {
//!     println!("{} {}", entry.service.key, entry.service.config.scheduler);
//!     for server in entry.destinations {
//!         println!("  {}: {} active connections", server.key, server.active_connections);
//!     }
//! }
//! # Ok::<(), ipvs::Error>(())
//! ```
//!
//! Each method of [`Client`] costs one request and its answer. A [`Batch`] sends many changes
//! together, with one acknowledgement for all, and reports which of them were refused.
//!
//! IPVS has no transactions. Each change is carried out as a whole or not at all, but other
//! programs see the table between two changes, and a list is not of one moment.
//!
//! # What it covers
//!
//! Everything in the kernel's netlink family `IPVS`:
//!
//! - [services](ServiceKey) for TCP, UDP and SCTP, or by firewall mark, over IPv4 and IPv6, with
//!   [scheduler, flags, persistence, persistence engine and one-packet scheduling](ServiceConfig);
//! - [real servers](DestinationKey) with [forwarding method, weight, thresholds](DestinationConfig)
//!   and [tunnels](Tunnel);
//! - [counters and rates](Stats) of both, and zeroing them;
//! - [timeouts](Timeouts), [sync daemons](DaemonConfig) and the [version](Info);
//! - other network [namespaces](Namespace).
//!
//! Configurations are the same plain values whether they are set or read, so they can be compared,
//! copied and stored. Keys and other small values are text and back by
//! [`Display`](std::fmt::Display) and [`FromStr`](std::str::FromStr), and [`rules`] reads and
//! writes changes in `ipvsadm`'s own language.
//!
//! # Permissions and the kernel module
//!
//! The kernel requires `CAP_NET_ADMIN` for reading as well as for changing: run as root, or give
//! the program that capability. (Linux 6.1 requires it in the initial user namespace, so root in a
//! container with its own user namespace is refused.) Without it [`Client::new`] works, and every
//! operation is refused with [`PermissionDenied`](RefusalKind::PermissionDenied).
//!
//! The crate never loads the module `ip_vs`. Since Linux 5.16 the kernel tries to when
//! [`Client::new`] looks for the family. If there is no IPVS then, the error is
//! [`Error::NotAvailable`].
//!
//! # Network namespaces
//!
//! A [`Client`] works on the namespace in which its thread was when it made the client, whatever
//! thread uses it later. [`Client::in_namespace`] makes one for another [`Namespace`], found by
//! name, path or process, and leaves the thread where it is. In a namespace whose loopback
//! interface has never been up, the kernel refuses every real server, because there is no routing
//! table.
//!
//! # Errors
//!
//! [`Error`] distinguishes a refusal of the kernel from everything else that can go wrong.
//! [`Error::refusal_kind`] gives its meaning. The [`Refusal`] has the kernel's error number and
//! explanation, and its text is the one that `ipvsadm` prints. Nothing that the kernel sends makes
//! this crate panic.
//!
//! # Old and new kernels
//!
//! For values that an old kernel does not report, the documentation of the field says what stands
//! in for them: counters have 32 bits before Linux 4.1, servers are of their service's family
//! before 3.18, and tunnels are IPIP before 5.2. Attributes that this crate does not know are
//! ignored, and values that it does not know are kept as numbers.
//!
//! # Using it
//!
//! The package `ipvsadm` contains this crate and the program. The feature `cli`, on by default, is
//! for the program alone:
//!
//! ```toml
//! [dependencies]
//! ipvsadm = { version = "0.1", default-features = false }
//! ```
//!
//! In code the crate is called `ipvs`. To test a program without a kernel, implement [`Transport`],
//! and pass it to [`Client::with_transport`].
//!
//! # Sources
//!
//! Numbers are those of `<linux/ip_vs.h>`. How the kernel treats them was read in
//! `net/netfilter/ipvs/` of its source, which is named where it matters, and tried on Linux 6.1.
//! The tests run every operation on a real kernel, and compare requests with those of Debian's
//! `ipvsadm` 1.31.
#![forbid(unsafe_code)]

mod client;
mod drain;
mod error;
mod model;
mod netlink;
mod plan;
pub mod rules;

pub use client::{Aftermath, ApplyError, Batch, Client, Namespace, OnRefusal, RefusedChange};
pub use drain::Drain;
pub use error::{Error, Operation, Refusal, RefusalKind};
pub use model::*;
pub use netlink::socket::{KernelSocket, Transport};
pub use plan::{Plan, PlanOptions, Rehearsal, Step, Summary, Tally};

#[cfg(not(target_os = "linux"))]
compile_error!(
    "the crate `ipvs` talks to the load balancer in the Linux kernel: it builds for Linux only"
);

/// Threads can pass values of these types to each other and share them. A change that ends this
/// does not compile.
const _: () = {
    const fn is_send_and_sync<T: Send + Sync>() {}
    is_send_and_sync::<Client>();
    is_send_and_sync::<Batch<'_, usize>>();
    is_send_and_sync::<Namespace>();
    is_send_and_sync::<Snapshot>();
    is_send_and_sync::<Table>();
    is_send_and_sync::<State>();
    is_send_and_sync::<Plan>();
    is_send_and_sync::<Rehearsal>();
    is_send_and_sync::<Change>();
    is_send_and_sync::<Error>();
    is_send_and_sync::<ApplyError>();
    is_send_and_sync::<ParseError>();
    is_send_and_sync::<ConfigError>();
    is_send_and_sync::<rules::RuleError>();
};

/// The README's example of the library compiles.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
