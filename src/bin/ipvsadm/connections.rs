//! The connection listing (`-L -c`): what the kernel shows in `/proc`, one line at a time.

use std::io::{BufRead, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use ipvs::Protocol;
use ipvs::rules::text::{push_named_endpoint, push_number};

use crate::failure::Failure;
use crate::json;
use crate::names::Names;
use crate::output::Sink;
use crate::output::classic::pad_right;

/// The kernel's list (`ip_vs_conn_seq_show` in net/netfilter/ipvs/ip_vs_conn.c), that of the
/// network namespace of this thread.
pub(crate) const FILE: &str = "/proc/thread-self/net/ip_vs_conn";

/// How many lines are read before their names are asked for.
const BLOCK: usize = 4096;

/// A connection, borrowed from its line.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Connection<'a> {
    pub(crate) protocol: &'a [u8],
    pub(crate) source: (IpAddr, u16),
    pub(crate) virtual_service: (IpAddr, u16),
    pub(crate) destination: (IpAddr, u16),
    pub(crate) state: &'a [u8],
    /// Seconds until it is forgotten.
    pub(crate) expires: u64,
    /// The persistence engine's name and data.
    pub(crate) engine: Option<(&'a [u8], &'a [u8])>,
}

/// Prints the connections of `list`, whose first line is a heading.
pub(crate) fn print<W: Write>(
    mut list: impl BufRead,
    sink: &mut Sink<W>,
    names: &mut Names,
    with_engine: bool,
) -> Result<(), Failure> {
    sink.text.extend_from_slice(b"IPVS connection entries\n");
    sink.text.extend_from_slice(
        b"pro expire state       source             virtual            destination",
    );
    if with_engine {
        sink.text.extend_from_slice(b"        pe name          pe_data");
    }
    sink.text.push(b'\n');

    let mut line = Vec::new();
    list.read_until(b'\n', &mut line).map_err(unreadable)?;
    let mut block: Vec<u8> = Vec::new();
    let mut lines = 0;
    loop {
        let length = list.read_until(b'\n', &mut block).map_err(unreadable)?;
        lines += 1;
        // Without names there is nothing to gather a block for.
        if length > 0 && lines < BLOCK && matches!(names, Names::Named { .. }) {
            continue;
        }
        if matches!(names, Names::Named { .. }) {
            names.learn(connections(&block).flat_map(|connection| {
                [connection.source.0, connection.virtual_service.0, connection.destination.0]
            }));
        }
        for connection in connections(&block) {
            push(&mut sink.text, &connection, names, with_engine);
        }
        sink.pass().map_err(Failure::Output)?;
        if length == 0 {
            return Ok(());
        }
        block.clear();
        lines = 0;
    }
}

/// Prints the connections of `list`, whose first line is a heading, as JSON, one a line.
pub(crate) fn print_json<W: Write>(
    mut list: impl BufRead,
    sink: &mut Sink<W>,
) -> Result<(), Failure> {
    let mut line = Vec::new();
    list.read_until(b'\n', &mut line).map_err(unreadable)?;
    loop {
        line.clear();
        if list.read_until(b'\n', &mut line).map_err(unreadable)? == 0 {
            return Ok(());
        }
        if let Some(connection) = parse(&line) {
            json::connection(&mut sink.text, &connection)?;
            sink.pass().map_err(Failure::Output)?;
        }
    }
}

fn unreadable(error: std::io::Error) -> Failure {
    Failure::Other(anyhow::Error::new(error).context(FILE))
}

/// The connections in these lines. A line that is none is skipped: it cannot come from a kernel.
fn connections(lines: &[u8]) -> impl Iterator<Item = Connection<'_>> {
    lines.split(|byte| *byte == b'\n').filter_map(parse)
}

fn parse(line: &[u8]) -> Option<Connection<'_>> {
    let mut words = line.split(|byte| byte.is_ascii_whitespace()).filter(|word| !word.is_empty());
    let protocol = words.next()?;
    let mut endpoint = || Some((address(words.next()?)?, port(words.next()?)?));
    let (source, virtual_service, destination) = (endpoint()?, endpoint()?, endpoint()?);
    let state = words.next()?;
    let expires = text(words.next()?)?;
    let engine = words.next().zip(words.next());
    Some(Connection { protocol, source, virtual_service, destination, state, expires, engine })
}

fn text<T: FromStr>(word: &[u8]) -> Option<T> {
    std::str::from_utf8(word).ok()?.parse().ok()
}

/// An IPv4 address as one hexadecimal number, or an IPv6 one in the usual form.
fn address(word: &[u8]) -> Option<IpAddr> {
    if word.contains(&b':') {
        return text::<Ipv6Addr>(word).map(IpAddr::V6);
    }
    hexadecimal(word).map(|number| IpAddr::V4(Ipv4Addr::from_bits(number)))
}

