//! What is only a symptom is not told where its cause is known.

use std::collections::HashSet;

use crate::output::findings::Finding;

/// Symptoms: that packets do not come back.
const SYMPTOMS: [&str; 3] = ["nat-no-replies", "nat-client-beside-server", "half-open"];

/// What leads to them.
const CAUSES: [&str; 15] = [
    "ip-forward-off",
    "vip-not-local",
    "nat-hairpin",
    "dr-behind-gateway",
    "neighbour-failed",
    "port-ignored",
    "conntrack-off",
    "conntrack-notrack",
    "conntrack-full",
    "conn-max",
    "defence-on",
    "sync-both-ways",
    "firewall-drops",
    "arp-answered-by-server",
    "server-refuses",
];

/// Removes symptoms of a service or a server for which a cause was found. A cause that is about the
/// whole host goes for all.
pub(super) fn remove_explained(findings: &mut Vec<Finding>) {
    let causes = findings.iter().filter(|finding| CAUSES.contains(&finding.id));
    let causes: HashSet<_> = causes.map(|it| (it.service, it.destination)).collect();
    if causes.is_empty() {
        return;
    }
    findings.retain(|it| {
        !SYMPTOMS.contains(&it.id)
            || ![(None, None), (it.service, None), (it.service, it.destination)]
                .iter()
                .any(|subject| causes.contains(subject))
    });
}

#[cfg(test)]
mod tests {
    use ipvs::ServiceKey;

    use super::*;
    use crate::output::findings::Severity;

    fn finding(id: &'static str, service: Option<ServiceKey>) -> Finding {
        let (seen, cause) = (String::new(), String::new());
        Finding {
            id,
            severity: Severity::Error,
            service,
            destination: None,
            seen,
            cause,
            fix: vec![],
        }
    }

    #[test]
    fn a_symptom_goes_where_its_cause_is_known() {
        let [one, other] = [80, 81].map(|port| Some(ServiceKey::tcp(([192, 0, 2, 1], port))));
        let ids = |mut findings: Vec<Finding>| {
            remove_explained(&mut findings);
            findings.iter().map(|it| it.id).collect::<Vec<_>>()
        };
        let symptom = finding("nat-no-replies", one);
        assert_eq!(ids(vec![symptom.clone(), finding("firewall-drops", one)]), ["firewall-drops"]);
        assert_eq!(ids(vec![symptom.clone(), finding("ip-forward-off", None)]), ["ip-forward-off"]);
        assert_eq!(ids(vec![symptom.clone(), finding("firewall-drops", other)]).len(), 2);
        assert_eq!(ids(vec![symptom, finding("weight-ignored", one)]).len(), 2);
    }
}
