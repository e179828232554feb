//! Names of hosts and services, which rules may have in place of numbers.

use std::net::IpAddr;

use crate::{AddressFamily, Protocol};

/// Looks up the names in rules that are read.
///
/// Numbers are not looked up, so reading rules without names does no input or output.
pub trait Resolve {
    /// The address of a host; for a host with both families, of the family `prefer`. That is the
    /// service's family for a real server, and otherwise IPv4.
    fn host(&mut self, name: &str, prefer: AddressFamily) -> Result<IpAddr, ResolveError>;

    /// The port, in host byte order, of a service of this protocol, such as 80 for `http`.
    fn service(&mut self, name: &str, protocol: Protocol) -> Result<u16, ResolveError>;
}

/// The reason a name could not be looked up.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ResolveError(String);

impl ResolveError {
    /// The reason, as text to follow the name and a colon.
    pub fn new(reason: impl Into<String>) -> Self {
        ResolveError(reason.into())
    }
}

/// Finds names for the addresses and ports in rules that are written. Those without a name are
/// written as numbers.
pub trait ReverseResolve {
    /// The name of the host with this address.
    fn host(&self, address: IpAddr) -> Option<&str>;

    /// The name of the service on this port, in host byte order, of this protocol.
    fn service(&self, port: u16, protocol: Protocol) -> Option<&str>;
}

/// Knows no names: rules with names are errors, and rules are written with numbers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct NumericOnly;

impl ReverseResolve for NumericOnly {
    fn host(&self, _: IpAddr) -> Option<&str> {
        None
    }

    fn service(&self, _: u16, _: Protocol) -> Option<&str> {
        None
    }
}

impl Resolve for NumericOnly {
    fn host(&mut self, _: &str, _: AddressFamily) -> Result<IpAddr, ResolveError> {
        Err(ResolveError::new("not a numeric address, and names are not looked up here"))
    }

    fn service(&mut self, _: &str, _: Protocol) -> Result<u16, ResolveError> {
        Err(ResolveError::new("not a port number, and names are not looked up here"))
    }
}

/// A borrowed resolver.
impl<R: Resolve + ?Sized> Resolve for &mut R {
    fn host(&mut self, name: &str, prefer: AddressFamily) -> Result<IpAddr, ResolveError> {
        (**self).host(name, prefer)
    }

    fn service(&mut self, name: &str, protocol: Protocol) -> Result<u16, ResolveError> {
        (**self).service(name, protocol)
    }
}
