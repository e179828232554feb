//! Random tables and changes. Keys come from small pools, so that two tables share many.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::num::{NonZeroU16, NonZeroU32};

use ipvs::{
    AddressFamily, Change, DestinationConfig, DestinationKey, Forwarding, Name, Netmask,
    Persistence, Protocol, SchedulerFlags, ServiceConfig, ServiceKey, Table, Tunnel,
    TunnelChecksum,
};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

fn name(text: &str) -> Name {
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

/// `strange` ones may have what the kernel refuses.
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

/// A table that the kernel takes.
pub(crate) fn table() -> impl Strategy<Value = Table> {
    let entry = service_key().prop_flat_map(|key| {
        let destination = destination_key().prop_flat_map(move |destination| {
            let same_family = destination.family() == key.family();
            (Just(destination), destination_config(same_family, false))
        });
        (Just(key), service_config(key.family(), false), vec(destination, 0..6))
    });
    vec(entry, 0..6).prop_map(|entries| {
        let mut table = Table::new();
        for (key, config, destinations) in entries {
            // A key that came before is refused, which is as well.
            let _ = table.apply(&Change::AddService(key, config));
            for (destination, config) in destinations {
                let _ = table.apply(&Change::AddDestination(key, destination, config));
            }
        }
        table
    })
}

/// Two tables, the second with much of the first in it.
pub(crate) fn two_tables() -> impl Strategy<Value = (Table, Table)> {
    (table(), table(), vec(any::<bool>(), 61)).prop_map(|(from, mut to, choices)| {
        let mut choices = choices.into_iter().cycle();
        let mut keep = || choices.next() == Some(true);
        for (key, entry) in from.services() {
            if keep() {
                let _ = to.apply(&Change::AddService(*key, *entry.config()));
            }
            if keep() {
                let _ = to.apply(&Change::EditService(*key, *entry.config()));
            }
            for (destination, config) in entry.destinations() {
                if keep() {
                    let _ = to.apply(&Change::AddDestination(*key, *destination, *config));
                }
                if keep() {
                    let _ = to.apply(&Change::EditDestination(*key, *destination, *config));
                }
            }
        }
        (from, to)
    })
}

/// Two tables of one service, in which now these and now those of a few servers are up.
pub(crate) fn standby_tables() -> impl Strategy<Value = (Table, Table)> {
    let servers = || vec(option::of(0..2_u32), 3);
    (servers(), servers()).prop_map(|(from, to)| {
        let table = |servers: Vec<Option<u32>>| {
            let mut table = Table::new();
            let service = ServiceKey::tcp(([192, 0, 2, 1], 80));
            table.apply(&Change::AddService(service, ServiceConfig::default())).expect("added");
            for (server, weight) in servers.into_iter().enumerate() {
                let Some(weight) = weight else { continue };
                let key = DestinationKey::from(([10, 0, 0, 1], 80 + server as u16));
                let config = DestinationConfig { weight, ..DestinationConfig::default() };
                table.apply(&Change::AddDestination(service, key, config)).expect("added");
            }
            table
        };
        (table(from), table(to))
    })
}

/// Any change that is about a table, taken by the kernel or not.
pub(crate) fn change() -> impl Strategy<Value = Change> {
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

/// As a [`change`], and now and then a flush.
pub(crate) fn changes() -> impl Strategy<Value = Vec<Change>> {
    vec(prop_oneof![60 => change(), 1 => Just(Change::Flush)], 0..80)
}
