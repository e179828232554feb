//! Weights and thresholds: who gets new connections.

use super::{Check, Found};
use crate::doctor::facts::{Facts, Missing, Service};
use crate::output::findings::Severity;

pub(super) const CHECKS: &[Check] = &[
    Check::on_director("no-destination", Severity::Error, no_destination),
    Check::on_director("hash-refuses", Severity::Warning, hash_refuses),
    Check::on_director("weight-ignored", Severity::Info, weight_ignored),
];

/// The service's words for `-e` and the like.
fn words(service: &Service) -> String {
    super::words::service(&service.key)
}

fn no_destination(facts: &Facts, found: &mut Found<'_>) -> Result<(), Missing> {
    for service in &facts.ipvs()?.services {
        let words = words(service);
        let servers = &service.servers;
        let (seen, fix) = if servers.is_empty() {
            let seen = "it has no real server".to_owned();
            (seen, format!("# add one: ipvsadm -a {words} -r ADDRESS"))
        } else if servers.iter().all(|server| server.weight == 0) {
            let seen = format!("all of its real servers ({}) have weight 0", servers.len());
            (seen, format!("ipvsadm -e {words} -r {} -w 1 --keep", servers[0].key))
        } else if servers.iter().all(|server| server.weight == 0 || server.is_full()) {
            let seen = "every real server with a weight is at its upper threshold".to_owned();
            (seen, format!("ipvsadm -e {words} -r {} -x 0 -y 0 --keep", servers[0].key))
        } else {
            continue;
        };
        let cause = "no new connection can be scheduled, so clients are refused";
        found.add(seen, cause).of_service(service.key).fix(fix);
    }
    Ok(())
}

fn hash_refuses(facts: &Facts, found: &mut Found<'_>) -> Result<(), Missing> {
    for service in &facts.ipvs()?.services {
        let fallback = format!("{}-fallback", service.scheduler);
        let is_hash = matches!(service.scheduler.as_str(), "sh" | "mh");
        if !is_hash || service.flags.contains(&fallback) {
            continue;
        }
        // With none at all, that is what is wrong.
        if service.servers.iter().all(|server| server.weight == 0) {
            continue;
        }
        for server in service.servers.iter().filter(|server| server.weight == 0) {
            let flags: Vec<_> =
                service.flags.iter().map(String::as_str).chain([&*fallback]).collect();
            found
                .add(
                    format!("its weight is 0, and the service has no {fallback}"),
                    "the clients that the hash leads to this server are refused, not moved to another",
                )
                .of_service(service.key)
                .of_server(server.key)
                .fix(format!("ipvsadm -E {} -b {} --keep", words(service), flags.join(",")));
        }
    }
    Ok(())
}

fn weight_ignored(facts: &Facts, found: &mut Found<'_>) -> Result<(), Missing> {
    for service in &facts.ipvs()?.services {
        let weighted = match service.scheduler.as_str() {
            "rr" => "wrr",
            "lc" => "wlc",
            "dh" => "mh",
            _ => continue,
        };
        // Weight 0 is heeded by every scheduler.
        let mut weights: Vec<_> = service.servers.iter().map(|it| it.weight).collect();
        weights.retain(|weight| *weight > 0);
        weights.sort_unstable();
        weights.dedup();
        if let [least, .., most] = weights[..] {
            found
                .add(
                    format!("its servers have weights from {least} to {most}"),
                    format!(
                        "the scheduler {} gives each server the same share, whatever its weight",
                        service.scheduler
                    ),
                )
                .of_service(service.key)
                .fix(format!("ipvsadm -E {} -s {weighted} --keep", words(service)));
        }
    }
    Ok(())
}
