//! Statuses are those that ipvsadm 1.31 ended with.

use super::*;
use crate::rules::command::{ApplyOptions, ConnectionListing, Execution, Listing, View};
use crate::rules::options::ValueKind;
use crate::rules::resolve::NumericOnly;
use crate::rules::scanner::Scanner;
use crate::{
    Change, ConfigError, DaemonConfig, DestinationConfig, DestinationKey, Forwarding,
    ServiceConfig, Timeouts, Tunnel, TunnelChecksum,
};

fn read(words: &[&str]) -> Result<Command, UsageError> {
    interpret(Scanner::new(words.iter().map(|word| word.as_bytes())), &mut NumericOnly)
        .map(|invocation| invocation.command)
}

/// Reads a line split at single blanks, so that words may be empty.
fn line(line: &str) -> Result<Command, UsageError> {
    read(&line.split(' ').collect::<Vec<_>>())
}

fn change(text: &str) -> Change {
    match line(text) {
        Ok(Command::Change(change, _)) => change,
        other => panic!("{text}: {other:?}"),
    }
}

fn status(text: &str) -> u8 {
    line(text).map_or_else(|error| error.exit_status(), |_| 0)
}

fn services(text: &str) -> (ServiceKey, ServiceConfig) {
    match change(text) {
        Change::AddService(key, config) | Change::EditService(key, config) => (key, config),
        other => panic!("{text}: {other:?}"),
    }
}

fn servers(text: &str) -> (DestinationKey, DestinationConfig) {
    match change(text) {
        Change::AddDestination(_, key, config) | Change::EditDestination(_, key, config) => {
            (key, config)
        }
        other => panic!("{text}: {other:?}"),
    }
}

#[test]
fn the_default_lists_the_table() {
    assert_eq!(line("-L"), Ok(Invocation::default().command));
}

#[test]
fn the_command_comes_first() {
    for text in [
        "-n",
        "-n -L",
        "-nL",
        "-6 -L",
        "-t 1.2.3.4:80",
        "--stats",
        "--zzz",
        "-z -L",
        "foo",
        "",
        "-",
        "-- -L",
        "--list=1.2.3.4",
        "--set=1 2 3",
        "--add",
        "--start-daemon",
        "--sort -L",
    ] {
        let error = line(text).expect_err(text);
        assert_eq!((error.exit_status(), error.stops_restore()), (255, true), "{text}");
    }
    assert_eq!(status("foo -L"), 2);
    assert_eq!(status(" -L"), 2);
}

#[test]
fn help_and_version_do_not_mind_the_rest() {
    for text in ["-h", "-h -n", "-h foo", "-h -z", "-h -L", "--help"] {
        assert_eq!(line(text), Ok(Command::Help), "{text}");
    }
    for text in ["-v", "-vn", "-v foo", "-v --zzz", "--version"] {
        assert_eq!(line(text), Ok(Command::Version), "{text}");
    }
    assert_eq!(status("-L -h"), 2);
    assert_eq!(status("-A -v"), 2);
}

#[test]
fn unknown_options_and_missing_values_are_255() {
    for text in [
        "-L --zzz",
        "-L -z",
        "-L -n5",
        "-L --num",
        "-L --numeric=5",
        "-L -n=5",
        "-C -z",
        "-A -t 1.2.3.4:80 -s",
        "-At",
        "-Lcx",
        "-L foo --zzz",
        "-A -t 1.2.3.4 -z",
        "--set -1 1 1",
        "-A -t 1.2.3.4:80 -p -1",
        "-L --timeout --stats -z",
        "--set bad 1 1 -z",
        "-A -t 1.2.3.4:80 -b bogus -z",
    ] {
        assert_eq!(status(text), 255, "{text}");
    }
}

#[test]
fn of_several_mistakes_the_first_decides() {
    for text in [
        "-A -t bad -z",
        "-A -t 1.2.3.4:80 -D -z",
        "-A -t 1.2.3.4:80 -t 1.2.3.4:80 -z",
        "-A -t 1.2.3.4:80 -p 0 -z",
        "-A -t 1.2.3.4:80 -M bad -z",
        "-a -t 1.2.3.4:80 -r bad -z",
        "-a -t 1.2.3.4:80 -r 10.1 -w bad -z",
        "-a -t 1.2.3.4:80 -r 10.1 --tun-type bad -z",
        "-a -t 1.2.3.4:80 -r 10.1 --tun-port bad -z",
        "-a -t 1.2.3.4:80 -g -m -z",
        "--start-daemon bad -z",
        "--stop-daemon bad -z",
        "--start-daemon master --syncid bad -z",
        "--start-daemon master --mcast-group bad -z",
        "-A -t 1.2.3.4:80 -6 -z",
        "-L -f bad -z",
    ] {
        assert_eq!(status(text), 2, "{text}");
    }
}

