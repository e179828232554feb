//! Large tables.

use std::net::{Ipv4Addr, SocketAddr};

use ipvs::{DestinationConfig, ServiceConfig, ServiceKey, Table};

use crate::{kernel_with_table, plan};

/// Services with this many servers each, of which one in a hundred has the weight `weight`.
fn table(services: u32, servers: u32, weight: u32) -> Table {
    let mut table = Table::new();
    for service in 0..services {
        let address = Ipv4Addr::from(0x0a00_0000 + service);
        let key = ServiceKey::tcp(SocketAddr::from((address, 80)));
        let entry = table.insert(key, ServiceConfig::default());
        for server in 0..servers {
            let address = Ipv4Addr::from(0xac10_0000 + server);
            let changed = (service * servers + server).is_multiple_of(100);
            let weight = if changed { weight } else { 1 };
            let config = DestinationConfig { weight, ..DestinationConfig::default() };
            entry.insert(SocketAddr::from((address, 80)).into(), config);
        }
    }
    table
}

#[test]
fn if_one_server_in_a_hundred_changes_only_those_are_sent() {
    let (kernel, before) = kernel_with_table(&table(200, 10, 1), 256);
    let plan = plan(&before, &table(200, 10, 2).into());
    kernel.client().apply(&plan).unwrap();
    assert_eq!(kernel.written(), 20);
    assert_eq!(plan.summary().to_string(), "20 servers edited, 1,980 unchanged");
}
