//! Random tables, and changes to them. Keys come from small pools, so that two tables share many.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::num::{NonZeroU16, NonZeroU32};

use ipvs::{
    AddressFamily, Change, DestinationConfig, DestinationKey, Forwarding, Name, Netmask,
    Persistence, Protocol, Rehearsal, SchedulerFlags, ServiceConfig, ServiceKey, State, Table,
    Tunnel, TunnelChecksum,
};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

pub(crate) fn name(text: &str) -> Name {
    text.parse().expect("a name")
}

pub(crate) fn service_key() -> impl Strategy<Value = ServiceKey> {
    let addresses: [IpAddr; 3] = [
        Ipv4Addr::new(192, 0, 2, 1).into(),
        Ipv4Addr::new(192, 0, 2, 2).into(),
        Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1).into(),
    ];
    let protocols = [Protocol::Tcp, Protocol::Udp, Protocol::Sctp];
    let by_address = (select(protocols.to_vec()), select(addresses.to_vec()), select(&[0, 80][..]))
        .prop_map(|(protocol, address, port)| ServiceKey::Address { protocol, address, port });
    let families = [AddressFamily::V4, AddressFamily::V6];
    let by_mark =
        (select(&[1, u32::MAX][..]), select(families.to_vec())).prop_map(|(mark, family)| {
            ServiceKey::firewall_mark(NonZeroU32::new(mark).expect("not 0"), family)
        });
    prop_oneof![4 => by_address, 1 => by_mark]
}

pub(crate) fn destination_key() -> impl Strategy<Value = DestinationKey> {
    let addresses: [IpAddr; 4] = [
        Ipv4Addr::new(10, 0, 0, 1).into(),
        Ipv4Addr::new(10, 0, 0, 2).into(),
        Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, 1).into(),
        Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, 2).into(),
    ];
    (select(addresses.to_vec()), select(&[80, 8080][..]))
        .prop_map(|(address, port)| DestinationKey { address, port })
}

fn destination_key_of(family: AddressFamily) -> impl Strategy<Value = DestinationKey> {
    destination_key().prop_map(move |key| {
        // Each address has a counterpart in the other family.
        let address = match (key.address, family) {
            (IpAddr::V4(address), AddressFamily::V6) => {
                Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, address.octets()[3].into()).into()
            }
            (IpAddr::V6(address), AddressFamily::V4) => {
                Ipv4Addr::new(10, 0, 0, address.octets()[15]).into()
            }
            (address, _) => address,
        };
        DestinationKey { address, ..key }
    })
}

/// A configuration, which the kernel may refuse if it is `strange`.
fn service_config(family: AddressFamily, strange: bool) -> BoxedStrategy<ServiceConfig> {
    let schedulers = ["rr", "wrr", "lc", "wlc", "lblc", "dh", "sh", "sed", "nq", "fo", "ovf", "mh"];
    let lengths: &[u8] = if strange { &[0, 1, 64, 128, 129, 255] } else { &[1, 64, 128] };
    let masks = [[255, 255, 255, 255], [255, 255, 255, 0], [255, 0, 255, 0], [0, 0, 0, 0]];
    let v4 = select(masks.to_vec()).prop_map(|mask| Netmask::V4(mask.into()));
    let v6 = select(lengths.to_vec()).prop_map(Netmask::V6);
    let netmask = match (family, strange) {
        (_, true) => prop_oneof![v4, v6].boxed(),
        (AddressFamily::V4, false) => v4.boxed(),
        (AddressFamily::V6, false) => v6.boxed(),
    };
    let persistence = (select(&[0, 1, 300, 2_678_400][..]), netmask)
        .prop_map(|(timeout, netmask)| Persistence { timeout_seconds: timeout, netmask });
    (
        select(schedulers.to_vec()),
        0..8_u8,
        option::of(persistence),
        option::of(Just(name("sip"))),
        any::<bool>(),
    )
        .prop_map(|(scheduler, flags, persistence, persistence_engine, one_packet)| ServiceConfig {
            scheduler: name(scheduler),
            scheduler_flags: SchedulerFlags::from_bits_truncate(flags),
            persistence,
            persistence_engine,
            one_packet,
        })
        .boxed()
}

fn tunnel() -> impl Strategy<Value = Forwarding> {
    let port = NonZeroU16::new(6080).expect("not 0");
    let (none, sum, remote) =
        (TunnelChecksum::None, TunnelChecksum::Checksum, TunnelChecksum::Remote);
    select(vec![
        Tunnel::Ipip,
        Tunnel::Gue { port, checksum: none },
        Tunnel::Gue { port, checksum: sum },
        Tunnel::Gue { port, checksum: remote },
        Tunnel::Gue { port: NonZeroU16::MIN, checksum: none },
        Tunnel::Gre { checksum: none },
        Tunnel::Gre { checksum: sum },
    ])
    .prop_map(Forwarding::Tunnel)
}

