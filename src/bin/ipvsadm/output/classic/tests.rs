//! The classic listing against what Debian's `ipvsadm` 1.31 printed of the same table.

use std::net::SocketAddr;

use ipvs::{
    Destination, DestinationConfig, Name, Netmask, Persistence, SchedulerFlags, Service,
    ServiceConfig, SnapshotEntry, Version,
};

use super::*;
use crate::output::print_entries;

fn name(text: &str) -> Name {
    text.parse().expect("a name")
}

fn socket(text: &str) -> SocketAddr {
    text.parse().expect("an address")
}

fn service(key: ServiceKey, config: ServiceConfig) -> Service {
    let mut service = Service::new(key, config);
    service.stats = Some(Box::default());
    service
}

fn server(address: &str, forwarding: Forwarding, weight: u32) -> Destination {
    let config = DestinationConfig { forwarding, weight, ..DestinationConfig::default() };
    let mut server = Destination::new(socket(address).into(), config);
    server.stats = Some(Box::default());
    server
}

/// The table that the reference was given.
fn table() -> Vec<SnapshotEntry> {
    let gue = Tunnel::Gue {
        port: std::num::NonZeroU16::new(6080).expect("not 0"),
        checksum: TunnelChecksum::Checksum,
    };
    let gre = Tunnel::Gre { checksum: TunnelChecksum::None };
    let mut masq = server("192.168.255.255:65535", Forwarding::Masquerade, 2_147_483_647);
    masq.config.upper_threshold = 100;
    masq.config.lower_threshold = 50;
    [
        (
            service(ServiceKey::tcp(socket("10.0.0.1:80")), ServiceConfig::new(name("rr"))),
            vec![
                server("192.168.255.254:80", Forwarding::Tunnel(gue), 1),
                masq,
                server("10.2.2.2:80", Forwarding::Tunnel(Tunnel::Ipip), 1),
                server("[2001:db8::1234:5678:9abc:def0]:80", Forwarding::Tunnel(gre), 1),
            ],
        ),
        (
            service(
                ServiceKey::udp(socket("10.0.0.1:53")),
                ServiceConfig {
                    scheduler_flags: SchedulerFlags::FLAG_1 | SchedulerFlags::FLAG_2,
                    persistence: Some(Persistence {
                        timeout_seconds: 100,
                        netmask: Netmask::V4([255, 255, 255, 0].into()),
                    }),
                    ..ServiceConfig::new(name("sh"))
                },
            ),
            vec![],
        ),
        (
            service(
                ServiceKey::udp(socket("10.0.0.1:5060")),
                ServiceConfig {
                    persistence: Some(Persistence::new(AddressFamily::V4, 60)),
                    persistence_engine: Some(name("sip")),
                    one_packet: true,
                    ..ServiceConfig::default()
                },
            ),
            vec![],
        ),
        (
            service(
                ServiceKey::sctp(socket("[2001:db8::1234:5678:9abc:def0]:5060")),
                ServiceConfig {
                    scheduler_flags: SchedulerFlags::FLAG_2,
                    persistence: Some(Persistence {
                        timeout_seconds: 360,
                        netmask: Netmask::V6(64),
                    }),
                    ..ServiceConfig::new(name("mh"))
                },
            ),
            vec![],
        ),
        (
            service(
                ServiceKey::firewall_mark(
                    std::num::NonZeroU32::new(6).expect("not 0"),
                    AddressFamily::V6,
                ),
                ServiceConfig { one_packet: true, ..ServiceConfig::default() },
            ),
            vec![server("[2001:db8::9]:80", Forwarding::Masquerade, 1)],
        ),
    ]
    .map(|(service, destinations)| SnapshotEntry::new(service, destinations))
    .into()
}

/// Prints a table of these services.
fn printed(view: View, info: Option<Info>, entries: &[SnapshotEntry]) -> String {
    crate::process::printed(|sink| {
        let lines = Lines { view, exact: false, names: &ReverseNames::Numeric };
        print_entries(&mut Classic { sink, info, lines }, entries);
    })
}

fn listed(view: View) -> String {
    // A bar shows where a line ends.
    printed(view, None, &table()).replace('\n', "|\n")
}

#[test]
fn the_default_view() {
    assert_eq!(
        listed(View::Default),
        "\
Prot LocalAddress:Port Scheduler Flags|
  -> RemoteAddress:Port           Forward Weight ActiveConn InActConn|
TCP  10.0.0.1:80 rr|
  -> 192.168.255.254:80           Tunnel  1      0          0         |
  -> 192.168.255.255:65535        Masq    2147483647 0          0         |
  -> 10.2.2.2:80                  Tunnel  1      0          0         |
  -> [2001:db8::1234:5678:9abc:def0]:80 Tunnel  1      0          0         |
UDP  10.0.0.1:53 sh (sh-fallback,sh-port) persistent 100 mask 255.255.255.0|
UDP  10.0.0.1:5060 wlc persistent 60 pe sip ops|
SCTP [2001:db8::1234:5678:9abc:def0]:5060 mh (mh-port) persistent 360 mask 64|
FWM  6 IPv6 wlc ops|
  -> [2001:db8::9]:80             Masq    1      0          0         |
"
    );
}

