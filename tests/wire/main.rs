//! The library's conversation with the kernel, without a kernel.
//!
//! A [`fake::Fake`] stands in for the netlink socket. What the library sends to it is decoded by neli, another
//! codec than the library's own ([`codec`], [`read`]); what it answers is encoded by neli ([`write`]).
//! The numbers are written a second time, off the kernel's header ([`numbers`]).
#![forbid(unsafe_code)]

mod batch;
mod codec;
mod fake;
mod numbers;
mod read;
mod refusals;
mod replies;
mod requests;
mod values;
mod write;
