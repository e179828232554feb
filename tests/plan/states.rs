//! Random states and changes: tables, timeouts and sync daemons.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::num::{NonZeroU8, NonZeroU16};

use ipvs::{Change, DaemonConfig, DaemonRole, DaemonState, Setting, SettingValue, State, Timeouts};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

use crate::kernel::LONGEST_TIMEOUT;
use crate::tables::{name, service_key, standby_tables, table_change, two_tables};
use crate::{ROLES, mixes_families};

const GROUP: IpAddr = IpAddr::V4(Ipv4Addr::new(224, 0, 0, 81));
const GROUP6: IpAddr = IpAddr::V6(Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 0x81));

/// Timeouts that some kernels refuse and others accept are left out: see [`Timeouts`].
fn timeouts(values: &'static [u32]) -> impl Strategy<Value = Timeouts> {
    [select(values), select(values), select(values)].prop_map(
        |[tcp_seconds, tcp_fin_seconds, udp_seconds]| Timeouts {
            tcp_seconds,
            tcp_fin_seconds,
            udp_seconds,
        },
    )
}

fn set_timeouts() -> impl Strategy<Value = Timeouts> {
    timeouts(&[900, 120, 300, 1, LONGEST_TIMEOUT])
}

fn wished_timeouts() -> impl Strategy<Value = Timeouts> {
    timeouts(&[0, 0, 0, 900, 120, 300, 1, LONGEST_TIMEOUT])
}

/// A configuration that the kernel accepts. `field` draws each optional part.
fn daemon_config(
    lengths: &'static [u16],
    groups: Vec<IpAddr>,
    field: impl Fn(BoxedStrategy<u16>) -> BoxedStrategy<Option<u16>>,
) -> BoxedStrategy<DaemonConfig> {
    let last_group = groups.len() as u16;
    (
        select(&["eth0", "eth1"][..]),
        select(&[0, 1, 255][..]),
        field(select(lengths).boxed()),
        field((0..last_group).boxed()),
        field(select(&[8848, 9000][..]).boxed()),
        field(select(&[1, 32][..]).boxed()),
    )
        .prop_map(move |(interface, sync_id, max_length, group, port, ttl)| DaemonConfig {
            sync_id,
            max_length_bytes: max_length.and_then(NonZeroU16::new),
            group: group.map(|index| groups[usize::from(index)]),
            port: port.and_then(NonZeroU16::new),
            ttl: ttl.and_then(|ttl| NonZeroU8::new(ttl as u8)),
            ..DaemonConfig::new(name(interface))
        })
        .boxed()
}

/// A configuration as the kernel reports it: complete, and within its limits.
fn reported_daemon(role: DaemonRole) -> BoxedStrategy<DaemonConfig> {
    let lengths: &[u16] = match role {
        DaemonRole::Master => &[1, 1452, 1472, 65487],
        DaemonRole::Backup => &[1024, 1452, 1472, 8972, 65487],
    };
    daemon_config(lengths, vec![GROUP, GROUP6], |value| value.prop_map(Some).boxed())
}

/// A configuration as an administrator writes it, with lengths beyond the kernel's limits.
fn written_daemon() -> BoxedStrategy<DaemonConfig> {
    let lengths = &[1, 1023, 1024, 1472, 65487, 65488, 65507, 65535];
    daemon_config(lengths, vec![GROUP, GROUP6], |value| option::of(value).boxed())
}

/// A wanted daemon, before the current one is known.
#[derive(Debug, Clone)]
enum Wish {
    Leave,
    Stop,
    Run(DaemonConfig),
    /// The current one, without some of the optional parts.
    Keep {
        forget: [bool; 4],
    },
    /// The current one, without some of the optional parts, and with one part as in `config`.
    Alter {
        forget: [bool; 4],
        part: usize,
        config: DaemonConfig,
    },
}

fn wish() -> impl Strategy<Value = Wish> {
    let forget = any::<[bool; 4]>();
    prop_oneof![
        Just(Wish::Leave),
        Just(Wish::Stop),
        written_daemon().prop_map(Wish::Run),
        forget.prop_map(|forget| Wish::Keep { forget }),
        (forget, 0..6_usize, written_daemon()).prop_map(|(forget, part, config)| Wish::Alter {
            forget,
            part,
            config
        }),
    ]
}

impl Wish {
    fn of(self, now: Option<DaemonState>) -> Option<DaemonState> {
        let now = match now {
            Some(DaemonState::Running(now)) => Some(now),
            _ => None,
        };
        let config = match (self, now) {
            (Wish::Leave, _) | (Wish::Keep { .. }, None) => return None,
            (Wish::Stop, _) => return Some(DaemonState::Stopped),
            (Wish::Run(config), _) | (Wish::Alter { config, .. }, None) => config,
            (Wish::Keep { forget }, Some(now)) => forgetful(now, forget),
            (Wish::Alter { forget, part, config }, Some(now)) => {
                let mut wanted = forgetful(now, forget);
                match part {
                    0 => wanted.interface = config.interface,
                    1 => wanted.sync_id = config.sync_id,
                    2 => wanted.max_length_bytes = config.max_length_bytes,
                    3 => wanted.group = config.group,
                    4 => wanted.port = config.port,
                    _ => wanted.ttl = config.ttl,
                }
                wanted
            }
        };
        Some(DaemonState::Running(config))
    }
}

fn forgetful(mut config: DaemonConfig, forget: [bool; 4]) -> DaemonConfig {
    config.max_length_bytes = config.max_length_bytes.filter(|_| !forget[0]);
    config.group = config.group.filter(|_| !forget[1]);
    config.port = config.port.filter(|_| !forget[2]);
    config.ttl = config.ttl.filter(|_| !forget[3]);
    config
}

