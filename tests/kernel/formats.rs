//! Listings and saved tables in formats other than the classic one.

use std::collections::HashSet;

use serde_json::{Value, json};

use crate::harness::KernelTest;
use crate::netns::Netns;
use crate::schema::{assert_fits, parsed};
use crate::{preload, program};

pub(crate) fn tests() -> Vec<KernelTest> {
    crate::tests![
        a_json_listing_is_complete_and_fits_the_schema,
        saved_json_is_applied_unchanged,
        broken_json_is_reported_and_changes_nothing,
        saved_rules_with_all_are_restored,
        timeouts_daemons_and_connections_fit_the_schema,
        prometheus_metrics_of_a_real_table_are_valid,
        the_table_has_no_colours_in_a_pipe,
        duplicates_from_the_kernel_are_shown_once,
    ]
}

const RULES: &str = "\
-A -t 10.0.0.1:80 -s wrr -p 300
-a -t 10.0.0.1:80 -r 192.168.0.1:80 -m -w 3 -x 100 -y 50
-a -t 10.0.0.1:80 -r 192.168.0.2:80 -i -w 0 --tun-type gue --tun-port 6080 --tun-csum
-A -u [2001:db8::1]:53 -s sh -o -b sh-fallback,sh-port
-a -u [2001:db8::1]:53 -r [2001:db8::2]:53 -g -w 1
-A -f 5 -s wlc
-A -f 5 -6 -s wlc -p 360 -M 64
-a -f 5 -6 -r 10.9.9.9:0 -i -w 1 --tun-type ipip
";

fn with_rules() -> Netns {
    let ns = Netns::new();
    // A route to the IPv6 servers.
    ns.ip("address add 2001:db8::ff/64 dev lo");
    ns.command(program::ipvsadm()).arg("-R").stdin(RULES).run().success();
    ns
}

fn printed(ns: &Netns, arguments: &[&str]) -> String {
    ns.ipvsadm(arguments).success().stdout
}

fn a_json_listing_is_complete_and_fits_the_schema() {
    let ns = with_rules();
    let text = printed(&ns, &["-L", "--json"]);
    assert!(text.ends_with("}\n"));
    let value = parsed(&text);
    assert_fits(None, &value);
    assert_eq!(value["info"]["version"], "1.2.1");
    assert_eq!(value["services"].as_array().map(Vec::len), Some(4));
    let web = &value["services"][0];
    assert_eq!(web["counters"]["connections"], 0);
    assert_eq!(web["destinations"][1]["tunnel"]["port"], 6080);
    assert_eq!(web["destinations"][0]["active_connections"], 0);
    assert_eq!(text, printed(&ns, &["-L", "--format", "json"]));

    let one = parsed(&printed(&ns, &["-L", "-t", "10.0.0.1:80", "--json"]));
    assert_fits(None, &one);
    assert_eq!(one["services"], json!([web]));
    let none = ns.ipvsadm(["-L", "-t", "10.0.0.1:81", "--json"]);
    assert_eq!((none.code(), none.stdout.as_str()), (Some(1), ""));
    ns.ipvsadm(["-C"]).success();
    assert_eq!(printed(&ns, &["-S", "--json"]), "{\n  \"services\": []\n}\n");
}

fn saved_json_is_applied_unchanged() {
    let ns = with_rules();
    let json = printed(&ns, &["-S", "--json"]);
    assert_fits(None, &parsed(&json));
    let listing = printed(&ns, &["-L", "--json"]);
    for text in [json.as_str(), listing.as_str()] {
        let other = Netns::new();
        other.ip("address add 2001:db8::ff/64 dev lo");
        other.command(program::ipvsadm()).arg("--apply").stdin(text).run().success();
        assert_eq!(printed(&other, &["-S", "-n"]), printed(&ns, &["-S", "-n"]));
        assert_eq!(printed(&other, &["-S", "--json"]), json);
    }
    assert_eq!(printed(&ns, &["-S", "-n"]), RULES);
}

