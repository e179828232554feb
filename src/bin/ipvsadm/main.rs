//! `ipvsadm`: set up, maintain and inspect the IPVS table of the kernel.

#[allow(dead_code, reason = "main takes it up next")]
mod cli;

fn main() {}
