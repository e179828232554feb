//! Every value at its bounds and one past them, every form of an address, and unusual first words.

use super::options::with;
use super::pair::Line;
use super::systematic::{Way, compare_all};
use crate::harness::KernelTest;

pub(crate) fn tests() -> Vec<KernelTest> {
    crate::tests![
        every_value_is_taken_or_refused_alike_at_its_bounds,
        every_form_of_an_address_reads_alike,
        lines_that_begin_oddly_end_alike,
    ]
}

/// Numbers in the forms that C libraries accept and refuse.
const FORMS: &[&str] = &[
    "",
    " ",
    "abc",
    "+1",
    " 1",
    "\t1",
    "1 ",
    "01",
    "0010",
    "0x1",
    "1x",
    "-0",
    "-1",
    "+-1",
    "1.0",
    "1e3",
    "4294967296",
    "4294967297",
    "18446744073709551616",
    "18446744073709551617",
    "99999999999999999999999",
];

fn every_value_is_taken_or_refused_alike_at_its_bounds() {
    let server = "-a -t 10.0.0.1:80 -r 10.1.0.3:80";
    let tunnel = &format!("{server} -i --tun-type gue --tun-nocsum");
    let daemon = "--start-daemon master --mcast-interface d0";
    let ranges: &[(&str, &str, i64, i64)] = &[
        ("-A", "-f", 1, 2147483647),
        ("-A -t 10.0.0.2:80", "-p", 1, 2678400),
        ("-A -f 9 -6 -p", "-M", 1, 128),
        (server, "-w", 0, 2147483647),
        (server, "-x", 0, 2147483647),
        (server, "-y", 0, 2147483647),
        (tunnel, "--tun-port", 1, 65535),
        (daemon, "--syncid", 0, 255),
        (daemon, "--sync-maxlen", 1, 65507),
        (daemon, "--mcast-port", 1, 65535),
        (daemon, "--mcast-ttl", 1, 255),
    ];
    let mut lines = Vec::new();
    for &(base, option, least, most) in ranges {
        let bounds = [least - 1, least, least + 1, most - 1, most];
        // A firewall mark past these bounds is a listed difference.
        let past = (option != "-f").then_some(most + 1);
        let values = bounds.into_iter().chain(past).map(|value| value.to_string());
        // So is a prefix length past 2^32.
        let listed = |form: &str| match option {
            "-f" => form == "4294967296",
            "-M" => form == "4294967297",
            _ => false,
        };
        let forms = FORMS.iter().filter(|form| !listed(form));
        for value in values.chain(forms.map(|form| form.to_string())) {
            lines.push(with(&Line::split(base), [option, &value]));
        }
    }
    for place in 0..3 {
        for value in
            ["0", "1", "2678400", "2678401", "-1", "+5", " 5", "05", "5x", "", "abc", "4294967297"]
        {
            let mut words = ["--set", "10", "20", "30"];
            words[place + 1] = value;
            lines.push(Line::of(words));
        }
    }
    for words in [
        "--set",
        "--set 1",
        "--set 1 2",
        "--set 1 2 3 4",
        "--set 1 2 3 4 5",
        "--set 0 0 0",
        "--set=1 2 3",
        "--set 1 b",
        "--set a b c",
        "--set 1 2 c",
        "--set 1 --sort 2 3",
        "--set -- 1 2 3",
        "--set 1 2 -- 3",
        "--set 1 2 -n 3",
        "--set 1 2 3 -n",
        "--set 1 2 -t 3",
    ] {
        lines.push(Line::split(words));
    }
    for mask in [
        "255.255.255.0",
        "255.255.255.255",
        "0.0.0.0",
        "255.0.255.0",
        "24",
        "0",
        "32",
        "0xffffff00",
        "255.255",
        "bad",
        "",
        "255.255.255.256",
        "255.255.255.0 x",
        "/24",
        "ffff::",
        "255.255.255.0.0",
    ] {
        lines.push(with(&Line::split("-A -t 10.0.0.2:80 -p 9"), ["-M", mask]));
        lines.push(with(&Line::split("-A -t 10.0.0.2:80"), ["-M", mask, "-p"]));
    }
    for mask in ["64", "64x", "+64", " 64", "0", "129", "/64", "ffff::", "", "-1", "255.255.255.0"]
    {
        lines.push(with(&Line::split("-A -t [2001:db8::2]:80 -p 9"), ["-M", mask]));
    }
    for flags in [
        "flag-1",
        "flag-2",
        "flag-3",
        "flag-1,flag-2,flag-3",
        "flag-3,flag-1",
        "flag-1,flag-1",
        ",flag-1",
        "flag-1,",
        "flag-1,,flag-2",
        "",
        "flag-4",
        "FLAG-1",
        "sh-port",
        "mh-port",
        "sh-fallback",
        "flag-1 ,flag-2",
        "1",
    ] {
        for scheduler in ["wlc", "rr"] {
            lines.push(with(&Line::split("-A -t 10.0.0.2:80"), ["-s", scheduler, "-b", flags]));
        }
        // The third flag has no name with these; how it is saved is a listed difference.
        if !flags.contains("flag-3") {
            for scheduler in ["sh", "mh"] {
                lines.push(with(&Line::split("-A -t 10.0.0.2:80"), ["-s", scheduler, "-b", flags]));
                lines.push(with(&Line::split("-A -t 10.0.0.2:80"), ["-b", flags, "-s", scheduler]));
            }
        }
    }
    for flags in
        ["sh-fallback,sh-port", "sh-port,sh-fallback", "sh-fallback,mh-port", "flag-1,sh-port"]
    {
        lines.push(with(&Line::split("-A -t 10.0.0.2:80"), ["-s", "sh", "-b", flags]));
    }
    for flags in ["mh-fallback,mh-port", "mh-port", "mh-fallback,sh-port"] {
        lines.push(with(&Line::split("-A -t 10.0.0.2:80"), ["-s", "mh", "-b", flags]));
    }
    let long_name = "abcdefghijklmnopqrstuvwxyz";
    for length in [0, 1, 14, 15, 16, 17, 26] {
        lines.push(with(&Line::split("-A -t 10.0.0.2:80"), ["-s", &long_name[..length]]));
        lines.push(with(&Line::split("-A -t 10.0.0.2:80"), ["--pe", &long_name[..length]]));
        lines.push(Line::of([
            "--start-daemon",
            "master",
            "--mcast-interface",
            &long_name[..length],
        ]));
    }
    for kind in ["ipip", "gue", "gre", "IPIP", "", "ip", "gue "] {
        lines.push(with(&Line::split(server), ["-i", "--tun-type", kind]));
        lines.push(with(&Line::split(server), ["-i", "--tun-type", kind, "--tun-port", "6080"]));
        for checksum in ["--tun-nocsum", "--tun-csum", "--tun-remcsum"] {
            lines.push(with(&Line::split(server), ["-i", "--tun-type", kind, checksum]));
            lines.push(with(
                &Line::split(server),
                ["-i", "--tun-type", kind, checksum, "--tun-port", "1"],
            ));
        }
    }
    for group in [
        "224.0.0.1",
        "239.255.255.255",
        "223.255.255.255",
        "240.0.0.0",
        "10.0.0.1",
        "",
        "ff02::1",
        "ff02::81",
        "fe80::1",
        "::1",
        "all",
        "224.1",
        "[ff02::1]",
        "ff02::1%d0",
    ] {
        lines.push(with(&Line::split(daemon), ["--mcast-group", group]));
    }
    for state in ["master", "backup", "Master", "", "both", "-"] {
        lines.push(Line::of(["--start-daemon", state, "--mcast-interface", "d0"]));
        lines.push(Line::of(["--stop-daemon", state]));
    }
    compare_all(Way::Rules, lines, 400);
}

