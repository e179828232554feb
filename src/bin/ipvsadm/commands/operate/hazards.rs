//! Where draining would hurt clients, or never end, and what to do about it.
//!
//! The facts are those of the kernel's `ip_vs_in` (net/netfilter/ipvs/ip_vs_core.c), its
//! `ip_vs_check_template` (ip_vs_conn.c) and its schedulers, and have been tried on Linux 6.1 and 7.2.

use ipvs::rules::grammar::{DrainOptions, Then};
use ipvs::{Client, Protocol, ServiceKey, Setting, SettingValue};

use super::spelling::{Named, Spelling};
use crate::kernel::servers::Found;
use crate::process::failure::Failure;

/// The settings that matter. `None` for one that the kernel does not have.
#[derive(Debug, Clone, Copy)]
struct Settings {
    expire_quiescent_template: Option<SettingValue>,
    conn_reuse_mode: Option<SettingValue>,
}

const OFF: Option<SettingValue> = Some(SettingValue::Number(0));

/// Everything that speaks against draining these servers, each with its remedy. A server whose
/// weight is 0 already cannot be hurt any more.
pub(super) fn hazards(
    client: &mut Client,
    found: &[Found],
    options: &DrainOptions,
    spelling: &Spelling<'_>,
) -> Result<Vec<String>, Failure> {
    let settings = Settings {
        expire_quiescent_template: client.setting(Setting::EXPIRE_QUIESCENT_TEMPLATE)?,
        conn_reuse_mode: client.setting(Setting::CONN_REUSE_MODE)?,
    };
    let mut reasons: Vec<String> =
        found.iter().flat_map(|found| of_service(found, options, &settings, spelling)).collect();
    // A setting concerns all services alike.
    reasons.dedup();
    Ok(reasons)
}

fn of_service(
    found: &Found,
    options: &DrainOptions,
    settings: &Settings,
    spelling: &Spelling<'_>,
) -> Vec<String> {
    let key = found.service.key;
    let config = &found.service.config;
    let Some(server) = found.chosen().find(|server| server.config.weight > 0) else {
        return Vec::new();
    };
    let name = Named(key, server.key);
    let mut reasons = Vec::new();
    if !found.others().any(|other| other.config.weight > 0) {
        let remedy = match found.others().next() {
            Some(other) => {
                let line = spelling.on("-e", &key, &other.key, "-w 1 --keep");
                format!("give another one a weight first: {line}")
            }
            None => "add another one first (ipvsadm -a)".to_owned(),
        };
        reasons.push(format!(
            "{name}: the last server of this service that has a weight; new clients would be \
             refused: {remedy}; or drain it all the same: --force"
        ));
    }
    let scheduler = config.scheduler.as_str();
    let has_fallback =
        config.scheduler_flags.names(scheduler).any(|flag| flag.ends_with("-fallback"));
    match scheduler {
        "sh" | "mh" if !has_fallback => {
            let flags: Vec<_> = config
                .scheduler_flags
                .names(scheduler)
                .chain([if scheduler == "sh" { "sh-fallback" } else { "mh-fallback" }])
                .collect();
            let flags = format!("--keep -b {}", flags.join(","));
            reasons.push(format!(
                "{name}: without {scheduler}-fallback, the scheduler {scheduler} refuses clients of \
                 a server of weight 0 instead of moving them: {}; or drain it all the same: --force",
                spelling.on_service("-E", &key, &flags)
            ));
        }
        "dh" => reasons.push(format!(
            "{name}: the scheduler dh refuses clients of a server of weight 0 instead of moving \
             them: choose another scheduler, such as {}; or drain it all the same: --force",
            spelling.on_service("-E", &key, "--keep -s wlc")
        )),
        _ => {}
    }
    let ends_by_force = options.then == Then::Kick && options.timeout_seconds.is_some();
    if config.persistence.is_some() && settings.expire_quiescent_template == OFF && !ends_by_force {
        reasons.push(format!(
            "{name}: with persistence and expire_quiescent_template=0, the clients bound to it keep \
             coming: {}; or end what is left after some time: --timeout SECONDS --then kick; or \
             drain it all the same: --force",
            spelling.rule("--settings expire_quiescent_template=1")
        ));
    }
    let is_udp = matches!(key, ServiceKey::Address { protocol: Protocol::Udp, .. });
    if !is_udp && settings.conn_reuse_mode == OFF {
        reasons.push(format!(
            "{name}: with conn_reuse_mode=0, a client that uses a port again stays on the server: \
             {}; or drain it all the same: --force",
            spelling.rule("--settings conn_reuse_mode=1")
        ));
    }
    reasons
}

#[cfg(test)]
mod tests {
    use ipvs::rules::grammar::Target;
    use ipvs::{
        AddressFamily, Destination, DestinationConfig, DestinationKey, Persistence, SchedulerFlags,
        Service, ServiceConfig,
    };

    use super::*;

    const GOOD: Settings = Settings {
        expire_quiescent_template: Some(SettingValue::Number(1)),
        conn_reuse_mode: Some(SettingValue::Number(1)),
    };

