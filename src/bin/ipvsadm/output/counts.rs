//! Counts of connections in the classic form (`-L -c --by`).

use std::net::IpAddr;

use ipvs::AddressFamily;
use ipvs::rules::grammar::CountBy;
use ipvs::rules::grammar::text::{push_address, push_named_endpoint, push_number};

use super::connections::protocol_named;
use super::pad::{pad_left, pad_right};
use crate::names::ReverseNames;
use crate::process::Sink;
use crate::process::failure::Failure;

/// A protocol by the kernel's name, cut after eight bytes, which no name of the kernel's has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct ProtocolName([u8; 8]);

impl ProtocolName {
    pub(crate) fn new(name: &[u8]) -> Self {
        let mut bytes = [0; 8];
        for (byte, letter) in bytes.iter_mut().zip(name) {
            *byte = *letter;
        }
        ProtocolName(bytes)
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        let end = self.0.iter().position(|byte| *byte == 0).unwrap_or(self.0.len());
        &self.0[..end]
    }
}

/// An address and port of a protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Endpoint {
    pub(crate) protocol: ProtocolName,
    pub(crate) address: IpAddr,
    pub(crate) port: u16,
}

/// What a count is of.
#[derive(Debug)]
pub(crate) enum Subject {
    Client(IpAddr),
    Server(Endpoint),
    Service(Endpoint),
    FirewallMark(u32, AddressFamily),
    State(Box<[u8]>),
}

impl Subject {
    fn address(&self) -> Option<IpAddr> {
        match self {
            Subject::Client(address) => Some(*address),
            Subject::Server(endpoint) | Subject::Service(endpoint) => Some(endpoint.address),
            Subject::FirewallMark(..) | Subject::State(_) => None,
        }
    }
}

/// A count and what it is of.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) subject: Subject,
    pub(crate) count: u64,
}

/// How many rows have their names looked up together.
const NAMED_ROWS: usize = 4096;

/// Prints the counts with their sum.
pub(crate) fn print(
    sink: &mut Sink,
    names: &mut ReverseNames,
    by: CountBy,
    total: u64,
    mut rows: impl Iterator<Item = Row>,
) -> Result<(), Failure> {
    const TITLE: &str = "count";
    let by = by.name();
    let width = total.to_string().len().max(TITLE.len());
    sink.print(format!("IPVS connection entries by {by}\n{TITLE:>width$} {by}\n"));
    loop {
        let block: Vec<Row> = rows.by_ref().take(NAMED_ROWS).collect();
        if block.is_empty() {
            sink.print(format!("{total:>width$} total\n"));
            return Ok(());
        }
        names.look_up(block.iter().filter_map(|row| row.subject.address()));
        for row in &block {
            push(sink.text(), names, row, width);
            sink.pass().map_err(Failure::Output)?;
        }
    }
}

fn push(text: &mut Vec<u8>, names: &ReverseNames, row: &Row, width: usize) {
    let start = text.len();
    push_number(text, row.count);
    pad_left(text, start, width);
    text.push(b' ');
    match &row.subject {
        Subject::Client(address) => match names.host(*address) {
            Some(name) => text.extend_from_slice(name.as_bytes()),
            None => push_address(text, *address),
        },
        Subject::Server(endpoint) | Subject::Service(endpoint) => {
            push_endpoint(text, names, endpoint);
        }
        Subject::FirewallMark(mark, family) => {
            text.extend_from_slice(b"FWM ");
            push_number(text, *mark);
            if *family == AddressFamily::V6 {
                text.extend_from_slice(b" IPv6");
            }
        }
        Subject::State(state) => text.extend_from_slice(state),
    }
    text.push(b'\n');
}

fn push_endpoint(text: &mut Vec<u8>, names: &ReverseNames, endpoint: &Endpoint) {
    let Endpoint { protocol, address, port } = endpoint;
    let start = text.len();
    text.extend_from_slice(protocol.as_bytes());
    pad_right(text, start, 3);
    text.push(b' ');
    let host = names.host(*address);
    let service = names.port(*port, protocol_named(protocol.as_bytes()));
    push_named_endpoint(text, *address, *port, host, service);
}

/// The counts as they are printed with `-n`.
#[cfg(test)]
pub(crate) fn printed_numeric(by: CountBy, total: u64, rows: impl Iterator<Item = Row>) -> String {
    crate::process::printed(|sink| {
        print(sink, &mut ReverseNames::Numeric, by, total, rows).expect("printed");
    })
}
