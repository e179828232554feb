//! The kernel's language: messages, attributes, requests and replies. Only this module handles
//! bytes.

mod attribute;
pub(crate) mod connection;
pub(crate) mod message;
pub(crate) mod reply;
pub(crate) mod request;
pub(crate) mod socket;
pub(crate) mod uapi;
