//! A network namespace whose loopback interface was never up: told when a real server is refused, and by
//! a check.

use super::facts::Network;

pub(crate) const SEEN: &str = "the loopback interface of this network namespace is down";
pub(crate) const CAUSE: &str = "the kernel refuses every real server";
pub(crate) const FIX: &str = "ip link set lo up";

/// True if no interface has an IPv4 address, nor ever had one: the kernel then has no table of local
/// addresses, and takes every address for a broadcast. Once `lo` was up, it keeps 127.0.0.1.
pub(crate) fn is_down(network: &Network) -> bool {
    network.links.iter().any(|link| link.loopback && !link.up)
        && !network.addresses.iter().any(|own| own.address.is_ipv4())
}
