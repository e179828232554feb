//! The library compared with real requests of `ipvsadm` 1.31 and real replies of Linux 6.1, which
//! are in `captured.txt`.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};

use ipvs::{
    AddressFamily, Change, Client, Daemon, DaemonConfig, DaemonRole, Destination,
    DestinationConfig, DestinationKey, Forwarding, Info, Netmask, Persistence, SchedulerFlags,
    Service, ServiceConfig, ServiceKey, SnapshotEntry, Timeouts, Tunnel, TunnelChecksum, Version,
};

use crate::codec::{Nest, Request, requests};
use crate::fake::{Fake, client, willing_client};
use crate::numbers::{cmd, daemon, dest, svc, top};

/// The captured messages of one command line.
#[derive(Debug, Default)]
struct Captured {
    requests: Vec<Request>,
    replies: Vec<Vec<u8>>,
}

fn captured(name: &str) -> Captured {
    let text = include_str!("captured.txt");
    let hex = |text: &str| -> Vec<u8> {
        let digits = (0..text.len()).step_by(2);
        digits.map(|i| u8::from_str_radix(&text[i..i + 2], 16).expect("hexadecimal")).collect()
    };
    let mut captured = Captured::default();
    let mut here = false;
    for line in text.lines() {
        match line.split_once(' ') {
            Some(("=", this)) => here = this == name,
            Some((">", bytes)) if here => captured.requests.extend(requests(&hex(bytes))),
            Some(("<", bytes)) if here => captured.replies.push(hex(bytes)),
            _ => {}
        }
    }
    assert!(!captured.requests.is_empty(), "{name} was captured");
    captured
}

/// Paths of attributes in which the reference and the library may differ.
type Paths = &'static [&'static [u16]];

/// Where only the key of a service counts, the reference also sends an empty scheduler name and
/// defaults. The kernel reads only the key (`ip_vs_genl_parse_service` with `full_entry` 0).
const SERVICE_DEFAULTS: Paths = &[
    &[top::SERVICE, svc::SCHED_NAME],
    &[top::SERVICE, svc::FLAGS],
    &[top::SERVICE, svc::TIMEOUT],
    &[top::SERVICE, svc::NETMASK],
];

/// The reference sends tunnel attributes for every server, with zeros, which are what the kernel
/// assumes if they are missing (`ip_vs_genl_parse_dest`).
const NO_TUNNEL: Paths =
    &[&[top::DEST, dest::TUN_TYPE], &[top::DEST, dest::TUN_PORT], &[top::DEST, dest::TUN_FLAGS]];

/// Where only the key of a server counts, the reference also sends defaults. The kernel reads only
/// the key (`ip_vs_genl_parse_dest` with `full_entry` 0).
const DEST_DEFAULTS: Paths = &[
    &[top::DEST, dest::FWD_METHOD],
    &[top::DEST, dest::WEIGHT],
    &[top::DEST, dest::U_THRESH],
    &[top::DEST, dest::L_THRESH],
];

/// To stop a daemon, the reference also sends an empty interface and a sync ID. The kernel reads
/// only the state (`ip_vs_genl_del_daemon`).
const STOPPED: Paths = &[&[top::DAEMON, daemon::MCAST_IFN], &[top::DAEMON, daemon::SYNC_ID]];

/// The last 12 bytes of an IPv4 address: the reference sends whatever was there before, the library
/// zeros. The kernel reads the first four.
const ADDRESS_TAIL: Paths = &[&[top::DEST, dest::ADDR]];

/// The reference sends a netmask for a service that is not persistent. The kernel stores it, and
/// never uses it. In the library a netmask is part of persistence.
const IDLE_NETMASK: Paths = &[&[top::SERVICE, svc::NETMASK]];

