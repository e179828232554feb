//! The meaning of a command line or a rule line whose values have all been checked.

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use super::amend::Amendment;
use super::connection::{ConnectionFilter, CountBy, Search};
use super::format::Format;
use super::operation::{DrainOptions, KickOptions, UndrainOptions};
use super::ramp::RampOptions;
use super::top::TopOptions;
use crate::{Change, Forwarding, ServiceKey, Setting, SettingValue};

/// A whole command line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invocation {
    /// The command.
    pub command: Command,
    /// `--netns`: the network namespace to work in. `None`: the program's own.
    pub namespace: Option<String>,
    /// Load the kernel module if it is missing. False with `--no-load`.
    pub load_module: bool,
    /// True for an `-e` without a forwarding method, which sets direct routing.
    pub implies_direct_routing: bool,
}

impl From<Command> for Invocation {
    fn from(command: Command) -> Self {
        Invocation { command, namespace: None, load_module: true, implies_direct_routing: false }
    }
}

impl Default for Invocation {
    /// `-L`, the command of an empty command line.
    fn default() -> Self {
        Command::List(Listing::Services(ServiceListing::default())).into()
    }
}

/// The command of a command line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// One change of the kernel's state.
    Change(Change, Execution),
    /// `--settings NAME=VALUE...`: set all of these, or none.
    Settings(Vec<(Setting, SettingValue)>, Execution),
    /// `--keep`: an edit of the given settings only.
    Amend(Amendment, Execution),
    /// `-L`: list the kernel's state.
    List(Listing),
    /// `-S`: print the table as rules.
    Save(SaveOptions),
    /// `--apply`: make the table what a file describes.
    Apply(ApplyOptions),
    /// `-R`: run the rules on standard input.
    Restore(Execution),
    /// `--drain`: take a real server out without hurting anyone.
    Drain(DrainOptions),
    /// `--undrain`: bring it back.
    Undrain(UndrainOptions),
    /// `--kick`: end a real server's connections.
    Kick(KickOptions),
    /// `--ramp`: change the weight of a real server in steps.
    Ramp(RampOptions),
    /// `--monitor`: print what changes.
    Monitor(MonitorOptions),
    /// `--diff`: print what has changed since a file.
    Diff(DiffOptions),
    /// `--doctor`: find out why it does not work.
    Doctor(DoctorOptions),
    /// `--top`: show the balancer live.
    Top(TopOptions),
    /// `-h`: show the help.
    Help,
    /// `-v`: show the version.
    Version,
}

/// The command of a rule line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RuleCommand {
    /// One change of the kernel's state.
    Change(Change),
    /// `--keep`: an edit of the given settings only.
    Amend(Box<Amendment>),
    /// `-L`: list the kernel's state.
    List(Listing),
    /// `-S`: print the table as rules.
    Save(SaveOptions),
    /// `-h`: show the help.
    Help,
    /// `-v`: show the version.
    Version,
}

/// The way to carry out a command that changes something.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Execution {
    /// `--dry-run`: only print the changes.
    pub dry_run: bool,
    /// `--wait`: the seconds to wait at most for another command that is changing the table.
    /// `None`: no limit.
    pub wait: Option<u32>,
}

/// The options of `--apply`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ApplyOptions {
    /// The file. `None`: standard input.
    pub file: Option<PathBuf>,
    /// `--keep-weights`: existing real servers keep their weights.
    pub keep_weights: bool,
    /// `--allow-empty`: input without any service empties the table.
    pub allow_empty: bool,
    /// The way to carry it out.
    pub execution: Execution,
}

/// The options of `--diff`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DiffOptions {
    /// The file. `None`: standard input.
    pub file: Option<PathBuf>,
    /// As JSON.
    pub json: bool,
}

/// The options of `--monitor`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MonitorOptions {
    /// `--interval`: the time between two readings.
    pub interval: Duration,
    /// `--for`: the time after which it ends. `None`: never.
    pub length: Option<Duration>,
    /// `--counters`: what counters grow by, too.
    pub counters: bool,
    /// As JSON, one object a line.
    pub json: bool,
}

impl Default for MonitorOptions {
    fn default() -> Self {
        MonitorOptions {
            interval: Duration::from_secs(1),
            length: None,
            counters: false,
            json: false,
        }
    }
}

/// The options of `--doctor`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DoctorOptions {
    /// Only what concerns this service. Always there with `server_side`.
    pub service: Option<ServiceKey>,
    /// `--server-side`: this host is a real server of the service, and this is how the director
    /// forwards to it. `None`: this host is the director.
    pub server_side: Option<Forwarding>,
    /// `--director`: the director's own address.
    pub director: Option<IpAddr>,
    /// `--for`: how long to watch what one reading cannot tell.
    pub watch: Duration,
    /// `--probe`: also send something.
    pub probe: bool,
    /// `--facts`: the file that has the facts. `-` is standard input.
    pub facts: Option<PathBuf>,
    /// `--save-facts`: the file to write them to. `-` is standard output.
    pub save_facts: Option<PathBuf>,
    /// As JSON.
    pub json: bool,
}

/// The subject of a listing, and its options.
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

/// The options of a listing of virtual services.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ServiceListing {
    /// This service only. `None`: the whole table.
    pub only: Option<ServiceKey>,
    /// Only entries with this address. `None`: everything.
    pub search: Option<Search>,
    /// The columns.
    pub view: View,
    /// Addresses and ports as numbers, not names.
    pub numeric: bool,
    /// Numbers in full, not shortened to K, M, G or T.
    pub exact: bool,
    /// Sorted, not in the kernel's order.
    pub sorted: bool,
    /// The format.
    pub format: Format,
}

impl Default for ServiceListing {
    /// The listing of `ipvsadm` without options.
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

/// The columns of a listing of services. If several are asked for, the first of these wins.
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

/// The options of a listing of connections.
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

/// The options of `-S`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SaveOptions {
    /// Addresses and ports as numbers, not names.
    pub numeric: bool,
    /// The settings, timeouts and sync daemons too.
    pub all: bool,
    /// As JSON.
    pub json: bool,
}
