//! `-L -c`: live connections of each kind, and a list longer than any real one.

use std::io::Write;
use std::net::{Ipv4Addr, SocketAddrV4, TcpListener, TcpStream, UdpSocket};
use std::os::fd::OwnedFd;
use std::path::Path;

use rustix::net::{self, AddressFamily, SocketType};

use super::mounts::{Mounts, quoted};
use crate::harness::KernelTest;
use crate::netns::Netns;
use crate::program;

pub(crate) fn tests() -> Vec<KernelTest> {
    crate::tests![
        live_connections_list_alike,
        made_up_connections_list_alike,
        a_million_connections_take_little_memory,
        a_list_that_is_not_there_is_an_error,
    ]
}

/// Lists with both programs, and compares all but the time left, which runs on between them: how that
/// is written, made-up lists tell.
#[track_caller]
fn compare(ns: &Netns, arguments: &[&str]) -> String {
    let reference = ns.reference(arguments).success().stdout;
    let ours = ns.ipvsadm(arguments).success().stdout;
    assert_eq!(without_times(&reference), without_times(&ours), "{arguments:?}");
    ours
}

/// A list of connections whose times have each digit replaced.
fn without_times(list: &str) -> String {
    let is_time = |word: &str| word.len() == 5 && word.as_bytes()[2] == b':';
    let words = list.split_inclusive(' ').map(|word| match is_time(word.trim_end()) {
        true => word.replace(|letter: char| letter.is_ascii_digit(), "0"),
        false => word.to_owned(),
    });
    words.collect()
}

fn live_connections_list_alike() {
    let ns = Netns::new();
    let rules = "\
-A -t 127.0.0.1:8080 -s rr
-a -t 127.0.0.1:8080 -r 127.0.0.1:9090 -m
-A -t 127.0.0.2:0 -s rr -p 50
-a -t 127.0.0.2:0 -r 127.0.0.1:0 -m
-A -t [::1]:8080 -s rr -p 60 -M 64
-a -t [::1]:8080 -r [::1]:9090 -m
-A -u 127.0.0.1:5060 -s rr -p 70 --pe sip -o
-a -u 127.0.0.1:5060 -r 127.0.0.1:6060 -m
-A -u 127.0.0.1:53 -s rr
-a -u 127.0.0.1:53 -r 127.0.0.1:5353 -m
-A -f 5 -s rr -p 80
-a -f 5 -r 127.0.0.1:9090 -m
-A --sctp-service 127.0.0.1:8080 -s rr -p 90
-a --sctp-service 127.0.0.1:8080 -r 127.0.0.1:9090 -m
";
    ns.command(program::ipvsadm()).arg("-R").stdin(rules).run().success();
    ns.command("iptables-legacy")
        .args(["-t", "mangle", "-A", "OUTPUT", "-p", "tcp", "-d", "127.0.0.3", "--dport", "9090"])
        .args(["-j", "MARK", "--set-mark", "5"])
        .run()
        .success();
    ns.command("modprobe").arg("sctp").run().success();
    let kept = ns.enter(|| {
        let listeners = [TcpListener::bind("127.0.0.1:9090"), TcpListener::bind("[::1]:9090")];
        let listeners = listeners.map(|listener| listener.expect("a listener"));
        let mut streams = Vec::new();
        for address in ["127.0.0.1:8080", "127.0.0.2:9090", "127.0.0.3:9090", "[::1]:8080"] {
            let mut stream =
                TcpStream::connect(address).unwrap_or_else(|error| panic!("{address}: {error}"));
            stream.write_all(b"hello").expect("it is sent");
            streams.push(stream);
        }
        let client = UdpSocket::bind("127.0.0.1:0").expect("a socket");
        client.send_to(b"?", "127.0.0.1:53").expect("it is sent");
        let call = b"INVITE sip:x@y SIP/2.0\r\nCall-ID: 12345@host\r\n\r\n";
        client.send_to(call, "127.0.0.1:5060").expect("it is sent");
        let association = sctp().unwrap_or_else(|error| panic!("SCTP: {error}"));
        (listeners, streams, client, association)
    });
    for numeric in ["-n", "--numeric", ""] {
        for engine in ["--persistent-conn", ""] {
            let arguments: Vec<&str> =
                ["-L", "-c", numeric, engine].into_iter().filter(|word| !word.is_empty()).collect();
            let listed = compare(&ns, &arguments);
            if numeric == "-n" {
                assert!(listed.contains("ESTABLISHED 127.0.0.1:"), "{listed}");
                assert!(listed.contains("[::1]:8080"), "{listed}");
                assert!(listed.contains("127.0.0.2:9090"), "{listed}");
                let has = |start: &str, word: &str| {
                    listed.lines().any(|line| line.starts_with(start) && line.contains(word))
                };
                assert!(has("UDP ", " UDP "), "{listed}");
                assert!(has("SCTP ", " ESTABLISHED "), "{listed}");
                // A template of a firewall mark, which takes the place of the address.
                assert!(has("IP ", " 0.0.0.5:0 "), "{listed}");
                // A template of a persistent service, of each family.
                assert!(listed.contains("127.0.0.1:0 "), "{listed}");
                assert!(listed.contains("[::]:0 ") || listed.contains("[::1]:0 "), "{listed}");
                assert_eq!(
                    listed.contains("12345@host"),
                    engine == "--persistent-conn",
                    "{listed}"
                );
            }
        }
    }
    for view in ["", "--persistent-conn", "--thresholds", "--tun-info"] {
        let arguments: Vec<&str> =
            ["-L", "-n", view].into_iter().filter(|word| !word.is_empty()).collect();
        compare(&ns, &arguments);
    }
    drop(kept);
}

