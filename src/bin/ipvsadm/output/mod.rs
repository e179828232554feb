//! What the program prints: a view of what the kernel told.

pub(crate) mod classic;
mod counter;
mod human;
mod look;
pub(crate) mod prometheus;
mod sink;
pub(crate) mod table;

pub(crate) use look::Look;
pub(crate) use sink::Sink;
