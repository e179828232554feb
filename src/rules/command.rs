//! What a command line or a rule line asks for, once all of it is known to make sense.

use std::path::PathBuf;
use std::str::FromStr;

use crate::{Change, ServiceKey};

/// A command line as a whole: what is asked for, and how to carry it out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Invocation {
    /// What is asked for.
    pub command: Command,
    /// `--netns`: the network namespace to work in. `None`: the one that the program is in.
    pub namespace: Option<String>,
    /// `--dry-run`: only show what would be done.
    pub dry_run: bool,
    /// `--wait`: how many seconds to wait at most for others that change the table. `None`: as
    /// long as it takes.
    pub wait: Option<u32>,
    /// The file of `--apply`. `None`: standard input.
    pub file: Option<PathBuf>,
}

impl From<Command> for Invocation {
    fn from(command: Command) -> Self {
        Invocation { command, ..Invocation::default() }
    }
}

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
    /// `--apply`: make the table what a file says.
    Apply(ApplyOptions),
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
    /// `--timeout`: the timeouts of connections, as JSON or not.
    Timeouts {
        /// As JSON.
        json: bool,
    },
    /// `--daemon`: the sync daemons.
    Daemons {
        /// As JSON.
        json: bool,
    },
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
    /// In what form.
    pub format: Format,
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
            format: Format::Classic,
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
    /// As JSON, one object a line.
    pub json: bool,
}

/// In what form to show virtual services.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Format {
    /// As `ipvsadm` has always shown them.
    #[default]
    Classic,
    /// A table for people.
    Table,
    /// JSON: all that the kernel knows.
    Json,
    /// What Prometheus reads.
    Prometheus,
}

impl Format {
    /// Each format, with the name that `--format` takes.
    pub const ALL: &[(&str, Format)] = &[
        ("classic", Format::Classic),
        ("table", Format::Table),
        ("json", Format::Json),
        ("prometheus", Format::Prometheus),
    ];
}

impl FromStr for Format {
    type Err = ();

    /// `Err` for a name that no format has.
    fn from_str(name: &str) -> Result<Self, ()> {
        Format::ALL.iter().find(|(known, _)| *known == name).map(|(_, format)| *format).ok_or(())
    }
}

/// How to save.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SaveOptions {
    /// Addresses and ports as numbers, not as names.
    pub numeric: bool,
    /// The timeouts and sync daemons too.
    pub all: bool,
    /// As JSON.
    pub json: bool,
}

/// How to apply a table.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ApplyOptions {
    /// Real servers that are there keep their weights.
    pub keep_weights: bool,
    /// An empty input means an empty table.
    pub allow_empty: bool,
}
