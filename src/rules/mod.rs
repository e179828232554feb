//! Rules: changes in `ipvsadm`'s own language, one a line.
//!
//! These are the lines that `ipvsadm -S` prints and `ipvsadm -R` reads. [`Line::parse`] and
//! [`Lines`] read them; [`Line::new`] writes a [`Change`](crate::Change) back as the line that asks
//! for it.
//!
//! ```
//! use ipvs::rules;
//! use ipvs::{Change, ServiceKey};
//!
//! let change = rules::Line::parse(b"-D -t 192.0.2.1:80")?;
//! let key = ServiceKey::tcp(([192, 0, 2, 1], 80));
//! assert_eq!(change, Some(Change::DeleteService(key)));
//! # Ok::<(), rules::RuleError>(())
//! ```
//!
// The feature `cli` adds the rest of the language, which only the program needs.
#![cfg_attr(not(feature = "cli"), allow(dead_code, unreachable_pub))]

mod address;
mod amend;
mod command;
mod connection;
mod error;
mod format;
mod hint;
mod interpret;
mod ipv4;
mod lines;
mod number;
mod operation;
mod options;
mod ramp;
mod resolve;
mod scanner;
mod schedulers;
mod table;
mod text;
mod top;
mod tunnel;
mod value;
mod value_error;
mod write;

pub use lines::{Lines, RuleError, RuleLine};
pub use write::{Line, Unwritable};

/// The whole language of the program's command line and rules. It comes without a promise of
/// stability.
///
/// Words are read in three steps, each of which only passes its result on:
///
/// 1. a [`Scanner`](grammar::Scanner) (or clap) turns words into [`Token`](grammar::Token)s, in
///    their order: an option with its value, or a word that belongs to no option;
/// 2. [`interpret`](grammar::interpret) and [`parse_command`](grammar::parse_command) turn tokens
///    into a command whose values are checked and complete;
/// 3. the program carries it out.
///
/// All of them work from [`OPTIONS`](grammar::OPTIONS), the option table.
#[cfg(feature = "cli")]
#[doc(hidden)]
pub mod grammar {
    pub use super::address::with_brackets;
    pub use super::amend::{Amendment, DestinationAmendment, ServiceAmendment};
    pub use super::command::{
        ApplyOptions, Command, ConnectionListing, DiffOptions, DoctorOptions, Execution,
        Invocation, Listing, MonitorOptions, RuleCommand, SaveOptions, ServiceListing, View,
    };
    pub use super::connection::{
        ConnectionFilter, ConnectionState, CountBy, EndpointFilter, Network, Search,
    };
    pub use super::error::{Mistake, UsageError};
    pub use super::format::Format;
    pub use super::hint::likely;
    pub use super::interpret::interpret;
    pub use super::lines::{CommandLine, CommandLines, parse_command};
    pub use super::operation::{DrainOptions, KickOptions, Target, Then, UndrainOptions, Until};
    pub use super::options::{CommandSet, Group, OPTIONS, OptionId, OptionSpec, Repeat, ValueKind};
    pub use super::ramp::RampOptions;
    pub use super::resolve::{NumericOnly, Resolve, ResolveError, ReverseResolve};
    pub use super::scanner::{LineWords, Scanner, SyntaxError, Token};
    pub use super::schedulers::{KnownScheduler, SCHEDULERS, WeightUse, weight_use};
    pub use super::top::{TimeOfDay, TopOptions};
    pub use super::tunnel::TunnelKind;
    pub use super::value_error::ValueError;
    pub use super::write::push_line;

    /// Addresses and numbers as `ipvsadm` writes them, appended to bytes.
    pub mod text {
        pub use crate::rules::text::{
            AddressText, push_address, push_endpoint, push_named_endpoint, push_number,
        };
    }
}
