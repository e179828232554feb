//! The kernel's modules, and other programs.

use super::words::service;
use super::{Check, Found};
use crate::doctor::facts::{Facts, Missing};
use crate::output::findings::Severity;

pub(super) const CHECKS: &[Check] = &[
    Check::on_director("no-module", Severity::Error, no_module),
    Check::on_director("scheduler-missing", Severity::Error, scheduler_missing),
    Check::on_director("other-manager", Severity::Info, other_manager),
];

fn no_module(facts: &Facts, found: &mut Found<'_>) -> Result<(), Missing> {
    let host = &facts.host;
    if facts.ipvs.is_some() {
        return Ok(());
    }
    // The kernel refused for another reason, such as a lack of permission.
    if host.has_ipvs {
        return facts.ipvs().map(|_| ());
    }
    let cause = "the kernel has no IPVS, and every command of ipvsadm fails";
    let release = &host.release;
    if host.has_module == Some(false) {
        found
            .add(format!("the module ip_vs is not installed for the kernel {release}"), cause)
            .fix(format!(
                "# install the package with the rest of this kernel's modules, such as \
                 linux-modules-extra-{release} (Ubuntu) or kernel-modules-extra-{release}, or a \
                 kernel with CONFIG_IP_VS"
            ))
            .fix("# then: modprobe ip_vs");
    } else if host.in_container {
        found
            .add(format!("the module ip_vs is not loaded into the kernel {release}, and this is a container"), cause)
            .fix("# on the container's host, as a container cannot load modules: modprobe ip_vs");
    } else {
        found
            .add(format!("the module ip_vs is not loaded into the kernel {release}"), cause)
            .fix("modprobe ip_vs");
    }
    Ok(())
}

fn scheduler_missing(facts: &Facts, found: &mut Found<'_>) -> Result<(), Missing> {
    for it in facts.ipvs()?.services.iter().filter(|it| it.scheduler == "none") {
        let finding = found.add(
            "the service has no scheduler",
            "no new connection can be scheduled, so clients are refused",
        );
        finding.of_service(it.key);
        if facts.host.in_container {
            finding.fix("# a container cannot load modules; on its host: modprobe ip_vs_wlc");
        } else {
            finding.fix("modprobe ip_vs_wlc");
        }
        finding.fix(format!("ipvsadm -E {} -s wlc --keep", service(&it.key)));
        finding.fix("# or use another scheduler NAME; its module is ip_vs_NAME");
    }
    Ok(())
}

fn other_manager(facts: &Facts, found: &mut Found<'_>) -> Result<(), Missing> {
    facts.ipvs()?;
    for name in &facts.host.managers {
        let (file, reload) = match name.as_str() {
            "keepalived" => ("/etc/keepalived/keepalived.conf", "systemctl reload keepalived"),
            "ldirectord" => ("/etc/ha.d/ldirectord.cf", "systemctl reload ldirectord"),
            // Its table is IPVS in one of its modes only, in which it has this interface.
            "kube-proxy" => match facts.network()?.link("kube-ipvs0") {
                Some(_) => ("the services of Kubernetes", "kubectl get services -A"),
                None => continue,
            },
            _ => ("the services of Kubernetes", "kubectl get services -A"),
        };
        found
            .add(
                format!("{name} runs here"),
                "if it manages this table, it overwrites changes made by hand",
            )
            .fix(format!("# change {file} instead, and then: {reload}"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use ipvs::ServiceKey;

    use super::*;
    use crate::doctor::checks::examine;
    use crate::doctor::facts::{Host, Ipvs, Service};

    fn ids(facts: &Facts) -> Vec<&'static str> {
        let ours = |id: &&str| CHECKS.iter().any(|check| check.id == *id);
        examine(facts).findings.iter().map(|it| it.id).filter(ours).collect()
    }

    fn without_ipvs(host: Host) -> Facts {
        Facts { host, ..Facts::default() }
    }

    #[test]
    fn a_kernel_without_ipvs_needs_its_module() {
        assert_eq!(ids(&without_ipvs(Host::default())), ["no-module"]);
        let container = Host { in_container: true, ..Host::default() };
        let report = examine(&without_ipvs(container));
        assert!(report.findings[0].fix[0].starts_with("# on the container's host"), "{report:?}");
        let bare = Host { has_module: Some(false), ..Host::default() };
        let report = examine(&without_ipvs(bare));
        assert!(report.findings[0].fix[0].starts_with("# install"), "{report:?}");
        // It is there, and this user may not use it.
        let report = examine(&without_ipvs(Host { has_ipvs: true, ..Host::default() }));
        assert!(report.findings.is_empty(), "{report:?}");
        assert!(report.not_checked.iter().any(|it| it.id == "no-module"), "{report:?}");
        assert!(ids(&Facts { ipvs: Some(Ipvs::default()), ..Facts::default() }).is_empty());
    }

    #[test]
    fn a_service_needs_a_scheduler() {
        let with = |scheduler: &str| {
            let key = ServiceKey::tcp((Ipv4Addr::new(192, 0, 2, 1), 80));
            let text = serde_json::json!({ "key": key.to_string(), "scheduler": scheduler });
            let service: Service = serde_json::from_value(text).expect("a service");
            let ipvs = Ipvs { services: vec![service], ..Ipvs::default() };
            Facts { ipvs: Some(ipvs), ..Facts::default() }
        };
        assert_eq!(ids(&with("none")), ["scheduler-missing"]);
        assert!(ids(&with("rr")).is_empty());
    }

    #[test]
    fn another_manager_is_named() {
        let with = |managers: &[&str]| Facts {
            ipvs: Some(Ipvs::default()),
            network: Some(Default::default()),
            host: Host {
                managers: managers.iter().map(|&it| it.to_owned()).collect(),
                ..Host::default()
            },
            ..Facts::default()
        };
        assert_eq!(ids(&with(&["keepalived"])), ["other-manager"]);
        // In its other modes it has no table of IPVS.
        assert!(ids(&with(&["kube-proxy"])).is_empty());
        assert!(ids(&with(&[])).is_empty());
    }
}
