//! Finding connections: filters, counts and origins, among those of live services and a million
//! made-up ones.

use std::io::Write;
use std::net::{Ipv4Addr, TcpListener, TcpStream, UdpSocket};
use std::time::Duration;

use crate::harness::KernelTest;
use crate::netns::Netns;
use crate::program;
use crate::schema::{assert_fits, parsed};

pub(crate) fn tests() -> Vec<KernelTest> {
    crate::tests![
        live_connections_are_found_and_counted,
        synchronized_connections_show_their_origin,
        filters_and_counts_of_a_million_take_no_more_than_the_list,
    ]
}

const RULES: &str = "\
-A -t 127.0.0.1:80 -s rr
-a -t 127.0.0.1:80 -r 127.0.0.1:9090 -m
-A -t 127.0.0.2:0 -s rr -p 50
-a -t 127.0.0.2:0 -r 127.0.0.1:0 -m
-A -t [::1]:80 -s rr
-a -t [::1]:80 -r [::1]:9091 -m
-A -u 127.0.0.1:53 -s rr
-a -u 127.0.0.1:53 -r 127.0.0.1:5353 -m
-A -f 5 -s rr -p 80
-a -f 5 -r 127.0.0.1:9090 -m
-A -f 7 -6 -s rr -p 80
-a -f 7 -6 -r [::1]:9091 -m
-A -t 127.0.0.5:21 -s rr -p 90
-a -t 127.0.0.5:21 -r 127.0.0.1:0 -m
";

/// What stands behind a listing's heading, without the port of the client and the time left.
fn listed(ns: &Netns, line: &str) -> Vec<String> {
    let text = ns.ipvsadm(line.split(' ')).success().stdout;
    let entry = |line: &str| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let client = words[3].rsplit_once(':').expect("an address and a port").0;
        let rest = [words[0], words[2], client].into_iter().chain(words[4..].iter().copied());
        rest.collect::<Vec<_>>().join(" ")
    };
    let mut entries: Vec<_> = text.lines().skip(2).map(entry).collect();
    entries.sort();
    entries
}

fn counted(ns: &Netns, line: &str) -> Vec<String> {
    let text = ns.ipvsadm(line.split(' ')).success().stdout;
    text.lines().skip(2).map(|line| line.trim_start().to_owned()).collect()
}

