//! The commands, one file each, and the parts they share.

pub(crate) mod amend;
pub(crate) mod apply;
mod connections;
pub(crate) mod diff;
pub(crate) mod doctor;
pub(crate) mod dry_run;
pub(crate) mod list;
pub(crate) mod monitor;
pub(crate) mod operate;
pub(crate) mod ramp;
pub(crate) mod replace;
pub(crate) mod restore;
pub(crate) mod rule;
pub(crate) mod save;
pub(crate) mod settings;
mod status;
#[cfg(feature = "top")]
pub(crate) mod top;
mod transition;
