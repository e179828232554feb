//! Connections that are not completed, and those that stay where they should not.

use std::net::{SocketAddr, UdpSocket};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use ipvs::{Client, DestinationConfig, DestinationKey, ServiceKey};

use super::network::{Direct, Nat, Server, ask, ask_from, ask_in_vain, fails, hold, rules, works};
use super::patient::Patient;
use crate::harness::KernelTest;

pub(super) fn tests() -> Vec<KernelTest> {
    crate::tests![
        half_open,
        director_as_client,
        port_ignored,
        orphans_kept,
        udp_sticks,
        persistence_sticks,
        reuse_sticks,
        idle_below_keepalive,
    ]
}

fn half_open() {
    let Direct { client, director, servers, .. } = &Direct::new();
    let doctor = Patient::new(director);
    works(client, Direct::VIP);
    doctor.is_well();
    rules(director, "-d -t 192.0.2.100:80 -r 192.0.2.3:80\n");
    servers[0].ip("address delete 192.0.2.100/32 dev lo");
    let finding = thread::scope(|scope| {
        scope.spawn(|| (0..4).for_each(|_| drop(ask_in_vain(client, Direct::VIP))));
        fails(client, Direct::VIP);
        doctor.has("half-open")
    });
    assert!(finding.fix().contains("192.0.2.2: ipvsadm --doctor --server-side"));
    servers[0].ip("address add 192.0.2.100/32 dev lo");
    works(client, Direct::VIP);
    doctor.is_well();
}

fn director_as_client() {
    let Direct { client, director, .. } = &Direct::new();
    works(client, Direct::VIP);
    let doctor = Patient::new(director);
    doctor.is_well();
    fails(director, Direct::VIP);
    doctor.has("director-as-client");
    works(client, Direct::VIP);
}

/// `ipvsadm` writes the service's port, but other programs need not.
fn port_ignored() {
    let Direct { client, director, servers, switch: _switch, _web: web } = Direct::new();
    let doctor = Patient::new(&director);
    works(&client, Direct::VIP);
    doctor.is_well();
    drop(web);
    let elsewhere = servers.each_ref().map(|server| Server::start(server, "0.0.0.0:8080"));
    let mut table = director.enter(Client::new).expect("IPVS");
    let key = ServiceKey::tcp(Direct::VIP.parse::<SocketAddr>().expect("an address"));
    for own in ["192.0.2.2", "192.0.2.3"] {
        let at = |port| DestinationKey { address: own.parse().expect("an address"), port };
        table.delete_destination(&key, &at(80)).expect("it is there");
        table.add_destination(&key, &at(8080), &DestinationConfig::default()).expect("it is new");
    }
    fails(&client, Direct::VIP);
    let finding = doctor.has("port-ignored");
    assert!(finding.fix().contains("port 80"), "{}", finding.fix());
    drop(elsewhere);
    let _right = servers.each_ref().map(|server| Server::start(server, "0.0.0.0:80"));
    for own in ["192.0.2.2", "192.0.2.3"] {
        let service = "-t 192.0.2.100:80";
        rules(&director, &format!("-a {service} -r {own} -g\n"));
        let old = DestinationKey { address: own.parse().expect("an address"), port: 8080 };
        table.delete_destination(&key, &old).expect("it is there");
    }
    works(&client, Direct::VIP);
    doctor.is_well();
}

fn orphans_kept() {
    let Nat { client, director, server, .. } = &Nat::new();
    let doctor = Patient::new(director);
    let _kept = hold(client, server, director);
    doctor.is_well();
    rules(director, "-d -t 192.0.2.1:80 -r 10.0.0.2:8080\n");
    let finding = doctor.has("orphans-kept");
    doctor.mend(&finding);
    works(client, Nat::VIP);
    doctor.is_well();
}

