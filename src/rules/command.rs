//! What a command line or a rule line asks for, once all of it is known to make sense.

use std::path::PathBuf;

use super::amend::Amendment;
use super::connection::{ConnectionFilter, CountBy, Search};
use super::format::Format;
use crate::{Change, ServiceKey, Setting, SettingValue};

/// A whole command line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invocation {
    /// What to do.
    pub command: Command,
    /// `--netns`: the network namespace to work in. `None`: the one that the program is in.
    pub namespace: Option<String>,
    /// Whether to load the kernel's module if it is missing; not with `--no-load`.
    pub load_module: bool,
    /// True for an `-e` that names no forwarding method, and so sets direct routing.
    pub implies_direct_routing: bool,
}

impl From<Command> for Invocation {
    fn from(command: Command) -> Self {
        Invocation { command, namespace: None, load_module: true, implies_direct_routing: false }
    }
}

impl Default for Invocation {
    /// `-L`: what the program does without any word.
    fn default() -> Self {
        Command::List(Listing::Services(ServiceListing::default())).into()
    }
}

/// What a command line asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Change the kernel's state in one respect.
    Change(Change, Execution),
    /// `--settings NAME=VALUE...`: set all of these, or none.
    Settings(Vec<(Setting, SettingValue)>, Execution),
    /// `--keep`: edit only what is named.
    Amend(Amendment, Execution),
    /// `-L`: show the kernel's state.
    List(Listing),
    /// `-S`: print the table as rules.
    Save(SaveOptions),
    /// `--apply`: make the table what a file describes.
    Apply(ApplyOptions),
    /// `-R`: carry out the rules on standard input.
    Restore(Execution),
    /// `-h`: show how the program is used.
    Help,
    /// `-v`: show the program's version.
    Version,
}

/// What a rule line asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RuleCommand {
    /// Change the kernel's state in one respect.
    Change(Change),
    /// `--keep`: edit only what is named.
    Amend(Box<Amendment>),
    /// `-L`: show the kernel's state.
    List(Listing),
    /// `-S`: print the table as rules.
    Save(SaveOptions),
    /// `-h`: show how the program is used.
    Help,
    /// `-v`: show the program's version.
    Version,
}

/// How to carry out a command that changes something.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Execution {
    /// `--dry-run`: only show what would be done.
    pub dry_run: bool,
    /// `--wait`: how many seconds to wait at most for other commands that change the whole table.
    /// `None`: as long as it takes.
    pub wait: Option<u32>,
}

/// What to apply, and how.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ApplyOptions {
    /// The file. `None`: standard input.
    pub file: Option<PathBuf>,
    /// `--keep-weights`: real servers that are there keep their weights.
    pub keep_weights: bool,
    /// `--allow-empty`: input without any service empties the table.
    pub allow_empty: bool,
    /// How to carry it out.
    pub execution: Execution,
}

/// What to show, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Listing {
    /// Virtual services with their real servers.
    Services(ServiceListing),
    /// `-c`: the connections.
    Connections(ConnectionListing),
    /// `--timeout`: the timeouts of connections.
    Timeouts {
        /// As JSON.
        json: bool,
    },
    /// `--daemon`: the sync daemons.
    Daemons {
        /// As JSON.
        json: bool,
    },
    /// `--settings`, a command of its own: the settings.
    Settings {
        /// As JSON.
        json: bool,
    },
    /// `--status`: the state of IPVS as a whole.
    Status {
        /// As JSON.
        json: bool,
    },
}

/// How to show virtual services.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ServiceListing {
    /// This service only. `None`: the whole table.
    pub only: Option<ServiceKey>,
    /// Only what has this address. `None`: everything.
    pub search: Option<Search>,
    /// Which columns to show.
    pub view: View,
    /// Addresses and ports as numbers, not names.
    pub numeric: bool,
    /// Exact numbers, not shortened to a multiple.
    pub exact: bool,
    /// Sorted, not in the kernel's order.
    pub sorted: bool,
    /// The format.
    pub format: Format,
}

impl Default for ServiceListing {
    /// As `ipvsadm` without options lists.
    fn default() -> Self {
        ServiceListing {
            only: None,
            search: None,
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
    /// `--rate`: averages per second.
    Rate,
    /// `--thresholds`: the limits on connections.
    Thresholds,
    /// `--persistent-conn`: numbers of persistent connections.
    PersistentConnections,
    /// `--tun-info`: the types of tunnels.
    TunnelInfo,
}

/// How to show connections.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ConnectionListing {
    /// Addresses and ports as numbers, not names.
    pub numeric: bool,
    /// Which of them.
    pub filter: ConnectionFilter,
    /// `--by`: count them instead of listing them.
    pub count_by: Option<CountBy>,
    /// With the columns of the persistence engine.
    pub persistence_engine: bool,
    /// `--origin`: with the column that says which director made them.
    pub origin: bool,
    /// As JSON, one object a line.
    pub json: bool,
}

/// How to save.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SaveOptions {
    /// Addresses and ports as numbers, not names.
    pub numeric: bool,
    /// The settings, timeouts and sync daemons too.
    pub all: bool,
    /// As JSON.
    pub json: bool,
}
