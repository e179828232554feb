//! `--doctor`: why a balancer does not work.
//!
//! Facts are gathered once ([`gather`]), into one value ([`facts::Facts`]), which can be written to a
//! file and read back. The checks ([`checks`]) are pure functions from facts to findings.

pub(crate) mod advice;
pub(crate) mod checks;
pub(crate) mod facts;
pub(crate) mod gather;