/// Asserts that the captured request of `name` is the same as `ours`, except that it has all of the
/// attributes `more`, and another value for `other`.
#[track_caller]
fn assert_same(name: &str, ours: &Request, more: &[Paths], other: Paths) {
    let captured = captured(name);
    let theirs = &captured.requests[0];
    assert_eq!(ours.command, theirs.command, "{name}: the command");
    assert_eq!(ours.version, theirs.version, "{name}: the version");

    let depth = match ours.command {
        cmd::SET_CONFIG => 1,
        _ => 2,
    };
    let paths = |request: &Request| request.attributes.flat(depth);
    let (mut ours, mut theirs) = (paths(ours), paths(theirs));
    for path in other {
        let (ours, theirs) = (ours.remove(*path), theirs.remove(*path));
        assert_ne!(ours, theirs, "{name}: {path:?} is no difference");
    }
    let allowed: BTreeSet<_> = more.iter().copied().flatten().map(|path| path.to_vec()).collect();
    let found: BTreeSet<_> =
        theirs.keys().filter(|path| !ours.contains_key(*path)).cloned().collect();
    assert_eq!(found, allowed, "{name}: what the reference sends besides");
    theirs.retain(|path, _| !allowed.contains(path));
    assert_eq!(ours, theirs, "{name}");
}

/// The library's request for a change.
fn request_for(change: Change) -> Request {
    let (mut client, fake) = willing_client();
    client.change(&change).expect("it is carried out");
    fake.only_request()
}

#[track_caller]
fn assert_change(name: &str, change: Change, more: &[Paths]) {
    assert_same(name, &request_for(change), more, &[]);
}

fn socket(text: &str) -> SocketAddr {
    text.parse().expect("an address and port")
}

fn tcp(text: &str) -> ServiceKey {
    ServiceKey::tcp(socket(text))
}

fn udp(text: &str) -> ServiceKey {
    ServiceKey::udp(socket(text))
}

fn mark(mark: u32, family: AddressFamily) -> ServiceKey {
    ServiceKey::firewall_mark(mark.try_into().expect("not 0"), family)
}

fn scheduler(name: &str) -> ServiceConfig {
    ServiceConfig::new(name.parse().expect("a name"))
}

fn persistent(name: &str, timeout: u32, netmask: Netmask) -> ServiceConfig {
    ServiceConfig {
        persistence: Some(Persistence { timeout_seconds: timeout, netmask }),
        ..scheduler(name)
    }
}

fn mask(a: u8, b: u8, c: u8, d: u8) -> Netmask {
    Netmask::V4([a, b, c, d].into())
}

use AddressFamily::{V4, V6};
use Forwarding::{DirectRoute, Masquerade};

const IPIP: Forwarding = Forwarding::Tunnel(Tunnel::Ipip);

fn gue(checksum: TunnelChecksum) -> Forwarding {
    let port = 6080.try_into().expect("not 0");
    Forwarding::Tunnel(Tunnel::Gue { port, checksum })
}

fn server(forwarding: Forwarding, weight: u32) -> DestinationConfig {
    DestinationConfig { forwarding, weight, ..Default::default() }
}

const WEB: &str = "1.2.3.4:80";
const WEB6: &str = "[2001:db8::1]:80";

