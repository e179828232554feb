//! A typed library for IPVS (Linux Virtual Server), the layer-4 load balancer in the kernel.
#![forbid(unsafe_code)]

mod client;
mod error;
mod model;
mod netlink;
mod plan;
pub mod rules;

pub use client::{Aftermath, ApplyError, Batch, Client, Refused, RefusedChange, enter_namespace};
pub use error::{Error, Malformed, Operation, Refusal, RefusalKind, Result};
pub use model::*;
pub use netlink::socket::{KernelSocket, Transport};
pub use plan::{Plan, PlanOptions, Step, Summary, TableError, Tally};
