//! One change to the kernel's state.

use super::{
    DaemonConfig, DaemonRole, DestinationConfig, DestinationKey, ServiceConfig, ServiceKey,
    Setting, SettingValue, Timeouts,
};

/// One change to the kernel's state: the content of one request, or of a file in `/proc/sys`.
///
/// The kernel carries out each change as a whole or not at all. [`Client::change`] sends one,
/// [`Client::batch`] many; [`Plan`](crate::Plan) is made of them, and
/// [`rules`](crate::rules) reads and writes them as lines.
///
/// [`Client::change`]: crate::Client::change
/// [`Client::batch`]: crate::Client::batch
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Change {
    /// Adds a virtual service.
    AddService(ServiceKey, ServiceConfig),
    /// Replaces a virtual service's configuration. Its real servers, connections and counters stay.
    EditService(ServiceKey, ServiceConfig),
    /// Removes a virtual service with its real servers.
    DeleteService(ServiceKey),
    /// Adds a real server to a service.
    AddDestination(ServiceKey, DestinationKey, DestinationConfig),
    /// Replaces a real server's configuration. Its connections and counters stay.
    EditDestination(ServiceKey, DestinationKey, DestinationConfig),
    /// Removes a real server from a service. Packets of its connections are dropped from then on.
    /// The connections end when they time out, or at their next packet at the latest if the sysctl
    /// `net.ipv4.vs.expire_nodest_conn` is 1.
    DeleteDestination(ServiceKey, DestinationKey),
    /// Removes all virtual services.
    Flush,
    /// Sets the counters of all services and their real servers to zero.
    ZeroAll,
    /// Sets the counters of one service and its real servers to zero.
    ZeroService(ServiceKey),
    /// Sets the timeouts that are not 0. The others stay as they are.
    SetTimeouts(Timeouts),
    /// Sets a setting.
    SetSetting(Setting, SettingValue),
    /// Starts a sync daemon.
    StartDaemon(DaemonRole, DaemonConfig),
    /// Stops a sync daemon.
    StopDaemon(DaemonRole),
}