#[test]
fn services_are_added_as_by_the_reference() {
    let flags = SchedulerFlags::FLAG_1 | SchedulerFlags::FLAG_2;
    let sip = Some("sip".parse().expect("a name"));
    let cases = [
        ("add_tcp", tcp(WEB), scheduler("rr")),
        ("add_tcp_default", tcp("1.2.3.5:80"), ServiceConfig::default()),
        ("add_udp_ops", udp("1.2.3.4:5353"), ServiceConfig { one_packet: true, ..scheduler("rr") }),
        ("add_sctp", ServiceKey::sctp(socket(WEB)), scheduler("rr")),
        ("add_v6", tcp(WEB6), scheduler("wrr")),
        ("add_fwm", mark(7, V4), scheduler("rr")),
        ("add_fwm_big", mark(u32::MAX, V4), ServiceConfig::default()),
        ("add_fwm6", mark(7, V6), persistent("rr", 100, Netmask::V6(64))),
        (
            "add_persist",
            tcp("1.2.3.6:80"),
            persistent("wlc", Persistence::DEFAULT_TIMEOUT_SECONDS, Netmask::host(V4)),
        ),
        (
            "add_persist_mask_pe",
            udp("1.2.3.6:5060"),
            ServiceConfig {
                persistence_engine: sip,
                ..persistent("rr", 60, mask(255, 255, 255, 0))
            },
        ),
        ("add_v6_persist_mask", tcp("[2001:db8::2]:80"), persistent("wrr", 600, Netmask::V6(48))),
        (
            "add_flags",
            tcp("1.2.3.7:80"),
            ServiceConfig { scheduler_flags: flags, ..scheduler("sh") },
        ),
        // The reference cuts names that are too long. The library has no such names.
        ("add_longsched", tcp("1.2.3.9:80"), scheduler("abcdefghijklmno")),
    ];
    for (name, key, config) in cases {
        assert_change(name, Change::AddService(key, config), &[]);
    }
    let idle = Change::AddService(tcp("1.2.3.8:80"), ServiceConfig::default());
    assert_same("add_mask_nopersist", &request_for(idle), &[], IDLE_NETMASK);
}

#[test]
fn services_are_edited_zeroed_and_deleted_as_by_the_reference() {
    let key = tcp("1.2.3.6:80");
    assert_change("edit", Change::EditService(key, ServiceConfig::default()), &[]);
    let scheduler_flags = SchedulerFlags::FLAG_1;
    let config = ServiceConfig { scheduler_flags, ..persistent("wrr", 9, mask(255, 0, 0, 0)) };
    assert_change("edit_persist", Change::EditService(key, config), &[]);

    for (name, key) in
        [("del", tcp("1.2.3.5:80")), ("del_v6", tcp(WEB6)), ("del_fwm6", mark(7, V6))]
    {
        assert_change(name, Change::DeleteService(key), &[SERVICE_DEFAULTS]);
    }
    assert_change("zero_one", Change::ZeroService(tcp(WEB)), &[SERVICE_DEFAULTS]);
    assert_change("zero_fwm", Change::ZeroService(mark(7, V4)), &[SERVICE_DEFAULTS]);
    assert_change("zero_all", Change::ZeroAll, &[]);
    assert_change("clear", Change::Flush, &[]);
}

#[test]
fn servers_are_added_as_by_the_reference() {
    let gre = Forwarding::Tunnel(Tunnel::Gre { checksum: TunnelChecksum::None });
    let limited =
        DestinationConfig { upper_threshold: 100, lower_threshold: 50, ..server(Masquerade, 1) };
    let (web, plain, tunnel): (_, &[Paths], &[Paths]) =
        (tcp(WEB), &[SERVICE_DEFAULTS, NO_TUNNEL], &[SERVICE_DEFAULTS]);
    let cases = [
        ("addsrv_m", web, "10.0.0.1:8080", server(Masquerade, 5), plain),
        ("addsrv_g", web, "10.0.0.2:80", DestinationConfig::default(), plain),
        ("addsrv_local", web, "127.0.0.1:80", DestinationConfig::default(), plain),
        ("addsrv_thresh", web, "10.0.0.7:80", limited, plain),
        ("addsrv_v6", tcp(WEB6), "[::5]:8080", server(Masquerade, 1), plain),
        ("addsrv_fwm", mark(7, V4), "10.0.0.1:99", server(Masquerade, 1), plain),
        ("addsrv_fwm6", mark(7, V6), "[::5]:0", server(Masquerade, 1), plain),
        ("addsrv_i", web, "10.0.0.3:80", server(IPIP, 2), tunnel),
        ("addsrv_gue", web, "10.0.0.4:80", server(gue(TunnelChecksum::Checksum), 1), tunnel),
        ("addsrv_gue_remcsum", web, "10.0.0.5:80", server(gue(TunnelChecksum::Remote), 1), tunnel),
        ("addsrv_gre", web, "10.0.0.6:80", server(gre, 1), tunnel),
    ];
    for (name, service, key, config, more) in cases {
        assert_change(name, Change::AddDestination(service, socket(key).into(), config), more);
    }
    let mixed = Change::AddDestination(tcp(WEB6), socket("10.0.0.1:80").into(), server(IPIP, 1));
    assert_same("addsrv_v4_in_v6", &request_for(mixed), &[SERVICE_DEFAULTS], ADDRESS_TAIL);
}

