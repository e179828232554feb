//! One change to the kernel's state.

use super::{
    DaemonConfig, DaemonRole, DestinationConfig, DestinationKey, ServiceConfig, ServiceKey,
    Timeouts,
};

/// One change to the kernel's state: what a single writing request asks for.
///
/// The kernel carries out each one whole or not at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Change {
    /// Adds a virtual service.
    AddService(ServiceKey, ServiceConfig),
    /// Sets all of a virtual service's configuration. Its servers, connections and counters stay.
    EditService(ServiceKey, ServiceConfig),
    /// Removes a virtual service and its real servers.
    DeleteService(ServiceKey),
    /// Adds a real server to a service.
    AddDestination(ServiceKey, DestinationKey, DestinationConfig),
    /// Sets all of a real server's configuration. Its connections and counters stay.
    EditDestination(ServiceKey, DestinationKey, DestinationConfig),
    /// Removes a real server from a service. Its connections end when their next packet comes.
    DeleteDestination(ServiceKey, DestinationKey),
    /// Removes all virtual services.
    Flush,
    /// Sets the counters of all services and their servers to zero.
    ZeroAll,
    /// Sets the counters of one service and its servers to zero.
    ZeroService(ServiceKey),
    /// Sets the timeouts that are not 0.
    SetTimeouts(Timeouts),
    /// Starts a sync daemon.
    StartDaemon(DaemonRole, DaemonConfig),
    /// Stops a sync daemon.
    StopDaemon(DaemonRole),
}
