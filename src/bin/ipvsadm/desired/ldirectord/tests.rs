//! Whole files.

use std::net::IpAddr;

use ipvs::rules::grammar::{Resolve, ResolveError};
use ipvs::{AddressFamily, Protocol};
use proptest::prelude::*;

use super::read;
use crate::commands::dry_run::rule;

/// Knows one host and one service.
struct Names;

impl Resolve for Names {
    fn host(&mut self, name: &str, _: AddressFamily) -> Result<IpAddr, ResolveError> {
        match name {
            "www" => Ok([192, 0, 2, 80].into()),
            _ => Err(ResolveError::new("no such host")),
        }
    }

    fn service(&mut self, name: &str, _: Protocol) -> Result<u16, ResolveError> {
        match name {
            "http" => Ok(80),
            _ => Err(ResolveError::new("no such service")),
        }
    }
}

#[track_caller]
fn rules(text: &str) -> String {
    let found = read(text.as_bytes(), &mut Names);
    assert!(found.mistakes.is_empty(), "{:?}", found.mistakes);
    let rules: Vec<_> = found.changes.iter().map(|(_, change)| rule(change)).collect();
    rules.join("\n")
}

fn mistakes(text: &str) -> Vec<String> {
    let found = read(text.as_bytes(), &mut Names);
    found.mistakes.iter().map(|(position, text)| format!("{position}: {text}")).collect()
}

/// What ldirectord 1.186 sets up of this file.
#[test]
fn a_file_of_a_director() {
    let text = "\
# Global Directives
checktimeout=3
checkinterval = 1
logfile=\"/var/log/ldirectord.log\"
quiescent=yes

virtual=10.77.0.1:80
        real=192.168.6.2:8080 gate
        real=192.168.6.3:8080 masq 5
        real=192.168.6.4->192.168.6.6:80 ipip 2
        real=127.0.0.1:8080 masq
        # not this one
        fallback=127.0.0.1:80 gate
        service=http
        request=\"index.html\"
        receive=\"Test Page\"
        scheduler=rr
        persistent=600
        netmask=255.255.255.0
        protocol=tcp
        checktype=negotiate
virtual=1
\treal=192.168.6.2:80 gate
\treal=192.168.6.3 masq 7
\tscheduler=wlc
virtual6=[2001:db8::1]:53
\treal6=[2001:db8::2]:53 masq 3
\tops=yes
virtual = www:http
    real=192.168.6.3:http masq 2 \"a b\", \"c d\" l:10 u:20
virtual6=7
    real6=[2001:db8::2]:53 gate 3
";
    let want = "\
-A -t 10.77.0.1:80 -s rr -p 600 -M 255.255.255.0
-a -t 10.77.0.1:80 -r 192.168.6.2:80 -g -w 1
-a -t 10.77.0.1:80 -r 192.168.6.3:8080 -m -w 5
-a -t 10.77.0.1:80 -r 192.168.6.4:80 -i -w 2 --tun-type ipip
-a -t 10.77.0.1:80 -r 192.168.6.5:80 -i -w 2 --tun-type ipip
-a -t 10.77.0.1:80 -r 192.168.6.6:80 -i -w 2 --tun-type ipip
-a -t 10.77.0.1:80 -r 127.0.0.1:80 -m -w 1
-A -f 1 -s wlc
-a -f 1 -r 192.168.6.2:0 -g -w 1
-a -f 1 -r 192.168.6.3:0 -m -w 7
-A -u [2001:db8::1]:53 -s wrr -o
-a -u [2001:db8::1]:53 -r [2001:db8::2]:53 -m -w 3
-A -t 192.0.2.80:80 -s wrr
-a -t 192.0.2.80:80 -r 192.168.6.3:80 -m -w 2 -x 20 -y 10
-A -f 7 -6 -s wrr
-a -f 7 -6 -r [2001:db8::2]:0 -g -w 3";
    assert_eq!(rules(text), want);
}

#[test]
fn what_checks_may_do_depends_on_the_file() {
    let freedom = |global: &str, own: &str| {
        let text = format!(
            "{global}\nvirtual=10.0.0.1:80\n\treal=10.0.0.2:80 gate\n\tfallback=10.0.0.3:99\n\t{own}"
        );
        let found = read(text.as_bytes(), &mut Names);
        assert!(found.mistakes.is_empty(), "{:?}", found.mistakes);
        let service = found.checks.services.into_values().next().expect("a service");
        let freedom = service.servers.into_values().next().expect("a server");
        let fallback = service.fallback.expect("a fallback");
        assert_eq!(
            rule(&ipvs::Change::AddDestination(
                "TCP 10.0.0.1:80".parse().unwrap(),
                fallback.key,
                fallback.config,
            )),
            "-a -t 10.0.0.1:80 -r 10.0.0.3:80 -g -w 1"
        );
        (freedom.remove, freedom.quiesce, fallback.may_stay)
    };
    assert_eq!(freedom("", ""), (true, true, true));
    assert_eq!(freedom("quiescent=no", ""), (true, false, false));
    assert_eq!(freedom("quiescent=no", "quiescent=yes"), (true, true, true));
    assert_eq!(freedom("", "checktype=on"), (false, false, true));
    assert_eq!(freedom("", "checktype=off"), (true, true, true));
}