#[test]
fn servers_are_edited_and_deleted_as_by_the_reference() {
    let edit = |key: &str, config| Change::EditDestination(tcp(WEB), socket(key).into(), config);
    let plain: &[Paths] = &[SERVICE_DEFAULTS, NO_TUNNEL];
    assert_change("editsrv", edit("10.0.0.1:8080", server(Masquerade, 6)), plain);
    assert_change("editsrv_tun", edit("10.0.0.3:80", server(IPIP, 6)), &[SERVICE_DEFAULTS]);

    let all: &[Paths] = &[SERVICE_DEFAULTS, NO_TUNNEL, DEST_DEFAULTS];
    for (name, service, key) in
        [("delsrv", tcp(WEB), "10.0.0.7:80"), ("delsrv_fwm6", mark(7, V6), "[::5]:0")]
    {
        assert_change(name, Change::DeleteDestination(service, socket(key).into()), all);
    }
}

#[test]
fn timeouts_are_set_as_by_the_reference() {
    let set = |tcp, tcp_fin, udp| {
        Change::SetTimeouts(Timeouts {
            tcp_seconds: tcp,
            tcp_fin_seconds: tcp_fin,
            udp_seconds: udp,
        })
    };
    assert_change("set", set(900, 120, 300), &[]);
    assert_change("set_zero", set(0, 0, 301), &[]);
}

/// The backup daemon that was captured with every option set.
fn backup() -> DaemonConfig {
    DaemonConfig {
        sync_id: 7,
        max_length_bytes: 1400.try_into().ok(),
        group: Some(IpAddr::from([224, 0, 1, 100])),
        port: 9000.try_into().ok(),
        ttl: 3.try_into().ok(),
        ..DaemonConfig::new("lo".parse().expect("a name"))
    }
}

#[test]
fn daemons_are_started_and_stopped_as_by_the_reference() {
    use DaemonRole::{Backup, Master};
    let on = |name: &str| DaemonConfig::new(name.parse().expect("a name"));
    let group = Some("ff02::81".parse().expect("an address"));
    assert_change("start_master", Change::StartDaemon(Master, on("lo")), &[]);
    assert_change("start_backup", Change::StartDaemon(Backup, backup()), &[]);
    let v6 = DaemonConfig { sync_id: 9, group, ..on("d0") };
    assert_change("start_backup_v6", Change::StartDaemon(Backup, v6), &[]);
    assert_change("stop_master", Change::StopDaemon(Master), &[STOPPED]);
    assert_change("stop_backup", Change::StopDaemon(Backup), &[STOPPED]);
    assert_change("stop_syncid", Change::StopDaemon(Backup), &[STOPPED]);
}

/// The library's only request, which is not answered.
fn question<T>(ask: impl FnOnce(&mut Client<Fake>) -> crate::Result<T>) -> Request {
    let (mut client, fake) = client(|_| Vec::new());
    assert!(ask(&mut client).is_err(), "nothing came");
    fake.only_request()
}

