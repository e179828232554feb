//! Arbitrary values of the model.

use std::net::IpAddr;
use std::num::{NonZeroU8, NonZeroU16, NonZeroU32};

use ipvs::{
    AddressFamily, Change, Daemon, DaemonConfig, DaemonRole, Destination, DestinationConfig,
    DestinationKey, Forwarding, Info, Name, Netmask, Persistence, Protocol, SchedulerFlags,
    Service, ServiceConfig, ServiceKey, Stats, Timeouts, Tunnel, TunnelChecksum, Version,
};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

/// The number of values that each property is tried with.
pub(crate) fn cases(cases: u32) -> ProptestConfig {
    // A failed case is printed, and need not be kept in a file.
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

pub(crate) fn name() -> impl Strategy<Value = Name> {
    // Any characters, also those of several bytes, as long as they fit
    let text = prop_oneof![3 => "[a-z0-9_-]{1,15}", 1 => "\\PC{1,5}"];
    text.prop_filter_map("too long", |text| text.parse().ok())
}

pub(crate) fn family() -> impl Strategy<Value = AddressFamily> {
    prop_oneof![Just(AddressFamily::V4), Just(AddressFamily::V6)]
}

pub(crate) fn service_key() -> impl Strategy<Value = ServiceKey> {
    let number = prop_oneof![3 => prop::sample::select(vec![6, 17, 132]), 1 => any::<u16>()];
    prop_oneof![
        3 => (number, any::<IpAddr>(), any::<u16>()).prop_map(|(number, address, port)| {
            ServiceKey::Address { protocol: Protocol::from_number(number), address, port }
        }),
        1 => (any::<NonZeroU32>(), family())
            .prop_map(|(mark, family)| ServiceKey::FirewallMark { mark, family }),
    ]
}

pub(crate) fn netmask(family: AddressFamily) -> BoxedStrategy<Netmask> {
    match family {
        AddressFamily::V4 => any::<u32>().prop_map(|mask| Netmask::V4(mask.into())).boxed(),
        AddressFamily::V6 => any::<u8>().prop_map(Netmask::V6).boxed(),
    }
}

fn service_config(family: AddressFamily) -> impl Strategy<Value = ServiceConfig> {
    let persistence = (any::<u32>(), netmask(family))
        .prop_map(|(timeout, netmask)| Persistence { timeout_seconds: timeout, netmask });
    (name(), 0u8..8, option::of(persistence), option::of(name()), any::<bool>()).prop_map(
        |(scheduler, flags, persistence, persistence_engine, one_packet)| ServiceConfig {
            scheduler,
            scheduler_flags: SchedulerFlags::from_bits_truncate(flags),
            persistence,
            persistence_engine,
            one_packet,
        },
    )
}

/// A service's key and a configuration for it.
fn key_and_config() -> impl Strategy<Value = (ServiceKey, ServiceConfig)> {
    service_key().prop_flat_map(|key| (Just(key), service_config(key.family())))
}

fn stats() -> impl Strategy<Value = Box<Stats>> {
    // Small numbers, and some that need more than 32 bits
    let counter = || prop_oneof![any::<u8>().prop_map(u64::from), any::<u64>()];
    let five = || [counter(), counter(), counter(), counter(), counter()];
    (five(), five()).prop_map(|(totals, averages)| {
        let mut stats = Box::<Stats>::default();
        [
            stats.connections,
            stats.incoming_packets,
            stats.outgoing_packets,
            stats.incoming_bytes,
            stats.outgoing_bytes,
        ] = totals;
        let rates = &mut stats.rates;
        [
            rates.connections,
            rates.incoming_packets,
            rates.outgoing_packets,
            rates.incoming_bytes,
            rates.outgoing_bytes,
        ] = averages;
        stats
    })
}

pub(crate) fn service() -> impl Strategy<Value = Service> {
    (key_and_config(), stats()).prop_map(|((key, config), stats)| {
        let mut service = Service::new(key, config);
        service.stats = Some(stats);
        service
    })
}

pub(crate) fn destination_key() -> impl Strategy<Value = DestinationKey> {
    (any::<IpAddr>(), any::<u16>()).prop_map(|(address, port)| DestinationKey { address, port })
}

fn checksum() -> impl Strategy<Value = TunnelChecksum> {
    prop::sample::select(vec![
        TunnelChecksum::None,
        TunnelChecksum::Checksum,
        TunnelChecksum::Remote,
    ])
}

fn tunnel() -> impl Strategy<Value = Tunnel> {
    prop_oneof![
        Just(Tunnel::Ipip),
        (any::<NonZeroU16>(), checksum())
            .prop_map(|(port, checksum)| Tunnel::Gue { port, checksum }),
        checksum().prop_map(|checksum| Tunnel::Gre { checksum }),
        // Unknown types, and known types with unknown flags
        (3u8.., any::<u16>(), any::<u16>()).prop_map(|(kind, port, flags)| Tunnel::Other {
            kind,
            port,
            flags
        }),
        (1u8..=2, any::<u16>(), 3u16..).prop_map(|(kind, port, flags)| Tunnel::Other {
            kind,
            port,
            flags
        }),
    ]
}

fn forwarding() -> impl Strategy<Value = Forwarding> {
    prop_oneof![
        Just(Forwarding::Masquerade),
        Just(Forwarding::DirectRoute),
        Just(Forwarding::Local),
        Just(Forwarding::Bypass),
        // The kernel keeps three bits of the number
        (5u8..=7).prop_map(Forwarding::Other),
        tunnel().prop_map(Forwarding::Tunnel),
    ]
}

fn destination_config() -> impl Strategy<Value = DestinationConfig> {
    (forwarding(), any::<u32>(), any::<u32>(), any::<u32>()).prop_map(
        |(forwarding, weight, upper_threshold, lower_threshold)| DestinationConfig {
            forwarding,
            weight,
            upper_threshold,
            lower_threshold,
        },
    )
}

pub(crate) fn destination() -> impl Strategy<Value = Destination> {
    (destination_key(), destination_config(), any::<[u32; 3]>(), stats()).prop_map(
        |(key, config, connections, stats)| {
            let mut server = Destination::new(key, config);
            [
                server.active_connections,
                server.inactive_connections,
                server.persistent_connections,
            ] = connections;
            server.stats = Some(stats);
            server
        },
    )
}

pub(crate) fn role() -> impl Strategy<Value = DaemonRole> {
    prop_oneof![Just(DaemonRole::Master), Just(DaemonRole::Backup)]
}

fn daemon_config() -> impl Strategy<Value = DaemonConfig> {
    let later = (
        option::of(any::<NonZeroU16>()),
        option::of(any::<IpAddr>()),
        option::of(any::<NonZeroU16>()),
        option::of(any::<NonZeroU8>()),
    );
    (name(), any::<u8>(), later).prop_map(
        |(interface, sync_id, (max_length_bytes, group, port, ttl))| DaemonConfig {
            interface,
            sync_id,
            max_length_bytes,
            group,
            port,
            ttl,
        },
    )
}

pub(crate) fn daemon() -> impl Strategy<Value = Daemon> {
    (role(), daemon_config()).prop_map(|(role, config)| Daemon::new(role, config))
}

pub(crate) fn timeouts() -> impl Strategy<Value = Timeouts> {
    any::<(u32, u32, u32)>().prop_map(|(tcp, tcp_fin, udp)| Timeouts {
        tcp_seconds: tcp,
        tcp_fin_seconds: tcp_fin,
        udp_seconds: udp,
    })
}

pub(crate) fn info() -> impl Strategy<Value = Info> {
    any::<(u8, u8, u8, u32)>()
        .prop_map(|(major, minor, patch, size)| Info::new(Version { major, minor, patch }, size))
}

pub(crate) fn change() -> impl Strategy<Value = Change> {
    let on_destination = || (service_key(), destination_key(), destination_config());
    prop_oneof![
        3 => key_and_config().prop_map(|(key, config)| Change::AddService(key, config)),
        3 => key_and_config().prop_map(|(key, config)| Change::EditService(key, config)),
        1 => service_key().prop_map(Change::DeleteService),
        3 => on_destination().prop_map(|(s, key, config)| Change::AddDestination(s, key, config)),
        3 => on_destination().prop_map(|(s, key, config)| Change::EditDestination(s, key, config)),
        1 => (service_key(), destination_key())
            .prop_map(|(s, key)| Change::DeleteDestination(s, key)),
        1 => Just(Change::Flush),
        1 => Just(Change::ZeroAll),
        1 => service_key().prop_map(Change::ZeroService),
        1 => timeouts().prop_map(Change::SetTimeouts),
        2 => (role(), daemon_config()).prop_map(|(role, config)| Change::StartDaemon(role, config)),
        1 => role().prop_map(Change::StopDaemon),
    ]
}

pub(crate) fn changes(most: usize) -> impl Strategy<Value = Vec<Change>> {
    vec(change(), 0..=most)
}
