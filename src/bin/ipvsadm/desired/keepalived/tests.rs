//! Whole files.

use std::path::Path;

use proptest::prelude::*;

use super::read;
use crate::commands::dry_run::rule;

/// The rules that a file comes to.
#[track_caller]
fn rules(text: &str) -> Vec<String> {
    let found = read(text.as_bytes(), Path::new(""));
    assert!(found.mistakes.is_empty(), "{:?}", found.mistakes);
    found.changes.iter().map(|(_, change)| rule(change)).collect()
}

/// What is wrong with a file.
fn mistakes(text: &str) -> Vec<String> {
    let found = read(text.as_bytes(), Path::new(""));
    found.mistakes.iter().map(|(position, text)| format!("{position}: {text}")).collect()
}

/// What keepalived 2.2.7 sets up of this file.
#[test]
fn a_file_of_a_director() {
    let text = r#"
! Configuration File for keepalived
global_defs {
   notification_email {
     admin@example.com
   }
   router_id LVS_1
   lvs_timeouts tcp 100 udp 50
   lvs_sync_daemon eth0 id 5 ttl 3 group 224.0.0.82
}
vrrp_script check { # not ours
    script "/usr/bin/killall -0 x { "
}
vrrp_instance VI_1 {
    state MASTER
    virtual_ipaddress {
        192.168.200.16
    }
}
virtual_server 10.10.10.2 1358 {
    delay_loop 6
    lb_algo rr
    lb_kind NAT
    persistence_timeout 50
    protocol TCP
    quorum_up "/bin/up # {"
    sorry_server 192.168.200.200 1358
    real_server 192.168.200.2 1358 {
        weight 3
        HTTP_GET {
            url {
              path /testurl/test.jsp
              digest 640205b7b0fc66c1ea91c463fac6334d
            }
            connect_timeout 3
        }
    }
    real_server 192.168.200.3 8080
    {
        lvs_method DR
        uthreshold 100
        lthreshold 50
        notify_up "/bin/x '}'"
    }
    real_server 192.168.200.4 { weight 0 }
}
virtual_server 10.10.10.3 80 {
    lvs_method DR
    persistence_granularity 255.255.255.0
    real_server 192.168.200.3 8080 {
    }
}
virtual_server 10.10.10.4 {
    sh-port
    sh-fallback
    lvs_sched sh
    lvs_method TUN
    persistence_timeout 10
    real_server 192.168.200.3 53 {
    }
    real_server 192.168.200.5 {
        lvs_method TUN type gue port 6080 csum
    }
    real_server 2001:db8::5 53 {
        lvs_method TUN type gre
    }
}
virtual_server 2001:db8::1 5060 {
    lb_kind DR
    persistence_timeout 600
    persistence_granularity 64
    persistence_engine sip
    ops
    real_server 2001:db8::9 5060 {
    }
}
virtual_server 10.10.10.9 80 {
    sorry_server 192.168.200.200 80
}
virtual_server fwmark 7 {
    lb_algo mh
    mh-port
    lb_kind DR
    real_server 192.168.200.3 99 {
    }
}
virtual_server fwmark 9 {
    lb_kind TUN
    real_server 2001:db8::9 {
    }
}
virtual_server fwmark 10 {
    real_server 10.0.0.1 {
    }
    real_server 10.0.0.1 80 {
    }
}
"#;
    let want = "\
--set 100 0 50
--start-daemon master --mcast-interface eth0 --syncid 5 --mcast-group 224.0.0.82 --mcast-ttl 3
--start-daemon backup --mcast-interface eth0 --syncid 5 --mcast-group 224.0.0.82 --mcast-ttl 3
-A -t 10.10.10.2:1358 -s rr -p 50
-a -t 10.10.10.2:1358 -r 192.168.200.2:1358 -m -w 3
-a -t 10.10.10.2:1358 -r 192.168.200.3:1358 -g -w 1 -x 100 -y 50
-a -t 10.10.10.2:1358 -r 192.168.200.4:1358 -m -w 0
-A -u 10.10.10.3:80 -s wlc -p 360 -M 255.255.255.0
-a -u 10.10.10.3:80 -r 192.168.200.3:80 -g -w 1
-A -u 10.10.10.4:0 -s sh -p 10 -b sh-fallback,sh-port
-a -u 10.10.10.4:0 -r 192.168.200.3:0 -i -w 1 --tun-type ipip
-a -u 10.10.10.4:0 -r 192.168.200.5:0 -i -w 1 --tun-type gue --tun-port 6080 --tun-csum
-a -u 10.10.10.4:0 -r [2001:db8::5]:0 -i -w 1 --tun-type gre --tun-nocsum
-A -u [2001:db8::1]:5060 -s wlc -p 600 -M 64 --pe sip -o
-a -u [2001:db8::1]:5060 -r [2001:db8::9]:5060 -g -w 1
-A -f 7 -s mh -b mh-port
-a -f 7 -r 192.168.200.3:0 -g -w 1
-A -f 9 -6 -s wlc
-a -f 9 -6 -r [2001:db8::9]:0 -i -w 1 --tun-type ipip
-A -f 10 -s wlc
-a -f 10 -r 10.0.0.1:0 -m -w 1
-a -f 10 -r 10.0.0.1:80 -m -w 1";
    assert_eq!(rules(text).join("\n"), want);
}

