//! The table as a whole: snapshot, flush, counters, timeouts and version.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::time::{Duration, Instant};

use ipvs::{
    AddressFamily, Change, Client, Destination, Forwarding, Persistence, Service, ServiceConfig,
    ServiceKey, Stats, Timeouts, Version,
};

use super::{connect, forwarding, in_batch, scheduler, server, tcp, udp};
use crate::harness::KernelTest;
use crate::netns::Netns;

pub(crate) fn tests() -> Vec<KernelTest> {
    crate::tests![
        traffic_is_counted_for_service_and_server,
        zeroing_one_service_leaves_the_others_counters,
        zeroing_all_leaves_no_counter,
        connections_are_counted_by_kind,
        an_empty_table_is_read_as_empty,
        a_snapshot_is_sorted_and_whole,
        a_flush_leaves_nothing,
        more_services_than_one_datagram_holds_are_all_read,
        timeouts_are_set_one_by_one_and_0_leaves_one_as_it_is,
        timeouts_past_their_limit_are_refused_and_change_nothing,
        the_version_is_that_of_all_kernels,
    ]
}

/// A namespace with UDP and TCP servers in it, and virtual services in front of them.
struct Live {
    ns: Netns,
    client: Client,
}

const ECHO: &str = "10.0.0.2:7";

impl Live {
    fn new() -> Live {
        let ns = Netns::new();
        ns.ip("address add 10.0.0.1/32 dev lo\naddress add 10.0.0.2/32 dev lo");
        let echo = ns.enter(|| UdpSocket::bind(ECHO)).expect("the address is there");
        std::thread::spawn(move || {
            let mut buffer = [0; 100];
            while let Ok((length, from)) = echo.recv_from(&mut buffer) {
                let _ = echo.send_to(&buffer[..length], from);
            }
        });
        let client = connect(&ns);
        Live { ns, client }
    }

    /// Adds a service with the echo server behind it.
    fn add(&mut self, key: ServiceKey, config: ServiceConfig) {
        self.client.add_service(&key, &config).expect("it is added");
        let masquerade = forwarding(Forwarding::Masquerade);
        self.client.add_destination(&key, &server(ECHO), &masquerade).expect("it is added");
    }

    /// Sends this many datagrams of four bytes to a port of the virtual address, from one client
    /// that waits for each to come back.
    fn talk(&self, port: u16, datagrams: usize) {
        let socket = self.ns.enter(|| UdpSocket::bind("10.0.0.1:0")).expect("a socket");
        socket.set_read_timeout(Some(Duration::from_secs(10))).expect("it is taken");
        socket.connect(("10.0.0.1", port)).expect("it is local");
        for _ in 0..datagrams {
            socket.send(b"ping").expect("it is sent");
            let mut answer = [0; 10];
            let length = socket.recv(&mut answer).expect("the echo server answers");
            assert_eq!(&answer[..length], b"ping");
        }
    }

    /// The counters of a service and of its server, once the service has counted this many packets.
    /// The kernel lags by up to two seconds.
    fn counters(&mut self, key: ServiceKey, packets: u64) -> (Stats, Stats) {
        let start = Instant::now();
        loop {
            let service = *self.client.service(&key).expect("it is there").stats.expect("read");
            let mut servers = self.client.destinations(&key).expect("a list");
            let server = *servers.remove(0).stats.expect("read");
            if (service.incoming_packets, server.incoming_packets) == (packets, packets) {
                return (service, server);
            }
            assert!(start.elapsed() < Duration::from_secs(20), "{service:?} {server:?}");
            std::thread::sleep(Duration::from_millis(100));
        }
    }
}

/// Statistics without rates, which change all the time.
fn totals(mut stats: Stats) -> Stats {
    stats.rates = Default::default();
    stats
}

fn traffic_is_counted_for_service_and_server() {
    let mut live = Live::new();
    let key = udp("10.0.0.1:1007");
    live.add(key, scheduler("rr"));
    for datagrams in [3, 4] {
        live.talk(1007, datagrams);
    }
    // IPv4 header, UDP header and payload
    let bytes = 7 * (20 + 8 + 4);
    let mut expected = Stats::default();
    expected.connections = 2;
    expected.incoming_packets = 7;
    expected.outgoing_packets = 7;
    expected.incoming_bytes = bytes;
    expected.outgoing_bytes = bytes;
    let (service, server) = live.counters(key, 7);
    assert_eq!((totals(service), totals(server)), (expected, expected));
}

