//! Turns the parts of a JSON document into values of the library, and checks them.

use std::num::{NonZeroU8, NonZeroU16, NonZeroU32};

use ipvs::rules::grammar;
use ipvs::{
    AddressFamily, Change, ConfigError, DaemonConfig, DaemonRole, DestinationConfig,
    DestinationKey, Netmask, SchedulerFlags, ServiceConfig, ServiceKey, Setting, TunnelChecksum,
};

use crate::output::json::document::{
    Checksum, Daemon, Destination, Family, Forwarding, Persistence, Protocol, Role, Seconds,
    Service, SettingValue, Timeouts, Tunnel, TunnelKind,
};

/// A mistake in one field of an object, or in the object itself if `field` is empty.
pub(super) struct Wrong {
    pub(super) field: &'static str,
    pub(super) text: String,
}

pub(super) fn wrong(field: &'static str, text: impl Into<String>) -> Wrong {
    Wrong { field, text: text.into() }
}

pub(super) fn service_key<T>(service: &Service<T>) -> Result<ServiceKey, Wrong> {
    let Service { protocol, address, port, firewall_mark, family, .. } = service;
    if let Some(mark) = firewall_mark {
        let other = [
            ("protocol", protocol.is_some()),
            ("address", address.is_some()),
            ("port", port.is_some()),
        ];
        if let Some((field, _)) = other.into_iter().find(|(_, given)| *given) {
            return Err(wrong(field, "not valid with firewall_mark"));
        }
        let mark = NonZeroU32::new(mark.0).unwrap_or(NonZeroU32::MIN);
        return Ok(ServiceKey::firewall_mark(
            mark,
            match family {
                Some(Family::Ipv6) => AddressFamily::V6,
                Some(Family::Ipv4) | None => AddressFamily::V4,
            },
        ));
    }
    let protocol = match (protocol, address) {
        (None, None) => {
            return Err(wrong("", "needs protocol, address and port, or firewall_mark"));
        }
        (None, _) => return Err(wrong("", "needs a protocol: tcp, udp or sctp")),
        (Some(Protocol::Tcp), _) => ipvs::Protocol::Tcp,
        (Some(Protocol::Udp), _) => ipvs::Protocol::Udp,
        (Some(Protocol::Sctp), _) => ipvs::Protocol::Sctp,
        (Some(Protocol::Other), _) => return Err(wrong("protocol", "cannot be set up")),
    };
    let address = address.ok_or_else(|| wrong("", "needs an address"))?;
    if family.is_some() {
        return Err(wrong("family", "only with firewall_mark: an address implies its family"));
    }
    let port = port.map_or(Some(0), |port| port.fitting()).unwrap_or_default();
    Ok(ServiceKey::Address { protocol, address, port })
}

pub(super) fn service_config<T>(
    key: &ServiceKey,
    service: &Service<T>,
) -> Result<ServiceConfig, Wrong> {
    let mut config = ServiceConfig {
        persistence_engine: service.persistence_engine.map(|engine| engine.0),
        one_packet: service.one_packet.unwrap_or(false),
        ..ServiceConfig::default()
    };
    if let Some(scheduler) = service.scheduler {
        config.scheduler = scheduler.0;
    }
    for name in service.scheduler_flags.iter().flatten() {
        config.scheduler_flags |= SchedulerFlags::for_scheduler(config.scheduler.as_str(), name)
            .map_err(|reason| wrong("scheduler_flags", format!("`{name}`: {reason}")))?;
    }
    if let Some(found) = &service.persistence {
        config.persistence = Some(persistence(key.family(), found)?);
    }
    config.check(key).map_err(in_fields)?;
    Ok(config)
}

fn persistence(family: AddressFamily, found: &Persistence) -> Result<ipvs::Persistence, Wrong> {
    let timeout =
        found.timeout_seconds.map_or(ipvs::Persistence::DEFAULT_TIMEOUT_SECONDS, |it| it.0);
    let mut persistence = ipvs::Persistence::new(family, timeout);
    // `check` compares the mask with the family.
    match (found.netmask, found.prefix_length) {
        (Some(_), Some(_)) => {
            let text = "has both a netmask, for IPv4, and a prefix_length, for IPv6";
            return Err(wrong("persistence", text));
        }
        (Some(mask), None) => persistence.netmask = Netmask::V4(mask),
        (None, Some(length)) => {
            persistence.netmask = Netmask::V6(length.fitting().unwrap_or(128));
        }
        (None, None) => {}
    }
    Ok(persistence)
}

/// Puts the reason a configuration is invalid in terms of JSON fields.
fn in_fields(reason: ConfigError) -> Wrong {
    match reason {
        ConfigError::AllPorts => wrong("port", format!("{reason}: give a port, or persistence")),
        ConfigError::OnePacket => wrong("one_packet", "only for UDP and firewall marks"),
        ConfigError::NetmaskFamily { service: AddressFamily::V4, .. } => {
            wrong("persistence.prefix_length", "only for IPv6: IPv4 has a netmask")
        }
        ConfigError::NetmaskFamily { .. } => {
            wrong("persistence.netmask", "only for IPv4: IPv6 has a prefix_length")
        }
        ConfigError::PrefixLength(_) => wrong("persistence.prefix_length", reason.to_string()),
        ConfigError::DestinationFamily { service } => {
            let text = format!(
                "must be an {service} address, like the service's, unless forwarding is tunnel"
            );
            wrong("address", text)
        }
        ConfigError::Weight(_) => wrong("weight", reason.to_string()),
        ConfigError::Thresholds { upper, .. } => {
            wrong("lower_threshold", format!("must not exceed upper_threshold, {upper}"))
        }
        ConfigError::TunnelPortMissing => wrong("tunnel", "type gue needs a port"),
        ConfigError::TunnelPort(kind) => {
            wrong("tunnel.port", format!("not valid with type {kind}"))
        }
        ConfigError::TunnelChecksum(kind) => {
            wrong("tunnel.checksum", format!("not valid with type {kind}"))
        }
        ConfigError::TunnelRemoteChecksum(kind) => {
            wrong("tunnel.checksum", format!("`remote` is not valid with type {kind}"))
        }
        other => wrong("", other.to_string()),
    }
}

