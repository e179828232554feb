//! Written JSON is read back, and checked against the schema.

use std::net::{IpAddr, SocketAddr};
use std::num::{NonZeroU8, NonZeroU16, NonZeroU32};
use std::sync::LazyLock;

use ipvs::{
    AddressFamily, Change, Daemon, DaemonConfig, DaemonRole, Destination, DestinationConfig,
    DestinationKey, Forwarding, Info, Persistence, SchedulerFlags, Service, ServiceConfig,
    ServiceKey, Setting, Snapshot, SnapshotEntry, Stats, Timeouts, Tunnel, TunnelChecksum, Version,
};
use serde_json::{Value, json};

use super::*;
use crate::output::json::tests::schema;
use crate::output::json::{Detail, Json};
use crate::output::print_entries;
use crate::output::settings::Settings;
use crate::process::printed;

pub(super) use crate::output::json::tests::against;

pub(super) static TABLE: LazyLock<jsonschema::Validator> = LazyLock::new(|| schema(None));

pub(super) fn written(table: &Snapshot, detail: Detail) -> Vec<u8> {
    let text = printed(|sink| {
        let version = Version { major: 1, minor: 2, patch: 1 };
        let mut json = match detail {
            Detail::All => Json::listing(sink, Info::new(version, 4096)),
            Detail::Configuration => Json::configuration(sink, None),
        };
        print_entries(&mut json, &table.entries);
    });
    text.into_bytes()
}

/// Reads a text and drops the lines.
pub(super) fn read_changes(text: &[u8]) -> Result<(Vec<Change>, Vec<Change>), ReadError> {
    let changes =
        |placed: Vec<PlacedChange>| placed.into_iter().map(|placed| placed.change).collect();
    read(text).map(|read| (changes(read.table), changes(read.settings)))
}

/// The changes that make a table.
pub(super) fn changes(table: &Snapshot) -> Vec<Change> {
    let mut changes = Vec::new();
    for SnapshotEntry { service, destinations, .. } in &table.entries {
        changes.push(Change::AddService(service.key, service.config));
        changes.extend(
            destinations
                .iter()
                .map(|server| Change::AddDestination(service.key, server.key, server.config)),
        );
    }
    changes
}

fn server(address: &str, config: DestinationConfig) -> Destination {
    let mut stats = Stats::default();
    stats.connections = u64::MAX;
    stats.incoming_bytes = 9_007_199_254_740_993;
    stats.rates.outgoing_bytes = 7;
    let address: SocketAddr = address.parse().expect("the address is valid");
    let mut server = Destination::new(address.into(), config);
    server.active_connections = 3;
    server.inactive_connections = u32::MAX;
    server.stats = Some(Box::new(stats));
    server
}

fn small() -> Snapshot {
    let address: SocketAddr = "10.0.0.1:80".parse().expect("the address is valid");
    let web = ServiceConfig {
        scheduler_flags: SchedulerFlags::FLAG_1 | SchedulerFlags::FLAG_2,
        persistence: Some(Persistence::new(AddressFamily::V4, 300)),
        ..ServiceConfig::new("sh".parse().expect("the name is valid"))
    };
    let gue = Tunnel::Gue {
        port: NonZeroU16::new(6080).expect("the port is not 0"),
        checksum: TunnelChecksum::Remote,
    };
    let local = DestinationConfig { forwarding: Forwarding::Local, ..DestinationConfig::default() };
    let tunnel = DestinationConfig {
        forwarding: Forwarding::Tunnel(gue),
        weight: 0,
        upper_threshold: 100,
        lower_threshold: 50,
    };
    let mark = ServiceKey::firewall_mark(NonZeroU32::MAX, AddressFamily::V6);
    let service = |key, config| {
        let mut service = Service::new(key, config);
        service.stats = Some(Box::default());
        service
    };
    Snapshot::new(vec![
        SnapshotEntry::new(
            service(ServiceKey::tcp(address), web),
            vec![server("10.0.0.2:80", local), server("[2001:db8::2]:80", tunnel)],
        ),
        SnapshotEntry::new(service(mark, ServiceConfig::default()), Vec::new()),
    ])
}

