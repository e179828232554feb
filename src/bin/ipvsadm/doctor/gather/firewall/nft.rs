//! The output of `nft -j list ruleset`, as libnftables-json(5) describes it.

mod expression;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde_json::Value as Json;

use self::expression::Sets;
use crate::doctor::facts::firewall::{Base, Chain, Hook, Packets, Rule, Tool};

/// All rules.
#[derive(Debug, Default)]
pub(in crate::doctor) struct Ruleset {
    pub(in crate::doctor) chains: Vec<Chain>,
    /// Tables with rules that nft has no words for: whether they are for IPv6, and their names.
    pub(in crate::doctor) foreign: BTreeSet<(bool, String)>,
    /// True if there are rules about ARP.
    pub(in crate::doctor) has_arp: bool,
}

/// Reads it. `text` is the same for people, with handles.
pub(in crate::doctor) fn parse(json: &str, text: &str) -> Result<Ruleset, String> {
    let document: Json = serde_json::from_str(json).map_err(|error| error.to_string())?;
    let objects = document["nftables"].as_array().ok_or("no list of objects")?;
    let texts = texts(text);
    let mut ruleset = Ruleset::default();
    let mut sets = Sets::default();
    // By family, table and name.
    let mut places: HashMap<(String, String, String), usize> = HashMap::new();
    // Chains and sets may stand behind the rules that use them.
    for object in objects {
        if let Some(set) = object.get("set").or(object.get("map")) {
            sets.insert(set);
        } else if let Some(chain) = object.get("chain") {
            let Some(family) = family(chain) else { continue };
            let key = (word(chain, "family"), word(chain, "table"), word(chain, "name"));
            places.insert(key, ruleset.chains.len());
            ruleset.chains.push(Chain {
                tool: Tool::Nft,
                family,
                table: word(chain, "table"),
                name: word(chain, "name"),
                base: base(chain),
                rules: vec![],
            });
        }
    }
    for rule in objects.iter().filter_map(|object| object.get("rule")) {
        let key = (word(rule, "family"), word(rule, "table"), word(rule, "chain"));
        ruleset.has_arp |= key.0 == "arp";
        let Some(chain) = places.get(&key).and_then(|at| ruleset.chains.get_mut(*at)) else {
            continue;
        };
        let expressions = rule["expr"].as_array().map(Vec::as_slice).unwrap_or_default();
        if expressions.iter().any(|it| it.get("xt").is_some()) {
            ruleset.foreign.insert((chain.family == Packets::Ip6, chain.table.clone()));
        }
        let steps = sets.of_table(&key.0, &key.1).steps(expressions);
        let (family, table, name) = key;
        let handle = rule["handle"].as_u64();
        let text = texts.get(&(family, table, name, handle.unwrap_or(0)));
        let text = text.cloned().unwrap_or_else(|| rule["expr"].to_string());
        chain.rules.push(Rule { text, handle, steps });
    }
    Ok(ruleset)
}

fn word(object: &Json, name: &str) -> String {
    object[name].as_str().unwrap_or_default().to_owned()
}

fn family(object: &Json) -> Option<Packets> {
    match object["family"].as_str()? {
        "ip" => Some(Packets::Ip),
        "ip6" => Some(Packets::Ip6),
        "inet" => Some(Packets::Inet),
        _ => None,
    }
}

fn base(chain: &Json) -> Option<Base> {
    let hook = match chain["hook"].as_str()? {
        "prerouting" => Hook::Prerouting,
        "input" => Hook::Input,
        "forward" => Hook::Forward,
        "output" => Hook::Output,
        "postrouting" => Hook::Postrouting,
        _ => return None,
    };
    Some(Base {
        hook,
        priority: chain["prio"].as_i64().and_then(|it| it.try_into().ok()).unwrap_or(0),
        is_nat: chain["type"] == "nat",
        drops: chain["policy"] == "drop",
    })
}

/// The text of each rule by family, table, chain and handle, of lines such as
/// `tcp dport 80 accept # handle 7`.
fn texts(text: &str) -> BTreeMap<(String, String, String, u64), String> {
    let mut texts = BTreeMap::new();
    let (mut family, mut table, mut chain) = (String::new(), String::new(), String::new());
    for line in text.lines() {
        let Some((rule, handle)) = line.trim().rsplit_once(" # handle ") else {
            continue;
        };
        let words: Vec<&str> = rule.split(' ').collect();
        match words[..] {
            ["table", kind, name, "{"] => (family, table) = (kind.to_owned(), name.to_owned()),
            ["chain" | "set" | "map", name, "{"] => chain = name.to_owned(),
            _ => {
                let Ok(handle) = handle.trim().parse() else { continue };
                texts.insert(
                    (family.clone(), table.clone(), chain.clone(), handle),
                    rule.to_owned(),
                );
            }
        }
    }
    texts
}

#[cfg(test)]
mod tests;
