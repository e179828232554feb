//! A typed library for IPVS (Linux Virtual Server), the load balancer in the Linux kernel.
//!
//! IPVS takes the connections that clients make to a *virtual service* (an address, protocol and
//! port, or a firewall mark) and hands each of them to one of the *real servers* behind it, which a
//! *scheduler* chooses. It works on packets, in the kernel, and takes all it knows from a table,
//! of which every network namespace has its own. This crate reads and writes that table, as the
//! program `ipvsadm` does, over netlink and without running any program.
//!
//! # What it covers
//!
//! Everything that the kernel's netlink family `IPVS` has:
//!
//! - [services](ServiceKey) over TCP, UDP and SCTP or by firewall mark, for IPv4 and IPv6, with
//!   [scheduler, flags, persistence, persistence engine](ServiceConfig) and one-packet scheduling;
//! - [real servers](DestinationKey) with [forwarding method, weight and thresholds](DestinationConfig),
//!   [tunnels](Tunnel) and their checksums included;
//! - [counters and rates](Stats) of both, and zeroing them;
//! - [timeouts](Timeouts), the [sync daemons](DaemonConfig) and the [version](Info);
//! - [many changes](Batch) in few system calls, and the whole table as one sorted [`Snapshot`].
//!
//! What is set and what is read are plain values of the same types, so they can be compared, copied
//! and stored. [`rules`] reads and writes them in `ipvsadm`'s own language.
//!
//! # An example
//!
//! ```no_run
//! use std::net::SocketAddr;
//! use ipvs::{
//!     Client, DestinationConfig, DestinationKey, Forwarding, RefusalKind, ServiceConfig, ServiceKey,
//! };
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let mut client = Client::new()?;
//!
//! // A web server's address, balanced by weight. It may be there from an earlier run.
//! let web = ServiceKey::tcp("192.0.2.1:80".parse::<SocketAddr>()?);
//! let config = ServiceConfig::new("wrr".parse()?);
//! match client.add_service(&web, &config) {
//!     Err(error) if error.refusal_kind() == Some(RefusalKind::ServiceExists) => {
//!         client.edit_service(&web, &config)?;
//!     }
//!     result => result?,
//! }
//!
//! // Two real servers, of which the second gets three times as much.
//! for (server, weight) in [("10.0.0.1:8080", 1), ("10.0.0.2:8080", 3)] {
//!     let key = DestinationKey::from(server.parse::<SocketAddr>()?);
//!     let forwarding = Forwarding::Masquerade;
//!     let config = DestinationConfig { forwarding, weight, ..DestinationConfig::default() };
//!     client.add_destination(&web, &key, &config)?;
//! }
//!
//! for entry in client.snapshot()?.entries {
//!     println!("{} {}", entry.service.key, entry.service.config.scheduler);
//!     for server in entry.destinations {
//!         println!("  {} {} active", server.key, server.active_connections);
//!     }
//! }
//! # Ok(())
//! # }
//! ```
//!
//! # Permissions and the kernel module
//!
//! The kernel wants `CAP_NET_ADMIN` for reading as well as for writing: run as root, or give the
//! program that capability. (Linux 6.1 wants it in the initial user namespace: root in a container
//! of its own user namespace is refused.) Without it, [`Client::new`] works, and every operation is
//! refused with [`PermissionDenied`](RefusalKind::PermissionDenied).
//!
//! The crate never loads the module `ip_vs`. Since Linux 5.16 the kernel does so by itself when
//! [`Client::new`] looks for the family; where that does not help, that is [`Error::NotAvailable`].
//!
//! # Network namespaces
//!
//! A [`Client`] works on the namespace that its thread was in when it was made, and stays with it.
//! [`Client::in_namespace`] makes one for another [`Namespace`], found by name, path or process,
//! and leaves the thread where it is. In a namespace whose loopback interface was never up, the
//! kernel refuses every real server, for want of a routing table.
//!
//! # Many changes
//!
//! Each method costs a request and its answer. [`Client::batch`] sends many changes together, with
//! one acknowledgement for all, and tells which of them were refused. There are no transactions in
//! IPVS: each change is carried out whole or not at all, but others see the table between them, and
//! a reading is not of one moment.
//!
//! # Whole tables
//!
//! [`Table`] is what an administrator wants: services and servers with their configuration.
//! [`Plan::between`] finds what makes the kernel's table into the wanted one, in an order in which
//! every service goes on serving, and [`Client::apply`] carries it out: all of it or, if the kernel
//! refuses anything, nothing, by undoing what was done. A controller needs little more: [`Plan`]
//! has one as its example.
//!
//! # Errors
//!
//! [`Error`] tells a refusal of the kernel from everything else that can go wrong.
//! [`Error::refusal_kind`] says what was refused, by what was asked and the kernel's error number;
//! a [`Refusal`] has that number, the kernel's own words if there are any, and shows as the text
//! that `ipvsadm` prints. Nothing that the kernel sends makes this crate panic.
//!
//! # Old and new kernels
//!
//! Attributes that a kernel does not send have the fallback that is written at the field: 32-bit
//! counters before Linux 4.1, servers of their service's family before 3.18, IPIP tunnels before
//! 5.2. Attributes that this crate does not know are passed over, and numbers that it does not know
//! are kept as numbers.
//!
//! # Using it
//!
//! The package also has the program `ipvsadm`, whose dependencies are a feature of their own:
//!
//! ```toml
//! [dependencies]
//! ipvsadm = { version = "0.1", default-features = false }
//! ```
//!
//! The crate is then `use`d as `ipvs`. To test a program without a kernel, implement [`Transport`]
//! and give it to [`Client::with_transport`].
//!
//! # Where the facts come from
//!
//! Numbers are those of `<linux/ip_vs.h>`; what the kernel does with them was read in
//! `net/netfilter/ipvs/` of its source, which is named where it matters, and tried on Linux 6.1.
//! The tests hold every operation against that kernel, and the requests against those of Debian's
//! `ipvsadm` 1.31.
#![forbid(unsafe_code)]

mod client;
mod error;
mod model;
mod netlink;
mod plan;
pub mod rules;

pub use client::{
    Aftermath, ApplyError, Batch, Client, Namespace, OnRefusal, Refused, RefusedChange,
};
pub use error::{Error, Operation, Refusal, RefusalKind, Result};
pub use model::*;
pub use netlink::socket::{KernelSocket, Transport};
pub use plan::{Plan, PlanOptions, Rehearsal, Step, Summary, Tally};

#[cfg(not(target_os = "linux"))]
compile_error!(
    "the crate `ipvs` talks to the load balancer in the Linux kernel: it builds for Linux only"
);

/// All of these go from thread to thread and may be shared; a change that ends this does not
/// compile.
const _: () = {
    const fn is_send_and_sync<T: Send + Sync>() {}
    is_send_and_sync::<Client>();
    is_send_and_sync::<Batch<'_, usize>>();
    is_send_and_sync::<Namespace>();
    is_send_and_sync::<Snapshot>();
    is_send_and_sync::<Table>();
    is_send_and_sync::<Plan>();
    is_send_and_sync::<Change>();
    is_send_and_sync::<Error>();
    is_send_and_sync::<ApplyError>();
    is_send_and_sync::<ParseError>();
};

/// The README's example of the library compiles.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