/// A client's and a server's socket, connected through the service.
fn sctp() -> rustix::io::Result<[OwnedFd; 2]> {
    let socket = || net::socket(AddressFamily::INET, SocketType::STREAM, Some(net::ipproto::SCTP));
    let (server, client) = (socket()?, socket()?);
    let address = |port| SocketAddrV4::new(Ipv4Addr::LOCALHOST, port);
    net::bind(&server, &address(9090))?;
    net::listen(&server, 1)?;
    net::connect(&client, &address(8080))?;
    Ok([server, client])
}

const HEAD: &str =
    "Pro FromIP   FPrt ToIP     TPrt DestIP   DPrt State       Expires PEName PEData\n";

/// Makes this file the list that both programs read.
pub(crate) fn list(mounts: &mut Mounts, file: &Path) {
    let file = quoted(file);
    // Ours reads the list of its thread, the reference that of its process. Both find it in a
    // /proc made of ordinary folders.
    mounts
        .prepare("mount -t tmpfs tmpfs /mnt; mkdir -p /mnt/net /mnt/thread-self/net /mnt/self/net");
    mounts.prepare(&format!(
        "for place in net thread-self/net self/net; do touch /mnt/$place/ip_vs_conn; \
         mount --bind {file} /mnt/$place/ip_vs_conn; done"
    ));
    mounts.prepare("mount --rbind /mnt /proc");
}

/// The output for this list, which must be the same from both.
fn listed(ns: &Netns, file: &str, arguments: &str) -> String {
    let mut mounts = Mounts::new();
    let file = mounts.file(file);
    list(&mut mounts, &file);
    let outputs = [program::reference(), program::ipvsadm()].map(|program| {
        let ran = mounts.run(ns, &format!("{} {arguments}", quoted(&program)));
        (ran.code(), ran.stdout, ran.stderr)
    });
    let [reference, ours] = outputs;
    assert_eq!(reference, ours);
    ours.1
}