fn udp_sticks() {
    let Nat { client, director, server, .. } = &Nat::new();
    server.ip("address add 10.0.0.3/24 dev eth0");
    rules(
        director,
        "-A -u 192.0.2.1:53 -s rr\n-a -u 192.0.2.1:53 -r 10.0.0.2:53 -m\n\
         -a -u 192.0.2.1:53 -r 10.0.0.3:53 -m -w 0\n",
    );
    let doctor = Patient::new(director);
    let socket = client.enter(|| UdpSocket::bind("0.0.0.0:5353")).expect("a socket");
    let send = || drop(socket.send_to(b"?", "192.0.2.1:53"));
    send();
    doctor.is_well();
    rules(
        director,
        "-e -u 192.0.2.1:53 -r 10.0.0.2:53 -m -w 0\n-e -u 192.0.2.1:53 -r 10.0.0.3:53 -m -w 1\n",
    );
    // It has stopped sending: nothing sticks.
    doctor.is_well();
    let begin = Instant::now();
    let finding = thread::scope(|scope| {
        scope.spawn(|| {
            while begin.elapsed() < Duration::from_secs(4) {
                send();
                thread::sleep(Duration::from_millis(200));
            }
        });
        doctor.has("udp-sticks")
    });
    doctor.mend(&finding);
    send();
    let listed = director.ipvsadm(["-L", "-c", "-n", "-u", "192.0.2.1:53"]).success().stdout;
    assert!(listed.contains("10.0.0.3:53"), "{listed}");
    doctor.is_well();
}

fn persistence_sticks() {
    let Direct { client, director, .. } = &Direct::new();
    rules(director, "-E -t 192.0.2.100:80 -s rr -p 300\n");
    let doctor = Patient::new(director);
    let first = ask(client, Direct::VIP).expect("an answer");
    let second = ask(client, Direct::VIP).expect("an answer");
    assert_eq!(first, second);
    doctor.is_well();
    for server in ["192.0.2.2", "192.0.2.3"] {
        let listed = director.ipvsadm(["-L", "-c", "-n", "-r", server]).success().stdout;
        if listed.contains(server) {
            rules(director, &format!("-e -t 192.0.2.100:80 -r {server}:80 -g -w 0\n"));
        }
    }
    // Nobody comes: nothing to tell.
    doctor.is_well();
    let finding = thread::scope(|scope| {
        scope.spawn(|| {
            let begin = Instant::now();
            while begin.elapsed() < Duration::from_secs(4) {
                assert_eq!(ask(client, Direct::VIP).as_ref(), Ok(&first));
                thread::sleep(Duration::from_millis(100));
            }
        });
        doctor.has("persistence-sticks")
    });
    doctor.mend(&finding);
    assert_ne!(ask(client, Direct::VIP), Ok(first));
    doctor.is_well();
}

/// A client that comes from the same port each time.
fn reuse_sticks() {
    const PORT: u16 = 40_000;
    let Direct { client, director, servers, .. } = &Direct::new();
    let (_, first) = ask_from(PORT, client, Direct::VIP);
    let server = if first == servers[0].name() { "192.0.2.2" } else { "192.0.2.3" };
    rules(director, &format!("-e -t 192.0.2.100:80 -r {server}:80 -g -w 0\n"));
    let doctor = Patient::new(director).watching(Duration::from_secs(5));
    // Nobody comes: nothing to tell.
    doctor.is_well();
    let finding = thread::scope(|scope| {
        let (ended, end) = mpsc::channel::<()>();
        let name = &first;
        scope.spawn(move || {
            // Once the watch has begun, and until it is over.
            thread::sleep(Duration::from_secs(3));
            let (_open, again) = ask_from(PORT, client, Direct::VIP);
            assert_eq!(&again, name);
            let _ = end.recv();
        });
        let finding = doctor.has("reuse-sticks");
        drop(ended);
        finding
    });
    // 1, the default, is not enough without masquerading.
    assert_eq!(finding.fix(), "sysctl -w net.ipv4.vs.conn_reuse_mode=3\n");
    doctor.mend(&finding);
    assert_ne!(ask_from(PORT, client, Direct::VIP).1, first);
    doctor.is_well();
}

fn idle_below_keepalive() {
    let Nat { client, director, server, .. } = &Nat::new();
    let doctor = Patient::new(director);
    director.ipvsadm(["--set", "24", "0", "0"]).success();
    let kept = hold(client, server, director);
    assert!(doctor.findings().is_empty());
    // Three quarters of the timeout, and less than all of it.
    thread::sleep(Duration::from_secs(17));
    let finding = doctor.has("idle-below-keepalive");
    doctor.mend(&finding);
    drop(kept);
    let _again = hold(client, server, director);
    assert!(doctor.findings().is_empty());
}
