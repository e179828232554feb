//! The one place that decides which configurations make sense.
//!
//! Keys and configurations are plain values with public fields, so any combination of them can be
//! written down. [`ServiceConfig::check`] and [`DestinationConfig::check`] find the first thing
//! wrong with one, and [`SchedulerFlags::for_scheduler`] reads the name of a flag. Code that reads
//! or rehearses configurations calls these, and only words the reason in its own way.

use rustix::io::Errno;

use super::{
    AddressFamily, DestinationConfig, DestinationKey, Forwarding, Netmask, Protocol,
    SchedulerFlags, ServiceConfig, ServiceKey, Tunnel, TunnelChecksum,
};

/// `IP_VS_CONN_F_TUNNEL_TYPE_GUE`
const GUE: u8 = 1;

/// Why a configuration makes no sense.
///
/// Returned by [`ServiceConfig::check`] and its like. Its text is a clause that starts in lower
/// case, to stand behind the name of a file, a line or an option.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The netmask is not of the service's family. The kernel would not refuse it, but read other
    /// bits.
    #[error("the netmask of an {service} service must be an {service} one, not {netmask}")]
    NetmaskFamily {
        /// The service's family.
        service: AddressFamily,
        /// The netmask's family.
        netmask: AddressFamily,
    },
    /// An IPv6 prefix length other than 1 to 128.
    #[error("an IPv6 prefix length must be 1 to 128, not {0}")]
    PrefixLength(u8),
    /// A service for all ports (port 0) that is not persistent. The kernel accepts it, and then
    /// never schedules a connection for it.
    #[error("a service for all ports must be persistent")]
    AllPorts,
    /// One-packet scheduling for anything but UDP or a firewall mark. The kernel accepts the
    /// setting, and ignores it.
    #[error("one-packet scheduling is only for UDP and firewall marks")]
    OnePacket,
    /// A real server whose address is not of the service's family, and that is not reached through
    /// a tunnel.
    #[error("a real server needs an {service} address, like its service's, unless it is tunneled")]
    DestinationFamily {
        /// The service's family.
        service: AddressFamily,
    },
    /// A weight over 2147483647.
    #[error("a weight must be at most {most}, not {0}", most = DestinationConfig::MAX_WEIGHT)]
    Weight(u32),
    /// A lower threshold above the upper one.
    #[error("the lower threshold, {lower}, must not exceed the upper one, {upper}")]
    Thresholds {
        /// The lower threshold.
        lower: u32,
        /// The upper threshold.
        upper: u32,
    },
    /// A type of tunnel other than `ipip`, `gue` and `gre`.
    #[error("no such type of tunnel: ipip, gue or gre")]
    UnknownTunnel,
    /// A GUE tunnel without its UDP port.
    #[error("a gue tunnel needs a port")]
    TunnelPortMissing,
    /// A port for a tunnel of this type, which has none.
    #[error("a tunnel of type {0} has no port")]
    TunnelPort(&'static str),
    /// A checksum option for a tunnel of this type, which has no checksum.
    #[error("a tunnel of type {0} has no checksum")]
    TunnelChecksum(&'static str),
    /// Remote checksum offload for a tunnel of this type, which has none.
    #[error("a tunnel of type {0} has no remote checksum offload")]
    TunnelRemoteChecksum(&'static str),
    /// A name that no scheduler has for a flag.
    #[error(
        "no such scheduler flag: any scheduler takes flag-1, flag-2 and flag-3; sh also \
         sh-fallback and sh-port; mh also mh-fallback and mh-port"
    )]
    UnknownFlag,
    /// A flag of another scheduler.
    #[error("only for the scheduler {owner}")]
    FlagOwner {
        /// The scheduler that the flag belongs to.
        owner: &'static str,
    },
}

impl ConfigError {
    /// The error number, positive as in `<errno.h>`, with which the kernel refuses the
    /// configuration. `None` if the kernel accepts it, or if it cannot be sent.
    pub const fn kernel_errno(&self) -> Option<i32> {
        let errno = match self {
            ConfigError::PrefixLength(_)
            | ConfigError::DestinationFamily { .. }
            | ConfigError::TunnelPortMissing => Errno::INVAL,
            ConfigError::Weight(_) | ConfigError::Thresholds { .. } => Errno::RANGE,
            ConfigError::NetmaskFamily { .. }
            | ConfigError::AllPorts
            | ConfigError::OnePacket
            | ConfigError::UnknownTunnel
            | ConfigError::TunnelPort(_)
            | ConfigError::TunnelChecksum(_)
            | ConfigError::TunnelRemoteChecksum(_)
            | ConfigError::UnknownFlag
            | ConfigError::FlagOwner { .. } => return None,
        };
        Some(errno.raw_os_error())
    }
}

