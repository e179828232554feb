//! What a health checker may do to the table that its file describes, without anything being amiss.

use std::collections::BTreeMap;

use ipvs::{
    DaemonConfig, DaemonRole, DaemonState, DestinationConfig, DestinationKey, ServiceKey, State,
};

/// The freedom that a file leaves to its health checks. Rules and JSON leave none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct HealthChecks {
    pub(super) services: BTreeMap<ServiceKey, CheckedService>,
    /// The sync daemon, if its role follows that of a VRRP instance.
    pub(super) daemon: Option<DaemonConfig>,
}

/// A service of the file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct CheckedService {
    pub(super) servers: BTreeMap<DestinationKey, Freedom>,
    /// The server that takes over when none of the others is up.
    pub(super) fallback: Option<Fallback>,
}

/// What health checks may do to one real server.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Freedom {
    /// Remove it while it is down.
    pub(super) remove: bool,
    /// Set its weight to 0 while it is down.
    pub(super) quiesce: bool,
    /// Set its weight to whatever a check found.
    pub(super) weigh: bool,
}

/// A server that takes over when none of the others is up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Fallback {
    pub(super) key: DestinationKey,
    /// While it is needed.
    pub(super) config: DestinationConfig,
    /// It stays in the table with weight 0 while it is not needed.
    pub(super) may_stay: bool,
}

/// The state a file describes, with what health checks have made of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Checked {
    pub(crate) state: State,
    /// The real servers that are down, and so not in the table or without weight.
    pub(crate) down: usize,
    /// The real servers whose weight a check has set.
    pub(crate) weighed: usize,
    /// The servers that have taken over.
    pub(crate) fallbacks: usize,
}

impl Checked {
    /// The number of servers that are not as the file describes them because of health checks.
    pub(crate) fn left_to_health_checks(&self) -> usize {
        self.down + self.weighed + self.fallbacks
    }
}

impl HealthChecks {
    /// What the file describes, given that health checks may have led to the kernel's state.
    pub(crate) fn allow(&self, described: &State, kernel: &State) -> Checked {
        let mut checked = Checked { state: described.clone(), down: 0, weighed: 0, fallbacks: 0 };
        for (key, service) in &self.services {
            service.allow(key, kernel, &mut checked);
        }
        if let Some(config) = self.daemon {
            for role in [DaemonRole::Master, DaemonRole::Backup] {
                // Only VRRP knows which of the two should run.
                if let Some(DaemonState::Running(_)) = kernel.daemon(role) {
                    checked.state.set_daemon(role, Some(DaemonState::Running(config)));
                }
            }
        }
        checked
    }
}

