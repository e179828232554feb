//! What a command line or a rule line asks for, once all of it is known to make sense.

use crate::{Change, ServiceKey};

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Command {
    /// Change the kernel's state: all commands but those below.
    Change(Change),
    /// `-L`: show the kernel's state.
    List(Listing),
    /// `-S`: print the table as rules.
    Save(SaveOptions),
    /// `-R`: carry out the rules that come on standard input.
    Restore,
    /// `-h`: show how the program is used.
    Help,
    /// `-v`: show the program's version.
    Version,
}

impl Default for Command {
    /// `-L`: what the program does when it is given no word.
    fn default() -> Self {
        Command::List(Listing::Services(ServiceListing::default()))
    }
}

/// What to show, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Listing {
    /// Virtual services with their real servers.
    Services(ServiceListing),
    /// `-c`: the connections.
    Connections(ConnectionListing),
    /// `--timeout`: the timeouts of connections.
    Timeouts,
    /// `--daemon`: the sync daemons.
    Daemons,
}

/// How to show virtual services.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ServiceListing {
    /// This service only. `None`: the whole table.
    pub only: Option<ServiceKey>,
    /// Which columns.
    pub view: View,
    /// Addresses and ports as numbers, not as names.
    pub numeric: bool,
    /// Numbers in full, not shortened to a multiple.
    pub exact: bool,
    /// Sorted, not in the kernel's order.
    pub sorted: bool,
}

impl Default for ServiceListing {
    /// As `ipvsadm` without options lists.
    fn default() -> Self {
        ServiceListing {
            only: None,
            view: View::Default,
            numeric: false,
            exact: false,
            sorted: true,
        }
    }
}

/// Which columns a listing of services has. If several are asked for, the first of these wins.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum View {
    /// Forwarding method, weight and numbers of connections.
    #[default]
    Default,
    /// `--stats`: totals.
    Stats,
    /// `--rate`: averages a second.
    Rate,
    /// `--thresholds`: the limits on connections.
    Thresholds,
    /// `--persistent-conn`: numbers of persistent connections.
    PersistentConnections,
    /// `--tun-info`: the kinds of tunnels.
    TunnelInfo,
}

/// How to show connections.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ConnectionListing {
    /// Addresses and ports as numbers, not as names.
    pub numeric: bool,
    /// With the columns of the persistence engine.
    pub persistence_engine: bool,
}

/// How to save.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SaveOptions {
    /// Addresses and ports as numbers, not as names.
    pub numeric: bool,
}
