//! The one guard for which configurations make sense.
//!
//! Keys and configurations are plain values with public fields, so any combination of them can be
//! written down. [`ServiceConfig::check`] and [`DestinationConfig::check`] find the first thing
//! wrong with one, and [`Tunnel::from_parts`] and [`SchedulerFlags::for_scheduler`] build values
//! from what a user writes. Everything that reads or rehearses configurations asks here, and only
//! puts the reason into its own words.

use std::fmt;
use std::num::NonZeroU16;
use std::str::FromStr;

use rustix::io::Errno;

use super::{
    AddressFamily, DestinationConfig, DestinationKey, Forwarding, Netmask, Protocol,
    SchedulerFlags, ServiceConfig, ServiceKey, Tunnel, TunnelChecksum,
};

/// `IP_VS_CONN_F_TUNNEL_TYPE_GUE`
const GUE: u8 = 1;

/// Why a configuration makes no sense.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The netmask is not of the service's family. The kernel would misread it.
    #[error("the netmask of an {service} service must be an {service} one, not {netmask}")]
    NetmaskFamily {
        /// The service's family.
        service: AddressFamily,
        /// The netmask's.
        netmask: AddressFamily,
    },
    /// An IPv6 prefix length that is not 1 to 128.
    #[error("an IPv6 prefix length must be 1 to 128, not {0}")]
    PrefixLength(u8),
    /// A service for all ports (port 0) that is not persistent. The kernel takes it, and then
    /// schedules no connection for it.
    #[error("a service for all ports must be persistent")]
    AllPorts,
    /// One-packet scheduling for anything but UDP or a firewall mark. The kernel takes it, and
    /// ignores the setting.
    #[error("one-packet scheduling is only for UDP and firewall marks")]
    OnePacket,
    /// A real server whose address is not of the service's family, without a tunnel.
    #[error("a real server needs an {service} address, as its service has, unless it is tunneled")]
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
    /// The name of a kind of tunnel that cannot be set up.
    #[error("no such type of tunnel: ipip, gue or gre")]
    UnknownTunnel,
    /// A GUE tunnel without its UDP port.
    #[error("a gue tunnel needs a port")]
    TunnelPortMissing,
    /// A port for a kind of tunnel that has none.
    #[error("a tunnel of type {0} has no port")]
    TunnelPort(TunnelKind),
    /// A checksum option for a kind of tunnel that has no checksum.
    #[error("a tunnel of type {0} has no checksum")]
    TunnelChecksum(TunnelKind),
    /// Remote checksum offload for a kind of tunnel that has none.
    #[error("a tunnel of type {0} has no remote checksum offload")]
    TunnelRemoteChecksum(TunnelKind),
    /// The name of a flag that no scheduler has.
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
    /// The error number, as in `<errno.h>`, with which the kernel itself refuses the
    /// configuration. `None` if it takes what it is given, misreads it or cannot be given it.
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
    /// Checks the mask for services of `family`.
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
    /// Checks the configuration for the service `key`.
    ///
    /// # Errors
    ///
    /// The first thing wrong. What the kernel refuses comes before what it takes and ignores.
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

    /// Checks the configuration for the real server `key` of the service `service`.
    ///
    /// # Errors
    ///
    /// The first thing wrong, in the order in which the kernel looks (`ip_vs_genl_set_cmd` and
    /// `ip_vs_add_dest` in net/netfilter/ipvs/ip_vs_ctl.c).
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

/// A kind of tunnel that can be set up.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum TunnelKind {
    /// IP in IP.
    #[default]
    Ipip,
    /// Generic UDP encapsulation.
    Gue,
    /// Generic routing encapsulation.
    Gre,
}

impl TunnelKind {
    const ALL: [TunnelKind; 3] = [TunnelKind::Ipip, TunnelKind::Gue, TunnelKind::Gre];

    /// `ipip`, `gue` or `gre`.
    pub const fn name(self) -> &'static str {
        match self {
            TunnelKind::Ipip => "ipip",
            TunnelKind::Gue => "gue",
            TunnelKind::Gre => "gre",
        }
    }
}