#[test]
fn a_group_is_a_service_of_each_member() {
    let text = "\
virtual_server group G {
    protocol TCP
    real_server 10.0.0.1 8080 {
    }
    real_server 10.0.0.2 {
    }
}
virtual_server_group G {
    192.0.2.1 80
    192.0.2.8-9 443
    fwmark 5
}";
    let mut want = Vec::new();
    for service in ["-t 192.0.2.1:80", "-t 192.0.2.8:443", "-t 192.0.2.9:443", "-f 5"] {
        want.push(format!("-A {service} -s wlc"));
        want.push(format!("-a {service} -r 10.0.0.1:8080 -m -w 1"));
        want.push(format!("-a {service} -r 10.0.0.2:0 -m -w 1"));
    }
    assert_eq!(rules(text), want);
    let tunnelled = "\
virtual_server_group G {
    192.0.2.1 80
    2001:db8::1 80
    fwmark 5 inet6
}
virtual_server group G {
    lvs_method TUN
    real_server 10.0.0.1 80 {
    }
}";
    assert_eq!(rules(tunnelled).iter().filter(|rule| rule.starts_with("-A -f 5 -6")).count(), 1);
    let mixed = tunnelled.replace(" inet6", "");
    let text = "line 6: virtual_server: a group of both families needs inet or inet6 after fwmark";
    assert_eq!(mistakes(&mixed), [text]);
}

/// A file with this in a virtual server or a real server.
fn with(in_virtual: &str, in_real: &str) -> String {
    format!(
        "virtual_server 192.0.2.1 80 {{\n{in_virtual}\nreal_server 10.0.0.1 80 {{\n{in_real}\n}}\n}}\n"
    )
}

