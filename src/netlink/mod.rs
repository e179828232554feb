//! The kernel's language: messages, attributes, requests and replies. Only this module handles
//! bytes. The settings, which are files, stand beside the socket.

mod attribute;
pub(crate) mod connection;
pub(crate) mod folder;
pub(crate) mod message;
pub(crate) mod reply;
pub(crate) mod request;
pub(crate) mod socket;
pub(crate) mod uapi;
