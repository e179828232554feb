//! Real servers.

use super::*;

fn servers(text: &str) -> (DestinationKey, DestinationConfig) {
    match change(text) {
        Change::AddDestination(_, key, config) | Change::EditDestination(_, key, config) => {
            (key, config)
        }
        other => panic!("{text}: {other:?}"),
    }
}

#[test]
fn weights_and_thresholds_are_0_to_2147483647() {
    for option in ["-w", "-x", "-y"] {
        for (value, want) in
            [("0", 0), ("2147483647", 0), ("2147483648", 2), ("-1", 2), ("5x", 2), ("", 2)]
        {
            let text = format!("-a -t 1.2.3.4:80 -r 10.0.0.1 {option} {value}");
            assert_eq!(status(&text), want, "{text}");
        }
    }
    let (_, config) = servers("-a -t 1.2.3.4:80 -r 10.0.0.1");
    assert_eq!(config, DestinationConfig::default());
    let (_, config) = servers("-a -t 1.2.3.4:80 -r 10.0.0.1 -w 3 -x 5 -y 9");
    assert_eq!((config.weight, config.upper_threshold, config.lower_threshold), (3, 5, 9));
}

#[test]
fn only_masquerading_has_a_port_of_its_own() {
    for (text, port) in [
        ("-a -t 1.2.3.4:80 -r 10.0.0.1", 80),
        ("-a -t 1.2.3.4:80 -r 10.0.0.1:99", 80),
        ("-a -t 1.2.3.4:80 -r 10.0.0.1:99 -i", 80),
        ("-a -t 1.2.3.4:80 -r 10.0.0.1:0 -g", 80),
        ("-a -t 1.2.3.4:80 -r 10.0.0.1:99 -m", 99),
        ("-a -r 10.0.0.1:99 -m -t 1.2.3.4:80", 99),
        ("-a -t 1.2.3.4:80 -r 10.0.0.1:0 -m", 0),
        ("-a -t 1.2.3.4:80 -r 10.0.0.1 -m", 80),
        ("-a -t 1.2.3.4:80 -r [10.0.0.1]:99 -m", 80),
        ("-a -t 1.2.3.4 -r 10.0.0.1:99 -g", 0),
        ("-a -t 1.2.3.4 -r 10.0.0.1:99 -m", 99),
        ("-a -f 3 -r 10.0.0.1:99 -m", 99),
        ("-a -f 3 -r 10.0.0.1:99 -g", 99),
        ("-a -f 3 -r 10.0.0.1:99 -i", 99),
        ("-e -f 3 -r 10.0.0.1", 0),
        ("-e -t 1.2.3.4:80 -r 10.0.0.1:81 -w 5", 80),
    ] {
        assert_eq!(servers(text).0.port, port, "{text}");
    }
    for (text, port) in [
        ("-d -t 1.2.3.4:80 -r 10.0.0.1", 80),
        ("-d -t 1.2.3.4:80 -r 10.0.0.1:81", 81),
        ("-d -t 1.2.3.4:80 -r 10.0.0.1:0", 0),
        ("-d -f 3 -r 10.0.0.1", 0),
    ] {
        match change(text) {
            Change::DeleteDestination(_, key) => assert_eq!(key.port, port, "{text}"),
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn families_differ_in_tunnels_only() {
    for service in ["-t 1.2.3.4:80 -r fe80::1", "-t [::1]:80 -r 10.0.0.1", "-f 3 -6 -r 10.0.0.1"] {
        for (method, want) in [("-g", 2), ("-m", 2), ("-w 1", 2), ("-i", 0)] {
            assert_eq!(status(&format!("-a {service} {method}")), want, "{service} {method}");
        }
        assert_eq!(status(&format!("-d {service}")), 0, "{service}");
    }
}

#[test]
fn tunnels_have_the_options_of_their_type() {
    let server = "-a -t 1.2.3.4:80 -r 10.0.0.1";
    let checksum = TunnelChecksum::Remote;
    for (options, want) in [
        ("-i", Tunnel::Ipip),
        ("-i --tun-type ipip", Tunnel::Ipip),
        ("-i --tun-type gre", Tunnel::Gre { checksum: TunnelChecksum::None }),
        ("--tun-csum -i --tun-type gre", Tunnel::Gre { checksum: TunnelChecksum::Checksum }),
        (
            "--tun-port 6080 --tun-remcsum --tun-type gue -i",
            Tunnel::Gue { port: NonZeroU16::new(6080).unwrap(), checksum },
        ),
    ] {
        let (_, config) = servers(&format!("{server} {options}"));
        assert_eq!(config.forwarding, Forwarding::Tunnel(want), "{options}");
    }
    for options in [
        "--tun-type gue --tun-port 6080",
        "--tun-port 6080",
        "--tun-csum",
        "-m --tun-type ipip",
        "-g --tun-type gre",
        "-i --tun-type IPIP",
        "-i --tun-type ",
        "-i --tun-type gue",
        "-i --tun-type gue --tun-port 0",
        "-i --tun-type gue --tun-port 65536",
        "-i --tun-type gue --tun-port http",
        "-i --tun-port 6080",
        "-i --tun-nocsum",
        "-i --tun-csum",
        "-i --tun-remcsum",
        "-i --tun-type gre --tun-port 1",
        "-i --tun-type gre --tun-remcsum",
        "-i --tun-type gue --tun-port 1 --tun-csum --tun-nocsum",
        "-i --tun-type gre --tun-csum --tun-nocsum",
        "-i --tun-csum --tun-csum",
    ] {
        assert_eq!(status(&format!("{server} {options}")), 2, "{options}");
    }
    for port in ["1", "65535"] {
        assert_eq!(status(&format!("{server} -i --tun-type gue --tun-port {port}")), 0);
    }
}
