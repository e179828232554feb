//! Brings one virtual service of the kernel to a wanted state, all of it or nothing, and says what
//! changed. A controller does the same each time its list of healthy servers changes.
//!
//! The service is given as listings show it, followed by its real servers, each with the weight it
//! should have (1 if left out). A service without servers is kept, and refuses connections. All
//! other services, the timeouts and the sync daemons stay as they are.
//!
//! ```text
//! cargo build --example reconcile
//! sudo target/debug/examples/reconcile 'TCP 192.0.2.1:80' 10.0.0.1:8080 10.0.0.2:8080=3
//! ```
//!
//! Ends with status 0 when the kernel is in the wanted state, whether or not that took a change.

use std::error::Error;
use std::process::ExitCode;

use ipvs::rules::Line;
use ipvs::{
    Client, DestinationConfig, DestinationKey, Forwarding, Name, Plan, PlanOptions, ServiceConfig,
    ServiceKey,
};

const SCHEDULER: Name = Name::from_static("wrr");

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let Some((service, servers)) = arguments.split_first() else {
        eprintln!("usage: reconcile 'TCP ADDRESS:PORT' [ADDRESS:PORT[=WEIGHT] ...]");
        return ExitCode::from(2);
    };
    match run(service, servers) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("reconcile: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(service: &str, servers: &[String]) -> Result<(), Box<dyn Error>> {
    let service: ServiceKey = service.parse()?;
    let servers = servers.iter().map(|text| server(text)).collect::<Result<Vec<_>, _>>()?;

    let mut client = Client::new()?;
    let now = client.state()?;

    // Start from what the kernel holds, so that everything this program does not own stays. A
    // program that owns the whole table starts from `State::from(Table::new())` instead.
    let mut wanted = now.clone();
    wanted.table.remove(&service);
    let entry = wanted.table.insert(service, ServiceConfig::new(SCHEDULER));
    for (key, config) in servers {
        if entry.insert(key, config).is_some() {
            return Err(format!("{key} is given twice").into());
        }
    }

    let plan = Plan::between(&now, &wanted, PlanOptions::default());
    if !plan.is_empty() {
        // If the kernel refuses a change, what was done before it is undone, and the error says so.
        client.apply(&plan)?;
    }
    for change in plan.changes() {
        println!("{}", Line::new(change)?);
    }
    println!("{service}: {}", plan.summary());
    Ok(())
}

/// Reads `10.0.0.1:8080` or `10.0.0.1:8080=3`.
fn server(text: &str) -> Result<(DestinationKey, DestinationConfig), Box<dyn Error>> {
    let (address, weight) = match text.split_once('=') {
        Some((address, weight)) => {
            let weight = weight
                .parse()
                .ok()
                .filter(|weight| *weight <= DestinationConfig::MAX_WEIGHT)
                .ok_or_else(|| format!("{text}: {weight:?} is not a weight"))?;
            (address, weight)
        }
        None => (text, 1),
    };
    let forwarding = Forwarding::Masquerade;
    Ok((address.parse()?, DestinationConfig { forwarding, weight, ..Default::default() }))
}
