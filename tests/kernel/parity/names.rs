//! Names of hosts and ports, read and printed, from files and from name servers good and bad.

use std::collections::HashMap;
use std::net::UdpSocket;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use super::mounts::{Mounts, quoted};
use crate::harness::KernelTest;
use crate::netns::Netns;
use crate::program;

pub(crate) fn tests() -> Vec<KernelTest> {
    crate::tests![
        names_from_files_read_alike_in_and_out,
        each_name_is_asked_for_once_and_many_at_a_time,
        a_dead_name_server_costs_one_time_out,
        names_cannot_spoil_a_listing,
    ]
}

const HOSTS: &str = "\
127.0.0.1 localhost
::1 localhost6
10.0.0.1 vip.example.org alias
10.1.0.1 short
10.1.0.2 this-is-a-long-host-name.example.com
2001:db8::1 six.example.com
2001:db8:1::1 a-server-with-a-long-name-six.example.com
";

const SERVICES: &str = "\
# a comment
http 80/tcp www
domain 53/tcp
domain 53/udp
sip 5060/udp # calls
m3ua 2905/sctp
discard 9/sctp
";

fn names_from_files_read_alike_in_and_out() {
    let script = "\
P -A -t vip.example.org:http -s rr
P -A -t alias:81
P -A -t alias:www
P -A -u vip.example.org:sip
P -A -u vip.example.org:http
P -A --sctp-service alias:m3ua
P -A -t alias:HTTP
P -A -t [2001:db8::1]:http
P -A -f 5
P -a -t alias:http -r short -m
P -a -t alias:http -r this-is-a-long-host-name.example.com:domain -m
P -a -t alias:http -r short:sip -m
P -a -u alias:sip -r short:sip -m
P -a --sctp-service alias:m3ua -r short:discard -m
P -a -t [2001:db8::1]:http -r [2001:db8:1::1]:domain -m
P -a -f 5 -r short:http -m
P -a -f 5 -r 10.1.0.2:53 -m
P -L; P -S; P -L --stats; P -L --rate; P -L --thresholds; P -L --tun-info; P -L --persistent-conn
P -L -t alias:http; P -L -f 5; P -S -n
P -d -t alias:http -r short; P -D -t alias:www; P -D -t nosuch:www; P -L
";
    let [reference, ours] = [program::reference(), program::ipvsadm()].map(|program| {
        let ns = Netns::new();
        let mut mounts = Mounts::new();
        mounts.put_text(HOSTS, "/etc/hosts");
        mounts.put_text(SERVICES, "/etc/services");
        let check = format!("P() {{ {} \"$@\"; echo \"$1 => $?\"; }}\n", quoted(&program));
        mounts.run(&ns, &(check + script))
    });
    assert_eq!(reference.stdout, ours.stdout, "{}\n{}", reference.stderr, ours.stderr);
    assert!(ours.stdout.contains("TCP  [six.example.com]:http wlc\n"), "{}", ours.stdout);
    assert!(ours.stdout.contains("  -> this-is-a-long-host-name.exa Masq"), "{}", ours.stdout);
}

/// The questions a name server received.
#[derive(Default)]
struct Asked {
    /// The number of times each was asked.
    times: HashMap<Vec<u8>, usize>,
    /// The number of questions waiting for an answer.
    waiting: usize,
    /// The most that ever waited at a time.
    at_once: usize,
}

/// Starts a name server on 127.0.0.1 that answers each question for the name of an address with
/// `name`, after a while. Without a name it never answers.
fn name_server(
    ns: &Netns,
    name: Option<&'static [&'static [u8]]>,
    after: Duration,
) -> Arc<Mutex<Asked>> {
    let socket = Arc::new(ns.enter(|| UdpSocket::bind("127.0.0.1:53")).expect("a socket"));
    let asked = Arc::new(Mutex::new(Asked::default()));
    let shared = Arc::clone(&asked);
    thread::spawn(move || {
        loop {
            let mut buffer = [0; 512];
            let Ok((length, from)) = socket.recv_from(&mut buffer) else { return };
            let question = buffer[..length].to_vec();
            let mut asked = shared.lock().expect("the name server has stopped");
            *asked.times.entry(question[12..].to_vec()).or_insert(0) += 1;
            asked.waiting += 1;
            asked.at_once = asked.at_once.max(asked.waiting);
            let Some(name) = name else { continue };
            let (socket, shared) = (Arc::clone(&socket), Arc::clone(&shared));
            thread::spawn(move || {
                thread::sleep(after);
                shared.lock().expect("the name server has stopped").waiting -= 1;
                let _ = socket.send_to(&answer(&question, name), from);
            });
        }
    });
    asked
}