#[test]
fn what_is_given_twice_is_refused() {
    for text in [
        "-L -n -n",
        "-L -nn",
        "-L --exact -X",
        "-L --stats --stats",
        "-L --nosort --nosort",
        "-A -t 1.2.3.4:80 -s rr -s wrr",
        "-A -t 1.2.3.4:80 -t 1.2.3.5:80",
        "-A -t 1.2.3.4:80 -u 1.2.3.5:80",
        "-A -t 1.2.3.4:80 -f 1",
        "-A -f 1 -f 2",
        "-A -t 1.2.3.4:80 -p -p",
        "-a -t 1.2.3.4:80 -r 10.1 -g -m",
        "-a -t 1.2.3.4:80 -r 10.1 -g -g",
        "-a -t 1.2.3.4:80 -r 10.1 -r 10.2",
        "-a -t 1.2.3.4:80 -r 10.1 -w 1 -w 1",
        "-A -t 1.2.3.4:80 --pe sip --pe sip",
        "-A -t 1.2.3.4:80 -b flag-1 -b flag-2",
        "--start-daemon master --syncid 1 --syncid 2",
        "-C -C",
        "-L -l",
        "-AA",
        "-LA",
        "--set 1 --set 2 3",
    ] {
        assert_eq!(status(text), 2, "{text}");
    }
    for text in ["-A -f 1 -6 -6", "-L --sort --sort", "-L --sort --nosort", "-L --stats --rate"] {
        assert_eq!(status(text), 0, "{text}");
    }
}

#[test]
fn words_that_belong_to_no_option_are_refused() {
    for text in [
        "-L foo",
        "-L foo -n",
        "-L -",
        "-L ",
        "-L -- -n",
        "-C foo",
        "-R foo",
        "-Z foo",
        "-S foo",
        "-A -t 1.2.3.4:80 -p 600 700",
        "-A -t 1.2.3.4:80 -p -",
        "--set 1 2 3 4",
        "--start-daemon master backup",
    ] {
        assert!(matches!(line(text), Err(UsageError::UnexpectedWord(_))), "{text}");
        assert_eq!(status(text), 2, "{text}");
    }
    assert_eq!(status("-L --"), 0);
}

/// For each option, a value that it takes.
fn sample(option: OptionId) -> &'static str {
    use OptionId::*;
    match option {
        TcpService | UdpService | SctpService => "1.2.3.4:80",
        RealServer => "10.0.0.1",
        Netmask => "255.255.255.0",
        Scheduler => "rr",
        Pe => "sip",
        SchedFlags => "flag-1",
        TunType => "ipip",
        McastInterface => "eth0",
        McastGroup => "224.0.0.81",
        OptionId::Format => "json",
        StartDaemon | StopDaemon => "master",
        _ => "7",
    }
}

#[test]
fn each_command_takes_its_options_and_no_others() {
    use OptionId::*;
    for command in OPTIONS.iter().filter(|row| row.id.is_command()) {
        if matches!(command.id, Help | Version) {
            continue;
        }
        for row in OPTIONS.iter().filter(|row| !row.id.is_command()) {
            let mut words = vec![format!("--{}", command.long)];
            match command.id {
                StartDaemon | StopDaemon => words.push("master".into()),
                Set => words.extend(["1", "2", "3"].map(String::from)),
                _ => {}
            }
            words.push(format!("--{}", row.long));
            if row.value != ValueKind::None {
                words.push(sample(row.id).into());
            }
            let words: Vec<_> = words.iter().map(String::as_str).collect();
            let refused = matches!(read(&words), Err(UsageError::NotForCommand { .. }));
            assert_eq!(refused, !row.commands.contains(command.id), "{words:?}");
        }
    }
}

#[test]
fn commands_say_what_they_need() {
    for text in
        ["-A", "-A -s rr", "-E", "-D", "-a", "-e -w 1", "-d", "-a -r 10.0.0.1", "-d -r 10.1"]
    {
        assert!(matches!(line(text), Err(UsageError::MissingService(_))), "{text}");
    }
    for text in ["-a -t 1.2.3.4:80", "-e -f 1", "-d -t 1.2.3.4:80"] {
        assert!(matches!(line(text), Err(UsageError::MissingServer(_))), "{text}");
    }
    for text in ["--set", "--set 1", "--set 1 b"] {
        assert_eq!(line(text), Err(UsageError::MissingTimeouts), "{text}");
    }
}