impl Netmask {
    /// Checks this mask for a service of this family.
    ///
    /// # Errors
    ///
    /// [`NetmaskFamily`](ConfigError::NetmaskFamily) and
    /// [`PrefixLength`](ConfigError::PrefixLength).
    pub const fn check(&self, family: AddressFamily) -> Result<(), ConfigError> {
        match (self, family) {
            (Netmask::V4(_), AddressFamily::V4) => Ok(()),
            (Netmask::V6(1..=128), AddressFamily::V6) => Ok(()),
            (Netmask::V6(length), AddressFamily::V6) => Err(ConfigError::PrefixLength(*length)),
            (netmask, service) => {
                Err(ConfigError::NetmaskFamily { service, netmask: netmask.family() })
            }
        }
    }
}

impl ServiceConfig {
    /// Checks this configuration for the service `key`.
    ///
    /// # Errors
    ///
    /// The first thing wrong. What the kernel refuses comes before what it accepts and ignores.
    ///
    /// ```
    /// use ipvs::{ConfigError, ServiceConfig, ServiceKey};
    ///
    /// let all_ports = ServiceKey::tcp(([192, 0, 2, 1], 0));
    /// assert_eq!(ServiceConfig::default().check(&all_ports), Err(ConfigError::AllPorts));
    /// ```
    pub fn check(&self, key: &ServiceKey) -> Result<(), ConfigError> {
        if let Some(persistence) = &self.persistence {
            persistence.netmask.check(key.family())?;
        }
        match *key {
            ServiceKey::Address { port: 0, .. } if self.persistence.is_none() => {
                Err(ConfigError::AllPorts)
            }
            ServiceKey::Address { protocol, .. }
                if self.one_packet && protocol != Protocol::Udp =>
            {
                Err(ConfigError::OnePacket)
            }
            _ => Ok(()),
        }
    }
}

impl DestinationConfig {
    /// The highest weight: the kernel keeps weights as a C `int`.
    pub const MAX_WEIGHT: u32 = i32::MAX as u32;

    /// Checks this configuration for the real server `key` of the service `service`.
    ///
    /// # Errors
    ///
    /// The first thing wrong, in the order in which the kernel checks (`ip_vs_genl_set_cmd` and
    /// `ip_vs_add_dest` in `net/netfilter/ipvs/ip_vs_ctl.c`).
    ///
    /// ```
    /// use ipvs::{ConfigError, DestinationConfig, DestinationKey, ServiceKey};
    ///
    /// let service = ServiceKey::tcp(([192, 0, 2, 1], 80));
    /// let server = DestinationKey::from(([10, 0, 0, 1], 80));
    /// let config = DestinationConfig { upper_threshold: 10, ..DestinationConfig::default() };
    /// assert_eq!(config.check(&service, &server), Ok(()));
    ///
    /// let config = DestinationConfig { lower_threshold: 20, ..config };
    /// let error = ConfigError::Thresholds { lower: 20, upper: 10 };
    /// assert_eq!(config.check(&service, &server), Err(error));
    /// ```
    pub fn check(&self, service: &ServiceKey, key: &DestinationKey) -> Result<(), ConfigError> {
        let tunnel = match &self.forwarding {
            Forwarding::Tunnel(tunnel) => Some(tunnel),
            _ => None,
        };
        if key.family() != service.family() && tunnel.is_none() {
            return Err(ConfigError::DestinationFamily { service: service.family() });
        }
        if self.weight > Self::MAX_WEIGHT {
            return Err(ConfigError::Weight(self.weight));
        }
        if self.lower_threshold > self.upper_threshold {
            let (lower, upper) = (self.lower_threshold, self.upper_threshold);
            return Err(ConfigError::Thresholds { lower, upper });
        }
        tunnel.map_or(Ok(()), Tunnel::check)
    }
}

impl Tunnel {
    /// Checks this tunnel.
    ///
    /// # Errors
    ///
    /// [`TunnelPortMissing`](ConfigError::TunnelPortMissing) and
    /// [`TunnelRemoteChecksum`](ConfigError::TunnelRemoteChecksum).
    pub const fn check(&self) -> Result<(), ConfigError> {
        match self {
            Tunnel::Other { kind: GUE, port: 0, .. } => Err(ConfigError::TunnelPortMissing),
            Tunnel::Gre { checksum: TunnelChecksum::Remote } => {
                Err(ConfigError::TunnelRemoteChecksum("gre"))
            }
            _ => Ok(()),
        }
    }
}

