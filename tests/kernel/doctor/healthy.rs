//! Networks that work: nothing is found, neither while they are idle nor under load.

use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use rustix::net::{AddressFamily, SocketType, bind, connect, ipproto, listen, socket};

use super::firewall::iptables;
use super::network::{Direct, Nat, Server, ask, rules, settle, works};
use super::patient::Patient;
use crate::harness::KernelTest;
use crate::netns::Netns;

pub(super) fn tests() -> Vec<KernelTest> {
    crate::tests![masquerading, direct_routing, tunnels, one_arm, two_directors]
}

/// Asks all these services, expects the doctors to find nothing, and again while somebody asks.
#[track_caller]
fn stay_well(client: &Netns, services: &[&str], directors: &[&Netns]) {
    services.iter().for_each(|service| works(client, service));
    let doctors: Vec<_> = directors.iter().map(|director| Patient::new(director)).collect();
    doctors.iter().for_each(Patient::is_well);
    under_load(client, services, || doctors.iter().for_each(Patient::is_well));
}

/// Does something while somebody asks all these services, again and again, and is answered.
fn under_load(client: &Netns, services: &[&str], work: impl FnOnce()) {
    let ended = AtomicBool::new(false);
    thread::scope(|scope| {
        let asks = scope.spawn(|| {
            let mut answers = 0;
            while !ended.load(Ordering::Relaxed) {
                for service in services {
                    let answer = ask(client, service);
                    assert!(answer.is_ok(), "{service} under load: {answer:?}");
                    answers += 1;
                }
            }
            answers
        });
        let worked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(work));
        ended.store(true, Ordering::Relaxed);
        let answers = asks.join().expect("every request is answered");
        worked.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        assert!(answers > services.len(), "{answers} requests are no load");
    });
}

/// A server that sends back what it gets, for as long as the tests run.
fn echo(host: &Netns, address: &str) {
    let socket = host.enter(|| UdpSocket::bind(address)).expect("the port is free");
    socket.set_read_timeout(Some(Duration::from_secs(20))).expect("it can be set");
    thread::spawn(move || {
        let mut buffer = [0; 64];
        while let Ok((length, from)) = socket.recv_from(&mut buffer) {
            drop(socket.send_to(&buffer[..length], from));
        }
    });
}

/// Sends requests by UDP, each from a port of its own, and expects the answers.
fn asks_by_udp(client: &Netns, address: &str) {
    for _ in 0..3 {
        let socket = client.enter(|| UdpSocket::bind("0.0.0.0:0")).expect("a socket");
        socket.set_read_timeout(Some(Duration::from_secs(2))).expect("it can be set");
        socket.send_to(b"question", address).expect("it is sent");
        let mut buffer = [0; 64];
        assert_eq!(socket.recv(&mut buffer).expect("an answer"), 8);
    }
}

/// A socket of SCTP, which the standard library uses as it does one of TCP.
fn sctp(host: &Netns) -> rustix::fd::OwnedFd {
    host.enter(|| socket(AddressFamily::INET, SocketType::STREAM, Some(ipproto::SCTP)))
        .expect("the kernel has SCTP")
}

fn listen_by_sctp(host: &Netns, address: &str) -> TcpListener {
    let socket = sctp(host);
    bind(&socket, &address.parse::<SocketAddr>().expect("an address")).expect("it is free");
    listen(&socket, 8).expect("it listens");
    socket.into()
}

fn connect_by_sctp(host: &Netns, address: &str) -> TcpStream {
    let socket = sctp(host);
    connect(&socket, &address.parse::<SocketAddr>().expect("an address")).expect("it connects");
    socket.into()
}

