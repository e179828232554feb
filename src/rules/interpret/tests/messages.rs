//! The texts of errors.

use super::*;

#[test]
fn messages_say_what_is_wrong_and_what_would_be_right() {
    for (text, want) in [
        (
            "-a -t 1.2.3.4:80 -r 10.1 -w 2147483648",
            "--weight: 2147483648 is out of range: 0 to 2147483647",
        ),
        ("-A -t 1.2.3.4:80 -p abc", "--persistent: `abc` is not a number from 1 to 2678400"),
        ("-A -t 80", "--tcp-service: `80` is a port without an address"),
        (
            "-A -t www:80",
            "--tcp-service: www: not a numeric address, and names are not looked up here",
        ),
        ("-A -t 1.2.3.4:80 -b sh-port", "--sched-flags: sh-port: only for the scheduler sh"),
        ("-A -s rr -z", "-z: unknown option"),
        ("-A -s", "--scheduler: its value is missing: --scheduler NAME"),
        ("-L --numeric=5", "--numeric=5: --numeric takes no value"),
        ("-L foo", "unexpected argument foo"),
        ("-L 1.2.3.4 foo", "unexpected argument foo"),
        ("-L 1.2.3.4:65536", "--list: 1.2.3.4:65536 is out of range: 0 to 65535"),
        ("-L --client 1.2.3.4", "--client: only valid with --connection"),
        ("-L --timeout --origin", "--origin: only valid with --connection"),
        (
            "-Lc --client 1.2.3.4/33",
            "--client: `1.2.3.4/33` is not a network: the length after / is 0 to 32",
        ),
        ("-Lc --by port", "--by: `port` is not client, server, service or state"),
        ("-Lc --format table", "--format: --connection has no format table, only classic and json"),
        ("-L -A", "--add-service: only one command at a time; --list came first"),
        ("-L -n -n", "--numeric: given twice"),
        (
            "-A -t 1.2.3.4:80 -u 1.2.3.4:80",
            "--udp-service: not valid with --tcp-service: only one of them at a time",
        ),
        ("-D -t 1.2.3.4:80 -n", "--numeric: not an option of --delete-service"),
        ("-L -c --timeout", "--timeout: not valid with --connection"),
        ("-a -f 1 -r 10.1 --tun-csum", "--tun-csum: only valid with --ipip"),
        ("-a -f 1 -r 10.1 -i --tun-csum", "--tun-csum: not valid with --tun-type ipip"),
        (
            "-a -f 1 -r 10.1 -i --tun-type gre --tun-remcsum",
            "--tun-remcsum: not valid with --tun-type gre",
        ),
        (
            "-a -f 1 -r 10.1 -i --tun-type gre --tun-port 5",
            "--tun-port: not valid with --tun-type gre",
        ),
        ("-a -f 1 -r 10.1 -i --tun-type gue", "--tun-type: gue needs a port: --tun-port PORT"),
        (
            "-a -f 1 -r ::1",
            "--real-server: must be an IPv4 address, like the service's, unless -i makes it a \
             tunnel",
        ),
        (
            "-A -t 1.2.3.4",
            "--tcp-service: a service for all ports must be persistent: give a port, or -p",
        ),
        (
            "-A -t 2001:db8::1:80",
            "--tcp-service: a service for all ports must be persistent: give a port, or -p; did \
             you mean [2001:db8::1]:80?",
        ),
        (
            "-A -u 1.2.3.4:50000-60000",
            "--udp-service: `1.2.3.4:50000-60000`: a service has one port, or all of them (port \
             0, with -p); for several ports, mark their packets and use a firewall mark (-f)",
        ),
        ("-L --stat", "--stat: unknown option; did you mean --stats?"),
        ("--lisst", "--lisst: unknown option; did you mean --list?"),
        ("--start-daemon", "--start-daemon: its value is missing: --start-daemon ROLE"),
        (
            "--json",
            "--json: an option of -S, -L, --settings, --drain, --undrain, --kick, --ramp, --monitor, --diff \
             and --doctor; the command must come first, as in `ipvsadm -L --json`",
        ),
        ("-S --format table", "--format: --save has no format table, only classic and json"),
        (
            "-L -c --format table",
            "--format: --connection has no format table, only classic and json",
        ),
    ] {
        assert_eq!(line(text).unwrap_err().to_string(), want, "{text}");
    }
}