impl SchedulerFlags {
    /// The flag called `name`, for a service with this scheduler.
    ///
    /// # Errors
    ///
    /// [`UnknownFlag`](ConfigError::UnknownFlag), and [`FlagOwner`](ConfigError::FlagOwner) for a
    /// flag of another scheduler.
    ///
    /// ```
    /// use ipvs::{ConfigError, SchedulerFlags};
    ///
    /// assert_eq!(SchedulerFlags::for_scheduler("sh", "sh-port"), Ok(SchedulerFlags::FLAG_2));
    /// let other = SchedulerFlags::for_scheduler("wlc", "sh-port");
    /// assert_eq!(other, Err(ConfigError::FlagOwner { owner: "sh" }));
    /// ```
    pub fn for_scheduler(scheduler: &str, name: &str) -> Result<Self, ConfigError> {
        match Self::by_name(name) {
            Some((Some(owner), _)) if owner != scheduler => Err(ConfigError::FlagOwner { owner }),
            Some((_, flag)) => Ok(flag),
            None => Err(ConfigError::UnknownFlag),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;
    use std::num::NonZeroU32;

    use super::*;
    use crate::Persistence;

    fn socket(text: &str) -> SocketAddr {
        text.parse().unwrap()
    }

    #[test]
    fn services() {
        let v4 = ServiceKey::tcp(socket("192.0.2.1:80"));
        let v6 = ServiceKey::udp(socket("[2001:db8::1]:0"));
        let mark = ServiceKey::firewall_mark(NonZeroU32::MIN, AddressFamily::V6);
        let plain = ServiceConfig::default();
        let masked = |netmask| ServiceConfig {
            persistence: Some(Persistence { timeout_seconds: 360, netmask }),
            ..plain
        };
        let one_packet = ServiceConfig { one_packet: true, ..plain };
        let wrong_family =
            ConfigError::NetmaskFamily { service: AddressFamily::V4, netmask: AddressFamily::V6 };
        for (config, key, want) in [
            (plain, v4, Ok(())),
            (plain, mark, Ok(())),
            (plain, v6, Err(ConfigError::AllPorts)),
            (masked(Netmask::V6(64)), v6, Ok(())),
            (masked(Netmask::V6(0)), v6, Err(ConfigError::PrefixLength(0))),
            (masked(Netmask::V6(129)), mark, Err(ConfigError::PrefixLength(129))),
            (masked(Netmask::V6(64)), v4, Err(wrong_family)),
            (one_packet, v4, Err(ConfigError::OnePacket)),
            (one_packet, mark, Ok(())),
            (one_packet, ServiceKey::udp(socket("192.0.2.1:53")), Ok(())),
            // Of several mistakes, the one that the kernel refuses comes first.
            (
                ServiceConfig { one_packet: true, ..masked(Netmask::V6(0)) },
                ServiceKey::tcp(socket("[::1]:80")),
                Err(ConfigError::PrefixLength(0)),
            ),
        ] {
            assert_eq!(config.check(&key), want, "{key} {config:?}");
        }
    }

    #[test]
    fn destinations() {
        let service = ServiceKey::tcp(socket("192.0.2.1:80"));
        let (v4, v6) = (socket("10.0.0.1:80").into(), socket("[2001:db8::1]:80").into());
        let plain = DestinationConfig::default();
        let tunneled =
            |tunnel| DestinationConfig { forwarding: Forwarding::Tunnel(tunnel), ..plain };
        let family = ConfigError::DestinationFamily { service: AddressFamily::V4 };
        let thresholds = ConfigError::Thresholds { lower: 2, upper: 1 };
        let gue = Tunnel::Other { kind: GUE, port: 0, flags: 9 };
        let gre = Tunnel::Gre { checksum: TunnelChecksum::Remote };
        for (config, key, want) in [
            (plain, v4, Ok(())),
            (plain, v6, Err(family)),
            (tunneled(Tunnel::Ipip), v6, Ok(())),
            (DestinationConfig { weight: 1 << 31, ..plain }, v4, Err(ConfigError::Weight(1 << 31))),
            (DestinationConfig { weight: DestinationConfig::MAX_WEIGHT, ..plain }, v4, Ok(())),
            (
                DestinationConfig { lower_threshold: 2, upper_threshold: 1, ..plain },
                v4,
                Err(thresholds),
            ),
            (tunneled(gue), v4, Err(ConfigError::TunnelPortMissing)),
            (tunneled(gre), v4, Err(ConfigError::TunnelRemoteChecksum("gre"))),
        ] {
            assert_eq!(config.check(&service, &key), want, "{key} {config:?}");
        }
    }

    #[test]
    fn the_kernel_refuses_some_of_it() {
        assert_eq!(ConfigError::PrefixLength(0).kernel_errno(), Some(22));
        assert_eq!(ConfigError::Weight(u32::MAX).kernel_errno(), Some(34));
        assert_eq!(ConfigError::AllPorts.kernel_errno(), None);
    }
}
