//! Names of hosts and services, which rules may hold where numbers may stand.

use std::net::IpAddr;

use crate::{AddressFamily, Protocol};

/// Looks names up while rules are read.
///
/// Numbers never come here, so reading rules without names does no input or output.
pub trait Resolve {
    /// The address of a host. Where it has both, the one of the family `prefer` is asked for: the
    /// service's for a real server, otherwise IPv4.
    fn host(&mut self, name: &str, prefer: AddressFamily) -> Result<IpAddr, ResolveError>;

    /// The port, in host byte order, of a service of this protocol, such as 80 for `http`.
    fn service(&mut self, name: &str, protocol: Protocol) -> Result<u16, ResolveError>;
}

/// Why a name could not be looked up.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ResolveError(String);

impl ResolveError {
    /// With the reason, in words that go on after the name and a colon.
    pub fn new(reason: impl Into<String>) -> Self {
        ResolveError(reason.into())
    }
}

/// Knows no names: every name is an error.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct NumericOnly;

impl Resolve for NumericOnly {
    fn host(&mut self, _: &str, _: AddressFamily) -> Result<IpAddr, ResolveError> {
        Err(ResolveError::new("not a numeric address, and names are not looked up here"))
    }

    fn service(&mut self, _: &str, _: Protocol) -> Result<u16, ResolveError> {
        Err(ResolveError::new("not a port number, and names are not looked up here"))
    }
}

/// A resolver borrowed for a while.
impl<R: Resolve + ?Sized> Resolve for &mut R {
    fn host(&mut self, name: &str, prefer: AddressFamily) -> Result<IpAddr, ResolveError> {
        (**self).host(name, prefer)
    }

    fn service(&mut self, name: &str, protocol: Protocol) -> Result<u16, ResolveError> {
        (**self).service(name, protocol)
    }
}
