//! Kernel parameters, of this thread's network namespace.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use crate::doctor::facts::{Facts, Family};

/// Of the host.
const HOST: [&str; 5] = [
    "net.ipv4.ip_forward",
    "net.ipv4.tcp_keepalive_time",
    "net.netfilter.nf_conntrack_max",
    "net.netfilter.nf_conntrack_count",
    "net.netfilter.nf_conntrack_buckets",
];

/// Of each interface, `all` and `default`.
const IPV4: [&str; 9] = [
    "forwarding",
    "rp_filter",
    "arp_ignore",
    "arp_announce",
    "arp_filter",
    "send_redirects",
    "accept_redirects",
    "shared_media",
    "log_martians",
];

const IPV6: &[&str] = &[
    "forwarding",
    "force_forwarding",
    "accept_redirects",
    "disable_ipv6",
    "accept_dad",
    "dad_transmits",
];

/// Reads those that the checks look at. The interfaces are those of the facts.
pub(super) fn gather(facts: &mut Facts) {
    let links = facts.network.iter().flat_map(|network| &network.links);
    let interfaces: Vec<&str> =
        ["all", "default"].into_iter().chain(links.map(|link| link.name.as_str())).collect();
    let mut sysctls = BTreeMap::new();
    HOST.iter().for_each(|name| read((*name).to_owned(), &mut sysctls));
    for (family, names) in [(Family::V4, &IPV4[..]), (Family::V6, &IPV6[..])] {
        for interface in &interfaces {
            names.iter().for_each(|name| read(family.parameter(interface, name), &mut sysctls));
        }
    }
    for entry in fs::read_dir("/proc/sys/net/ipv4/vs").into_iter().flatten().flatten() {
        if let Ok(name) = entry.file_name().into_string() {
            read(format!("net.ipv4.vs.{name}"), &mut sysctls);
        }
    }
    facts.sysctls.append(&mut sysctls);
}

/// What is not there, or cannot be read, is left out.
fn read(name: String, to: &mut BTreeMap<String, String>) {
    if let Ok(value) = fs::read_to_string(path(&name)) {
        to.insert(name, value.trim_end().to_owned());
    }
}

/// In a parameter's name, as sysctl(8) has it, a slash stands for a dot of an interface's name.
fn path(name: &str) -> PathBuf {
    let swapped = name.chars().map(|letter| match letter {
        '.' => '/',
        '/' => '.',
        other => other,
    });
    Path::new("/proc/sys").join(swapped.collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_vlan_is_named_with_a_slash() {
        let name = Family::V4.parameter("eth0.100", "arp_ignore");
        assert_eq!(name, "net.ipv4.conf.eth0/100.arp_ignore");
        assert_eq!(path(&name), Path::new("/proc/sys/net/ipv4/conf/eth0.100/arp_ignore"));
    }
}
