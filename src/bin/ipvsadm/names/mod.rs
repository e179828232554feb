//! Names of hosts and services, asked of the system's resolver.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use dns_lookup::LookupErrorKind;
use ipvs::rules::grammar::{Resolve, ResolveError, ReverseResolve};
use ipvs::{AddressFamily, Protocol};

/// Names for a listing: each is asked for once, several at a time.
#[derive(Debug)]
pub(crate) enum Names {
    /// Everything stays a number.
    Numeric,
    /// Names where there are any.
    Named {
        /// What is known so far; `None` for an address without a name.
        hosts: HashMap<IpAddr, Option<String>>,
        services: OnceLock<Services>,
        /// Whether the name server did not answer: then it is not asked again.
        dead: bool,
    },
}

/// How many names are asked for at a time.
const AT_A_TIME: usize = 32;

/// A failed look-up that took this long means that the name server does not answer at all.
const NO_ANSWER: Duration = Duration::from_secs(1);

impl Names {
    pub(crate) fn new(numeric: bool) -> Self {
        if numeric {
            return Names::Numeric;
        }
        Names::Named { hosts: HashMap::new(), services: OnceLock::new(), dead: false }
    }

    /// Asks for the names of those addresses that are not known yet.
    pub(crate) fn learn(&mut self, addresses: impl Iterator<Item = IpAddr>) {
        let Names::Named { hosts, dead, .. } = self else {
            return;
        };
        let mut unknown: Vec<IpAddr> =
            addresses.filter(|address| !hosts.contains_key(address)).collect();
        unknown.sort_unstable();
        unknown.dedup();
        let silent = AtomicBool::new(*dead);
        hosts.extend(look_up_all(&unknown, &silent));
        *dead = silent.into_inner();
    }

    /// The name of an address that [`learn`](Self::learn) was given.
    pub(crate) fn host(&self, address: IpAddr) -> Option<&str> {
        match self {
            Names::Numeric => None,
            Names::Named { hosts, .. } => hosts.get(&address)?.as_deref(),
        }
    }

    /// The name of a port of this protocol. A firewall mark has no protocol and so no names.
    pub(crate) fn port(&self, port: u16, protocol: Option<Protocol>) -> Option<&str> {
        match self {
            Names::Numeric => None,
            Names::Named { services, .. } => {
                services.get_or_init(Services::load).name(port, protocol?)
            }
        }
    }
}

/// For rules.
impl ReverseResolve for Names {
    fn host(&self, address: IpAddr) -> Option<&str> {
        self.host(address)
    }

    fn service(&self, port: u16, protocol: Protocol) -> Option<&str> {
        self.port(port, Some(protocol))
    }
}

fn look_up_all(addresses: &[IpAddr], silent: &AtomicBool) -> HashMap<IpAddr, Option<String>> {
    let next = AtomicUsize::new(0);
    let work = || {
        let mut found = Vec::new();
        while let Some(&address) = addresses.get(next.fetch_add(1, Ordering::Relaxed)) {
            found.push((address, look_up(address, silent)));
        }
        found
    };
    if addresses.len() < 2 {
        return work().into_iter().collect();
    }
    thread::scope(|scope| {
        let workers: Vec<_> =
            (0..AT_A_TIME.min(addresses.len())).map(|_| scope.spawn(work)).collect();
        workers.into_iter().filter_map(|worker| worker.join().ok()).flatten().collect()
    })
}

fn look_up(address: IpAddr, silent: &AtomicBool) -> Option<String> {
    if silent.load(Ordering::Relaxed) {
        return None;
    }
    let started = Instant::now();
    match dns_lookup::lookup_addr(&address) {
        Ok(name) if is_printable(&name) => Some(name),
        Ok(_) => None,
        Err(error) => {
            let unanswered = matches!(error.kind(), LookupErrorKind::Again);
            if unanswered && started.elapsed() >= NO_ANSWER {
                silent.store(true, Ordering::Relaxed);
            }
            None
        }
    }
}

