//! Services are read as they were set.

use std::num::NonZeroU32;

use ipvs::rules::grammar::SCHEDULERS;
use ipvs::{
    AddressFamily, Netmask, Persistence, Protocol, RefusalKind, SchedulerFlags, ServiceConfig,
    ServiceKey,
};

use super::{
    assert_kept, assert_refused, assert_service, connect, name, scheduler, socket, tcp, udp,
};
use crate::harness::KernelTest;
use crate::netns::Netns;

pub(crate) fn tests() -> Vec<KernelTest> {
    crate::tests![
        services_of_every_protocol_and_family_are_kept,
        firewall_marks_of_all_32_bits_are_kept_for_each_family,
        every_scheduler_that_the_kernel_has_is_kept,
        scheduler_flags_are_kept,
        persistence_is_kept_with_its_timeout_and_netmask,
        a_persistence_engine_is_kept_and_removed,
        one_packet_scheduling_is_kept,
        everything_at_once_is_kept,
        an_edit_replaces_the_whole_configuration,
        a_deleted_service_is_gone_and_the_others_stay,
        the_kernel_accepts_a_service_for_all_ports_without_persistence,
        a_protocol_that_the_kernel_does_not_balance_is_kept,
        a_persistence_timeout_wraps_at_32_bits_of_ticks,
    ]
}

const V4: AddressFamily = AddressFamily::V4;
const V6: AddressFamily = AddressFamily::V6;

fn persistent(timeout: u32, netmask: Netmask) -> ServiceConfig {
    ServiceConfig {
        persistence: Some(Persistence { timeout_seconds: timeout, netmask }),
        ..scheduler("rr")
    }
}

fn services_of_every_protocol_and_family_are_kept() {
    let ns = Netns::new();
    let mut client = connect(&ns);
    let mut count = 0;
    for address in ["10.0.0.1", "[fd00::1]", "[::ffff:10.0.0.1]", "0.0.0.0"] {
        for port in [1, 80, 65535] {
            let at = socket(&format!("{address}:{port}"));
            for key in [ServiceKey::tcp(at), ServiceKey::udp(at), ServiceKey::sctp(at)] {
                assert_kept(&mut client, key, scheduler("rr"));
                count += 1;
            }
        }
    }
    assert_eq!(client.services().expect("a list").len(), count, "none is taken for another");
}

fn firewall_marks_of_all_32_bits_are_kept_for_each_family() {
    let ns = Netns::new();
    let mut client = connect(&ns);
    for mark in [1, 0x7fff_ffff, 0x8000_0000, u32::MAX] {
        for family in [V4, V6] {
            let mark = NonZeroU32::new(mark).expect("not 0");
            assert_kept(&mut client, ServiceKey::firewall_mark(mark, family), scheduler("wlc"));
        }
    }
    assert_eq!(client.services().expect("a list").len(), 8);
}

fn every_scheduler_that_the_kernel_has_is_kept() {
    let ns = Netns::new();
    let mut client = connect(&ns);
    let mut missing = Vec::new();
    for (port, known) in (1..).zip(SCHEDULERS) {
        for address in ["10.0.0.1", "[fd00::1]"] {
            let key = tcp(&format!("{address}:{port}"));
            match client.add_service(&key, &scheduler(known.name)) {
                Ok(()) => assert_service(&mut client, key, scheduler(known.name)),
                error => {
                    assert_refused(error, RefusalKind::SchedulerNotFound);
                    missing.push(known.name);
                }
            }
        }
    }
    missing.dedup();
    // Distributions leave some out, but never these.
    println!("schedulers that this kernel does not have: {missing:?}");
    assert!(!missing.iter().any(|name| ["rr", "wrr", "lc", "wlc", "sh"].contains(name)));
    assert_kept(&mut client, tcp("10.0.0.2:80"), scheduler("none"));
}

fn scheduler_flags_are_kept() {
    let ns = Netns::new();
    let mut client = connect(&ns);
    for (service, name) in (1..).zip(["sh", "mh", "rr"]) {
        for bits in 0..8 {
            let scheduler_flags = SchedulerFlags::from_bits_truncate(bits);
            let config = ServiceConfig { scheduler_flags, ..scheduler(name) };
            let port = service * 10 + u16::from(bits);
            assert_kept(&mut client, tcp(&format!("10.0.0.1:{port}")), config);
        }
    }
}

fn persistence_is_kept_with_its_timeout_and_netmask() {
    let ns = Netns::new();
    let mut client = connect(&ns);
    for (port, timeout) in (1..).zip([0, 1, 300, 360, 2_678_400]) {
        assert_kept(
            &mut client,
            tcp(&format!("10.0.0.1:{port}")),
            persistent(timeout, Netmask::host(V4)),
        );
    }
    for (port, mask) in (1..).zip([0, 0xffff_ff00, 0x8000_0000, 0xff00_ff00, u32::MAX]) {
        let config = persistent(300, Netmask::V4(u32::into(mask)));
        assert_kept(&mut client, tcp(&format!("10.0.0.2:{port}")), config);
    }
    for length in [1, 48, 64, 127, 128] {
        let config = persistent(300, Netmask::V6(length));
        assert_kept(&mut client, tcp(&format!("[fd00::1]:{length}")), config);
        let mark = NonZeroU32::new(u32::from(length)).expect("not 0");
        assert_kept(&mut client, ServiceKey::firewall_mark(mark, V6), config);
    }
    for length in [0, 129, 255] {
        let config = persistent(300, Netmask::V6(length));
        let key = tcp("[fd00::1]:80");
        assert_refused(client.add_service(&key, &config), RefusalKind::Invalid);
    }
}