/// `host[:port]` in every form that someone might write, except `[v6]` without a port, which only
/// ours accepts.
const ADDRESSES: &[&str] = &[
    "1.2.3.4",
    "1.2.3.4:",
    "1.2.3.4:80",
    "1.2.3.4:0",
    ":80",
    "10.1:80",
    "10.1",
    "0x7f000001:80",
    "0x7f000001",
    "0x7F.1:80",
    "010.1.1.1:80",
    "08.1:80",
    "80",
    "12345",
    "12345:80",
    "0x50",
    "0x:80",
    "1 ",
    "[::1]:",
    "[::1]:80",
    "[::1]:0",
    "[::1]:http",
    "::1",
    "::1:80",
    "::",
    "0.0.0.0:80",
    "fe80::1%lo",
    "[fe80::1%lo]:80",
    "[1.2.3.4]:80",
    "[1.2.3.4]:99999",
    "[1.2.3.4]:nosuch",
    "[1.2.3.4]",
    "[12345]:80",
    "[80]:80",
    "[]:80",
    "[localhost]:80",
    "[::1",
    "::1]:80",
    "[[::1]]:80",
    "[::1]x:80",
    "[::1]:80:80",
    "1.2.3.4:65535",
    "1.2.3.4:65536",
    "1.2.3.4:http",
    ":http",
    "localhost:80",
    "localhost:http",
    "localhost",
    "1.2.3.4:nosuch",
    "1.2.3.4:tftp",
    "1.2.3.4:domain",
    "1.2.3.4:HTTP",
    "1.2.3.4:-1",
    "1.2.3.4:-0",
    "1.2.3.4: 80",
    "1.2.3.4:80 ",
    " 1.2.3.4:80",
    "1.2.3.4 :80",
    "1.2.3.4 x:80",
    "1.2.3.4:+80",
    "1.2.3.4:0x50",
    "1.2.3.4:080",
    "1.2.3.4:80x",
    "1.2.3.4:80:90",
    "1.2.3.4::80",
    "1.2.3.4.:80",
    "1.2.3.256:80",
    "1.2.3.4.5:80",
    "a:b:c",
    "::ffff:1.2.3.4",
    "[::ffff:1.2.3.4]:80",
    "1::2::3",
    "",
    " ",
    "http",
    "2001:DB8::A",
    "[2001:db8::1]: 80",
    "2001:db8:0:0:1:0:0:1",
    "[::1.2.3.4]:80",
    "255.255.255.255:80",
    "224.0.0.1:80",
];

