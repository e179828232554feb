//! What a rule of nftables asks and does.

use std::cell::Cell;
use std::collections::HashMap;

use serde_json::Value as Json;

use crate::doctor::facts::firewall::{
    Field, Match, Step, Value, Verdict, protocol_named, state, tcp_flag,
};

/// The most elements of one set, and of all the sets of all rules, that are kept.
const MOST_ELEMENTS: usize = 4096;
const MOST_OF_ALL: usize = 200_000;

/// The sets and maps that have a name, by family, table and name.
#[derive(Default)]
pub(super) struct Sets<'j> {
    named: HashMap<(&'j str, &'j str, &'j str), &'j Json>,
    /// Elements that rules have taken.
    taken: Cell<usize>,
}

impl<'j> Sets<'j> {
    pub(super) fn insert(&mut self, set: &'j Json) {
        // Elements that packets add or that end by themselves may be others soon.
        let flags = set["flags"].as_array().map(Vec::as_slice).unwrap_or_default();
        if flags.iter().any(|flag| flag == "dynamic" || flag == "timeout") {
            return;
        }
        if let [Some(family), Some(table), Some(name)] =
            ["family", "table", "name"].map(|it| set[it].as_str())
        {
            self.named.insert((family, table, name), &set["elem"]);
        }
    }

    pub(super) fn of_table<'s>(&'s self, family: &'s str, table: &'s str) -> Reader<'s, 'j> {
        Reader { sets: self, family, table }
    }
}

/// Reads the rules of a table.
pub(super) struct Reader<'s, 'j> {
    sets: &'s Sets<'j>,
    family: &'s str,
    table: &'s str,
}

/// What is compared: fields, bits of the field, and what the packet must be to have them.
struct Left {
    fields: Vec<Field>,
    mask: Option<u32>,
    implied: Vec<Step>,
}

impl Left {
    fn field(field: Field) -> Self {
        Left { fields: vec![field], mask: None, implied: vec![] }
    }

    fn implying(mut self, field: Field, value: u32) -> Self {
        self.implied.push(is(field, Value::number(value)));
        self
    }
}

fn is(field: Field, value: Value) -> Step {
    Step::If(Match { fields: vec![field], mask: None, is_negated: false, among: vec![vec![value]] })
}

impl Reader<'_, '_> {
    pub(super) fn steps(&self, expressions: &[Json]) -> Vec<Step> {
        let mut steps = Vec::new();
        for expression in expressions {
            let Some((name, value)) = expression.as_object().and_then(|it| it.iter().next()) else {
                continue;
            };
            self.step(name, value, &mut steps);
        }
        steps
    }

    fn step(&self, name: &str, value: &Json, steps: &mut Vec<Step>) {
        let verdict = match name {
            "match" => {
                return self.question(value, steps).unwrap_or_else(|| steps.push(Step::Perhaps));
            }
            "vmap" => match self.choice(value, steps) {
                Some(()) => return,
                None => {
                    steps.push(Step::Perhaps);
                    Verdict::Unknown
                }
            },
            "mangle" => {
                if value["key"]["meta"]["key"] == "mark" {
                    steps.push(marking(&value["value"]));
                }
                return;
            }
            "counter" | "log" | "set" | "map" | "ct helper" | "ct timeout" | "ct expectation"
            | "flow" | "dup" | "tunnel" | "secmark" | "continue" => return,
            "limit" | "quota" | "ct count" | "meter" => return steps.push(Step::Perhaps),
            "notrack" => return steps.push(Step::Untrack),
            "masquerade" | "snat" => {
                steps.push(Step::SourceNat);
                Verdict::Accept
            }
            "xt" => {
                match (value["type"].as_str(), value["name"].as_str()) {
                    (_, Some("comment" | "LOG" | "NFLOG" | "TCPMSS" | "CHECKSUM")) => return,
                    (Some("match"), _) => return steps.push(Step::Perhaps),
                    (_, Some("MARK")) => return steps.push(Step::Mark { value: None, mask: !0 }),
                    _ => steps.extend([Step::Mark { value: None, mask: !0 }, Step::Perhaps]),
                }
                Verdict::Unknown
            }
            _ => match verdict(name, value) {
                Some(verdict) => verdict,
                None => {
                    steps.extend([Step::Mark { value: None, mask: !0 }, Step::Perhaps]);
                    Verdict::Unknown
                }
            },
        };
        steps.push(Step::Verdict(verdict));
    }

