//! The values that IPVS tables are made of. No input or output happens here.
//!
//! A [`Service`] and a [`Destination`] each have three parts: the *key* that identifies it, the
//! *configuration* that an administrator sets, and what the kernel *observes*.

mod change;
mod daemon;
mod destination;
mod info;
mod name;
mod scheduler;
mod service;
mod setting;
mod snapshot;
mod state;
mod stats;
mod table;
mod text;
mod validity;

pub use change::Change;
pub use daemon::{Daemon, DaemonConfig, DaemonRole};
pub use destination::{
    Destination, DestinationConfig, DestinationKey, Forwarding, Tunnel, TunnelChecksum,
};
pub use info::{Info, Timeouts, Version};
pub use name::Name;
pub use scheduler::SchedulerFlags;
pub use service::{
    AddressFamily, Netmask, Persistence, Protocol, Service, ServiceConfig, ServiceKey,
};
pub use setting::{Setting, SettingValue};
pub use snapshot::{Snapshot, SnapshotEntry};
pub use state::{DaemonState, State};
pub use stats::{Rates, Statistics, Stats};
pub use table::{Table, TableEntry};
pub use text::ParseError;
pub use validity::ConfigError;