#[test]
fn queries_are_sent_as_the_reference_sends_them() {
    let services = question(|client| client.services());
    assert_same("list", &services, &[], &[]);
    assert_same("list_timeout", &question(|client| client.timeouts()), &[], &[]);
    assert_same("list_daemon", &question(|client| client.daemons()), &[], &[]);
    assert_same("version", &question(|client| client.info()), &[], &[]);
    for (name, key) in
        [("list_one", tcp(WEB)), ("list_one_fwm6", mark(7, V6)), ("list_none", tcp("9.9.9.9:9"))]
    {
        let one = question(|client| client.service(&key));
        assert_same(name, &one, &[SERVICE_DEFAULTS], &[]);
    }
}

#[test]
fn servers_are_queried_as_the_reference_queries_them() {
    for (name, at, key) in [("list_one", 1, tcp(WEB)), ("list_one_fwm6", 1, mark(7, V6))] {
        let ours = question(|client| client.destinations(&key));
        let theirs = &captured(name).requests[at];
        assert_eq!((ours.command, &ours.attributes), (theirs.command, &theirs.attributes));
    }
}

/// A client of a kernel that answers the requests of a captured command as the kernel did then.
fn replay(name: &str) -> Client<Fake> {
    let captured = captured(name);
    let port = |message: &[u8]| -> [u8; 4] { message[12..16].try_into().expect("a header") };
    // The reference uses a socket for each request, so a reply belongs to the request with its
    // port.
    let mut replies: BTreeMap<[u8; 4], Vec<Vec<u8>>> = BTreeMap::new();
    for reply in captured.replies {
        replies.entry(port(&reply)).or_default().push(reply);
    }
    let (client, _) = client(move |requests| {
        let request = &requests[0];
        let key = |nest: &Nest| nest.flat(1);
        let same = |then: &&Request| {
            then.command == request.command
                && (key(&then.attributes) == key(&request.attributes)
                    || then.command == cmd::GET_SERVICE)
        };
        let then = captured.requests.iter().find(same).expect("it was asked for then");
        let mut answer = replies.get(&port(then.as_bytes())).cloned().unwrap_or_default();
        for reply in &mut answer {
            reply[8..12].copy_from_slice(&request.sequence.to_ne_bytes());
        }
        answer.push(request.done(0, None));
        answer.into_iter().map(Ok).collect()
    });
    client
}

fn service(key: ServiceKey, config: ServiceConfig) -> Service {
    let mut service = Service::new(key, config);
    service.stats = Some(Box::default());
    service
}

fn destination(key: &str, config: DestinationConfig) -> Destination {
    let mut destination = Destination::new(DestinationKey::from(socket(key)), config);
    destination.stats = Some(Box::default());
    destination
}

/// The servers of the service with the most traffic.
fn web_servers() -> Vec<Destination> {
    let gre = Forwarding::Tunnel(Tunnel::Gre { checksum: TunnelChecksum::None });
    vec![
        destination("10.0.0.1:8080", server(Masquerade, 6)),
        destination("10.0.0.2:80", server(DirectRoute, 1)),
        destination("10.0.0.3:80", server(IPIP, 6)),
        destination("10.0.0.4:80", server(gue(TunnelChecksum::Checksum), 1)),
        destination("10.0.0.5:80", server(gue(TunnelChecksum::Remote), 1)),
        destination("10.0.0.6:80", server(gre, 1)),
        destination("127.0.0.1:80", server(DirectRoute, 1)),
    ]
}

