//! A typed library for IPVS (Linux Virtual Server), the layer-4 load balancer in the kernel.
#![forbid(unsafe_code)]

mod client;
mod error;
mod model;
mod netlink;
pub mod rules;

pub use client::{Batch, Client, Refused, enter_namespace};
pub use error::{Error, Malformed, Operation, Refusal, RefusalKind, Result};
pub use model::*;
pub use netlink::socket::{KernelSocket, Transport};
