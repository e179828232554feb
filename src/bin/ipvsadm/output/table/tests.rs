//! The table for people, as it looks.

use std::net::SocketAddr;

use ipvs::rules::View;
use ipvs::{
    AddressFamily, DestinationConfig, Forwarding, Persistence, Rates, ServiceConfig, ServiceKey,
    SnapshotEntry, Stats, Tunnel,
};

use super::*;
use crate::names::ReverseNames;
use crate::output::print_entries;
use crate::process::printed;

fn socket(text: &str) -> SocketAddr {
    text.parse().expect("an address")
}

fn server(address: &str, forwarding: Forwarding, weight: u32) -> Destination {
    let stats = Stats {
        connections: 12_345,
        incoming_packets: 999,
        incoming_bytes: 5 * 1024 * 1024,
        rates: Rates { connections: 1, outgoing_bytes: 2048, ..Rates::default() },
        ..Stats::default()
    };
    Destination {
        key: socket(address).into(),
        config: DestinationConfig {
            forwarding,
            weight,
            upper_threshold: 100,
            ..DestinationConfig::default()
        },
        active_connections: 7,
        inactive_connections: 1500,
        persistent_connections: 2,
        stats,
    }
}

fn entries() -> Vec<SnapshotEntry> {
    let web = ServiceConfig {
        persistence: Some(Persistence::new(AddressFamily::V4, 360)),
        ..ServiceConfig::new("wrr".parse().expect("a name"))
    };
    let mark = ServiceKey::firewall_mark(std::num::NonZeroU32::MIN, AddressFamily::V6);
    let service = |key, config| Service { key, config, stats: Stats::default() };
    vec![
        SnapshotEntry {
            service: service(ServiceKey::tcp(socket("10.0.0.1:80")), web),
            destinations: vec![
                server("192.168.0.1:80", Forwarding::Masquerade, 3),
                server("192.168.0.2:80", Forwarding::Tunnel(Tunnel::Ipip), 0),
            ],
        },
        SnapshotEntry { service: service(mark, ServiceConfig::default()), destinations: vec![] },
    ]
}

fn printed_table(
    view: View,
    exact: bool,
    capabilities: Capabilities,
    entries: &[SnapshotEntry],
) -> String {
    printed(|sink| {
        let cells = Cells { view, exact, names: &ReverseNames::Numeric };
        print_entries(&mut TableListing::new(sink, cells, capabilities), entries);
    })
}

fn shown(view: View, exact: bool, capabilities: Capabilities) -> String {
    printed_table(view, exact, capabilities, &entries())
}

#[test]
fn the_default_view_is_aligned_and_plain_in_a_pipe() {
    assert_eq!(
        shown(View::Default, false, Capabilities::default()),
        "\
Service           Scheduler / forwarding  Weight  Active  Inactive
------------------------------------------------------------------
TCP 10.0.0.1:80   wrr, persistent 360 s               14      3000
  192.168.0.1:80  masquerade                   3       7      1500
  192.168.0.2:80  tunnel                       0       7      1500
------------------------------------------------------------------
mark 1 IPv6       wlc                                  0         0

2 services, 2 servers
"
    );
}

#[test]
fn totals_have_units_unless_they_are_to_be_exact() {
    let text = shown(View::Stats, false, Capabilities { unicode: true, ..Capabilities::default() });
    let row = text.lines().nth(3).expect("a server");
    assert_eq!(
        row.split_whitespace().collect::<Vec<_>>(),
        ["192.168.0.1:80", "masquerade", "12.3k", "999", "0", "5.00", "MiB", "0", "B"]
    );
    assert!(text.contains('─') && !text.contains("---"), "{text}");
    let text = shown(View::Stats, true, Capabilities::default());
    assert!(text.contains(" 12345 ") && text.contains(" 5242880 "), "{text}");
    assert!(text.is_ascii() && !text.contains('\u{1b}'), "{text}");
}

#[test]
fn every_view_has_its_columns() {
    for (view, head) in [
        (View::Rate, "Connections/s  Packets in/s  Packets out/s  Bytes in/s  Bytes out/s"),
        (View::Thresholds, "Upper  Lower  Active  Inactive"),
        (View::PersistentConnections, "Weight  Persistent  Active  Inactive"),
        (View::TunnelInfo, "Tunnel  Weight  Active  Inactive"),
    ] {
        let text = shown(view, false, Capabilities::default());
        assert!(text.lines().next().is_some_and(|line| line.ends_with(head)), "{text}");
    }
}

#[test]
fn colours_change_nothing_else() {
    let plain = shown(View::Default, false, Capabilities::default());
    let mut colourful =
        shown(View::Default, false, Capabilities { colour: true, ..Capabilities::default() });
    assert!(colourful.contains("\u{1b}[1mTCP 10.0.0.1:80"), "{colourful:?}");
    while let Some(start) = colourful.find('\u{1b}') {
        let end = colourful[start..].find('m').expect("the end of a sequence");
        colourful.replace_range(start..=start + end, "");
    }
    let trimmed = |text: &str| text.lines().map(str::trim_end).collect::<Vec<_>>().join("\n");
    assert_eq!(trimmed(&colourful), trimmed(&plain));
}

#[test]
fn a_narrow_terminal_gets_narrow_lines() {
    let text =
        shown(View::Default, false, Capabilities { width: Some(60), ..Capabilities::default() });
    assert!(text.lines().all(|line| line.len() <= 60), "{text}");
    assert!(text.contains("TCP 10.0.0.1:80"), "{text}");
}

#[test]
fn no_services_is_said() {
    let text = printed_table(View::Default, false, Capabilities::default(), &[]);
    assert_eq!(text, "no services\n");
}