/// The settings that the model has, with some values it accepts.
const SETTINGS: [(&str, &[&str]); 6] = [
    ("conn_reuse_mode", &["0", "1", "2", "-1"]),
    ("drop_entry", &["0", "1", "2", "3"]),
    ("expire_nodest_conn", &["0", "1"]),
    ("of_tomorrow", &["7", "99999999999"]),
    ("sync_ports", &["1", "2", "8"]),
    ("sync_threshold", &["3,50", "0,0", "5,60"]),
];

fn assignment(name: &str, value: &str) -> (Setting, SettingValue) {
    let setting: Setting = name.parse().expect("a name");
    (setting, setting.value(value).expect("a value"))
}

/// A value for each setting.
fn settings() -> impl Strategy<Value = Vec<(Setting, SettingValue)>> {
    SETTINGS.map(|(name, values)| select(values).prop_map(|value| assignment(name, value))).to_vec()
}

/// Settings that the kernel accepts or refuses, or does not have.
fn any_setting() -> impl Strategy<Value = (Setting, SettingValue)> {
    select(
        &[
            ("conn_reuse_mode", "0"),
            ("conn_reuse_mode", "1"),
            ("conn_reuse_mode", "2147483648"),
            ("drop_entry", "1"),
            ("drop_entry", "3"),
            ("drop_entry", "4"),
            ("of_tomorrow", "8"),
            ("sync_ports", "2"),
            ("sync_ports", "3"),
            ("sync_threshold", "5,60"),
            ("sync_threshold", "5,5"),
            ("conn_max", "5"),
            ("no_such", "5"),
        ][..],
    )
    .prop_map(|(name, value)| assignment(name, value))
}

/// A current state and a wanted one that shares much with it and leaves parts as they are. If
/// `possible`, a kernel can be in the wanted state.
fn from_and_to(possible: bool) -> impl Strategy<Value = (State, State)> {
    let tables = any::<[bool; 2]>().prop_flat_map(two_tables);
    let daemons = ROLES.map(reported_daemon).map(option::of);
    let wished_settings = (settings(), any::<[bool; SETTINGS.len()]>());
    let all_settings = (settings(), wished_settings);
    (tables, set_timeouts(), wished_timeouts(), daemons, [wish(), wish()], all_settings).prop_map(
        move |((from, to), timeouts, wished_timeouts, daemons, wishes, settings)| {
            let (mut from, mut to) = (State::from(from), State::from(to));
            let (settings, (wished, is_wished)) = settings;
            // The kernel shows no 2: it would mean that memory is short.
            let shown = |(setting, value): (Setting, SettingValue)| match setting.name() {
                "drop_entry" if value == 2.into() => (setting, 1.into()),
                _ => (setting, value),
            };
            from.settings = settings.into_iter().map(shown).collect();
            let wished = wished.into_iter().zip(is_wished);
            to.settings = wished.filter(|(_, wished)| *wished).map(|(pair, _)| pair).collect();
            (from.timeouts, to.timeouts) = (timeouts, wished_timeouts);
            for ((role, daemon), wish) in ROLES.into_iter().zip(daemons).zip(wishes) {
                let running = daemon.filter(|_| !mixes_families(&from.table));
                let now = running.map_or(DaemonState::Stopped, DaemonState::Running);
                from.set_daemon(role, Some(now));
                let mut wanted = wish.of(Some(now));
                if possible && mixes_families(&to.table) {
                    let leave = wanted.is_none() && now == DaemonState::Stopped;
                    wanted = Some(DaemonState::Stopped).filter(|_| !leave);
                }
                to.set_daemon(role, wanted);
            }
            (from, to)
        },
    )
}

/// A current state and a wanted one.
pub(crate) fn two_states() -> impl Strategy<Value = (State, State)> {
    from_and_to(true)
}

/// As [`two_states`], but the second may have daemons with a table that the kernel does not allow
/// with them.
pub(crate) fn perhaps_impossible_states() -> impl Strategy<Value = (State, State)> {
    from_and_to(false)
}

/// As [`two_states`], often with one service whose serving servers change.
pub(crate) fn serving_states() -> impl Strategy<Value = (State, State)> {
    let standby = (two_states(), standby_tables()).prop_map(|((mut from, mut to), tables)| {
        // The kernel allows the daemons with either table.
        (from.table, to.table) = tables;
        (from, to)
    });
    prop_oneof![two_states(), standby]
}

/// Any change that is accepted or refused because of the state and the change alone.
fn change() -> impl Strategy<Value = Change> {
    let not_multicast = [IpAddr::from([10, 0, 0, 1]), IpAddr::from([0xfd00, 0, 0, 0, 0, 0, 0, 1])];
    let lengths = &[1, 1472, 65535];
    let groups = [&[GROUP, GROUP, GROUP6][..], &not_multicast].concat();
    let config = daemon_config(lengths, groups, |value| option::of(value).boxed());
    prop_oneof![
        60 => table_change(),
        1 => Just(Change::Flush),
        2 => Just(Change::ZeroAll),
        2 => service_key().prop_map(Change::ZeroService),
        3 => timeouts(&[0, 0, 1, 900, LONGEST_TIMEOUT]).prop_map(Change::SetTimeouts),
        1 => timeouts(&[0, 1, 1 << 31, u32::MAX]).prop_map(Change::SetTimeouts),
        6 => (select(&ROLES[..]), config)
            .prop_map(|(role, config)| Change::StartDaemon(role, config)),
        4 => select(&ROLES[..]).prop_map(Change::StopDaemon),
        6 => any_setting().prop_map(|(setting, value)| Change::SetSetting(setting, value)),
    ]
}

pub(crate) fn changes() -> impl Strategy<Value = Vec<Change>> {
    vec(change(), 0..80)
}
