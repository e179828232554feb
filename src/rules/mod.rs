//! `ipvsadm`'s own language, read and written.
//!
//! The words after `ipvsadm` on a command line and the lines that `ipvsadm -S` prints and
//! `ipvsadm -R` reads are one language. It is read in three steps, each of which only hands its
//! result on:
//!
//! 1. a [`Scanner`] turns words into [`Event`]s: an option with its value, or a word that belongs
//!    to none, in the order in which they stand;
//! 2. [`interpret`] turns events into a [`Command`], whose values are checked and complete;
//! 3. whoever holds the command carries it out.
//!
//! [`OPTIONS`] is the one table of options that the steps work from. [`Lines`] reads whole files
//! of rules; [`Line`] writes a [`Change`](crate::Change) back as the line that asks for it.
//!
//! ```
//! use ipvs::rules::{self, Command, NumericOnly};
//! use ipvs::{Change, ServiceKey};
//!
//! let command = rules::parse_line(b"-D -t 192.0.2.1:80", &mut NumericOnly)?;
//! let key = ServiceKey::tcp(([192, 0, 2, 1], 80));
//! assert_eq!(command, Some(Command::Change(Change::DeleteService(key))));
//! # Ok::<(), rules::UsageError>(())
//! ```

mod address;
mod command;
mod error;
mod interpret;
mod lines;
mod options;
mod resolve;
mod scanner;
mod table;
pub mod text;
mod value;
mod write;

pub use command::{
    ApplyOptions, Command, ConnectionListing, Format, Invocation, Listing, SaveOptions,
    ServiceListing, View,
};
pub use error::{Problem, UsageError};
pub use interpret::interpret;
pub use lines::{Lines, RuleLine, parse_line};
pub use options::{CommandSet, Group, OPTIONS, OptionId, OptionSpec, Repeat, ValueKind};
pub use resolve::{NumericOnly, Resolve, ResolveError};
pub use scanner::{Event, Scanner, SyntaxError, Words};
pub use write::{Line, Names, Numeric, Unwritable, push_line};
