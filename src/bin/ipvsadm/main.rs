//! `ipvsadm`: set up, maintain and inspect the IPVS table of the kernel.

fn main() {}
