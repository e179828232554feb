//! What the kernel would make of a change, without asking it.

use std::collections::btree_map::Entry;

use crate::error::{Operation, Refusal, RefusalKind};
use crate::model::{
    AddressFamily, Change, DestinationConfig, DestinationKey, Forwarding, Netmask, ServiceConfig,
    ServiceKey, Table, TableEntry, Tunnel,
};
use crate::netlink::uapi::{errno, tun_type};

/// The highest weight that the kernel takes: it counts in a C `int`.
const MOST_WEIGHT: u32 = i32::MAX as u32;

/// Why a change could not be made to a [`Table`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TableError {
    /// The kernel would refuse it, and with this error number.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The netmask is not of the service's family. The [`Client`](crate::Client) sends no such
    /// change, as the kernel would misread it.
    #[error("the netmask of an {service} service must be an {service} one, not {netmask}")]
    NetmaskFamily {
        /// The service's family.
        service: AddressFamily,
        /// The netmask's.
        netmask: AddressFamily,
    },
    /// The change is not about services and servers, but about counters, timeouts or daemons. The
    /// table is none the worse for it; whoever has such a change must see to it otherwise.
    #[error("counters, timeouts and daemons are not part of a table of services")]
    NotInTable(Operation),
}

impl TableError {
    /// What the kernel's refusal would mean; `None` if it would not refuse.
    pub fn refusal_kind(&self) -> Option<RefusalKind> {
        match self {
            TableError::Refused(refusal) => Some(refusal.kind()),
            _ => None,
        }
    }
}

impl Table {
    /// Makes a change to this table as the kernel would make it to its own.
    ///
    /// What the kernel would refuse is refused here, with the same error number and so the same
    /// [`RefusalKind`] and words; the table is then what it was. What only the kernel can know is
    /// not looked at: which schedulers and persistence engines it has, which addresses it can
    /// route to, and whether a sync daemon runs, beside which it takes no server of another
    /// family than the service's.
    ///
    /// # Errors
    /// [`TableError::Refused`] with
    /// - [`ServiceExists`](RefusalKind::ServiceExists), adding a service that is there;
    /// - [`NoSuchService`](RefusalKind::NoSuchService), editing or deleting one that is not;
    /// - [`ServiceNotDefined`](RefusalKind::ServiceNotDefined), for a server of one that is not;
    /// - [`DestinationExists`](RefusalKind::DestinationExists), adding a server that is there;
    /// - [`NoSuchDestination`](RefusalKind::NoSuchDestination), editing or deleting one that is
    ///   not;
    /// - [`Invalid`](RefusalKind::Invalid) for an IPv6 prefix length that is not 1 to 128, a GUE
    ///   tunnel without port, and a server of another family than the service's without a tunnel;
    /// - [`Other`](RefusalKind::Other) with `ERANGE` for a weight over 2147483647 or a lower
    ///   threshold above the upper one;
    ///
    /// [`TableError::NetmaskFamily`], and [`TableError::NotInTable`] for [`Change::ZeroAll`],
    /// [`Change::ZeroService`], [`Change::SetTimeouts`], [`Change::StartDaemon`] and
    /// [`Change::StopDaemon`].
    pub fn apply(&mut self, change: &Change) -> Result<(), TableError> {
        let operation = Operation::from(change);
        self.rehearse(change).map_err(|problem| match problem {
            Problem::Errno(errno) => Refusal { operation, errno, kernel_text: None }.into(),
            Problem::Netmask { service, netmask } => TableError::NetmaskFamily { service, netmask },
            Problem::NotInTable => TableError::NotInTable(operation),
        })
    }

    /// The checks stand in the order of `ip_vs_genl_set_cmd` and what it calls, in
    /// net/netfilter/ipvs/ip_vs_ctl.c: with several things wrong, the first is what is told.
    fn rehearse(&mut self, change: &Change) -> Result<(), Problem> {
        match change {
            Change::AddService(key, config) => {
                check_family(key, config)?;
                let Entry::Vacant(vacant) = self.services.entry(*key) else {
                    return Err(Problem::Errno(errno::EEXIST));
                };
                check_prefix(config)?;
                vacant.insert(TableEntry::new(*config));
            }
            Change::EditService(key, config) => {
                check_family(key, config)?;
                let entry = self.entry(key)?;
                check_prefix(config)?;
                entry.config = *config;
            }
            Change::DeleteService(key) => {
                self.services.remove(key).ok_or(Problem::Errno(errno::ESRCH))?;
            }
            Change::AddDestination(service, key, config) => {
                let entry = self.entry(service)?;
                check_destination(service, key, config)?;
                let Entry::Vacant(vacant) = entry.destinations.entry(*key) else {
                    return Err(Problem::Errno(errno::EEXIST));
                };
                vacant.insert(*config);
            }
            Change::EditDestination(service, key, config) => {
                let entry = self.entry(service)?;
                check_destination(service, key, config)?;
                *entry.destinations.get_mut(key).ok_or(Problem::Errno(errno::ENOENT))? = *config;
            }
            Change::DeleteDestination(service, key) => {
                let entry = self.entry(service)?;
                entry.destinations.remove(key).ok_or(Problem::Errno(errno::ENOENT))?;
            }
            Change::Flush => self.services.clear(),
            Change::ZeroAll
            | Change::ZeroService(_)
            | Change::SetTimeouts(_)
            | Change::StartDaemon(..)
            | Change::StopDaemon(_) => return Err(Problem::NotInTable),
        }
        Ok(())
    }

    fn entry(&mut self, key: &ServiceKey) -> Result<&mut TableEntry, Problem> {
        self.services.get_mut(key).ok_or(Problem::Errno(errno::ESRCH))
    }
}

/// What is wrong with a change, before it is told which change.
enum Problem {
    Errno(i32),
    Netmask { service: AddressFamily, netmask: AddressFamily },
    NotInTable,
}

/// What the client looks at before anything is sent.
fn check_family(key: &ServiceKey, config: &ServiceConfig) -> Result<(), Problem> {
    match config.netmask_of_other_family(key.family()) {
        Some(netmask) => Err(Problem::Netmask { service: key.family(), netmask }),
        None => Ok(()),
    }
}

fn check_prefix(config: &ServiceConfig) -> Result<(), Problem> {
    match config.persistence.map(|persistence| persistence.netmask) {
        Some(Netmask::V6(0 | 129..)) => Err(Problem::Errno(errno::EINVAL)),
        _ => Ok(()),
    }
}

fn check_destination(
    service: &ServiceKey,
    key: &DestinationKey,
    config: &DestinationConfig,
) -> Result<(), Problem> {
    let tunnel = match config.forwarding {
        Forwarding::Tunnel(tunnel) => Some(tunnel),
        _ => None,
    };
    if key.family() != service.family() && tunnel.is_none() {
        return Err(Problem::Errno(errno::EINVAL));
    }
    if config.weight > MOST_WEIGHT || config.lower_threshold > config.upper_threshold {
        return Err(Problem::Errno(errno::ERANGE));
    }
    if matches!(tunnel, Some(Tunnel::Other { kind: tun_type::GUE, port: 0, .. })) {
        return Err(Problem::Errno(errno::EINVAL));
    }
    Ok(())
}
