//! The table as JSON, written and read. `docs/json.md` describes it for users, field by field, and
//! `docs/ipvsadm.schema.json` for programs.

mod document;
mod layout;
mod place;
mod read;
mod write;

pub(crate) use read::read;
#[cfg(test)]
use read::{Asked, Read, ReadError};
pub(crate) use write::{Detail, Writer, check, connection};

#[cfg(test)]
mod property_tests;
#[cfg(test)]
mod tests;
