//! The table for people, as it looks.

use std::net::SocketAddr;

use ipvs::{DestinationConfig, Persistence, ServiceConfig};

use super::*;

fn socket(text: &str) -> SocketAddr {
    text.parse().expect("an address")
}

fn server(address: &str, forwarding: Forwarding, weight: u32) -> Destination {
    let mut stats = Stats::default();
    stats.connections = 12_345;
    stats.incoming_packets = 999;
    stats.incoming_bytes = 5 * 1024 * 1024;
    stats.rates.connections = 1;
    stats.rates.outgoing_bytes = 2048;
    let config = DestinationConfig {
        forwarding,
        weight,
        upper_threshold: 100,
        ..DestinationConfig::default()
    };
    let mut server = Destination::new(socket(address).into(), config);
    server.active_connections = 7;
    server.inactive_connections = 1500;
    server.persistent_connections = 2;
    server.stats = Some(Box::new(stats));
    server
}

fn entries() -> Vec<SnapshotEntry> {
    let web = ServiceConfig {
        persistence: Some(Persistence::new(AddressFamily::V4, 360)),
        ..ServiceConfig::new("wrr".parse().expect("a name"))
    };
    let mark = ServiceKey::firewall_mark(std::num::NonZeroU32::MIN, AddressFamily::V6);
    vec![
        SnapshotEntry::new(
            Service::new(ServiceKey::tcp(socket("10.0.0.1:80")), web),
            vec![
                server("192.168.0.1:80", Forwarding::Masquerade, 3),
                server("192.168.0.2:80", Forwarding::Tunnel(Tunnel::Ipip), 0),
            ],
        ),
        SnapshotEntry::new(Service::new(mark, ServiceConfig::default()), vec![]),
    ]
}

fn shown(view: View, exact: bool, look: Look) -> String {
    let people = People { view, exact, names: &Names::Numeric, look };
    let mut text = Vec::new();
    people.print(&mut text, &entries());
    String::from_utf8(text).expect("text")
}

#[test]
fn the_default_view_is_aligned_and_plain_in_a_pipe() {
    assert_eq!(
        shown(View::Default, false, Look::default()),
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
    let text = shown(View::Stats, false, Look { unicode: true, ..Look::default() });
    let row = text.lines().nth(3).expect("a server");
    assert_eq!(
        row.split_whitespace().collect::<Vec<_>>(),
        ["192.168.0.1:80", "masquerade", "12.3k", "999", "0", "5.00", "MiB", "0", "B"]
    );
    assert!(text.contains('─') && !text.contains("---"), "{text}");
    let text = shown(View::Stats, true, Look::default());
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
        let text = shown(view, false, Look::default());
        assert!(text.lines().next().is_some_and(|line| line.ends_with(head)), "{text}");
    }
}

#[test]
fn colours_change_nothing_else() {
    let plain = shown(View::Default, false, Look::default());
    let mut colourful = shown(View::Default, false, Look { colour: true, ..Look::default() });
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
    let text = shown(View::Default, false, Look { width: Some(60), ..Look::default() });
    assert!(text.lines().all(|line| line.len() <= 60), "{text}");
    assert!(text.contains("TCP 10.0.0.1:80"), "{text}");
}

#[test]
fn no_services_is_said() {
    let people =
        People { view: View::Default, exact: false, names: &Names::Numeric, look: Look::default() };
    let mut text = Vec::new();
    people.print(&mut text, &[]);
    assert_eq!(text, b"no services\n");
}
