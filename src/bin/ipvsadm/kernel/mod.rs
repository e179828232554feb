//! What is read of the kernel.

pub(crate) mod connect;
pub(crate) mod table;
