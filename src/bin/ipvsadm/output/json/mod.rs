//! The table as JSON, as it is written. `docs/json.md` describes it for users, field by field, and
//! `docs/ipvsadm.schema.json` for programs.

pub(crate) mod document;
mod layout;
mod write;

pub(crate) use write::{Detail, Writer, check, connection};