fn every_form_of_an_address_reads_alike() {
    let mut lines = Vec::new();
    for address in ADDRESSES {
        lines.push(Line::of(["-A", "-t", address]));
        lines.push(Line::of(["-A", "-u", address, "-p"]));
        lines.push(Line::of(["-a", "-t", "10.0.0.1:80", "-r", address, "-m"]));
        lines.push(Line::of(["-a", "-t", "10.0.0.1:80", "-r", address]));
        lines.push(Line::of(["-a", "-t", "2001:db8::1:80", "-r", address, "-m"]));
    }
    for address in ["1.2.3.4:80", "1.2.3.4", "[2001:db8::7]:80", "2001:db8::7", "1.2.3.4:0"] {
        for command in ["-D", "-E", "-Z", "-L"] {
            lines.push(Line::of([command, "-t", address]));
        }
        for method in ["-g", "-i", "-m"] {
            for service in ["-t 10.0.0.1:80", "-t [2001:db8::1]:80", "-t 10.0.0.9:80"] {
                for command in ["-a", "-e", "-d"] {
                    let line = with(&Line::split(command), service.split(' '));
                    let line = with(&line, ["-r", address]);
                    lines.push(if command == "-d" { line } else { with(&line, [method]) });
                }
            }
        }
    }
    compare_all(Way::Rules, lines, 400);
}

fn lines_that_begin_oddly_end_alike() {
    let lines = [
        "",
        "foo",
        "foo -L",
        "-n -L",
        "--zzz",
        "--zzz -L",
        "-z",
        "-",
        "--",
        "-- -L",
        "-L --",
        "-L -- -n",
        "-L -",
        "-L foo --zzz",
        "-L foo",
        "-L -n foo bar",
        "-A foo -t bad",
        "-C -n foo",
        "-D foo",
        "-L -A",
        "-L -L",
        "-A -D",
        "-L --list",
        "-A -t 1.2.3.4 -o",
        "-A -p 0",
        "-A -t 1.2.3.4:80 -o",
        "-A -f 3 -o",
        "-A -u 1.2.3.4:80 -o",
        "-A --sctp-service 1.2.3.4:80 -o",
        "-6 -f 1",
        "-L -6",
        "-A -6",
        "-A -f 1 -6 -6",
        "-A -t 1.2.3.4:80 -6",
        "-A -f 1 -t 1.2.3.4:80",
        "-A -t 1.2.3.4:80 -u 1.2.3.4:80",
        "-p -A",
        "-A -t 1.2.3.4 -p -s rr",
        "-A -t 1.2.3.4 -p 5 -s rr",
        "-A -t 1.2.3.4 -p -",
        "-A -t 1.2.3.4 -p -1",
        "-A -t 1.2.3.4 -p5",
        "-A -t 1.2.3.4 -p=5",
        "-A -t 1.2.3.4 --persistent=5",
        "-A -t 1.2.3.4 --persistent 5",
        "-A -t 1.2.3.4 --persistent=",
        "-At 1.2.3.4:80",
        "-At1.2.3.4:80",
        "-At=1.2.3.4:80",
        "-at 10.0.0.1:80 -r 10.1.0.7",
        "-at 10.0.0.1:80 -r 10.1.0.7 -gm",
        "-at 10.0.0.1:80 -r 10.1.0.7 -g -g",
        "-at 10.0.0.1:80 -r 10.1.0.7 -mw5",
        "-at 10.0.0.1:80 -mr 10.1.0.7",
        "-e",
        "-C -t 1.2.3.4:80",
        "-C foo",
        "-S foo",
        "-S -t 10.0.0.1:80",
        "-Z -n",
        "-Z -t 10.0.0.1:80",
        "-Z -t 10.0.0.9:80",
        "-L -t 10.0.0.1:80",
        "-L -t 10.0.0.1:80 -n",
        "-L -n -t 10.0.0.1:80 --stats",
        "-L -n -t 10.0.0.1:80 --rate -X",
        "-L -n -f 7",
        "-L -n -f 7 -6",
        "-h",
        "-v",
        "--help",
        "--version",
        "-h foo",
        "-v --zzz",
        "-L -h",
        "-L -v",
        "-hv",
        "-vL",
        "-x 5 -a",
        "--list=x",
        "--lis",
        "--add-serv -t 1.2.3.4:80",
        "-add-service",
        "-L --numeric --numeric",
        "-L --sort --sort",
        "-L --sort --nosort",
        "-L --nosort --nosort",
    ];
    // A line without words lists the table, with names.
    compare_all(
        Way::Arguments,
        lines.into_iter().map(Line::split).chain([
            Line::of([""]),
            Line::of(["", "-L"]),
            Line::of(["-L", ""]),
            Line::of(["-L", "-n", "\u{e9}"]),
        ]),
        80,
    );
}
