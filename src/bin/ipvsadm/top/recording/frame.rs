//! Frames: readings as bytes, whole or as a difference from what was known before.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipvs::DestinationKey;

use super::bytes::{Bytes, push_difference, push_number, push_text};
use crate::top::reading::{Counters, Host, Method, Reading, ServerReading, ServiceReading};

/// Everything known from readings: servers that were not read this time as they were before.
#[derive(Debug, Default, Clone, PartialEq)]
pub(super) struct Known {
    services: Vec<ServiceReading>,
    /// For each service, whether its servers were read this time.
    are_fresh: Vec<bool>,
}

impl Known {
    /// Takes a reading. False if it has something that is no number, such as another service: then the
    /// frame has to be a key frame.
    pub(super) fn take(&mut self, reading: &Reading) -> bool {
        let mut is_same = self.services.len() == reading.services.len();
        let mut earlier = std::mem::take(&mut self.services).into_iter().peekable();
        self.are_fresh.clear();
        for service in &reading.services {
            while earlier.next_if(|earlier| earlier.key < service.key).is_some() {}
            let before = earlier.next_if(|earlier| earlier.key == service.key);
            let before_servers = before.as_ref().and_then(|before| before.servers.as_deref());
            is_same &= before.as_ref().is_some_and(|it| it.scheduler == service.scheduler);
            if let Some(servers) = &service.servers {
                is_same &= before_servers.is_some_and(|before| are_alike(before, servers));
            }
            self.are_fresh.push(service.servers.is_some());
            let servers = match &service.servers {
                Some(servers) => Some(servers.clone()),
                None => before.and_then(|before| before.servers),
            };
            self.services.push(ServiceReading { servers, ..service.clone() });
        }
        is_same
    }

    /// What is known, as a reading of this moment.
    fn reading(&self, at: u64, host: Host) -> Reading {
        let services = self.services.iter().zip(&self.are_fresh).map(|(service, is_fresh)| {
            let servers = service.servers.as_ref().filter(|_| *is_fresh).cloned();
            ServiceReading {
                key: service.key,
                scheduler: service.scheduler,
                counters: service.counters,
                servers,
            }
        });
        Reading { at, host, services: services.collect() }
    }
}

/// True if two lists of servers differ in numbers alone.
fn are_alike(before: &[ServerReading], now: &[ServerReading]) -> bool {
    let form = |server: &ServerReading| {
        (server.key, server.method, server.upper_threshold, server.lower_threshold)
    };
    before.len() == now.len()
        && before.iter().zip(now).all(|(before, now)| form(before) == form(now))
}

/// The bytes of a key frame.
pub(super) fn write_all(known: &Known, host: &Host) -> Vec<u8> {
    let mut bytes = Vec::new();
    push_host(&mut bytes, host);
    push_number(&mut bytes, known.services.len() as u64);
    for (service, is_fresh) in known.services.iter().zip(&known.are_fresh) {
        push_text(&mut bytes, &service.key.to_string());
        push_text(&mut bytes, service.scheduler.as_str());
        push_counters(&mut bytes, &service.counters);
        bytes.push(u8::from(*is_fresh) | u8::from(service.servers.is_some()) << 1);
        if let Some(servers) = &service.servers {
            push_number(&mut bytes, servers.len() as u64);
            servers.iter().for_each(|server| push_server(&mut bytes, server));
        }
    }
    bytes
}

/// Reads a key frame.
pub(super) fn read_all(bytes: &[u8], at: u64) -> Option<(Known, Reading)> {
    let mut bytes = Bytes(bytes);
    let host = host(&mut bytes)?;
    let mut known = Known::default();
    for _ in 0..bytes.count()? {
        let key = bytes.text()?.parse().ok()?;
        let scheduler = bytes.text()?.parse().ok()?;
        let counters = counters(&mut bytes)?;
        let flags = bytes.byte()?;
        let servers = match flags & 2 {
            0 => None,
            _ => Some((0..bytes.count()?).map(|_| server(&mut bytes)).collect::<Option<_>>()?),
        };
        known.are_fresh.push(flags & 1 != 0);
        known.services.push(ServiceReading { key, scheduler, counters, servers });
    }
    let reading = known.reading(at, host);
    Some((known, reading))
}

/// The numbers of servers, those that hardly ever change last.
const OF_SERVERS: [fn(&mut ServerReading) -> Number<'_>; 7] = [
    |server| Number::Long(&mut server.counters.connections),
    |server| Number::Long(&mut server.counters.bytes_in),
    |server| Number::Long(&mut server.counters.bytes_out),
    |server| Number::Short(&mut server.active),
    |server| Number::Short(&mut server.inactive),
    |server| Number::Short(&mut server.persistent),
    |server| Number::Short(&mut server.weight),
];

/// The numbers of services.
const OF_SERVICES: [fn(&mut ServiceReading) -> Number<'_>; 3] = [
    |service| Number::Long(&mut service.counters.connections),
    |service| Number::Long(&mut service.counters.bytes_in),
    |service| Number::Long(&mut service.counters.bytes_out),
];

/// A number of a reading.
enum Number<'r> {
    Long(&'r mut u64),
    Short(&'r mut u32),
}

impl Number<'_> {
    fn get(&self) -> u64 {
        match self {
            Number::Long(number) => **number,
            Number::Short(number) => u64::from(**number),
        }
    }

    fn set(self, value: u64) -> Option<()> {
        match self {
            Number::Long(number) => *number = value,
            Number::Short(number) => *number = value.try_into().ok()?,
        }
        Some(())
    }
}

