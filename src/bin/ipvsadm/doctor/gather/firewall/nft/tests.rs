use super::*;
use crate::doctor::facts::firewall::{Field, Match, Step, Value, Verdict};

/// A rule, as `nft -j list ruleset` of nftables 1.0.6 prints it, in a table that has sets.
fn steps(expressions: &str) -> Vec<Step> {
    let ruleset = ruleset(expressions);
    ruleset.chains[0].rules[0].steps.clone()
}

fn ruleset(expressions: &str) -> Ruleset {
    let json = format!(
        r#"{{"nftables": [
        {{"metainfo": {{"version": "1.0.6", "json_schema_version": 1}}}},
        {{"table": {{"family": "inet", "name": "filter", "handle": 1}}}},
        {{"set": {{"family": "inet", "name": "ports", "table": "filter", "type": "inet_service",
            "handle": 4, "flags": ["interval"], "elem": [22, {{"range": [80, 90]}}]}}}},
        {{"set": {{"family": "inet", "name": "seen", "table": "filter", "type": "ipv4_addr",
            "handle": 5, "flags": ["dynamic"], "elem": ["10.0.0.1"]}}}},
        {{"set": {{"family": "inet", "name": "svc", "table": "filter",
            "type": ["ipv4_addr", "inet_service"], "handle": 6,
            "elem": [{{"concat": ["192.0.2.1", 80]}}]}}}},
        {{"map": {{"family": "inet", "name": "m", "table": "filter", "type": "inet_service",
            "handle": 7, "map": "verdict", "elem": [[80, {{"accept": null}}], [81, {{"drop": null}}]]}}}},
        {{"chain": {{"family": "inet", "table": "filter", "name": "input", "handle": 2,
            "type": "filter", "hook": "input", "prio": 0, "policy": "drop"}}}},
        {{"rule": {{"family": "inet", "table": "filter", "chain": "input", "handle": 22,
            "expr": [{expressions}]}}}}]}}"#
    );
    let text = "table inet filter { # handle 1\n\
                \tset ports { # handle 4\n\t}\n\
                \tchain input { # handle 2\n\
                \t\ttype filter hook input priority filter; policy drop;\n\
                \t\ttcp dport @ports accept # handle 22\n\t}\n}\n";
    parse(&json, text).expect("a ruleset")
}

fn is(field: Field, values: &[Value]) -> Step {
    let among = values.iter().map(|value| vec![value.clone()]).collect();
    Step::If(Match { fields: vec![field], mask: None, is_negated: false, among })
}

const DPORT: &str = r#"{"payload": {"protocol": "tcp", "field": "dport"}}"#;

#[test]
fn a_rule_is_read_with_its_sets_and_its_text() {
    let ruleset = ruleset(&format!(
        r#"{{"match": {{"op": "==", "left": {DPORT}, "right": "@ports"}}}}, {{"accept": null}}"#
    ));
    let [chain] = &ruleset.chains[..] else { panic!("{ruleset:?}") };
    let base = Base { hook: Hook::Input, priority: 0, is_nat: false, drops: true };
    assert_eq!((chain.family, chain.base), (Packets::Inet, Some(base)));
    let [rule] = &chain.rules[..] else { panic!("{chain:?}") };
    assert_eq!((&*rule.text, rule.handle), ("tcp dport @ports accept", Some(22)));
    assert_eq!(
        rule.steps,
        [
            // A port of TCP is none of UDP.
            is(Field::Protocol, &[Value::number(6)]),
            is(Field::DestinationPort, &[Value::number(22), Value::Numbers(80, 90)]),
            Step::Verdict(Verdict::Accept),
        ]
    );
}

#[test]
fn a_map_chooses_a_verdict() {
    let arm = |port, verdict| (vec![Value::number(port)], verdict);
    let choice = Step::Choose {
        fields: vec![Field::DestinationPort],
        arms: vec![arm(80, Verdict::Accept), arm(81, Verdict::Drop)],
    };
    let steps = steps(&format!(r#"{{"vmap": {{"key": {DPORT}, "data": "@m"}}}}"#));
    assert_eq!(steps, [is(Field::Protocol, &[Value::number(6)]), choice]);
}

#[test]
fn more_than_one_field_can_be_compared() {
    let steps = steps(&format!(
        r#"{{"match": {{"op": "==", "left": {{"concat": [
            {{"payload": {{"protocol": "ip", "field": "daddr"}}}}, {DPORT}]}}, "right": "@svc"}}}}"#
    ));
    let address = "192.0.2.1".parse().expect("an address");
    let both = Match {
        fields: vec![Field::Destination, Field::DestinationPort],
        mask: None,
        is_negated: false,
        among: vec![vec![Value::Addresses(address, address), Value::number(80)]],
    };
    assert_eq!(steps.last(), Some(&Step::If(both)));
}

#[test]
fn flags_and_marks_have_masks() {
    let masked = |field, mask, value| {
        let among = vec![vec![Value::number(value)]];
        Step::If(Match { fields: vec![field], mask: Some(mask), is_negated: false, among })
    };
    let syn = r#"{"match": {"op": "==", "left": {"&": [
        {"payload": {"protocol": "tcp", "field": "flags"}}, ["syn", "ack"]]}, "right": "syn"}}"#;
    assert_eq!(steps(syn)[1], masked(Field::Flags, 18, 2));
    let mark =
        r#"{"match": {"op": "==", "left": {"&": [{"meta": {"key": "mark"}}, 255]}, "right": 7}}"#;
    assert_eq!(steps(mark), [masked(Field::Mark, 255, 7)]);
    let set = |value: &str| {
        let text =
            format!(r#"{{"mangle": {{"key": {{"meta": {{"key": "mark"}}}}, "value": {value}}}}}"#);
        steps(&text)
    };
    assert_eq!(set("7"), [Step::Mark { value: Some(7), mask: !0 }]);
    assert_eq!(
        set(r#"{"|": [{"meta": {"key": "mark"}}, 7]}"#),
        [Step::Mark { value: Some(7), mask: 7 }]
    );
    assert_eq!(set(r#"{"ct": {"key": "mark"}}"#), [Step::Mark { value: None, mask: !0 }]);
}

#[test]
fn what_is_not_known_may_be_anything() {
    let perhaps = [Step::Perhaps, Step::Verdict(Verdict::Drop)];
    for question in [
        // It may have others soon.
        r#"{"match": {"op": "==", "left": {"payload": {"protocol": "ip", "field": "saddr"}},
            "right": "@seen"}}"#,
        r#"{"match": {"op": "==", "left": {"ct": {"key": "mark"}}, "right": 1}}"#,
        r#"{"limit": {"rate": 5, "burst": 5, "per": "second"}}"#,
        r#"{"xt": {"type": "match", "name": "multiport"}}"#,
    ] {
        let steps = steps(&format!(r#"{question}, {{"counter": null}}, {{"drop": null}}"#));
        assert!(steps.ends_with(&perhaps), "{question}: {steps:?}");
    }
}

#[test]
fn a_table_that_only_iptables_can_tell_is_named() {
    let rules = ruleset(r#"{"xt": {"type": "target", "name": "MARK"}}"#);
    assert_eq!(rules.foreign, [(false, "filter".to_owned())].into());
    assert!(ruleset(r#"{"accept": null}"#).foreign.is_empty());
}
