//! `-L`: what the kernel knows.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::net::IpAddr;

use anyhow::anyhow;
use ipvs::rules::{ConnectionListing, Format, Listing, ServiceListing, View};
use ipvs::{
    Client, Daemon, Destination, DestinationKey, RefusalKind, Service, ServiceConfig, ServiceKey,
    SnapshotEntry, Statistics, Stats,
};

use crate::failure::Failure;
use crate::json::Writer;
use crate::names::Names;
use crate::output::Sink;
use crate::output::classic::Classic;
use crate::progress::Progress;
use crate::{connections, formats};

/// Prints what is asked for. What was printed may still be in the sink.
pub(crate) fn list(client: &mut Client, listing: &Listing, sink: &mut Sink) -> Result<(), Failure> {
    match listing {
        Listing::Services(listing) if listing.format == Format::Classic => {
            services(client, listing, sink)
        }
        Listing::Services(listing) => formats::services(client, listing, sink),
        Listing::Connections(listing) => {
            // The list itself would not tell that there is no right to ask.
            client.info()?;
            connections(listing, sink)
        }
        Listing::Timeouts { json } => {
            let timeouts = client.timeouts()?;
            if *json {
                let mut json = Writer::begin(&mut sink.text);
                json.timeouts(&mut sink.text, &timeouts)?;
                json.end(&mut sink.text);
                return Ok(());
            }
            let (tcp, tcp_fin, udp) = (timeouts.tcp, timeouts.tcp_fin, timeouts.udp);
            let line = format!("Timeout (tcp tcpfin udp): {tcp} {tcp_fin} {udp}\n");
            sink.text.extend_from_slice(line.as_bytes());
            Ok(())
        }
        Listing::Daemons { json: true } => {
            let daemons = client.daemons()?;
            let mut json = Writer::begin(&mut sink.text);
            json.daemons(&mut sink.text, &daemons)?;
            json.end(&mut sink.text);
            Ok(())
        }
        Listing::Daemons { json: false } => {
            for daemon in client.daemons()? {
                sink.text.extend_from_slice(daemon_line(&daemon).as_bytes());
            }
            Ok(())
        }
    }
}

fn services(client: &mut Client, listing: &ServiceListing, sink: &mut Sink) -> Result<(), Failure> {
    let info = match listing.only {
        None => Some(client.info()?),
        Some(_) => None,
    };
    let statistics = match listing.view {
        View::Stats | View::Rate => Statistics::Read,
        _ => Statistics::Skip,
    };
    let reading = Reading { statistics, sorted: listing.sorted };
    let services = find(client, listing.only, reading)?;
    let mut names = Names::new(listing.numeric);
    let mut ready = Vec::new();
    if let Names::Named { .. } = names {
        ready = with_destinations(client, &services, reading)?;
        names.learn(addresses(&ready));
    }

    if let Some(info) = info {
        Classic::banner(&mut sink.text, &info);
    }
    let classic = Classic { view: listing.view, exact: listing.exact, names: &names };
    classic.head(&mut sink.text);
    let mut print = |service: &Service, destinations: &[Destination]| {
        classic.service(&mut sink.text, service);
        for destination in destinations {
            classic.destination(&mut sink.text, &service.key, destination);
        }
        sink.pass().map_err(Failure::Output)
    };
    if !ready.is_empty() {
        return ready.iter().try_for_each(|entry| print(&entry.service, &entry.destinations));
    }
    // One service's servers at a time, so that a large table needs little memory.
    let mut destinations = Vec::new();
    let mut progress = Progress::new("services", Some(services.len()));
    for kept in &services {
        read_destinations(client, &kept.key, reading, &mut destinations)?;
        print(&kept.service(), &destinations)?;
        progress.step();
    }
    Ok(())
}

/// What is read of services and servers, and in which order.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reading {
    pub(crate) statistics: Statistics,
    /// In the order of their keys, and not in the kernel's.
    pub(crate) sorted: bool,
}

/// A service, as long lists keep it until its servers are known: its statistics are more than half of
/// it, and most lists do not show them.
#[derive(Debug)]
pub(crate) struct Kept {
    pub(crate) key: ServiceKey,
    config: ServiceConfig,
    stats: Option<Box<Stats>>,
}

impl Kept {
    fn new(service: &Service, statistics: Statistics) -> Self {
        let stats = (statistics == Statistics::Read).then(|| Box::new(service.stats));
        Kept { key: service.key, config: service.config, stats }
    }