#[test]
fn whatever_is_not_understood_is_named() {
    for (text, want) in [
        (with("lb_algo foo", ""), "line 2: lb_algo: `foo`: not a scheduler, which is one of rr, "),
        (with("lb_algo", ""), "line 2: lb_algo: its value is missing"),
        (with("lb_algo rr wrr", ""), "line 2: lb_algo: one value expected: `wrr` is one too many"),
        (with("lb_kind dr", ""), "line 2: lb_kind: `dr`: not NAT, DR or TUN"),
        (with("lb_algoo rr", ""), "line 2: lb_algoo: no such keyword in a virtual_server: did you"),
        (with("protocol icmp", ""), "line 2: protocol: `icmp`: not TCP, UDP or SCTP"),
        (with("persistence_timeout 0", ""), "line 2: persistence_timeout: `0`: not a whole number"),
        (with("persistence_granularity 300", ""), "line 2: persistence_granularity: `300`: not a"),
        (with("persistence_granularity 64", ""), "line 1: virtual_server: UDP 192.0.2.1:80: "),
        (with("sh-port", ""), "line 1: virtual_server: sh-port: "),
        (with("protocol TCP\nops", ""), "line 1: virtual_server: TCP 192.0.2.1:80: "),
        (with("sorry_server host 80", ""), "line 2: sorry_server: `host`: not an address"),
        (with("sorry_server 2001:db8::1 80", ""), "line 2: sorry_server: [2001:db8::1]:80: "),
        (with("lvs_method TUN type vxlan", ""), "line 2: lvs_method: type vxlan: not ipip, gue or"),
        (with("lvs_method TUN type gue", ""), "line 2: lvs_method: "),
        (with("inhibit_on_failure maybe", ""), "line 2: inhibit_on_failure: `maybe`: not on, off"),
        (with("~SEQ(X, 1, 3) real_server 10.0.1.${X} 80 { }", ""), "line 2: ~SEQ(X,: no such"),
        (with("", "weight x"), "line 4: weight: `x`: not a whole number from 0 to 2147483647"),
        (
            with("", "wieght 5"),
            "line 4: wieght: no such keyword in a real_server: did you mean `we",
        ),
        (with("", "lthreshold 5"), "line 3: real_server: 10.0.0.1:80: "),
        (with("", "TPC_CHECK {\n}"), "line 4: TPC_CHECK: no such keyword in a real_server: did yo"),
        (with("real_server 10.0.0.1 80 {\n}", ""), "line 4: real_server: 10.0.0.1:80: the second "),
        (with("real_server 2001:db8::1 80", ""), "line 2: real_server: [2001:db8::1]:80: "),
        (with("", "").repeat(2), "line 7: virtual_server: UDP 192.0.2.1:80: the second virtual_se"),
        (
            with("", "").replace("80 {\n\nreal", "http {\nreal"),
            "line 1: virtual_server: `http`: not",
        ),
        ("virtual_server group X {\n}".to_owned(), "line 1: virtual_server: no virtual_server_gro"),
        ("virtual_server fwmark 0 {\n}".to_owned(), "line 1: virtual_server: `0`: not a firewall"),
        (
            "virtual_sever 192.0.2.1 80 {\n}".to_owned(),
            "line 1: `virtual_sever`: no such keyword: ",
        ),
        ("virtual_server_group G {\nx 80\n}".to_owned(), "line 2: virtual_server_group: `x`: not "),
        ("global_defs {\nlvs_timeouts tpc 5\n}".to_owned(), "line 2: lvs_timeouts: `tpc`: not tcp"),
        ("global_defs {\nlvs_sync_daemon\n}".to_owned(), "line 2: lvs_sync_daemon: needs an inter"),
        (
            "global_defs {\nlvs_sync_daemon eth0 VI_1\n}".to_owned(),
            "line 2: lvs_sync_daemon: the file has no vrrp_instance VI_1",
        ),
        (
            "global_defs {\nnftables_ipvs\n}\nvirtual_server_group G {\nfwmark 1\n}".to_owned(),
            "line 2: nftables_ipvs: keepalived makes services of firewall marks",
        ),
        ("virtual_server 192.0.2.1 80 {\n".to_owned(), "line 1: `virtual_server`: its block has n"),
        ("global_defs {\n}\n}".to_owned(), "line 3: a `}` too many"),
        ("{".to_owned(), "line 1: a `{` that belongs to nothing"),
        ("a { ".repeat(100), "line 1: blocks are nested too deeply"),
    ] {
        let found = mistakes(&text);
        assert!(found.len() == 1 && found[0].starts_with(want), "{text}{found:#?}");
    }
}