fn broken_json_is_reported_and_changes_nothing() {
    let ns = with_rules();
    let text = "{\"services\": [\n  {\"firewall_mark\": 5, \"shceduler\": \"rr\"}\n]}\n";
    let ran = ns.command(program::ipvsadm()).arg("--apply").stdin(text).run();
    assert!(!ran.status.success());
    assert!(ran.stderr.contains("line 2, column 34: services[0]"), "{}", ran.stderr);
    assert_eq!(printed(&ns, &["-S", "-n"]), RULES);
}

fn saved_rules_with_all_are_restored() {
    let ns = with_rules();
    // The kernel allows no sync daemon beside a server of another family than its service's.
    ns.ipvsadm(["-d", "-f", "5", "-6", "-r", "10.9.9.9:0"]).success();
    let table = printed(&ns, &["-S", "-n"]);
    ns.ip(
        "link add eth7 type dummy\nlink set eth7 multicast on up\naddress add 10.7.0.1/24 dev eth7",
    );
    ns.ipvsadm(["--set", "1000", "200", "400"]).success();
    ns.ipvsadm(["--start-daemon", "master", "--mcast-interface", "eth7", "--syncid", "9"])
        .success();
    let saved = printed(&ns, &["-S", "-n", "--all"]);
    let others = saved.strip_prefix(&table).unwrap_or_else(|| panic!("{saved}"));
    let mut lines = others.lines();
    assert_eq!(lines.next(), Some("--set 1000 200 400"));
    let (settings, daemons): (Vec<&str>, Vec<&str>) =
        lines.partition(|line| line.starts_with("--settings "));
    assert!(settings.len() > 10, "{saved}");
    let front = "--start-daemon master --mcast-interface eth7 --syncid 9";
    assert!(daemons.len() == 1 && daemons[0].starts_with(front), "{daemons:?}");

    ns.ipvsadm(["--stop-daemon", "master"]).success();
    ns.ipvsadm(["--set", "900", "120", "300"]).success();
    ns.ipvsadm(["-C"]).success();
    ns.command(program::ipvsadm()).arg("-R").stdin(saved.as_str()).run().success();
    assert_eq!(printed(&ns, &["-S", "-n", "--all"]), saved);

    let json = parsed(&printed(&ns, &["-S", "--all", "--json"]));
    assert_fits(None, &json);
    assert_eq!(json["timeouts"]["tcp_fin_seconds"], 200);
    assert_eq!(json["daemons"][0]["interface"], "eth7");
}

fn timeouts_daemons_and_connections_fit_the_schema() {
    let ns = Netns::new();
    let timeouts = parsed(&printed(&ns, &["-L", "--timeout", "--json"]));
    assert_fits(Some("timeouts_listing"), &timeouts);
    assert_eq!(timeouts["timeouts"]["udp_seconds"], 300);
    let daemons = parsed(&printed(&ns, &["-L", "--daemon", "--json"]));
    assert_fits(Some("daemons_listing"), &daemons);

    // A connection to a server on the director itself.
    ns.ip("address add 10.0.0.1/32 dev lo\naddress add 10.0.0.2/32 dev lo");
    let rules = "-A -t 10.0.0.1:80 -s rr\n-a -t 10.0.0.1:80 -r 10.0.0.2:80 -m\n";
    ns.command(program::ipvsadm()).arg("-R").stdin(rules).run().success();
    assert_eq!(printed(&ns, &["-L", "-c", "--json"]), "");
    let _server = ns.enter(|| std::net::TcpListener::bind("10.0.0.2:80")).unwrap();
    let _client = ns.enter(|| std::net::TcpStream::connect("10.0.0.1:80")).unwrap();
    let text = printed(&ns, &["-L", "-c", "--json"]);
    let lines: Vec<Value> = text.lines().map(parsed).collect();
    assert_eq!(lines.len(), 1, "{text}");
    assert_fits(Some("connection"), &lines[0]);
    assert_eq!(lines[0]["protocol"], "tcp");
    assert_eq!(lines[0]["virtual_address"], "10.0.0.1");
    assert_eq!(lines[0]["destination_address"], "10.0.0.2");
    assert_eq!(lines[0]["destination_port"], 80);
}

