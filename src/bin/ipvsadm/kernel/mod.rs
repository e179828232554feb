//! What is read of the kernel.

pub(crate) mod connect;
pub(crate) mod connections;
pub(crate) mod home;
pub(crate) mod reading;
pub(crate) mod servers;
pub(crate) mod status;
pub(crate) mod table;
pub(crate) mod totals;