#[test]
fn configuration_is_written_one_server_per_line() {
    assert_eq!(
        String::from_utf8_lossy(&written(&small(), Detail::Configuration)),
        r#"{
  "services": [
    {
      "protocol": "tcp",
      "address": "10.0.0.1",
      "port": 80,
      "scheduler": "sh",
      "scheduler_flags": ["sh-fallback", "sh-port"],
      "persistence": {"timeout_seconds": 300, "netmask": "255.255.255.255"},
      "persistence_engine": null,
      "one_packet": false,
      "destinations": [
        {"address": "10.0.0.2", "port": 80, "forwarding": "direct_route", "weight": 1, "upper_threshold": 0, "lower_threshold": 0},
        {"address": "2001:db8::2", "port": 80, "forwarding": "tunnel", "tunnel": {"type": "gue", "port": 6080, "checksum": "remote"}, "weight": 0, "upper_threshold": 100, "lower_threshold": 50}
      ]
    },
    {
      "firewall_mark": 4294967295,
      "family": "ipv6",
      "scheduler": "wlc",
      "scheduler_flags": [],
      "persistence": null,
      "persistence_engine": null,
      "one_packet": false,
      "destinations": []
    }
  ]
}
"#
    );
}

#[test]
fn listings_hold_every_value_in_full() {
    let text = written(&small(), Detail::All);
    let value: Value = serde_json::from_slice(&text).expect("the text is JSON");
    assert_eq!(value["info"], json!({"version": "1.2.1", "connection_table_size": 4096}));
    assert_eq!(
        value["services"][0]["destinations"][0],
        json!({
            "address": "10.0.0.2", "port": 80, "forwarding": "local", "weight": 1,
            "upper_threshold": 0, "lower_threshold": 0,
            "active_connections": 3, "inactive_connections": 4294967295_u32,
            "persistent_connections": 0,
            "counters": {
                "connections": u64::MAX, "incoming_packets": 0, "outgoing_packets": 0,
                "incoming_bytes": 9_007_199_254_740_993_u64, "outgoing_bytes": 0,
            },
            "rates": {
                "connections": 0, "incoming_packets": 0, "outgoing_packets": 0,
                "incoming_bytes": 0, "outgoing_bytes": 7,
            },
        })
    );
    assert_eq!(against(&TABLE, &text), Ok(()));
    // Observations are ignored.
    let configuration = written(&small(), Detail::Configuration);
    assert_eq!(read_changes(&text), read_changes(&configuration));
}

#[test]
fn an_empty_table_is_an_empty_list() {
    let text = written(&Snapshot::default(), Detail::Configuration);
    assert_eq!(text, b"{\n  \"services\": []\n}\n");
    assert_eq!(read(&text), Ok(JsonChanges::default()));
}

#[test]
fn settings_timeouts_and_daemons_are_written_and_read() {
    let timeouts = Timeouts { tcp_seconds: 900, tcp_fin_seconds: 120, udp_seconds: 300 };
    let daemons = [
        Daemon::new(
            DaemonRole::Master,
            DaemonConfig {
                sync_id: 5,
                max_length_bytes: NonZeroU16::new(1460),
                group: Some(IpAddr::from([224, 0, 0, 81])),
                port: NonZeroU16::new(8848),
                ttl: NonZeroU8::new(1),
                ..DaemonConfig::new("eth0".parse().expect("the name is valid"))
            },
        ),
        Daemon::new(
            DaemonRole::Backup,
            DaemonConfig::new("eth1".parse().expect("the name is valid")),
        ),
    ];
    let values = [("conn_reuse_mode", "0"), ("est_cpulist", "0-3"), ("sync_threshold", "3,50")];
    let values = values.map(|(name, value)| {
        let setting: Setting = name.parse().expect("a setting");
        (setting, setting.value(value).expect("a value"))
    });
    let settings = Settings { settings: values.into(), timeouts, daemons: daemons.to_vec() };
    let text = printed(|sink| {
        print_entries(&mut Json::configuration(sink, Some(settings)), &[]);
    });
    let text = text.as_bytes();
    assert_eq!(
        String::from_utf8_lossy(text),
        r#"{
  "services": [],
  "settings": {
    "conn_reuse_mode": 0,
    "est_cpulist": "0-3",
    "sync_threshold": [3, 50]
  },
  "timeouts": {"tcp_seconds": 900, "tcp_fin_seconds": 120, "udp_seconds": 300},
  "daemons": [
    {"role": "master", "interface": "eth0", "sync_id": 5, "max_length_bytes": 1460, "multicast_group": "224.0.0.81", "multicast_port": 8848, "multicast_ttl": 1},
    {"role": "backup", "interface": "eth1", "sync_id": 0, "max_length_bytes": null, "multicast_group": null, "multicast_port": null, "multicast_ttl": null}
  ]
}
"#
    );
    assert_eq!(against(&TABLE, text), Ok(()));
    let mut others: Vec<Change> =
        values.map(|(setting, value)| Change::SetSetting(setting, value)).into();
    others.push(Change::SetTimeouts(timeouts));
    others.extend(daemons.map(|daemon| Change::StartDaemon(daemon.role, daemon.config)));
    assert_eq!(read_changes(text), Ok((Vec::new(), others)));
}