/// Two arms: masquerading of TCP, UDP and SCTP, persistent, by a firewall mark, of IPv6; and a server
/// on the director itself.
fn masquerading() {
    let Nat { client, director, server, .. } = &Nat::new();
    client.ip("address add 2001:db8::10/64 dev eth0 nodad");
    director.ip("address add 2001:db8::1/64 dev eth0 nodad\naddress add fd00::1/64 dev eth1 nodad");
    server.ip("address add fd00::2/64 dev eth0 nodad\nroute add default via fd00::1");
    director.sysctl("net.ipv6.conf.all.forwarding", "1");
    [client, director, server].into_iter().for_each(settle);
    iptables(
        director,
        "-t mangle -A PREROUTING -d 192.0.2.1 -p tcp --dport 82 -j MARK --set-mark 7",
    );
    director.command("modprobe").arg("sctp").run().success();
    rules(
        director,
        "-A -t 192.0.2.1:81 -s rr -p 300\n-a -t 192.0.2.1:81 -r 10.0.0.2:80 -m\n\
         -A -f 7 -s rr\n-a -f 7 -r 10.0.0.2 -m\n\
         -A -t 192.0.2.1:83 -s rr\n-a -t 192.0.2.1:83 -r 192.0.2.1:83\n\
         -a -t 192.0.2.1:83 -r 10.0.0.2:80 -m\n\
         -A -t [2001:db8::1]:80 -s wlc\n-a -t [2001:db8::1]:80 -r [fd00::2]:80 -m\n\
         -A -u 192.0.2.1:53 -s rr\n-a -u 192.0.2.1:53 -r 10.0.0.2:53 -m\n\
         -A --sctp-service 192.0.2.1:90 -s rr\n-a --sctp-service 192.0.2.1:90 -r 10.0.0.2:90 -m\n",
    );
    let _servers = [
        Server::start(server, "10.0.0.2:82"),
        Server::start(director, "192.0.2.1:83"),
        Server::start(server, "[fd00::2]:80"),
    ];
    echo(server, "10.0.0.2:53");
    asks_by_udp(client, "192.0.2.1:53");
    let listener = listen_by_sctp(server, "10.0.0.2:90");
    let kept = connect_by_sctp(client, "192.0.2.1:90");
    let _accepted = listener.accept().expect("a client");
    let services = [Nat::VIP, "192.0.2.1:81", "192.0.2.1:82", "192.0.2.1:83", "[2001:db8::1]:80"];
    stay_well(client, &services, &[director]);
    asks_by_udp(client, "192.0.2.1:53");
    drop(kept);
    Patient::new(director).is_well();
}

/// Direct routing, persistent, by a firewall mark, of UDP and IPv6, with one of the servers on the
/// director.
fn direct_routing() {
    let Direct { client, director, servers, .. } = &Direct::new();
    for (host, own) in [(client, "10"), (director, "1"), (&servers[0], "2"), (&servers[1], "3")] {
        host.ip(&format!("address add 2001:db8::{own}/64 dev eth0 nodad"));
    }
    director.ip("address add 2001:db8::100/128 dev eth0 nodad");
    [client, director].into_iter().for_each(settle);
    iptables(
        director,
        "-t mangle -A PREROUTING -d 192.0.2.100 -p tcp --dport 82 -j MARK --set-mark 7",
    );
    let v6 = "[2001:db8::100]:85";
    rules(
        director,
        "-A -t 192.0.2.100:81 -s rr -p 300\n\
         -a -t 192.0.2.100:81 -r 192.0.2.2 -g\n-a -t 192.0.2.100:81 -r 192.0.2.3 -g\n\
         -A -f 7 -s sh\n-a -f 7 -r 192.0.2.2 -g\n-a -f 7 -r 192.0.2.3 -g\n\
         -A -t 192.0.2.100:83 -s rr\n-a -t 192.0.2.100:83 -r 192.0.2.1 -g\n\
         -a -t 192.0.2.100:83 -r 192.0.2.2 -g\n\
         -A -t [2001:db8::100]:85 -s rr\n-a -t [2001:db8::100]:85 -r [2001:db8::2] -g\n\
         -a -t [2001:db8::100]:85 -r [2001:db8::3] -g\n\
         -A -u 192.0.2.100:53 -s rr -o\n-a -u 192.0.2.100:53 -r 192.0.2.2 -g\n\
         -a -u 192.0.2.100:53 -r 192.0.2.3 -g\n",
    );
    let mut web = vec![Server::start(director, "192.0.2.100:83")];
    for server in servers {
        server.ip("address add 2001:db8::100/128 dev lo nodad");
        settle(server);
        for address in ["0.0.0.0:81", "0.0.0.0:82", "0.0.0.0:83", v6] {
            web.push(Server::start(server, address));
        }
        echo(server, "192.0.2.100:53");
    }
    asks_by_udp(client, "192.0.2.100:53");
    let services = [Direct::VIP, "192.0.2.100:81", "192.0.2.100:82", "192.0.2.100:83", v6];
    stay_well(client, &services, &[director]);
    asks_by_udp(client, "192.0.2.100:53");
    Patient::new(director).is_well();
    for server in servers {
        for port in [80, 81, 83] {
            let question = format!("--server-side -t 192.0.2.100:{port} -g");
            Patient::new(server).with(&question).is_well();
        }
        Patient::new(server).with(&format!("--server-side -t {v6} -g")).is_well();
        Patient::new(server).with("--server-side -u 192.0.2.100:53 -g").is_well();
    }
}