pub(super) fn destination_key(service: &ServiceKey, found: &Destination) -> DestinationKey {
    let port = found.port.and_then(|port| port.fitting()).unwrap_or(service.port());
    DestinationKey { address: found.address, port }
}

pub(super) fn destination(
    service: &ServiceKey,
    found: &Destination,
) -> Result<(DestinationKey, DestinationConfig), Wrong> {
    let key = destination_key(service, found);
    let config = DestinationConfig {
        forwarding: forwarding(found)?,
        weight: found.weight.map_or(DestinationConfig::default().weight, |weight| weight.0),
        upper_threshold: found.upper_threshold.map_or(0, |count| count.0),
        lower_threshold: found.lower_threshold.map_or(0, |count| count.0),
    };
    config.check(service, &key).map_err(in_fields)?;
    Ok((key, config))
}

fn forwarding(found: &Destination) -> Result<ipvs::Forwarding, Wrong> {
    let forwarding = match found.forwarding.unwrap_or(Forwarding::DirectRoute) {
        Forwarding::Tunnel => {
            let tunnel = found.tunnel.as_ref().map_or(Ok(ipvs::Tunnel::Ipip), tunnel)?;
            return Ok(ipvs::Forwarding::Tunnel(tunnel));
        }
        Forwarding::Masquerade => ipvs::Forwarding::Masquerade,
        // The kernel turns any method into local for an address of its own.
        Forwarding::DirectRoute | Forwarding::Local => ipvs::Forwarding::DirectRoute,
        Forwarding::Bypass | Forwarding::Other => {
            return Err(wrong("forwarding", "only the kernel creates such a server"));
        }
    };
    match found.tunnel {
        Some(_) => Err(wrong("tunnel", "only with forwarding tunnel")),
        None => Ok(forwarding),
    }
}

fn tunnel(found: &Tunnel) -> Result<ipvs::Tunnel, Wrong> {
    let kind = match found.kind {
        TunnelKind::Ipip => grammar::TunnelKind::Ipip,
        TunnelKind::Gue => grammar::TunnelKind::Gue,
        TunnelKind::Gre => grammar::TunnelKind::Gre,
        TunnelKind::Other => return Err(wrong("tunnel.type", "cannot be set up")),
    };
    let port = found.port.and_then(|port| NonZeroU16::new(port.fitting()?));
    let checksum = found.checksum.as_ref().map(|checksum| match checksum {
        Checksum::None => TunnelChecksum::None,
        Checksum::Checksum => TunnelChecksum::Checksum,
        Checksum::Remote => TunnelChecksum::Remote,
    });
    kind.tunnel(port, checksum).map_err(in_fields)
}

/// A timeout left out is 0, which the kernel takes as no change.
pub(super) fn timeouts(found: &Timeouts) -> Change {
    let seconds = |timeout: Option<Seconds>| timeout.map_or(0, |it| it.0);
    Change::SetTimeouts(ipvs::Timeouts {
        tcp_seconds: seconds(found.tcp_seconds),
        tcp_fin_seconds: seconds(found.tcp_fin_seconds),
        udp_seconds: seconds(found.udp_seconds),
    })
}

pub(super) fn daemon(found: &Daemon) -> Result<(DaemonRole, DaemonConfig), Wrong> {
    if found.multicast_group.is_some_and(|group| !group.is_multicast()) {
        let text = "not a multicast address such as 224.0.0.81 or ff02::81";
        return Err(wrong("multicast_group", text));
    }
    let role = match found.role {
        Role::Master => DaemonRole::Master,
        Role::Backup => DaemonRole::Backup,
    };
    let config = DaemonConfig {
        interface: found.interface.0,
        sync_id: found.sync_id.and_then(|id| id.fitting()).unwrap_or(0),
        max_length_bytes: found
            .max_length_bytes
            .and_then(|length| NonZeroU16::new(length.fitting()?)),
        group: found.multicast_group,
        port: found.multicast_port.and_then(|port| NonZeroU16::new(port.fitting()?)),
        ttl: found.multicast_ttl.and_then(|ttl| NonZeroU8::new(ttl.fitting()?)),
    };
    Ok((role, config))
}

/// The value of a setting, which is a number, a list of two, or text.
pub(super) fn setting_value(setting: Setting, json: &str) -> Result<ipvs::SettingValue, Wrong> {
    let text = match serde_json::from_str(json) {
        Ok(SettingValue::Number(number)) => Some(number.to_string()),
        Ok(SettingValue::Pair([first, second])) => Some(format!("{first},{second}")),
        Ok(SettingValue::Text(text)) => Some(text.into_owned()),
        Err(_) => None,
    };
    text.and_then(|text| setting.value(&text).ok())
        .ok_or_else(|| wrong("", format!("must be {}", setting.expects())))
}
