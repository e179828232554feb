//! `-L`: what the kernel knows.

use std::fs::File;
use std::io::{BufRead, BufReader};

use anyhow::anyhow;
use ipvs::rules::grammar::{ConnectionListing, Format, Listing, ServiceListing, View};
use ipvs::{Client, Daemon, Statistics};

use crate::commands::formats;
use crate::kernel::table::{Reading, Services};
use crate::names::Names;
use crate::output::classic::{self, Classic};
use crate::output::connections;
use crate::output::json::Writer;
use crate::process::Sink;
use crate::process::failure::Failure;

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
            let (tcp, tcp_fin, udp) =
                (timeouts.tcp_seconds, timeouts.tcp_fin_seconds, timeouts.udp_seconds);
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
    let reading = Reading { only: listing.only, statistics, sorted: listing.sorted };
    let services = Services::find(client, reading)?;
    if let Some(info) = info {
        classic::banner(&mut sink.text, &info);
    }
    classic::head(&mut sink.text, listing.view);
    let mut names = Names::new(listing.numeric);
    services.each_named(client, &mut names, |names, service, destinations| {
        let classic = Classic { view: listing.view, exact: listing.exact, names };
        classic.service(&mut sink.text, service);
        for destination in destinations {
            classic.destination(&mut sink.text, &service.key, destination);
        }
        sink.pass().map_err(Failure::Output)
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
    if let Some(length) = config.max_length_bytes {
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