impl CheckedService {
    fn allow(&self, key: &ServiceKey, kernel: &State, checked: &mut Checked) {
        // A service that is missing has not been removed by a health check.
        let Some(now) = kernel.table.service(key) else { return };
        let Some(config) = checked.state.table.service(key).map(|entry| *entry.config()) else {
            return;
        };
        let wanted = checked.state.table.insert(*key, config);
        let is_up = |server: &DestinationKey| {
            now.destination(server).is_some_and(|config| config.weight > 0)
        };
        let is_any_up = self.servers.keys().any(is_up);
        let fallback = self.fallback.filter(|it| !self.servers.contains_key(&it.key));
        let has_fallen_back = !is_any_up && fallback.is_some_and(|it| is_up(&it.key));
        for (server, freedom) in &self.servers {
            let Some(described) = wanted.destination(server).copied() else { continue };
            match now.destination(server) {
                // Once too few servers are up, the fallback replaces them all.
                None if freedom.remove || has_fallen_back => {
                    wanted.remove(server);
                    checked.down += 1;
                }
                Some(now) if now.weight == 0 && described.weight != 0 && freedom.quiesce => {
                    wanted.insert(*server, DestinationConfig { weight: 0, ..described });
                    checked.down += 1;
                }
                Some(now) if now.weight != described.weight && freedom.weigh => {
                    wanted.insert(*server, DestinationConfig { weight: now.weight, ..described });
                    checked.weighed += 1;
                }
                _ => {}
            }
        }
        let Some(fallback) = fallback else { return };
        match now.destination(&fallback.key) {
            Some(_) if has_fallen_back => {
                wanted.insert(fallback.key, fallback.config);
                checked.fallbacks += 1;
            }
            Some(now) if now.weight == 0 && fallback.may_stay => {
                wanted.insert(fallback.key, DestinationConfig { weight: 0, ..fallback.config });
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use ipvs::{Forwarding, ServiceConfig, Table};

    use super::*;

    const SERVICE: &str = "TCP 192.0.2.1:80";

    fn state(servers: &[(&str, u32)]) -> State {
        let mut table = Table::new();
        let entry = table.insert(SERVICE.parse().unwrap(), ServiceConfig::default());
        for (server, weight) in servers {
            entry.insert(server.parse().unwrap(), config(*weight));
        }
        State::from(table)
    }

    fn config(weight: u32) -> DestinationConfig {
        DestinationConfig { forwarding: Forwarding::Masquerade, weight, ..Default::default() }
    }

    /// Two servers with weight 3, and a fallback.
    fn checks(freedom: Freedom, may_stay: bool) -> HealthChecks {
        let servers = ["10.0.0.1:80", "10.0.0.2:80"].map(|key| (key.parse().unwrap(), freedom));
        let key = "10.0.0.9:80".parse().unwrap();
        let fallback = Some(Fallback { key, config: config(1), may_stay });
        let service = CheckedService { servers: servers.into(), fallback };
        HealthChecks { services: [(SERVICE.parse().unwrap(), service)].into(), daemon: None }
    }

    /// True if the state is what health checks may have made of the file, with what they have done.
    fn fits(checks: &HealthChecks, kernel: &State) -> Option<(usize, usize, usize)> {
        let described = state(&[("10.0.0.1:80", 3), ("10.0.0.2:80", 3)]);
        let checked = checks.allow(&described, kernel);
        (checked.state == *kernel).then_some((checked.down, checked.weighed, checked.fallbacks))
    }

    const NONE: Freedom = Freedom { remove: false, quiesce: false, weigh: false };
    const REMOVE: Freedom = Freedom { remove: true, ..NONE };
    const QUIESCE: Freedom = Freedom { quiesce: true, ..NONE };
    const WEIGH: Freedom = Freedom { weigh: true, ..NONE };

    #[test]
    fn a_server_that_is_down_is_out_as_its_checker_puts_it_out() {
        let (removed, quiesced) =
            (state(&[("10.0.0.2:80", 3)]), state(&[("10.0.0.1:80", 0), ("10.0.0.2:80", 3)]));
        for (freedom, kernel, want) in [
            (NONE, &removed, None),
            (NONE, &quiesced, None),
            (REMOVE, &removed, Some((1, 0, 0))),
            (REMOVE, &quiesced, None),
            (QUIESCE, &removed, None),
            (QUIESCE, &quiesced, Some((1, 0, 0))),
            (WEIGH, &quiesced, Some((0, 1, 0))),
        ] {
            assert_eq!(fits(&checks(freedom, false), kernel), want, "{freedom:?}");
        }
    }

    #[test]
    fn only_a_check_that_weighs_sets_another_weight() {
        let kernel = state(&[("10.0.0.1:80", 5), ("10.0.0.2:80", 3)]);
        assert_eq!(fits(&checks(REMOVE, false), &kernel), None);
        assert_eq!(fits(&checks(QUIESCE, false), &kernel), None);
        assert_eq!(fits(&checks(WEIGH, false), &kernel), Some((0, 1, 0)));
    }

    #[test]
    fn a_fallback_replaces_servers_and_does_not_join_them() {
        let alone = state(&[("10.0.0.9:80", 1)]);
        let beside = state(&[("10.0.0.1:80", 3), ("10.0.0.2:80", 3), ("10.0.0.9:80", 1)]);
        let quiet = state(&[("10.0.0.1:80", 3), ("10.0.0.2:80", 3), ("10.0.0.9:80", 0)]);
        let quiesced = state(&[("10.0.0.1:80", 0), ("10.0.0.2:80", 0), ("10.0.0.9:80", 1)]);
        assert_eq!(fits(&checks(NONE, false), &alone), Some((2, 0, 1)));
        assert_eq!(fits(&checks(NONE, false), &beside), None);
        assert_eq!(fits(&checks(NONE, false), &quiet), None);
        assert_eq!(fits(&checks(NONE, true), &quiet), Some((0, 0, 0)));
        assert_eq!(fits(&checks(QUIESCE, false), &quiesced), Some((2, 0, 1)));
        // Its own settings count, too.
        let heavy = state(&[("10.0.0.9:80", 7)]);
        assert_eq!(fits(&checks(NONE, false), &heavy), None);
    }

    #[test]
    fn what_a_health_check_never_does_is_a_difference() {
        let checks = checks(Freedom { remove: true, quiesce: true, weigh: true }, true);
        assert_eq!(fits(&checks, &State::default()), None);
        let another = state(&[("10.0.0.1:80", 3), ("10.0.0.2:80", 3), ("10.0.0.3:80", 3)]);
        assert_eq!(fits(&checks, &another), None);
        let mut direct = state(&[("10.0.0.1:80", 3)]);
        let entry = direct.table.insert(SERVICE.parse().unwrap(), ServiceConfig::default());
        entry.insert(
            "10.0.0.2:80".parse().unwrap(),
            DestinationConfig { weight: 3, ..Default::default() },
        );
        assert_eq!(fits(&checks, &direct), None);
    }

    #[test]
    fn vrrp_decides_which_sync_daemon_runs() {
        let config =
            |id| DaemonConfig { sync_id: id, ..DaemonConfig::new("eth0".parse().unwrap()) };
        let checks = HealthChecks { daemon: Some(config(5)), ..HealthChecks::default() };
        let mut kernel = State::default();
        kernel.backup = Some(DaemonState::Running(config(7)));
        let checked = checks.allow(&State::default(), &kernel);
        assert_eq!(checked.state.backup, Some(DaemonState::Running(config(5))));
        assert_eq!(checked.state.master, None);
    }
}
