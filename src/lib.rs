//! A typed library for IPVS (Linux Virtual Server), the layer-4 load balancer in the kernel.

mod model;
pub mod rules;

pub use model::*;
