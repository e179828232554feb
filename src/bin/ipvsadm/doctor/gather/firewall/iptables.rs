//! The output of `iptables-save`.

use std::net::IpAddr;

use crate::doctor::facts::firewall::{
    Base, Chain, Field, Hook, Match, Packets, Rule, Step, Tool, Value, Verdict, protocol_named,
    state, tcp_flag,
};

pub(in crate::doctor) fn parse(text: &str, family: Packets, tool: Tool) -> Vec<Chain> {
    let mut chains: Vec<Chain> = Vec::new();
    let mut table = String::new();
    // Where the chains of the table begin.
    let mut first = 0;
    for line in text.lines() {
        if let Some(name) = line.strip_prefix('*') {
            table = name.trim().to_owned();
            first = chains.len();
        } else if let Some(chain) = line.strip_prefix(':') {
            let mut words = chain.split_ascii_whitespace();
            let name = words.next().unwrap_or_default().to_owned();
            let drops = words.next() == Some("DROP");
            let base = hook(&name).map(|hook| Base {
                hook,
                priority: priority(&table, hook),
                is_nat: table == "nat",
                drops,
            });
            chains.push(Chain { tool, family, table: table.clone(), name, base, rules: vec![] });
        } else if let Some(rule) = line.strip_prefix("-A ") {
            let words = words(rule);
            let Some((name, words)) = words.split_first() else {
                continue;
            };
            let chains = &mut chains[first..];
            let is_chain = |name: &str| chains.iter().any(|chain| chain.name == name);
            let steps = Reader { words, at: 0, steps: vec![] }.read(&is_chain);
            if let Some(chain) = chains.iter_mut().find(|chain| chain.name == *name) {
                chain.rules.push(Rule { text: line.to_owned(), handle: None, steps });
            }
        }
    }
    chains
}

fn hook(name: &str) -> Option<Hook> {
    Some(match name {
        "PREROUTING" => Hook::Prerouting,
        "INPUT" => Hook::Input,
        "FORWARD" => Hook::Forward,
        "OUTPUT" => Hook::Output,
        "POSTROUTING" => Hook::Postrouting,
        _ => return None,
    })
}

/// As `enum nf_ip_hook_priorities` has it.
fn priority(table: &str, hook: Hook) -> i32 {
    match (table, hook) {
        ("raw", _) => -300,
        ("mangle", _) => -150,
        ("nat", Hook::Prerouting | Hook::Output) => -100,
        ("nat", _) => 100,
        ("security", _) => 50,
        _ => 0,
    }
}

/// The words of a line, of which one may be in quotes.
fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = String::new();
    let (mut quoted, mut begun) = (false, false);
    let mut chars = line.chars();
    while let Some(c) = chars.next() {
        match c {
            '"' => (quoted, begun) = (!quoted, true),
            '\\' if quoted => word.extend(chars.next()),
            ' ' if !quoted => {
                if begun {
                    words.push(std::mem::take(&mut word));
                }
                begun = false;
            }
            _ => {
                word.push(c);
                begun = true;
            }
        }
    }
    if begun {
        words.push(word);
    }
    words
}

/// The modules of iptables-extensions(8) that ask nothing but what their options say.
const MODULES: [&str; 12] = [
    "tcp",
    "udp",
    "sctp",
    "dccp",
    "udplite",
    "multiport",
    "mark",
    "conntrack",
    "state",
    "comment",
    "addrtype",
    "iprange",
];

struct Reader<'w> {
    words: &'w [String],
    at: usize,
    steps: Vec<Step>,
}

impl<'w> Reader<'w> {
    fn read(mut self, is_chain: &dyn Fn(&str) -> bool) -> Vec<Step> {
        let mut is_negated = false;
        let mut module = "";
        while let Some(option) = self.next() {
            match option {
                "!" => {
                    is_negated = true;
                    continue;
                }
                "-j" | "-g" => {
                    self.target(option == "-g", is_chain);
                    break;
                }
                "-m" => {
                    module = self.next().unwrap_or_default();
                    // Others ask something, some of them without an option.
                    if !MODULES.contains(&module) {
                        self.steps.push(Step::Perhaps);
                    }
                }
                "--comment" => drop(self.next()),
                "--mark" if module != "mark" => self.skip_values(),
                "--tcp-flags" => {
                    let [mask, flags] = [self.next(), self.next()].map(|it| it.map(flags));
                    let values = flags.flatten().map(|it| vec![Value::number(it)]);
                    self.question(Field::Flags, mask.flatten(), is_negated, values);
                }
                "--mark" | "-p" | "-s" | "-d" | "-i" | "-o" | "--sport" | "--dport"
                | "--sports" | "--dports" | "--ctstate" | "--state" | "--dst-type"
                | "--src-range" | "--dst-range" => {
                    let value = self.next().unwrap_or_default();
                    self.simple(option, value, is_negated);
                }
                _ => {
                    self.steps.push(Step::Perhaps);
                    self.skip_values();
                }
            }
            is_negated = false;
        }
        self.steps
    }