fn live_connections_are_found_and_counted() {
    let ns = Netns::new();
    ns.command(program::ipvsadm()).arg("-R").stdin(RULES).run().success();
    for (program, more, mark) in
        [("iptables-legacy", "-d 127.0.0.3 ", "5"), ("ip6tables-legacy", "", "7")]
    {
        let port = if mark == "5" { "9090" } else { "9091" };
        let rule =
            format!("-t mangle -A OUTPUT -p tcp {more}--dport {port} -j MARK --set-mark {mark}");
        ns.command(program).args(rule.split(' ')).run().success();
    }
    let _kept = ns.enter(|| {
        let listeners = ["127.0.0.1:9090", "[::1]:9091"].map(TcpListener::bind);
        let listeners = listeners.map(|listener| listener.expect("a listener"));
        let streams = [
            "127.0.0.1:80",
            "127.0.0.1:80",
            "127.0.0.2:9090",
            "127.0.0.3:9090",
            "[::1]:80",
            "[::1]:9091",
            // Data of FTP.
            "127.0.0.5:9090",
        ]
        .map(|address| {
            let mut stream =
                TcpStream::connect(address).unwrap_or_else(|error| panic!("{address}: {error}"));
            stream.write_all(b"hello").expect("it is sent");
            stream
        });
        let client = UdpSocket::bind("127.0.0.1:0").expect("a socket");
        client.send_to(b"?", "127.0.0.1:53").expect("it is sent");
        (listeners, streams, client)
    });
    let web = "TCP ESTABLISHED 127.0.0.1 127.0.0.1:80 127.0.0.1:9090";
    let all_ports = [
        "TCP ASSURED 127.0.0.1 127.0.0.2:0 127.0.0.1:0",
        "TCP ESTABLISHED 127.0.0.1 127.0.0.2:9090 127.0.0.1:9090",
    ];
    let ftp = [
        "TCP ASSURED 127.0.0.1 127.0.0.5:0 127.0.0.1:0",
        "TCP ESTABLISHED 127.0.0.1 127.0.0.5:9090 127.0.0.1:9090",
    ];
    let mark = "IP ASSURED 127.0.0.1 0.0.0.5:0 127.0.0.1:0";
    let mark_v6 = "IP ASSURED [::1] [0:7::]:0 [::1]:0";
    let by_mark = "TCP ESTABLISHED 127.0.0.1 127.0.0.3:9090 127.0.0.1:9090";
    let by_mark_v6 = "TCP ESTABLISHED [::1] [::1]:9091 [::1]:9091";
    let v6 = "TCP ESTABLISHED [::1] [::1]:80 [::1]:9091";
    let dns = "UDP UDP 127.0.0.1 127.0.0.1:53 127.0.0.1:5353";
    for (filter, want) in [
        ("-t 127.0.0.1:80", &[web, web][..]),
        ("-t 127.0.0.2", &all_ports),
        ("-t 127.0.0.2:9090", &all_ports[1..]),
        ("-t 127.0.0.1:81", &[]),
        ("-t 127.0.0.5:21", &ftp),
        ("-t [::1]:80", &[v6]),
        ("-u 127.0.0.1:53", &[dns]),
        ("-f 5", &[mark]),
        ("-f 7 -6", &[mark_v6]),
        ("-f 7", &[]),
        ("-r ::1", &[mark_v6, v6, by_mark_v6]),
        ("-r [::1]:9091", &[v6, by_mark_v6]),
        ("-r 127.0.0.1:5353", &[dns]),
        ("--client ::/0", &[mark_v6, v6, by_mark_v6]),
        ("--client 127.0.0.0/8 --state udp", &[dns]),
        ("--state Assured", &[mark, mark_v6, all_ports[0], ftp[0]]),
        ("--state TIME_WAIT", &[]),
        ("127.0.0.3", &[by_mark]),
        ("-r 127.0.0.1:9090 -t 127.0.0.1:80 --state ESTABLISHED --client 127.0.0.1", &[web, web]),
    ] {
        assert_eq!(listed(&ns, &format!("-L -c -n {filter}")), want, "{filter}");
    }
    let said = ns.ipvsadm(["-L", "-c", "-n", "-f", "5"]).success().stderr;
    assert!(said.contains("firewall mark 5: only its persistence templates"), "{said}");

    for (by, want) in [
        ("client", &["9 127.0.0.1", "3 ::1", "12 total"][..]),
        (
            "server",
            &[
                "5 TCP 127.0.0.1:9090",
                "2 TCP 127.0.0.1:0",
                "2 TCP [::1]:9091",
                "1 IP  127.0.0.1:0",
                "1 IP  [::1]:0",
                "1 UDP 127.0.0.1:5353",
                "12 total",
            ],
        ),
        (
            "service",
            &[
                "2 TCP 127.0.0.1:80",
                "2 TCP 127.0.0.2:0",
                "2 TCP 127.0.0.5:21",
                "1 FWM 5",
                "1 FWM 7 IPv6",
                "1 TCP 127.0.0.3:9090",
                "1 TCP [::1]:80",
                "1 TCP [::1]:9091",
                "1 UDP 127.0.0.1:53",
                "12 total",
            ],
        ),
        ("state", &["7 ESTABLISHED", "4 ASSURED", "1 UDP", "12 total"]),
        ("state -t 127.0.0.2", &["1 ASSURED", "1 ESTABLISHED", "2 total"]),
        ("server -t 127.0.0.1:81", &["0 total"]),
    ] {
        assert_eq!(counted(&ns, &format!("-L -c -n --by {by}")), want, "{by}");
        let json = format!("-L -c --json --by {by}");
        let value = parsed(&ns.ipvsadm(json.split(' ')).success().stdout);
        assert_fits(Some("connection_counts"), &value);
        let total = value["total"].as_u64().map(|total| format!("{total} total"));
        assert_eq!(total.as_deref(), want.last().copied(), "{by}");
        let counts = value["counts"].as_array().expect("a list");
        assert_eq!(counts.len(), want.len() - 1, "{by}");
    }
    // Names, and their absence.
    let named = counted(&ns, "-L -c --by service -t 127.0.0.1:80");
    assert_eq!(named, ["2 TCP localhost:http", "2 total"]);

    let origins = listed(&ns, "-L -c -n --origin -t 127.0.0.1:80");
    assert_eq!(origins, [format!("{web} LOCAL"), format!("{web} LOCAL")]);
    let json =
        ns.ipvsadm(["-L", "-c", "--json", "--origin", "-u", "127.0.0.1:53"]).success().stdout;
    let value = parsed(&json);
    assert_fits(Some("connection"), &value);
    assert_eq!(value["origin"], "LOCAL");
    assert_eq!(value.get("persistence_engine"), None);
}