fn destination_config(same_family: bool, strange: bool) -> BoxedStrategy<DestinationConfig> {
    let forwarding = if same_family || strange {
        prop_oneof![Just(Forwarding::Masquerade), Just(Forwarding::DirectRoute), tunnel()].boxed()
    } else {
        tunnel().boxed()
    };
    let weights: &[u32] =
        if strange { &[0, 1, i32::MAX as u32, 1 << 31] } else { &[0, 0, 1, 2, i32::MAX as u32] };
    let thresholds: &[(u32, u32)] = if strange {
        &[(0, 0), (10, 5), (5, 10), (0, 1), (u32::MAX, u32::MAX)]
    } else {
        &[(0, 0), (10, 0), (10, 5), (20, 20), (u32::MAX, u32::MAX)]
    };
    (forwarding, select(weights.to_vec()), select(thresholds.to_vec()))
        .prop_map(|(forwarding, weight, (upper_threshold, lower_threshold))| DestinationConfig {
            forwarding,
            weight,
            upper_threshold,
            lower_threshold,
        })
        .boxed()
}

/// A table that the kernel accepts. If `mixed`, services may have servers of the other family.
pub(crate) fn table(mixed: bool) -> impl Strategy<Value = Table> {
    let entry = service_key().prop_flat_map(move |key| {
        let destination = if mixed {
            destination_key().boxed()
        } else {
            destination_key_of(key.family()).boxed()
        };
        let destination = destination.prop_flat_map(move |destination| {
            let same_family = destination.family() == key.family();
            (Just(destination), destination_config(same_family, false))
        });
        (Just(key), service_config(key.family(), false), vec(destination, 0..6))
    });
    vec(entry, 0..6).prop_map(|entries| {
        let mut table = Table::new();
        for (key, config, destinations) in entries {
            let servers = table.insert(key, config);
            for (destination, config) in destinations {
                servers.insert(destination, config);
            }
        }
        table
    })
}

/// Two tables, the second with much of the first in it. `mixed` is as for [`table`], for each.
pub(crate) fn two_tables(mixed: [bool; 2]) -> impl Strategy<Value = (Table, Table)> {
    let tables = (table(mixed[0]), table(mixed[1]), vec(any::<bool>(), 61));
    tables.prop_map(move |(from, to, choices)| {
        let mut choices = choices.into_iter().cycle();
        let mut keep = || choices.next() == Some(true);
        let mut to = Rehearsal::new(State::from(to));
        // A change is refused if the other table already has the key, or does not have it.
        for (key, entry) in from.services() {
            if keep() {
                let _ = to.change(&Change::AddService(*key, *entry.config()));
            }
            if keep() {
                let _ = to.change(&Change::EditService(*key, *entry.config()));
            }
            for (destination, config) in entry.destinations() {
                if destination.family() != key.family() && !mixed[1] {
                    continue;
                }
                if keep() {
                    let _ = to.change(&Change::AddDestination(*key, *destination, *config));
                }
                if keep() {
                    let _ = to.change(&Change::EditDestination(*key, *destination, *config));
                }
            }
        }
        (from, to.into_state().table)
    })
}

/// Two tables with one service, of which different servers serve.
pub(crate) fn standby_tables() -> impl Strategy<Value = (Table, Table)> {
    let servers = || vec(option::of(0..2_u32), 3);
    (servers(), servers()).prop_map(|(from, to)| {
        let table = |servers: Vec<Option<u32>>| {
            let mut table = Table::new();
            let service = ServiceKey::tcp(([192, 0, 2, 1], 80));
            let entry = table.insert(service, ServiceConfig::default());
            for (server, weight) in servers.into_iter().enumerate() {
                let Some(weight) = weight else { continue };
                let key = DestinationKey::from(([10, 0, 0, 1], 80 + server as u16));
                let config = DestinationConfig { weight, ..DestinationConfig::default() };
                entry.insert(key, config);
            }
            table
        };
        (table(from), table(to))
    })
}

/// Any change to a table except a flush, which the kernel accepts or refuses.
pub(crate) fn table_change() -> impl Strategy<Value = Change> {
    let service =
        service_key().prop_flat_map(|key| (Just(key), service_config(key.family(), true))).boxed();
    let destination = (service_key(), destination_key(), destination_config(false, true)).boxed();
    prop_oneof![
        4 => service.clone().prop_map(|(key, config)| Change::AddService(key, config)),
        2 => service.prop_map(|(key, config)| Change::EditService(key, config)),
        1 => service_key().prop_map(Change::DeleteService),
        8 => destination.clone().prop_map(|(s, d, config)| Change::AddDestination(s, d, config)),
        4 => destination.prop_map(|(s, d, config)| Change::EditDestination(s, d, config)),
        2 => (service_key(), destination_key())
            .prop_map(|(service, key)| Change::DeleteDestination(service, key)),
    ]
}
