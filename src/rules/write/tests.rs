use std::num::{NonZeroU8, NonZeroU16, NonZeroU32};

use proptest::prelude::*;

use super::*;
use crate::{DaemonRole, Netmask, SchedulerFlags, Setting, Timeouts, TunnelChecksum};

fn text(change: &Change) -> String {
    Line::new(change).unwrap().to_string()
}

#[test]
fn lines_are_written_as_the_reference_saves_them() {
    for line in [
        "-A -t 1.2.3.4:80 -s wlc",
        "-A -u 1.2.3.4:80 -s rr -p 600 -M 255.255.255.0 --pe sip -o -b flag-1,flag-3",
        "-A --sctp-service [2001:db8::1]:80 -s sh -p 360 -M 64 -b sh-fallback,sh-port",
        "-A -t [::0.1.0.128]:0 -s wlc -p 9",
        "-A -f 4294967295 -6 -s mh -b mh-port",
        "-a -t 1.2.3.4:80 -r 10.0.0.1:80 -g -w 1",
        "-a -t 1.2.3.4:80 -r 10.0.0.1:81 -m -w 0 -x 10 -y 5",
        "-a -f 3 -6 -r 10.0.0.1:99 -i -w 1 --tun-type ipip",
        "-a -t 1.2.3.4:80 -r 10.0.0.1:80 -i -w 1 --tun-type gue --tun-port 6080 --tun-remcsum",
        "-a -t 1.2.3.4:80 -r 10.0.0.1:80 -i -w 1 --tun-type gre --tun-nocsum -x 7",
        "-d -t 1.2.3.4:80 -r [fe80::1]:81",
        "-C",
        "-Z",
        "-Z -f 5",
        "--set 900 120 300",
        "--start-daemon master --mcast-interface eth0 --syncid 5 --mcast-group 224.0.0.81",
        "--stop-daemon backup",
        "--settings conn_reuse_mode=0",
        "--settings sync_threshold=3,50",
        "--settings est_cpulist=0-3,8",
        "--settings est_cpulist=",
        "--settings of_tomorrow=-7",
    ] {
        match Line::parse(line.as_bytes()) {
            Ok(Some(change)) => assert_eq!(text(&change), line),
            other => panic!("{line}: {other:?}"),
        }
    }
}

#[test]
fn names_take_the_place_of_numbers() {
    struct Known;
    impl ReverseResolve for Known {
        fn host(&self, address: IpAddr) -> Option<&str> {
            (address == IpAddr::from([10, 0, 0, 1])).then_some("web1.example")
        }

        fn service(&self, port: u16, protocol: Protocol) -> Option<&str> {
            (port == 80 && protocol == Protocol::Tcp).then_some("http")
        }
    }
    let add = Change::DeleteDestination(
        ServiceKey::tcp(([192, 0, 2, 1], 80)),
        DestinationKey { address: [10, 0, 0, 1].into(), port: 81 },
    );
    let mut line = Vec::new();
    push_line(&mut line, &add, &Known).unwrap();
    assert_eq!(line, b"-d -t 192.0.2.1:http -r web1.example:81");
}

#[test]
fn what_no_rule_can_say_is_refused() {
    let service = ServiceKey::tcp(([1, 2, 3, 4], 80));
    let server = DestinationKey { address: [10, 0, 0, 1].into(), port: 80 };
    let with = |forwarding| {
        let config = DestinationConfig { forwarding, ..DestinationConfig::default() };
        Line::new(&Change::AddDestination(service, server, config)).map(|line| line.to_string())
    };
    assert!(with(Forwarding::Bypass).is_err());
    assert!(with(Forwarding::Other(9)).is_err());
    assert!(with(Forwarding::Tunnel(Tunnel::Other { kind: 9, port: 0, flags: 0 })).is_err());
    assert!(with(Forwarding::Tunnel(Tunnel::Gre { checksum: TunnelChecksum::Remote })).is_err());
    assert_eq!(with(Forwarding::Local).unwrap(), with(Forwarding::DirectRoute).unwrap());
    let odd = ServiceKey::Address { protocol: Protocol::Other(1), address: [1; 4].into(), port: 1 };
    assert!(Line::new(&Change::DeleteService(odd)).is_err());
    for name in ["a b", "ipvsadm", "a\tb"] {
        let config = ServiceConfig::new(name.parse().unwrap());
        assert!(Line::new(&Change::AddService(service, config)).is_err(), "{name:?}");
    }
}

#[test]
fn a_name_may_look_like_a_comment() {
    let service = ServiceKey::tcp(([1, 2, 3, 4], 80));
    let add = Change::AddService(service, ServiceConfig::new("#a".parse().unwrap()));
    let line = Line::new(&add).unwrap().to_string();
    assert_eq!(line, "-A -t 1.2.3.4:80 -s #a");
    assert_eq!(Line::parse(line.as_bytes()), Ok(Some(add)));
}

fn address() -> impl Strategy<Value = IpAddr> {
    prop_oneof![any::<[u8; 4]>().prop_map(IpAddr::from), any::<[u16; 8]>().prop_map(IpAddr::from)]
}

