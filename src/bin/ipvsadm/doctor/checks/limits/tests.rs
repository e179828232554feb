use super::*;
use crate::doctor::checks::examine;
use crate::doctor::facts::{Connections, Ipvs, TableUse};

fn facts(total: u64, sysctls: &[(&str, &str)]) -> Facts {
    let sysctls =
        sysctls.iter().map(|(name, value)| (format!("net.ipv4.vs.{name}"), (*value).into()));
    Facts {
        ipvs: Some(Ipvs { table_size: 4096, ..Ipvs::default() }),
        connections: Some(Connections { total, ..Connections::default() }),
        sysctls: sysctls.collect(),
        ..Facts::default()
    }
}

/// What is found of this id: each one's severity and first line of the fix.
fn found(id: &str, facts: &Facts) -> Vec<(Severity, String)> {
    let findings = examine(facts).findings;
    let of_id = findings.into_iter().filter(|finding| finding.id == id);
    of_id.map(|finding| (finding.severity, finding.fix[0].clone())).collect()
}

#[test]
fn a_small_table_is_found() {
    assert_eq!(found("table-small", &facts(8192, &[])), []);
    let fix = "echo 'options ip_vs conn_tab_bits=20' > /etc/modprobe.d/ip_vs.conf".to_owned();
    assert_eq!(found("table-small", &facts(1_000_000, &[])), [(Severity::Warning, fix.clone())]);
    // One that can still grow.
    let mut growing = facts(1_000_000, &[]);
    let ipvs = growing.ipvs.as_mut().expect("it is known");
    ipvs.table_use = Some(TableUse { bits: 12, load_factor: 8, ..TableUse::default() });
    ipvs.table_most_bits = Some(20);
    let lower = "sysctl -w net.ipv4.vs.conn_lfactor=-4".to_owned();
    assert_eq!(found("table-small", &growing), [(Severity::Warning, lower)]);
    growing.ipvs.as_mut().expect("it is known").table_most_bits = Some(12);
    assert_eq!(found("table-small", &growing), [(Severity::Warning, fix)]);
    // Linux 7.1 has no table before the first connection.
    growing.ipvs.as_mut().expect("it is known").table_size = 0;
    assert_eq!(found("table-small", &growing), []);
}

#[test]
fn a_limit_that_is_near_is_found() {
    let limit = [("conn_max", "1000")];
    assert_eq!(found("conn-max", &facts(899, &limit)), []);
    assert_eq!(found("conn-max", &facts(900, &limit)).len(), 1);
    // An older kernel.
    assert_eq!(found("conn-max", &facts(900, &[])), []);
}

#[test]
fn a_defence_at_work_is_found() {
    let of = |value| [("drop_packet", value), ("drop_entry", "1"), ("secure_tcp", "0")];
    assert_eq!(found("defence-on", &facts(0, &of("1"))), []);
    let fix = "sysctl -w net.ipv4.vs.drop_packet=0".to_owned();
    assert_eq!(found("defence-on", &facts(0, &of("2"))), [(Severity::Error, fix)]);
    let entry = [("drop_packet", "0"), ("drop_entry", "3"), ("secure_tcp", "0")];
    assert_eq!(found("defence-on", &facts(0, &entry))[0].0, Severity::Warning);
    let unknown = examine(&facts(0, &[]));
    assert!(unknown.not_checked.iter().any(|it| it.id == "defence-on"));
}

#[test]
fn rates_that_are_off_are_found() {
    assert_eq!(
        found("rates-off", &facts(0, &[("run_estimation", "1"), ("est_cpulist", "0-3")])),
        []
    );
    assert_eq!(found("rates-off", &facts(0, &[])), []);
    let off = found("rates-off", &facts(0, &[("run_estimation", "0")]));
    assert_eq!(off[0].0, Severity::Info);
    assert_eq!(found("rates-off", &facts(0, &[("est_cpulist", "")])).len(), 1);
}
