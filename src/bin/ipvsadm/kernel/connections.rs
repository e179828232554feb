//! Connections: what the kernel shows in `/proc`, one on a line.

pub(crate) mod counts;
pub(crate) mod filter;
pub(crate) mod services;

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use anyhow::anyhow;

use self::filter::Filter;
use crate::names::ReverseNames;
use crate::output::connections::Connection;
use crate::process::failure::Failure;

/// The kernel's lists, those of the network namespace of this thread.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum List {
    /// The usual one (`ip_vs_conn_seq_show` in net/netfilter/ipvs/ip_vs_conn.c).
    Usual,
    /// The one with origins, and without persistence engines (`ip_vs_conn_sync_seq_show`).
    Origins,
}

impl List {
    const fn file(self) -> &'static str {
        match self {
            List::Usual => "/proc/thread-self/net/ip_vs_conn",
            List::Origins => "/proc/thread-self/net/ip_vs_conn_sync",
        }
    }
}

/// The least that is read before names are looked up, several at a time.
const NAMED_BLOCK: usize = 256 * 1024;

/// The connections, to be read once.
#[derive(Debug)]
pub(crate) struct Connections<R> {
    lines: R,
    list: List,
}

impl Connections<BufReader<File>> {
    /// Opens the kernel's list.
    pub(crate) fn open(list: List) -> Result<Self, Failure> {
        let cannot = |what: &str| Failure::NoConnections(anyhow!("{what} {}", list.file()));
        let file = File::open(list.file()).map_err(|_| cannot("cannot open file"))?;
        let mut lines = BufReader::with_capacity(64 * 1024, file);
        if lines.fill_buf().map_err(|_| cannot("cannot read"))?.is_empty() {
            return Err(cannot("unexpected input from"));
        }
        Ok(Connections { lines, list })
    }
}

/// How many connections the list has.
pub(crate) fn count() -> Result<u64, Failure> {
    let Connections { mut lines, .. } = Connections::open(List::Usual)?;
    let mut count = 0;
    loop {
        let block = lines.fill_buf().map_err(|error| unreadable(List::Usual, error))?;
        if block.is_empty() {
            // The first line is a heading.
            return Ok(u64::saturating_sub(count, 1));
        }
        count += memchr::memchr_iter(b'\n', block).count() as u64;
        let length = block.len();
        lines.consume(length);
    }
}

impl<R: BufRead> Connections<R> {
    /// Hands over each connection that passes, once `names` has the names of its addresses.
    pub(crate) fn each(
        mut self,
        filter: &Filter<'_>,
        names: &mut ReverseNames,
        mut show: impl FnMut(&ReverseNames, &Connection<'_>) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let list = self.list;
        let unreadable = |error| unreadable(list, error);
        let mut block = Vec::new();
        // The first line is a heading.
        self.lines.read_until(b'\n', &mut block).map_err(unreadable)?;
        // Without names there is nothing to gather a block for.
        let least = if names.is_numeric() { 1 } else { NAMED_BLOCK };
        loop {
            block.clear();
            read_lines(&mut self.lines, &mut block, least).map_err(unreadable)?;
            if block.is_empty() {
                return Ok(());
            }
            if !names.is_numeric() {
                names.look_up(passing(&block, list, filter).flat_map(|connection| {
                    [connection.source.0, connection.virtual_service.0, connection.destination.0]
                }));
            }
            passing(&block, list, filter).try_for_each(|connection| show(names, &connection))?;
        }
    }
}

/// Appends whole lines, at least this many bytes of them unless the list ends.
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

fn unreadable(list: List, error: io::Error) -> Failure {
    Failure::unreadable(list.file(), error)
}

/// The connections in these lines that pass.
fn passing<'a>(
    lines: &'a [u8],
    list: List,
    filter: &Filter<'_>,
) -> impl Iterator<Item = Connection<'a>> {
    connections(lines, list).filter(|connection| filter.passes(connection))
}

/// The connections in these lines. Any other line is skipped: it cannot come from a kernel.
fn connections(lines: &[u8], list: List) -> impl Iterator<Item = Connection<'_>> {
    let mut start = 0;
    let newlines = memchr::memchr_iter(b'\n', lines).chain([lines.len()]);
    newlines.filter_map(move |end| {
        let line = &lines[start.min(end)..end];
        start = end + 1;
        parse(line, list)
    })
}

