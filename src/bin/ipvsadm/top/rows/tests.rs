use std::net::IpAddr;

use super::*;
use crate::top::reading::{Counters, Host, Method, Reading, ServerReading, ServiceReading};

fn key(text: &str) -> ServiceKey {
    text.parse().expect("a key")
}

fn server(number: u8, connections: u64, weight: u32) -> ServerReading {
    ServerReading {
        key: DestinationKey::from(([10, 0, 0, number], 80)),
        method: Method::Masquerade,
        weight,
        upper_threshold: 0,
        lower_threshold: 0,
        active: connections as u32,
        inactive: 0,
        persistent: 0,
        counters: Counters { connections, ..Counters::default() },
    }
}

/// Two services, and one whose servers are not known, after two seconds.
fn model() -> Model {
    let mut model = Model::default();
    for at in [0, 2000] {
        let service = |text: &str, rate: u64, servers| ServiceReading {
            key: key(text),
            scheduler: "wrr".parse().expect("a name"),
            counters: Counters { connections: rate * at, ..Counters::default() },
            servers,
        };
        model.update(Reading {
            at,
            host: Host::default(),
            services: vec![
                service("TCP 192.0.2.1:80", 1, Some(vec![server(1, at, 1), server(2, at * 2, 1)])),
                service("TCP 192.0.2.2:443", 5, Some(vec![server(3, at, 0)])),
                service("UDP 192.0.2.3:53", 3, None),
            ],
        });
    }
    model
}

/// The rows as texts.
fn shown(model: &Model, arrangement: &Arrangement, names: &Names) -> Vec<String> {
    let mut rows = Vec::new();
    arrange(model, arrangement, names, &mut rows);
    let text = |row: &Row| match row.subject(model).expect("it is there") {
        Subject::Service(service) => service.to_string(),
        Subject::Server(_, server) => format!("  {}", server.address),
    };
    rows.iter().map(text).collect()
}

const ALL: [&str; 6] = [
    "TCP 192.0.2.1:80",
    "  10.0.0.1",
    "  10.0.0.2",
    "TCP 192.0.2.2:443",
    "  10.0.0.3",
    "UDP 192.0.2.3:53",
];

#[test]
fn services_are_expanded_by_wish() {
    let (model, names) = (model(), Names::default());
    let mut arrangement = Arrangement::default();
    assert_eq!(shown(&model, &arrangement, &names), ALL);
    arrangement.expand(key("TCP 192.0.2.1:80"), false);
    assert_eq!(shown(&model, &arrangement, &names).len(), 4);
    arrangement.expand(key("TCP 192.0.2.1:80"), true);
    assert_eq!(shown(&model, &arrangement, &names), ALL);
    arrangement.expanded = false;
    assert_eq!(shown(&model, &arrangement, &names).len(), 3);
    arrangement.expand(key("TCP 192.0.2.2:443"), true);
    assert_eq!(shown(&model, &arrangement, &names).len(), 4);
}

#[test]
fn rows_are_sorted_by_any_column_and_reversed() {
    let (model, names) = (model(), Names::default());
    let sorted = |sort, reversed| {
        let arrangement = Arrangement { sort, reversed, ..Arrangement::default() };
        shown(&model, &arrangement, &names)
    };
    let [first, one, two, second, three, third] = ALL;
    assert_eq!(sorted(Id::Name, true), [third, second, three, first, two, one]);
    assert_eq!(sorted(Id::Rate, false), [second, three, third, first, two, one]);
    assert_eq!(sorted(Id::Rate, true), [first, one, two, third, second, three]);
    // What is not known comes last.
    assert_eq!(sorted(Id::Active, false), [first, two, one, second, three, third]);
    assert_eq!(sorted(Id::Weight, false), [first, one, two, second, three, third]);
}

#[test]
fn a_filter_finds_names_and_states() {
    let model = model();
    let address: IpAddr = "192.0.2.2".parse().expect("an address");
    let names = Names::with(address, "mail.Example.com");
    let [first, _, two, second, three, third] = ALL;
    for (filter, want) in [
        ("", &ALL[..]),
        ("udp", &[third]),
        ("0.0.2", &[first, two]),
        // What is found in a service is shown, and so is all of a service that is found.
        ("example", &[second, three]),
        ("192.0.2.2", &[]),
        ("drain", &[second, three]),
        ("DOWN", &[second, three]),
        ("nothing", &[]),
    ] {
        let arrangement = Arrangement { filter: filter.to_owned(), ..Arrangement::default() };
        assert_eq!(shown(&model, &arrangement, &names), want, "{filter}");
    }
    // Without names, the address is found.
    let hidden =
        Arrangement { filter: "10.0.0.3".to_owned(), expanded: false, ..Arrangement::default() };
    assert_eq!(shown(&model, &hidden, &Names::default()), [second, three]);
}
