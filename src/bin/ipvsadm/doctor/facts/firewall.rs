//! The rules of the firewall, in one form for nftables and iptables.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

/// What `nft -j list ruleset` and `iptables-save` say.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Firewall {
    pub(crate) chains: Vec<Chain>,
    /// Why there may be other rules, which could not be listed: words that follow a colon.
    pub(crate) hidden: Option<String>,
    /// What has rules about ARP, such as `nftables`.
    pub(crate) arp: Option<String>,
}

/// A chain of rules.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Chain {
    pub(crate) tool: Tool,
    pub(crate) family: Packets,
    pub(crate) table: String,
    pub(crate) name: String,
    /// `None`: only other chains lead to it.
    #[serde(default)]
    pub(crate) base: Option<Base>,
    #[serde(default)]
    pub(crate) rules: Vec<Rule>,
}

/// What lists a chain, and changes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Tool {
    Nft,
    /// Also where its rules are those of nftables.
    Iptables,
    IptablesLegacy,
}

/// The packets that a table is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Packets {
    Ip,
    Ip6,
    /// Both.
    Inet,
}

impl Packets {
    pub(crate) fn include(self, is_ipv6: bool) -> bool {
        match self {
            Packets::Ip => !is_ipv6,
            Packets::Ip6 => is_ipv6,
            Packets::Inet => true,
        }
    }
}

/// Where packets come into a chain, and what happens to those that reach its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Base {
    pub(crate) hook: Hook,
    pub(crate) priority: i32,
    /// True if it decides about addresses and ports, for the first packet of a connection.
    #[serde(default)]
    pub(crate) is_nat: bool,
    /// The policy.
    #[serde(default)]
    pub(crate) drops: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Hook {
    Prerouting,
    Input,
    Forward,
    Output,
    Postrouting,
}

/// A rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Rule {
    /// As its tool prints it.
    pub(crate) text: String,
    /// What nft calls it.
    #[serde(default)]
    pub(crate) handle: Option<u64>,
    /// What it asks and does, in order. A rule ends at the first question whose answer is no.
    pub(crate) steps: Vec<Step>,
}

/// What a rule asks or does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Step {
    If(Match),
    /// A question, or a limit, that is not understood: it may hold or not.
    Perhaps,
    /// Sets these bits of the mark, and leaves the others. `value: None`: to something.
    Mark {
        #[serde(default)]
        value: Option<u32>,
        mask: u32,
    },
    /// The packet is kept from connection tracking.
    Untrack,
    /// It gets another source address.
    SourceNat,
    /// The verdict that the fields have in a map, if any.
    Choose {
        fields: Vec<Field>,
        arms: Vec<(Vec<Value>, Verdict)>,
    },
    Verdict(Verdict),
}

/// What becomes of a packet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Verdict {
    Accept,
    /// Also with an answer to the sender.
    Drop,
    Return,
    Jump(String),
    Goto(String),
    /// Something else, such as a program in user space, has it.
    Unknown,
}

/// A question about a packet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Match {
    /// More than one are compared together.
    pub(crate) fields: Vec<Field>,
    /// Bits of the field that are compared. `None`: all.
    #[serde(default)]
    pub(crate) mask: Option<u32>,
    #[serde(default)]
    pub(crate) is_negated: bool,
    /// Any of these, each with a value for each field.
    pub(crate) among: Vec<Vec<Value>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Field {
    /// 4 or 6.
    Version,
    /// The number of the transport protocol.
    Protocol,
    Source,
    Destination,
    SourcePort,
    DestinationPort,
    /// The flags of TCP, as in its header.
    Flags,
    /// As bits of [`state`].
    State,
    Mark,
    Incoming,
    Outgoing,
    /// The kind of the destination: `local`, `unicast`, ….
    DestinationType,
}

/// One value, or a range.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub(crate) enum Value {
    Numbers(u32, u32),
    Addresses(IpAddr, IpAddr),
    /// Of an interface, where a star at the end stands for anything, or of a type.
    Name(String),
}

impl Value {
    pub(crate) fn number(number: u32) -> Self {
        Value::Numbers(number, number)
    }

    /// A network, such as `10.0.0.0/8`.
    pub(crate) fn network(address: IpAddr, prefix: u32) -> Self {
        match address {
            IpAddr::V4(address) => {
                let host = u32::MAX.checked_shr(prefix).unwrap_or(0);
                let bits = address.to_bits();
                Value::Addresses(
                    IpAddr::V4((bits & !host).into()),
                    IpAddr::V4((bits | host).into()),
                )
            }
            IpAddr::V6(address) => {
                let host = u128::MAX.checked_shr(prefix).unwrap_or(0);
                let bits = address.to_bits();
                Value::Addresses(
                    IpAddr::V6((bits & !host).into()),
                    IpAddr::V6((bits | host).into()),
                )
            }
        }
    }
}

/// States of a packet's connection, as bits.
pub(crate) mod state {
    pub(crate) const INVALID: u32 = 1;
    pub(crate) const ESTABLISHED: u32 = 2;
    pub(crate) const RELATED: u32 = 4;
    pub(crate) const NEW: u32 = 8;
    pub(crate) const UNTRACKED: u32 = 64;

    /// By its name, in any case.
    pub(crate) fn named(name: &str) -> Option<u32> {
        Some(match name.to_ascii_lowercase().as_str() {
            "invalid" => INVALID,
            "established" => ESTABLISHED,
            "related" => RELATED,
            "new" => NEW,
            "untracked" => UNTRACKED,
            _ => return None,
        })
    }
}

/// Flags of TCP, as bits.
pub(crate) mod tcp_flag {
    pub(crate) const SYN: u32 = 2;
    pub(crate) const ACK: u32 = 16;

    /// By its name, in any case.
    pub(crate) fn named(name: &str) -> Option<u32> {
        Some(match name.to_ascii_lowercase().as_str() {
            "fin" => 1,
            "syn" => SYN,
            "rst" => 4,
            "psh" => 8,
            "ack" => ACK,
            "urg" => 32,
            "ecn" | "ece" => 64,
            "cwr" => 128,
            "all" => 63,
            "none" => 0,
            _ => return None,
        })
    }
}

/// The number of a transport protocol by its name.
pub(crate) fn protocol_named(name: &str) -> Option<u32> {
    Some(match name {
        "icmp" => 1,
        "ipencap" | "ipip" | "ipv4" => 4,
        "tcp" => 6,
        "udp" => 17,
        "ipv6" => 41,
        "gre" => 47,
        "esp" => 50,
        "ah" => 51,
        "icmpv6" | "ipv6-icmp" => 58,
        "sctp" => 132,
        "udplite" => 136,
        "dccp" => 33,
        _ => return name.parse().ok(),
    })
}