/// The bytes of any other frame: the same number of everything, one after the other, since these are
/// alike and so become short.
pub(super) fn write_changes(before: &mut Known, now: &mut Known, host: &Host) -> Vec<u8> {
    let mut bytes = Vec::new();
    push_host(&mut bytes, host);
    bytes.extend(now.are_fresh.iter().map(|is_fresh| u8::from(*is_fresh)));
    for number in OF_SERVICES {
        for (before, now) in before.services.iter_mut().zip(&mut now.services) {
            push_difference(&mut bytes, number(before).get(), number(now).get());
        }
    }
    for number in OF_SERVERS {
        let services = before.services.iter_mut().zip(&mut now.services).zip(&now.are_fresh);
        for ((before, now), _) in services.filter(|(_, is_fresh)| **is_fresh) {
            let (before, now) = (before.servers.iter_mut(), now.servers.iter_mut());
            for (before, now) in before.flatten().zip(now.flatten()) {
                push_difference(&mut bytes, number(before).get(), number(now).get());
            }
        }
    }
    bytes
}

/// Reads any other frame.
pub(super) fn read_changes(known: &mut Known, bytes: &[u8], at: u64) -> Option<Reading> {
    let mut bytes = Bytes(bytes);
    let host = host(&mut bytes)?;
    let are_fresh = bytes.take(known.services.len())?;
    known.are_fresh = are_fresh.iter().map(|is_fresh| *is_fresh != 0).collect();
    for number in OF_SERVICES {
        for service in &mut known.services {
            let value = bytes.difference(number(service).get())?;
            number(service).set(value)?;
        }
    }
    for number in OF_SERVERS {
        let services = known.services.iter_mut().zip(&known.are_fresh);
        for (service, _) in services.filter(|(_, is_fresh)| **is_fresh) {
            for server in service.servers.iter_mut().flatten() {
                let value = bytes.difference(number(server).get())?;
                number(server).set(value)?;
            }
        }
    }
    Some(known.reading(at, host))
}

fn push_host(bytes: &mut Vec<u8>, host: &Host) {
    push_text(bytes, &host.version);
    push_number(bytes, host.table_size.into());
    // 0: unknown.
    push_number(bytes, host.connections.map_or(0, |count| count.saturating_add(1)));
    bytes.push(u8::from(host.totals.is_some()));
    if let Some(totals) = &host.totals {
        push_counters(bytes, totals);
    }
    for texts in [&host.defences, &host.daemons] {
        push_number(bytes, texts.len() as u64);
        texts.iter().for_each(|text| push_text(bytes, text));
    }
}

fn host(bytes: &mut Bytes<'_>) -> Option<Host> {
    let version = bytes.text()?.to_owned();
    let table_size = bytes.small()?;
    let connections = bytes.number()?.checked_sub(1);
    let totals = match bytes.byte()? {
        0 => None,
        _ => Some(counters(bytes)?),
    };
    let mut texts = || -> Option<Vec<String>> {
        (0..bytes.count()?).map(|_| bytes.text().map(str::to_owned)).collect()
    };
    let (defences, daemons) = (texts()?, texts()?);
    Some(Host { version, table_size, connections, totals, defences, daemons })
}

fn push_counters(bytes: &mut Vec<u8>, counters: &Counters) {
    push_number(bytes, counters.connections);
    push_number(bytes, counters.bytes_in);
    push_number(bytes, counters.bytes_out);
}

fn counters(bytes: &mut Bytes<'_>) -> Option<Counters> {
    Some(Counters {
        connections: bytes.number()?,
        bytes_in: bytes.number()?,
        bytes_out: bytes.number()?,
    })
}

fn push_server(bytes: &mut Vec<u8>, server: &ServerReading) {
    match server.key.address {
        IpAddr::V4(address) => {
            bytes.push(4);
            bytes.extend_from_slice(&address.octets());
        }
        IpAddr::V6(address) => {
            bytes.push(6);
            bytes.extend_from_slice(&address.octets());
        }
    }
    push_number(bytes, server.key.port.into());
    bytes.push(match server.method {
        Method::Masquerade => 0,
        Method::Direct => 1,
        Method::Tunnel => 2,
        Method::Local => 3,
    });
    for number in [
        server.weight,
        server.upper_threshold,
        server.lower_threshold,
        server.active,
        server.inactive,
        server.persistent,
    ] {
        push_number(bytes, number.into());
    }
    push_counters(bytes, &server.counters);
}

fn server(bytes: &mut Bytes<'_>) -> Option<ServerReading> {
    let address = match bytes.byte()? {
        4 => IpAddr::V4(Ipv4Addr::from(*bytes.take(4)?.first_chunk::<4>()?)),
        6 => IpAddr::V6(Ipv6Addr::from(*bytes.take(16)?.first_chunk::<16>()?)),
        _ => return None,
    };
    let port = bytes.number()?.try_into().ok()?;
    let method = match bytes.byte()? {
        0 => Method::Masquerade,
        1 => Method::Direct,
        2 => Method::Tunnel,
        3 => Method::Local,
        _ => return None,
    };
    Some(ServerReading {
        key: DestinationKey { address, port },
        method,
        weight: bytes.small()?,
        upper_threshold: bytes.small()?,
        lower_threshold: bytes.small()?,
        active: bytes.small()?,
        inactive: bytes.small()?,
        persistent: bytes.small()?,
        counters: counters(bytes)?,
    })
}
