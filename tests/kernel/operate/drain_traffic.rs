//! `--drain` under load: 50 requests in flight all the time, and a download through the server.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::harness::KernelTest;
use crate::lab::Lab;
use crate::live::size;
use crate::live::traffic::Load;
use crate::netns::Netns;
use crate::program;

pub(crate) fn tests() -> Vec<KernelTest> {
    crate::tests![a_drain_under_load_loses_no_request_and_ends_with_the_download]
}

const SERVICE: &str = "192.168.144.44:80";
const SERVERS: [&str; 2] = ["128.10.10.8:80", "128.10.10.9:80"];

/// The bytes that the servers send in a second of a page under `/slow`.
const RATE: usize = 10 * 1024;

/// The configurations of the service, one after the other, and the setting that each needs.
const SERVICES: [(&str, Option<&str>); 4] = [
    ("-s wrr", None),
    ("-s wlc -p 60", Some("expire_quiescent_template=1")),
    ("-s sh -b sh-fallback", None),
    ("-s mh -b mh-fallback,mh-port", None),
];

/// A slow download. Returns the server that it comes from, and what gives the number of its bytes and
/// the time of its end.
fn download(client: &Netns) -> (&'static str, JoinHandle<(usize, Instant)>) {
    let mut stream = client.enter(|| TcpStream::connect(SERVICE)).expect("a connection");
    stream.write_all(b"GET /slow HTTP/1.0\r\n\r\n").expect("it is sent");
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte).expect("an answer");
        head.push(byte[0]);
    }
    let mut first = [0];
    stream.read_exact(&mut first).expect("a page");
    let server = SERVERS[usize::from(first[0] - b'1')];
    let received = thread::spawn(move || {
        let mut rest = Vec::new();
        stream.read_to_end(&mut rest).expect("the download is not broken off");
        (1 + rest.len(), Instant::now())
    });
    (server, received)
}

/// The active connections of a server.
fn active(director: &Netns, server: &str) -> u64 {
    let json = director.ipvsadm(["-L", "--json", "--exact", "-t", SERVICE]).success().stdout;
    let value = crate::schema::parsed(&json);
    let servers = value["services"][0]["destinations"].as_array().expect("servers").clone();
    let address = server.split(':').next().expect("an address");
    let server = servers.iter().find(|it| it["address"] == address).expect("it is there");
    server["active_connections"].as_u64().expect("a number")
}

fn a_drain_under_load_loses_no_request_and_ends_with_the_download() {
    let time = size(Duration::from_secs(4), Duration::from_secs(30));
    let services = size(&SERVICES[..2], &SERVICES[..]);
    let lab = Lab::new();
    let director = &lab.network.director;
    let bytes = RATE * time.as_secs() as usize;
    // A page of the number of its server.
    for (name, number) in [("server1", b'1'), ("server2", b'2')] {
        for (page, length) in [("slow", bytes), ("slow-page", RATE * 3 / 2)] {
            let page = format!("/tmp/lab/{name}/{page}");
            fs::write(page, vec![number; length]).expect("a page");
        }
    }
    director.sysctl("net.ipv4.ip_forward", "1");
    let run = |line: &str| director.ipvsadm(line.split(' ')).success();
    run(&format!("-A -t {SERVICE} -s wrr"));
    for server in SERVERS {
        run(&format!("-a -t {SERVICE} -r {server} -m -w 3 -x 100000 -y 5"));
    }
    let load = Load::start(&lab.network.client1, 50, "slow-page");
    for (service, setting) in services {
        run(&format!("-E -t {SERVICE} {service}"));
        if let Some(setting) = setting {
            run(&format!("--settings {setting}"));
        }
        let (server, received) = download(&lab.network.client2);
        let begun = Instant::now();
        let ran = director
            .command(program::ipvsadm())
            .args(format!("--drain --until active -t {SERVICE} -r {server}").split(' '))
            .run();
        let drained = Instant::now();
        assert_eq!(ran.code(), Some(0), "{}{}", ran.stdout, ran.stderr);
        assert!(ran.stdout.contains(": weight 3 set to 0; "), "{}", ran.stdout);
        assert!(ran.stdout.contains(": drained"), "{}", ran.stdout);
        // Whatever comes after the end of the download is at least not before it.
        assert!(received.is_finished(), "{service}: drained before the download ended");
        let (length, ended) = received.join().expect("the download does not panic");
        assert_eq!(length, bytes, "{service}");
        let late = drained.saturating_duration_since(ended);
        println!("{service}: drained after {:?}, {late:?} after the download", drained - begun);
        // On a busy machine it may take longer than the two seconds that it waits.
        assert!(late < Duration::from_secs(20), "{service}: {late:?} after the download");
        assert_eq!(active(director, server), 0, "{service}");
        run(&format!("--undrain -t {SERVICE} -r {server}"));
        let rule = format!("-a -t {SERVICE} -r {server} -m -w 3 -x 100000 -y 5");
        assert!(run("-S -n").stdout.lines().any(|line| line == rule), "{service}: no {rule}");
    }
    let outcome = load.stop();
    println!("{} requests complete, {} lost", outcome.complete, outcome.lost);
    assert_eq!(outcome.lost, 0, "{}", outcome.output);
    assert!(outcome.complete > 100, "{}", outcome.output);
}
