//! What each command does: a file a command.

pub(crate) mod apply;
pub(crate) mod dry_run;
pub(crate) mod list;
pub(crate) mod restore;
pub(crate) mod save;