#[test]
fn a_service_is_set_up_with_the_defaults_of_the_reference() {
    let (key, config) = services("-A -t 1.2.3.4:80");
    assert_eq!(key, ServiceKey::tcp(([1, 2, 3, 4], 80)));
    assert_eq!(config, ServiceConfig::default());
    assert_eq!(services("-A -t 1.2.3.4:80 -s ").1, config);
    assert_eq!(services("-A -t 1.2.3.4:80 --pe ").1, config);
    assert_eq!(services("-A -t 1.2.3.4:80 -b ,").1, config);
    assert_eq!(services("-A -t 1.2.3.4:80 -M 255.0.0.0").1, config);
    assert_eq!(services("-A -t 1.2.3.4:80 --sort").1, config);
    let (_, config) = services("-A -t 1.2.3.4:80 -p");
    assert_eq!(config.persistence, Some(Persistence::new(AddressFamily::V4, 360)));
}

#[test]
fn persistence_is_1_to_2678400_seconds() {
    for (value, want) in [("0", 2), ("1", 0), ("2678400", 0), ("2678401", 2), ("abc", 2), ("", 2)] {
        assert_eq!(status(&format!("-A -t 1.2.3.4:80 -p {value}")), want, "{value}");
        assert_eq!(status(&format!("-A -t 1.2.3.4:80 --persistent={value}")), want, "{value}");
    }
}

#[test]
fn a_service_for_all_ports_is_persistent() {
    for text in ["-A -t 1.2.3.4", "-E -u 1.2.3.4:0", "-A -t 1.2.3.4 -o"] {
        let error = line(text).expect_err(text);
        let reason = ConfigError::AllPorts;
        assert!(matches!(error, UsageError::Config { reason: it, .. } if it == reason), "{text}");
        assert_eq!(error.exit_status(), 2);
    }
    for text in ["-A -t 1.2.3.4 -p", "-A -f 1", "-D -t 1.2.3.4", "-Z -t 1.2.3.4", "-L -t 1.2.3.4"] {
        assert_eq!(status(text), 0, "{text}");
    }
}

#[test]
fn one_packet_scheduling_is_for_udp_and_marks() {
    let option = OptionId::Ops;
    let error = UsageError::Config { option, reason: ConfigError::OnePacket, meant: None };
    assert_eq!(line("-A -t 1.2.3.4:80 -o"), Err(error.clone()));
    assert_eq!(line("-A --sctp-service 1.2.3.4:80 -o"), Err(error));
    assert!(services("-A -u 1.2.3.4:80 -o").1.one_packet);
    assert!(services("-A -f 1 -o -p").1.one_packet);
}

#[test]
fn firewall_marks_are_1_to_4294967295() {
    for (value, want) in [("0", 2), ("1", 0), ("4294967295", 0), ("4294967296", 2), ("-1", 2)] {
        assert_eq!(status(&format!("-A -f {value}")), want, "{value}");
    }
}

#[test]
fn ipv6_goes_with_a_firewall_mark_wherever_it_stands() {
    let v6 = ServiceKey::firewall_mark(NonZeroU32::MIN, AddressFamily::V6);
    for text in ["-D -f 1 -6", "-D -6 -f 1", "-D -6f1"] {
        assert_eq!(change(text), Change::DeleteService(v6), "{text}");
    }
    for text in ["-L -6", "-A -t 1.2.3.4:80 -6", "-A -6 -t [::1]:80", "-Z -6", "-C -6"] {
        assert_eq!(status(text), 2, "{text}");
    }
}

#[test]
fn a_mask_fits_the_family_wherever_it_stands() {
    let mask = |text| services(text).1.persistence.unwrap().netmask.to_string();
    for (text, want) in [
        ("-A -t 1.2.3.4:80 -p 5 -M 255.255.0.0", "255.255.0.0"),
        ("-A -M 24 -t 1.2.3.4:80 -p 5", "0.0.0.24"),
        ("-A -M 24 -t [::1]:80 -p 5", "24"),
        ("-A -t [::1]:80 -M 1 -p 5", "1"),
        ("-A -t [::1]:80 -M 128 -p 5", "128"),
        ("-A -f 5 -p 5 -M 64 -6", "64"),
        ("-A -M 64 -6 -f 5 -p 5", "64"),
    ] {
        assert_eq!(mask(text), want, "{text}");
    }
    for text in [
        "-A -t [::1]:80 -p 5 -M 255.255.255.0",
        "-A -t [::1]:80 -p 5 -M 0",
        "-A -t [::1]:80 -M 129",
        "-A -M 255.0.0.0 -p -t [::1]:80",
        "-A -t 1.2.3.4:80 -M bad",
        // Of several mistakes the first counts.
        "-A -f 1 -6 -p -M 255.255.255.0 -q",
    ] {
        assert_eq!(status(text), 2, "{text}");
    }
}