fn parse(line: &[u8], list: List) -> Option<Connection<'_>> {
    let mut words = Words { rest: line };
    let protocol = words.next()?;
    let mut endpoint = || Some((words.address()?, words.port()?));
    let (source, virtual_service, destination) = (endpoint()?, endpoint()?, endpoint()?);
    let state = words.next()?;
    let origin = match list {
        List::Usual => None,
        List::Origins => Some(words.next()?),
    };
    let expires = text(words.next()?)?;
    let engine = match list {
        List::Usual => words.next().zip(words.next()),
        List::Origins => None,
    };
    Some(Connection {
        protocol,
        source,
        virtual_service,
        destination,
        state,
        expires,
        engine,
        origin,
    })
}

fn text<T: FromStr>(word: &[u8]) -> Option<T> {
    std::str::from_utf8(word).ok()?.parse().ok()
}

/// The words of a line. There may be a million lines, so no byte is read twice.
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

    /// A word of `N` hexadecimal digits. Any other word is left in place.
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

/// The value of a byte that is no digit. Its bit is in no digit's value, so that it shows in the
/// values of several bytes put together.
const NO_DIGIT: u8 = 16;

/// The value of each byte as a hexadecimal digit.
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

#[cfg(test)]
mod tests {
    use ipvs::rules::grammar::ConnectionFilter;

    use super::services::Services;
    use super::*;

    const HEADING: &str =
        "Pro FromIP   FPrt ToIP     TPrt DestIP   DPrt State       Expires PEName PEData\n";

    /// Source address, source port and state of each connection.
    fn read(lines: impl BufRead) -> Vec<(IpAddr, u16, String)> {
        let mut found = Vec::new();
        let services = Services::default();
        let all = Filter::new(ConnectionFilter::default(), &services);
        Connections { lines, list: List::Usual }
            .each(&all, &mut ReverseNames::Numeric, |_, connection| {
                let state = String::from_utf8_lossy(connection.state).into_owned();
                found.push((connection.source.0, connection.source.1, state));
                Ok(())
            })
            .expect("memory can be read");
        found
    }

    #[test]
    fn every_field_of_a_line_is_read() {
        let line = b"UDP C0A89001 0000 2001:0db8:0000:0000:0000:0000:0000:0002 13C4 800A0A08 13C4 UDP 60 sip a@b\n";
        let endpoint = |address: &str, port| (address.parse().expect("an address"), port);
        assert_eq!(
            parse(line, List::Usual),
            Some(Connection {
                protocol: b"UDP",
                source: endpoint("192.168.144.1", 0),
                virtual_service: endpoint("2001:db8::2", 5060),
                destination: endpoint("128.10.10.8", 5060),
                state: b"UDP",
                expires: 60,
                engine: Some((b"sip", b"a@b")),
                origin: None,
            })
        );
        let line = b"TCP C0A89001 1388 C0A8902C 0050 800A0A08 0050 ESTABLISHED SYNC       899";
        let connection = parse(line, List::Origins).expect("a connection");
        assert_eq!(
            (connection.state, connection.origin),
            (&b"ESTABLISHED"[..], Some(&b"SYNC"[..]))
        );
        assert_eq!((connection.expires, connection.engine), (899, None));
        assert_eq!(parse(line, List::Usual), None);
    }

    #[test]
    fn lines_that_are_no_connections_are_skipped() {
        let list = format!(
            "{HEADING}\ngarbage\nTCP C0A89001 8F3A C0A8902C\nTCP x 1 2 3 4 5 NONE 1\n\
             TCP C0A89001 12345 C0A8902C 0050 800A0A08 0050 NONE 1\n"
        );
        assert_eq!(read(list.as_bytes()), []);
    }

    #[test]
    fn connections_do_not_depend_on_where_the_kernel_cuts_the_list() {
        let line = "TCP C0A89001 8F3A C0A8902C 0050 800A0A08 0050 TIME_WAIT       118\n";
        let list = format!("{HEADING}{}", line.repeat(10_000));
        let whole = read(list.as_bytes());
        assert_eq!(whole.len(), 10_000);
        for length in [1, 7, 66, 4096] {
            let pieces = BufReader::with_capacity(length, list.as_bytes());
            assert!(read(pieces) == whole, "in pieces of {length}");
        }
    }
}