    /// `None`: it is not understood.
    fn question(&self, it: &Json, steps: &mut Vec<Step>) -> Option<()> {
        let mut left = left(&it["left"])?;
        steps.append(&mut left.implied);
        let (op, right) = (it["op"].as_str()?, &it["right"]);
        let mut is_negated = op == "!=";
        let mut among = match (op, &left.fields[..]) {
            ("==" | "!=" | "in", [Field::Flags]) => {
                let bits = flags(right)?;
                match (op, left.mask) {
                    // Any of them.
                    ("in", None) => {
                        (left.mask, is_negated) = (Some(bits), true);
                        vec![vec![Value::number(0)]]
                    }
                    ("in", Some(_)) => return None,
                    _ => vec![vec![Value::number(bits)]],
                }
            }
            ("==" | "!=" | "in", fields) => self.elements(right, fields)?,
            (
                "<" | ">" | "<=" | ">=",
                [Field::SourcePort | Field::DestinationPort | Field::Mark],
            ) => {
                let number = u32::try_from(right.as_u64()?).ok()?;
                let range = match op {
                    "<" => Value::Numbers(0, number.checked_sub(1)?),
                    "<=" => Value::Numbers(0, number),
                    ">" => Value::Numbers(number.checked_add(1)?, u32::MAX),
                    _ => Value::Numbers(number, u32::MAX),
                };
                vec![vec![range]]
            }
            _ => return None,
        };
        among.shrink_to_fit();
        steps.push(Step::If(Match { fields: left.fields, mask: left.mask, is_negated, among }));
        Some(())
    }

    fn choice(&self, it: &Json, steps: &mut Vec<Step>) -> Option<()> {
        let mut left = left(&it["key"])?;
        steps.append(&mut left.implied);
        let arms = self.list(&it["data"])?;
        self.take(arms.len())?;
        let arms = arms.iter().map(|arm| {
            let key = element(arm.get(0)?, &left.fields)?;
            let (name, value) = arm.get(1)?.as_object()?.iter().next()?;
            Some((key, verdict(name, value)?))
        });
        let arms = arms.collect::<Option<_>>()?;
        if left.mask.is_some() {
            return None;
        }
        steps.push(Step::Choose { fields: left.fields, arms });
        Some(())
    }

    /// The elements of what is on the right of an operator.
    fn elements(&self, right: &Json, fields: &[Field]) -> Option<Vec<Vec<Value>>> {
        let list = self.list(right)?;
        self.take(list.len())?;
        list.iter().map(|it| element(it, fields)).collect()
    }

    /// The elements of a set, or the value alone.
    fn list<'v>(&'v self, value: &'v Json) -> Option<&'v [Json]> {
        if let Some(name) = value.as_str().and_then(|text| text.strip_prefix('@')) {
            let found: &Json = self.sets.named.get(&(self.family, self.table, name))?;
            return Some(found.as_array().map(Vec::as_slice).unwrap_or_default());
        }
        let set = value.get("set").or(value.get("|")).unwrap_or(value);
        Some(set.as_array().map_or(std::slice::from_ref(set), Vec::as_slice))
    }

    /// `None`: there are too many.
    fn take(&self, count: usize) -> Option<()> {
        let taken = self.sets.taken.get() + count;
        let fits = count <= MOST_ELEMENTS && taken <= MOST_OF_ALL;
        fits.then(|| self.sets.taken.set(taken))
    }
}

fn verdict(name: &str, value: &Json) -> Option<Verdict> {
    let target = || value["target"].as_str().map(str::to_owned);
    Some(match name {
        "accept" => Verdict::Accept,
        "drop" | "reject" => Verdict::Drop,
        "return" => Verdict::Return,
        "jump" => Verdict::Jump(target()?),
        "goto" => Verdict::Goto(target()?),
        "queue" | "dnat" | "redirect" => Verdict::Unknown,
        _ => return None,
    })
}

/// A mark that is set.
fn marking(value: &Json) -> Step {
    let unknown = Step::Mark { value: None, mask: !0 };
    let is_mark = |it: &Json| it["meta"]["key"] == "mark";
    let number = |it: &Json| it.as_u64().and_then(|it| u32::try_from(it).ok());
    let two = |it: &Json, op: &str| {
        let pair = it[op].as_array()?;
        Some((pair.first()?.clone(), number(pair.get(1)?)?))
    };
    if let Some(value) = number(value) {
        return Step::Mark { value: Some(value), mask: !0 };
    }
    if let Some((of, keep)) = two(value, "&") {
        return if is_mark(&of) { Step::Mark { value: Some(0), mask: !keep } } else { unknown };
    }
    let Some((of, bits)) = two(value, "|").or_else(|| two(value, "^")) else {
        return unknown;
    };
    match two(&of, "&") {
        // Also with `^`, where the bits are 0 before.
        Some((of, keep)) if is_mark(&of) && (bits & keep == 0 || value.get("|").is_some()) => {
            Step::Mark { value: Some(bits), mask: !keep | bits }
        }
        None if is_mark(&of) && value.get("|").is_some() => {
            Step::Mark { value: Some(bits), mask: bits }
        }
        _ => unknown,
    }
}

