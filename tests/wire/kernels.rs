//! Older and newer kernels than the one that the library was written for.

use std::net::IpAddr;

use ipvs::{
    AddressFamily, Client, Daemon, DaemonConfig, DaemonRole, Destination, Forwarding, Service,
    ServiceKey, Stats, Timeouts, Tunnel,
};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

use crate::Result;
use crate::codec::{Attribute, Request};
use crate::fake::{Fake, ask};
use crate::numbers::{cmd, daemon, dest, info, stats, svc, top};
use crate::{values, write};

/// The attribute without those of these numbers in it.
fn without(attribute: Attribute, numbers: &[u16]) -> Attribute {
    let Attribute::Nest(number, mut inner) = attribute else { panic!("it holds others") };
    let before = inner.len();
    inner.retain(|attribute| !numbers.contains(&attribute.number()));
    assert!(inner.len() < before, "there was something to take away");
    Attribute::Nest(number, inner)
}

/// The attribute with another value for one of those in it.
fn with(attribute: Attribute, other: Attribute) -> Attribute {
    let Attribute::Nest(number, mut inner) = attribute else { panic!("it holds others") };
    let same = inner.iter_mut().find(|attribute| attribute.number() == other.number());
    *same.expect("it was there") = other;
    Attribute::Nest(number, inner)
}

/// Attributes that a future kernel might add at any level: of unknown numbers, empty, of odd
/// lengths, and nested ones.
fn with_news(attribute: &Attribute) -> Attribute {
    let Attribute::Nest(number, inner) = attribute else { return attribute.clone() };
    let mut news = vec![
        Attribute::Leaf(100, Vec::new()),
        Attribute::Leaf(101, vec![1, 2, 3]),
        Attribute::Leaf(0, vec![9]),
    ];
    news.extend(inner.iter().map(with_news));
    news.push(Attribute::Nest(102, vec![Attribute::leaf(1, 1_u32), Attribute::leaf(2, 2_u64)]));
    news.push(Attribute::Leaf(0x3fff, vec![0; 300]));
    Attribute::Nest(*number, news)
}

fn answer_one(
    command: u8,
    attributes: Vec<Attribute>,
) -> impl Fn(&Request) -> Vec<Vec<u8>> + 'static {
    move |request| vec![request.answer(command, &attributes), request.done(0, None)]
}

fn read_service(sent: Attribute) -> Result<Service> {
    let key = ServiceKey::tcp(([192, 0, 2, 1], 80));
    ask(answer_one(cmd::NEW_SERVICE, vec![sent]), |client| client.service(&key))
}

/// The server that is read for a service of this family.
fn read_destination(sent: Attribute, family: AddressFamily) -> Result<Destination> {
    let service = ServiceKey::firewall_mark(7.try_into().expect("not 0"), family);
    let servers =
        ask(answer_one(cmd::NEW_DEST, vec![sent]), |client| client.destinations(&service));
    Ok(servers?.remove(0))
}

fn read_daemon(sent: Attribute) -> Result<Daemon> {
    Ok(ask(answer_one(cmd::NEW_DAEMON, vec![sent]), |client| client.daemons())?.remove(0))
}

/// What remains of 64-bit statistics in 32-bit ones, which always had 64 bits for bytes.
fn keep_low_half(stats: &mut Option<Box<Stats>>) {
    let stats = stats.as_mut().expect("every arbitrary value has them");
    let rates = &mut stats.rates;
    for value in [
        &mut stats.connections,
        &mut stats.incoming_packets,
        &mut stats.outgoing_packets,
        &mut rates.connections,
        &mut rates.incoming_packets,
        &mut rates.outgoing_packets,
        &mut rates.incoming_bytes,
        &mut rates.outgoing_bytes,
    ] {
        *value &= u64::from(u32::MAX);
    }
}

/// Any value.
fn arbitrary<T>(strategy: impl Strategy<Value = T>) -> T {
    strategy.new_tree(&mut TestRunner::deterministic()).expect("a value").current()
}

