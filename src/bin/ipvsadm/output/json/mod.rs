//! JSON. `docs/json.md` describes it for users, field by field, and `docs/ipvsadm.schema.json` for
//! programs.

mod changes;
mod convert;
pub(crate) mod document;
mod findings;
mod layout;
mod write;

pub(crate) use changes::{print_change, print_difference, print_growth, print_ramp};
#[cfg(test)]
pub(crate) use convert::Detail;
pub(crate) use findings::print_report;
#[cfg(feature = "top")]
pub(crate) use write::print_line;
pub(crate) use write::{
    Json, print_connection, print_counts, print_daemons, print_operation, print_settings,
    print_status, print_timeouts,
};
#[cfg(test)]
pub(crate) mod tests;
