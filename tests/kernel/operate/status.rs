//! `-L --status`, on this kernel and with what newer ones show.

use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use crate::harness::KernelTest;
use crate::netns::Netns;
use crate::program;
use crate::schema::{assert_fits, parsed};

pub(crate) fn tests() -> Vec<KernelTest> {
    crate::tests![
        the_state_is_that_of_the_kernel,
        the_kernel_tells_whether_defence_is_at_work,
        newer_kernels_show_more,
    ]
}

/// The value on the line with this name.
fn value<'t>(text: &'t str, name: &str) -> &'t str {
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    line.unwrap_or_else(|| panic!("no {name} in\n{text}")).trim_start()
}

fn status(ns: &Netns) -> String {
    ns.ipvsadm(["-L", "--status"]).success().stdout
}

fn the_state_is_that_of_the_kernel() {
    let ns = Netns::new();
    let empty = status(&ns);
    for (name, want) in [
        ("version ", "1.2.1"),
        ("connections ", "0"),
        ("services ", "0"),
        ("drop_entry ", "off"),
        ("sync daemons ", "none"),
    ] {
        assert_eq!(value(&empty, name), want, "{empty}");
    }
    let rules = "-A -t 127.0.0.1:80 -s rr\n-a -t 127.0.0.1:80 -r 127.0.0.1:9090 -m\n-A -f 5\n";
    ns.command(program::ipvsadm()).arg("-R").stdin(rules).run().success();
    ns.ipvsadm(["--start-daemon", "backup", "--mcast-interface", "lo", "--syncid", "3"]).success();
    let _server = ns.enter(|| TcpListener::bind("127.0.0.1:9090")).expect("a listener");
    let _clients: Vec<_> = (0..20)
        .map(|_| ns.enter(|| TcpStream::connect("127.0.0.1:80")).expect("a connection"))
        .collect();
    ns.sysctl("net.ipv4.vs.run_estimation", "0");
    let busy = status(&ns);
    assert_eq!(value(&busy, "connections "), "20");
    assert_eq!(value(&busy, "services "), "2");
    assert!(value(&busy, "estimator ").starts_with("stopped: counters and rates stand still"));
    assert!(value(&busy, "sync daemon ").starts_with("backup sync daemon (mcast=lo, syncid=3"));
    let json = parsed(&ns.ipvsadm(["-L", "--status", "--json"]).success().stdout);
    assert_fits(Some("status"), &json);
    assert_eq!((&json["connection_count"], &json["service_count"]), (&20.into(), &2.into()));
    assert_eq!(json["connection_table"]["buckets"], json["info"]["connection_table_size"]);
    assert_eq!(json["estimator"]["running"], false);
    assert_eq!(json["daemons"][0]["role"], "backup");
}

fn the_kernel_tells_whether_defence_is_at_work() {
    let ns = Netns::new();
    for (name, mode, want) in [
        ("drop_entry", "1", "automatic, idle"),
        ("drop_packet", "3", "always at work"),
        ("secure_tcp", "0", "off"),
    ] {
        ns.sysctl(&format!("net.ipv4.vs.{name}"), mode);
        assert_eq!(value(&status(&ns), &format!("{name} ")), want);
    }
    // More than any machine has, so memory is short.
    ns.sysctl("net.ipv4.vs.amemthresh", "2000000000");
    // The kernel looks once a second.
    for _ in 0..50 {
        let text = status(&ns);
        assert_eq!(value(&text, "memory threshold "), "2000000000 pages");
        if value(&text, "drop_entry ") == "automatic, at work: memory is short" {
            let json = parsed(&ns.ipvsadm(["-L", "--status", "--json"]).success().stdout);
            let defence = &json["defences"][0];
            assert_eq!((&defence["mode"], &defence["active"]), (&"automatic".into(), &true.into()));
            return;
        }
        thread::sleep(Duration::from_millis(200));
    }
    panic!("drop_entry never came to work:\n{}", status(&ns));
}

/// As Linux 7.2 shows 300 connections to one of two services.
const FIGURES: &str = "\
Conns:\t300
Conn buckets:\t4096 (12 bits, lfactor -4)
Conn buckets empty:\t3524 (86%)
Conn buckets len-1:\t545 (95%)
Conn buckets len-2:\t26 (4%)
Conn buckets len-7:\t1 (0%)
Services:\t2
Service buckets:\t16 (4 bits, lfactor -3)
Service buckets empty:\t14 (87%)
Service buckets len-1:\t2 (100%)
Stats thread slots:\t1 (max 4)
Stats chain max len:\t1696
Stats thread ests:\t4070400
";

/// Makes `$@` see what a newer kernel shows.
const NEWER: &str = "\
    mount -t tmpfs none /mnt && mkdir -p /mnt/thread-self/net /mnt/sys/net/ipv4/vs && \
    cat > /mnt/thread-self/net/ip_vs_status && cd /mnt/sys/net/ipv4/vs && \
    echo 2 > drop_entry && echo 1073741824 > conn_max && echo 0-1 > est_cpulist && \
    echo -5 > est_nice && echo 1 > run_estimation && mount --rbind /mnt /proc && exec \"$@\"";

fn newer_kernels_show_more() {
    let ns = Netns::new();
    let run = |arguments: &[&str]| {
        let command = ns.command("unshare").args(["--mount", "sh", "-c", NEWER, "sh"]);
        let command = command.arg(program::ipvsadm()).args(arguments).stdin(FIGURES);
        command.run().success().stdout
    };
    let text = run(&["-L", "--status"]);
    for (name, want) in [
        ("connections ", "300"),
        ("connection limit ", "1073741824"),
        (
            "connection table ",
            "4096 buckets (12 bits, load factor -4): 3524 empty, 545 with 1 entry, 26 with 2, 1 \
             with 7 or more",
        ),
        ("services ", "2"),
        ("service table ", "16 buckets (4 bits, load factor -3): 14 empty, 2 with 1 entry"),
        ("drop_entry ", "automatic, at work: memory is short"),
        ("estimator ", "running, threads 1 of 4, CPUs 0-1, nice -5"),
    ] {
        assert_eq!(value(&text, name), want, "{text}");
    }
    let json = parsed(&run(&["-L", "--status", "--json"]));
    assert_fits(Some("status"), &json);
    assert_eq!(json["connection_table"]["chains"][1]["buckets"], 26);
    assert_eq!(json["estimator"]["thread_limit"], 4);
}
