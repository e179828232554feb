//! What the program prints: a view of what the kernel reported.

pub(crate) mod classic;
pub(crate) mod connections;
mod counter;
mod human;
pub(crate) mod json;
pub(crate) mod prometheus;
pub(crate) mod table;
