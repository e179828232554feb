//! That a `Table` takes and refuses what the kernel takes and refuses.

use ipvs::{Change, DaemonRole, Error, Operation, ServiceKey, Table, TableError, Timeouts};
use proptest::prelude::*;

use crate::cases;
use crate::kernel::MemoryKernel;
use crate::strategy::changes;

proptest! {
    #![proptest_config(cases(1500))]

    #[test]
    fn a_table_takes_and_refuses_each_change_as_the_kernel_does(changes in changes()) {
        let kernel = MemoryKernel::new(8);
        let mut client = kernel.client();
        let mut table = Table::new();
        for change in &changes {
            match (client.change(change), table.apply(change)) {
                (Ok(()), Ok(())) => {}
                (Err(Error::Refused(kernel)), Err(TableError::Refused(table))) => {
                    prop_assert_eq!(kernel, table);
                }
                (
                    Err(Error::NetmaskFamily { service, netmask }),
                    Err(TableError::NetmaskFamily { service: service2, netmask: netmask2 }),
                ) => prop_assert_eq!((service, netmask), (service2, netmask2)),
                (kernel, table) => prop_assert!(false, "{change:?}: {kernel:?} but {table:?}"),
            }
        }
        prop_assert_eq!(client.table().unwrap(), table);
    }
}

#[test]
fn what_is_not_about_services_is_told_as_such() {
    let key = ServiceKey::tcp("192.0.2.1:80".parse::<std::net::SocketAddr>().unwrap());
    for (change, operation) in [
        (Change::ZeroAll, Operation::ZeroAll),
        (Change::ZeroService(key), Operation::ZeroService),
        (Change::SetTimeouts(Timeouts::default()), Operation::SetTimeouts),
        (Change::StopDaemon(DaemonRole::Master), Operation::StopDaemon),
    ] {
        let mut table = Table::new();
        assert_eq!(table.apply(&change), Err(TableError::NotInTable(operation)));
        assert!(table.is_empty());
    }
}