/// `None`: it is not understood.
fn left(it: &Json) -> Option<Left> {
    if let Some(parts) = it["concat"].as_array() {
        let mut all = Left { fields: vec![], mask: None, implied: vec![] };
        for part in parts.iter().map(left) {
            let part = part?;
            if part.mask.is_some() {
                return None;
            }
            all.fields.extend(part.fields);
            all.implied.extend(part.implied);
        }
        return Some(all);
    }
    if let Some(pair) = it["&"].as_array() {
        let mut of = left(pair.first()?)?;
        let bits = pair.get(1)?;
        of.mask = Some(match of.fields[..] {
            [Field::Flags] => flags(bits)?,
            [Field::Mark] => u32::try_from(bits.as_u64()?).ok()?,
            _ => return None,
        });
        return Some(of);
    }
    if it["ct"]["key"] == "state" {
        return Some(Left::field(Field::State));
    }
    if it["fib"]["result"] == "type" {
        let flags = it["fib"]["flags"].as_array()?;
        return (flags == &["daddr"]).then(|| Left::field(Field::DestinationType));
    }
    if let Some(key) = it["meta"]["key"].as_str() {
        return Some(Left::field(match key {
            "mark" => Field::Mark,
            "iifname" | "iif" => Field::Incoming,
            "oifname" | "oif" => Field::Outgoing,
            "l4proto" => Field::Protocol,
            "nfproto" | "protocol" => Field::Version,
            _ => return None,
        }));
    }
    let [protocol, field] = ["protocol", "field"].map(|key| it["payload"][key].as_str());
    let (protocol, field) = (protocol?, field?);
    let left = Left::field(match (protocol, field) {
        ("ip" | "ip6", "saddr") => Field::Source,
        ("ip" | "ip6", "daddr") => Field::Destination,
        ("ip", "protocol") | ("ip6", "nexthdr") => Field::Protocol,
        ("tcp" | "udp" | "sctp" | "th" | "udplite" | "dccp", "sport") => Field::SourcePort,
        ("tcp" | "udp" | "sctp" | "th" | "udplite" | "dccp", "dport") => Field::DestinationPort,
        ("tcp", "flags") => Field::Flags,
        _ => return None,
    });
    Some(match protocol {
        "ip" => left.implying(Field::Version, 4),
        "ip6" => left.implying(Field::Version, 6),
        "th" => left,
        _ => left.implying(Field::Protocol, protocol_named(protocol)?),
    })
}

fn flags(it: &Json) -> Option<u32> {
    match it {
        Json::String(name) => tcp_flag::named(name),
        Json::Number(number) => number.as_u64()?.try_into().ok(),
        Json::Array(all) => all.iter().try_fold(0, |bits, flag| Some(bits | flags(flag)?)),
        Json::Object(object) => flags(object.get("|")?),
        _ => None,
    }
}

/// An element of a set, with a value for each field.
fn element(it: &Json, fields: &[Field]) -> Option<Vec<Value>> {
    if let Some(of) = it.get("elem") {
        return element(of.get("val")?, fields);
    }
    match (it["concat"].as_array(), fields) {
        (Some(parts), _) if parts.len() == fields.len() => {
            parts.iter().zip(fields).map(|(part, field)| value(part, *field)).collect()
        }
        (None, [field]) => Some(vec![value(it, *field)?]),
        _ => None,
    }
}

fn value(it: &Json, field: Field) -> Option<Value> {
    if let Some(range) = it["range"].as_array() {
        let ends = [value(range.first()?, field)?, value(range.get(1)?, field)?];
        return match ends {
            [Value::Numbers(first, _), Value::Numbers(_, last)] => {
                Some(Value::Numbers(first, last))
            }
            [Value::Addresses(first, _), Value::Addresses(_, last)] => {
                Some(Value::Addresses(first, last))
            }
            _ => None,
        };
    }
    if let Some(prefix) = it.get("prefix") {
        let address = prefix["addr"].as_str()?.parse().ok()?;
        return Some(Value::network(address, prefix["len"].as_u64()?.try_into().ok()?));
    }
    let number = it.as_u64().and_then(|it| u32::try_from(it).ok());
    match field {
        Field::Source | Field::Destination => {
            let address = it.as_str()?.parse().ok()?;
            Some(Value::Addresses(address, address))
        }
        Field::Incoming | Field::Outgoing | Field::DestinationType => {
            Some(Value::Name(it.as_str()?.to_owned()))
        }
        Field::State => Some(Value::number(state::named(it.as_str()?)?)),
        Field::Protocol => match it.as_str() {
            Some(name) => protocol_named(name).map(Value::number),
            None => number.map(Value::number),
        },
        Field::Version => match it.as_str()? {
            "ipv4" | "ip" => Some(Value::number(4)),
            "ipv6" | "ip6" => Some(Value::number(6)),
            _ => None,
        },
        Field::SourcePort | Field::DestinationPort | Field::Mark | Field::Flags => {
            number.map(Value::number)
        }
    }
}
