//! The program as a process: its input, output, lock, progress and end.

pub(crate) mod failure;
pub(crate) mod input;
pub(crate) mod lock;
pub(crate) mod memory;
pub(crate) mod notice;
pub(crate) mod progress;
pub(crate) mod reader;
pub(crate) mod replace_file;
pub(crate) mod signals;
mod sink;
pub(crate) mod terminal;

pub(crate) use sink::Sink;
#[cfg(test)]
pub(crate) use sink::printed;
