//! What IPVS itself says.

use ::ipvs::{
    self as library, Client, Destination, Forwarding, RefusalKind, ServiceKey, Statistics, Stats,
};

use crate::doctor::facts::{Counters, Daemon, Ipvs, Method, Server, Service, TableUse, Tunnel};
use crate::kernel::status;

/// The module's parameter that says how large the table of connections is, or may become.
const TABLE_BITS: &str = "/sys/module/ip_vs/parameters/conn_tab_bits";

/// Reads the table with its counters, and the rest.
pub(super) fn read(client: &mut Client) -> Result<Ipvs, library::Error> {
    let timeouts = client.timeouts()?;
    let table = status::connection_table();
    Ok(Ipvs {
        table_size: client.info()?.connection_table_size,
        table_use: table.and_then(|table| table.usage).map(|usage| TableUse {
            bits: usage.bits,
            load_factor: usage.load_factor,
            chains: usage.chains.into_iter().collect(),
        }),
        table_most_bits: std::fs::read_to_string(TABLE_BITS)
            .ok()
            .and_then(|text| text.trim().parse().ok()),
        services: services(client)?,
        tcp_timeout: timeouts.tcp_seconds,
        tcp_fin_timeout: timeouts.tcp_fin_seconds,
        udp_timeout: timeouts.udp_seconds,
        daemons: client.daemons()?.iter().map(daemon).collect(),
    })
}

/// The services with their servers, both in the order of their keys.
fn services(client: &mut Client) -> Result<Vec<Service>, library::Error> {
    let mut services = Vec::new();
    client.each_service(Statistics::Read, |it| services.push(service(&it)))?;
    services.sort_unstable_by_key(|service| service.key);
    // One may come twice: see `Client::services`.
    services.dedup_by_key(|service| service.key);
    let mut gone = Vec::new();
    for service in &mut services {
        let servers = &mut service.servers;
        client.each_destination(&service.key, Statistics::Read, |it| servers.push(server(&it)))?;
        servers.sort_unstable_by_key(|server| server.key);
        servers.dedup_by_key(|server| server.key);
        servers.shrink_to_fit();
        // To the kernel, a service that has just been removed is one without servers.
        if servers.is_empty() && !is_there(client, &service.key)? {
            gone.push(service.key);
        }
    }
    services.retain(|service| gone.binary_search(&service.key).is_err());
    Ok(services)
}

fn is_there(client: &mut Client, service: &ServiceKey) -> Result<bool, library::Error> {
    match client.service(service) {
        Ok(_) => Ok(true),
        Err(error) if error.refusal_kind() == Some(RefusalKind::NoSuchService) => Ok(false),
        Err(error) => Err(error),
    }
}

fn service(read: &library::Service) -> Service {
    let library::Service { key, config, stats, .. } = read;
    let scheduler = config.scheduler.as_str();
    Service {
        key: *key,
        scheduler: scheduler.to_owned(),
        flags: config.scheduler_flags.names_in_rules(scheduler).map(str::to_owned).collect(),
        persistent: config.persistence.map(|persistence| persistence.timeout_seconds),
        one_packet: config.one_packet,
        counters: counters(stats.as_deref()),
        growth: Counters::default(),
        servers: Vec::new(),
    }
}

fn server(read: &Destination) -> Server {
    let (method, tunnel) = match read.config.forwarding {
        Forwarding::Masquerade => (Method::Masquerade, None),
        Forwarding::DirectRoute => (Method::Direct, None),
        Forwarding::Tunnel(tunnel) => (Method::Tunnel, self::tunnel(tunnel)),
        // What servers have no use for is not looked at more closely.
        _ => (Method::Local, None),
    };
    Server {
        key: read.key,
        method,
        tunnel,
        weight: read.config.weight,
        upper_threshold: read.config.upper_threshold,
        lower_threshold: read.config.lower_threshold,
        active: read.active_connections,
        inactive: read.inactive_connections,
        counters: counters(read.stats.as_deref()),
        growth: Counters::default(),
    }
}

/// `None` for types that came after this program.
fn tunnel(read: library::Tunnel) -> Option<Tunnel> {
    match read {
        library::Tunnel::Ipip => Some(Tunnel::Ipip),
        library::Tunnel::Gue { port, .. } => Some(Tunnel::Gue { port: port.get() }),
        library::Tunnel::Gre { checksum } => {
            Some(Tunnel::Gre { checksum: checksum != library::TunnelChecksum::None })
        }
        _ => None,
    }
}

fn counters(read: Option<&Stats>) -> Counters {
    read.map_or_else(Counters::default, |stats| Counters {
        connections: stats.connections,
        incoming_packets: stats.incoming_packets,
        outgoing_packets: stats.outgoing_packets,
    })
}

fn daemon(read: &library::Daemon) -> Daemon {
    Daemon {
        role: read.role.to_string(),
        interface: read.config.interface.to_string(),
        sync_id: read.config.sync_id,
        group: read.config.group,
        port: read.config.port.map(Into::into),
        ttl: read.config.ttl.map(Into::into),
    }
}

/// Sets how much the counters have grown since an earlier reading. What is new began at 0.
pub(super) fn set_growth(now: &mut Ipvs, before: &Ipvs) {
    for service in &mut now.services {
        let earlier = before.service(&service.key);
        service.growth = growth(service.counters, earlier.map(|it| it.counters));
        for server in &mut service.servers {
            let earlier = earlier.and_then(|it| it.server(&server.key));
            server.growth = growth(server.counters, earlier.map(|it| it.counters));
        }
    }
}

fn growth(now: Counters, before: Option<Counters>) -> Counters {
    let before = before.unwrap_or_default();
    // Zeroed meanwhile.
    if now.connections < before.connections || now.incoming_packets < before.incoming_packets {
        return now;
    }
    Counters {
        connections: now.connections - before.connections,
        incoming_packets: now.incoming_packets - before.incoming_packets,
        outgoing_packets: now.outgoing_packets.saturating_sub(before.outgoing_packets),
    }
}
