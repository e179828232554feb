//! What can be wrong with the value of an option.

use super::options::OptionId;
use crate::{ConfigError, Setting};

/// The reason an option does not take a value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ValueError {
    /// Not a decimal number.
    #[error("not a number from {least} to {most}")]
    NotANumber {
        /// The least number allowed.
        least: u32,
        /// The greatest number allowed.
        most: u32,
    },
    /// A number that is too small or too great.
    #[error("out of range: {least} to {most}")]
    OutOfRange {
        /// The least number allowed.
        least: u32,
        /// The greatest number allowed.
        most: u32,
    },
    /// Not a length of time in seconds.
    #[error("not a number of seconds from 0.1 to 2678400")]
    NotSeconds,
    /// A number in place of an address.
    #[error("a port without an address")]
    PortAlone,
    /// Several ports, or a range.
    #[error(
        "a service has one port, or all of them (port 0, with -p); for several ports, mark \
         their packets and use a firewall mark (-f)"
    )]
    SeveralPorts,
    /// Not an address, with or without a port.
    #[error("not an address: 192.0.2.1, 192.0.2.1:80, [2001:db8::1]:80, 2001:db8::1 or host:port")]
    NotAnAddress,
    /// A name, and the reason it could not be looked up.
    #[error("{0}: {1}")]
    Unresolved(String, String),
    /// Not an IPv4 mask.
    #[error("not an IPv4 mask such as 255.255.255.0")]
    NotAMask,
    /// Not an IPv6 prefix length.
    #[error("not an IPv6 prefix length: 1 to 128")]
    NotAPrefixLength,
    /// A scheduler flag, and what is wrong with it.
    #[error("{0}: {1}")]
    Flag(String, ConfigError),
    /// Not the role of a sync daemon.
    #[error("neither master nor backup")]
    NotARole,
    /// Not a multicast address.
    #[error("not a multicast address such as 224.0.0.81 or ff02::81")]
    NotMulticast,
    /// Not an address or network of clients.
    #[error("not an address or network without a port: 192.0.2.1, 192.0.2.0/24 or 2001:db8::/64")]
    NotANetwork,
    /// Not the length of a network's prefix.
    #[error("not a network: the length after / is 0 to {longest}")]
    NotALength {
        /// The number of bits in an address.
        longest: u8,
    },
    /// Not the state of a connection.
    #[error("not a state of connections: {}", known.join(", "))]
    NotAState {
        /// The states there are.
        known: &'static [&'static str],
    },
    /// Not what connections are counted by.
    #[error("not client, server, service or state")]
    NotACountBy,
    /// Not what a drain waits for.
    #[error("neither active nor all")]
    NotAnUntil,
    /// Not what follows a drain.
    #[error("not keep, remove or kick")]
    NotAThen,
    /// Not the name of a format.
    #[error("not a format: classic, table, json or prometheus")]
    NotAFormat,
    /// Not a network namespace.
    #[error("not a network namespace: give a name, a path or a process ID")]
    NotANamespace,
    /// Not the assignment of a value to a setting.
    #[error("not NAME=VALUE, as in conn_reuse_mode=1")]
    NotAnAssignment,
    /// Not the kind of value that a setting has.
    #[error("{0} is {values}", values = .0.expects())]
    NotASettingsValue(Setting),
    /// Not a type of tunnel.
    #[error("not a type of tunnel: ipip, gue or gre")]
    NotATunnel,
}

impl ValueError {
    /// The message for `value`, given to `option`.
    pub(super) fn describe(&self, value: &str, option: OptionId) -> String {
        match self {
            // These name the part of the value that they are about.
            ValueError::Unresolved(..) | ValueError::Flag(..) => self.to_string(),
            ValueError::NotASettingsValue(_) => format!("{value}: {self}"),
            ValueError::OutOfRange { .. } => format!("{value} is {self}"),
            ValueError::SeveralPorts if option == OptionId::RealServer => {
                format!("`{value}`: a real server has one port; without one, it has the service's")
            }
            ValueError::SeveralPorts => format!("`{value}`: {self}"),
            _ if value.is_empty() => format!("an empty value is {self}"),
            _ => format!("`{value}` is {self}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_explained_by_its_option() {
        let of = |option, value: &str, error| {
            format!("{option}: {}", ValueError::describe(&error, value, option))
        };
        assert_eq!(
            of(OptionId::RealServer, "10.0.0.1:80-90", ValueError::SeveralPorts),
            "--real-server: `10.0.0.1:80-90`: a real server has one port; without one, it has the \
             service's"
        );
        let services = of(OptionId::TcpService, "10.0.0.1:80-90", ValueError::SeveralPorts);
        assert!(services.contains("a service has one port"), "{services}");
        assert_eq!(
            of(OptionId::Netns, "", ValueError::NotANamespace),
            "--netns: an empty value is not a network namespace: give a name, a path or a \
             process ID"
        );
    }
}