/// An answer of type PTR with this name, as labels.
fn answer(question: &[u8], name: &[&[u8]]) -> Vec<u8> {
    let mut data = Vec::new();
    for label in name {
        data.push(u8::try_from(label.len()).expect("a short label"));
        data.extend_from_slice(label);
    }
    data.push(0);
    // The question ends with its type and class. Additional records follow, which are dropped.
    let end = 12 + question[12..].iter().position(|byte| *byte == 0).expect("an end") + 5;
    let mut answer = question[..end].to_vec();
    answer[2..4].copy_from_slice(&[0x81, 0x80]);
    answer[4..12].copy_from_slice(&[0, 1, 0, 1, 0, 0, 0, 0]);
    answer.extend_from_slice(&[0xc0, 12, 0, 12, 0, 1, 0, 0, 0, 60, 0]);
    answer.push(u8::try_from(data.len()).expect("a short name"));
    answer.extend_from_slice(&data);
    answer
}

/// Three services with the same servers.
fn table(ns: &Netns, servers: usize) {
    let mut rules = String::new();
    for service in ["-t 10.0.0.1:80", "-u 10.0.0.1:80", "-t 10.0.0.1:81"] {
        rules += &format!("-A {service} -s rr\n");
        for server in 1..=servers {
            rules += &format!("-a {service} -r 10.1.0.{server}:80 -m\n");
        }
    }
    ns.command(program::ipvsadm()).arg("-R").stdin(rules).run().success();
}

/// Makes the name server the only source of names.
fn only_dns() -> Mounts {
    let mut mounts = Mounts::new();
    mounts.put_text("127.0.0.1 localhost\n", "/etc/hosts");
    mounts.put_text("nameserver 127.0.0.1\noptions timeout:2 attempts:1\n", "/etc/resolv.conf");
    mounts
}

fn each_name_is_asked_for_once_and_many_at_a_time() {
    let ns = Netns::new();
    table(&ns, 30);
    let name: &[&[u8]] = &[b"web", b"example", b"com"];
    let asked = name_server(&ns, Some(name), Duration::from_millis(300));
    for command in ["-L", "-S"] {
        *asked.lock().expect("the name server has stopped") = Asked::default();
        let script = format!("{} {command}", quoted(&program::ipvsadm()));
        let listed = only_dns().run(&ns, &script).success().stdout;
        assert_eq!(
            listed.matches("web.example.com:").count(),
            if command == "-L" { 93 } else { 183 },
            "{listed}"
        );
        let asked = asked.lock().expect("the name server has stopped");
        assert_eq!(asked.times.len(), 31);
        assert!(asked.times.values().all(|times| *times == 1), "{:?}", asked.times);
        assert!(asked.at_once > 10, "{} at a time", asked.at_once);
    }
}

/// After one question without an answer, the name server is not asked again.
fn a_dead_name_server_costs_one_time_out() {
    let ns = Netns::new();
    table(&ns, 100);
    let asked = name_server(&ns, None, Duration::ZERO);
    let script = format!("{} -L", quoted(&program::ipvsadm()));
    let listed = only_dns().run(&ns, &script).success().stdout;
    assert!(listed.contains("  -> 10.1.0.100:"), "{listed}");
    let asked = asked.lock().expect("the name server has stopped");
    assert!(asked.times.values().all(|times| *times == 1), "{:?}", asked.times);
    // The number asked at a time, of 101.
    assert!((1..=32).contains(&asked.times.len()), "{} names", asked.times.len());
}

fn names_cannot_spoil_a_listing() {
    let evil: &[&[&[u8]]] = &[
        &[b"a\x1b[2Jb", b"com"],
        &[b"two words", b"com"],
        &[b"new\nline", b"com"],
        &[b"colon:80", b"com"],
        &[b"-r", b"com"],
        &[b"caf\xc3\xa9", b"com"],
    ];
    for name in evil {
        let ns = Netns::new();
        table(&ns, 2);
        name_server(&ns, Some(name), Duration::ZERO);
        let script = format!("{0} -L; {0} -S", quoted(&program::ipvsadm()));
        let listed = only_dns().run(&ns, &script).success().stdout;
        assert!(
            listed.bytes().all(|byte| byte == b'\n' || (b' '..=b'~').contains(&byte)),
            "{listed:?}"
        );
        assert_eq!(listed.lines().count(), 3 + 9 + 9, "{listed}");
        assert!(listed.contains("TCP  10.0.0.1:http rr\n") || name[0] == b"-r", "{listed}");
    }
    // The C library believes /etc/hosts, whatever it says.
    let ns = Netns::new();
    table(&ns, 1);
    let mut mounts = Mounts::new();
    mounts.put_text("10.0.0.1 a\x1b[2Jb\n10.1.0.1 x:y\n", "/etc/hosts");
    mounts.put_text("we\x1bb 80/tcp\n", "/etc/services");
    let listed = mounts.run(&ns, &format!("{} -L", quoted(&program::ipvsadm()))).success().stdout;
    assert!(listed.contains("TCP  10.0.0.1:80 rr\n  -> 10.1.0.1:80  "), "{listed}");
}