fn port(word: &[u8]) -> Option<u16> {
    hexadecimal(word)?.try_into().ok()
}

fn hexadecimal(word: &[u8]) -> Option<u32> {
    if word.is_empty() || word.len() > 8 {
        return None;
    }
    word.iter().try_fold(0, |number, digit| Some(number << 4 | char::from(*digit).to_digit(16)?))
}

fn push(text: &mut Vec<u8>, connection: &Connection<'_>, names: &Names, with_engine: bool) {
    let protocol = match connection.protocol {
        b"TCP" => Some(Protocol::Tcp),
        b"UDP" => Some(Protocol::Udp),
        b"SCTP" => Some(Protocol::Sctp),
        _ => None,
    };
    let column = |text: &mut Vec<u8>, value: &[u8], width| {
        let start = text.len();
        text.extend_from_slice(value);
        pad_right(text, start, width);
        text.push(b' ');
    };
    let endpoint = |text: &mut Vec<u8>, (address, port): (IpAddr, u16), width| {
        let start = text.len();
        let (host, service) = (names.host(address), names.port(port, protocol));
        push_named_endpoint(text, address, port, host, service);
        pad_right(text, start, width);
    };
    column(text, connection.protocol, 3);
    let start = text.len();
    push_padded(text, connection.expires / 60);
    text.push(b':');
    push_padded(text, connection.expires % 60);
    pad_right(text, start, 6);
    text.push(b' ');
    column(text, connection.state, 11);
    endpoint(text, connection.source, 18);
    text.push(b' ');
    endpoint(text, connection.virtual_service, 18);
    text.push(b' ');
    endpoint(text, connection.destination, 0);
    if let Some((name, data)) = connection.engine.filter(|_| with_engine) {
        text.push(b' ');
        column(text, name, 18);
        text.extend_from_slice(data);
    }
    text.push(b'\n');
}

/// Two digits at least.
fn push_padded(text: &mut Vec<u8>, number: u64) {
    if number < 10 {
        text.push(b'0');
    }
    push_number(text, number);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listed(file: &str, with_engine: bool) -> String {
        let mut sink = Sink::to(Vec::new());
        print(file.as_bytes(), &mut sink, &mut Names::Numeric, with_engine).expect("no error");
        String::from_utf8(sink.written()).expect("text")
    }

    const HEAD: &str =
        "Pro FromIP   FPrt ToIP     TPrt DestIP   DPrt State       Expires PEName PEData\n";

    #[test]
    fn connections_of_each_kind_as_the_reference_prints_them() {
        let file = format!(
            "{HEAD}\
TCP C0A89001 8F3A C0A8902C 0050 800A0A08 0050 TIME_WAIT       118
IP  C0A89001 0000 0000000A 0000 800A0A08 0000 NONE          12345
TCP 2001:0db8:0000:0000:0000:0000:0000:0001 8F3A 2001:0db8:0000:0000:0000:0000:0000:0002 0050 2001:0db8:0000:0000:0000:0000:0000:0003 0050 ESTABLISHED     900
UDP C0A89001 0000 C0A8902C 13C4 800A0A08 13C4 UDP              60 sip abcdef@host
"
        );
        assert_eq!(
            listed(&file, false),
            "\
IPVS connection entries
pro expire state       source             virtual            destination
TCP 01:58  TIME_WAIT   192.168.144.1:36666 192.168.144.44:80  128.10.10.8:80
IP  205:45 NONE        192.168.144.1:0    0.0.0.10:0         128.10.10.8:0
TCP 15:00  ESTABLISHED [2001:db8::1]:36666 [2001:db8::2]:80   [2001:db8::3]:80
UDP 01:00  UDP         192.168.144.1:0    192.168.144.44:5060 128.10.10.8:5060
"
        );
        let with_engine = listed(&file, true);
        assert!(
            with_engine.ends_with("128.10.10.8:5060 sip                abcdef@host\n"),
            "{with_engine}"
        );
        assert!(with_engine.contains("destination        pe name          pe_data\n"));
        assert!(with_engine.contains(" 128.10.10.8:80\n"));
    }

    #[test]
    fn lines_that_are_no_connections_are_skipped() {
        let file = format!(
            "{HEAD}\ngarbage\nTCP C0A89001 8F3A C0A8902C\nTCP x 1 2 3 4 5 NONE 1\nTCP C0A89001 12345 C0A8902C 0050 800A0A08 0050 NONE 1\n"
        );
        assert_eq!(listed(&file, false).lines().count(), 2);
    }

    #[test]
    fn what_is_printed_does_not_depend_on_how_it_was_read() {
        let line = "TCP C0A89001 8F3A C0A8902C 0050 800A0A08 0050 TIME_WAIT       118\n";
        let file = format!("{HEAD}{}", line.repeat(3 * BLOCK + 1));
        assert_eq!(listed(&file, false).lines().count(), 3 * BLOCK + 3);
    }
}
