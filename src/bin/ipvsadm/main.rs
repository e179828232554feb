//! `ipvsadm`: set up, maintain and inspect the IPVS table of the kernel.

#[allow(dead_code, reason = "nothing calls it until the commands are there")]
mod cli;

fn main() {}
