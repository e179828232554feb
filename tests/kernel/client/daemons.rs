//! Sync daemons are read as they were started, with the values that the kernel chose.

use std::net::IpAddr;
use std::num::{NonZeroU8, NonZeroU16};

use DaemonRole::{Backup, Master};
use ipvs::{Change, Client, Daemon, DaemonConfig, DaemonRole, RefusalKind};

use super::{assert_refused, connect, in_batch, name};
use crate::harness::KernelTest;
use crate::netns::Netns;

pub(crate) fn tests() -> Vec<KernelTest> {
    crate::tests![
        values_that_the_kernel_chose_are_read,
        a_backup_accepts_what_its_interface_can_carry,
        every_option_is_kept_for_either_role_and_family,
        values_are_kept_up_to_their_limits,
        one_of_each_role_runs_at_a_time,
        a_daemon_stops_at_once_or_later,
        interfaces_and_groups_that_cannot_work_are_refused,
    ]
}

/// A namespace with a network interface that supports multicast.
fn with_interface() -> (Netns, Client) {
    let ns = Netns::new();
    ns.ip("link add d0 type dummy\n\
           link set d0 multicast on\n\
           link set d0 up\n\
           address add 10.9.0.1/24 dev d0\n\
           address add fd09::1/64 dev d0 nodad");
    let client = connect(&ns);
    (ns, client)
}

fn on(interface: &str) -> DaemonConfig {
    DaemonConfig::new(name(interface))
}

fn full(sync_id: u8, max_length: u16, group: &str, port: u16, ttl: u8) -> DaemonConfig {
    DaemonConfig {
        sync_id,
        max_length_bytes: NonZeroU16::new(max_length),
        group: Some(group.parse().expect("an address")),
        port: NonZeroU16::new(port),
        ttl: NonZeroU8::new(ttl),
        ..on("d0")
    }
}

/// Starts a daemon, compares the kernel's report with `expected`, and stops it.
#[track_caller]
fn assert_kept(
    client: &mut Client,
    role: DaemonRole,
    config: DaemonConfig,
    expected: DaemonConfig,
) {
    client.start_daemon(role, &config).unwrap_or_else(|error| panic!("{config:?}: {error}"));
    assert_eq!(client.daemons().expect("a list"), [Daemon::new(role, expected)]);
    client.stop_daemon(role).expect("it ran");
    assert_eq!(client.daemons().expect("a list"), []);
}

fn values_that_the_kernel_chose_are_read() {
    let (_ns, mut client) = with_interface();
    let chosen = full(0, 1472, "224.0.0.81", 8848, 1);
    for role in [Master, Backup] {
        assert_kept(&mut client, role, on("d0"), chosen);
    }
    // The longest message fits an Ethernet frame.
    let group = Some(IpAddr::from([224, 0, 0, 81]));
    let v6 = Some("ff02::81".parse().expect("an address"));
    for (config, max_length) in
        [(DaemonConfig { group, ..on("d0") }, 1472), (DaemonConfig { group: v6, ..on("d0") }, 1452)]
    {
        let max_length = NonZeroU16::new(max_length);
        let expected = DaemonConfig { max_length_bytes: max_length, group: config.group, ..chosen };
        assert_kept(&mut client, Master, config, expected);
    }
}

fn a_backup_accepts_what_its_interface_can_carry() {
    let (ns, mut client) = with_interface();
    for (mtu, master, backup) in [(1500, 1472, 1472), (9000, 1472, 8972), (1280, 1472, 1472)] {
        ns.ip(&format!("link set d0 mtu {mtu}"));
        for (role, max_length) in [(Master, master), (Backup, backup)] {
            let expected = full(0, max_length, "224.0.0.81", 8848, 1);
            assert_kept(&mut client, role, on("d0"), expected);
        }
    }
}

fn every_option_is_kept_for_either_role_and_family() {
    let (_ns, mut client) = with_interface();
    for role in [Master, Backup] {
        for group in ["224.0.1.100", "ff02::81", "ff05::1234"] {
            let config = full(7, 1400, group, 9000, 3);
            assert_kept(&mut client, role, config, config);
        }
    }
}

fn values_are_kept_up_to_their_limits() {
    let (_ns, mut client) = with_interface();
    let (low, high) = (full(0, 1, "224.0.0.81", 1, 1), full(255, 65507, "224.0.0.81", 65535, 255));
    for config in [low, high] {
        assert_kept(&mut client, Master, config, config);
    }
    assert_kept(&mut client, Backup, high, high);
    let at_least = DaemonConfig { max_length_bytes: NonZeroU16::new(1024), ..low };
    assert_kept(&mut client, Backup, low, at_least);
    let at_most = DaemonConfig { max_length_bytes: NonZeroU16::new(65535), ..high };
    assert_kept(&mut client, Master, at_most, high);
}

fn one_of_each_role_runs_at_a_time() {
    let (_ns, mut client) = with_interface();
    let config = |role| match role {
        Master => full(1, 1400, "224.0.0.81", 8848, 1),
        Backup => full(2, 1400, "ff02::81", 8849, 2),
    };
    for role in [Backup, Master] {
        client.start_daemon(role, &config(role)).expect("it is started");
        assert_refused(client.start_daemon(role, &on("d0")), RefusalKind::DaemonRunning);
    }
    let expected = [Master, Backup].map(|role| Daemon::new(role, config(role)));
    assert_eq!(client.daemons().expect("a list"), expected, "the master first");
    client.stop_daemon(Master).expect("it runs");
    assert_refused(client.stop_daemon(Master), RefusalKind::DaemonNotRunning);
    assert_eq!(client.daemons().expect("a list"), [expected[1]]);
}

/// If its thread has not run yet, the kernel stops it without an answer.
fn a_daemon_stops_at_once_or_later() {
    let (_ns, mut client) = with_interface();
    for pause in [0, 0, 0, 1, 20] {
        for role in [Master, Backup] {
            client.start_daemon(role, &on("d0")).expect("it is started");
            std::thread::sleep(std::time::Duration::from_millis(pause));
            client.stop_daemon(role).expect("it ran");
            assert_eq!(client.daemons().expect("a list"), []);
        }
    }
    let (start, stop) = (Change::StartDaemon(Master, on("d0")), Change::StopDaemon(Master));
    let changes = [start, stop].repeat(10);
    assert_eq!(in_batch(&mut client, &changes), []);
    assert_refused(client.stop_daemon(Master), RefusalKind::DaemonNotRunning);
}

fn interfaces_and_groups_that_cannot_work_are_refused() {
    let (_ns, mut client) = with_interface();
    let error = client.start_daemon(Master, &on("nosuch0")).expect_err("it is refused");
    assert_eq!(error.to_string(), "No such device");
    for group in ["10.9.0.9", "fd09::9"] {
        let config = full(0, 0, group, 0, 0);
        for role in [Master, Backup] {
            assert_refused(client.start_daemon(role, &config), RefusalKind::Invalid);
        }
    }
    assert_eq!(client.daemons().expect("a list"), []);
}