fn zeroing_one_service_leaves_the_others_counters() {
    let mut live = Live::new();
    let keys = [udp("10.0.0.1:1007"), udp("10.0.0.1:1008")];
    for (key, port) in keys.into_iter().zip([1007, 1008]) {
        live.add(key, scheduler("rr"));
        live.talk(port, 2);
    }
    live.counters(keys[0], 2);
    let before = live.counters(keys[1], 2);
    live.client.zero_service(&keys[0]).expect("it is there");
    let (service, server) = live.counters(keys[0], 0);
    assert_eq!((totals(service), totals(server)), Default::default());
    let after = live.counters(keys[1], 2);
    assert_eq!(totals(after.0), totals(before.0));
    // Later packets are counted from zero.
    live.talk(1007, 5);
    let (service, _) = live.counters(keys[0], 5);
    assert_eq!((service.connections, service.outgoing_packets), (1, 5));
}

fn zeroing_all_leaves_no_counter() {
    let mut live = Live::new();
    let keys = [udp("10.0.0.1:1007"), udp("10.0.0.1:1008")];
    for (key, port) in keys.into_iter().zip([1007, 1008]) {
        live.add(key, scheduler("rr"));
        live.talk(port, 2);
        live.counters(key, 2);
    }
    live.client.zero_all().expect("it is carried out");
    for key in keys {
        let (service, server) = live.counters(key, 0);
        assert_eq!((totals(service), totals(server)), Default::default());
    }
}

fn connections_are_counted_by_kind() {
    let mut live = Live::new();
    let persistence = Some(Persistence::new(AddressFamily::V4, 300));
    let key = udp("10.0.0.1:1007");
    live.add(key, ServiceConfig { persistence, ..scheduler("rr") });
    live.talk(1007, 1);
    live.talk(1007, 1);
    let kinds = |server: &Destination| {
        [server.active_connections, server.inactive_connections, server.persistent_connections]
    };
    let servers = live.client.destinations(&key).expect("a list");
    assert_eq!(kinds(&servers[0]), [0, 2, 1], "UDP is never active; one client is remembered");

    let web = tcp("10.0.0.1:1080");
    live.client.add_service(&web, &scheduler("rr")).expect("it is added");
    let at = "10.0.0.2:80";
    live.client
        .add_destination(&web, &server(at), &forwarding(Forwarding::Masquerade))
        .expect("it is added");
    let listener = live.ns.enter(|| TcpListener::bind(at)).expect("the address is there");
    let mut near = live.ns.enter(|| TcpStream::connect("10.0.0.1:1080")).expect("it is balanced");
    let (mut far, _) = listener.accept().expect("it came through");
    near.write_all(b"x").expect("it is open");
    far.read_exact(&mut [0]).expect("it came");
    let servers = live.client.destinations(&web).expect("a list");
    assert_eq!(kinds(&servers[0]), [1, 0, 0]);
}

fn an_empty_table_is_read_as_empty() {
    let ns = Netns::new();
    let mut client = connect(&ns);
    assert_eq!(client.services().expect("a list"), []);
    assert_eq!(client.daemons().expect("a list"), []);
    assert_eq!(client.snapshot().expect("a table").entries, []);
    client.flush().expect("there is nothing to do");
    client.zero_all().expect("there is nothing to do");
}

fn mark(number: u32, family: AddressFamily) -> ServiceKey {
    ServiceKey::firewall_mark(number.try_into().expect("not 0"), family)
}

/// Services with their servers, in the order of a snapshot.
fn sorted() -> Vec<(ServiceKey, Vec<&'static str>)> {
    use AddressFamily::{V4, V6};
    let sctp = ServiceKey::sctp(super::socket("2.0.0.1:80"));
    vec![
        (tcp("9.0.0.1:80"), vec!["10.0.0.1:80", "10.0.0.1:443", "10.0.0.9:1", "192.168.0.1:1"]),
        (tcp("10.0.0.1:80"), vec![]),
        (tcp("10.0.0.1:443"), vec!["10.0.0.1:80"]),
        (tcp("200.0.0.1:1"), vec!["200.0.0.1:1"]),
        (udp("1.0.0.1:53"), vec!["10.0.0.10:80", "10.0.0.100:80"]),
        (sctp, vec![]),
        (tcp("[fd00::1]:80"), vec!["[fd00::1]:80", "[fd00::a]:80"]),
        (udp("[2001:db8::1]:80"), vec!["[::1]:80"]),
        (mark(1, V4), vec!["127.0.0.1:0"]),
        (mark(1, V6), vec![]),
        (mark(2, V4), vec![]),
        (mark(u32::MAX, V4), vec!["10.0.0.1:1"]),
    ]
}

