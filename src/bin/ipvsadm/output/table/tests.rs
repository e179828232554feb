//! The table for people, as it looks.

use std::net::SocketAddr;

use ipvs::rules::grammar::View;
use ipvs::{
    AddressFamily, DestinationConfig, Forwarding, Persistence, ServiceConfig, ServiceKey,
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

/// A table of so many services with three servers each, some of them with wide settings.
fn many(services: u32) -> Vec<SnapshotEntry> {
    let service = |number: u32| {
        let mut entry = entries().swap_remove(0);
        entry.service.key = ServiceKey::tcp((number.to_be_bytes(), 80));
        if number % 100 == 7 {
            let netmask = ipvs::Netmask::V4([255, 255, 255, 0].into());
            entry.service.config.persistence = Some(Persistence { timeout_seconds: 360, netmask });
        }
        entry.destinations.push(server("192.168.0.3:65535", Forwarding::DirectRoute, number));
        entry
    };
    (1..=services).map(service).collect()
}

/// As one page, however long it is.
fn on_one_page(entries: &[SnapshotEntry], capabilities: Capabilities) -> String {
    let cells = Cells { view: View::Default, exact: false, names: &ReverseNames::Numeric };
    let heads = heads(View::Default);
    let mut page = Page::default();
    for SnapshotEntry { service, destinations, .. } in entries {
        page.push(Row::Service, cells.service(service, destinations));
        for server in destinations {
            let row = if server.config.weight == 0 { Row::Drained } else { Row::Server };
            page.push(row, cells.server(&service.key, server));
        }
    }
    let mut text = Vec::new();
    page.print(&mut text, &heads, &Widths::of(&heads), Part::Whole, capabilities);
    String::from_utf8(text).expect("text")
}

#[test]
fn a_long_table_looks_as_if_it_were_on_one_page() {
    // A page ends at a service, between its servers, and at the end of the table.
    for services in [127, 128, 129, 200, 256, 300] {
        let entries = many(services);
        for capabilities in [
            Capabilities::default(),
            Capabilities { colour: true, unicode: true, width: None },
            Capabilities { width: Some(200), ..Capabilities::default() },
        ] {
            let text = printed_table(View::Default, false, capabilities, &entries);
            let servers = 3 * services;
            let total = format!("\n{services} services, {servers} servers\n");
            let table = text.strip_suffix(&total).expect("the total");
            assert!(table == on_one_page(&entries, capabilities), "{services}: {text}");
        }
    }
}

#[test]
fn a_long_table_is_as_narrow_as_the_terminal() {
    let narrow = Capabilities { width: Some(60), ..Capabilities::default() };
    let text = printed_table(View::Default, false, narrow, &many(300));
    assert!(text.lines().all(|line| line.len() <= 60), "{text}");
    let line = "-".repeat(60);
    assert_eq!(text.lines().filter(|found| *found == line).count(), 300);
}

#[test]
fn a_table_that_changes_between_the_readings_is_printed_whole() {
    let mut entries = many(200);
    let text = printed(|sink| {
        let cells = Cells { view: View::Default, exact: false, names: &ReverseNames::Numeric };
        let mut table = TableListing::new(sink, cells, Capabilities::default());
        let mut read = |entries: &[SnapshotEntry]| {
            table.begin().expect("printed");
            for entry in entries {
                table.service(&entry.service, &entry.destinations).expect("printed");
            }
            table.end().expect("printed")
        };
        assert_eq!(read(&entries), Next::ReadAgain);
        // One grows wider, one loses its servers, and one gets more of them.
        entries[5].destinations[0].config.weight = u32::MAX;
        entries[150].destinations.clear();
        entries[160].destinations.push(server("192.168.0.4:80", Forwarding::Masquerade, 1));
        assert_eq!(read(&entries), Next::Done);
    });
    assert!(text.ends_with("\n200 services, 598 servers\n"), "{text}");
    let rows: Vec<&str> = text.lines().filter(|line| !line.starts_with('-')).collect();
    assert_eq!(rows.len(), 1 + 200 + 598 + 2);
    assert!(rows.iter().any(|row| row.contains(" 4294967295 ")), "{text}");
    // Within its page everything is aligned still.
    let ends: Vec<usize> = rows[1..500].iter().map(|row| row.len()).collect();
    assert!(ends.iter().all(|end| *end == ends[0]), "{text}");
}
