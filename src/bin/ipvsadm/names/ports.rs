//! The names of ports, from `/etc/services`.
//!
//! The C library's functions look up one port at a time and know neither SCTP nor its names.

use std::collections::HashMap;

use ipvs::Protocol;

use super::is_printable;

/// The file that names ports.
pub(super) const FILE: &str = "/etc/services";

/// The names of ports, both ways.
#[derive(Debug, Default)]
pub(crate) struct PortNames {
    names: HashMap<(u16, Protocol), String>,
    ports: HashMap<(String, Protocol), u16>,
}

impl PortNames {
    /// Reads the file. Without it there are no names.
    pub(super) fn load() -> Self {
        std::fs::read(FILE).map_or_else(
            |_| PortNames::default(),
            |bytes| PortNames::parse(&String::from_utf8_lossy(&bytes)),
        )
    }

    /// Lines of `name port/protocol alias...`, with `#` before a comment. As in the C library, the
    /// first line that fits counts.
    fn parse(text: &str) -> Self {
        let mut found = PortNames::default();
        for line in text.lines() {
            let line = line.split('#').next().unwrap_or_default();
            let mut words = line.split_ascii_whitespace();
            let (Some(name), Some(port)) = (words.next(), words.next()) else {
                continue;
            };
            let Some((port, protocol)) = port.split_once('/') else {
                continue;
            };
            let (Ok(port), Some(protocol)) = (port.parse::<u16>(), protocol_named(protocol)) else {
                continue;
            };
            if is_printable(name) {
                found.names.entry((port, protocol)).or_insert_with(|| name.to_owned());
            }
            for name in std::iter::once(name).chain(words) {
                found.ports.entry((name.to_owned(), protocol)).or_insert(port);
            }
        }
        found
    }

    pub(super) fn name(&self, port: u16, protocol: Protocol) -> Option<&str> {
        self.names.get(&(port, protocol)).map(String::as_str)
    }

    pub(super) fn port(&self, name: &str, protocol: Protocol) -> Option<u16> {
        self.ports.get(&(name.to_owned(), protocol)).copied()
    }
}

fn protocol_named(name: &str) -> Option<Protocol> {
    match name {
        "tcp" => Some(Protocol::Tcp),
        "udp" => Some(Protocol::Udp),
        "sctp" => Some(Protocol::Sctp),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "\
# comment
http\t\t80/tcp\t\twww\t\t# WorldWideWeb HTTP
domain 53/tcp
domain 53/udp
www-http 80/tcp
bad 99999/tcp
evil\u{1b}[2J 81/tcp
odd 70/dccp
";

    #[test]
    fn ports_have_the_first_name_and_all_aliases() {
        let found = PortNames::parse(TEXT);
        assert_eq!(found.name(80, Protocol::Tcp), Some("http"));
        assert_eq!(found.name(80, Protocol::Udp), None);
        assert_eq!(found.name(53, Protocol::Udp), Some("domain"));
        assert_eq!(found.port("www", Protocol::Tcp), Some(80));
        assert_eq!(found.port("www-http", Protocol::Tcp), Some(80));
        assert_eq!(found.port("HTTP", Protocol::Tcp), None);
        assert_eq!(found.name(81, Protocol::Tcp), None);
        assert_eq!(found.port("odd", Protocol::Tcp), None);
    }
}