/// Whether a name can stand in a listing and in a rule: it comes from a name server, which might
/// send what moves the cursor or looks like another column.
fn is_printable(name: &str) -> bool {
    !name.is_empty()
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte))
}

/// The file that names ports.
const SERVICES: &str = "/etc/services";

/// Names of ports, from `/etc/services`: the C library's functions know TCP and UDP only, one port
/// at a time.
#[derive(Debug, Default)]
pub(crate) struct Services {
    names: HashMap<(u16, Protocol), String>,
    ports: HashMap<(String, Protocol), u16>,
}

impl Services {
    fn load() -> Self {
        // Not having the file is not having names.
        std::fs::read(SERVICES).map_or_else(
            |_| Services::default(),
            |bytes| Services::parse(&String::from_utf8_lossy(&bytes)),
        )
    }

    /// Lines of `name port/protocol alias...`, with `#` before a comment. As in the C library, the
    /// first line that fits counts.
    fn parse(text: &str) -> Self {
        let mut services = Services::default();
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
                services.names.entry((port, protocol)).or_insert_with(|| name.to_owned());
            }
            for name in std::iter::once(name).chain(words) {
                services.ports.entry((name.to_owned(), protocol)).or_insert(port);
            }
        }
        services
    }

    fn name(&self, port: u16, protocol: Protocol) -> Option<&str> {
        self.names.get(&(port, protocol)).map(String::as_str)
    }

    fn port(&self, name: &str, protocol: Protocol) -> Option<u16> {
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

/// Names in what the user wrote: each is asked for once.
#[derive(Debug, Default)]
pub(crate) struct Resolver {
    hosts: HashMap<String, Result<Vec<IpAddr>, ResolveError>>,
    services: OnceLock<Services>,
}

impl Resolve for Resolver {
    fn host(&mut self, name: &str, prefer: AddressFamily) -> Result<IpAddr, ResolveError> {
        let addresses = match self.hosts.get(name) {
            Some(known) => known,
            None => {
                let found = dns_lookup::lookup_host(name)
                    .map(|addresses| addresses.collect())
                    .map_err(|error| ResolveError::new(std::io::Error::from(error).to_string()));
                self.hosts.entry(name.to_owned()).or_insert(found)
            }
        };
        let addresses = addresses.as_ref().map_err(Clone::clone)?;
        addresses
            .iter()
            .find(|address| AddressFamily::of(**address) == prefer)
            .or(addresses.first())
            .copied()
            .ok_or_else(|| ResolveError::new("it has no address"))
    }

    fn service(&mut self, name: &str, protocol: Protocol) -> Result<u16, ResolveError> {
        self.services
            .get_or_init(Services::load)
            .port(name, protocol)
            .ok_or_else(|| ResolveError::new(format!("not a {protocol} service in {SERVICES}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "\
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
    fn services_have_the_first_name_and_all_aliases() {
        let services = Services::parse(FILE);
        assert_eq!(services.name(80, Protocol::Tcp), Some("http"));
        assert_eq!(services.name(80, Protocol::Udp), None);
        assert_eq!(services.name(53, Protocol::Udp), Some("domain"));
        assert_eq!(services.port("www", Protocol::Tcp), Some(80));
        assert_eq!(services.port("www-http", Protocol::Tcp), Some(80));
        assert_eq!(services.port("HTTP", Protocol::Tcp), None);
        assert_eq!(services.name(81, Protocol::Tcp), None);
        assert_eq!(services.port("odd", Protocol::Tcp), None);
    }

    #[test]
    fn names_that_could_spoil_a_listing_are_not_printed() {
        assert!(is_printable("www-1.example_2.com"));
        for name in ["", "a b", "a\nb", "\u{1b}[2J", "a:b", "ä.example", "[x]"] {
            assert!(!is_printable(name), "{name:?}");
        }
    }

    #[test]
    fn a_silent_name_server_is_not_asked_again() {
        let silent = AtomicBool::new(true);
        let address = IpAddr::from([127, 0, 0, 1]);
        assert_eq!(look_up(address, &silent), None);
    }
}