#[test]
fn several_mistakes_are_all_named() {
    let text = with("lb_kind x\nlb_algo y", "weight z");
    assert_eq!(mistakes(&text).len(), 3, "{:?}", mistakes(&text));
}

#[test]
fn a_mistake_in_an_included_file_names_both_places() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("web.conf");
    std::fs::write(&file, "\n\nlb_kind x\n").expect("a file");
    let text = with("include web.conf", "");
    let found = read(text.as_bytes(), folder.path());
    let want = format!("{}, line 3: lb_kind: `x`: not NAT, DR or TUN", file.display());
    assert!(matches!(&*found.mistakes, [(at, text)] if at.line == 2 && *text == want), "{found:?}");
}

#[test]
fn the_sync_daemon_of_a_vrrp_instance_has_its_id() {
    let text = "global_defs {\nlvs_sync_daemon eth0 inst VI_1 port 99\n}\n\
                vrrp_instance VI_1 {\nvirtual_router_id 51\n}";
    let found = read(text.as_bytes(), Path::new(""));
    assert!(found.mistakes.is_empty() && found.changes.is_empty(), "{found:?}");
    let daemon = found.checks.daemon.expect("a daemon");
    assert_eq!((daemon.sync_id, daemon.port.map(u16::from)), (51, Some(99)));
}

#[test]
fn checks_decide_what_a_checker_may_do() {
    let freedom = |in_virtual: &str, in_real: &str| {
        let found = read(with(in_virtual, in_real).as_bytes(), Path::new(""));
        assert!(found.mistakes.is_empty(), "{:?}", found.mistakes);
        let service = found.checks.services.into_values().next().expect("a service");
        let freedom = service.servers.into_values().next().expect("a server");
        (freedom.remove, freedom.quiesce, freedom.weigh)
    };
    assert_eq!(freedom("", ""), (false, false, false));
    assert_eq!(freedom("", "TCP_CHECK {\n}"), (true, false, false));
    assert_eq!(freedom("inhibit_on_failure", "TCP_CHECK {\n}"), (true, true, false));
    assert_eq!(freedom("inhibit_on_failure", "inhibit_on_failure no"), (false, false, false));
    assert_eq!(freedom("", "MISC_CHECK {\nmisc_path /bin/x\n}"), (true, false, false));
    assert_eq!(freedom("", "MISC_CHECK {\nmisc_dynamic\n}"), (true, false, true));
}

/// Pieces of which files are made, and others.
fn pieces() -> impl Strategy<Value = String> {
    let known = prop::sample::select(vec![
        "virtual_server",
        "virtual_server_group",
        "real_server",
        "global_defs",
        "group",
        "fwmark",
        "lvs_method",
        "TUN",
        "type",
        "gue",
        "port",
        "{",
        "}",
        "\n",
        "\n",
        " ",
        "10.0.0.1",
        "::1",
        "10.0.0.1-9",
        "10.0.0.0/8",
        "::/0",
        "80",
        "$A",
        "$A=",
        "${A}",
        "\\\n",
        "@",
        "@^x ",
        "\"",
        "'",
        "#",
        "!",
        "include",
        "include *",
        "weight",
        "lvs_sync_daemon",
        "inst",
        "lvs_timeouts",
        "sorry_server",
        "4294967296",
        "-1",
        "~SEQ(",
        "sh-port",
        "persistence_timeout",
        "G",
    ]);
    let piece = prop_oneof![
        8 => known.prop_map(str::to_owned),
        1 => ".{0,5}",
    ];
    let blank = prop::sample::select(vec![" ", " ", "\n", ""]);
    prop::collection::vec((piece, blank), 0..60)
        .prop_map(|pieces| pieces.into_iter().map(|(piece, blank)| piece + blank).collect())
}

proptest! {
    #[test]
    fn nothing_makes_it_panic(text in pieces(), bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let folder = Path::new("/nonexistent");
        read(text.as_bytes(), folder);
        read(&bytes, folder);
    }
}