fn a_persistence_engine_is_kept_and_removed() {
    let ns = Netns::new();
    let mut client = connect(&ns);
    let sip = Some(name("sip"));
    let with = ServiceConfig {
        persistence_engine: sip,
        ..persistent(60, Netmask::V4([255, 255, 255, 0].into()))
    };
    let key = udp("10.0.0.1:5060");
    assert_kept(&mut client, key, with);
    let without = ServiceConfig { persistence_engine: None, ..with };
    client.edit_service(&key, &without).expect("it is edited");
    assert_service(&mut client, key, without);
    client.edit_service(&key, &with).expect("it is edited");
    assert_service(&mut client, key, with);
}

fn one_packet_scheduling_is_kept() {
    let ns = Netns::new();
    let mut client = connect(&ns);
    let config = ServiceConfig { one_packet: true, ..scheduler("rr") };
    assert_kept(&mut client, udp("10.0.0.1:53"), config);
    assert_kept(&mut client, udp("[fd00::1]:53"), config);
    let mark = NonZeroU32::new(7).expect("not 0");
    assert_kept(&mut client, ServiceKey::firewall_mark(mark, V4), config);
}

fn everything_at_once_is_kept() {
    let ns = Netns::new();
    let mut client = connect(&ns);
    let config = |netmask| ServiceConfig {
        scheduler: name("sh"),
        scheduler_flags: SchedulerFlags::from_bits_truncate(7),
        persistence: Some(Persistence { timeout_seconds: 77, netmask }),
        persistence_engine: Some(name("sip")),
        one_packet: true,
    };
    assert_kept(&mut client, udp("10.0.0.1:5060"), config(Netmask::V4([255, 0, 0, 0].into())));
    assert_kept(&mut client, udp("[fd00::1]:5060"), config(Netmask::V6(56)));
}

fn an_edit_replaces_the_whole_configuration() {
    let ns = Netns::new();
    let mut client = connect(&ns);
    let key = udp("10.0.0.1:5060");
    let full = ServiceConfig {
        scheduler_flags: SchedulerFlags::FLAG_2,
        persistence_engine: Some(name("sip")),
        one_packet: true,
        ..persistent(60, Netmask::V4([255, 255, 0, 0].into()))
    };
    assert_kept(&mut client, key, full);
    client.add_destination(&key, &super::server("10.0.0.9:1"), &Default::default()).expect("added");
    for config in [scheduler("wlc"), full, persistent(5, Netmask::host(V4)), scheduler("none")] {
        client.edit_service(&key, &config).expect("it is edited");
        assert_service(&mut client, key, config);
        assert_eq!(client.destinations(&key).expect("a list").len(), 1, "its server stays");
    }
}

fn a_deleted_service_is_gone_and_the_others_stay() {
    let ns = Netns::new();
    let mut client = connect(&ns);
    let keys = [tcp("10.0.0.1:80"), udp("10.0.0.1:80"), tcp("10.0.0.1:81"), tcp("[fd00::1]:80")];
    for key in keys {
        assert_kept(&mut client, key, scheduler("rr"));
        let at = if key.family() == V4 { "10.0.0.9:1" } else { "[fd00::9]:1" };
        client.add_destination(&key, &super::server(at), &Default::default()).expect("added");
    }
    for (deleted, key) in keys.iter().enumerate() {
        client.delete_service(key).expect("it is there");
        assert_refused(client.service(key), RefusalKind::NoSuchService);
        assert_eq!(client.destinations(key).expect("a list"), [], "there is no telling why");
        let left = client.snapshot().expect("a table").entries;
        assert_eq!(left.len(), keys.len() - deleted - 1);
        assert!(left.iter().all(|entry| entry.destinations.len() == 1));
    }
}

/// Only `ipvsadm` requires persistence for one.
fn the_kernel_accepts_a_service_for_all_ports_without_persistence() {
    let ns = Netns::new();
    let mut client = connect(&ns);
    assert_kept(&mut client, tcp("10.0.0.1:0"), scheduler("rr"));
    assert_kept(&mut client, tcp("[fd00::1]:0"), persistent(300, Netmask::host(V6)));
}

fn a_protocol_that_the_kernel_does_not_balance_is_kept() {
    let ns = Netns::new();
    let mut client = connect(&ns);
    let address = [10, 0, 0, 1].into();
    let key = ServiceKey::Address { protocol: Protocol::Other(47), address, port: 80 };
    assert_kept(&mut client, key, scheduler("rr"));
}

/// The kernel multiplies the timeout by its ticks a second, 100 to 1000, in 32 bits.
fn a_persistence_timeout_wraps_at_32_bits_of_ticks() {
    let ns = Netns::new();
    let mut client = connect(&ns);
    assert_kept(&mut client, tcp("10.0.0.1:1"), persistent(4_294_967, Netmask::host(V4)));
    let key = tcp("10.0.0.1:2");
    client.add_service(&key, &persistent(u32::MAX, Netmask::host(V4))).expect("it is taken");
    let kept = client.service(&key).expect("it is there").config.persistence.expect("persistent");
    assert!(kept.timeout_seconds < u32::MAX / 100 + 1, "{}", kept.timeout_seconds);
}
