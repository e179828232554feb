//! Lists the virtual services and real servers of a network namespace, with their connections.
//!
//! ```text
//! cargo build --example list
//! sudo target/debug/examples/list
//! sudo target/debug/examples/list blue
//! ```
//!
//! The argument is a namespace: its name, a path such as `/proc/4711/ns/net`, or the number of a
//! process that runs in it. Without one it is the namespace that the program was started in.

use std::process::ExitCode;

use ipvs::{Client, Error, Namespace, RefusalKind, SnapshotEntry};

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let namespace = arguments.next();
    if arguments.next().is_some() {
        eprintln!("usage: list [NAMESPACE]");
        return ExitCode::from(2);
    }
    let Err(error) = list(namespace.as_deref()) else {
        return ExitCode::SUCCESS;
    };
    eprintln!("list: {error}");
    match error {
        Error::NotAvailable => eprintln!("load it with: modprobe ip_vs"),
        _ if error.refusal_kind() == Some(RefusalKind::PermissionDenied) => {
            eprintln!("reading needs CAP_NET_ADMIN, as changing does");
        }
        _ => {}
    }
    ExitCode::FAILURE
}

fn list(namespace: Option<&str>) -> Result<(), Error> {
    let mut client = match namespace {
        Some(name) => Client::in_namespace(&Namespace::find(name)?)?,
        None => Client::new()?,
    };
    let info = client.info()?;
    println!("IPVS {}, {} buckets for connections", info.version, info.connection_table_size);
    for entry in client.snapshot()?.entries {
        print_service(&entry);
    }
    Ok(())
}

fn print_service(entry: &SnapshotEntry) {
    let service = &entry.service;
    print!("\n{}, scheduler {}", service.key, service.config.scheduler);
    if let Some(persistence) = service.config.persistence {
        print!(", persistent for {} s", persistence.timeout_seconds);
    }
    println!();
    if let Some(stats) = &service.stats {
        let (connections, bytes) = (stats.connections, stats.incoming_bytes);
        println!("    {connections} connections and {bytes} bytes since it was added");
    }
    // A server of weight 0 is given no new connections.
    let serving = entry.destinations.iter().filter(|server| server.config.weight > 0).count();
    println!("    {serving} of {} servers take new connections", entry.destinations.len());
    for server in &entry.destinations {
        println!(
            "    {}, weight {}: {} active, {} inactive",
            server.key,
            server.config.weight,
            server.active_connections,
            server.inactive_connections,
        );
    }
}
