//! The commands: a file each, and what several of them share.

pub(crate) mod apply;
pub(crate) mod dry_run;
mod formats;
pub(crate) mod list;
pub(crate) mod replace;
pub(crate) mod restore;
pub(crate) mod rule;
pub(crate) mod save;
mod transition;

/// The conditions under which a command that changes the table is carried out.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Conditions {
    /// Only show what would be done.
    pub(crate) dry_run: bool,
    /// The longest wait for the lock, in seconds. `None`: as long as it takes.
    pub(crate) wait: Option<u32>,
}