#[test]
fn a_real_table_is_read_as_it_was_set() {
    let sip = Some("sip".parse().expect("a name"));
    let entry = |key, config, destinations| SnapshotEntry::new(service(key, config), destinations);
    let mixed = vec![
        destination("10.0.0.1:80", server(IPIP, 1)),
        destination("[::5]:8080", server(Masquerade, 1)),
    ];
    let flags = SchedulerFlags::FLAG_1 | SchedulerFlags::FLAG_2;
    let edited = ServiceConfig {
        scheduler_flags: SchedulerFlags::FLAG_1,
        ..persistent("wrr", 9, mask(255, 0, 0, 0))
    };
    let with_engine =
        ServiceConfig { persistence_engine: sip, ..persistent("rr", 60, mask(255, 255, 255, 0)) };
    let expected = [
        entry(tcp(WEB), scheduler("rr"), web_servers()),
        entry(tcp("1.2.3.5:80"), scheduler("wlc"), vec![]),
        entry(tcp("1.2.3.6:80"), edited, vec![]),
        entry(
            tcp("1.2.3.7:80"),
            ServiceConfig { scheduler_flags: flags, ..scheduler("sh") },
            vec![],
        ),
        entry(tcp("1.2.3.8:80"), scheduler("wlc"), vec![]),
        entry(udp("1.2.3.4:5353"), ServiceConfig { one_packet: true, ..scheduler("rr") }, vec![]),
        entry(udp("1.2.3.6:5060"), with_engine, vec![]),
        entry(ServiceKey::sctp(socket(WEB)), scheduler("rr"), vec![]),
        entry(tcp(WEB6), scheduler("wrr"), mixed),
        entry(tcp("[2001:db8::2]:80"), persistent("wrr", 600, Netmask::V6(48)), vec![]),
        entry(
            mark(7, V4),
            scheduler("rr"),
            vec![destination("10.0.0.1:99", server(Masquerade, 1))],
        ),
        entry(mark(7, V6), persistent("rr", 100, Netmask::V6(64)), vec![]),
        entry(mark(u32::MAX, V4), scheduler("wlc"), vec![]),
    ];
    let snapshot = replay("list").snapshot().expect("it is well formed");
    assert_eq!(snapshot.entries, expected);
}

#[test]
fn one_real_service_is_read_as_it_was_set() {
    let mut client = replay("list_one");
    let found = client.service(&tcp(WEB)).expect("it is well formed");
    assert_eq!(found, service(tcp(WEB), scheduler("rr")));
    let mut servers = client.destinations(&tcp(WEB)).expect("they are well formed");
    servers.sort_by_key(|server| server.key);
    assert_eq!(servers, web_servers());

    let key = mark(7, V6);
    let found = replay("list_one_fwm6").service(&key).expect("it is well formed");
    assert_eq!(found, service(key, persistent("rr", 100, Netmask::V6(64))));
}

#[test]
fn real_daemons_are_read_with_the_values_that_the_kernel_chose() {
    let master = DaemonConfig {
        max_length_bytes: 1472.try_into().ok(),
        group: Some(IpAddr::from([224, 0, 0, 81])),
        port: 8848.try_into().ok(),
        ttl: 1.try_into().ok(),
        ..DaemonConfig::new("lo".parse().expect("a name"))
    };
    let master = Daemon::new(DaemonRole::Master, master);
    let backup = Daemon::new(DaemonRole::Backup, backup());
    assert_eq!(replay("list_daemon").daemons().expect("they are well formed"), [master, backup]);

    let v6 = replay("list_daemon2").daemons().expect("it is well formed");
    let config = DaemonConfig {
        sync_id: 9,
        max_length_bytes: 1452.try_into().ok(),
        group: Some("ff02::81".parse().expect("an address")),
        port: 8848.try_into().ok(),
        ttl: 1.try_into().ok(),
        ..DaemonConfig::new("d0".parse().expect("a name"))
    };
    assert_eq!(v6, [Daemon::new(DaemonRole::Backup, config)]);
}

#[test]
fn real_timeouts_and_version_are_read() {
    let timeouts = replay("list_timeout").timeouts().expect("they are well formed");
    assert_eq!(timeouts, Timeouts { tcp_seconds: 900, tcp_fin_seconds: 120, udp_seconds: 301 });
    let info = replay("version").info().expect("it is well formed");
    let version = Version { major: 1, minor: 2, patch: 1 };
    assert_eq!(info, Info::new(version, 4096));
}
