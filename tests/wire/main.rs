//! The library's conversation with the kernel, without a kernel.
//!
//! A [`fake::Fake`] stands in for the netlink socket. It decodes the library's requests with neli,
//! a codec that shares nothing with the library's own ([`codec`], [`read`]), and encodes its
//! answers with neli too ([`write`]). The kernel's numbers are copied a second time from its header
//! ([`numbers`]). All of this is compared with captured requests of Debian's `ipvsadm`, and the
//! replies to them ([`goldens`]).
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

/// The outcome of a question to the kernel.
type Result<T> = std::result::Result<T, ipvs::Error>;
