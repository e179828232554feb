//! A packet, and the answers to what rules ask about it.

use std::net::IpAddr;

use crate::doctor::facts::firewall::{Field, Match, Value, state, tcp_flag};

/// The number of TCP.
pub(super) const TCP: u32 = 6;

/// A packet. What is `None` is not known.
#[derive(Debug, Clone, Default)]
pub(super) struct Packet {
    pub(super) is_ipv6: bool,
    /// The number of the transport protocol.
    pub(super) protocol: u32,
    pub(super) source: Option<IpAddr>,
    pub(super) destination: Option<IpAddr>,
    /// What neither is, if it is not known: the virtual address, as a client has another.
    pub(super) not: Option<IpAddr>,
    pub(super) source_port: Option<u16>,
    pub(super) destination_port: Option<u16>,
    pub(super) flags: Option<u32>,
    pub(super) state: Option<u32>,
    pub(super) mark: Option<u32>,
    /// The interfaces that it may come in by. None at all: it is not known.
    pub(super) incoming: Vec<String>,
    /// The same of those that it may leave by.
    pub(super) outgoing: Vec<String>,
    /// `local`, `unicast`, ….
    pub(super) destination_type: Option<&'static str>,
}

impl Packet {
    /// The first packet of a connection, as it comes in by any of these interfaces. A port of 0 is not
    /// known.
    pub(super) fn first(
        is_ipv6: bool,
        protocol: u32,
        destination: Option<IpAddr>,
        port: u16,
        incoming: Vec<String>,
    ) -> Self {
        Packet {
            is_ipv6,
            protocol,
            destination,
            destination_port: Some(port).filter(|port| *port != 0),
            flags: (protocol == TCP).then_some(tcp_flag::SYN),
            state: Some(state::NEW),
            mark: Some(0),
            incoming,
            ..Packet::default()
        }
    }

    /// The answer to a question. `None`: it is not known.
    pub(super) fn answer(&self, question: &Match) -> Option<bool> {
        let mut answer = Some(false);
        for values in &question.among {
            match self.has(&question.fields, question.mask, values) {
                Some(true) => {
                    answer = Some(true);
                    break;
                }
                Some(false) => {}
                None => answer = None,
            }
        }
        answer.map(|yes| yes != question.is_negated)
    }

    /// True if each of the fields has its value.
    pub(super) fn has(
        &self,
        fields: &[Field],
        mask: Option<u32>,
        values: &[Value],
    ) -> Option<bool> {
        let mut all = Some(true);
        for (field, value) in fields.iter().zip(values) {
            match self.field(*field, mask, value) {
                Some(true) => {}
                Some(false) => return Some(false),
                None => all = None,
            }
        }
        all
    }

    fn field(&self, field: Field, mask: Option<u32>, value: &Value) -> Option<bool> {
        let number = match field {
            Field::Version => Some(if self.is_ipv6 { 6 } else { 4 }),
            Field::Protocol => Some(self.protocol),
            Field::SourcePort => self.source_port.map(u32::from),
            Field::DestinationPort => self.destination_port.map(u32::from),
            Field::Flags => self.flags,
            Field::State => self.state,
            Field::Mark => self.mark,
            Field::Source => return self.address(self.source, value),
            Field::Destination => return self.address(self.destination, value),
            Field::Incoming => return interface(&self.incoming, value),
            Field::Outgoing => return interface(&self.outgoing, value),
            Field::DestinationType => return name(self.destination_type, value),
        };
        match (value, number) {
            (Value::Numbers(0, u32::MAX), _) => Some(true),
            (Value::Numbers(first, last), Some(number)) => {
                Some((*first..=*last).contains(&(number & mask.unwrap_or(!0))))
            }
            _ => None,
        }
    }

    fn address(&self, own: Option<IpAddr>, value: &Value) -> Option<bool> {
        let Value::Addresses(first, last) = value else {
            return None;
        };
        if first.is_ipv6() != self.is_ipv6 {
            return Some(false);
        }
        let covers_all = match (first, last) {
            (IpAddr::V4(first), IpAddr::V4(last)) => {
                first.to_bits() == 0 && last.to_bits() == u32::MAX
            }
            (IpAddr::V6(first), IpAddr::V6(last)) => {
                first.to_bits() == 0 && last.to_bits() == u128::MAX
            }
            _ => false,
        };
        match own {
            _ if covers_all => Some(true),
            Some(own) => Some(*first <= own && own <= *last),
            None => (first == last && self.not == Some(*first)).then_some(false),
        }
    }
}

/// True if all interfaces are such, false if none is.
fn interface(own: &[String], value: &Value) -> Option<bool> {
    let answers = || own.iter().map(|own| name(Some(own), value));
    match answers().next() {
        None => name(None, value),
        Some(first) => first.filter(|_| answers().all(|answer| answer == first)),
    }
}

fn name(own: Option<&str>, value: &Value) -> Option<bool> {
    let Value::Name(wanted) = value else {
        return None;
    };
    match wanted.strip_suffix('*') {
        Some("") => Some(true),
        Some(start) => own.map(|own| own.starts_with(start)),
        None => own.map(|own| own == wanted),
    }
}
