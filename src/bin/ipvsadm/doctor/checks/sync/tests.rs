use serde_json::{Value, json};

use crate::doctor::checks::examine;
use crate::doctor::facts::Facts;

/// The ids about the daemons found, each with the first line of its fix, on a director of 192.0.2.1 with
/// one daemon and a service of two servers, itself and 192.0.2.2; with what `change` changes.
fn found(role: &str, change: impl FnOnce(&mut Value)) -> Vec<(&'static str, String)> {
    let mut facts = json!({
        "ipvs": {
            "services": [{
                "key": "TCP 192.0.2.100:80", "scheduler": "rr",
                "counters": {"connections": 20, "incoming_packets": 100},
                "servers": [
                    {"key": "192.0.2.1:80", "method": "direct", "weight": 1},
                    {"key": "192.0.2.2:80", "method": "direct", "weight": 1},
                ],
            }],
            "daemons": [{"role": role, "interface": "eth0", "sync_id": 0}],
        },
        "network": {
            "links": [{"index": 2, "name": "eth0", "up": true, "carrier": true}],
            "addresses": [{"address": "192.0.2.1", "prefix": 24, "interface": "eth0"}],
        },
        "sysctls": {
            "net.ipv4.vs.backup_only": "1", "net.ipv4.vs.sync_threshold": "3\t50",
        },
    });
    change(&mut facts);
    let facts: Facts = serde_json::from_value(facts).expect("facts");
    let findings = examine(&facts).findings.into_iter();
    let of_sync = findings.filter(|finding| finding.id.starts_with("sync-"));
    of_sync.map(|finding| (finding.id, finding.fix[0].clone())).collect()
}

#[test]
fn daemons_that_work_are_silent() {
    for role in ["master", "backup"] {
        assert_eq!(found(role, |_| ()), [], "{role}");
    }
}

#[test]
fn a_backup_that_balances_again_is_found() {
    let off = |facts: &mut Value| facts["sysctls"]["net.ipv4.vs.backup_only"] = json!("0");
    let fix = "sysctl -w net.ipv4.vs.backup_only=1".to_owned();
    assert_eq!(found("backup", off), [("sync-both-ways", fix)]);
    assert_eq!(found("master", off), []);
    // Not with a master daemon beside it, nor where no server is a director, nor with masquerading.
    let both = |facts: &mut Value| {
        off(facts);
        let master = json!({"role": "master", "interface": "eth0", "sync_id": 0});
        facts["ipvs"]["daemons"].as_array_mut().expect("a list").push(master);
    };
    assert_eq!(found("backup", both), []);
    let apart = |facts: &mut Value| {
        off(facts);
        facts["ipvs"]["services"][0]["servers"].as_array_mut().expect("a list").remove(0);
    };
    assert_eq!(found("backup", apart), []);
    let masqueraded = |facts: &mut Value| {
        off(facts);
        facts["ipvs"]["services"][0]["servers"][1]["method"] = json!("masquerade");
    };
    assert_eq!(found("backup", masqueraded), []);
}

#[test]
fn an_interface_that_carries_nothing_is_found() {
    let down = |facts: &mut Value| facts["network"]["links"][0]["up"] = json!(false);
    let unplugged = |facts: &mut Value| facts["network"]["links"][0]["carrier"] = json!(false);
    let gone = |facts: &mut Value| facts["network"]["links"] = json!([]);
    for role in ["master", "backup"] {
        let fix = "ip link set eth0 up".to_owned();
        assert_eq!(found(role, down), [("sync-broken", fix)]);
        for change in [unplugged as fn(&mut Value), gone] {
            let found = found(role, change);
            let [("sync-broken", fix)] = &found[..] else { panic!("{found:?}") };
            assert!(fix.starts_with("# "), "{fix}");
        }
    }
}

#[test]
fn connections_below_the_threshold_are_found() {
    let short = |facts: &mut Value| {
        facts["ipvs"]["services"][0]["counters"]["incoming_packets"] = json!(59);
    };
    let fix = "# if that matters: sysctl -w net.ipv4.vs.sync_threshold='1 50'".to_owned();
    assert_eq!(found("master", short), [("sync-threshold", fix)]);
    assert_eq!(found("backup", short), []);
    let few = |facts: &mut Value| {
        short(facts);
        facts["ipvs"]["services"][0]["counters"]["connections"] = json!(19);
    };
    assert_eq!(found("master", few), []);
}