#[test]
fn scheduler_flags_wait_for_the_scheduler() {
    assert_eq!(services("-A -t 1.2.3.4:80 -b sh-port -s sh").1.scheduler_flags.bits(), 2);
    assert_eq!(status("-A -t 1.2.3.4:80 -b sh-port"), 2);
    assert_eq!(status("-A -t 1.2.3.4:80 -s rr -b bogus"), 2);
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

#[test]
fn timeouts_are_0_to_2678400_seconds_and_stand_anywhere() {
    let want =
        Change::SetTimeouts(Timeouts { tcp_seconds: 1, tcp_fin_seconds: 0, udp_seconds: 2678400 });
    for text in
        ["--set 1 0 2678400", "--set -- 1 0 2678400", "1 0 --set 2678400", "--set 1 -- 0 2678400"]
    {
        assert_eq!(change(text), want, "{text}");
    }
    for text in
        ["--set 2678401 1 1", "--set 1 1 2678401", "--set a b c", "--set 1 2 -n 3", "--set 1  1"]
    {
        assert_eq!(status(text), 2, "{text}");
    }
}

#[test]
fn sync_daemons_have_bounds() {
    let (role, config) = match change("--start-daemon master") {
        Change::StartDaemon(role, config) => (role, config),
        other => panic!("{other:?}"),
    };
    assert_eq!((role, config), (DaemonRole::Master, DaemonConfig::new("eth0".parse().unwrap())));
    for (option, least, most) in [
        ("--syncid", 0, 255),
        ("--sync-maxlen", 1, 65507),
        ("--mcast-port", 1, 65535),
        ("--mcast-ttl", 1, 255),
    ] {
        for (value, want) in [(least - 1, 2), (least, 0), (most, 0), (most + 1, 2)] {
            let text = format!("--start-daemon backup {option} {value}");
            assert_eq!(status(&text), want, "{text}");
        }
    }
    assert_eq!(change("--stop-daemon=backup --syncid 5"), Change::StopDaemon(DaemonRole::Backup));
    for text in [
        "--start-daemon Master",
        "--start-daemon mas",
        "--start-daemon ",
        "--stop-daemon none",
        "--start-daemon --syncid 1",
        "--stop-daemon master --mcast-ttl 1",
    ] {
        assert_eq!(status(text), 2, "{text}");
    }
    // The kernel's refusal, as no request can name no interface.
    assert_eq!(line("--start-daemon master --mcast-interface "), Err(UsageError::NoInterface));
    assert_eq!(status("--start-daemon master --mcast-interface "), 255);
}

#[test]
fn a_listing_has_one_subject() {
    for text in [
        "-L -c --timeout",
        "-L -c --daemon",
        "-L --timeout --daemon",
        "-L -c -t 1.2.3.4:80",
        "-L -f 1 --timeout",
        "-L --daemon -u 1.2.3.4:80",
        "-L -c --stats",
        "-L -c --rate",
        "-L -c --thresholds",
        "-L --timeout --stats",
        "-L --daemon --rate",
        "-L --timeout --persistent-conn",
        "-L --daemon --persistent-conn",
    ] {
        assert!(matches!(line(text), Err(UsageError::Conflict { .. })), "{text}");
        assert_eq!(status(text), 2, "{text}");
    }
    let full = ConnectionListing { numeric: true, persistence_engine: true, json: false };
    for (text, want) in [
        ("-Lcn --persistent-conn", Listing::Connections(full)),
        ("-L -c --tun-info -X --nosort --sort", Listing::Connections(ConnectionListing::default())),
        ("-L --timeout -n -X --tun-info --nosort", Listing::Timeouts { json: false }),
        ("-L --daemon -n -X --tun-info --syncid 5", Listing::Daemons { json: false }),
    ] {
        assert_eq!(line(text), Ok(Command::List(want)), "{text}");
    }
}

#[test]
fn of_several_views_the_first_in_rank_wins() {
    for (text, want) in [
        ("-L --rate --stats", View::Stats),
        ("-L --thresholds --rate", View::Rate),
        ("-L --persistent-conn --thresholds", View::Thresholds),
        ("-L --tun-info --persistent-conn", View::PersistentConnections),
        ("-L --tun-info", View::TunnelInfo),
        ("-L -f 7", View::Default),
    ] {
        match line(text) {
            Ok(Command::List(Listing::Services(listing))) => assert_eq!(listing.view, want),
            other => panic!("{text}: {other:?}"),
        }
    }
}

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
        ("-L -A", "--add-service: only one command at a time, and --list is one"),
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
            "--real-server: must be an IPv4 address, as the service has, unless -i makes it a \
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
            "--json: an option of -S, -L and --settings; the command must come first, as in `ipvsadm -L --json`",
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

fn invocation(text: &str) -> Result<Invocation, UsageError> {
    interpret(Scanner::new(text.split(' ').map(str::as_bytes)), &mut NumericOnly)
}

#[test]
fn program_options_may_come_before_the_command() {
    let all = invocation("-C --dry-run --wait 5 --netns blue").expect("legal");
    let execution = Execution { dry_run: true, wait: Some(5) };
    assert_eq!(all.command, Command::Change(Change::Flush, execution));
    assert_eq!(all.namespace.as_deref(), Some("blue"));
    assert_eq!(invocation("--netns blue --wait 5 --dry-run -C"), Ok(all));
    assert_eq!(invocation("--netns blue"), Err(UsageError::NoCommand));
    let early = UsageError::BeforeCommand(OptionId::Numeric);
    assert_eq!(invocation("--netns blue -n -L"), Err(early));
    let plain = Command::Change(Change::Flush, Execution::default());
    assert_eq!(invocation("-C"), Ok(plain.into()));
    for (text, status) in [
        ("-L --dry-run", 2),
        ("-L --wait 5", 2),
        ("-h --netns x", 0),
        ("-C --wait -1", 2),
        ("-C --wait x", 2),
        ("-C --netns", 255),
        ("-C --netns=", 2),
        ("-C --no-load", 2),
    ] {
        let got = invocation(text).map_or_else(|error| error.exit_status(), |_| 0);
        assert_eq!(got, status, "{text}");
    }
}

#[test]
fn the_module_is_loaded_unless_told_otherwise() {
    let loads = |text| invocation(text).expect(text).load_module;
    assert!(loads("-L") && loads("-S -n") && Invocation::default().load_module);
    assert!(!loads("-L --no-load") && !loads("--no-load -S"));
}

#[test]
fn a_table_is_applied_from_a_file_or_standard_input() {
    let apply = |text| match invocation(text).map(|found| found.command) {
        Ok(Command::Apply(options)) => Ok(options),
        Ok(other) => panic!("{text}: {other:?}"),
        Err(error) => Err(error),
    };
    let stdin = ApplyOptions::default();
    let file = ApplyOptions { file: Some("rules".into()), ..stdin.clone() };
    let kept = ApplyOptions { keep_weights: true, ..file.clone() };
    let empty = ApplyOptions { allow_empty: true, ..file.clone() };
    let execution = |dry_run, wait| Execution { dry_run, wait };
    let dry = ApplyOptions { execution: execution(true, None), ..file.clone() };
    let waiting = ApplyOptions { execution: execution(false, Some(3)), ..file.clone() };
    for (text, want) in [
        ("--apply", &stdin),
        ("--apply -", &stdin),
        ("--apply=-", &stdin),
        ("--apply rules", &file),
        ("--apply=rules", &file),
        ("--apply -- rules", &file),
        ("--apply rules --dry-run", &dry),
        ("--apply=rules --dry-run", &dry),
        ("--apply --dry-run rules", &dry),
        ("--dry-run --apply rules", &dry),
        ("rules --apply --dry-run", &dry),
        ("--apply --keep-weights rules", &kept),
        ("--apply rules --keep-weights", &kept),
        ("--apply --allow-empty rules", &empty),
        ("--apply --wait 3 rules", &waiting),
        ("--wait 3 --apply rules", &waiting),
    ] {
        assert_eq!(apply(text).as_ref(), Ok(want), "{text}");
    }
    for text in [
        "--apply rules more",
        "--apply=rules more",
        "--apply --dry-run rules more",
        "--apply rules -",
        "--apply -t 1.2.3.4:80",
        "-R --allow-empty",
    ] {
        assert_eq!(invocation(text).expect_err(text).exit_status(), 2, "{text}");
    }
}

#[test]
fn listings_have_forms() {
    let format = |text| match invocation(text).map(|found| found.command) {
        Ok(Command::List(Listing::Services(listing))) => Some(listing.format),
        _ => None,
    };
    assert_eq!(format("-L"), Some(Format::Classic));
    assert_eq!(format("-L --format table"), Some(Format::Table));
    assert_eq!(format("-L --json"), Some(Format::Json));
    assert_eq!(format("-L --json --format json"), Some(Format::Json));
    assert_eq!(format("-L --format prometheus"), Some(Format::Prometheus));
    let saved = |text| match invocation(text).map(|found| found.command) {
        Ok(Command::Save(options)) => Some(options.json),
        _ => None,
    };
    assert_eq!(saved("-S"), Some(false));
    assert_eq!(saved("-S --format classic"), Some(false));
    assert_eq!(saved("-S --format json"), Some(true));
    assert_eq!(saved("-S --json --all"), Some(true));
    for wrong in [
        "-S --format prometheus",
        "-L --json --format table",
        "-L --format x",
        "-L -c --format table",
    ] {
        assert_eq!(invocation(wrong).expect_err("conflict").exit_status(), 2, "{wrong}");
    }
    let daemons = Listing::Daemons { json: true };
    assert_eq!(invocation("-L --daemon --json").expect("legal").command, Command::List(daemons));
}

#[test]
fn settings_are_listed_or_set() {
    let assignment = |text: &str| value::setting(text.as_bytes()).expect(text);
    assert_eq!(line("--settings"), Ok(Command::List(Listing::Settings { json: false })));
    for text in ["--settings --json", "--settings --format json", "--json --settings"] {
        let want = match text {
            "--json --settings" => Err(UsageError::BeforeCommand(OptionId::Json)),
            _ => Ok(Command::List(Listing::Settings { json: true })),
        };
        assert_eq!(line(text), want, "{text}");
    }
    let six = "a=1 b=2 c=3 d=4 e=5 f=6";
    let settings: Vec<_> = six.split(' ').map(assignment).collect();
    let execution = Execution { dry_run: true, wait: None };
    assert_eq!(
        line(&format!("--settings {six} --dry-run")),
        Ok(Command::Settings(settings, execution))
    );
    for (text, want) in [
        ("--settings a", "--settings: `a` is not NAME=VALUE, as in conn_reuse_mode=1"),
        ("--settings =1", "--settings: `=1` is not NAME=VALUE, as in conn_reuse_mode=1"),
        ("--settings a.b=1", "--settings: `a.b=1` is not NAME=VALUE, as in conn_reuse_mode=1"),
        (
            "--settings sync_retries=no",
            "--settings: sync_retries=no: sync_retries is a whole number from 0 to 3",
        ),
        ("--settings a=1 b=2 a=3", "--settings: a is given twice"),
        (
            "--settings a=1 --json",
            "--json: only where --settings lists them all, without NAME=VALUE",
        ),
        (
            "--settings --dry-run",
            "--dry-run: only where --settings sets something: --settings NAME=VALUE",
        ),
        (
            "--settings --format table",
            "--format: --settings has no format table, only classic and json",
        ),
        ("--settings -n", "--numeric: not an option of --settings"),
        ("-L --settings", "--settings: only one command at a time, and --list is one"),
    ] {
        let error = line(text).expect_err(text);
        assert_eq!((error.to_string().as_str(), error.exit_status()), (want, 2), "{text}");
    }
    assert_eq!(status("--settings=a=1"), 255);
}

#[test]
fn a_rule_sets_one_setting() {
    use crate::rules::lines::parse_command;

    let rule = |text: &str| parse_command(text.as_bytes(), &mut NumericOnly);
    let (setting, value) = value::setting(b"conn_reuse_mode=0").unwrap();
    assert_eq!(
        rule("--settings conn_reuse_mode=0 # no"),
        Ok(Some(RuleCommand::Change(Change::SetSetting(setting, value))))
    );
    assert_eq!(rule("--settings"), Ok(Some(RuleCommand::List(Listing::Settings { json: false }))));
    assert_eq!(rule("--settings a=1 b=2"), Err(UsageError::SeveralSettings));
    assert_eq!(rule("--settings a=1 --dry-run"), Err(UsageError::NotInRules(OptionId::DryRun)));
}
