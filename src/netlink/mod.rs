//! The kernel's language: attributes, requests and replies. The only place that knows bytes.

mod attribute;
pub(crate) mod connection;
pub(crate) mod message;
pub(crate) mod reply;
pub(crate) mod request;
pub(crate) mod socket;
pub(crate) mod uapi;