fn made_up_connections_list_alike() {
    let ns = Netns::new();
    let file = format!(
        "{HEAD}\
TCP 0A000001 C350 01020304 0050 0A000002 1E61 ESTABLISHED     899
UDP 0A000001 0035 01020304 0035 0A000002 0035 UDP             300
SCTP 0A000001 0035 01020304 0050 0A000002 0B59 ESTABLISHED     5
TCP C0A86401 0000 01020304 0050 0A000001 0050 NONE            3600
IP  C0A86401 0000 00000005 0000 0A000001 0000 NONE            59
UDP C0A86401 0000 01020304 13C4 0A000001 13C4 NONE           2678400 sip callid-12345@host
UDP C0A86401 0000 01020304 13C4 0A000001 13C4 UDP            1 sip verylongpedata0123456789012345678901234567890123456789
TCP 2001:0db8:0000:0000:0000:0000:0000:0007 C350 0000:0000:0000:0000:0000:0000:0000:0001 0050 \
0000:0000:0000:0000:0000:0000:0000:0007 0050 SYN_RECV 3
TCP 0000:0000:0000:0000:0000:0000:0001:0080 FFFF 0000:0000:0000:0000:0000:ffff:0102:0304 FFFF \
2001:0db8:1111:2222:3333:4444:5555:8888 FFFF ESTABLISHED 0
TCP FFFFFFFF FFFF FFFFFFFF FFFF FFFFFFFF FFFF SYNACK      60
TCP 0A000001 C350 01020304 0050 0A000002 1E61 VERYLONGSTATENAME  7
ICMP 0A000001 C350 01020304 0050 0A000002 1E61 NONE  7
FOO 0A000001 C350 01020304 0050 0A000002 1E61 NONE  7
TCP 0A000001 C350 01020304 0050 0A000002 1E61 TIME_WAIT  5999
TCP 0A000001 C350 01020304 0050 0A000002 1E61 TIME_WAIT  6000
TCP 0A000001 C350 01020304 0050 0A000002 1E61 CLOSE_WAIT  5 sip
tcp 0a000001 c350 01020304 0050 0a000002 1e61 LAST_ACK  5 sip data extra words
TCP 0A000001 C350 01020304 0050 0A000002 1E61 NONE  7"
    );
    for arguments in ["-L -c -n", "-Lcn --persistent-conn"] {
        let listed = listed(&ns, &file, arguments);
        assert_eq!(listed.lines().count(), file.lines().count() + 1, "{listed}");
    }
    // The first line is a heading, whatever it says.
    listed(&ns, "\nTCP 0A000001 C350 01020304 0050 0A000002 1E61 NONE  7\n", "-Lcn");
    listed(&ns, HEAD, "-Lcn");
}

fn a_million_connections_take_little_memory() {
    const LINES: u32 = 1_000_000;
    let ns = Netns::new();
    let mut mounts = Mounts::new();
    let mut text = HEAD.to_owned();
    for number in 0..LINES {
        text +=
            &format!("TCP 0A{number:06X} C350 01020304 0050 0A000002 1E61 ESTABLISHED     899\n");
    }
    let file = mounts.file(&text);
    drop(text);
    list(&mut mounts, &file);
    // The limit is on the whole address space, so it covers every kind of memory.
    let script =
        format!("ulimit -v 65536; {} -L -c -n | md5sum; ulimit -v", quoted(&program::ipvsadm()));
    let ran = mounts.run(&ns, &script).success();
    let mut expected = "IPVS connection entries\n\
        pro expire state       source             virtual            destination\n"
        .to_owned();
    for number in 0..LINES {
        let [_, b, c, d] = number.to_be_bytes();
        let source = format!("10.{b}.{c}.{d}:50000");
        expected +=
            &format!("TCP 14:59  ESTABLISHED {source:<18} {:<18} 10.0.0.2:7777\n", "1.2.3.4:80");
    }
    let whole = mounts.file(&expected);
    let sum = ns.command("md5sum").arg(whole).run().success().stdout;
    assert_eq!(ran.stdout[..32], sum[..32], "{}", ran.stderr);
    assert!(ran.stdout.ends_with("65536\n"), "{}", ran.stdout);
}

fn a_list_that_is_not_there_is_an_error() {
    let ns = Netns::new();
    for (there, text) in [(true, "unexpected input from"), (false, "cannot open file")] {
        let mut mounts = Mounts::new();
        match there {
            true => {
                let empty = mounts.file("");
                list(&mut mounts, &empty);
            }
            false => mounts.prepare("mount -t tmpfs tmpfs /proc"),
        }
        for program in [program::reference(), program::ipvsadm()] {
            let ran = mounts.run(&ns, &format!("{} -L -c", quoted(&program)));
            assert_eq!(ran.code(), Some(1), "{program:?} {}", ran.stderr);
            assert_eq!(ran.stdout, "", "{program:?}");
            assert!(ran.stderr.starts_with(text), "{program:?} {}", ran.stderr);
        }
    }
}