fn a_snapshot_is_sorted_and_whole() {
    let ns = Netns::new();
    let mut client = connect(&ns);
    let expected = sorted();
    for (key, servers) in expected.iter().rev() {
        client.add_service(key, &scheduler("rr")).expect("it is added");
        for at in servers.iter().rev() {
            client.add_destination(key, &server(at), &Default::default()).expect("it is added");
        }
    }
    let snapshot = client.snapshot().expect("a table");
    let found: Vec<_> = snapshot
        .entries
        .iter()
        .map(|entry| {
            let servers: Vec<_> = entry.destinations.iter().map(|server| server.key).collect();
            (entry.service.key, servers)
        })
        .collect();
    let expected: Vec<_> = expected
        .into_iter()
        .map(|(key, servers)| (key, servers.into_iter().map(server).collect::<Vec<_>>()))
        .collect();
    assert_eq!(found, expected);
}

fn a_flush_leaves_nothing() {
    let ns = Netns::new();
    let other = Netns::new();
    let mut elsewhere = connect(&other);
    elsewhere.add_service(&tcp("10.0.0.1:80"), &scheduler("rr")).expect("it is added");
    let mut client = connect(&ns);
    for (key, servers) in sorted() {
        client.add_service(&key, &scheduler("rr")).expect("it is added");
        for at in servers {
            client.add_destination(&key, &server(at), &Default::default()).expect("it is added");
        }
    }
    client.flush().expect("it is carried out");
    assert_eq!(client.snapshot().expect("a table").entries, []);
    assert_eq!(elsewhere.services().expect("a list").len(), 1, "of another namespace");
}

fn more_services_than_one_datagram_holds_are_all_read() {
    let ns = Netns::new();
    let mut client = connect(&ns);
    let keys: Vec<_> = (1..=1000).map(|port| tcp(&format!("10.0.0.1:{port}"))).collect();
    let changes: Vec<_> =
        keys.iter().map(|key| Change::AddService(*key, scheduler("rr"))).collect();
    assert_eq!(in_batch(&mut client, &changes), []);
    let mut found: Vec<Service> = client.services().expect("a list");
    found.sort_by_key(|service| service.key);
    assert!(found.iter().map(|service| service.key).eq(keys));
}

fn timeouts_are_set_one_by_one_and_0_leaves_one_as_it_is() {
    let ns = Netns::new();
    let mut client = connect(&ns);
    let timeouts = |tcp, tcp_fin, udp| Timeouts {
        tcp_seconds: tcp,
        tcp_fin_seconds: tcp_fin,
        udp_seconds: udp,
    };
    assert_eq!(client.timeouts().expect("an answer"), timeouts(900, 120, 300), "the defaults");
    for (set, found) in [
        (timeouts(1, 2, 3), timeouts(1, 2, 3)),
        (timeouts(0, 0, 0), timeouts(1, 2, 3)),
        (timeouts(7, 0, 0), timeouts(7, 2, 3)),
        (timeouts(0, 8, 0), timeouts(7, 8, 3)),
        (timeouts(0, 0, 9), timeouts(7, 8, 9)),
        (timeouts(2_000_000, 2_000_001, 2_000_002), timeouts(2_000_000, 2_000_001, 2_000_002)),
    ] {
        client.set_timeouts(&set).expect("it is set");
        assert_eq!(client.timeouts().expect("an answer"), found);
    }
    let mut other = connect(&Netns::new());
    assert_eq!(
        other.timeouts().expect("an answer"),
        timeouts(900, 120, 300),
        "of another namespace"
    );
}

/// The limit is 2^31 ticks, of which there are 100 to 1000 a second.
fn timeouts_past_their_limit_are_refused_and_change_nothing() {
    let ns = Netns::new();
    let mut client = connect(&ns);
    let before = client.timeouts().expect("an answer");
    for over in [21_474_837, i32::MAX as u32, 1 << 31, u32::MAX] {
        for which in 0..3 {
            let value = |number| if number == which { over } else { 5 };
            let timeouts = Timeouts {
                tcp_seconds: value(0),
                tcp_fin_seconds: value(1),
                udp_seconds: value(2),
            };
            super::assert_refused(client.set_timeouts(&timeouts), ipvs::RefusalKind::Invalid);
            assert_eq!(client.timeouts().expect("an answer"), before);
        }
    }
}

fn the_version_is_that_of_all_kernels() {
    let mut client = connect(&Netns::new());
    let info = client.info().expect("an answer");
    assert_eq!(info.version, Version { major: 1, minor: 2, patch: 1 });
    assert!(info.connection_table_size.is_power_of_two(), "{}", info.connection_table_size);
}
