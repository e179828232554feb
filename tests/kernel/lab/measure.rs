//! Observations: the servers' answers and the director's listings.

use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use super::story::run_silently;
use super::web::answering;
use crate::netns::Netns;

/// True for a template of this service in the listing of connections. A template's client has no
/// port. Templates of removed services are listed until they expire, as connections are.
pub(crate) fn is_template(line: &str, service: &str) -> bool {
    let mut addresses = line.split_whitespace().skip(3);
    let client = addresses.next().unwrap_or_default();
    client.ends_with(":0") && addresses.next() == Some(service)
}

/// Requests a page on each port in turn. Each answer is the name of a host, or an error.
pub(crate) fn ask(client: &Netns, address: &str, ports: &[u16]) -> Vec<String> {
    let ask =
        |port: &u16| answering(client, address, *port).unwrap_or_else(|error| format!("({error})"));
    ports.iter().map(ask).collect()
}

/// The number of connections to each of two servers so far, from the listing with `--stats`.
pub(crate) fn connections(director: &Netns, servers: [&str; 2]) -> [u64; 2] {
    let stats = run_silently(director, "ipvsadm -L -n --stats --exact").stdout;
    servers.map(|server| {
        let count = column(&stats, server, 0);
        count.and_then(|count| count.parse().ok()).unwrap_or(0)
    })
}

/// Like [`connections`], but waits until a whole load is counted: the kernel updates its counters
/// every two seconds.
pub(crate) fn counted(
    director: &Netns,
    servers: [&str; 2],
    before: [u64; 2],
    load: u64,
) -> [u64; 2] {
    let wanted = before[0] + before[1] + load;
    let end = Instant::now() + Duration::from_secs(8);
    loop {
        let now = connections(director, servers);
        // One more round, for counters that are updated later.
        if now[0] + now[1] >= wanted || Instant::now() > end {
            thread::sleep(Duration::from_millis(2100));
            return connections(director, servers);
        }
        thread::sleep(Duration::from_millis(200));
    }
}

/// A column of a real server's line in a listing, the first after the address being 0.
pub(crate) fn column<'text>(
    listing: &'text str,
    server: &str,
    column: usize,
) -> Option<&'text str> {
    let address = format!("{server}:");
    let line = listing.lines().find(|line| {
        let mut words = line.split_whitespace();
        words.next() == Some("->") && words.next().is_some_and(|word| word.starts_with(&address))
    })?;
    line.split_whitespace().nth(2 + column)
}

/// A device's hardware address.
pub(crate) fn mac(host: &Netns, device: &str) -> String {
    let link = run_silently(host, &format!("ip -o link show {device}")).stdout;
    let address = link.split_whitespace().skip_while(|word| *word != "link/ether").nth(1);
    address.unwrap_or("none").to_owned()
}

/// The iptables that works on this kernel: user-mode Linux lacks nftables.
pub(crate) fn iptables(host: &Netns) -> &'static str {
    let names = ["iptables-legacy", "iptables"];
    let works = |name: &&str| {
        let path = |folder: &&str| Path::new(folder).join(name).exists();
        ["/usr/sbin", "/sbin"].iter().any(path)
            && run_silently(host, &format!("{name} -t mangle -L -n")).status.success()
    };
    names.into_iter().find(works).unwrap_or("iptables")
}