#[test]
fn the_view_of_totals() {
    assert_eq!(
        listed(View::Stats),
        "\
Prot LocalAddress:Port               Conns   InPkts  OutPkts  InBytes OutBytes|
  -> RemoteAddress:Port|
TCP  10.0.0.1:80                         0        0        0        0        0|
  -> 192.168.255.254:80                  0        0        0        0        0|
  -> 192.168.255.255:65535               0        0        0        0        0|
  -> 10.2.2.2:80                         0        0        0        0        0|
  -> [2001:db8::1234:5678:9abc:def0]:80        0        0        0        0        0|
UDP  10.0.0.1:53                         0        0        0        0        0|
UDP  10.0.0.1:5060                       0        0        0        0        0|
SCTP [2001:db8::1234:5678:9abc:def0]:5060        0        0        0        0        0|
FWM  6 IPv6                              0        0        0        0        0|
  -> [2001:db8::9]:80                    0        0        0        0        0|
"
    );
}

#[test]
fn the_view_of_thresholds() {
    let listed = listed(View::Thresholds);
    assert!(
        listed.starts_with(
            "\
Prot LocalAddress:Port            Uthreshold Lthreshold ActiveConn InActConn |
  -> RemoteAddress:Port|
TCP  10.0.0.1:80 rr|
  -> 192.168.255.254:80           0          0          0          0         |
  -> 192.168.255.255:65535        100        50         0          0         |
"
        ),
        "{listed}"
    );
}

#[test]
fn the_view_of_persistent_connections() {
    let listed = listed(View::PersistentConnections);
    assert!(
        listed.starts_with(
            "\
Prot LocalAddress:Port            Weight    PersistConn ActiveConn InActConn |
  -> RemoteAddress:Port|
TCP  10.0.0.1:80 rr|
  -> 192.168.255.254:80           1         0           0          0         |
  -> 192.168.255.255:65535        2147483647 0           0          0         |
"
        ),
        "{listed}"
    );
}

#[test]
fn the_view_of_tunnels() {
    let listed = listed(View::TunnelInfo);
    assert!(
        listed.starts_with(
            "\
Prot LocalAddress:Port Scheduler Flags|
  -> RemoteAddress:Port           Forward TunnelInfo    Weight ActiveConn InActConn|
TCP  10.0.0.1:80 rr|
  -> 192.168.255.254:80           Tunnel  gue:6080:+c   1      0          0         |
  -> 192.168.255.255:65535        Masq    n/a           2147483647 0          0         |
  -> 10.2.2.2:80                  Tunnel  ipip          1      0          0         |
  -> [2001:db8::1234:5678:9abc:def0]:80 Tunnel  gre:-c        1      0          0         |
"
        ),
        "{listed}"
    );
}

#[test]
fn rates_of_a_server_are_never_shortened_but_its_bytes_are() {
    let mut server = server("10.0.0.1:80", Forwarding::Masquerade, 1);
    let much = 100_000_000;
    let rates = &mut server.stats.as_mut().expect("it has them").rates;
    rates.connections = much;
    rates.incoming_packets = much;
    rates.outgoing_packets = much;
    rates.incoming_bytes = much;
    rates.outgoing_bytes = much;
    let service = service(ServiceKey::tcp(socket("10.0.0.2:80")), ServiceConfig::default());
    let entry = SnapshotEntry::new(service, vec![server]);
    assert_eq!(
        printed(View::Rate, None, &[entry]).lines().last().expect("a server's line"),
        "  -> 10.0.0.1:80                  100000000 100000000 100000000  100000K  100000K"
    );
}

#[test]
fn the_banner() {
    let version = Version { major: 1, minor: 2, patch: 1 };
    let info = Info::new(version, 4096);
    let text = printed(View::Default, Some(info), &[]);
    assert_eq!(text.lines().next(), Some("IP Virtual Server version 1.2.1 (size=4096)"));
    assert_eq!(text.lines().count(), 3);
}

#[test]
fn an_unnamed_flag_of_sh_shows_as_nothing() {
    let config =
        ServiceConfig { scheduler_flags: SchedulerFlags::FLAG_3, ..ServiceConfig::new(name("sh")) };
    let service = service(ServiceKey::tcp(socket("10.0.0.1:80")), config);
    let text = printed(View::Default, None, &[SnapshotEntry::new(service, vec![])]);
    assert_eq!(text.lines().last(), Some("TCP  10.0.0.1:80 sh ()"));
}