#[test]
fn whatever_is_not_understood_is_named() {
    let service = "virtual=10.0.0.1:80\n";
    for (text, want) in [
        (format!("{service}\treal=10.0.0.2:80"), "line 2: real: gate, masq or ipip is missing"),
        (format!("{service}\treal=10.0.0.2:80 nat"), "line 2: real: `nat`: not gate, masq or ipip"),
        (format!("{service}\treal=10.0.0.2:80 masq x"), "line 2: real: `x`: not understood"),
        (format!("{service}\treal=10.0.0.2:80 masq \"x"), "line 2: real: a string without its sec"),
        (format!("{service}\treal=10.0.0.2:80 masq u:x"), "line 2: real: `x`: "),
        (format!("{service}\treal=nohost:80 masq"), "line 2: real: `nohost`: no such host"),
        (format!("{service}\treal=10.0.0.2:x masq"), "line 2: real: `x`: no such service"),
        (format!("{service}\treal=10.0.0.2:99999 masq"), "line 2: real: `99999`: not a port"),
        (format!("{service}\treal=10.0.0:80 masq"), "line 2: real: `10.0.0`: not an address"),
        (format!("{service}\treal=10.0.0.3->10.0.0.2:80 masq"), "line 2: real: `10.0.0.3->10.0.0."),
        (format!("{service}\treal=0.0.0.0->9.0.0.0:80 masq"), "line 2: real: `0.0.0.0->9.0.0.0`: "),
        (format!("{service}\treal=[2001:db8::1]:80 masq"), "line 2: real: [2001:db8::1]:80: "),
        (format!("{service}\tfallback=10.0.0.3:80 x"), "line 2: fallback: `x`: not gate, masq or "),
        (format!("{service}\tscheduler="), "line 2: scheduler: ``: "),
        (format!("{service}\tpersistent=0"), "line 2: persistent: `0`: not a whole number"),
        (format!("{service}\tquiescent=maybe"), "line 2: quiescent: `maybe`: not yes or no"),
        (format!("{service}\tprotocol=fwm"), "line 1: virtual: protocol fwm: not tcp or udp"),
        (format!("{service}\tpersistent=9\n\tnetmask=64"), "line 1: virtual: TCP 10.0.0.1:80: "),
        (format!("{service}\tscheduller=rr"), "line 2: `scheduller`: no such directive: did you m"),
        (format!("{service}  real=10.0.0.2:80 gate"), "line 2: a line is indented by four blanks"),
        (format!("{service}real=10.0.0.2:80 gate"), "line 2: real: belongs after virtual=, inden"),
        (format!("{service}\tvirtual=1"), "line 2: virtual: belongs at the beginning of a line"),
        (format!("{service}{service}"), "line 2: virtual: TCP 10.0.0.1:80: the second service"),
        (
            format!("{service}\treal=10.0.0.2:80 masq\n\treal=10.0.0.2:80 masq 2"),
            "line 3: real: 10.0.0.2:80: the second of TCP 10.0.0.1:80",
        ),
        ("\treal=10.0.0.2:80 gate".to_owned(), "line 1: an indented line belongs after virtual="),
        ("virtual=10.0.0.1".to_owned(), "line 1: virtual: `10.0.0.1`: a port is missing"),
        ("virtual=0".to_owned(), "line 1: virtual: `0`: not a firewall mark"),
        ("hello".to_owned(), "line 1: `hello`: a `=` is missing"),
    ] {
        let found = mistakes(&text);
        assert!(found.len() == 1 && found[0].starts_with(want), "{text}\n{found:#?}");
    }
}

proptest! {
    #[test]
    fn nothing_makes_it_panic(
        pieces in prop::collection::vec(prop_oneof![
            prop::sample::select(vec![
                "virtual", "virtual6", "real", "=", "=", "\n", "\n\t", "\n    ", " ", "10.0.0.1",
                ":80", "->", "[", "]", "::1", "gate", "masq", "\"", ",", "l:", "u:", "1", "fallback",
                "netmask", "persistent", "scheduler", "é", "0.0.0.0", "255.255.255.255",
            ]).prop_map(str::to_owned),
            ".{0,5}",
        ], 0..40),
        bytes in prop::collection::vec(any::<u8>(), 0..200),
    ) {
        read(pieces.concat().as_bytes(), &mut Names);
        read(&bytes, &mut Names);
    }
}