#[test]
fn settings_that_make_no_sense_are_told_with_their_place() {
    let text = r#"{"services": [], "settings": {
  "conn_reuse_mode": "on",
  "sync_threshold": 3,
  "sync_retries": [1, 2],
  "am_droprate": 1, "am_droprate": 2,
  "../am_droprate": 1,
  "pmtu_disc": true
}}"#;
    assert_eq!(
        problems(text),
        "line 2, column 22: settings.conn_reuse_mode: must be a whole number from -2147483648 to \
         2147483647\n\
         line 3, column 21: settings.sync_threshold: must be two numbers, THRESHOLD,PERIOD: the \
         threshold less than the period, or a period of 0\n\
         line 4, column 19: settings.sync_retries: must be a whole number from 0 to 3\n\
         line 5, column 36: settings.am_droprate: given twice\n\
         line 6, column 21: settings.../am_droprate: not the name of a setting\n\
         line 7, column 16: settings.pmtu_disc: must be 0 (off) or 1 (on)"
    );
    let list = r#"{"services": [], "settings": [1]}"#;
    assert_eq!(
        problems(list),
        "line 1, column 30: settings: invalid type: sequence, expected an object"
    );
}

#[test]
fn omitted_fields_default_as_omitted_options_do() {
    for text in [
        r#"{"services": [
            {"protocol": "udp", "address": "10.0.0.1", "port": 53, "destinations": [
                {"address": "10.0.0.2"}, {"address": "10.0.0.3", "forwarding": "tunnel"}]},
            {"firewall_mark": 5, "persistence": {}},
            {"protocol": "tcp", "address": "::1", "persistence": {"timeout_seconds": 0}}]}"#,
        r#"{"services": [
            {"protocol": "udp", "address": "10.0.0.1", "port": 53, "scheduler": null,
             "persistence": null, "persistence_engine": null, "one_packet": null,
             "scheduler_flags": null, "destinations": [
                {"address": "10.0.0.2", "weight": null, "forwarding": null, "port": null},
                {"address": "10.0.0.3", "forwarding": "tunnel", "upper_threshold": null}]},
            {"firewall_mark": 5, "persistence": {"timeout_seconds": null}, "destinations": null},
            {"protocol": "tcp", "address": "::1", "port": null,
             "persistence": {"timeout_seconds": 0}}]}"#,
    ] {
        let udp =
            ServiceKey::udp("10.0.0.1:53".parse::<SocketAddr>().expect("the address is valid"));
        let mark = ServiceKey::firewall_mark(
            NonZeroU32::new(5).expect("the mark is not 0"),
            AddressFamily::V4,
        );
        let all = ServiceKey::tcp("[::1]:0".parse::<SocketAddr>().expect("the address is valid"));
        let server = |last| DestinationKey { address: [10, 0, 0, last].into(), port: 53 };
        let plain = DestinationConfig::default();
        let tunnel = DestinationConfig { forwarding: Forwarding::Tunnel(Tunnel::Ipip), ..plain };
        let persistent = |family, timeout| ServiceConfig {
            persistence: Some(Persistence::new(family, timeout)),
            ..ServiceConfig::default()
        };
        let want = vec![
            Change::AddService(udp, ServiceConfig::default()),
            Change::AddDestination(udp, server(2), plain),
            Change::AddDestination(udp, server(3), tunnel),
            Change::AddService(mark, persistent(AddressFamily::V4, 360)),
            Change::AddService(all, persistent(AddressFamily::V6, 0)),
        ];
        assert_eq!(read_changes(text.as_bytes()), Ok((want, Vec::new())));
        assert_eq!(against(&TABLE, text.as_bytes()), Ok(()));
    }
}