fn prometheus_metrics_of_a_real_table_are_valid() {
    let ns = with_rules();
    let text = printed(&ns, &["-L", "--format", "prometheus"]);
    let mut series = HashSet::new();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let (name, value) = line.rsplit_once(' ').unwrap_or_else(|| panic!("{line}"));
        assert!(value.parse::<u64>().is_ok(), "{line}");
        assert!(series.insert(name.to_owned()), "{line} twice");
    }
    for name in [
        "node_ipvs_connections_total",
        "ipvs_info{version=\"1.2.1\"}",
        "node_ipvs_backend_weight{local_address=\"10.0.0.1\",local_port=\"80\",\
         remote_address=\"192.168.0.1\",remote_port=\"80\",proto=\"TCP\",local_mark=\"\"}",
        "ipvs_service_backends{local_address=\"\",local_port=\"0\",proto=\"FWM\",\
         local_mark=\"00000005\",family=\"ipv6\"}",
    ] {
        assert!(series.contains(name), "{name}\n{text}");
    }
    let one = printed(&ns, &["-L", "-f", "5", "--format", "prometheus"]);
    assert!(one.contains("ipvs_service_backends{") && !one.contains("10.0.0.1"), "{one}");
}

fn the_table_has_no_colours_in_a_pipe() {
    let ns = with_rules();
    let shown = |arguments: &[&str], locale: &str| {
        let command = ns.command(program::ipvsadm()).args(["-L", "-n", "--format", "table"]);
        let command = command.args(arguments).env("LC_ALL", locale).env("TERM", "xterm");
        command.run().success().stdout
    };
    assert_eq!(
        shown(&[], "C"),
        "\
Service               Scheduler / forwarding              Weight  Active  Inactive
----------------------------------------------------------------------------------
TCP 10.0.0.1:80       wrr, persistent 300 s                            0         0
  192.168.0.1:80      masquerade                               3       0         0
  192.168.0.2:80      tunnel                                   0       0         0
----------------------------------------------------------------------------------
UDP [2001:db8::1]:53  sh sh-fallback sh-port, one packet               0         0
  [2001:db8::2]:53    direct route                             1       0         0
----------------------------------------------------------------------------------
mark 5                wlc                                              0         0
----------------------------------------------------------------------------------
mark 5 IPv6           wlc, persistent 360 s mask 64                    0         0
  10.9.9.9:0          tunnel                                   1       0         0

4 services, 4 servers
"
    );
    let utf8 = shown(&["-t", "10.0.0.1:80", "--tun-info"], "C.UTF-8");
    assert!(utf8.contains("gue port 6080, checksum") && utf8.contains('─'), "{utf8}");
    assert!(!utf8.contains('\u{1b}'), "{utf8}");
}

fn duplicates_from_the_kernel_are_shown_once() {
    let ns = with_rules();
    let library = preload::build("twice", include_str!("twice.c"));
    let shown = |options: &str, preloaded: bool| {
        let command = ns.command(program::ipvsadm()).args(options.split(' '));
        match preloaded {
            true => command.env("LD_PRELOAD", &library).run().success().stdout,
            false => command.run().success().stdout,
        }
    };
    for options in [
        "-L -n",
        "-L -n --stats",
        "-S -n",
        "-L --json",
        "-S --json",
        "-L -n --format table",
        "-L --format prometheus",
    ] {
        assert_eq!(shown(options, true), shown(options, false), "{options}");
    }
    // Without sorting, duplicates are shown.
    let [twice, once] = [true, false].map(|preloaded| shown("-L -n --nosort", preloaded));
    assert!(twice.lines().count() > once.lines().count(), "{twice}");
}
