//! The totals of a whole network namespace.

use ipvs::Stats;

/// The totals, those of removed services included.
///
/// The kernel shows them in this file (`ip_vs_stats_show` in net/netfilter/ipvs/ip_vs_ctl.c), and
/// nowhere else.
const FILE: &str = "/proc/thread-self/net/ip_vs_stats";

/// The totals. `None` where the kernel has no such file.
pub(crate) fn read() -> Option<Stats> {
    parse(&std::fs::read_to_string(FILE).ok()?)
}

/// The third line has five hexadecimal numbers.
fn parse(file: &str) -> Option<Stats> {
    let mut numbers = file
        .lines()
        .nth(2)?
        .split_ascii_whitespace()
        .map(|number| u64::from_str_radix(number, 16).ok());
    let mut next = || numbers.next().flatten();
    let mut stats = Stats::default();
    stats.connections = next()?;
    stats.incoming_packets = next()?;
    stats.outgoing_packets = next()?;
    stats.incoming_bytes = next()?;
    stats.outgoing_bytes = next()?;
    Some(stats)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn totals_are_read_as_the_kernel_shows_them() {
        let file = "   Total Incoming Outgoing         Incoming         Outgoing\n   Conns  Packets  Packets            Bytes            Bytes\n       A       1F        0         FFFFFFFFFFFFFFFF                0\n\n Conns/s   Pkts/s   Pkts/s          Bytes/s          Bytes/s\n       0        0        0                0                0\n";
        let stats = parse(file).expect("totals");
        assert_eq!((stats.connections, stats.incoming_packets), (10, 31));
        assert_eq!((stats.incoming_bytes, stats.outgoing_bytes), (u64::MAX, 0));
        assert_eq!(parse(""), None);
        assert_eq!(parse("a\nb\n1 2 3\n"), None);
    }
}