proptest! {
    #![proptest_config(values::cases(150))]

    #[test]
    fn before_linux_4_1_statistics_are_the_32_bit_ones(
        mut service in values::service(),
        mut destination in values::destination(),
    ) {
        let old = without(write::service(&service), &[svc::STATS64]);
        let got = read_service(old).expect("it is well formed");
        keep_low_half(&mut service.stats);
        prop_assert_eq!(got, service);

        let old = without(write::destination(&destination), &[dest::STATS64]);
        let got = read_destination(old, AddressFamily::V4).expect("it is well formed");
        keep_low_half(&mut destination.stats);
        prop_assert_eq!(got, destination);
    }

    #[test]
    fn before_linux_3_18_a_server_is_of_its_services_family(destination in values::destination()) {
        let old = without(write::destination(&destination), &[dest::ADDR_FAMILY]);
        let got = read_destination(old, destination.key.family()).expect("it is well formed");
        prop_assert_eq!(got, destination);
    }

    #[test]
    fn attributes_of_later_kernels_are_ignored_at_every_level(
        service in values::service(),
        destination in values::destination(),
        daemon in values::daemon(),
    ) {
        let got = read_service(with_news(&write::service(&service)));
        prop_assert_eq!(got.expect("it is well formed"), service);
        let got = read_destination(with_news(&write::destination(&destination)), AddressFamily::V6);
        prop_assert_eq!(got.expect("it is well formed"), destination);
        let got = read_daemon(with_news(&write::daemon(&daemon)));
        prop_assert_eq!(got.expect("it is well formed"), daemon);
    }
}

#[test]
fn attributes_of_later_kernels_are_ignored_at_the_top_level() {
    fn read<T>(
        command: u8,
        attributes: &[Attribute],
        question: impl FnOnce(&mut Client<Fake>) -> Result<T>,
    ) -> T {
        let Attribute::Nest(_, all) = with_news(&Attribute::Nest(0, attributes.to_vec())) else {
            unreachable!("it was one")
        };
        ask(answer_one(command, all), question).expect("it is well formed")
    }
    let service = arbitrary(values::service());
    let got =
        read(cmd::NEW_SERVICE, &[write::service(&service)], |client| client.service(&service.key));
    assert_eq!(got, service);
    let timeouts = Timeouts { tcp_seconds: 1, tcp_fin_seconds: 2, udp_seconds: 3 };
    let sent = write::timeouts(&timeouts);
    assert_eq!(read(cmd::SET_CONFIG, &sent, |client| client.timeouts()), timeouts);
    let info = arbitrary(values::info());
    assert_eq!(read(cmd::SET_INFO, &write::info(&info), |client| client.info()), info);
}

#[test]
fn before_linux_5_2_a_tunnel_is_ipip() {
    for forwarding in [Forwarding::Tunnel(Tunnel::Ipip), Forwarding::Masquerade] {
        let mut destination = arbitrary(values::destination());
        destination.config.forwarding = forwarding;
        let tunnel = [dest::TUN_TYPE, dest::TUN_PORT, dest::TUN_FLAGS];
        let old = without(write::destination(&destination), &tunnel);
        assert_eq!(read_destination(old, AddressFamily::V4).expect("well formed"), destination);
    }
}

#[test]
fn in_linux_5_2_a_gue_tunnel_has_no_checksum_to_tell_of() {
    let mut destination = arbitrary(values::destination());
    let port = 6080.try_into().expect("not 0");
    let checksum = ipvs::TunnelChecksum::None;
    destination.config.forwarding = Forwarding::Tunnel(Tunnel::Gue { port, checksum });
    let old = without(write::destination(&destination), &[dest::TUN_FLAGS]);
    assert_eq!(read_destination(old, AddressFamily::V4).expect("well formed"), destination);
}

#[test]
fn before_linux_4_3_a_daemon_has_role_interface_and_sync_id_only() {
    let config = DaemonConfig {
        sync_id: 255,
        max_length_bytes: 1400.try_into().ok(),
        group: Some(IpAddr::from([224, 0, 0, 81])),
        port: 8848.try_into().ok(),
        ttl: 1.try_into().ok(),
        ..DaemonConfig::new("eth0".parse().expect("a name"))
    };
    let sent = write::daemon(&Daemon::new(DaemonRole::Backup, config));
    let later = [daemon::SYNC_MAXLEN, daemon::MCAST_GROUP, daemon::MCAST_PORT, daemon::MCAST_TTL];
    let got = read_daemon(without(sent, &later)).expect("it is well formed");
    let first = DaemonConfig { sync_id: 255, ..DaemonConfig::new(config.interface) };
    assert_eq!(got, Daemon::new(DaemonRole::Backup, first));
}

#[test]
fn a_kernel_without_tcp_balancing_has_no_tcp_timeouts() {
    let attributes = vec![Attribute::leaf(top::TIMEOUT_UDP, 300_u32)];
    let got = ask(answer_one(cmd::SET_CONFIG, attributes), |client| client.timeouts());
    assert_eq!(
        got.expect("it is well formed"),
        Timeouts { tcp_seconds: 0, tcp_fin_seconds: 0, udp_seconds: 300 }
    );
}

