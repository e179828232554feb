//! The connection listing (`-L -c`): what the kernel shows in `/proc`, one line at a time.

use std::io::{self, BufRead, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use ipvs::Protocol;
use ipvs::rules::grammar::text::{push_named_endpoint, push_number};

use crate::names::Names;
use crate::output::classic::pad_right;
use crate::output::json;
use crate::process::Sink;
use crate::process::failure::Failure;

/// The kernel's list (`ip_vs_conn_seq_show` in net/netfilter/ipvs/ip_vs_conn.c), that of the
/// network namespace of this thread.
pub(crate) const FILE: &str = "/proc/thread-self/net/ip_vs_conn";

/// How many bytes of lines are read before their names are asked for, several at a time.
const NAMED_BLOCK: usize = 256 * 1024;

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

    let mut block = Vec::new();
    list.read_until(b'\n', &mut block).map_err(unreadable)?;
    // Without names there is nothing to gather a block for.
    let least = if let Names::Numeric = names { 1 } else { NAMED_BLOCK };
    loop {
        block.clear();
        read_lines(&mut list, &mut block, least).map_err(unreadable)?;
        if block.is_empty() {
            return Ok(());
        }
        if let Names::Named { .. } = names {
            names.learn(connections(&block).flat_map(|connection| {
                [connection.source.0, connection.virtual_service.0, connection.destination.0]
            }));
        }
        for connection in connections(&block) {
            push(&mut sink.text, &connection, names, with_engine);
        }
        sink.pass().map_err(Failure::Output)?;
    }
}

/// Appends whole lines, so many bytes of them at least if there are as many.
fn read_lines(list: &mut impl BufRead, block: &mut Vec<u8>, least: usize) -> io::Result<()> {
    loop {
        let ready = match list.fill_buf() {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            ready => ready?,
        };
        let newline = match block.len() + ready.len() >= least {
            true => memchr::memrchr(b'\n', ready),
            false => None,
        };
        let length = newline.map_or(ready.len(), |newline| newline + 1);
        block.extend_from_slice(&ready[..length]);
        list.consume(length);
        if newline.is_some() || length == 0 {
            return Ok(());
        }
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
    let mut start = 0;
    let newlines = memchr::memchr_iter(b'\n', lines).chain([lines.len()]);
    newlines.filter_map(move |end| {
        let line = &lines[start.min(end)..end];
        start = end + 1;
        parse(line)
    })
}

fn parse(line: &[u8]) -> Option<Connection<'_>> {
    let mut words = Words { rest: line };
    let protocol = words.next()?;
    let mut endpoint = || Some((words.address()?, words.port()?));
    let (source, virtual_service, destination) = (endpoint()?, endpoint()?, endpoint()?);
    let state = words.next()?;
    let expires = text(words.next()?)?;
    let engine = words.next().zip(words.next());
    Some(Connection { protocol, source, virtual_service, destination, state, expires, engine })
}

fn text<T: FromStr>(word: &[u8]) -> Option<T> {
    std::str::from_utf8(word).ok()?.parse().ok()
}

/// The words of a line. There may be a million lines, so no byte is looked at twice.
struct Words<'a> {
    rest: &'a [u8],
}

impl<'a> Words<'a> {
    fn skip_blanks(&mut self) {
        while let [..=b' ', rest @ ..] = self.rest {
            self.rest = rest;
        }
    }

    fn next(&mut self) -> Option<&'a [u8]> {
        self.skip_blanks();
        let end = self.rest.iter().position(|byte| *byte <= b' ').unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest;
        (!word.is_empty()).then_some(word)
    }

    /// A word of `N` hexadecimal digits. One that is not is left where it is.
    fn hexadecimal<const N: usize>(&mut self) -> Option<u32> {
        self.skip_blanks();
        let (digits, rest) = self.rest.split_first_chunk::<N>()?;
        let mut number = 0;
        let mut all = 0;
        for byte in digits {
            let digit = DIGITS[usize::from(*byte)];
            number = number << 4 | u32::from(digit);
            all |= digit;
        }
        if all >= NO_DIGIT || rest.first().is_some_and(|byte| *byte > b' ') {
            return None;
        }
        self.rest = rest;
        Some(number)
    }

    /// An IPv4 address as one number, or an IPv6 one in the usual form.
    fn address(&mut self) -> Option<IpAddr> {
        match self.hexadecimal::<8>() {
            Some(number) => Some(IpAddr::V4(Ipv4Addr::from_bits(number))),
            None => text::<Ipv6Addr>(self.next()?).map(IpAddr::V6),
        }
    }

    fn port(&mut self) -> Option<u16> {
        self.hexadecimal::<4>()?.try_into().ok()
    }
}

/// What a byte is worth that is no digit: more than any that is one, together with any others.
const NO_DIGIT: u8 = 16;

/// What each byte is worth as a hexadecimal digit.
static DIGITS: [u8; 256] = {
    let mut digits = [NO_DIGIT; 256];
    let mut value = 0;
    while value < 16 {
        digits[b"0123456789abcdef"[value] as usize] = value as u8;
        digits[b"0123456789ABCDEF"[value] as usize] = value as u8;
        value += 1;
    }
    digits
};

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
    let engine = connection.engine.filter(|_| with_engine);
    endpoint(text, connection.destination, if engine.is_some() { 16 } else { 0 });
    if let Some((name, data)) = engine {
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
        let file = format!("{HEAD}{}", line.repeat(10_000));
        let whole = listed(&file, false);
        assert_eq!(whole.lines().count(), 10_002);
        // As the kernel gives it, which is cut anywhere.
        for length in [1, 7, 66, 4096] {
            let pieces = io::BufReader::with_capacity(length, file.as_bytes());
            let mut sink = Sink::to(Vec::new());
            print(pieces, &mut sink, &mut Names::Numeric, false).expect("no error");
            assert!(sink.written() == whole.as_bytes(), "in pieces of {length}");
        }
    }
}
