//! The library's conversation with the kernel, without a kernel.
//!
//! A [`fake::Fake`] stands in for the netlink socket. What the library sends to it is decoded by neli, another
//! codec than the library's own ([`codec`], [`read`]); what it answers is encoded by neli ([`write`]).
//! The numbers are written a second time, off the kernel's header ([`numbers`]), and held against requests of
//! Debian's `ipvsadm` and the replies that it got ([`goldens`]).
#![forbid(unsafe_code)]

mod batch;
mod codec;
mod fake;
mod goldens;
mod kernels;
mod malformed;
mod numbers;
mod read;
mod refusals;
mod replies;
mod requests;
mod text;
mod values;
mod whole;
mod write;