impl fmt::Display for TunnelKind {
    /// [Its name](TunnelKind::name).
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for TunnelKind {
    type Err = ConfigError;

    /// Reads what [`Display`](fmt::Display) writes.
    fn from_str(text: &str) -> Result<Self, ConfigError> {
        Self::ALL.into_iter().find(|kind| kind.name() == text).ok_or(ConfigError::UnknownTunnel)
    }
}

impl Tunnel {
    /// The tunnel that is made of these parts.
    ///
    /// # Errors
    ///
    /// If a part is missing, or one is given that this kind of tunnel does not have.
    ///
    /// ```
    /// use ipvs::{ConfigError, Tunnel, TunnelKind};
    ///
    /// assert_eq!(Tunnel::from_parts(TunnelKind::Ipip, None, None), Ok(Tunnel::Ipip));
    /// let missing = Tunnel::from_parts(TunnelKind::Gue, None, None);
    /// assert_eq!(missing, Err(ConfigError::TunnelPortMissing));
    /// ```
    pub fn from_parts(
        kind: TunnelKind,
        port: Option<NonZeroU16>,
        checksum: Option<TunnelChecksum>,
    ) -> Result<Self, ConfigError> {
        let tunnel = match (kind, port, checksum) {
            (TunnelKind::Ipip | TunnelKind::Gre, Some(_), _) => {
                return Err(ConfigError::TunnelPort(kind));
            }
            (TunnelKind::Ipip, None, Some(_)) => return Err(ConfigError::TunnelChecksum(kind)),
            (TunnelKind::Ipip, None, None) => Tunnel::Ipip,
            (TunnelKind::Gue, None, _) => return Err(ConfigError::TunnelPortMissing),
            (TunnelKind::Gue, Some(port), checksum) => {
                Tunnel::Gue { port, checksum: checksum.unwrap_or_default() }
            }
            (TunnelKind::Gre, None, checksum) => {
                Tunnel::Gre { checksum: checksum.unwrap_or_default() }
            }
        };
        tunnel.check().map(|()| tunnel)
    }

    /// Checks the tunnel by itself.
    ///
    /// # Errors
    ///
    /// [`TunnelPortMissing`](ConfigError::TunnelPortMissing) and
    /// [`TunnelRemoteChecksum`](ConfigError::TunnelRemoteChecksum).
    pub const fn check(&self) -> Result<(), ConfigError> {
        match self {
            Tunnel::Other { kind: GUE, port: 0, .. } => Err(ConfigError::TunnelPortMissing),
            Tunnel::Gre { checksum: TunnelChecksum::Remote } => {
                Err(ConfigError::TunnelRemoteChecksum(TunnelKind::Gre))
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
            // What the kernel refuses comes first.
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
            (tunneled(gre), v4, Err(ConfigError::TunnelRemoteChecksum(TunnelKind::Gre))),
        ] {
            assert_eq!(config.check(&service, &key), want, "{key} {config:?}");
        }
    }

    #[test]
    fn tunnels_from_their_parts() {
        use TunnelChecksum::{Checksum, None as NoChecksum, Remote};
        use TunnelKind::{Gre, Gue, Ipip};
        let port = NonZeroU16::new(6080).unwrap();
        for (kind, given, checksum, want) in [
            (Ipip, None, None, Ok(Tunnel::Ipip)),
            (Ipip, Some(port), None, Err(ConfigError::TunnelPort(Ipip))),
            (Ipip, None, Some(NoChecksum), Err(ConfigError::TunnelChecksum(Ipip))),
            (Gue, Some(port), None, Ok(Tunnel::Gue { port, checksum: NoChecksum })),
            (Gue, Some(port), Some(Remote), Ok(Tunnel::Gue { port, checksum: Remote })),
            (Gue, None, Some(Remote), Err(ConfigError::TunnelPortMissing)),
            (Gre, None, Some(Checksum), Ok(Tunnel::Gre { checksum: Checksum })),
            (Gre, None, Some(Remote), Err(ConfigError::TunnelRemoteChecksum(Gre))),
            (Gre, Some(port), None, Err(ConfigError::TunnelPort(Gre))),
        ] {
            let made = Tunnel::from_parts(kind, given, checksum);
            assert_eq!(made, want, "{kind} {given:?} {checksum:?}");
        }
    }

    #[test]
    fn kinds_of_tunnels_have_names() {
        for kind in TunnelKind::ALL {
            assert_eq!(kind.to_string(), kind.name());
            assert_eq!(kind.name().parse(), Ok(kind));
        }
        assert_eq!("GUE".parse::<TunnelKind>(), Err(ConfigError::UnknownTunnel));
    }

    #[test]
    fn the_kernel_refuses_some_of_it() {
        assert_eq!(ConfigError::PrefixLength(0).kernel_errno(), Some(22));
        assert_eq!(ConfigError::Weight(u32::MAX).kernel_errno(), Some(34));
        assert_eq!(ConfigError::AllPorts.kernel_errno(), None);
    }
}
