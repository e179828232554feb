//! Every table reads back as written and fits the schema; damage to its text is reported with a
//! place.

use std::net::IpAddr;
use std::num::{NonZeroU16, NonZeroU32};

use ipvs::{
    AddressFamily, Destination, DestinationConfig, DestinationKey, Forwarding, Name, Netmask,
    Persistence, Protocol, SchedulerFlags, Service, ServiceConfig, ServiceKey, Snapshot,
    SnapshotEntry, Stats, Tunnel, TunnelChecksum,
};
use proptest::prelude::*;

use super::tests::{TABLE, against, changes, read_changes, written};
use super::*;
use crate::output::json::Detail;

fn address(family: AddressFamily) -> BoxedStrategy<IpAddr> {
    match family {
        AddressFamily::V4 => any::<[u8; 4]>().prop_map(IpAddr::from).boxed(),
        AddressFamily::V6 => any::<[u16; 8]>().prop_map(IpAddr::from).boxed(),
    }
}

fn family() -> impl Strategy<Value = AddressFamily> {
    prop::sample::select(vec![AddressFamily::V4, AddressFamily::V6])
}

/// Any name, even one that rules cannot express.
fn name() -> impl Strategy<Value = Name> {
    prop_oneof!["sh", "mh", "wlc", "[a-z\"\\\\ é\n\u{1}]{1,7}"]
        .prop_map(|name| name.parse().expect("the name is valid"))
}

fn key() -> impl Strategy<Value = ServiceKey> {
    let protocol = prop::sample::select(vec![Protocol::Tcp, Protocol::Udp, Protocol::Sctp]);
    prop_oneof![
        3 => (protocol, family().prop_flat_map(address), any::<u16>()).prop_map(
            |(protocol, address, port)| ServiceKey::Address { protocol, address, port }
        ),
        1 => (any::<NonZeroU32>(), family())
            .prop_map(|(mark, family)| ServiceKey::firewall_mark(mark, family)),
    ]
}

fn stats() -> impl Strategy<Value = Box<Stats>> {
    (any::<[u64; 3]>(), any::<[u64; 2]>()).prop_map(|(totals, rates)| {
        let mut stats = Box::<Stats>::default();
        [stats.connections, stats.incoming_packets, stats.outgoing_bytes] = totals;
        [stats.rates.connections, stats.rates.incoming_bytes] = rates;
        stats
    })
}

fn service() -> impl Strategy<Value = Service> {
    let persistence = (0u32..=2_678_400, any::<[u8; 4]>(), 1u8..=128);
    (
        key(),
        name(),
        0u8..8,
        prop::option::of(persistence),
        prop::option::of(name()),
        any::<bool>(),
        stats(),
    )
        .prop_map(|(mut key, scheduler, flags, persistence, engine, one_packet, stats)| {
            let udp_or_mark = match &mut key {
                ServiceKey::Address { protocol, port, .. } => {
                    // Only a persistent service has port 0.
                    *port = if persistence.is_none() { (*port).max(1) } else { *port };
                    *protocol == Protocol::Udp
                }
                ServiceKey::FirewallMark { .. } => true,
            };
            let config = ServiceConfig {
                scheduler,
                scheduler_flags: SchedulerFlags::from_bits_truncate(flags),
                persistence: persistence.map(|(timeout_seconds, mask, length)| Persistence {
                    timeout_seconds,
                    netmask: match key.family() {
                        AddressFamily::V4 => Netmask::V4(mask.into()),
                        AddressFamily::V6 => Netmask::V6(length),
                    },
                }),
                persistence_engine: engine,
                one_packet: one_packet && udp_or_mark,
            };
            let mut service = Service::new(key, config);
            service.stats = Some(stats);
            service
        })
}

fn forwarding() -> impl Strategy<Value = Forwarding> {
    use TunnelChecksum::{Checksum, None, Remote};
    let any_checksum = prop::sample::select(vec![None, Checksum, Remote]);
    let gre_checksum = prop::sample::select(vec![None, Checksum]);
    prop_oneof![
        Just(Forwarding::Masquerade),
        Just(Forwarding::DirectRoute),
        Just(Forwarding::Tunnel(Tunnel::Ipip)),
        (any::<NonZeroU16>(), any_checksum)
            .prop_map(|(port, checksum)| Forwarding::Tunnel(Tunnel::Gue { port, checksum })),
        gre_checksum.prop_map(|checksum| Forwarding::Tunnel(Tunnel::Gre { checksum })),
    ]
}

fn destination(of: AddressFamily) -> impl Strategy<Value = Destination> {
    let count = || 0u32..=i32::MAX as u32;
    (forwarding(), family(), any::<[u32; 3]>(), any::<u16>(), count(), count(), count(), stats())
        .prop_flat_map(
            move |(forwarding, other, connections, port, weight, upper, lower, stats)| {
                let tunnel = matches!(forwarding, Forwarding::Tunnel(_));
                address(if tunnel { other } else { of }).prop_map(move |address| {
                    let key = DestinationKey { address, port };
                    let config = DestinationConfig {
                        forwarding,
                        weight,
                        upper_threshold: upper.max(lower),
                        lower_threshold: upper.min(lower),
                    };
                    let mut server = Destination::new(key, config);
                    [
                        server.active_connections,
                        server.inactive_connections,
                        server.persistent_connections,
                    ] = connections;
                    server.stats = Some(stats.clone());
                    server
                })
            },
        )
}

fn table() -> impl Strategy<Value = Snapshot> {
    let entry = service().prop_flat_map(|service| {
        prop::collection::vec(destination(service.key.family()), 0..4)
            .prop_map(move |destinations| SnapshotEntry::new(service.clone(), destinations))
    });
    prop::collection::vec(entry, 0..5).prop_map(Snapshot::new)
}

proptest! {
    #[test]
    fn written_tables_read_back_unchanged(table in table()) {
        for detail in [Detail::Configuration, Detail::All] {
            let text = written(&table, detail);
            let want = Ok((changes(&table), Vec::new()));
            prop_assert_eq!(read_changes(&text), want, "{}", String::from_utf8_lossy(&text));
            prop_assert_eq!(against(&TABLE, &text), Ok(()), "{}", String::from_utf8_lossy(&text));
        }
    }

    #[test]
    fn damaged_text_is_an_error_with_a_place_or_still_a_table(
        table in table(),
        at in any::<prop::sample::Index>(),
        byte in any::<u8>(),
        cut in any::<bool>(),
    ) {
        let mut text = written(&table, Detail::Configuration);
        let at = at.index(text.len());
        if cut {
            text.truncate(at);
        } else {
            text[at] = byte;
        }
        if let Err(error) = read(&text) {
            let lines = text.iter().filter(|byte| **byte == b'\n').count() + 1;
            prop_assert!(!error.problems.is_empty());
            for problem in &error.problems {
                prop_assert!((1..=lines).contains(&problem.line), "{}", problem);
                prop_assert!(problem.column >= 1 && !problem.text.is_empty(), "{}", problem);
            }
        }
    }
}
