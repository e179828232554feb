//! The state that a plan must end in.

use ipvs::{DaemonConfig, DaemonRole, DaemonState, SettingValue, State, Timeouts};

use crate::ROLES;
use crate::kernel::MemoryKernel;

/// The state of a kernel that goes from `from` to the wanted state `to`, which may leave parts as
/// they are.
pub(crate) fn outcome(from: &State, to: &State) -> State {
    let mut state = State::from(to.table.clone());
    state.timeouts = timeouts(&from.timeouts, &to.timeouts);
    state.settings = from.settings.clone();
    for (setting, wanted) in &to.settings {
        let now = state.settings.get_mut(setting).expect("a setting that the kernel has");
        // The kernel itself changes between 1 and 2.
        let automatic = |value: &SettingValue| {
            setting.name() == "drop_entry" && matches!(value, SettingValue::Number(1 | 2))
        };
        *now = if automatic(wanted) { SettingValue::Number(1) } else { *wanted };
    }
    for role in ROLES {
        state.set_daemon(role, daemon(role, from.daemon(role), to.daemon(role)));
    }
    state
}

fn timeouts(from: &Timeouts, to: &Timeouts) -> Timeouts {
    let either = |from: u32, to: u32| if to == 0 { from } else { to };
    Timeouts {
        tcp_seconds: either(from.tcp_seconds, to.tcp_seconds),
        tcp_fin_seconds: either(from.tcp_fin_seconds, to.tcp_fin_seconds),
        udp_seconds: either(from.udp_seconds, to.udp_seconds),
    }
}

fn daemon(
    role: DaemonRole,
    from: Option<DaemonState>,
    to: Option<DaemonState>,
) -> Option<DaemonState> {
    match (from, to) {
        (_, None) => from,
        (_, Some(DaemonState::Stopped)) => to,
        (Some(DaemonState::Running(now)), Some(DaemonState::Running(wanted)))
            if suits(role, &now, &wanted) =>
        {
            from
        }
        (_, Some(DaemonState::Running(wanted))) => {
            Some(DaemonState::Running(as_reported(role, &wanted)))
        }
    }
}

/// True if a daemon that is reported as `now` has all settings that `wanted` names.
fn suits(role: DaemonRole, now: &DaemonConfig, wanted: &DaemonConfig) -> bool {
    let reported = as_reported(role, wanted);
    (now.interface, now.sync_id) == (reported.interface, reported.sync_id)
        && (wanted.max_length_bytes.is_none() || now.max_length_bytes == reported.max_length_bytes)
        && (wanted.group.is_none() || now.group == reported.group)
        && (wanted.port.is_none() || now.port == reported.port)
        && (wanted.ttl.is_none() || now.ttl == reported.ttl)
}

/// The configuration that a kernel reports for a daemon that was started with `config`.
pub(crate) fn as_reported(role: DaemonRole, config: &DaemonConfig) -> DaemonConfig {
    let kernel = MemoryKernel::new(1);
    let mut client = kernel.client();
    client.start_daemon(role, config).expect("a daemon that the kernel starts");
    client.daemons().expect("a list of daemons")[0].config
}

/// The state with each daemon's configuration as a kernel reports it.
pub(crate) fn with_daemons_as_reported(state: &State) -> State {
    let mut state = state.clone();
    for role in ROLES {
        if let Some(DaemonState::Running(config)) = state.daemon(role) {
            let reported = DaemonState::Running(as_reported(role, &config));
            state.set_daemon(role, Some(reported));
        }
    }
    state
}
