//! What the program prints: a view of what the kernel told.

pub(crate) mod classic;
mod counter;
mod sink;

pub(crate) use sink::Sink;