/// Tunnels of each type.
fn tunnels() {
    let Direct { client, director, servers: [server, _], .. } = &Direct::new();
    for module in ["ipip", "ip_gre", "fou"] {
        director.command("modprobe").arg(module).run().success();
    }
    server.sysctl("net.ipv4.conf.all.rp_filter", "0");
    // gre0 is for tunnels from and to everywhere, as tunl0 is.
    for device in ["tunl0", "gre0"] {
        server.sysctl(&format!("net.ipv4.conf.{device}.rp_filter"), "0");
        server.ip(&format!("link set {device} up"));
    }
    server.ip("fou add port 6080 gue");
    rules(
        director,
        "-A -t 192.0.2.100:81 -s rr\n-a -t 192.0.2.100:81 -r 192.0.2.2 -i\n\
         -A -t 192.0.2.100:82 -s rr\n-a -t 192.0.2.100:82 -r 192.0.2.2 -i --tun-type gre\n\
         -A -t 192.0.2.100:83 -s rr\n\
         -a -t 192.0.2.100:83 -r 192.0.2.2 -i --tun-type gue --tun-port 6080\n",
    );
    let services = ["192.0.2.100:81", "192.0.2.100:82", "192.0.2.100:83"];
    let _web = ["0.0.0.0:81", "0.0.0.0:82", "0.0.0.0:83"].map(|it| Server::start(server, it));
    stay_well(client, &services, &[director]);
    for service in services {
        Patient::new(server).with(&format!("--server-side -t {service} -i")).is_well();
    }
}

/// One arm: clients behind a router, and the servers' default route by the director, on one LAN. Only
/// masquerading: the director would drop direct replies as martians, as they come from its own address.
fn one_arm() {
    let Direct { client, director, servers, switch, _web } = Direct::new();
    let router = Netns::new();
    switch.connect("p5", &router, "eth0");
    switch.ip("link set p5 master lan");
    router.ip("address add 192.0.2.254/24 dev eth0");
    router.sysctl("net.ipv4.ip_forward", "1");
    let far = Netns::new();
    router.connect("eth1", &far, "eth0");
    router.ip("address add 198.51.100.1/24 dev eth1");
    far.ip("address add 198.51.100.10/24 dev eth0\nroute add default via 198.51.100.1");
    director.ip("route add default via 192.0.2.254");
    director.sysctl("net.ipv4.ip_forward", "1");
    for name in ["all", "eth0"] {
        director.sysctl(&format!("net.ipv4.conf.{name}.send_redirects"), "0");
    }
    for server in &servers {
        server.ip("route add default via 192.0.2.1");
    }
    rules(
        &director,
        "-D -t 192.0.2.100:80\n\
         -A -t 192.0.2.100:81 -s rr\n-a -t 192.0.2.100:81 -r 192.0.2.2:80 -m\n\
         -a -t 192.0.2.100:81 -r 192.0.2.3:80 -m\n",
    );
    stay_well(&far, &["192.0.2.100:81"], &[&director]);
    for server in &servers {
        let question = "--server-side -t 192.0.2.100:80 -m --director 192.0.2.1";
        Patient::new(server).with(question).is_well();
    }
    // For clients of the same LAN, SNAT.
    director.sysctl("net.ipv4.vs.conntrack", "1");
    iptables(&director, "-t nat -A POSTROUTING -s 192.0.2.0/24 -d 192.0.2.0/24 -j MASQUERADE");
    stay_well(&client, &["192.0.2.100:81"], &[&director]);
}

/// A master and a backup, which does not have the virtual address meanwhile; and then both daemons on
/// both.
fn two_directors() {
    let Direct { client, director: master, switch, .. } = &Direct::new();
    let backup = &Netns::new();
    switch.connect("p5", backup, "eth0");
    switch.ip("link set p5 master lan");
    backup.ip("address add 192.0.2.9/24 dev eth0");
    rules(
        backup,
        "-A -t 192.0.2.100:80 -s rr\n-a -t 192.0.2.100:80 -r 192.0.2.2 -g\n\
         -a -t 192.0.2.100:80 -r 192.0.2.3 -g\n",
    );
    master.sysctl("net.ipv4.vs.sync_threshold", "1 50");
    let start = |host: &Netns, role: &str| {
        host.ipvsadm(["--start-daemon", role, "--mcast-interface", "eth0"]).success();
    };
    start(master, "master");
    start(backup, "backup");
    stay_well(client, &[Direct::VIP], &[master, backup]);
    let listed = backup.ipvsadm(["-L", "-c", "-n"]).success().stdout;
    assert!(listed.contains("192.0.2.10:"), "no connection was synchronized: {listed}");
    start(master, "backup");
    start(backup, "master");
    stay_well(client, &[Direct::VIP], &[master, backup]);
}
