//! Tunnels in rules and JSON: their types by name, and tunnels put together from their parts.

use std::fmt;
use std::num::NonZeroU16;
use std::str::FromStr;

use super::options::OptionId;
use crate::{ConfigError, Tunnel, TunnelChecksum};

/// The checksum options.
pub(super) const CHECKSUM_OPTIONS: [(TunnelChecksum, OptionId); 3] = [
    (TunnelChecksum::None, OptionId::TunNocsum),
    (TunnelChecksum::Checksum, OptionId::TunCsum),
    (TunnelChecksum::Remote, OptionId::TunRemcsum),
];

/// A type of tunnel that can be set up.
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
    /// Each of them.
    pub const ALL: [TunnelKind; 3] = [TunnelKind::Ipip, TunnelKind::Gue, TunnelKind::Gre];

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

impl TunnelKind {
    /// The tunnel of this type with these parts.
    ///
    /// # Errors
    ///
    /// If a part is missing, or one is given that this type of tunnel does not have.
    pub fn tunnel(
        self,
        port: Option<NonZeroU16>,
        checksum: Option<TunnelChecksum>,
    ) -> Result<Tunnel, ConfigError> {
        let tunnel = match (self, port, checksum) {
            (TunnelKind::Ipip | TunnelKind::Gre, Some(_), _) => {
                return Err(ConfigError::TunnelPort(self.name()));
            }
            (TunnelKind::Ipip, None, Some(_)) => {
                return Err(ConfigError::TunnelChecksum(self.name()));
            }
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
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tunnels_from_their_parts() {
        use TunnelChecksum::{Checksum, None as NoChecksum, Remote};
        use TunnelKind::{Gre, Gue, Ipip};
        let port = NonZeroU16::new(6080).unwrap();
        for (kind, given, checksum, want) in [
            (Ipip, None, None, Ok(Tunnel::Ipip)),
            (Ipip, Some(port), None, Err(ConfigError::TunnelPort("ipip"))),
            (Ipip, None, Some(NoChecksum), Err(ConfigError::TunnelChecksum("ipip"))),
            (Gue, Some(port), None, Ok(Tunnel::Gue { port, checksum: NoChecksum })),
            (Gue, Some(port), Some(Remote), Ok(Tunnel::Gue { port, checksum: Remote })),
            (Gue, None, Some(Remote), Err(ConfigError::TunnelPortMissing)),
            (Gre, None, Some(Checksum), Ok(Tunnel::Gre { checksum: Checksum })),
            (Gre, None, Some(Remote), Err(ConfigError::TunnelRemoteChecksum("gre"))),
            (Gre, Some(port), None, Err(ConfigError::TunnelPort("gre"))),
        ] {
            let made = kind.tunnel(given, checksum);
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
}
