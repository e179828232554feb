//! What the kernel tells about IPVS as a whole.

use std::fmt;

/// The version of IPVS in the kernel (`IP_VS_VERSION_CODE`): 1.2.1 since 2004.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version {
    /// The first number.
    pub major: u8,
    /// The second number.
    pub minor: u8,
    /// The third number.
    pub patch: u8,
}

impl Version {
    /// From the kernel's `NVERSION` form: one byte each, the major number highest.
    pub const fn from_code(code: u32) -> Self {
        Version { major: (code >> 16) as u8, minor: (code >> 8) as u8, patch: code as u8 }
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}

/// What the kernel says of its IPVS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Info {
    /// The version.
    pub version: Version,
    /// How many buckets the connection table has. Up to Linux 7.0 a constant of the running
    /// kernel; later it is the network namespace's own and changes.
    pub connection_table_size: u32,
}

impl Info {
    /// These values, as a kernel would report them: for tests and mocks.
    pub const fn new(version: Version, connection_table_size: u32) -> Self {
        Info { version, connection_table_size }
    }
}

/// How long a connection without traffic is kept, in seconds, by its state.
///
/// The kernel keeps them in ticks, of which there are 100 to 1000 a second, and refuses one of 2^31
/// ticks or more: up to 2,147,483 seconds are taken everywhere. One that it does not have, for want
/// of the protocol, reads as 0.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Timeouts {
    /// Established TCP connections. As a setting, 0 leaves the value as it is.
    pub tcp_seconds: u32,
    /// TCP connections after a FIN. As a setting, 0 leaves the value as it is.
    pub tcp_fin_seconds: u32,
    /// UDP. As a setting, 0 leaves the value as it is.
    pub udp_seconds: u32,
}

impl Timeouts {
    /// The timeouts after setting `wanted`, in which 0 leaves one as it is.
    pub(crate) fn after_setting(&self, wanted: &Timeouts) -> Timeouts {
        let either = |wanted: u32, now: u32| if wanted == 0 { now } else { wanted };
        Timeouts {
            tcp_seconds: either(wanted.tcp_seconds, self.tcp_seconds),
            tcp_fin_seconds: either(wanted.tcp_fin_seconds, self.tcp_fin_seconds),
            udp_seconds: either(wanted.udp_seconds, self.udp_seconds),
        }
    }
}