fn synchronized_connections_show_their_origin() {
    let (master, backup) = (Netns::new(), Netns::new());
    master.connect("eth0", &backup, "eth0");
    let rules = "-A -t 127.0.0.1:80 -s rr\n-a -t 127.0.0.1:80 -r 127.0.0.1:9090 -m\n";
    for (ns, address, role) in [(&master, "10.9.0.1", "master"), (&backup, "10.9.0.2", "backup")] {
        ns.ip(&format!("address add {address}/24 dev eth0\nlink set eth0 multicast on up"));
        ns.command(program::ipvsadm()).arg("-R").stdin(rules).run().success();
        ns.ipvsadm(["--start-daemon", role, "--syncid", "3"]).success();
    }
    // Each connection is told at its first packet.
    master.sysctl("net.ipv4.vs.sync_threshold", "0 1");
    let _server = master.enter(|| TcpListener::bind("127.0.0.1:9090")).expect("a listener");
    let mut kept = Vec::new();
    for _ in 0..60 {
        kept.push(master.enter(|| TcpStream::connect("127.0.0.1:80")).expect("a connection"));
        let synced = listed(&backup, "-L -c -n --origin -t 127.0.0.1:80");
        if let Some(first) = synced.first() {
            assert!(first.ends_with("127.0.0.1:80 127.0.0.1:9090 SYNC"), "{first}");
            let local = listed(&master, "-L -c -n --origin -t 127.0.0.1:80");
            assert!(local.iter().all(|entry| entry.ends_with(" LOCAL")), "{local:?}");
            return;
        }
        std::thread::sleep(Duration::from_millis(200));
    }
    panic!("no connection reached the backup");
}

/// A shell command that makes `$@` see the made-up connections.
const MADE_UP: &str = "\
    mount -t tmpfs none /proc && mkdir -p /proc/net /proc/thread-self && \
    ln -s ../net /proc/thread-self/net && ln -s /tmp/connections /proc/net/ip_vs_conn && \
    ulimit -v $LIMIT && exec \"$@\"";

fn filters_and_counts_of_a_million_take_no_more_than_the_list() {
    const CONNECTIONS: u32 = 1_000_000;
    let ns = Netns::new();
    ns.command(program::ipvsadm()).arg("-R").stdin(RULES).run().success();
    let mut text = "Pro FromIP   FPrt ToIP     TPrt DestIP   DPrt State       Expires\n".to_owned();
    for number in 0..CONNECTIONS {
        let server = number % 3;
        text += &format!(
            "TCP 0A{number:06X} C350 7F000002 0050 0A00000{server} 1E61 ESTABLISHED     899\n"
        );
    }
    std::fs::write("/tmp/connections", text).expect("a file");
    let run = |limit: u32, line: &str| {
        let command = ns.command("unshare").args(["--mount", "sh", "-c", MADE_UP, "sh"]);
        let command = command.arg(program::ipvsadm()).args(line.split(' '));
        command.env("LIMIT", limit.to_string()).run().success().stdout
    };
    // The limit is on the whole address space, of which little is ever touched.
    const FLAT: u32 = 65_536;
    for (line, lines) in [
        ("-L -c -n -t 127.0.0.2 -r 10.0.0.1", 333_333),
        ("-L -c -n --client 10.0.0.0/16", 65_536),
        ("-L -c -n --state syn_recv", 0),
        ("-L -c -n 10.0.0.2", 333_333 + 1),
    ] {
        assert_eq!(run(FLAT, line).lines().count(), 2 + lines, "{line}");
    }
    let counts = |limit, line: &str| -> Vec<String> {
        let text = run(limit, line);
        text.lines().skip(2).map(|line| line.trim_start().to_owned()).collect()
    };
    assert_eq!(
        counts(FLAT, "-L -c -n --by server"),
        [
            "333334 TCP 10.0.0.0:7777",
            "333333 TCP 10.0.0.1:7777",
            "333333 TCP 10.0.0.2:7777",
            "1000000 total"
        ]
    );
    assert_eq!(counts(FLAT, "-L -c -n --by state"), ["1000000 ESTABLISHED", "1000000 total"]);
    assert_eq!(counts(FLAT, "-L -c -n --by service"), ["1000000 TCP 127.0.0.2:0", "1000000 total"]);
    // At most 48 bytes a client, and what any command takes.
    let by_client = counts(FLAT + 48 * 1024, "-L -c -n --by client");
    assert_eq!(by_client.len(), CONNECTIONS as usize + 1);
    let last = Ipv4Addr::from(0x0a00_0000 + CONNECTIONS - 1);
    assert_eq!(by_client[0], "1 10.0.0.0");
    assert_eq!(by_client[CONNECTIONS as usize - 1], format!("1 {last}"));
}