/// The problems of a text, one per line.
fn problems(text: &str) -> String {
    match read(text.as_bytes()) {
        Ok(read) => panic!("{text}: {read:?}"),
        Err(error) => error.to_string(),
    }
}

#[test]
fn each_change_has_its_line() {
    let read = read(&written(&small(), Detail::Configuration)).expect("the table is valid");
    let lines: Vec<usize> = read.table.iter().map(|placed| placed.line).collect();
    assert_eq!(lines, [3, 13, 14, 17]);
}

#[test]
fn broken_json_is_reported_with_line_and_column() {
    for (text, want) in [
        ("", "line 1, column 1: EOF while parsing a value"),
        ("{\n  \"services\": [\n    {,}\n]}", "line 3, column 6: key must be a string"),
        ("{\"services\": []", "line 1, column 15: EOF while parsing an object"),
        ("{\"services\": []} x", "line 1, column 18: trailing characters"),
        ("{}", "line 1, column 2: missing field `services`"),
        ("[]", "line 1, column 1: invalid type: sequence, expected an object"),
        ("\"x\"", "line 1, column 3: invalid type: string \"x\", expected an object"),
        (
            "{\"servcies\": []}",
            "line 1, column 11: unknown field `servcies`: did you mean `services`?",
        ),
        ("{\"services\": [], \"services\": []}", "line 1, column 27: duplicate field `services`"),
    ] {
        assert_eq!(problems(text), want, "{text}");
    }
    assert!(read(b"{\"services\": [\xff]}").is_err());
    assert!(read(b"{\"services\": [\"\xff\"]}").is_err());
    assert!(read(&b"[".repeat(100_000)).is_err());
    assert!(read(&[b"{\"services\":".as_slice(), &b"[".repeat(100_000)].concat()).is_err());
}

#[test]
fn every_mistake_is_reported_with_its_place() {
    let text = r#"{"services": [
  {"protocol": "tcp", "address": "10.0.0.1", "port": 70000},
  {"protocol": "tcp", "address": "10.0.0.1", "port": 80, "shceduler": "rr"},
  {"protocol": "tcp", "address": "10.0.0.1", "port": 81, "destinations": [
    {"address": "10.0.0.2"},
    {"address": "10.0.0.3",
     "weight": -1},
    {"address": "10.0.0.2", "port": 81},
    {"address": "2001:db8::1"},
    {"address": "10.0.0.4", "forwarding": "nat"}
  ]},
  {"protocol": "tcp", "address": "10.0.0.1", "port": 81},
  7,
  ["tcp", "10.0.0.1"],
  {"protocol": "tcp", "address": "10.0.0.1", "persistence": [360]}
]}"#;
    assert_eq!(
        problems(text),
        "\
line 2, column 58: services[0]: invalid value: integer `70000`, expected a whole number from 0 \
        to 65535
line 3, column 68: services[1]: unknown field `shceduler`: did you mean `scheduler`?
line 7, column 17: services[2].destinations[1]: invalid value: integer `-1`, expected a whole \
        number from 0 to 2147483647
line 8, column 5: services[2].destinations[2]: the same server as services[2].destinations[0]: \
        10.0.0.2:81
line 9, column 5: services[2].destinations[3].address: must be an IPv4 address, like the \
        service's, unless forwarding is tunnel
line 10, column 47: services[2].destinations[4]: unknown variant `nat`, expected one of \
        `masquerade`, `direct_route`, `tunnel`, `local`, `bypass`
line 12, column 3: services[3]: the same service as services[2]: TCP 10.0.0.1:81
line 13, column 3: services[4]: invalid type: integer `7`, expected an object
line 14, column 3: services[5]: invalid type: sequence, expected an object
line 15, column 60: services[6]: invalid type: sequence, expected an object"
    );
}

