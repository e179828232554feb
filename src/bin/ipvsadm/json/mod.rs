//! The table as JSON, written and read. `docs/json.md` describes it for users, field by field, and
//! `docs/ipvsadm.schema.json` for programs.

#![allow(dead_code, unused_imports, reason = "reading is for --apply")]

mod document;
mod layout;
mod place;
mod read;
mod write;

pub(crate) use read::{Problem, Read, ReadError, read};
pub(crate) use write::{Detail, Writer, check, connection};

#[cfg(test)]
mod tests;