    fn key(port: u16) -> DestinationKey {
        DestinationKey::from(([10, 0, 0, 1], port))
    }

    /// A service with servers of these weights, of which the first is chosen.
    fn found(service: &str, config: ServiceConfig, weights: &[u32]) -> Found {
        let server = |(port, weight): (usize, &u32)| {
            let config = DestinationConfig { weight: *weight, ..DestinationConfig::default() };
            Destination::new(key(port as u16 + 1), config)
        };
        Found {
            service: Service::new(service.parse().expect("a key"), config),
            servers: weights.iter().enumerate().map(server).collect(),
            chosen: vec![key(1)],
        }
    }

    fn options() -> DrainOptions {
        let service = "TCP 192.0.2.1:80".parse().expect("a key");
        DrainOptions::of(Target::In(service, key(1)))
    }

    fn reasons(found: &Found, options: &DrainOptions, settings: &Settings) -> Vec<String> {
        of_service(found, options, settings, &Spelling::new(None))
    }

    fn scheduler(name: &str, scheduler_flags: SchedulerFlags) -> ServiceConfig {
        ServiceConfig { scheduler_flags, ..ServiceConfig::new(name.parse().expect("a name")) }
    }

    #[test]
    fn only_the_last_server_with_a_weight_is_missed() {
        let wlc = ServiceConfig::default();
        for (weights, harmful) in [
            (&[3, 1][..], false),
            (&[3], true),
            (&[3, 0], true),
            (&[0], false),
            (&[0, 0], false),
            (&[3, 0, 7], false),
        ] {
            let reasons = reasons(&found("TCP 192.0.2.1:80", wlc, weights), &options(), &GOOD);
            assert_eq!(!reasons.is_empty(), harmful, "{weights:?}: {reasons:?}");
        }
        let reasons = reasons(&found("TCP 192.0.2.1:80", wlc, &[3, 0]), &options(), &GOOD);
        let remedy = "ipvsadm -e -t 192.0.2.1:80 -r 10.0.0.1:2 -w 1 --keep";
        assert!(reasons[0].contains(remedy), "{reasons:?}");
    }

    #[test]
    fn schedulers_that_refuse_clients_are_named_with_the_remedy() {
        for (config, remedy) in [
            (scheduler("sh", SchedulerFlags::NONE), Some("--keep -b sh-fallback;")),
            (scheduler("sh", SchedulerFlags::FLAG_2), Some("--keep -b sh-port,sh-fallback;")),
            (scheduler("mh", SchedulerFlags::NONE), Some("--keep -b mh-fallback;")),
            (scheduler("dh", SchedulerFlags::NONE), Some("--keep -s wlc;")),
            (scheduler("sh", SchedulerFlags::FLAG_1), None),
            (scheduler("mh", SchedulerFlags::FLAG_1 | SchedulerFlags::FLAG_2), None),
            (scheduler("wrr", SchedulerFlags::NONE), None),
        ] {
            let reasons = reasons(&found("FWM 7 IPv6", config, &[3, 1]), &options(), &GOOD);
            match remedy {
                Some(remedy) => {
                    let line = format!("ipvsadm -E -f 7 -6 {remedy}");
                    assert!(reasons.len() == 1 && reasons[0].contains(&line), "{reasons:?}");
                }
                None => assert!(reasons.is_empty(), "{reasons:?}"),
            }
        }
    }

    #[test]
    fn settings_matter_where_they_keep_clients_coming() {
        let persistent = ServiceConfig {
            persistence: Some(Persistence::new(AddressFamily::V4, 60)),
            ..ServiceConfig::default()
        };
        let plain = ServiceConfig::default();
        let template = Settings { expire_quiescent_template: OFF, ..GOOD };
        let reuse = Settings { conn_reuse_mode: OFF, ..GOOD };
        let old = Settings { expire_quiescent_template: None, conn_reuse_mode: None };
        let kick = DrainOptions { then: Then::Kick, ..options() };
        let bounded = DrainOptions { timeout_seconds: Some(9), ..kick };
        for (service, config, options, settings, count) in [
            ("TCP 192.0.2.1:80", persistent, options(), template, 1),
            ("TCP 192.0.2.1:80", persistent, kick, template, 1),
            ("TCP 192.0.2.1:80", persistent, bounded, template, 0),
            ("TCP 192.0.2.1:80", persistent, options(), GOOD, 0),
            ("TCP 192.0.2.1:80", plain, options(), template, 0),
            ("TCP 192.0.2.1:80", plain, options(), reuse, 1),
            ("FWM 7", plain, options(), reuse, 1),
            ("UDP 192.0.2.1:53", plain, options(), reuse, 0),
            ("TCP 192.0.2.1:80", persistent, options(), old, 0),
        ] {
            let reasons = reasons(&found(service, config, &[3, 1]), &options, &settings);
            assert_eq!(reasons.len(), count, "{service} {settings:?}: {reasons:?}");
        }
    }
}