#[test]
fn invalid_fields_are_reported_by_path() {
    for (service, want) in [
        (r#""protocol": "tcp""#, ": needs an address"),
        (r#""address": "10.0.0.1""#, ": needs a protocol: tcp, udp or sctp"),
        (r#""scheduler": "rr""#, ": needs protocol, address and port, or firewall_mark"),
        (r#""firewall_mark": 5, "port": 80"#, ".port: not valid with firewall_mark"),
        (
            r#""protocol": "tcp", "address": "10.0.0.1", "port": 1, "family": "ipv4""#,
            ".family: only with firewall_mark: an address implies its family",
        ),
        (
            r#""protocol": "tcp", "address": "10.0.0.1""#,
            ".port: a service for all ports must be persistent: give a port, or persistence",
        ),
        (
            r#""protocol": "sctp", "address": "10.0.0.1", "port": 1, "one_packet": true"#,
            ".one_packet: only for UDP and firewall marks",
        ),
        (
            r#""firewall_mark": 5, "persistence": {"prefix_length": 64}"#,
            ".persistence.prefix_length: only for IPv6: IPv4 has a netmask",
        ),
        (
            r#""firewall_mark": 5, "family": "ipv6", "persistence": {"netmask": "255.0.0.0"}"#,
            ".persistence.netmask: only for IPv4: IPv6 has a prefix_length",
        ),
        (
            r#""firewall_mark": 5, "scheduler_flags": ["sh-port"]"#,
            ".scheduler_flags: `sh-port`: only for the scheduler sh",
        ),
    ] {
        let text = format!(r#"{{"services": [{{{service}}}]}}"#);
        assert_eq!(problems(&text), format!("line 1, column 15: services[0]{want}"), "{service}");
    }
    for (server, want) in [
        (r#""forwarding": "bypass""#, ".forwarding: only the kernel creates such a server"),
        (r#""tunnel": {"type": "ipip"}"#, ".tunnel: only with forwarding tunnel"),
        (r#""lower_threshold": 5"#, ".lower_threshold: must not exceed upper_threshold, 0"),
        (r#""forwarding": "tunnel", "tunnel": {"type": "gue"}"#, ".tunnel: type gue needs a port"),
        (
            r#""forwarding": "tunnel", "tunnel": {"type": "gre", "port": 1}"#,
            ".tunnel.port: not valid with type gre",
        ),
        (
            r#""forwarding": "tunnel", "tunnel": {"type": "gre", "checksum": "remote"}"#,
            ".tunnel.checksum: `remote` is not valid with type gre",
        ),
        (
            r#""forwarding": "tunnel", "tunnel": {"type": "ipip", "checksum": "none"}"#,
            ".tunnel.checksum: not valid with type ipip",
        ),
    ] {
        let server = format!(r#"{{"address": "10.0.0.2", {server}}}"#);
        let text =
            format!(r#"{{"services": [{{"firewall_mark": 5, "destinations": [{server}]}}]}}"#);
        let want = format!("line 1, column 53: services[0].destinations[0]{want}");
        assert_eq!(problems(&text), want, "{server}");
    }
    let daemons = r#"{"services": [], "daemons": [
        {"role": "master", "interface": "a", "multicast_group": "10.0.0.1"},
        {"role": "backup", "interface": "a"}, {"role": "backup", "interface": "b"}]}"#;
    assert_eq!(
        problems(daemons),
        "line 2, column 9: daemons[0].multicast_group: not a multicast address such as 224.0.0.81 \
         or ff02::81\nline 3, column 47: daemons[2].role: the same role as daemons[1]"
    );
}
