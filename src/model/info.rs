//! What the kernel reports about IPVS as a whole.

use std::fmt;

/// The version of IPVS in the kernel (`IP_VS_VERSION_CODE`). It has been 1.2.1 since 2004, so it
/// says nothing about what a kernel can do.
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
    /// Decodes the kernel's form (`NVERSION` in `<linux/ip_vs.h>`): one byte for each number,
    /// `0x010201` for 1.2.1.
    pub const fn from_code(code: u32) -> Self {
        Version { major: (code >> 16) as u8, minor: (code >> 8) as u8, patch: code as u8 }
    }
}

impl fmt::Display for Version {
    /// `1.2.1`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}

/// What the kernel reports about IPVS as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Info {
    /// The version.
    pub version: Version,
    /// The number of buckets in the hash table of connections. Up to Linux 7.0 it is fixed when the
    /// module is loaded; later each network namespace has its own, which grows.
    pub connection_table_size: u32,
}

impl Info {
    /// Values as a kernel would report them, for tests and mocks.
    pub const fn new(version: Version, connection_table_size: u32) -> Self {
        Info { version, connection_table_size }
    }
}

/// How long a connection without traffic is kept, in seconds, by its protocol and state.
///
/// The kernel counts in ticks, 100 to 1000 a second, and refuses a timeout of 2^31 ticks or more.
/// Every kernel accepts 2,147,483 seconds. The timeouts of a protocol that the kernel was built
/// without are read as 0.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Timeouts {
    /// Established TCP connections. When set, 0 leaves the timeout as it is.
    pub tcp_seconds: u32,
    /// TCP connections after a FIN. When set, 0 leaves the timeout as it is.
    pub tcp_fin_seconds: u32,
    /// UDP. When set, 0 leaves the timeout as it is.
    pub udp_seconds: u32,
}

impl Timeouts {
    /// These timeouts after setting `wanted`, in which 0 leaves one as it is.
    pub(crate) fn after_setting(&self, wanted: &Timeouts) -> Timeouts {
        let either = |wanted: u32, now: u32| if wanted == 0 { now } else { wanted };
        Timeouts {
            tcp_seconds: either(wanted.tcp_seconds, self.tcp_seconds),
            tcp_fin_seconds: either(wanted.tcp_fin_seconds, self.tcp_fin_seconds),
            udp_seconds: either(wanted.udp_seconds, self.udp_seconds),
        }
    }
}