    /// The service, with statistics if they were kept.
    pub(crate) fn service(&self) -> Service {
        let stats = self.stats.as_deref().copied().unwrap_or_default();
        Service { key: self.key, config: self.config, stats }
    }
}

/// The services that are asked for: all of them, or only one.
pub(crate) fn find(
    client: &mut Client,
    only: Option<ServiceKey>,
    reading: Reading,
) -> Result<Vec<Kept>, Failure> {
    let Reading { statistics, sorted } = reading;
    if let Some(key) = only {
        return Ok(vec![Kept::new(&one(client, &key)?, statistics)]);
    }
    let mut services = Vec::new();
    client.each_service(statistics, |service| services.push(Kept::new(&service, statistics)))?;
    if sorted {
        services.sort_unstable_by_key(|service| service.key);
    }
    Ok(services)
}

fn one(client: &mut Client, key: &ServiceKey) -> Result<Service, Failure> {
    client.service(key).map_err(|error| match error.refusal_kind() {
        Some(RefusalKind::NoSuchService) => Failure::NothingToList,
        _ => Failure::from(error),
    })
}

/// Where a server stands among a service's: by address and port. The two families mix, as they do in
/// ipvsadm 1.31: an IPv4 address is compared with the front of an IPv6 one.
fn place(key: &DestinationKey) -> (u128, u16) {
    let address = match key.address {
        IpAddr::V4(address) => u128::from(address.to_bits()) << 96,
        IpAddr::V6(address) => address.to_bits(),
    };
    (address, key.port)
}

/// Puts a service's servers into the place of what `destinations` holds.
pub(crate) fn read_destinations(
    client: &mut Client,
    service: &ServiceKey,
    reading: Reading,
    destinations: &mut Vec<Destination>,
) -> Result<(), Failure> {
    destinations.clear();
    let push = |destination| destinations.push(destination);
    client.each_destination(service, reading.statistics, push)?;
    if reading.sorted {
        // The kernel tells the newest first, and most tables were made in order.
        destinations.reverse();
        destinations.sort_unstable_by_key(|destination| place(&destination.key));
    }
    Ok(())
}

/// All services with their servers, for whoever must know all of them before printing one.
pub(crate) fn with_destinations(
    client: &mut Client,
    services: &[Kept],
    reading: Reading,
) -> Result<Vec<SnapshotEntry>, Failure> {
    let mut progress = Progress::new("services", Some(services.len()));
    services
        .iter()
        .map(|kept| {
            let mut destinations = Vec::new();
            read_destinations(client, &kept.key, reading, &mut destinations)?;
            progress.step();
            Ok(SnapshotEntry { service: kept.service(), destinations })
        })
        .collect()
}

/// Every address in the table.
pub(crate) fn addresses(entries: &[SnapshotEntry]) -> impl Iterator<Item = IpAddr> + '_ {
    entries.iter().flat_map(|entry| {
        let service = match entry.service.key {
            ServiceKey::Address { address, .. } => Some(address),
            ServiceKey::FirewallMark { .. } => None,
        };
        service.into_iter().chain(entry.destinations.iter().map(|server| server.key.address))
    })
}

fn connections(listing: &ConnectionListing, sink: &mut Sink) -> Result<(), Failure> {
    let cannot = |what: &str| Failure::Other(anyhow!("{what} {}", connections::FILE));
    let file = File::open(connections::FILE).map_err(|_| cannot("cannot open file"))?;
    let mut file = BufReader::with_capacity(64 * 1024, file);
    if file.fill_buf().map_err(|_| cannot("cannot read"))?.is_empty() {
        return Err(cannot("unexpected input from"));
    }
    if listing.json {
        return connections::print_json(file, sink);
    }
    let mut names = Names::new(listing.numeric);
    connections::print(file, sink, &mut names, listing.persistence_engine)
}

fn daemon_line(daemon: &Daemon) -> String {
    let config = &daemon.config;
    let mut line = format!(
        "{} sync daemon (mcast={}, syncid={}",
        daemon.role, config.interface, config.sync_id
    );
    // Kernels before 4.3 have no more than these.
    if let Some(length) = config.max_length {
        line += &format!(", maxlen={length}");
    }
    if let Some(group) = config.group {
        line += &format!(", group={group}");
    }
    if let Some(port) = config.port {
        line += &format!(", port={port}");
    }
    if let Some(ttl) = config.ttl {
        line += &format!(", ttl={ttl}");
    }
    line + ")\n"
}