fn service_key() -> impl Strategy<Value = ServiceKey> {
    let protocol = prop::sample::select(vec![Protocol::Tcp, Protocol::Udp, Protocol::Sctp]);
    let family = prop::sample::select(vec![AddressFamily::V4, AddressFamily::V6]);
    prop_oneof![
        (protocol, address(), any::<u16>()).prop_map(|(protocol, address, port)| {
            ServiceKey::Address { protocol, address, port }
        }),
        (any::<NonZeroU32>(), family)
            .prop_map(|(mark, family)| ServiceKey::firewall_mark(mark, family)),
    ]
}

fn name() -> impl Strategy<Value = Name> {
    prop_oneof!["sh", "mh", "wlc", "[a-z][a-z0-9_.-]{0,14}"].prop_map(|name| name.parse().unwrap())
}

fn service() -> impl Strategy<Value = (ServiceKey, ServiceConfig)> {
    (
        service_key(),
        name(),
        0u8..8,
        prop::option::of((1u32..=2678400, any::<[u8; 4]>(), 1u8..=128)),
        prop::option::of(name()),
        any::<bool>(),
    )
        .prop_map(|(mut key, scheduler, bits, persistence, engine, one_packet)| {
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
                scheduler_flags: SchedulerFlags::from_bits_truncate(bits),
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
            (key, config)
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

fn server() -> impl Strategy<Value = (ServiceKey, DestinationKey, DestinationConfig)> {
    let count = || 0u32..=i32::MAX as u32;
    (
        service_key(),
        address(),
        any::<[u8; 4]>(),
        any::<u16>(),
        forwarding(),
        count(),
        count(),
        count(),
    )
        .prop_map(|(service, address, v4, port, forwarding, weight, upper, lower)| {
            let tunnel = matches!(forwarding, Forwarding::Tunnel(_));
            let address = match service.family() {
                _ if tunnel => address,
                AddressFamily::V4 => v4.into(),
                AddressFamily::V6 => std::net::Ipv4Addr::from(v4).to_ipv6_compatible().into(),
            };
            let port = match service {
                ServiceKey::Address { port, .. } if forwarding != Forwarding::Masquerade => port,
                _ => port,
            };
            let config = DestinationConfig {
                forwarding,
                weight,
                upper_threshold: upper,
                lower_threshold: lower,
            };
            (service, DestinationKey { address, port }, config)
        })
}

fn daemon() -> impl Strategy<Value = Change> {
    let role = || prop::sample::select(vec![DaemonRole::Master, DaemonRole::Backup]);
    let group = prop_oneof![
        (224u8..=239, any::<[u8; 3]>()).prop_map(|(a, [b, c, d])| IpAddr::from([a, b, c, d])),
        any::<[u16; 7]>()
            .prop_map(|[b, c, d, e, f, g, h]| IpAddr::from([0xff02, b, c, d, e, f, g, h])),
    ];
    let length = (1u16..=65507).prop_map(|length| NonZeroU16::new(length).unwrap());
    prop_oneof![
        role().prop_map(Change::StopDaemon),
        (
            role(),
            name(),
            any::<u8>(),
            prop::option::of(length),
            prop::option::of(group),
            prop::option::of(any::<NonZeroU16>()),
            prop::option::of(any::<NonZeroU8>()),
        )
            .prop_map(|(role, interface, sync_id, max_length_bytes, group, port, ttl)| {
                let config =
                    DaemonConfig { interface, sync_id, max_length_bytes, group, port, ttl };
                Change::StartDaemon(role, config)
            }),
    ]
}

/// Any change that a rule can say.
fn change() -> impl Strategy<Value = Change> {
    let seconds = || 0u32..=2678400;
    prop_oneof![
        4 => service().prop_map(|(key, config)| Change::AddService(key, config)),
        1 => service().prop_map(|(key, config)| Change::EditService(key, config)),
        1 => service_key().prop_map(Change::DeleteService),
        4 => server().prop_map(|(service, key, config)| {
            Change::AddDestination(service, key, config)
        }),
        1 => server().prop_map(|(service, key, config)| {
            Change::EditDestination(service, key, config)
        }),
        1 => (service_key(), address(), any::<u16>()).prop_map(|(service, address, port)| {
            Change::DeleteDestination(service, DestinationKey { address, port })
        }),
        1 => prop::sample::select(vec![Change::Flush, Change::ZeroAll]),
        1 => service_key().prop_map(Change::ZeroService),
        1 => [seconds(), seconds(), seconds()].prop_map(|seconds| {
            let [tcp_seconds, tcp_fin_seconds, udp_seconds] = seconds;
            Change::SetTimeouts(Timeouts { tcp_seconds, tcp_fin_seconds, udp_seconds })
        }),
        2 => daemon(),
        1 => setting(),
    ]
}

fn setting() -> impl Strategy<Value = Change> {
    let name = prop::sample::select(
        Setting::known().chain(["of_tomorrow".parse().unwrap()]).collect::<Vec<_>>(),
    );
    (name, any::<i64>(), any::<i64>(), "[0-9]{1,3}-[0-9]{1,3}").prop_map(
        |(setting, first, second, text)| {
            let texts = [first.to_string(), format!("{first},{second}"), text];
            let value = texts.iter().find_map(|text| setting.value(text).ok()).unwrap();
            Change::SetSetting(setting, value)
        },
    )
}

proptest! {
    #[test]
    fn what_is_written_reads_as_what_it_was(change in change()) {
        let line = text(&change);
        let read = Line::parse(line.as_bytes());
        prop_assert_eq!(read, Ok(Some(change)), "{}", line);
    }
}