    fn next(&mut self) -> Option<&'w str> {
        let word = self.words.get(self.at)?;
        self.at += 1;
        Some(word)
    }

    /// Passes over the values of an option that is not known.
    fn skip_values(&mut self) {
        while self.words.get(self.at).is_some_and(|it| !it.starts_with('-') && it != "!") {
            self.at += 1;
        }
    }

    /// Adds a question. Without values, it is not understood.
    fn question(
        &mut self,
        field: Field,
        mask: Option<u32>,
        is_negated: bool,
        values: Option<Vec<Value>>,
    ) {
        self.steps.push(match values {
            Some(values) => {
                let among = values.into_iter().map(|value| vec![value]).collect();
                Step::If(Match { fields: vec![field], mask, is_negated, among })
            }
            None => Step::Perhaps,
        });
    }

    fn simple(&mut self, option: &str, value: &str, is_negated: bool) {
        let one = |value: Option<Value>| value.map(|value| vec![value]);
        let mut mask = None;
        let (field, values) = match option {
            "-p" if value == "all" => return,
            "-p" => (Field::Protocol, one(protocol_named(value).map(Value::number))),
            "-s" => (Field::Source, one(network(value))),
            "-d" => (Field::Destination, one(network(value))),
            "-i" => (Field::Incoming, one(Some(interface(value)))),
            "-o" => (Field::Outgoing, one(Some(interface(value)))),
            "--sport" | "--sports" => (Field::SourcePort, ports(value)),
            "--dport" | "--dports" => (Field::DestinationPort, ports(value)),
            "--ctstate" | "--state" => {
                let states = value.split(',').map(|it| state::named(it).map(Value::number));
                (Field::State, states.collect())
            }
            "--mark" => {
                let (mark, bits) = masked(value);
                mask = bits;
                (Field::Mark, one(mark.map(Value::number)))
            }
            "--dst-type" => {
                let kinds = value.split(',').map(|it| Value::Name(it.to_ascii_lowercase()));
                (Field::DestinationType, Some(kinds.collect()))
            }
            "--src-range" => (Field::Source, one(addresses(value))),
            _ => (Field::Destination, one(addresses(value))),
        };
        self.question(field, mask, is_negated, values);
    }

    fn target(&mut self, is_goto: bool, is_chain: &dyn Fn(&str) -> bool) {
        let name = self.next().unwrap_or_default();
        let options = &self.words[self.at..];
        let option = |wanted: &str| {
            let at = options.iter().position(|it| it == wanted)?;
            Some(options.get(at + 1).map_or("", String::as_str))
        };
        let mark = |value, mask| Step::Mark { value, mask };
        let verdict = match name {
            _ if is_chain(name) && is_goto => Verdict::Goto(name.to_owned()),
            _ if is_chain(name) => Verdict::Jump(name.to_owned()),
            "ACCEPT" => Verdict::Accept,
            "DROP" | "REJECT" => Verdict::Drop,
            "RETURN" => Verdict::Return,
            "MASQUERADE" | "SNAT" => {
                self.steps.push(Step::SourceNat);
                Verdict::Accept
            }
            "NOTRACK" => return self.steps.push(Step::Untrack),
            "CT" => {
                if option("--notrack").is_some() {
                    self.steps.push(Step::Untrack);
                }
                return;
            }
            "MARK" => {
                // Bits beyond the mask are inverted.
                let set = option("--set-xmark").map(masked);
                return self.steps.push(match set {
                    Some((Some(value), bits)) if value & !bits.unwrap_or(!0) == 0 => {
                        mark(Some(value), bits.unwrap_or(!0))
                    }
                    _ => mark(None, !0),
                });
            }
            "CONNMARK" => {
                if option("--restore-mark").is_some() {
                    self.steps.push(mark(None, !0));
                }
                return;
            }
            "LOG" | "NFLOG" | "ULOG" | "TRACE" | "TCPMSS" | "CHECKSUM" | "SET" | "CLASSIFY"
            | "DSCP" | "TOS" | "TEE" | "AUDIT" | "CONNSECMARK" | "SECMARK" | "HL" | "TTL"
            | "TCPOPTSTRIP" | "" => return,
            _ => {
                self.steps.push(mark(None, !0));
                Verdict::Unknown
            }
        };
        self.steps.push(Step::Verdict(verdict));
    }
}

fn interface(name: &str) -> Value {
    Value::Name(match name.strip_suffix('+') {
        Some(start) => format!("{start}*"),
        None => name.to_owned(),
    })
}

fn number(text: &str) -> Option<u32> {
    match text.strip_prefix("0x") {
        Some(digits) => u32::from_str_radix(digits, 16).ok(),
        None => text.parse().ok(),
    }
}

/// `0x3/0xff`
fn masked(text: &str) -> (Option<u32>, Option<u32>) {
    match text.split_once('/') {
        Some((value, mask)) => match number(mask) {
            Some(mask) => (number(value), Some(mask)),
            None => (None, None),
        },
        None => (number(text), None),
    }
}

/// `10.0.0.0/8`. The mask of an address may have holes.
fn network(text: &str) -> Option<Value> {
    let (address, prefix) = text.split_once('/').unwrap_or((text, ""));
    let address: IpAddr = address.parse().ok()?;
    let most = if address.is_ipv6() { 128 } else { 32 };
    let prefix = if prefix.is_empty() { most } else { prefix.parse().ok()? };
    Some(Value::network(address, prefix))
}

/// `10.0.0.1-10.0.0.9`
fn addresses(text: &str) -> Option<Value> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    Some(Value::Addresses(first.parse().ok()?, last.parse().ok()?))
}

/// `80,8000:8080`
fn ports(text: &str) -> Option<Vec<Value>> {
    let range = |text: &str| {
        let (first, last) = text.split_once(':').unwrap_or((text, text));
        Some(Value::Numbers(first.parse().ok()?, last.parse().ok()?))
    };
    text.split(',').map(range).collect()
}

/// `SYN,ACK`
fn flags(text: &str) -> Option<u32> {
    text.split(',').map(tcp_flag::named).try_fold(0, |all, flag| Some(all | flag?))
}

#[cfg(test)]
mod tests;