#[test]
fn unknown_forwarding_methods_and_tunnels_are_read_as_numbers() {
    let destination = arbitrary(values::destination());
    let read = |others: &[Attribute]| {
        let sent = others.iter().cloned().fold(write::destination(&destination), with);
        read_destination(sent, AddressFamily::V4).expect("well formed").config.forwarding
    };
    let method = |number: u32| Attribute::leaf(dest::FWD_METHOD, number);
    assert_eq!(read(&[method(5)]), Forwarding::Other(5));
    assert_eq!(read(&[method(7)]), Forwarding::Other(7));
    // The other bits are flags of connections, such as `IP_VS_CONN_F_NOOUTPUT`.
    assert_eq!(read(&[method(0x0103)]), Forwarding::DirectRoute);

    let tunnel = |kind: u8, port: u16, flags: u16| {
        read(&[
            method(2),
            Attribute::leaf(dest::TUN_TYPE, kind),
            Attribute::leaf(dest::TUN_PORT, port.to_be()),
            Attribute::leaf(dest::TUN_FLAGS, flags),
        ])
    };
    let other = |kind, port, flags| Forwarding::Tunnel(Tunnel::Other { kind, port, flags });
    assert_eq!(tunnel(3, 4789, 1), other(3, 4789, 1), "a type after GRE");
    assert_eq!(tunnel(1, 6080, 4), other(1, 6080, 4), "GUE with a flag after REMCSUM");
    assert_eq!(tunnel(1, 6080, 3), other(1, 6080, 3), "GUE with two checksums");
    assert_eq!(tunnel(1, 0, 0), other(1, 0, 0), "GUE without a port");
}

#[test]
fn statistics_that_later_kernels_add_are_ignored() {
    let service = arbitrary(values::service());
    let Attribute::Nest(number, mut inner) = write::service(&service) else { unreachable!() };
    for attribute in &mut inner {
        if let Attribute::Nest(svc::STATS64, counters) = attribute {
            counters.insert(0, Attribute::leaf(stats::PAD + 1, 77_u64));
            counters.push(Attribute::Leaf(stats::PAD + 2, vec![1]));
        }
    }
    assert_eq!(read_service(Attribute::Nest(number, inner)).expect("well formed"), service);
}

/// Every kernel sends these, and nothing can be read without any of them.
#[test]
fn attributes_that_every_kernel_sends_are_required() {
    let service = |numbers: &[u16]| {
        let mut service = arbitrary(values::service());
        service.key = ServiceKey::tcp(([192, 0, 2, 1], 80));
        service.config.persistence = None;
        read_service(without(write::service(&service), numbers)).map(drop)
    };
    let destination = |numbers: &[u16]| {
        let destination = write::destination(&arbitrary(values::destination()));
        read_destination(without(destination, numbers), AddressFamily::V4).map(drop)
    };
    let daemon = |numbers: &[u16]| {
        read_daemon(without(write::daemon(&arbitrary(values::daemon())), numbers)).map(drop)
    };
    let info = |numbers: &[u16]| {
        let mut sent = write::info(&arbitrary(values::info()));
        sent.retain(|attribute| !numbers.contains(&attribute.number()));
        ask(answer_one(cmd::SET_INFO, sent), |client| client.info()).map(drop)
    };
    let malformed = |result: Result<()>| match result {
        Err(error @ ipvs::Error::Malformed(_)) => error.to_string(),
        other => panic!("{other:?}"),
    };
    for number in [svc::AF, svc::PROTOCOL, svc::ADDR, svc::PORT, svc::SCHED_NAME] {
        let text = malformed(service(&[number]));
        assert!(text.starts_with("the kernel's reply is malformed: a service without"), "{text}");
    }
    for number in [dest::ADDR, dest::PORT, dest::FWD_METHOD, dest::WEIGHT] {
        let text = malformed(destination(&[number]));
        assert!(text.contains("a destination without"), "{text}");
    }
    for number in [daemon::STATE, daemon::MCAST_IFN, daemon::SYNC_ID] {
        let text = malformed(daemon(&[number]));
        assert!(text.contains("a daemon without"), "{text}");
    }
    for number in [info::VERSION, info::CONN_TAB_SIZE] {
        malformed(info(&[number]));
    }
    let empty = ask(answer_one(cmd::NEW_SERVICE, vec![]), |client| {
        client.service(&ServiceKey::tcp(([192, 0, 2, 1], 80)))
    });
    assert_eq!(malformed(empty.map(drop)), "the kernel's reply is malformed: no service");
}
